#include "media/quality.h"
#include "base/result.h"
#include <strings.h>

#define GAP_MAX 3000 /* more packets than that are not lost: the sender began anew */
#define RATE 8000

/* G.113: what a codec takes from the score by itself (Ie), and how well it bears losses (Bpl). */
struct impairment {
	const char *name;
	double ie, bpl;
};

/* PCMU and PCMA with concealment of losses: in the place of all that are not listed. The model's scale is that of
 * narrow band, where codecs of more (G.722, Opus) are not worse than these. */
static const struct impairment g711 = {"", 0, 25.1};
static const struct impairment impairments[] = {{"G729", 11, 19}, {"G723", 15, 16.1}, {"GSM-EFR", 5, 10}};

static void begin(struct quality_meter *m, const struct rtp_packet *p)
{
	if (m->began)
		m->expected_before += m->cycles + m->highest - m->first + 1;
	m->began = true;
	m->timed = false;
	m->ssrc = p->ssrc;
	m->first = m->highest = p->sequence;
	m->cycles = m->received = m->report_received = m->report_expected = 0;
}

static uint32_t rate_of(const struct quality_meter *m)
{
	return m->rate ? m->rate : RATE;
}

void quality_codec(struct quality_meter *m, const char *name, uint32_t rate)
{
	const struct impairment *codec = NULL;
	for (size_t i = 0; i < ARRAY_LEN(impairments); i++)
		if (strcasecmp(impairments[i].name, name) == 0)
			codec = &impairments[i];
	atomic_store_explicit(&m->codec, codec, memory_order_relaxed);
	m->timed = m->timed && rate == m->rate;
	m->rate = rate;
}

static void take_jitter(struct quality_meter *m, uint32_t timestamp, int64_t arrival_us)
{
	uint32_t rate = rate_of(m), transit = (uint32_t)(arrival_us * rate / 1000000) - timestamp, d = transit - m->transit;
	m->transit = transit;
	if (!m->timed) {
		m->timed = true;
		return;
	}
	if (d > UINT32_MAX / 2)
		d = -d;
	if (d > rate) /* the sender's clock jumped */
		return;
	d = (uint32_t)((uint64_t)d * RATE / rate);
	m->jitter += d - ((m->jitter + 8) >> 4);
	if (m->jitter > m->largest)
		m->largest = m->jitter;
	m->jitter_sum += m->jitter;
	m->samples++;
	atomic_store_explicit(&m->told_jitter, (uint32_t)(m->jitter_sum / m->samples), memory_order_relaxed);
	atomic_store_explicit(&m->told_largest, m->largest, memory_order_relaxed);
}

void quality_take(struct quality_meter *m, const struct rtp_packet *p, bool is_key, int64_t arrival_us)
{
	int16_t step = (int16_t)(p->sequence - m->highest);
	if (!m->began || m->ssrc != p->ssrc || step > GAP_MAX || step < -GAP_MAX) {
		begin(m, p);
	} else if (step > 0) {
		if (p->sequence < m->highest)
			m->cycles += 65536;
		m->highest = p->sequence;
	}
	if (is_key)
		m->timed = false;
	else
		take_jitter(m, p->timestamp, arrival_us);
	m->received++;
	atomic_fetch_add_explicit(&m->told_received, 1, memory_order_relaxed);
	atomic_store_explicit(&m->told_expected, m->expected_before + m->cycles + m->highest - m->first + 1, memory_order_relaxed);
}

bool quality_report(struct quality_meter *m, struct rtcp_block *out)
{
	if (!m->began)
		return false;
	uint32_t expected = m->cycles + m->highest - m->first + 1;
	int64_t lost = (int64_t)expected - m->received, since = (int64_t)(expected - m->report_expected), lost_since = since - (int64_t)(m->received - m->report_received);
	*out = (struct rtcp_block){.ssrc = m->ssrc, .highest = m->cycles + m->highest, .jitter = (uint32_t)((uint64_t)(m->jitter >> 4) * rate_of(m) / RATE)};
	out->lost = (int32_t)(lost > 0x7fffff ? 0x7fffff : lost < -0x800000 ? -0x800000 : lost);
	out->fraction_lost = since > 0 && lost_since > 0 ? (uint8_t)(lost_since * 255 / since) : 0;
	m->report_expected = expected;
	m->report_received = m->received;
	return true;
}

void quality_told(struct quality_meter *m, const struct rtcp_block *about, uint32_t sent, uint32_t now)
{
	uint32_t trip = now - about->last_report - about->delay;
	atomic_fetch_add_explicit(&m->far_reports, 1, memory_order_relaxed);
	atomic_store_explicit(&m->far_lost, about->lost > 0 ? (uint32_t)about->lost : 0, memory_order_relaxed);
	atomic_store_explicit(&m->far_sent, sent, memory_order_relaxed);
	atomic_store_explicit(&m->far_jitter, (uint32_t)((uint64_t)about->jitter * RATE / rate_of(m)), memory_order_relaxed);
	if (about->last_report && trip < 10 * 65536) /* else a clock jumped */
		atomic_store_explicit(&m->round_trip, trip ? trip : 1, memory_order_relaxed);
}

/* With a jitter buffer of twice the jitter, and 20 ms packets. */
static double mos(const struct quality_meter *m, double loss_percent, double jitter_ms, double round_trip_ms)
{
	const struct impairment *told = atomic_load_explicit(&m->codec, memory_order_relaxed), *codec = told ? told : &g711;
	double delay = 20 + 20 + 2 * jitter_ms + round_trip_ms / 2, late = delay > 177.3 ? delay - 177.3 : 0;
	double r = 93.2 - (0.024 * delay + 0.11 * late) - codec->ie - (95 - codec->ie) * loss_percent / (loss_percent + codec->bpl);
	return r < 0 ? 1 : 1 + 0.035 * r + r * (r - 60) * (100 - r) * 7e-6;
}

bool quality_read(const struct quality_meter *m, struct quality *out)
{
	uint32_t received = atomic_load_explicit(&m->told_received, memory_order_relaxed), expected = atomic_load_explicit(&m->told_expected, memory_order_relaxed);
	const double unit = 16.0 * RATE / 1000;
	*out = (struct quality){.packets = received, .lost = expected > received ? expected - received : 0};
	out->round_trip_ms = atomic_load_explicit(&m->round_trip, memory_order_relaxed) * 1000.0 / 65536;
	out->far = atomic_load_explicit(&m->far_reports, memory_order_relaxed) > 0;
	if (out->far) {
		uint32_t sent = atomic_load_explicit(&m->far_sent, memory_order_relaxed);
		out->far_lost = atomic_load_explicit(&m->far_lost, memory_order_relaxed);
		out->far_loss_percent = sent ? 100.0 * (out->far_lost < sent ? out->far_lost : sent) / sent : 0;
		out->far_jitter_ms = atomic_load_explicit(&m->far_jitter, memory_order_relaxed) * 1000.0 / RATE;
		out->far_mos = mos(m, out->far_loss_percent, out->far_jitter_ms, out->round_trip_ms);
	}
	if (!received)
		return out->far;
	out->loss_percent = 100.0 * out->lost / (out->lost + received);
	out->jitter_ms = atomic_load_explicit(&m->told_jitter, memory_order_relaxed) / unit;
	out->max_jitter_ms = atomic_load_explicit(&m->told_largest, memory_order_relaxed) / unit;
	out->mos = mos(m, out->loss_percent, out->jitter_ms, out->round_trip_ms);
	return true;
}

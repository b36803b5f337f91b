#include "media/quality.h"

#define GAP_MAX 3000 /* more packets than that are not lost: the sender began anew */
#define RATE 8000

static void begin(struct quality_meter *m, const struct rtp_packet *p)
{
	if (m->began)
		m->expected_before += m->cycles + m->highest - m->first + 1;
	m->began = true;
	m->timed = false;
	m->ssrc = p->ssrc;
	m->first = m->highest = p->sequence;
	m->cycles = 0;
}

static void take_jitter(struct quality_meter *m, uint32_t timestamp, int64_t arrival_us)
{
	int32_t transit = (int32_t)((uint32_t)(arrival_us * RATE / 1000000) - timestamp), d = transit - m->transit;
	m->transit = transit;
	if (!m->timed) {
		m->timed = true;
		return;
	}
	if (d < 0)
		d = -d;
	if (d > RATE) /* the sender's clock jumped */
		return;
	m->jitter += (uint32_t)d - ((m->jitter + 8) >> 4);
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
	atomic_fetch_add_explicit(&m->told_received, 1, memory_order_relaxed);
	atomic_store_explicit(&m->told_expected, m->expected_before + m->cycles + m->highest - m->first + 1, memory_order_relaxed);
}

/* G.711 with concealment of losses (G.113: Ie 0, Bpl 25.1), a jitter buffer of twice the jitter, 20 ms packets. */
static double mos(double loss_percent, double jitter_ms)
{
	double delay = 20 + 20 + 2 * jitter_ms, late = delay > 177.3 ? delay - 177.3 : 0;
	double r = 93.2 - (0.024 * delay + 0.11 * late) - 95 * loss_percent / (loss_percent + 25.1);
	return r < 0 ? 1 : 1 + 0.035 * r + r * (r - 60) * (100 - r) * 7e-6;
}

bool quality_read(const struct quality_meter *m, struct quality *out)
{
	uint32_t received = atomic_load_explicit(&m->told_received, memory_order_relaxed), expected = atomic_load_explicit(&m->told_expected, memory_order_relaxed);
	const double unit = 16.0 * RATE / 1000;
	*out = (struct quality){.packets = received, .lost = expected > received ? expected - received : 0};
	if (!received)
		return false;
	out->loss_percent = 100.0 * out->lost / (out->lost + received);
	out->jitter_ms = atomic_load_explicit(&m->told_jitter, memory_order_relaxed) / unit;
	out->max_jitter_ms = atomic_load_explicit(&m->told_largest, memory_order_relaxed) / unit;
	out->mos = mos(out->loss_percent, out->jitter_ms);
	return true;
}

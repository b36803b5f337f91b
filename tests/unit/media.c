#include "test.h"
#include "media/audio.h"
#include "media/key_events.h"
#include "media/ng.h"
#include "media/quality.h"
#include "media/recorder.h"
#include "media/rtp.h"
#include "media/source.h"
#include "media/track.h"
#include "sip/info.h"
#include "sip/sdp.h"
#include <arpa/inet.h>
#include <sndfile.h>
#include <unistd.h>

static void test_g711_survives_the_round_trip(void **state)
{
	(void)state;
	for (int s = -32000; s <= 32000; s += 37) {
		int d = ulaw_decode(ulaw_encode((int16_t)s)) - s;
		assert_true(abs(d) <= abs(s) / 16 + 8);
	}
	for (int c = 0; c < 256; c++) /* through A-law and back stays near */
		assert_true(abs(ulaw_decode(alaw_to_ulaw(ulaw_to_alaw((uint8_t)c))) - ulaw_decode((uint8_t)c)) <= abs(ulaw_decode((uint8_t)c)) / 8 + 24);
}

static struct recorded result;
static int results;

static void done(void *arg, const struct recorded *r)
{
	result = *r;
	results += *(int *)arg;
}

/* A whole recording: where each second of a channel has samples, as '1' and '0'. */
static void recorded_seconds(const char *path, int channels, int channel, char *out)
{
	SF_INFO info = {0};
	SNDFILE *f = sf_open(path, SFM_READ, &info);
	int16_t samples[2 * 8000];
	assert_non_null(f);
	assert_int_equal(info.channels, channels);
	size_t n = 0;
	for (sf_count_t got; n < 40 && (got = sf_readf_short(f, samples, 8000)) > 0; n++) {
		int loud = 0;
		for (sf_count_t i = 0; i < got; i++)
			loud += abs(samples[i * channels + channel]) > 1000;
		out[n] = loud > 7000 ? '1' : loud ? 'p' : '0';
	}
	out[n] = '\0';
	sf_close(f);
}

static void test_recordings_have_everything_in_its_place(void **state)
{
	char path[] = "/tmp/strowger-recording-XXXXXX", heard[41];
	struct error err;
	uint8_t second[8000];
	int one = 1;
	(void)state;
	close(mkstemp(path));
	memset(second, ulaw_encode(8000), sizeof second);
	struct recorder *recorder = recorder_create(&err);
	struct recording *r = recording_new(recorder, path, &(struct recording_format){2, false, NULL}, done, &one);
	recording_put(r, 0, 8000, second, 8000);
	recording_put(r, 1, 8000, second, 8000); /* a second late: still in time */
	recording_put(r, 0, 24000, second, 8000);
	recording_put(r, 0, 0, second, 8000); /* three seconds late: lost */
	recording_put(r, 2, 0, second, 8000); /* no such channel */
	for (uint64_t i = 30 * 50; i < 32 * 50; i++) /* after a long pause, each pair the wrong way round */
		recording_put(r, 1, (i ^ 1) * 160, second, 160);
	recording_close(r, 34 * 8000, true);
	recorder_destroy(recorder);
	assert_true(results == 1 && result.ok && result.kept);
	assert_int_equal(result.duration_ms, 34000);
	assert_int_equal(result.bytes, 44 + 34 * 8000 * 4);
	recorded_seconds(path, 2, 0, heard);
	assert_string_equal(heard, "0101000000000000000000000000000000");
	recorded_seconds(path, 2, 1, heard);
	assert_string_equal(heard, "0100000000000000000000000000001100");

	recorder = recorder_create(&err);
	recording_close(recording_new(recorder, path, &(struct recording_format){1, false, NULL}, done, &one), 8000, false);
	recorder_destroy(recorder);
	assert_true(results == 2 && !result.kept && access(path, F_OK) != 0);
	recorder = recorder_create(&err);
	r = recording_new(recorder, "/nonexistent/folder/x.wav", &(struct recording_format){1, false, NULL}, done, &one);
	recording_put(r, 0, 0, second, 8000);
	recording_close(r, 8000, true);
	recorder_destroy(recorder);
	assert_true(results == 3 && !result.ok && result.duration_ms == 0);
}

/* An hour of a stream whose clock is off by so many parts in a million, with packets that come late by up to 40 ms and
 * some by 300: how far from where it was spoken, in samples, any packet was put after the first ten seconds. */
static int64_t farthest(int ppm, int first_late)
{
	struct track t = {0};
	int64_t worst = 0;
	uint32_t seed = 1;
	for (uint32_t i = 0; i < 3600 * 50; i++) {
		uint64_t spoken = 160 * (uint64_t)i + (uint64_t)((int64_t)i * 160 * ppm / 1000000) + 400; /* our clock */
		size_t stretch;
		seed = seed * 1664525 + 1013904223;
		uint64_t delay = i == 0 ? (uint64_t)first_late : i % 997 < 15 ? 2400 - i % 997 * 160 : (seed >> 16) % 320;
		if (i % 50 == 7)
			continue; /* lost */
		uint64_t at = track_place(&t, 1, 4000000000u + i * 160, 160, spoken + 160 + delay, &stretch);
		int64_t off = (int64_t)(at - spoken);
		if (off < 0)
			off = -off;
		if (i > 500 && off > worst)
			worst = off;
	}
	return worst;
}

static void test_a_stream_stays_in_its_place_for_an_hour(void **state)
{
	(void)state;
	for (int ppm = -200; ppm <= 200; ppm += 50)
		for (int late = 0; late <= 800; late += 200)
			assert_in_range(farthest(ppm, late), 0, 160); /* 20 ms */
	struct track t = {0};
	size_t stretch;
	assert_int_equal(track_place(&t, 1, 0, 160, 8000, &stretch), 7840);
	assert_int_equal(track_place(&t, 2, 0, 160, 8160, &stretch), 8000); /* another stream */
	assert_int_equal(track_place(&t, 2, 160, 160, 80000, &stretch), 79840); /* its clock stood still */
	assert_int_equal(track_place(&t, 2, 800160, 160, 80160, &stretch), 80000); /* or jumped */
}

static void test_rtp_skips_extension_and_padding_and_refuses_short_ones(void **state)
{
	uint8_t packet[64] = {0xb1, 0x80, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 9, 9, 9, 9, 0, 0, 0, 1, 7, 7, 7, 7, 'a', 'b', 0, 2};
	struct rtp_packet p;
	(void)state;
	assert_true(rtp_parse(packet, 28, &p));
	assert_int_equal(p.payload_len, 2);
	assert_int_equal(p.payload[0], 'a');
	assert_true(p.marker);
	for (size_t len = 0; len < 24; len++)
		assert_false(rtp_parse(packet, len, &p) && p.payload_len > len);
	packet[0] = 0x40;
	assert_false(rtp_parse(packet, 28, &p));
}

static void test_telephone_events_round_trip(void **state)
{
	uint8_t payload[4];
	struct telephone_event e;
	(void)state;
	for (const char *k = "0123456789*#ABCD"; *k; k++) {
		telephone_event_write(payload, *k, true, 800);
		assert_true(telephone_event_parse(payload, 4, &e));
		assert_int_equal(e.key, *k);
		assert_true(e.end);
		assert_int_equal(e.duration, 800);
	}
	assert_false(telephone_event_parse(payload, 3, &e));
}

static void test_sdp_offers_are_read_and_answered(void **state)
{
	struct sdp_audio a;
	struct sdp_formats theirs;
	char answer[SDP_SIZE];
	(void)state;
	assert_true(sdp_audio_parse("v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 9 8 96\r\na=rtpmap:96 telephone-event/8000\r\na=sendonly\r\n", &a, NULL));
	assert_int_equal(a.codec, CODEC_PCMA);
	assert_int_equal(a.telephone_event, 96);
	assert_true(a.sends && !a.receives);
	sdp_audio_answer(answer, "192.0.2.9", 5000, &a, NULL, 1, 1);
	assert_non_null(strstr(answer, "m=audio 5000 RTP/AVP 8 96\r\n"));
	assert_non_null(strstr(answer, "a=recvonly\r\n"));
	assert_false(sdp_audio_parse("", &a, NULL));
	assert_false(sdp_audio_parse("v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 9\r\n", &a, NULL));
	/* sofia-sip would not come back from this one */
	assert_false(sdp_audio_parse("v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\nm=image 4000 udptl (\r\n", &a, &theirs));
}

#define SESSION "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n"
#define OFFER SESSION "m=audio 4000 RTP/AVP 96 9 8 0 13 101 98\r\na=rtpmap:96 opus/48000/2\r\na=fmtp:96 useinbandfec=1\r\na=rtpmap:101 telephone-event/48000\r\na=rtpmap:98 telephone-event/8000\r\n"

static void test_formats_are_offered_on_as_they_came(void **state)
{
	struct sdp_audio a;
	struct sdp_formats theirs, again;
	char text[SDP_SIZE];
	(void)state;
	assert_true(sdp_audio_parse(OFFER, &a, &theirs));
	assert_int_equal(a.codec, CODEC_PCMA);
	assert_int_equal(a.telephone_event, 98);
	sdp_formats_add_own(&theirs, CODEC_PCMU);
	sdp_audio_offer(text, "192.0.2.9", 5000, &theirs, "sendrecv", 1, 1);
	assert_non_null(strstr(text, "RTP/AVP 96 9 8 0 101 98\r\na=rtpmap:96 opus/48000/2\r\na=fmtp:96 useinbandfec=1\r\na=rtpmap:9 G722/8000\r\n"));
	assert_null(strstr(text, "ptime"));
	/* what nobody offered is added beside what has its payload type */
	assert_true(sdp_audio_parse(SESSION "m=audio 4000 RTP/AVP 101 8\r\na=rtpmap:101 opus/48000/2\r\n", &a, &theirs));
	sdp_formats_add_own(&theirs, CODEC_PCMU);
	sdp_audio_offer(text, "192.0.2.9", 5000, &theirs, "sendrecv", 1, 1);
	assert_non_null(strstr(text, "RTP/AVP 101 8 0 102\r\n"));
	assert_non_null(strstr(text, "a=rtpmap:102 telephone-event/8000\r\n"));
	/* as many as there is room for, each as long as may be */
	struct buf many = {0};
	buf_add_str(&many, SESSION "m=audio 4000 RTP/AVP");
	for (int i = 96; i < 127; i++)
		buf_printf(&many, " %d", i);
	for (int i = 96; i < 127; i++)
		buf_printf(&many, "\r\na=rtpmap:%d a-name-that-is-long/48000/2\r\na=fmtp:%d %099d", i, i, i);
	buf_add_str(&many, "\r\n");
	assert_true(sdp_audio_parse(buf_text(&many), &a, &theirs));
	assert_int_equal(a.codec, CODEC_NONE);
	sdp_formats_add_own(&theirs, CODEC_PCMU);
	sdp_audio_offer(text, "2001:db8:1111:2222:3333:4444:5555:6666", 50000, &theirs, "sendrecv", INT64_MAX, 4000000000u);
	assert_true(sdp_audio_parse(text, &a, &again));
	assert_int_equal(again.count, theirs.count - 3); /* ours come after the most that are taken */
	assert_non_null(strstr(text, "a=sendrecv\r\n"));
	buf_free(&many);
	/* what could not be said again as it was said is no format */
	assert_false(sdp_audio_parse(SESSION "m=audio 4000 RTP/AVP 96 97\r\na=rtpmap:96 a-name-that-is-much-too-long/8000\r\na=rtpmap:97 x/8000\r\na=fmtp:97 \x80\r\n", &a, &theirs));
}

static void test_the_format_that_an_answer_chose_is_passed(void **state)
{
	struct sdp_audio a;
	struct sdp_formats offered, answer, in_use = {0};
	char text[SDP_SIZE];
	(void)state;
	assert_true(sdp_audio_parse(OFFER, &a, &offered));
	assert_true(sdp_audio_parse(SESSION "m=audio 6000 RTP/AVP 100 99\r\na=rtpmap:100 OPUS/48000/2\r\na=fmtp:100 stereo=0\r\na=rtpmap:99 telephone-event/48000\r\n", &a, &answer));
	const struct sdp_format *f = sdp_format_chosen(&answer, &offered);
	assert_non_null(f);
	assert_true(sdp_audio_pass(&a, &answer, f));
	assert_true(a.passed && a.codec == 100 && a.telephone_event == 99 && a.rate == 48000);
	sdp_audio_answers(&a, &offered, f);
	assert_true(a.offered_codec == 96 && a.offered_event == 101);
	/* the answer to who offered it, in its own numbers */
	assert_true(sdp_audio_parse(OFFER, &a, &offered));
	assert_true(sdp_audio_pass(&a, &offered, f));
	sdp_audio_answer(text, "192.0.2.9", 5000, &a, f, 1, 1);
	assert_non_null(strstr(text, "RTP/AVP 96 101\r\na=rtpmap:96 OPUS/48000/2\r\na=fmtp:96 stereo=0\r\na=rtpmap:101 telephone-event/48000\r\n"));
	sdp_formats_in_use(&in_use, &a, f);
	assert_int_equal(in_use.count, 2);
	sdp_audio_speak(&a, &offered);
	assert_true(!a.passed && a.codec == CODEC_PCMA && a.telephone_event == 98 && a.rate == 8000);
	/* nothing that was not offered, and nothing behind PCMU or PCMA */
	assert_true(sdp_audio_parse(SESSION "m=audio 6000 RTP/AVP 18 0 9\r\n", &a, &answer));
	assert_null(sdp_format_chosen(&answer, &offered));
}

static void test_jitter_is_told_in_the_clock_of_the_stream(void **state)
{
	struct quality_meter m = {.rate = 48000};
	struct quality q;
	struct rtcp_block block;
	(void)state;
	for (int i = 0; i < 500; i++)
		quality_take(&m, &(struct rtp_packet){.sequence = (uint16_t)i, .timestamp = (uint32_t)i * 960, .ssrc = 7}, false, 500000 + i * 20000 + (i % 2) * 8000);
	assert_true(quality_read(&m, &q) && quality_report(&m, &block));
	assert_true(q.jitter_ms > 6 && q.jitter_ms < 9);
	assert_in_range(block.jitter, 6 * 48, 9 * 48);
	block.jitter = 48 * 5;
	quality_told(&m, &block, 500, 1);
	assert_true(quality_read(&m, &q));
	assert_true(q.far_jitter_ms > 4.9 && q.far_jitter_ms < 5.1);
}

/* Half a million microseconds into a call, packet i of 20 ms comes `late` after its time. */
static void hear(struct quality_meter *m, uint16_t sequence, int i, int late_us)
{
	quality_take(m, &(struct rtp_packet){.sequence = sequence, .timestamp = (uint32_t)i * 160, .ssrc = 7}, false, 500000 + i * 20000 + late_us);
}

static void test_quality_counts_losses_and_jitter(void **state)
{
	struct quality_meter m = {0};
	struct quality q;
	(void)state;
	assert_false(quality_read(&m, &q));
	for (int i = 0; i < 1000; i++) /* over the end of the sequence numbers */
		hear(&m, (uint16_t)(65000 + i), i, 0);
	assert_true(quality_read(&m, &q));
	assert_int_equal(q.packets, 1000);
	assert_int_equal(q.lost, 0);
	assert_true(q.jitter_ms < 0.2 && q.mos > 4.3 && q.mos < 4.5);
	for (int i = 1000; i < 2000; i++)
		if (i % 10)
			hear(&m, (uint16_t)(65000 + i), i, 0);
	assert_true(quality_read(&m, &q));
	assert_int_equal(q.packets, 1900);
	assert_int_equal(q.lost, 100);
	assert_true(q.loss_percent > 4.9 && q.loss_percent < 5.1 && q.mos > 3.5 && q.mos < 4);
	for (int i = 2000; i < 3000; i++) /* out of order is not lost; each second one 8 ms late */
		hear(&m, (uint16_t)(65000 + (i ^ 1)), i, i % 2 * 8000);
	assert_true(quality_read(&m, &q));
	assert_int_equal(q.lost, 100);
	assert_true(q.max_jitter_ms > 7 && q.max_jitter_ms < 8.1 && q.jitter_ms > 2);
	double before = q.mos;
	quality_codec(&m, "g729", 8000);
	assert_true(quality_read(&m, &q) && q.mos < before - 0.3);
	quality_codec(&m, "opus", 8000);
	assert_true(quality_read(&m, &q) && q.mos == before);
	hear(&m, 40000, 0, 0); /* the sender began anew */
	assert_true(quality_read(&m, &q));
	assert_int_equal(q.lost, 100);
	assert_int_equal(q.packets, 2901);
}

static void assert_written(const struct ng_sdp *sdp, const char *text)
{
	struct buf b = {0};
	ng_write_sdp(&b, sdp);
	assert_string_equal(buf_text(&b), text);
	buf_free(&b);
}

/* As rtpengine's documentation of the ng protocol has them; the tags are turned when the far side's offer is answered. */
static void test_ng_requests(void **state)
{
	(void)state;
	assert_written(&(struct ng_sdp){.call = "c", .far_tag = "far", .text = "v=0"},
		       "d7:command5:offer7:call-id1:c8:from-tag3:far6:to-tag8:strowger7:replacel6:origin18:session-connectione18:transport-protocol7:RTP/AVP3:ICE6:remove8:rtcp-muxl5:demuxe3:sdp3:v=0e");
	assert_written(&(struct ng_sdp){.call = "c", .ours = true, .answer = true, .far_tag = "far", .text = "v=0"},
		       "d7:command6:answer7:call-id1:c8:from-tag3:far6:to-tag8:strowger7:replacel6:origin18:session-connectione3:sdp3:v=0e");
	assert_written(&(struct ng_sdp){.call = "c", .ours = true, .far_tag = "", .security = NG_WEBRTC, .text = "v=0"},
		       "d7:command5:offer7:call-id1:c8:from-tag8:strowger7:replacel6:origin18:session-connectione18:transport-protocol17:UDP/TLS/RTP/SAVPF3:ICE5:force8:rtcp-muxl5:offer7:requiree4:SDESl3:offe3:sdp3:v=0e");
	assert_written(&(struct ng_sdp){.call = "c", .ours = true, .far_tag = "far", .security = NG_SRTP, .text = "v=0"},
		       "d7:command5:offer7:call-id1:c8:from-tag8:strowger6:to-tag3:far7:replacel6:origin18:session-connectione18:transport-protocol8:RTP/SAVP3:ICE6:remove8:rtcp-muxl5:demuxe4:DTLS3:off"
		       "4:SDESl20:no-NULL_HMAC_SHA1_8020:no-NULL_HMAC_SHA1_3222:no-F8_128_HMAC_SHA1_8022:no-F8_128_HMAC_SHA1_32e3:sdp3:v=0e");
	assert_written(&(struct ng_sdp){.call = "c", .answer = true, .far_tag = "far", .security = NG_SRTP, .text = ""},
		       "d7:command6:answer7:call-id1:c8:from-tag8:strowger6:to-tag3:far7:replacel6:origin18:session-connectione3:sdp0:e");
}

static void test_ng_answers(void **state)
{
	static const char *const broken[] = {"", "d", "e", "de ", "i1e", "d3:sdp", "d3:sdp5:v=0e", "d3:sdp-1:e", "d3:sdp99999999999999999999:v=0e", "di1e1:ae", "d4:tagsd1:ae", "d4:tagsi1", "d3:sdpe"};
	static const char good[] = "d5:extral1:ad1:bi-1eee3:sdp3:v=06:result2:oke";
	struct ng_answer a;
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(broken); i++)
		assert_false(ng_read_answer(broken[i], strlen(broken[i]), &a));
	assert_true(ng_read_answer(good, strlen(good), &a));
	assert_int_equal(a.sdp_len, 3);
	assert_memory_equal(a.sdp, "v=0", a.sdp_len);
	assert_memory_equal(a.result, "ok", a.result_len);
	assert_null(a.reason);
	assert_true(ng_read_answer("de", 2, &a));
	assert_null(a.sdp);
}

/* ---- where audio comes from ---- */

static struct sockaddr_in at(const char *host, int port)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
	assert_int_equal(inet_pton(AF_INET, host, &a.sin_addr), 1);
	return a;
}

#define MS(n) ((int64_t)(n)*1000)

static const struct source_candidate *before;

static bool name(struct source *s, const char *host, int port, bool any_host, int64_t now_us)
{
	struct sockaddr_in a = at(host, port);
	return source_name(s, (const struct sockaddr *)&a, sizeof a, any_host, now_us, &before);
}

/* A packet of a stream whose SSRC is the port it comes from. */
static enum source_verdict packet(struct source *s, const char *host, int port, uint16_t sequence,
				  int64_t now_us)
{
	static uint8_t data[172];
	struct sockaddr_in a = at(host, port);
	struct rtp_packet p = {.sequence = sequence, .ssrc = (uint32_t)port};
	data[3] = (uint8_t)sequence;
	const struct source_arrival arrival = {
		.from = (const struct sockaddr *)&a,
		.from_len = sizeof a,
		.data = data,
		.len = sizeof data,
		.rtp = &p,
		.now_us = now_us,
	};
	return source_take(s, &arrival, &before);
}

/* So many packets, 20 ms apart. Returns how many are heard, those that were kept among them. */
static int stream(struct source *s, const char *host, int port, int count, int64_t *now_us)
{
	int heard = 0;
	for (int i = 0; i < count; i++, *now_us += MS(20)) {
		enum source_verdict v = packet(s, host, port, (uint16_t)(65530 + i), *now_us);
		heard += v == SOURCE_HEARD || v == SOURCE_MOVED;
		heard += before ? (int)before->kept_count : 0;
	}
	return heard;
}

static void assert_source(const struct source *s, const char *host, int port)
{
	struct sockaddr_in a = at(host, port);
	assert_int_equal(s->current.ip.v4.sin_addr.s_addr, a.sin_addr.s_addr);
	assert_int_equal(ntohs(s->current.ip.v4.sin_port), port);
}

static void test_the_address_of_the_latest_sdp_is_heard_at_once(void **state)
{
	struct source s = {0};
	int64_t now = MS(1000);
	(void)state;
	assert_true(name(&s, "192.0.2.1", 4000, false, now));
	assert_int_equal(stream(&s, "192.0.2.1", 4000, 10, &now), 10);
	assert_true(name(&s, "192.0.2.1", 4002, false, now));
	assert_int_equal(stream(&s, "192.0.2.1", 4000, 500, &now),
			 0); /* of the port before, however many */
	assert_source(&s, "192.0.2.1", 4002);
	assert_int_equal(stream(&s, "192.0.2.1", 4002, 10, &now), 10);
	assert_true(name(&s, "192.0.2.9", 5000, false, now)); /* another host */
	assert_int_equal(stream(&s, "192.0.2.1", 4002, 10, &now), 0);
	assert_int_equal(stream(&s, "192.0.2.9", 5000, 10, &now), 10);
	assert_true(name(&s, "192.0.2.1", 4000, false, now)); /* and back */
	assert_int_equal(stream(&s, "192.0.2.9", 5000, 10, &now), 0);
	assert_int_equal(stream(&s, "192.0.2.1", 4000, 10, &now), 10);
}

static void test_stray_packets_steal_no_audio(void **state)
{
	struct source s = {0};
	int64_t now = MS(1000);
	(void)state;
	name(&s, "192.0.2.1", 4000, true, now);
	for (int i = 0; i < 2; i++) /* two are no stream */
		assert_int_not_equal(packet(&s, "192.0.2.1", 7000, (uint16_t)i, now), SOURCE_MOVED);
	for (int i = 0; i < 9; i++) /* nor are packets with any sequence numbers */
		assert_int_not_equal(packet(&s, "192.0.2.1", 7000, (uint16_t)(i * 7919 + 500), now),
				     SOURCE_MOVED);
	for (int i = 0; i < 9; i++) /* nor is one packet that is repeated */
		assert_int_not_equal(packet(&s, "192.0.2.1", 7000, 5, now), SOURCE_MOVED);
	assert_source(&s, "192.0.2.1", 4000);
	assert_int_equal(stream(&s, "192.0.2.1", 4000, 10, &now), 10);
	for (int i = 0; i < 100; i++, now += MS(20)) { /* a whole stream beside the call's */
		assert_int_equal(packet(&s, "192.0.2.1", 4000, (uint16_t)i, now), SOURCE_HEARD);
		assert_int_equal(packet(&s, "192.0.2.1", 7000, (uint16_t)(i + 900), now),
				 SOURCE_WAITS);
	}
}

static void test_a_sender_behind_nat_is_followed_and_loses_nothing(void **state)
{
	struct source s = {0};
	int64_t now = MS(1000);
	(void)state;
	name(&s, "10.9.8.7", 4000, true, now);
	assert_int_not_equal(packet(&s, "198.51.100.4", 9, 1, now),
			     SOURCE_MOVED); /* a stray one first */
	assert_int_equal(stream(&s, "203.0.113.5", 31000, 20, &now), 20);
	assert_source(&s, "203.0.113.5", 31000);
	assert_int_equal(stream(&s, "198.51.100.4", 9, 20, &now), 0); /* nobody else from now on */
	assert_false(name(&s, "10.9.8.7", 4000, true, now)); /* the same SDP changes nothing */
	assert_int_equal(stream(&s, "203.0.113.5", 31000, 20, &now), 20);
	assert_true(name(&s, "10.9.8.7", 4002, true,
			 now)); /* another port, and another one of the NAT */
	assert_int_equal(stream(&s, "203.0.113.5", 31000, 4, &now), 0);
	assert_int_equal(stream(&s, "203.0.113.5", 31002, 20, &now), 20);
	now += SOURCE_SILENT_US; /* after a long silence the NAT has a new port */
	assert_int_equal(stream(&s, "203.0.113.5", 31044, 20, &now), 20);
	assert_int_equal(packet(&s, "10.9.8.7", 4002, 1, now),
			 SOURCE_MOVED); /* the SDP's own comes first */
	assert_int_equal(stream(&s, "203.0.113.5", 31044, 20, &now), 0);
}

static void test_another_host_is_heard_only_where_that_is_allowed(void **state)
{
	struct source s = {0};
	int64_t now = MS(1000);
	(void)state;
	name(&s, "192.0.2.1", 4000, false, now);
	assert_int_equal(stream(&s, "192.0.2.2", 4000, 50, &now), 0);
	assert_int_equal(stream(&s, "192.0.2.1", 4444, 50, &now),
			 50); /* another port of the same host */
	assert_true(name(&s, "192.0.2.1", 4000, true, now) == false);
	now += SOURCE_SILENT_US;
	assert_int_equal(stream(&s, "192.0.2.2", 4000, 50, &now), 50);
}

static void test_a_sender_that_never_uses_its_own_port_comes_back_after_another_sdp(void **state)
{
	struct source s = {0};
	int64_t now = MS(1000);
	(void)state;
	name(&s, "192.0.2.1", 4000, false, now);
	assert_int_equal(stream(&s, "192.0.2.1", 6000, 10, &now), 10);
	name(&s, "192.0.2.1", 4002, false, now);
	assert_int_equal(stream(&s, "192.0.2.1", 6000, 10, &now), 0);
	now += SOURCE_SILENT_US;
	assert_int_equal(stream(&s, "192.0.2.1", 6000, 10, &now), 10);
}

static void test_packets_that_come_before_their_sdp_are_kept(void **state)
{
	struct source s = {0};
	int64_t now = MS(1000);
	(void)state;
	assert_int_equal(stream(&s, "192.0.2.1", 4000, 9, &now), 0); /* before any SDP */
	name(&s, "192.0.2.1", 4000, false, now);
	assert_non_null(before);
	assert_int_equal(before->kept_count, SOURCE_KEPT);
	assert_int_equal(before->kept[1].data[3], (uint8_t)(65530 + 8)); /* the latest */
	assert_int_equal(stream(&s, "192.0.2.1", 4000, 9, &now), 9);
	assert_int_equal(packet(&s, "192.0.2.1", 4002, 7, now), SOURCE_WAITS);
	assert_int_equal(packet(&s, "192.0.2.1", 4000, 9, now), SOURCE_HEARD);
	name(&s, "192.0.2.1", 4002, false, now);
	assert_non_null(before);
	assert_int_equal(before->kept_count, 1);
	name(&s, "192.0.2.1", 4004, false, now);
	assert_null(before);
}

static void test_music_on_hold_is_heard_while_no_address_is_named(void **state)
{
	struct source s = {0};
	int64_t now = MS(1000);
	(void)state;
	name(&s, "192.0.2.1", 4000, false, now);
	assert_int_equal(stream(&s, "192.0.2.1", 4000, 10, &now), 10);
	assert_false(name(&s, "0.0.0.0", 4000, true, now));
	assert_int_equal(s.named.len, 0);
	assert_int_equal(stream(&s, "192.0.2.1", 4000, 10, &now), 10);
	assert_int_equal(stream(&s, "203.0.113.5", 4000, 10, &now), 0);
	assert_false(name(&s, "0.0.0.0", 4000, true, now));
	assert_int_equal(stream(&s, "192.0.2.1", 7000, 10, &now),
			 10); /* the music has a port of its own */
	assert_true(name(&s, "192.0.2.1", 4000, false, now));
	assert_source(&s, "192.0.2.1", 4000);
	assert_int_equal(stream(&s, "192.0.2.1", 7000, 10, &now), 0);
	assert_int_equal(stream(&s, "192.0.2.1", 4000, 10, &now), 10);
}

/* ---- digits by telephone events ---- */

struct sent {
	char key;
	uint16_t sequence;
	uint32_t timestamp;
	uint16_t duration;
	bool end, marker;
};

static const char *heard_keys(const struct sent *sent, size_t count, uint32_t rate)
{
	static char out[40];
	struct key_events k = {.rate = rate};
	size_t n = 0;
	for (size_t i = 0; i < count; i++) {
		struct rtp_packet p = {
			.sequence = sent[i].sequence,
			.timestamp = sent[i].timestamp,
			.marker = sent[i].marker,
			.ssrc = 7,
		};
		struct telephone_event e = {
			.key = sent[i].key, .end = sent[i].end, .duration = sent[i].duration};
		if (key_events_take(&k, &p, &e) && n < sizeof out - 1)
			out[n++] = sent[i].key;
	}
	out[n] = '\0';
	return out;
}

/*
 * "1123" as senders send it: 100 ms each, 100 ms apart. step: how far the timestamp moves with each
 * packet, 0 as RFC 4733 has it. stands: it stays the same from key to key.
 */
static size_t four_keys(struct sent out[32], uint32_t step, bool stands)
{
	size_t n = 0;
	for (uint32_t key = 0; key < 4; key++) {
		uint32_t begin = 0xfffff000 + (stands ? 0 : key * 1600);
		for (uint32_t i = 0; i < 8; i++, n++)
			out[n] = (struct sent){
				.key = "1123"[key],
				.sequence = (uint16_t)(65526 + n + key * 5),
				.timestamp = begin + i * step,
				.end = i >= 5,
				.marker = i == 0,
				.duration = (uint16_t)(i < 5 ? (i + 1) * 160 : 960),
			};
	}
	return n;
}

static void test_each_key_is_heard_once_whatever_the_timestamp_does(void **state)
{
	struct sent sent[32];
	(void)state;
	assert_string_equal(heard_keys(sent, four_keys(sent, 0, false), 8000), "1123");
	assert_string_equal(heard_keys(sent, four_keys(sent, 160, false), 8000), "1123");
	assert_string_equal(heard_keys(sent, four_keys(sent, 0, true), 8000), "1123");
	assert_string_equal(heard_keys(sent, four_keys(sent, 1, true), 8000), "1123");
}

static void test_each_key_is_heard_once_whatever_is_lost_or_late(void **state)
{
	struct sent sent[32], changed[40];
	size_t n = four_keys(sent, 0, false);
	(void)state;
	for (size_t lost = 0; lost < n; lost++) { /* any three in a row */
		size_t m = 0;
		for (size_t i = 0; i < n; i++)
			if (i < lost || i > lost + 2)
				changed[m++] = sent[i];
		assert_string_equal(heard_keys(changed, m, 8000), "1123");
	}
	for (size_t late = 0; late + 4 < n; late++) { /* any one comes after the four that follow */
		memcpy(changed, sent, sizeof sent);
		memmove(&changed[late], &changed[late + 1], 4 * sizeof changed[0]);
		changed[late + 4] = sent[late];
		assert_string_equal(heard_keys(changed, n, 8000), "1123");
	}
	struct sent twice[64];
	for (size_t i = 0; i < 2 * n; i++) /* the network repeats each */
		twice[i] = sent[i / 2];
	assert_string_equal(heard_keys(twice, 2 * n, 8000), "1123");
	size_t only = 0;
	for (size_t i = 7; i < n; i += 8) /* of each key nothing but the last packet */
		changed[only++] = sent[i];
	assert_string_equal(heard_keys(changed, only, 8000), "1123");
}

static void test_a_long_key_is_one_however_its_segments_come(void **state)
{
	struct sent sent[1300];
	(void)state;
	for (int lost = 0; lost < 4; lost++) {
		size_t n = 0;
		for (uint32_t tick = 0; tick < 1000; tick++) { /* 20 s, in segments of 65535 */
			uint32_t total = (tick + 1) * 160, segment = (total - 1) / 65535;
			if (lost && (tick + (uint32_t)lost) % 4 == 0)
				continue;
			sent[n++] = (struct sent){
				.key = '7',
				.sequence = (uint16_t)tick,
				.timestamp = 100 + segment * 65535,
				.duration = (uint16_t)(total - segment * 65535),
				.marker = tick == 0,
			};
		}
		for (uint16_t i = 0; i < 3; i++)
			sent[n++] = (struct sent){.key = '7',
						  .sequence = (uint16_t)(1000 + i),
						  .timestamp = 100 + 2 * 65535,
						  .duration = 29000,
						  .end = true};
		sent[n++] = (struct sent){.key = '7',
					  .sequence = 1010,
					  .timestamp = 100 + 2 * 65535 + 29800,
					  .duration = 160,
					  .marker = true};
		assert_string_equal(heard_keys(sent, n, 8000), "77");
	}
}

static void test_another_stream_and_another_clock_have_keys_of_their_own(void **state)
{
	struct sent fast[6];
	struct key_events k = {0};
	const struct telephone_event e = {.key = '5', .duration = 160};
	(void)state;
	assert_true(key_events_take(
		&k, &(struct rtp_packet){.ssrc = 1, .sequence = 9, .timestamp = 500}, &e));
	assert_false(key_events_take(
		&k, &(struct rtp_packet){.ssrc = 1, .sequence = 10, .timestamp = 500}, &e));
	assert_true(key_events_take(
		&k, &(struct rtp_packet){.ssrc = 2, .sequence = 9, .timestamp = 500}, &e));
	for (uint32_t i = 0; i < 6; i++) /* 48 kHz: each packet moves the timestamp by 20 ms */
		fast[i] = (struct sent){.key = '5',
					.sequence = (uint16_t)i,
					.timestamp = i * 960,
					.duration = 960,
					.marker = i == 0};
	assert_string_equal(heard_keys(fast, 6, 48000), "5");
}

static const char *info_keys(const char *body)
{
	static char out[INFO_KEYS_MAX + 1];
	size_t count = sip_info_keys(body, strlen(body), out);
	assert_int_equal(count, strlen(out));
	return out;
}

static void test_info_bodies_have_the_digits_that_were_pressed(void **state)
{
	(void)state;
	assert_true(sip_info_is_dtmf("application/dtmf") &&
		    sip_info_is_dtmf("Application/DTMF-Relay"));
	assert_false(sip_info_is_dtmf("application/dtmf-relay-2") || sip_info_is_dtmf(""));
	assert_string_equal(info_keys("Signal=5\r\nDuration=160\r\n"), "5");
	assert_string_equal(info_keys("Duration=160\r\nSignal= #"), "#");
	assert_string_equal(info_keys("signal : a\nduration : 9\n"), "A");
	assert_string_equal(info_keys("Signal=10\r\nSignal=11\r\nSignal=12\r\nSignal=13\r\nSignal="
				      "14\r\nSignal=15"),
			    "*#ABCD");
	assert_string_equal(info_keys("Signal=16\r\nDuration=160"), "");
	assert_string_equal(info_keys("Signal=!"), "");
	assert_string_equal(info_keys("Signal=Flash\r\n"), "");
	assert_string_equal(info_keys("Signal=\r\nDuration=250\r\n"), "");
	assert_string_equal(info_keys("Duration=160"), "");
	assert_string_equal(info_keys("Signal=123\r\nDuration=100"), "123");
	assert_string_equal(info_keys("5"), "5");
	assert_string_equal(info_keys("\r\n 11 \r\n"), "#");
	assert_string_equal(info_keys("1 2,3\r\n4#"), "1234#");
	assert_string_equal(info_keys("7!8"), "78");
	assert_string_equal(info_keys("1016"), "1016");
	assert_string_equal(info_keys("Duration: 8"), "");
	assert_string_equal(info_keys(""), "");
	char many[100];
	memset(many, '1', sizeof many);
	assert_int_equal(sip_info_keys(many, sizeof many, (char[INFO_KEYS_MAX + 1]){0}),
			 INFO_KEYS_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_g711_survives_the_round_trip),
		cmocka_unit_test(test_recordings_have_everything_in_its_place),
		cmocka_unit_test(test_a_stream_stays_in_its_place_for_an_hour),
		cmocka_unit_test(test_rtp_skips_extension_and_padding_and_refuses_short_ones),
		cmocka_unit_test(test_telephone_events_round_trip),
		cmocka_unit_test(test_sdp_offers_are_read_and_answered),
		cmocka_unit_test(test_formats_are_offered_on_as_they_came),
		cmocka_unit_test(test_the_format_that_an_answer_chose_is_passed),
		cmocka_unit_test(test_jitter_is_told_in_the_clock_of_the_stream),
		cmocka_unit_test(test_quality_counts_losses_and_jitter),
		cmocka_unit_test(test_ng_requests),
		cmocka_unit_test(test_ng_answers),
		cmocka_unit_test(test_the_address_of_the_latest_sdp_is_heard_at_once),
		cmocka_unit_test(test_stray_packets_steal_no_audio),
		cmocka_unit_test(test_a_sender_behind_nat_is_followed_and_loses_nothing),
		cmocka_unit_test(test_another_host_is_heard_only_where_that_is_allowed),
		cmocka_unit_test(
			test_a_sender_that_never_uses_its_own_port_comes_back_after_another_sdp),
		cmocka_unit_test(test_packets_that_come_before_their_sdp_are_kept),
		cmocka_unit_test(test_music_on_hold_is_heard_while_no_address_is_named),
		cmocka_unit_test(test_each_key_is_heard_once_whatever_the_timestamp_does),
		cmocka_unit_test(test_each_key_is_heard_once_whatever_is_lost_or_late),
		cmocka_unit_test(test_a_long_key_is_one_however_its_segments_come),
		cmocka_unit_test(test_another_stream_and_another_clock_have_keys_of_their_own),
		cmocka_unit_test(test_info_bodies_have_the_digits_that_were_pressed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

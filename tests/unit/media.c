#include "test.h"
#include "media/audio.h"
#include "media/rtp.h"
#include "sip/sdp.h"

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
	char answer[SDP_SIZE];
	(void)state;
	assert_true(sdp_audio_parse("v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 9 8 96\r\na=rtpmap:96 telephone-event/8000\r\na=sendonly\r\n", &a));
	assert_int_equal(a.codec, CODEC_PCMA);
	assert_int_equal(a.telephone_event, 96);
	assert_true(a.sends && !a.receives);
	sdp_audio_answer(answer, "192.0.2.9", 5000, &a, 1, 1);
	assert_non_null(strstr(answer, "m=audio 5000 RTP/AVP 8 96\r\n"));
	assert_non_null(strstr(answer, "a=recvonly\r\n"));
	assert_false(sdp_audio_parse("", &a));
	assert_false(sdp_audio_parse("v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 9\r\n", &a));
	/* sofia-sip would not come back from this one */
	assert_false(sdp_audio_parse("v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\nm=image 4000 udptl (\r\n", &a));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_g711_survives_the_round_trip), cmocka_unit_test(test_rtp_skips_extension_and_padding_and_refuses_short_ones),
		cmocka_unit_test(test_telephone_events_round_trip), cmocka_unit_test(test_sdp_offers_are_read_and_answered),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

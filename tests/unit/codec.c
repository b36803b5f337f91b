#include "test.h"
#include "media/codec.h"
#include <math.h>


static const struct {
	const char *name;
	int clock_rate;
} all[] = {{"PCMU", 8000}, {"PCMA", 8000}, {"G722", 8000}, {"opus", 48000}};

enum { PCMU, PCMA, G722, OPUS };

static void make_tone(int16_t *samples, size_t count, size_t from, int hertz, int rate)
{
	for (size_t i = 0; i < count; i++)
		samples[i] = (int16_t)(8000 * sin(2 * M_PI * hertz * (double)(from + i) / rate));
}

/* The share of a frequency in the energy of so many samples, 0 to 1 (Goertzel). */
static double share(const int16_t *samples, size_t count, int hertz, int rate)
{
	double c = 2 * cos(2 * M_PI * hertz / rate), a = 0, b = 0, energy = 0;
	for (size_t i = 0; i < count; i++) {
		double next = samples[i] + c * a - b;
		b = a;
		a = next;
		energy += (double)samples[i] * samples[i];
	}
	return energy > 0 ? (a * a + b * b - c * a * b) * 2 / ((double)count * energy) : 0;
}

/*
 * Encodes and decodes a second of a tone in packets of so many ms, with each lost one concealed.
 * Returns the tone's share in the last half of it.
 */
static double heard(
	size_t which, int rate, int ms, int hertz, int lose_every, double *energy)
{
	static int16_t in[960], out[CODEC_SAMPLES_MAX], tail[16000];
	static uint8_t payload[CODEC_PAYLOAD_MAX];
	const struct speech_codec *codec = codec_find(all[which].name, all[which].clock_rate);
	struct codec_encoder *e = codec_encoder_new(codec, rate);
	struct codec_decoder *d = codec_decoder_new(codec, rate);
	size_t count = (size_t)(rate / 1000 * ms), done = 0, missing = 0;
	assert_non_null(e);
	assert_non_null(d);
	for (size_t at = 0, k = 1; at + count <= (size_t)rate; at += count, k++) {
		make_tone(in, count, at, hertz, rate);
		size_t len = codec_encode(e, in, count, payload);
		assert_true(len > 0 && len <= CODEC_PAYLOAD_MAX);
		if (lose_every && k % (size_t)lose_every == 0) {
			missing += count;
			continue;
		}
		if (missing) {
			size_t n = codec_conceal(d, payload, len, missing, out);
			assert_int_equal(n, missing);
			memcpy(tail + done, out, n * sizeof *out);
			done += n;
			missing = 0;
		}
		size_t n = codec_decode(d, payload, len, out);
		assert_int_equal(n, count);
		memcpy(tail + done, out, n * sizeof *out);
		done += n;
	}
	codec_encoder_free(e);
	codec_decoder_free(d);
	size_t half = done / 2;
	*energy = 0;
	for (size_t i = half; i < done; i++)
		*energy += (double)tail[i] * tail[i] / (double)(done - half);
	return share(tail + half, done - half, hertz, rate);
}

static void test_each_codec_gives_back_what_it_was_given(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(all); i++)
		for (int rate = 8000; rate <= (i < 2 ? 8000 : 16000); rate += 8000) {
			double energy, tone = heard(i, rate, 20, 440, 0, &energy);
			if (tone < 0.9 || energy < 1.6e7 || energy > 6.4e7)
				fail_msg("%s at %d Hz: %.2f", all[i].name, rate, tone);
		}
}

static void test_g722_and_opus_carry_what_is_above_4_khz(void **state)
{
	double energy;
	(void)state;
	assert_true(heard(G722, 16000, 20, 5000, 0, &energy) > 0.9);
	assert_true(heard(OPUS, 16000, 20, 5000, 0, &energy) > 0.8);
}

static void test_packets_have_10_to_60_ms(void **state)
{
	(void)state;
	static const int lengths_ms[] = {10, 20, 40, 60};
	for (size_t i = 0; i < ARRAY_LEN(all); i++)
		for (size_t k = 0; k < ARRAY_LEN(lengths_ms); k++) {
			double energy, tone = heard(i, 8000, lengths_ms[k], 600, 0, &energy);
			if (tone < 0.85)
				fail_msg("%s: %.2f", all[i].name, tone);
		}
}

static void test_opus_fills_in_for_lost_packets_and_others_are_silent(void **state)
{
	double energy, whole;
	(void)state;
	assert_true(heard(OPUS, 8000, 20, 440, 0, &whole) > 0.9);
	double lossy = heard(OPUS, 8000, 20, 440, 10, &energy);
	if (lossy < 0.75 || energy < whole * 0.85)
		fail_msg("%.2f, and %.2f of the energy", lossy, energy / whole);
	(void)heard(PCMU, 8000, 20, 440, 10, &energy);
	assert_true(energy > 2.7e7 && energy < 3.0e7); /* nine tenths of 3.2e7 */
}

static void test_codecs_are_known_by_name_and_clock(void **state)
{
	(void)state;
	assert_ptr_equal(codec_find("OPUS", 48000), codec_find("opus", 48000));
	assert_non_null(codec_find("g722", 8000));
	assert_null(codec_find("opus", 16000));
	assert_null(codec_find("G722", 16000)); /* its clock is 8000, against what one would think */
	assert_null(codec_find("G729", 8000));
	assert_null(codec_find("", 8000));
	assert_null(codec_decoder_new(codec_find("PCMU", 8000), 16000));
	assert_null(codec_encoder_new(codec_find("PCMA", 8000), 48000));
}

static void test_broken_packets_give_nothing_and_the_next_is_heard(void **state)
{
	static int16_t in[160], out[CODEC_SAMPLES_MAX];
	static uint8_t payload[CODEC_PAYLOAD_MAX], junk[1500];
	const struct speech_codec *codec = codec_find("opus", 48000);
	struct codec_encoder *e = codec_encoder_new(codec, 8000);
	struct codec_decoder *d = codec_decoder_new(codec, 8000);
	(void)state;
	memset(junk, 0xff, sizeof junk);
	assert_int_equal(codec_decode(d, junk, 0, out), 0);
	assert_int_equal(codec_decode(d, junk, 3, out), 0);
	assert_int_equal(codec_decode(d, junk, sizeof junk, out), 0);
	assert_int_equal(codec_conceal(d, NULL, 0, 0, out), 0);
	assert_true(codec_conceal(d, junk, 3, 160, out) <= 160);
	make_tone(in, 160, 0, 440, 8000);
	size_t len = codec_encode(e, in, 160, payload);
	assert_int_equal(codec_decode(d, payload, len, out), 160);
	/* two frames in a packet, and the most that there may be: 120 ms */
	uint8_t most[CODEC_PAYLOAD_MAX] = {(uint8_t)((payload[0] & ~3) | 3), 6};
	for (size_t i = 0; i < 6; i++)
		memcpy(most + 2 + i * (len - 1), payload + 1, len - 1);
	assert_int_equal(codec_decode(d, most, 2 + 6 * (len - 1), out), 960);
	codec_encoder_free(e);
	codec_decoder_free(d);
	d = codec_decoder_new(codec_find("G722", 8000), 16000);
	assert_int_equal(codec_decode(d, junk, 1440, out), CODEC_SAMPLES_MAX);
	assert_int_equal(codec_decode(d, junk, 1441, out), 0);
	codec_decoder_free(d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_codec_gives_back_what_it_was_given),
		cmocka_unit_test(test_g722_and_opus_carry_what_is_above_4_khz),
		cmocka_unit_test(test_packets_have_10_to_60_ms),
		cmocka_unit_test(test_opus_fills_in_for_lost_packets_and_others_are_silent),
		cmocka_unit_test(test_codecs_are_known_by_name_and_clock),
		cmocka_unit_test(test_broken_packets_give_nothing_and_the_next_is_heard),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "rtb/mapping.h"
#include "base/date_read.h"
#include "base/money.h"
#include "base/phone.h"
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define WORDS_MAX 20
#define EXPIRES_MAX_SECONDS 86400
#define A_TIME 1000000000 /* a number that large is seconds since 1970, not from now on */

enum part { PART_ACCEPTED, PART_BID, PART_DESTINATION, PART_DURATION, PART_EXPIRES, PART_REASON, PART_COUNT };
static const char *const parts[] = {"accepted", "bid", "destination", "duration", "expires", "reason"};

struct rtb_mapping {
	enum extract_format format;
	struct extract *parts[PART_COUNT];
	char *words[WORDS_MAX]; /* of which "accepted" is one; none: any but refusals */
	size_t word_count;
};

struct rtb_mapping *rtb_mapping_compile(json_t *response, const char *pointer, struct errors *errors)
{
	struct rtb_mapping *m = calloc(1, sizeof *m);
	const char *format = json_string_value(json_object_get(response, "format"));
	json_t *word;
	size_t i;
	bool ok = m != NULL;
	for (size_t k = 0; ok && format && extract_formats[k]; k++)
		if (strcmp(format, extract_formats[k]) == 0)
			m->format = (enum extract_format)k;
	for (size_t k = 0; m && k < PART_COUNT; k++) {
		const char *expression = json_string_value(json_object_get(response, parts[k]));
		struct error err;
		if (!expression || (m->parts[k] = extract_compile(m->format, expression, &err)))
			continue;
		char at[128];
		snprintf(at, sizeof at, "%s/%s", pointer, parts[k]);
		if (errors)
			errors_add(errors, at, "%s", err.text);
		ok = false;
	}
	json_array_foreach(json_object_get(response, "accepted_values"), i, word)
		if (ok && m->word_count < WORDS_MAX && json_is_string(word))
			ok = (m->words[m->word_count++] = strdup(json_string_value(word))) != NULL;
	if (ok)
		return m;
	rtb_mapping_free(m);
	return NULL;
}

void rtb_mapping_free(struct rtb_mapping *m)
{
	if (!m)
		return;
	for (size_t i = 0; i < PART_COUNT; i++)
		extract_free(m->parts[i]);
	for (size_t i = 0; i < m->word_count; i++)
		free(m->words[i]);
	free(m);
}

static const char *say(struct arena *arena, const char *before, const struct value *v, const char *after)
{
	char text[400];
	snprintf(text, sizeof text, "%s%.120s%s", before, v->text, after);
	const char *kept = arena_strdup(arena, text);
	return kept ? kept : before;
}

static bool is_any(const char *text, const char *const *words, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (strcasecmp(text, words[i]) == 0)
			return true;
	return false;
}

static bool is_accepted(const struct rtb_mapping *m, const struct value *v)
{
	static const char *const refusals[] = {"", "false", "no", "0", "null", "none", "rejected", "reject", "declined", "error", "failed", "failure", "no_bid", "nobid"};
	if (m->word_count)
		return v->kind != VALUE_NONE && is_any(v->text, (const char *const *)m->words, m->word_count);
	return v->kind != VALUE_NONE && !is_any(v->text, refusals, ARRAY_LEN(refusals));
}

/* "25.5", "$1,250.00", "USD 12", "12 a call". */
static bool read_money(const char *text, int64_t *micros)
{
	struct decimal d;
	for (; *text && !(*text >= '0' && *text <= '9') && *text != '.'; text++)
		if (*text == '-' || strncmp(text, "\xe2\x88\x92", 3) == 0) /* minus */
			return false;
	return !decimal_read(text, strlen(text), &d) && money_of_decimal(&d, micros);
}

static int64_t expiry(const struct value *v, int64_t now_ms)
{
	double number;
	int64_t at;
	if (value_parse_number(v->text, v->len, &number)) {
		if (number > 1e15)
			return -1;
		at = number >= 1e12 ? (int64_t)number : number >= A_TIME ? (int64_t)(number * 1000) : now_ms + (int64_t)(number * 1000);
	} else if (!date_read(v->text, v->len, DATE_ORDER_UNKNOWN, &at, NULL)) {
		return -1;
	}
	return at > now_ms + EXPIRES_MAX_SECONDS * INT64_C(1000) ? now_ms + EXPIRES_MAX_SECONDS * INT64_C(1000) : at;
}

/* a NULL: nothing. */
static void find_parts(const struct rtb_mapping *m, const struct extract_answer *a, struct arena *arena, struct rtb_answer *out)
{
	struct value *const found[] = {&out->found.accepted, &out->found.bid, &out->found.destination, &out->found.duration, &out->found.expires, &out->found.reason};
	for (size_t i = 0; i < PART_COUNT; i++)
		*found[i] = a ? extract_get(a, m->parts[i], arena) : value_string(NULL, 0);
}

/* What was found, understood. Returns why the answer is none, or NULL. */
static const char *understand(const struct rtb_mapping *m, int64_t now_ms, const char *region, struct arena *arena, struct rtb_answer *out)
{
	char number[PHONE_SIZE];
	double seconds;
	const struct value *reason = &out->found.reason, *to = &out->found.destination, *bid = &out->found.bid, *duration = &out->found.duration, *expires = &out->found.expires;
	if (m->parts[PART_ACCEPTED] && !is_accepted(m, &out->found.accepted))
		return reason->kind != VALUE_NONE && reason->len ? say(arena, "it does not take the call: ", reason, "") : out->found.accepted.kind == VALUE_NONE ? "its answer does not say that it takes the call" : say(arena, "it does not take the call: its answer says ", &out->found.accepted, "");
	if (m->parts[PART_BID] && (bid->kind == VALUE_NONE || !bid->len))
		return reason->kind != VALUE_NONE && reason->len ? say(arena, "its answer has no bid: ", reason, "") : "its answer has no bid";
	if (bid->kind != VALUE_NONE && !read_money(bid->text, &out->bid_micros))
		return say(arena, "its bid, ", bid, ", is no amount");
	if (to->len && schema_is_sip_uri(to->text))
		out->uri = to->text;
	else if (to->len && phone_normalize(to->text, region, number))
		out->number = arena_strdup(arena, number);
	else if (to->len)
		return say(arena, "where it wants the call, ", to, ", is neither a phone number nor a SIP URI");
	if (duration->len && (!value_parse_number(duration->text, duration->len, &seconds) || !(seconds >= 0 && seconds <= 86400)))
		return say(arena, "its duration, ", duration, ", is no number of seconds up to a day");
	if (duration->len)
		out->duration_seconds = (int)seconds;
	if (expires->len && (out->expires_ms = expiry(expires, now_ms)) < 0)
		return say(arena, "the end of its bid, ", expires, ", is neither seconds nor a time");
	return NULL;
}

void rtb_mapping_read(const struct rtb_mapping *m, int status, const char *body, size_t len, int64_t now_ms, const char *region, struct arena *arena, struct rtb_answer *out)
{
	struct error err;
	*out = (struct rtb_answer){.bid_micros = -1, .duration_seconds = -1, .expires_ms = -1};
	find_parts(m, NULL, arena, out);
	if (status == 204) {
		out->why = "it does not take the call: it answered 204, No Content";
		return;
	}
	struct extract_answer *a = extract_read(m->format, body, len, &err);
	if (a)
		find_parts(m, a, arena, out);
	const struct value unreadable = value_string(err.text, a ? 0 : strlen(err.text));
	if (status < 200 || status > 299) {
		char text[80];
		snprintf(text, sizeof text, "it answered with the HTTP status %d", status);
		const char *kept = arena_strdup(arena, text);
		out->why = out->found.reason.len ? say(arena, "it answered with an error: ", &out->found.reason, "") : kept ? kept : "it answered with an error";
	} else if (!a) {
		out->why = say(arena, "its answer cannot be read: ", &unreadable, "");
	} else {
		out->why = understand(m, now_ms, region, arena, out);
	}
	out->accepted = !out->why;
	extract_answer_free(a);
}

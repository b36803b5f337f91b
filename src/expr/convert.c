#include "expr/convert.h"
#include "base/clock.h"
#include "base/date_read.h"
#include "base/money.h"
#include "base/phone.h"
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

/* A suffix that ends in another one stands before it. */
const struct conversion_info conversions[CONVERT_COUNT] = {
	[CONVERT_NONE] = {"", ""},
	[CONVERT_EPOCH_MS] = {"_EPOCH_MS", "milliseconds since 1970"},
	[CONVERT_EPOCH] = {"_EPOCH", "seconds since 1970"},
	[CONVERT_ISO] = {"_ISO", "date and time as RFC 3339, in UTC"},
	[CONVERT_E164] = {"_E164", "phone number with + and country code"},
	[CONVERT_NATIONAL] = {"_NATIONAL", "phone number as it is written in its country"},
	[CONVERT_DIGITS] = {"_DIGITS", "digits only"},
	[CONVERT_MONEY] = {"_MONEY", "amount with at least two decimals"},
	[CONVERT_CENTS] = {"_CENTS", "amount in hundredths, rounded"},
	[CONVERT_SHA256] = {"_SHA256", "SHA-256 in hexadecimal, of the text without blanks around it and in lower case"},
};

enum conversion conversion_of(const char *name, size_t len, size_t *rest)
{
	for (enum conversion c = CONVERT_EPOCH_MS; c < CONVERT_COUNT; c++) {
		size_t n = strlen(conversions[c].suffix);
		if (len > n && strncasecmp(name + len - n, conversions[c].suffix, n) == 0) {
			*rest = len - n;
			return c;
		}
	}
	return CONVERT_NONE;
}

static struct value text_value(const char *text)
{
	return *text ? value_string(text, strlen(text)) : (struct value){.kind = VALUE_NONE, .text = ""};
}

static struct value number_value(char *room, double n)
{
	return (struct value){.kind = VALUE_NUMBER, .len = (uint32_t)value_format_number(n, room), .text = room, .number = n};
}

static struct value time_value(
	enum conversion c, const struct value *from, const char *region, char *room)
{
	int64_t ms = (int64_t)from->number;
	if (from->kind != VALUE_DATETIME &&
	    !date_read(from->text, from->len, date_order_of(region), &ms, NULL))
		return text_value("");
	if (c == CONVERT_ISO)
		return text_value(clock_rfc3339(ms, room));
	return number_value(room, (double)(c == CONVERT_EPOCH_MS ? ms : (ms - (ms < 0 ? 999 : 0)) / 1000));
}

/* With its NUL; "" when it is longer than what it is to be. */
static const char *short_text(const struct value *from, char room[CONVERTED_SIZE])
{
	snprintf(room, CONVERTED_SIZE, "%.*s", from->len < CONVERTED_SIZE ? (int)from->len : 0, from->text);
	return room;
}

static struct value phone_value(
	enum conversion c, const struct value *from, const char *region, char *room)
{
	char e164[PHONE_SIZE], text[CONVERTED_SIZE];
	if (!phone_normalize(short_text(from, text), region, e164))
		return text_value("");
	if (c == CONVERT_E164)
		snprintf(room, CONVERTED_SIZE, "%s", e164);
	else
		phone_national(e164, room, CONVERTED_SIZE);
	return text_value(room);
}

static struct value digits_value(const struct value *from, char *room)
{
	size_t n = 0;
	for (size_t i = 0; i < from->len && n + 1 < CONVERTED_SIZE; i++)
		if (from->text[i] >= '0' && from->text[i] <= '9')
			room[n++] = from->text[i];
	room[n] = '\0';
	return text_value(room);
}

static struct value money_value(enum conversion c, const struct value *from, char *room)
{
	int64_t micros;
	if (!money_read(from->text, from->len, NULL, &micros, NULL))
		return text_value("");
	if (c == CONVERT_CENTS)
		return number_value(room, (double)((micros + (micros < 0 ? -5000 : 5000)) / 10000));
	money_format(micros, room);
	return (struct value){.kind = VALUE_NUMBER, .len = (uint32_t)strlen(room), .text = room, .number = (double)micros / 1e6};
}

static struct value hash_value(const struct value *from, char *room)
{
	crypto_hash_sha256_state state;
	unsigned char hash[crypto_hash_sha256_BYTES], chunk[256];
	size_t start = 0, end = from->len;
	while (start < end && strchr(" \t\r\n", from->text[start]))
		start++;
	while (end > start && strchr(" \t\r\n", from->text[end - 1]))
		end--;
	if (start == end)
		return text_value("");
	crypto_hash_sha256_init(&state);
	for (size_t i = start; i < end;) {
		size_t n = 0;
		for (; i < end && n < sizeof chunk; i++)
			chunk[n++] = (unsigned char)(from->text[i] >= 'A' && from->text[i] <= 'Z' ? from->text[i] + 32 : from->text[i]);
		crypto_hash_sha256_update(&state, chunk, n);
	}
	crypto_hash_sha256_final(&state, hash);
	return text_value(sodium_bin2hex(room, CONVERTED_SIZE, hash, sizeof hash));
}

struct value convert(enum conversion c, const struct value *from, const char *region,
	char room[CONVERTED_SIZE])
{
	if (from->kind == VALUE_NONE || !from->len)
		return text_value("");
	switch (c) {
	case CONVERT_EPOCH:
	case CONVERT_EPOCH_MS:
	case CONVERT_ISO:
		return time_value(c, from, region, room);
	case CONVERT_E164:
	case CONVERT_NATIONAL:
		return phone_value(c, from, region, room);
	case CONVERT_DIGITS:
		return digits_value(from, room);
	case CONVERT_MONEY:
	case CONVERT_CENTS:
		return money_value(c, from, room);
	case CONVERT_SHA256:
		return hash_value(from, room);
	default:
		return *from;
	}
}

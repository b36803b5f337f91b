/* base/phone.h: phone numbers, by libphonenumber and its offline geocoder. Thread-safe. */
#ifndef BASE_PHONE_H
#define BASE_PHONE_H

#include "base/result.h"
#include <stdbool.h>
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

#define PHONE_SIZE 24

/*
 * Any usual notation to E.164, for calls, data and settings alike, so that the same number always
 * meets itself. A number without a country code is one of the region ("US"); beside what libphonenumber
 * reads (trunk zeros, extensions, letters, tel: URIs, digits of any script) there may be marks that
 * cannot be seen, an international prefix of another region (00, 011), a + that a query turned into a
 * blank, a country code twice, or none of its +, where only that gives a valid number.
 *
 * false: its length, or in North America its shape, is not that of a number; err says why, in words
 * that follow the number: "is not a phone number: it has no area code".
 */
bool phone_read(const char *text, const char *region, char out[PHONE_SIZE], struct error *err);
bool phone_normalize(const char *text, const char *region, char out[PHONE_SIZE]);

/* E.164 as it is written within its country: "(512) 555-0123". "" when it is not a number. */
void phone_national(const char *e164, char *out, size_t size);

struct phone_info {
	char country[4];    /* ISO 3166, "" when unknown */
	char state[4];      /* US and Canada: two letters */
	char location[64];  /* "San Francisco, CA", "Texas", "London" */
	char area_code[8];
	char line_type[24];   /* "mobile", "fixed_line", "fixed_line_or_mobile" (North America), "toll_free", "voip", …; "" when unknown */
	char time_zone[40]; /* IANA name; "" where the number does not tell */
};

/* What an E.164 number tells about where it is from. About 50 µs, and nothing to speak of
 * for a North American exchange that this thread looked up before. */
void phone_lookup(const char *e164, struct phone_info *out);

/* What calling an E.164 number costs, as its country's plan has it: the dearest is PREMIUM, where satellite phones and
 * numbers that are in no plan are, too. */
enum phone_cost { PHONE_FREE, PHONE_STANDARD, PHONE_SHARED, PHONE_PREMIUM };
enum phone_cost phone_cost(const char *e164);

/* The parts of an E.164 number, as digits: "1", "5125550142"; "44", "2079460000" and trunk prefix "0". */
struct phone_parts {
	char country_code[4];
	char national[PHONE_SIZE]; /* the national significant number */
	char trunk_prefix[8];      /* dialled before it within the country; "" where there is none */
	char international[PHONE_SIZE * 2]; /* written for readers abroad: "+44 20 7946 0000" */
};

/* false: it is not a possible number. */
bool phone_split(const char *e164, struct phone_parts *out);

#ifdef __cplusplus
}
#endif
#endif

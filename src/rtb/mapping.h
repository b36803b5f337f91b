/* rtb/mapping.h: what a buyer's answer to a ping says: whether it takes the call, for how much, and where. Pure. */
#ifndef RTB_MAPPING_H
#define RTB_MAPPING_H

#include "expr/extract.h"
#include "model/schema.h"

struct rtb_mapping;

/* response: of the form of rtb_response_fields. What is wrong is added to errors (NULL: nobody asks) below pointer; NULL then, or without memory. */
struct rtb_mapping *rtb_mapping_compile(json_t *response, const char *pointer, struct errors *errors) WARN_UNUSED;
void rtb_mapping_free(struct rtb_mapping *m);

/* What is not said: NULL, or -1. Texts live in the arena. */
struct rtb_answer {
	bool accepted;
	const char *why;       /* not, in words; NULL when accepted */
	int64_t bid_micros;
	const char *number;    /* E.164 */
	const char *uri;       /* or a SIP URI */
	int duration_seconds;  /* of a conversation that is paid for */
	int64_t expires_ms;    /* when the bid ends */
	struct {               /* as they were found, for people */
		struct value accepted, bid, destination, duration, expires, reason;
	} found;
};

/* status: the HTTP status; now_ms: when it came; region: whose phone numbers are read without a country code. */
void rtb_mapping_read(const struct rtb_mapping *m, int status, const char *body, size_t len, int64_t now_ms, const char *region, struct arena *arena, struct rtb_answer *out);

#endif

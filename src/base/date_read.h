/*
 * base/date_read.h: dates and times as people and programs write them. Pure.
 *
 *   ISO 8601           2026-11-20T10:00:00.5+0100, 2026-11-20 10:00 UTC, 2026-11-20
 *   ISO 8601, basic    20261120, 20261120T100000Z, 20261120100000
 *   Unix time          1795168800, 1795168800.25, 1795168800000; from 2000 to 2100, also in
 *                      microseconds and nanoseconds
 *   months by name     Fri, 20 Nov 2026 10:00:00 GMT; November 20th, 2026 10:00 AM
 *   digits             11/20/2026, 20.11.2026 10:00, in the order of the region
 *
 * A time without a zone is UTC. Anything else is refused with its reason, and never guessed.
 */
#ifndef BASE_DATE_READ_H
#define BASE_DATE_READ_H

#include "base/result.h"
#include <stddef.h>
#include <stdint.h>

enum date_order {
	DATE_ORDER_UNKNOWN, /* 11/12/2026 is refused, as it can mean two days */
	DATE_MONTH_FIRST,
	DATE_DAY_FIRST,
};

/* How a country (ISO 3166) writes dates in digits, by the short formats of CLDR. "": unknown. */
enum date_order date_order_of(const char *region);

/* false: err says why, in words that follow the text: "is not a date: it has no month 13". */
bool date_read(const char *text, size_t len, enum date_order order, int64_t *ms,
	struct error *err) WARN_UNUSED;

#endif

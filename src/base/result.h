/* base/result.h: how a function says that it failed, and why. */
#ifndef BASE_RESULT_H
#define BASE_RESULT_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>

#define WARN_UNUSED __attribute__((warn_unused_result))
#define PRINTF_LIKE(fmt, args) __attribute__((format(printf, fmt, args)))
#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))

/* A message that says what was wrong, where, and what would be right. */
struct error {
	char text[512];
};

/* Write the message (if err is not NULL) and return false, so that a caller
 * can write `return error_set(err, …)`. */
static inline bool PRINTF_LIKE(2, 3) error_set(struct error *err, const char *fmt, ...)
{
	if (err) {
		va_list ap;
		va_start(ap, fmt);
		vsnprintf(err->text, sizeof err->text, fmt, ap);
		va_end(ap);
	}
	return false;
}

#endif

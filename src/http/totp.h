/* http/totp.h: one-time passwords by time (RFC 6238: HMAC-SHA-1, 30 seconds, 6 digits). */
#ifndef HTTP_TOTP_H
#define HTTP_TOTP_H

#include <stdbool.h>
#include <stdint.h>

#define TOTP_SECRET_SIZE 33 /* 20 bytes in base32 (RFC 4648 section 6), with NUL */
#define TOTP_DIGITS 6
#define TOTP_STEP_SECONDS 30

/* A new random secret. */
void totp_secret(char out[TOTP_SECRET_SIZE]);
/* The code of a step, a step being unix seconds / 30. false: the secret is no base32, or no memory. */
bool totp_code(const char *secret, int64_t step, char out[TOTP_DIGITS + 1]);
/*
 * Is it the code of now, or of the step before or after it (RFC 6238 section 5.2), and of a later
 * step than `last`? Blanks in the code do not count. Returns the step, or 0.
 */
int64_t totp_match(const char *secret, const char *code, int64_t now_seconds, int64_t last);

#endif

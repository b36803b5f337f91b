/* webhook/signature.h: Standard Webhooks signatures (standardwebhooks.com, "v1,": HMAC-SHA256). Pure. */
#ifndef WEBHOOK_SIGNATURE_H
#define WEBHOOK_SIGNATURE_H

#include "base/result.h"
#include <stddef.h>
#include <stdint.h>

#define SIGNATURE_SIZE 64

/* secret: "whsec_" + base64. Writes "v1,<base64>". false: the secret cannot be read. */
bool signature_make(const char *secret, const char *message_id, int64_t timestamp_seconds,
		    const char *body, size_t len, char out[SIGNATURE_SIZE]) WARN_UNUSED;
/* A new secret; free() it. */
char *signature_new_secret(void);

#endif

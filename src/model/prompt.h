/* model/prompt.h: what is heard, as a document: {prompt_id} or {text, voice}. Pure. */
#ifndef MODEL_PROMPT_H
#define MODEL_PROMPT_H

#include "model/schema.h"

extern const struct field prompt_fields[];
/* The keys of a phone, as choices; NULL-terminated. */
extern const char *const prompt_keys[];

#endif

/* base/blank.h: what is blank in text that people and their programs send. Thread-safe. */
#ifndef BASE_BLANK_H
#define BASE_BLANK_H

#include "base/arena.h"
#include <stdbool.h>
#include <stddef.h>

/*
 * Bytes of the blank that the UTF-8 text begins with; 0: it begins with none. Blank are the
 * characters of White_Space (Unicode Standard, PropList.txt), and those that nobody sees: zero
 * width space, joiners and the byte order mark.
 */
size_t blank_len(const char *text);
/* The text from its first character that is not blank. */
const char *skip_blanks(const char *text);
/* Bytes of the text without the blanks at its end. */
size_t trimmed_len(const char *text);
/* The text without the blanks around it, in the arena. NULL: out of memory. */
const char *blank_trimmed(const char *text, struct arena *arena);
/* Is it empty, or nothing but blanks? NULL is. */
bool is_blank_text(const char *text);

#endif

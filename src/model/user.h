/* model/user.h: rules about users that a table of fields cannot have. Pure. */
#ifndef MODEL_USER_H
#define MODEL_USER_H

#include "model/schema.h"

/*
 * Refuse (at /password) passwords that are tried first: common words with digits behind them, runs of
 * the keyboard or the alphabet, repetitions, and what is known of the user or of Strowger.
 *
 * email  the user's; may be NULL
 */
void user_password_check(const char *password, const char *email, struct errors *errors);

/* An e-mail address as users are found by it: A to Z in lower case, other letters as they are. */
void user_email_lower(char *email);

#endif

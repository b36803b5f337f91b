#include "model/user.h"
#include <string.h>

#define DECOMPOSED_MAX 200
#define OWN_REST 8 /* characters beside a known word that make a password of its own */

static const char *const common[] = {
	"abc", "abcdef", "access", "account", "admin", "administrator", "alexander",
	"amanda", "america", "andrea", "andrew", "angel", "anthony", "apple", "april",
	"arsenal", "ashley", "august", "autumn", "babygirl", "bailey", "barcelona",
	"baseball", "basketball", "batman", "benjamin", "blink", "buster", "butterfly",
	"call", "charlie", "changeme", "cheese", "chelsea", "chocolate", "christmas",
	"company", "computer", "cookie", "daniel", "december", "default", "demo",
	"diamond", "dragon", "elizabeth", "everton", "fall", "february", "flower",
	"football", "forever", "freedom", "friday", "friends", "fuckyou", "gandalf",
	"george", "ginger", "google", "guest", "hannah", "harley", "hello", "helloworld",
	"hockey", "hunter", "iloveyou", "internet", "january", "jasmine", "jennifer",
	"jessica", "jordan", "joshua", "july", "june", "justin", "killer", "letmein",
	"liverpool", "login", "london", "lovely", "loveme", "maggie", "manager",
	"manchester", "march", "master", "matthew", "may", "merlin", "michael", "michelle",
	"mickey", "microsoft", "monday", "monkey", "mustang", "mypass", "mysecret",
	"naruto", "newpass", "nicholas", "nicole", "ninja", "november", "october",
	"office", "operator", "orange", "owner", "pass", "passw", "passwd", "password",
	"passwort", "patrick", "pepper", "phone", "pokemon", "princess", "purple", "qwert",
	"qwerty", "qwertz", "robert", "root", "samantha", "samsung", "samuel", "saturday",
	"secret", "secure", "security", "september", "server", "shadow", "soccer",
	"spiderman", "spring", "starwars", "summer", "sunday", "sunshine", "superman",
	"superuser", "support", "system", "telephone", "temp", "temporary", "tennis",
	"test", "tester", "testing", "the", "thomas", "thursday", "tigger", "trustno", "trustnoi",
	"tuesday", "unknown", "user", "welcome", "wednesday", "whatever", "william",
	"winter", "yankees", "you",
};

/* Runs that fingers make, and the alphabet. */
static const char *const rows[] = {
	"01234567890", "abcdefghijklmnopqrstuvwxyz", "qwertyuiop", "asdfghjkl", "zxcvbnm",
	"qwertzuiop", "azertyuiop", "1qaz2wsx3edc4rfv5tgb6yhn7ujm8ik9ol0p",
	"1q2w3e4r5t6y7u8i9o0p", "q1w2e3r4t5y6u7i8o9p0", "qazwsxedcrfvtgbyhnujmikolp",
};

static bool is_letter(char c)
{
	return c >= 'a' && c <= 'z';
}

void user_email_lower(char *email)
{
	for (; *email; email++)
		if (*email >= 'A' && *email <= 'Z')
			*email = (char)(*email + 32);
}

/* Digits and signs that stand for letters in the middle of a word: p@ssw0rd. */
static char letter_of(char c)
{
	static const char from[] = "@4301$5!7", to[] = "aaeoissit";
	const char *at = c ? strchr(from, c) : NULL;
	return at ? to[at - from] : c;
}

/* Is all of it made of common words? */
static bool is_common(const char *text, int words)
{
	if (!*text)
		return words > 0;
	for (size_t i = 0; words < 4 && i < ARRAY_LEN(common); i++) {
		size_t len = strlen(common[i]);
		if (strncmp(text, common[i], len) == 0 && is_common(text + len, words + 1))
			return true;
	}
	return false;
}

/* Common words with anything but letters before and behind them. */
static bool is_common_word(const char *lower)
{
	char word[DECOMPOSED_MAX + 1] = "";
	size_t from = 0, len = strlen(lower);
	while (lower[from] && !is_letter(lower[from]))
		from++;
	while (len > from && !is_letter(lower[len - 1]))
		len--;
	if (len - from > DECOMPOSED_MAX)
		return false;
	for (size_t i = from; i < len; i++)
		word[i - from] = letter_of(lower[i]);
	word[len - from] = '\0';
	return is_common(word, 0);
}

/* The same few characters over and over. */
static bool is_repeated(const char *text)
{
	size_t len = strlen(text), different = 0;
	for (size_t i = 0; i < len; i++)
		different += memchr(text, text[i], i) == NULL;
	for (size_t period = 1; period <= len / 2; period++)
		if (period <= 5 && strncmp(text, text + period, len - period) == 0)
			return true;
	return different < 4;
}

/* How many characters from here on go along a row, in one direction. */
static size_t run_along(const char *text, const char *row)
{
	size_t best = 0;
	for (const char *at = strchr(row, *text); at && *text; at = strchr(at + 1, *text)) {
		size_t on = 1, back = 1;
		while (at[on] && text[on] == at[on])
			on++;
		while (back <= (size_t)(at - row) && text[back] == *(at - back))
			back++;
		best = on > best ? on : best;
		best = back > best ? back : best;
	}
	return best;
}

/* All but two characters are in runs of at least three. */
static bool is_sequence(const char *lower)
{
	size_t others = 0;
	for (const char *at = lower; *at;) {
		size_t best = 0;
		for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
			size_t n = run_along(at, rows[i]);
			best = n > best ? n : best;
		}
		others += best < 3;
		at += best < 3 ? 1 : best;
	}
	return others <= 2;
}

/* It has the word, and little else. */
static bool is_mostly(const char *lower, const char *word, size_t len)
{
	char known[64];
	if (len < 3 || len >= sizeof known)
		return false;
	memcpy(known, word, len);
	known[len] = '\0';
	user_email_lower(known);
	return strstr(lower, known) && strlen(lower) < len + OWN_REST;
}

static bool is_of_user(const char *lower, const char *email)
{
	const char *at = email ? strchr(email, '@') : NULL;
	return at && (is_mostly(lower, email, (size_t)(at - email)) ||
		      is_mostly(lower, at + 1, strcspn(at + 1, ".")));
}

void user_password_check(const char *password, const char *email, struct errors *errors)
{
	char lower[256];
	const char *why = NULL;
	if (strlen(password) >= sizeof lower)
		return; /* the field's own limit refuses it */
	memcpy(lower, password, strlen(password) + 1);
	user_email_lower(lower);
	if (is_repeated(lower))
		why = "repeats the same few characters";
	else if (is_sequence(lower))
		why = "is a row of the keyboard or of the alphabet";
	else if (is_common_word(lower))
		why = "is one of the passwords that are tried first";
	else if (is_of_user(lower, email))
		why = "is mostly the e-mail address";
	else if (is_mostly(lower, "strowger", 8))
		why = "is mostly the name Strowger";
	if (why)
		errors_add(errors, "/password", "%s: choose one that is not easily guessed", why);
}

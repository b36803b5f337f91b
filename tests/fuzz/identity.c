/* The host of a URI, and in the lines behind it what a certificate names. */
#include "fuzz.h"
#include "sip/identity.h"

#define NAMES_MAX 16

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = fuzz_text(data, size), *at = text, out[IDENTITY_PROBLEM_SIZE];
	const char *names[NAMES_MAX];
	size_t count = 0;
	const char *host = strsep(&at, "\n");
	while (at && count < NAMES_MAX)
		names[count++] = strsep(&at, "\n");
	bool fits = sip_identity_fits(names, count, host);
	if (fits && !*host)
		abort(); /* nobody is called so */
	sip_identity_problem(names, count, host, out);
	for (const char *c = out; *c; c++)
		if (*c < ' ' || *c > '~')
			abort(); /* it goes to a log */
	free(text);
	return 0;
}

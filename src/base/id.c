#include "base/id.h"
#include "base/clock.h"
#include <sodium.h>
#include <stdatomic.h>
#include <string.h>

static const char alphabet[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/* "<prefix>_" and the ten characters of the time; returns what is written. */
static size_t put_time(const char *prefix, uint64_t t, char out[ID_SIZE])
{
	size_t n = strlen(prefix);
	if (n > ID_SIZE - 28)
		n = ID_SIZE - 28;
	memcpy(out, prefix, n);
	out[n++] = '_';
	for (int i = 9; i >= 0; i--, t >>= 5)
		out[n + (size_t)i] = alphabet[t & 31];
	return n + 10;
}

const char *id_new(const char *prefix, char out[ID_SIZE])
{
	static _Thread_local unsigned char pool[400];
	static _Thread_local size_t used = sizeof pool;
	/* The first 20 of the 80 random bits count up within the process, so that
	 * rows of one millisecond keep their order in an index. */
	static atomic_uint counter;
	if (used + 10 > sizeof pool) {
		randombytes_buf(pool, sizeof pool);
		used = 0;
	}
	const unsigned char *r = pool + used;
	used += 10;
	size_t n = put_time(prefix, (uint64_t)clock_now_ms(), out);
	unsigned c = atomic_fetch_add_explicit(&counter, 1, memory_order_relaxed) & 0xfffff;
	for (int i = 3; i >= 0; i--, c >>= 5)
		out[n + (size_t)i] = alphabet[c & 31];
	n += 4;
	uint64_t bits = 0;
	for (int i = 0; i < 8; i++)
		bits = bits << 8 | r[i];
	for (int i = 0; i < 12; i++, bits >>= 5)
		out[n++] = alphabet[bits & 31];
	out[n] = '\0';
	return out;
}

void id_from_time(const char *prefix, int64_t ms, char out[ID_SIZE])
{
	out[put_time(prefix, (uint64_t)ms, out)] = '\0';
}

bool id_is(const char *prefix, const char *text)
{
	size_t n = strlen(prefix);
	if (strncmp(text, prefix, n) != 0 || text[n] != '_' || strlen(text + n + 1) != 26)
		return false;
	return strspn(text + n + 1, alphabet) == 26;
}

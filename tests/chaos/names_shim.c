/*
 * Preloaded by names.test.ts: look-ups of names that end in ".silent" last 15 seconds and fail, as
 * where a name server never answers. Each writes a line to the file that NAMES_SHIM names when it
 * begins and another when it ends.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void note(const char *what)
{
	const char *path = getenv("NAMES_SHIM");
	int fd = path ? open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600) : -1;
	if (fd >= 0 && write(fd, what, strlen(what)) < 0)
		abort();
	if (fd >= 0)
		close(fd);
}

int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints,
		struct addrinfo **out)
{
	static int (*next)(const char *, const char *, const struct addrinfo *, struct addrinfo **);
	size_t len = node ? strlen(node) : 0;
	if (len > 7 && strcmp(node + len - 7, ".silent") == 0) {
		note("begin\n");
		sleep(15);
		note("end\n");
		return EAI_AGAIN;
	}
	if (!next)
		*(void **)&next = dlsym(RTLD_NEXT, "getaddrinfo");
	return next(node, service, hints, out);
}

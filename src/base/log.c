#include "base/log.h"
#include "base/buf.h"
#include "base/clock.h"
#include <fcntl.h>
#include <stdatomic.h>
#include <unistd.h>

static atomic_int minimum = LOG_LEVEL_INFO;
static atomic_int output = STDERR_FILENO;

void log_set_level(enum log_level level)
{
	minimum = (int)level;
}

bool log_open(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640);
	if (fd < 0)
		return false;
	int old = atomic_exchange(&output, fd);
	if (old != STDERR_FILENO)
		close(old);
	return true;
}

void log_write(enum log_level level, const char *context, const char *fmt, ...)
{
	static const char *const names[] = {"debug", "info", "warn", "error"};
	if ((int)level < minimum)
		return;
	char text[1024];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	struct buf b = {0};
	json_open(&b);
	json_time(&b, "time", clock_now_ms());
	json_str(&b, "level", names[level]);
	if (context)
		json_str(&b, "id", context);
	json_str(&b, "message", text);
	json_close(&b);
	buf_add_char(&b, '\n');
	if (!b.failed && write(output, b.data, b.len) < 0) {
		/* nowhere left to say it */
	}
	buf_free(&b);
}

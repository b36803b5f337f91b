/* base/log.h: one JSON object a line, to standard error. Thread-safe. */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include "base/result.h"

enum log_level { LOG_LEVEL_DEBUG, LOG_LEVEL_INFO, LOG_LEVEL_WARN, LOG_LEVEL_ERROR };

void log_set_level(enum log_level level);
/* Write to a file from now on; called again it reopens it (after logrotate). */
bool log_open(const char *path) WARN_UNUSED;
/* context: an id (call, organization, request) the line is about, or NULL. */
void log_write(enum log_level level, const char *context, const char *fmt, ...) PRINTF_LIKE(3, 4);

#define log_debug(...) log_write(LOG_LEVEL_DEBUG, __VA_ARGS__)
#define log_info(...) log_write(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_warn(...) log_write(LOG_LEVEL_WARN, __VA_ARGS__)
#define log_error(...) log_write(LOG_LEVEL_ERROR, __VA_ARGS__)

#endif

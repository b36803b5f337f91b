/* webhook/header.h: headers that prove who sends: never kept or shown. Pure. */
#ifndef WEBHOOK_HEADER_H
#define WEBHOOK_HEADER_H

#include <stdbool.h>

/* Authorization, cookies and the like, without regard to case. */
bool header_is_secret(const char *name);

#endif

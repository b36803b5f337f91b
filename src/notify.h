/*
 * notify.h: tells the service manager that started this process how it is (sd_notify(3)). Does
 * nothing without NOTIFY_SOCKET in the environment.
 */
#ifndef NOTIFY_H
#define NOTIFY_H

/* state: "READY=1", "STOPPING=1", "STATUS=…"; several with a line end between. */
void notify_send(const char *state);
/* Once a second, by a thread whose standstill means that the process hangs. */
void notify_alive(void);

#endif

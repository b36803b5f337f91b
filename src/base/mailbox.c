#include "base/mailbox.h"
#include <poll.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct mailbox {
	pthread_mutex_t lock;
	struct mail *first, **last;
	size_t length, capacity;
	int fd;
};

struct mailbox *mailbox_create(size_t capacity)
{
	struct mailbox *m = calloc(1, sizeof *m);
	if (!m)
		return NULL;
	m->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (m->fd < 0) {
		free(m);
		return NULL;
	}
	pthread_mutex_init(&m->lock, NULL);
	m->last = &m->first;
	m->capacity = capacity;
	return m;
}

void mailbox_destroy(struct mailbox *m)
{
	if (!m)
		return;
	close(m->fd);
	pthread_mutex_destroy(&m->lock);
	free(m);
}

/* Returns whether it was taken; was_empty tells whether the reader may be asleep. */
static bool add(struct mailbox *m, struct mail *letter, bool bounded, bool *was_empty)
{
	letter->next = NULL;
	pthread_mutex_lock(&m->lock);
	if (bounded && m->length >= m->capacity) {
		pthread_mutex_unlock(&m->lock);
		return false;
	}
	*was_empty = !m->first;
	*m->last = letter;
	m->last = &letter->next;
	m->length++;
	pthread_mutex_unlock(&m->lock);
	return true;
}

bool mailbox_post(struct mailbox *m, struct mail *letter)
{
	bool was_empty, taken = add(m, letter, true, &was_empty);
	if (taken && was_empty)
		mailbox_wake(m);
	return taken;
}

void mailbox_post_reply(struct mailbox *m, struct mail *letter)
{
	bool was_empty;
	if (add(m, letter, false, &was_empty) && was_empty)
		mailbox_wake(m);
}

void mailbox_add_reply(struct mailbox *m, struct mail *letter)
{
	bool was_empty;
	(void)add(m, letter, false, &was_empty);
}

struct mail *mailbox_take_all(struct mailbox *m)
{
	uint64_t count;
	if (read(m->fd, &count, sizeof count) < 0) {
		/* nothing signalled; there may be letters all the same */
	}
	pthread_mutex_lock(&m->lock);
	struct mail *first = m->first;
	m->first = NULL;
	m->last = &m->first;
	m->length = 0;
	pthread_mutex_unlock(&m->lock);
	return first;
}

void mailbox_wait(struct mailbox *m, int timeout_ms)
{
	struct pollfd p = {.fd = m->fd, .events = POLLIN};
	(void)poll(&p, 1, timeout_ms);
}

void mailbox_wake(struct mailbox *m)
{
	uint64_t one = 1;
	if (write(m->fd, &one, sizeof one) < 0) {
		/* the counter is full: the reader is awake already */
	}
}

int mailbox_fd(const struct mailbox *m)
{
	return m->fd;
}

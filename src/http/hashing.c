#include "http/hashing.h"
#include "base/crypto.h"
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

struct hashing {
	struct mailbox *jobs;
	pthread_t thread;
	pthread_mutex_t lock; /* against a job that is posted while it stops */
	_Atomic bool stop;
	_Atomic int waiting; /* the one under way included */
};

static void work(struct hashing *h, struct hash_job *job)
{
	bool stopping = h->stop;
	if (!stopping && job->verify)
		job->fits = crypto_password_verify(job->verify, job->password);
	else if (!stopping)
		job->made = crypto_password_hash(job->password);
	h->waiting--;
	job->done(job, stopping);
}

static void *hashing_main(void *arg)
{
	struct hashing *h = arg;
	for (;;) {
		struct mail *m = mailbox_take_all(h->jobs);
		if (!m && h->stop)
			return NULL;
		if (!m)
			mailbox_wait(h->jobs, -1);
		for (struct mail *next; m; m = next) {
			next = m->next;
			work(h, (struct hash_job *)m);
		}
	}
}

struct hashing *hashing_create(void)
{
	struct hashing *h = calloc(1, sizeof *h);
	if (!h)
		return NULL;
	pthread_mutex_init(&h->lock, NULL);
	h->jobs = mailbox_create(1); /* bounded by waiting */
	if (!h->jobs || pthread_create(&h->thread, NULL, hashing_main, h) != 0) {
		mailbox_destroy(h->jobs);
		free(h);
		return NULL;
	}
	pthread_setname_np(h->thread, "hashing");
	return h;
}

void hashing_stop(struct hashing *h)
{
	pthread_mutex_lock(&h->lock);
	h->stop = true;
	pthread_mutex_unlock(&h->lock);
	mailbox_wake(h->jobs);
	pthread_join(h->thread, NULL);
}

void hashing_destroy(struct hashing *h)
{
	if (!h)
		return;
	mailbox_destroy(h->jobs);
	pthread_mutex_destroy(&h->lock);
	free(h);
}

bool hashing_post(struct hashing *h, struct hash_job *job)
{
	pthread_mutex_lock(&h->lock);
	bool taken = !h->stop && h->waiting < HASHING_WAITING_MAX;
	if (taken)
		hashing_post_again(h, job);
	pthread_mutex_unlock(&h->lock);
	return taken;
}

void hashing_post_again(struct hashing *h, struct hash_job *job)
{
	h->waiting++;
	mailbox_post_reply(h->jobs, &job->mail);
}

#include "http/work.h"
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#define THREADS 4
#define ALL_WAITING_MAX 400 /* requests of all organizations */
#define LOWER_PRIORITY 5    /* nice: calls and short requests come first where processors are short */

struct job {
	struct job *next;
	struct http_request *request;
	enum http_result (*handle)(struct http_request *r);
};

struct http_work {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct job *waiting; /* oldest first */
	size_t count;
	const char *running[THREADS]; /* the organization that each thread works for, or NULL */
	size_t started;
	pthread_t threads[THREADS];
	bool stopping;
};

static bool is_running(const struct http_work *w, const char *organization_id)
{
	for (size_t i = 0; i < THREADS; i++)
		if (w->running[i] && strcmp(w->running[i], organization_id) == 0)
			return true;
	return false;
}

/*
 * The oldest job of an organization that has none running. One organization has few in the list, so
 * taking the oldest is taking turns.
 */
static struct job *take(struct http_work *w)
{
	for (struct job **at = &w->waiting; *at; at = &(*at)->next) {
		struct job *job = *at;
		if (is_running(w, job->request->organization->id))
			continue;
		*at = job->next;
		w->count--;
		return job;
	}
	return NULL;
}

static void *work_main(void *arg)
{
	struct http_work *w = arg;
	pthread_mutex_lock(&w->lock);
	size_t own = w->started++;
	pthread_cond_broadcast(&w->changed);
	(void)setpriority(PRIO_PROCESS, (id_t)gettid(), LOWER_PRIORITY); /* Linux: of this thread alone */
	while (!w->stopping) {
		struct job *job = take(w);
		if (!job) {
			pthread_cond_wait(&w->changed, &w->lock);
			continue;
		}
		char organization_id[40];
		snprintf(organization_id, sizeof organization_id, "%s", job->request->organization->id);
		w->running[own] = organization_id;
		pthread_mutex_unlock(&w->lock);
		if (job->handle(job->request) == HTTP_REPLY)
			http_resume(job->request);
		free(job);
		pthread_mutex_lock(&w->lock);
		w->running[own] = NULL;
		pthread_cond_broadcast(&w->changed);
	}
	pthread_mutex_unlock(&w->lock);
	return NULL;
}

struct http_work *http_work_create(struct error *err)
{
	struct http_work *w = calloc(1, sizeof *w);
	size_t made = 0;
	if (!w) {
		error_set(err, "out of memory");
		return NULL;
	}
	pthread_mutex_init(&w->lock, NULL);
	pthread_cond_init(&w->changed, NULL);
	pthread_mutex_lock(&w->lock);
	while (made < THREADS && pthread_create(&w->threads[made], NULL, work_main, w) == 0) {
		pthread_setname_np(w->threads[made], "work");
		made++;
	}
	while (w->started < made)
		pthread_cond_wait(&w->changed, &w->lock);
	pthread_mutex_unlock(&w->lock);
	if (made == THREADS)
		return w;
	error_set(err, "the threads for long requests could not be started");
	http_work_stop(w);
	http_work_destroy(w);
	return NULL;
}

static void answer_stopping(struct http_request *r)
{
	snprintf(r->retry_after, sizeof r->retry_after, "1");
	http_problem(r, 503, "This server is stopping", "try again shortly");
}

void http_work_stop(struct http_work *w)
{
	pthread_mutex_lock(&w->lock);
	struct job *job = w->waiting;
	w->stopping = true;
	w->waiting = NULL;
	w->count = 0;
	pthread_cond_broadcast(&w->changed);
	pthread_mutex_unlock(&w->lock);
	for (struct job *next; job; job = next) {
		next = job->next;
		answer_stopping(job->request);
		http_resume(job->request);
		free(job);
	}
	for (size_t i = 0; i < w->started; i++)
		pthread_join(w->threads[i], NULL);
}

void http_work_destroy(struct http_work *w)
{
	if (!w)
		return;
	pthread_cond_destroy(&w->changed);
	pthread_mutex_destroy(&w->lock);
	free(w);
}

/* How many of the same kind and the same organization wait. */
static size_t waiting_like(const struct http_work *w, const struct job *one)
{
	size_t n = 0;
	const char *organization_id = one->request->organization->id;
	for (const struct job *job = w->waiting; job; job = job->next)
		n += job->handle == one->handle &&
		     strcmp(job->request->organization->id, organization_id) == 0;
	return n;
}

static void answer_full(struct http_request *r, bool all)
{
	snprintf(r->retry_after, sizeof r->retry_after, "2");
	if (all)
		http_problem(r, 503, "Too many long requests at once", "try again in two seconds");
	else
		http_problem(r, 429, "Too many long requests at once",
			     "one of the organization runs and %d of this kind wait: try again in two "
			     "seconds",
			     WORK_WAITING_MAX);
}

enum http_result http_work(struct http_request *r, enum http_result (*handle)(struct http_request *r))
{
	struct http_work *w = r->config->work;
	struct job *job = malloc(sizeof *job);
	if (!job)
		return http_problem(r, 503, "Out of memory", "try again shortly");
	*job = (struct job){.request = r, .handle = handle};
	pthread_mutex_lock(&w->lock);
	bool stopping = w->stopping, all = w->count >= ALL_WAITING_MAX;
	bool full = all || waiting_like(w, job) >= WORK_WAITING_MAX;
	if (!stopping && !full) {
		struct job **at = &w->waiting;
		while (*at)
			at = &(*at)->next;
		*at = job;
		w->count++;
		http_suspend(r); /* before any thread can take it and resume it */
		pthread_cond_broadcast(&w->changed);
	}
	pthread_mutex_unlock(&w->lock);
	if (!stopping && !full)
		return HTTP_WAIT;
	free(job);
	if (stopping)
		answer_stopping(r);
	else
		answer_full(r, all);
	return HTTP_REPLY;
}

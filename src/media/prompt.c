#include "media/prompt.h"
#include "base/log.h"
#include <dlfcn.h>
#include <flite/flite.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#define CACHE_BYTES (64u << 20)
#define QUEUE_MAX 256

struct cached {
	char *key; /* "f:path" or "voice:text" */
	struct audio *audio;
	UT_hash_handle hh; /* the table's order is from least to most recently used */
};

struct request {
	struct mail mail;
	char *key;
	bool is_file;
	struct mailbox *reply;
	uint64_t owner;
	unsigned number;
};

struct prompts {
	pthread_t thread;
	pthread_mutex_t lock;
	struct cached *cache;
	size_t bytes;
	struct mailbox *requests;
	atomic_bool stop;
};

static pthread_mutex_t speaking = PTHREAD_MUTEX_INITIALIZER; /* flite keeps state of its own */

/*
 * A voice is megabytes of tables that most processes never speak with: its library is loaded
 * when it is first asked for, and stays. NULL when it cannot be.
 */
static cst_voice *load_voice(const char *name)
{
	char library[64], maker[64];
	cst_voice *(*make)(const char *path) = NULL;
	snprintf(library, sizeof library, "libflite_cmu_us_%s.so.1", name);
	snprintf(maker, sizeof maker, "register_cmu_us_%s", name);
	void *handle = dlopen(library, RTLD_NOW | RTLD_LOCAL);
	void *symbol = handle ? dlsym(handle, maker) : NULL;
	memcpy(&make, &symbol, sizeof make); /* POSIX: an object pointer of dlsym() may hold a function */
	if (!make)
		log_error(NULL, "the voice %s cannot be loaded: %s", name, dlerror());
	return make ? make(NULL) : NULL;
}

struct audio *prompts_speak(const char *text, const char *voice)
{
	static const char *const names[] = {"slt", "kal", "rms", "awb"};
	static cst_voice *voices[ARRAY_LEN(names)];
	static bool started;
	size_t v = 0;
	for (size_t i = 0; voice && i < ARRAY_LEN(names); i++)
		if (strcmp(names[i], voice) == 0)
			v = i;
	pthread_mutex_lock(&speaking);
	if (!started)
		flite_init();
	started = true;
	if (!voices[v])
		voices[v] = load_voice(names[v]);
	cst_wave *wave = voices[v] ? flite_text_to_wave(text, voices[v]) : NULL;
	struct audio *a = wave ? audio_from_pcm(wave->samples, (size_t)wave->num_samples, wave->sample_rate) : NULL;
	if (wave)
		delete_wave(wave);
	pthread_mutex_unlock(&speaking);
	return a;
}

static struct audio *lookup(struct prompts *p, const char *key)
{
	struct cached *c;
	struct audio *a = NULL;
	pthread_mutex_lock(&p->lock);
	HASH_FIND_STR(p->cache, key, c);
	if (c) {
		a = audio_hold(c->audio);
		HASH_DEL(p->cache, c); /* to the end: most recently used */
		HASH_ADD_KEYPTR(hh, p->cache, c->key, strlen(c->key), c);
	}
	pthread_mutex_unlock(&p->lock);
	return a;
}

static void forget(struct prompts *p, struct cached *c)
{
	HASH_DEL(p->cache, c);
	p->bytes -= c->audio->len;
	audio_release(c->audio);
	free(c->key);
	free(c);
}

static void keep(struct prompts *p, const char *key, struct audio *audio)
{
	struct cached *c = calloc(1, sizeof *c), *old;
	if (!c || !(c->key = strdup(key))) {
		free(c);
		return;
	}
	c->audio = audio_hold(audio);
	pthread_mutex_lock(&p->lock);
	HASH_FIND_STR(p->cache, key, old);
	if (old)
		forget(p, old);
	HASH_ADD_KEYPTR(hh, p->cache, c->key, strlen(c->key), c);
	p->bytes += audio->len;
	while (p->bytes > CACHE_BYTES && p->cache != c)
		forget(p, p->cache);
	pthread_mutex_unlock(&p->lock);
}

static void make(struct prompts *p, struct request *r)
{
	struct prompt_ready *ready = calloc(1, sizeof *ready);
	struct error err;
	struct audio *a = lookup(p, r->key);
	if (!a) {
		char voice[16];
		const char *text = r->key + strcspn(r->key, ":") + 1;
		snprintf(voice, sizeof voice, "%.*s", (int)strcspn(r->key, ":"), r->key);
		a = r->is_file ? audio_load(text, &err) : prompts_speak(text, voice);
		if (a)
			keep(p, r->key, a);
		else
			log_warn(NULL, "a prompt could not be made: %s", r->is_file ? err.text : "text-to-speech failed");
	}
	if (ready) {
		ready->owner = r->owner;
		ready->request = r->number;
		ready->audio = a;
		mailbox_post_reply(r->reply, &ready->mail);
	} else {
		audio_release(a);
	}
	free(r->key);
	free(r);
}

static void *prompts_main(void *arg)
{
	struct prompts *p = arg;
	while (!p->stop) {
		struct mail *m = mailbox_take_all(p->requests);
		if (!m)
			mailbox_wait(p->requests, -1);
		for (struct mail *next; m; m = next) {
			next = m->next;
			make(p, (struct request *)m);
		}
	}
	return NULL;
}

struct audio *prompts_request(struct prompts *p, const char *path, const char *text, const char *voice,
			      struct mailbox *reply, uint64_t owner, unsigned *number)
{
	static atomic_uint numbers;
	const char *prefix = path ? "f" : voice ? voice : "slt", *rest = path ? path : text;
	size_t size = strlen(prefix) + strlen(rest) + 2;
	char *key = malloc(size);
	*number = 0;
	if (!key)
		return NULL;
	snprintf(key, size, "%s:%s", prefix, rest);
	struct audio *a = lookup(p, key);
	struct request *r = a ? NULL : calloc(1, sizeof *r);
	if (!r) {
		free(key);
		return a;
	}
	unsigned n = ++numbers;
	*r = (struct request){.key = key, .is_file = path != NULL, .reply = reply, .owner = owner, .number = n};
	*number = n;
	if (!mailbox_post(p->requests, &r->mail)) {
		free(key);
		free(r);
		*number = 0;
	}
	return NULL;
}

struct prompts *prompts_create(struct error *err)
{
	struct prompts *p = calloc(1, sizeof *p);
	if (!p)
		return NULL;
	pthread_mutex_init(&p->lock, NULL);
	p->requests = mailbox_create(QUEUE_MAX);
	if (!p->requests || pthread_create(&p->thread, NULL, prompts_main, p) != 0) {
		error_set(err, "the prompt thread could not be started");
		mailbox_destroy(p->requests);
		free(p);
		return NULL;
	}
	pthread_setname_np(p->thread, "prompts");
	return p;
}

void prompts_destroy(struct prompts *p)
{
	if (!p)
		return;
	p->stop = true;
	mailbox_wake(p->requests);
	pthread_join(p->thread, NULL);
	for (struct mail *m = mailbox_take_all(p->requests), *next; m; m = next) {
		next = m->next;
		free(((struct request *)m)->key);
		free(m);
	}
	while (p->cache)
		forget(p, p->cache);
	mailbox_destroy(p->requests);
	pthread_mutex_destroy(&p->lock);
	free(p);
}

#include "media/end.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/network.h"
#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sodium.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

#define PAIRS_MIN 64 /* of ports, for each thread */

enum command_kind {
	COMMAND_OPEN,
	COMMAND_CLOSE,
	COMMAND_REMOTE,
	COMMAND_BRIDGE,
	COMMAND_PLAY,
	COMMAND_STOP,
	COMMAND_HOLD,
	COMMAND_KEYS,
	COMMAND_DTMF,
	COMMAND_INFO,
	COMMAND_RECORD,
	COMMAND_RECORD_PAUSE,
	COMMAND_RECORD_STOP,
};

struct command {
	struct mail mail;
	enum command_kind kind;
	struct media_end *end, *other;
	struct sdp_audio remote;
	enum media_symmetry symmetry;
	enum dtmf_mode dtmf;
	struct audio *audio;
	struct recording *recording;
	bool on; /* paused; to be kept; with beeps */
	unsigned play;
	char text[128];
};

/* ---- called on the loop ---- */

static void post(struct media_end *end, const struct command *c)
{
	struct command *copy = malloc(sizeof *copy);
	if (!copy) {
		log_error(NULL, "out of memory: a media command was lost");
		return;
	}
	*copy = *c;
	copy->end = end;
	mailbox_add_reply(end->thread->commands, &copy->mail); /* bounded by the calls there are */
	end->thread->posted = true;
}

void media_flush(struct media *m)
{
	for (struct media_thread *t = m->threads; t < m->threads + m->count; t++) {
		if (t->posted)
			mailbox_wake(t->commands);
		t->posted = false;
	}
}

static bool is_same_address(const char *a, const char *b)
{
	struct sockaddr_storage one, other;
	char text[2][ADDRESS_SIZE];
	if (!address_parse(a, strlen(a), &one) || !address_parse(b, strlen(b), &other))
		return false;
	return strcmp(address_text((const struct sockaddr *)&one, text[0]),
		      address_text((const struct sockaddr *)&other, text[1])) == 0;
}

static bool is_own_address(const struct media *m, const char *address)
{
	for (size_t i = 0; i < m->address_count; i++)
		if (is_same_address(m->addresses[i].bound, address) ||
		    is_same_address(m->addresses[i].advertised, address))
			return true;
	return false;
}

bool media_is_own(const struct media *m, const char *address, int port)
{
	if (!is_own_address(m, address))
		return false;
	for (size_t i = 0; i < m->address_count; i++)
		for (int k = 0; k < m->count; k++)
			if (rtp_sockets_has(m->threads[k].sockets[i], port))
				return true;
	return false;
}

/*
 * The end sends to this port of our host, 0: to none. It was not bound here when the SDP was read,
 * and while it is named it does not become another end's, whose SDP may name this end's port.
 */
static void name_port(struct media_end *e, int port)
{
	struct media *m = e->media;
	if (port == e->named_port)
		return;
	for (size_t i = 0; i < m->address_count; i++)
		for (int k = 0; k < m->count; k++) {
			struct rtp_sockets *sockets = m->threads[k].sockets[i];
			if (e->named_port)
				rtp_sockets_name(sockets, e->named_port, false);
			if (port)
				rtp_sockets_name(sockets, port, true);
		}
	e->named_port = port;
}

size_t media_address_count(const struct media *m)
{
	return m->address_count;
}

size_t media_address_near(const struct media *m, const char *local)
{
	size_t family = m->address_count;
	for (size_t i = 0; local && i < m->address_count; i++) {
		if (strcmp(m->addresses[i].bound, local) == 0)
			return i;
		bool same = !strchr(m->addresses[i].bound, ':') == !strchr(local, ':');
		if (same && family == m->address_count)
			family = i;
	}
	return family < m->address_count ? family : 0;
}

struct media_end *media_open(struct media *m, size_t address, struct mailbox *events, uint64_t owner,
			     int number)
{
	struct media_end *e = calloc(1, sizeof *e);
	if (!e)
		return NULL;
	e->thread = &m->threads[owner % (uint64_t)m->count];
	e->address = address;
	e->socket = rtp_sockets_take(e->thread->sockets[address]);
	if (!e->socket) {
		free(e);
		return NULL;
	}
	e->media = m;
	e->events = events;
	e->owner = owner;
	e->number = number;
	e->telephone_event = e->other_codec = e->other_event = -1;
	e->rate = e->quality.rate = 8000;
	e->marker = true;
	e->ssrc = randombytes_random();
	e->timestamp = randombytes_random();
	e->sequence = (uint16_t)randombytes_random();
	m->open++;
	post(e, &(struct command){.kind = COMMAND_OPEN});
	return e;
}

int media_port(const struct media_end *e)
{
	return e->socket->port;
}

const char *media_address(const struct media_end *e)
{
	return e->media->addresses[e->address].advertised;
}

size_t media_address_of(const struct media_end *e)
{
	return e->address;
}

int media_open_ends(const struct media *m)
{
	return m->open;
}

void media_close(struct media_end *e)
{
	name_port(e, 0);
	post(e, &(struct command){.kind = COMMAND_CLOSE});
}

void media_set_remote(struct media_end *e, const struct sdp_audio *remote,
		      enum media_symmetry symmetry)
{
	name_port(e, is_own_address(e->media, remote->address) ? remote->port : 0);
	post(e, &(struct command){.kind = COMMAND_REMOTE, .remote = *remote, .symmetry = symmetry});
	/* At once: the far side may send from there as soon as it has our answer. */
	mailbox_wake(e->thread->commands);
}

void media_bridge(struct media_end *a, struct media_end *b)
{
	post(a, &(struct command){.kind = COMMAND_BRIDGE, .other = b});
}

unsigned media_play(struct media_end *e, struct audio *audio)
{
	static atomic_uint plays;
	unsigned play = ++plays;
	post(e, &(struct command){.kind = COMMAND_PLAY, .audio = audio, .play = play});
	return play;
}

void media_stop_play(struct media_end *e)
{
	post(e, &(struct command){.kind = COMMAND_STOP});
}

void media_hold(struct media_end *e, struct audio *music)
{
	post(e, &(struct command){.kind = COMMAND_HOLD, .audio = music});
}

void media_send_keys(struct media_end *e, const char *keys)
{
	struct command c = {.kind = COMMAND_KEYS};
	snprintf(c.text, sizeof c.text, "%s", keys);
	post(e, &c);
}

void media_set_dtmf(struct media_end *e, enum dtmf_mode mode)
{
	post(e, &(struct command){.kind = COMMAND_DTMF, .dtmf = mode});
}

void media_info_key(struct media_end *e, char key)
{
	post(e, &(struct command){.kind = COMMAND_INFO, .text = {key}});
}

void media_record(struct media_end *e, struct recording *recording, bool beep)
{
	e->voice_ms = 0;
	post(e, &(struct command){.kind = COMMAND_RECORD, .recording = recording, .on = beep});
}

void media_record_pause(struct media_end *e, bool paused)
{
	post(e, &(struct command){.kind = COMMAND_RECORD_PAUSE, .on = paused});
}

void media_record_stop(struct media_end *e, bool keep)
{
	post(e, &(struct command){.kind = COMMAND_RECORD_STOP, .on = keep});
}

int64_t media_last_voice(const struct media_end *e)
{
	return e->voice_ms;
}

int64_t media_last_alive(const struct media_end *e)
{
	return e->alive_ms;
}

bool media_quality(const struct media_end *e, struct quality *out)
{
	return quality_read(&e->quality, out);
}

/* ---- the media thread ---- */

void end_tell(struct media_end *e, int kind, char key, unsigned play)
{
	struct media_event *ev = calloc(1, sizeof *ev);
	if (!ev)
		return;
	ev->owner = e->owner;
	ev->end = e->number;
	ev->kind = kind;
	ev->key = key;
	ev->play = play;
	mailbox_post_reply(e->events, &ev->mail);
}

static void unbridge(struct media_end *e)
{
	if (!e->peer)
		return;
	e->peer->peer = NULL;
	e->peer->relaying = e->peer->beeping = e->peer->comforts = false;
	e->peer->comfort_level = e->comfort_level = 0;
	e->peer = NULL;
	e->relaying = e->beeping = e->comforts = false;
}

static void close_end(struct media_end *e)
{
	struct media *m = e->media;
	end_report_end(e);
	end_comfort_close(e);
	unbridge(e);
	end_deactivate(e);
	end_stop_audio(e);
	end_hold(e, NULL);
	end_free_tones(e);
	end_convert_reset(e);
	rtp_sockets_give(e->thread->sockets[e->address], e->socket);
	end_record_stop(e, true);
	free(e);
	m->open--;
}

/* Returns whether audio is sent elsewhere than before. */
static bool set_address(struct media_end *e, const struct sdp_audio *r,
			enum media_symmetry symmetry, const struct source_candidate **before)
{
	struct sockaddr_storage named;
	socklen_t len;
	e->has_remote = socket_address(r->address, r->port, &named, &len);
	e->only_to_sdp = symmetry == MEDIA_TO_SDP;
	if (!e->has_remote)
		return false;
	bool moved = source_name(&e->source, (const struct sockaddr *)&named, len,
				 symmetry == MEDIA_ANY_HOST, clock_monotonic_us(), before);
	e->has_remote = e->source.named.len > 0; /* nothing is sent to 0.0.0.0 */
	if (!e->has_remote)
		return false;
	const struct source_address *to = e->only_to_sdp ? &e->source.named : &e->source.current;
	memcpy(&e->remote, &to->ip, to->len);
	e->remote_len = to->len;
	return moved;
}

static void set_codec(struct media_end *e, const struct sdp_audio *r)
{
	const struct speech_codec *speech = r->passed ? codec_find(r->name, r->rate) : NULL;
	if (speech != e->speech || r->passed != e->passes)
		end_convert_reset(e);
	e->passes = r->passed;
	e->speech = speech;
}

static void set_remote(struct media_end *e, const struct sdp_audio *r, enum media_symmetry symmetry)
{
	const struct source_candidate *before = NULL;
	bool moved = set_address(e, r, symmetry, &before);
	e->may_send = r->receives;
	e->codec = (uint8_t)r->codec;
	e->telephone_event = r->telephone_event;
	set_codec(e, r);
	e->relaying = e->relaying && e->datagrams == r->is_image;
	e->datagrams = r->is_image;
	e->comforts = e->comforts && end_speaks(e) && !r->is_image;
	e->other_codec = r->offered_codec;
	e->other_event = r->offered_event;
	e->rate = (uint32_t)r->rate;
	quality_codec(&e->quality, r->name, e->rate);
	e->key_events.rate = (uint32_t)r->event_rate;
	end_forget_keys(e);
	end_report_remote(e, r, moved);
	if (before)
		end_hear_kept(e, before);
}

static void perform(struct command *c)
{
	struct media_end *e = c->end;
	switch (c->kind) {
	case COMMAND_OPEN:
		e->socket->end = e;
		end_report_begin(e);
		break;
	case COMMAND_CLOSE:
		close_end(e);
		break;
	case COMMAND_REMOTE:
		set_remote(e, &c->remote, c->symmetry);
		break;
	case COMMAND_BRIDGE:
		unbridge(e);
		if (c->other) {
			unbridge(c->other);
			e->peer = c->other;
			c->other->peer = e;
		}
		break;
	case COMMAND_PLAY:
		end_stop_audio(e);
		e->audio = c->audio;
		e->played = 0;
		e->play = c->play;
		e->marker = true;
		end_activate(e);
		break;
	case COMMAND_STOP:
		end_stop_audio(e);
		break;
	case COMMAND_HOLD:
		end_hold(e, c->audio);
		break;
	case COMMAND_KEYS:
		end_send_keys(e, c->text);
		break;
	case COMMAND_DTMF:
		e->dtmf = c->dtmf;
		break;
	case COMMAND_INFO:
		end_hear_info(e, c->text[0]);
		break;
	case COMMAND_RECORD:
		end_record_stop(e, true);
		e->recording = c->recording;
		e->record_paused = false;
		e->record_beeps = c->on;
		e->record_tick = 0;
		if (c->on)
			end_activate(e);
		e->record_began_us = clock_monotonic_us();
		e->heard = e->said = (struct track){0};
		break;
	case COMMAND_RECORD_PAUSE:
		e->record_paused = c->on;
		break;
	case COMMAND_RECORD_STOP:
		end_record_stop(e, c->on);
		break;
	}
	free(c);
}

/* Perform what was asked, but for the commands that close ends: they are returned, for
 * close_all(). */
static struct mail *perform_first(struct media_thread *t)
{
	struct mail *closing = NULL, **last = &closing;
	for (struct mail *c = mailbox_take_all(t->commands), *next; c; c = next) {
		next = c->next;
		if (((struct command *)c)->kind != COMMAND_CLOSE) {
			perform((struct command *)c);
			continue;
		}
		c->next = NULL;
		*last = c;
		last = &c->next;
	}
	return closing;
}

static void close_all(struct mail *closing)
{
	for (struct mail *next; closing; closing = next) {
		next = closing->next;
		perform((struct command *)closing);
	}
}

static void perform_all(struct media_thread *t)
{
	close_all(perform_first(t));
}

static bool is_ready(const struct epoll_event *events, int count, const void *what)
{
	for (int i = 0; i < count; i++)
		if (events[i].data.ptr == what)
			return true;
	return false;
}

static void tick(struct media_thread *t)
{
	uint64_t expired = 0;
	if (read(t->timer, &expired, sizeof expired) != (ssize_t)sizeof expired)
		return;
	for (uint64_t i = 0; i < expired && i < 5; i++) {
		media_comfort_tick(t);
		media_tick(t);
		media_report_tick(t);
	}
}

static void *media_main(void *arg)
{
	struct media_thread *t = arg;
	struct epoll_event events[256];
	while (!t->media->stop) {
		int n = epoll_wait(t->epoll, events, ARRAY_LEN(events), -1);
		/* An SDP counts before the packets that it announces. Sockets in this round's list
		 * must not be closed before they were read. */
		struct mail *closing = is_ready(events, n, t) ? perform_first(t) : NULL;
		for (int i = 0; i < n; i++) {
			void *what = events[i].data.ptr;
			if (what == t || what == &t->timer)
				continue;
			if ((uintptr_t)what & 1)
				end_receive_rtcp(rtp_socket_of_rtcp(what));
			else
				end_receive(what);
		}
		if (is_ready(events, n, &t->timer))
			tick(t);
		close_all(closing);
	}
	return NULL;
}

static bool start_thread(struct media *m, int index, const struct media_config *config)
{
	struct media_thread *t = &m->threads[index];
	struct itimerspec every = {{0, 20000000}, {0, 20000000}};
	int low = config->port_low + (config->port_low & 1);
	t->media = m;
	t->commands = mailbox_create(1);
	t->epoll = epoll_create1(EPOLL_CLOEXEC);
	t->timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	bool sockets = true;
	for (size_t i = 0; i < config->address_count; i++) {
		t->sockets[i] = rtp_sockets_create(config->addresses[i].bound, low + 2 * index,
			config->port_high, 2 * m->count, t->epoll);
		sockets = sockets && t->sockets[i];
	}
	t->started = sockets && t->commands && t->epoll >= 0 && t->timer >= 0 && timerfd_settime(t->timer, 0, &every, NULL) == 0 &&
		     epoll_ctl(t->epoll, EPOLL_CTL_ADD, mailbox_fd(t->commands), &(struct epoll_event){.events = EPOLLIN, .data.ptr = t}) == 0 &&
		     epoll_ctl(t->epoll, EPOLL_CTL_ADD, t->timer, &(struct epoll_event){.events = EPOLLIN, .data.ptr = &t->timer}) == 0 &&
		     pthread_create(&t->thread, NULL, media_main, t) == 0;
	if (t->started)
		pthread_setname_np(t->thread, "media");
	return t->started;
}

/* As many as there are processors, each with ports enough that none is short of them while others have some left. */
static int thread_count(int pairs)
{
	long processors = sysconf(_SC_NPROCESSORS_ONLN);
	int most = pairs / PAIRS_MIN < 1 ? 1 : pairs / PAIRS_MIN;
	most = most < THREADS_MAX ? most : THREADS_MAX;
	return processors < 1 ? 1 : processors < most ? (int)processors : most;
}

struct media *media_create(const struct media_config *config, struct error *err)
{
	struct media *m = calloc(1, sizeof *m);
	struct sockaddr_storage check;
	unsigned char name[16];
	socklen_t len;
	int ports = config->port_high - config->port_low - (config->port_low & 1);
	if (!m)
		return NULL;
	memcpy(m->addresses, config->addresses, sizeof m->addresses);
	m->address_count = config->address_count;
	bool good = config->address_count > 0;
	for (size_t i = 0; i < config->address_count; i++)
		good = good && socket_address(config->addresses[i].bound, 0, &check, &len);
	if (!good || ports < 3) {
		error_set(err, "RTP needs an IP address and a range of at least four ports, such as 127.0.0.1 and 20000-29999");
		free(m);
		return NULL;
	}
	for (int i = 0; i < 256; i++) {
		m->to_alaw[i] = ulaw_to_alaw((uint8_t)i);
		m->to_ulaw[i] = alaw_to_ulaw((uint8_t)i);
	}
	for (uint32_t i = 0; i < AUDIO_TONE_PERIOD; i++)
		m->tone[i] = audio_recording_tone(i);
	randombytes_buf(name, sizeof name);
	sodium_bin2hex(m->cname, sizeof m->cname, name, sizeof name);
	media_prepare_keys();
	m->count = thread_count((ports + 1) / 2);
	for (int i = 0; i < m->count; i++)
		m->threads[i].epoll = m->threads[i].timer = -1;
	for (int i = 0; i < m->count; i++) {
		if (start_thread(m, i, config))
			continue;
		error_set(err, "a media thread could not be started: %s", strerror(errno));
		media_destroy(m);
		return NULL;
	}
	return m;
}

void media_stop(struct media *m)
{
	if (!m)
		return;
	m->stop = true;
	for (struct media_thread *t = m->threads; t < m->threads + m->count; t++) {
		if (!t->started)
			continue;
		t->started = false;
		mailbox_wake(t->commands);
		pthread_join(t->thread, NULL);
		perform_all(t);
	}
}

void media_destroy(struct media *m)
{
	if (!m)
		return;
	media_stop(m);
	for (struct media_thread *t = m->threads; t < m->threads + m->count; t++) {
		if (t->commands)
			perform_all(t);
		for (size_t k = 0; k < m->address_count; k++)
			rtp_sockets_destroy(t->sockets[k]);
		if (t->epoll >= 0)
			close(t->epoll);
		if (t->timer >= 0)
			close(t->timer);
		mailbox_destroy(t->commands);
	}
	free(m);
}

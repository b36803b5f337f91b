#include "media/end.h"
#include "base/clock.h"
#include "base/log.h"
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

enum command_kind { COMMAND_OPEN, COMMAND_CLOSE, COMMAND_REMOTE, COMMAND_BRIDGE, COMMAND_PLAY, COMMAND_STOP, COMMAND_KEYS, COMMAND_INFO, COMMAND_RECORD, COMMAND_RECORD_PAUSE, COMMAND_RECORD_STOP };

struct command {
	struct mail mail;
	enum command_kind kind;
	struct media_end *end, *other;
	struct sdp_audio remote;
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
	mailbox_add_reply(end->media->commands, &copy->mail); /* bounded by the calls there are */
	end->media->posted = true;
}

void media_flush(struct media *m)
{
	if (m->posted)
		mailbox_wake(m->commands);
	m->posted = false;
}

struct media_end *media_open(struct media *m, struct mailbox *events, uint64_t owner, int number)
{
	struct media_end *e = calloc(1, sizeof *e);
	if (!e)
		return NULL;
	e->socket = rtp_sockets_take(m->sockets);
	if (!e->socket) {
		free(e);
		return NULL;
	}
	e->media = m;
	e->events = events;
	e->owner = owner;
	e->number = number;
	e->telephone_event = -1;
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

const char *media_address(const struct media *m)
{
	return m->address;
}

int media_open_ends(const struct media *m)
{
	return m->open;
}

void media_close(struct media_end *e)
{
	post(e, &(struct command){.kind = COMMAND_CLOSE});
}

void media_set_remote(struct media_end *e, const struct sdp_audio *remote)
{
	post(e, &(struct command){.kind = COMMAND_REMOTE, .remote = *remote});
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

void media_send_keys(struct media_end *e, const char *keys)
{
	struct command c = {.kind = COMMAND_KEYS};
	snprintf(c.text, sizeof c.text, "%s", keys);
	post(e, &c);
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

int64_t media_last_heard(const struct media_end *e)
{
	return e->heard_ms;
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
	e->peer->relaying = e->peer->beeping = false;
	e->peer = NULL;
	e->relaying = e->beeping = false;
}

static void close_end(struct media_end *e)
{
	struct media *m = e->media;
	end_report_end(e);
	unbridge(e);
	end_deactivate(e);
	end_stop_audio(e);
	end_free_tones(e);
	rtp_sockets_give(m->sockets, e->socket);
	end_record_stop(e, true);
	free(e);
	m->open--;
}

static void set_remote(struct media_end *e, const struct sdp_audio *r)
{
	e->has_remote = socket_address(r->address, r->port, &e->remote, &e->remote_len);
	e->latched = false;
	e->may_send = r->receives;
	e->codec = (uint8_t)r->codec;
	e->telephone_event = r->telephone_event;
	end_forget_keys(e);
	end_report_remote(e, r);
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
		set_remote(e, &c->remote);
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
	case COMMAND_KEYS:
		end_send_keys(e, c->text);
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

static void perform_all(struct media *m)
{
	for (struct mail *c = mailbox_take_all(m->commands), *next; c; c = next) {
		next = c->next;
		perform((struct command *)c);
	}
}

static void *media_main(void *arg)
{
	struct media *m = arg;
	struct epoll_event events[256];
	while (!m->stop) {
		/* Sockets first: an end closed by a command must not be in this round's list. */
		int n = epoll_wait(m->epoll, events, ARRAY_LEN(events), -1);
		bool commands = false, ticks = false;
		for (int i = 0; i < n; i++) {
			if (events[i].data.ptr == m)
				commands = true;
			else if (events[i].data.ptr == &m->timer)
				ticks = true;
			else if ((uintptr_t)events[i].data.ptr & 1)
				end_receive_rtcp(rtp_socket_of_rtcp(events[i].data.ptr));
			else
				end_receive(events[i].data.ptr);
		}
		if (ticks) {
			uint64_t expired = 0;
			if (read(m->timer, &expired, sizeof expired) == (ssize_t)sizeof expired)
				for (uint64_t i = 0; i < expired && i < 5; i++) {
					media_tick(m);
					media_report_tick(m);
				}
		}
		if (commands)
			perform_all(m);
	}
	return NULL;
}

struct media *media_create(const struct media_config *config, struct error *err)
{
	struct media *m = calloc(1, sizeof *m);
	struct sockaddr_storage check;
	socklen_t len;
	if (!m)
		return NULL;
	snprintf(m->address, sizeof m->address, "%s", config->address);
	m->epoll = m->timer = -1;
	if (!socket_address(m->address, 0, &check, &len) || config->port_high - config->port_low - (config->port_low & 1) < 3) {
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
	unsigned char name[16];
	randombytes_buf(name, sizeof name);
	sodium_bin2hex(m->cname, sizeof m->cname, name, sizeof name);
	m->commands = mailbox_create(1);
	m->epoll = epoll_create1(EPOLL_CLOEXEC);
	m->timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	m->sockets = rtp_sockets_create(config->address, config->port_low, config->port_high, m->epoll);
	struct itimerspec every = {{0, 20000000}, {0, 20000000}};
	if (!m->sockets || !m->commands || m->epoll < 0 || m->timer < 0 || timerfd_settime(m->timer, 0, &every, NULL) != 0 ||
	    epoll_ctl(m->epoll, EPOLL_CTL_ADD, mailbox_fd(m->commands), &(struct epoll_event){.events = EPOLLIN, .data.ptr = m}) != 0 ||
	    epoll_ctl(m->epoll, EPOLL_CTL_ADD, m->timer, &(struct epoll_event){.events = EPOLLIN, .data.ptr = &m->timer}) != 0 ||
	    pthread_create(&m->thread, NULL, media_main, m) != 0) {
		error_set(err, "the media thread could not be started: %s", strerror(errno));
		media_destroy(m);
		return NULL;
	}
	pthread_setname_np(m->thread, "media");
	m->started = true;
	return m;
}

void media_stop(struct media *m)
{
	if (!m || !m->started)
		return;
	m->started = false;
	m->stop = true;
	mailbox_wake(m->commands);
	pthread_join(m->thread, NULL);
	perform_all(m);
}

void media_destroy(struct media *m)
{
	if (!m)
		return;
	media_stop(m);
	if (m->commands)
		perform_all(m);
	rtp_sockets_destroy(m->sockets);
	if (m->epoll >= 0)
		close(m->epoll);
	if (m->timer >= 0)
		close(m->timer);
	mailbox_destroy(m->commands);
	free(m);
}

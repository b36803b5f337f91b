#include "media/media.h"
#include "base/clock.h"
#include "base/log.h"
#include "media/rtp.h"
#include "media/socket.h"
#include "media/track.h"
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

#define FRAME 160 /* samples in 20 ms */
#define PACKET_MAX 1500
#define BURST 16 /* packets read from a socket at once */
#define VOICE 200        /* mean amplitude, of 32768, that somebody speaks at: -44 dB */
#define BEEP_TICKS 10   /* 200 ms, */
#define BEEP_EVERY 750  /* each 15 s: 47 CFR 64.501 asks for 12 to 18 */
#define KEY_TICKS 5  /* a key sounds for 100 ms */
#define KEY_GAP 5

struct media_end {
	struct media *media;
	struct mailbox *events;
	uint64_t owner;
	int number;
	struct rtp_socket *socket;
	/* all below: media thread only */
	struct media_end *next_active, **previous_active; /* ends that have something to send each tick */
	struct media_end *peer;
	struct sockaddr_storage remote; /* negotiated, then latched */
	socklen_t remote_len;
	bool has_remote, latched, may_send;
	uint8_t codec;
	int telephone_event;
	/* what we send */
	uint32_t ssrc, timestamp;
	uint16_t sequence;
	bool marker;
	/* relaying: how the peer's numbers become ours; unset after anything else was sent */
	bool relaying;
	uint32_t relay_ssrc, timestamp_offset;
	uint16_t sequence_offset;
	/* playing */
	struct audio *audio;
	size_t played;
	unsigned play;
	/* sending keys */
	char keys[128];
	size_t key_at, key_len;
	int key_tick; /* within the key or the pause */
	/* hearing keys: the timestamp of the last event, so that its repeats are one key */
	bool key_seen;
	uint32_t key_timestamp;
	/* recording */
	struct recording *recording; /* NULL: nothing is recorded */
	bool record_paused, record_beeps;
	int record_tick; /* of those that beep */
	int64_t record_began_us;
	struct track heard, said;
	bool beeping, sent; /* the tone goes out now; something did since the last tick */
	_Atomic int64_t voice_ms, heard_ms;
	struct quality_meter quality;
};

struct media {
	char address[64];
	pthread_t thread;
	bool started;
	struct mailbox *commands;
	bool posted; /* since the last flush; the loop's */
	int epoll, timer;
	struct media_end *active;
	struct rtp_sockets *sockets;
	atomic_int open;
	atomic_bool stop;
	uint8_t to_alaw[256], to_ulaw[256];
	int16_t tone[AUDIO_TONE_PERIOD];
};

enum command_kind { COMMAND_OPEN, COMMAND_CLOSE, COMMAND_REMOTE, COMMAND_BRIDGE, COMMAND_PLAY, COMMAND_STOP, COMMAND_KEYS, COMMAND_RECORD, COMMAND_RECORD_PAUSE, COMMAND_RECORD_STOP };

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

/* ---- the media thread: recording ---- */

static uint64_t record_place(const struct media_end *e)
{
	return (uint64_t)(clock_monotonic_us() - e->record_began_us) * 8 / 1000;
}

static void record(struct media_end *e, struct track *t, uint32_t ssrc, uint32_t timestamp, const uint8_t *ulaw, size_t count)
{
	int channel = t == &e->said;
	size_t stretch;
	if (e->record_paused || !count)
		return;
	uint64_t at = track_place(t, ssrc, timestamp, count, record_place(e), &stretch);
	if (stretch && at)
		recording_put(e->recording, channel, at - 1, ulaw, 1);
	recording_put(e->recording, channel, at, ulaw, count);
}

static void record_heard(struct media_end *e, const struct rtp_packet *p)
{
	uint8_t ulaw[PACKET_MAX];
	long sum = 0;
	if ((p->payload_type != CODEC_PCMU && p->payload_type != CODEC_PCMA) || p->payload_len > sizeof ulaw)
		return;
	for (size_t i = 0; i < p->payload_len; i++) {
		ulaw[i] = p->payload_type == CODEC_PCMU ? p->payload[i] : e->media->to_ulaw[p->payload[i]];
		sum += labs((long)ulaw_decode(ulaw[i]));
	}
	if (p->payload_len && sum / (long)p->payload_len > VOICE)
		e->voice_ms = clock_monotonic_ms();
	record(e, &e->heard, p->ssrc, p->timestamp, ulaw, p->payload_len);
}

/* payload: in the end's own codec, as it was sent. */
static void record_said(struct media_end *e, uint32_t timestamp, const uint8_t *payload, size_t len)
{
	uint8_t ulaw[PACKET_MAX];
	for (size_t i = 0; i < len; i++)
		ulaw[i] = e->codec == CODEC_PCMA ? e->media->to_ulaw[payload[i]] : payload[i];
	record(e, &e->said, e->ssrc, timestamp, ulaw, len);
}

static void stop_recording(struct media_end *e, bool keep)
{
	if (e->recording)
		recording_close(e->recording, record_place(e), keep);
	e->recording = NULL;
	e->beeping = false;
	if (e->peer)
		e->peer->beeping = false;
}

/* ---- the media thread: sending ---- */

static void activate(struct media_end *e)
{
	struct media *m = e->media;
	if (e->previous_active)
		return;
	e->next_active = m->active;
	e->previous_active = &m->active;
	if (m->active)
		m->active->previous_active = &e->next_active;
	m->active = e;
}

static void deactivate(struct media_end *e)
{
	if (!e->previous_active)
		return;
	*e->previous_active = e->next_active;
	if (e->next_active)
		e->next_active->previous_active = e->previous_active;
	e->previous_active = NULL;
}

static void tell(struct media_end *e, int kind, char key, unsigned play)
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

/* Mix the tone that tells of the recording into samples that go out. */
static void mix_tone(const struct media_end *e, uint32_t timestamp, uint8_t *payload, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		uint8_t ulaw = e->codec == CODEC_PCMA ? e->media->to_ulaw[payload[i]] : payload[i];
		int sum = ulaw_decode(ulaw) + e->media->tone[(timestamp + i) % AUDIO_TONE_PERIOD];
		ulaw = ulaw_encode((int16_t)(sum > INT16_MAX ? INT16_MAX : sum < INT16_MIN ? INT16_MIN : sum));
		payload[i] = e->codec == CODEC_PCMA ? e->media->to_alaw[ulaw] : ulaw;
	}
}

static void transmit(struct media_end *e, uint8_t type, bool marker, uint32_t timestamp, const uint8_t *payload, size_t len)
{
	uint8_t packet[PACKET_MAX];
	if (!e->has_remote || !e->may_send || len > sizeof packet - RTP_HEADER_SIZE)
		return;
	e->sent = true;
	rtp_write_header(packet, &(struct rtp_packet){.payload_type = type, .marker = marker, .sequence = e->sequence++, .timestamp = timestamp, .ssrc = e->ssrc});
	memcpy(packet + RTP_HEADER_SIZE, payload, len);
	if (sendto(e->socket->fd, packet, RTP_HEADER_SIZE + len, MSG_DONTWAIT, (struct sockaddr *)&e->remote, e->remote_len) < 0) {
		/* the network's loss; RTP expects some */
	}
}

static void stop_audio(struct media_end *e)
{
	audio_release(e->audio);
	e->audio = NULL;
}

/* frame: FRAME samples, µ-law. */
static void send_frame(struct media_end *e, uint8_t *frame)
{
	if (e->codec == CODEC_PCMA)
		for (size_t i = 0; i < FRAME; i++)
			frame[i] = e->media->to_alaw[frame[i]];
	if (e->beeping)
		mix_tone(e, e->timestamp, frame, FRAME);
	if (e->recording)
		record_said(e, e->timestamp, frame, FRAME);
	transmit(e, e->codec, e->marker, e->timestamp, frame, FRAME);
	e->marker = false;
}

static void play_frame(struct media_end *e)
{
	uint8_t frame[FRAME];
	size_t left = e->audio->len - e->played, n = left < FRAME ? left : FRAME;
	memcpy(frame, e->audio->ulaw + e->played, n);
	memset(frame + n, 0xff, FRAME - n);
	send_frame(e, frame);
	e->played += n;
	if (e->played < e->audio->len)
		return;
	if (e->audio->loop) {
		e->played = 0;
		return;
	}
	stop_audio(e);
	tell(e, MEDIA_PLAYED, 0, e->play);
}

/* One tick of the keys being sent (RFC 4733 §2.5.1): updates, then the end three times. */
static void key_frame(struct media_end *e)
{
	char key = e->keys[e->key_at];
	uint8_t payload[4];
	bool pause = key == 'w' || key == 'W' || key == ',';
	int sound = pause ? 0 : KEY_TICKS;
	if (e->key_tick < sound && e->telephone_event >= 0) {
		uint16_t duration = (uint16_t)((e->key_tick + 1) * FRAME);
		uint32_t start = e->timestamp - (uint32_t)e->key_tick * FRAME;
		bool last = e->key_tick == sound - 1;
		telephone_event_write(payload, key, last, duration);
		for (int i = 0; i < (last ? 3 : 1); i++)
			transmit(e, (uint8_t)e->telephone_event, e->key_tick == 0, start, payload, sizeof payload);
	}
	if (++e->key_tick >= (key == ',' ? 1 : pause ? 25 : sound + KEY_GAP)) {
		e->key_tick = 0;
		e->key_at++;
	}
	if (e->key_at >= e->key_len)
		e->key_at = e->key_len = 0;
}

/* Where nothing else goes out for the tone to be mixed into, it goes by itself. */
static void beep_frame(struct media_end *e, bool beeping)
{
	uint8_t frame[FRAME];
	if (beeping && e->beeping && !e->sent) {
		memset(frame, 0xff, sizeof frame);
		send_frame(e, frame);
		e->timestamp += FRAME;
		e->relaying = false;
	}
	e->beeping = beeping;
	e->sent = false;
}

/* One tick of a recording of which both sides are told. */
static void beep_tick(struct media_end *e)
{
	bool beeping = e->record_tick < BEEP_TICKS && !e->record_paused;
	beep_frame(e, beeping);
	if (e->peer)
		beep_frame(e->peer, beeping);
	e->record_tick = (e->record_tick + 1) % BEEP_EVERY;
}

static void tick(struct media *m)
{
	for (struct media_end *e = m->active, *next; e; e = next) {
		next = e->next_active;
		bool beeps = e->recording && e->record_beeps, own = e->audio || e->key_len;
		bool sounding = e->key_len && e->key_tick < KEY_TICKS && !strchr("wW,", e->keys[e->key_at]);
		if (e->key_len)
			key_frame(e);
		if (e->audio && !sounding)
			play_frame(e);
		if (own) {
			e->timestamp += FRAME;
			e->relaying = false; /* our own numbering moved on */
		}
		if (beeps)
			beep_tick(e);
		if (!e->audio && !e->key_len && !beeps)
			deactivate(e);
	}
}

/* ---- the media thread: receiving ---- */

static void hear_key(struct media_end *e, const struct rtp_packet *p)
{
	struct telephone_event ev;
	if (!telephone_event_parse(p->payload, p->payload_len, &ev) || !ev.key)
		return;
	if (e->key_seen && e->key_timestamp == p->timestamp)
		return;
	e->key_seen = true;
	e->key_timestamp = p->timestamp;
	tell(e, MEDIA_KEY, ev.key, 0);
}

/* Pass a packet on through the other end, in that end's codec and numbering. Sequence
 * gaps and timestamps stay as they came, so loss and jitter can still be seen behind us. */
static void relay(struct media_end *to, const struct rtp_packet *p, bool is_key)
{
	uint8_t packet[PACKET_MAX];
	uint8_t type = is_key ? (uint8_t)to->telephone_event : to->codec;
	if (!to->has_remote || !to->may_send || to->audio || p->payload_len > sizeof packet - RTP_HEADER_SIZE || (is_key && to->telephone_event < 0))
		return;
	if (!to->relaying || to->relay_ssrc != p->ssrc) {
		to->relaying = true;
		to->relay_ssrc = p->ssrc;
		to->sequence_offset = (uint16_t)(to->sequence - p->sequence);
		to->timestamp_offset = to->timestamp - p->timestamp;
		to->marker = true;
	}
	struct rtp_packet out = {
		.payload_type = type, .marker = p->marker || (to->marker && !is_key),
		.sequence = (uint16_t)(p->sequence + to->sequence_offset),
		.timestamp = p->timestamp + to->timestamp_offset, .ssrc = to->ssrc,
	};
	to->marker = false;
	rtp_write_header(packet, &out);
	memcpy(packet + RTP_HEADER_SIZE, p->payload, p->payload_len);
	if (!is_key && p->payload_type != to->codec) {
		const uint8_t *table = to->codec == CODEC_PCMA ? to->media->to_alaw : to->media->to_ulaw;
		for (size_t i = 0; i < p->payload_len; i++)
			packet[RTP_HEADER_SIZE + i] = table[p->payload[i]];
	}
	if ((int16_t)(out.sequence - to->sequence) >= 0) {
		to->sequence = (uint16_t)(out.sequence + 1);
		to->timestamp = out.timestamp + (is_key ? 0 : (uint32_t)p->payload_len);
	}
	if (to->beeping && !is_key)
		mix_tone(to, out.timestamp, packet + RTP_HEADER_SIZE, p->payload_len);
	to->sent = true;
	if (to->recording && !is_key)
		record_said(to, out.timestamp, packet + RTP_HEADER_SIZE, p->payload_len);
	if (sendto(to->socket->fd, packet, RTP_HEADER_SIZE + p->payload_len, MSG_DONTWAIT, (struct sockaddr *)&to->remote, to->remote_len) < 0) {
		/* the network's loss */
	}
}

static bool same_host(const struct sockaddr_storage *a, const struct sockaddr_storage *b)
{
	if (a->ss_family != b->ss_family)
		return false;
	if (a->ss_family == AF_INET)
		return ((const struct sockaddr_in *)a)->sin_addr.s_addr == ((const struct sockaddr_in *)b)->sin_addr.s_addr;
	return memcmp(&((const struct sockaddr_in6 *)a)->sin6_addr, &((const struct sockaddr_in6 *)b)->sin6_addr, sizeof(struct in6_addr)) == 0;
}

/* Symmetric RTP (RFC 4961): the first packet from the negotiated host fixes the port we
 * answer to; another host, or another port after that, is not heard. */
static bool accept_source(struct media_end *e, const struct sockaddr_storage *from, socklen_t len)
{
	if (!e->has_remote)
		return false;
	if (!e->latched) {
		if (!same_host(from, &e->remote))
			return false;
		e->remote = *from;
		e->remote_len = len;
		e->latched = true;
		return true;
	}
	return len == e->remote_len && memcmp(from, &e->remote, len) == 0;
}

static void receive(struct rtp_socket *socket)
{
	struct media_end *e = socket->end;
	static _Thread_local uint8_t data[BURST][PACKET_MAX];
	struct sockaddr_storage from[BURST];
	struct mmsghdr messages[BURST];
	struct iovec parts[BURST];
	for (int i = 0; i < BURST; i++) {
		parts[i] = (struct iovec){data[i], sizeof data[i]};
		messages[i] = (struct mmsghdr){.msg_hdr = {.msg_name = &from[i], .msg_namelen = sizeof from[i], .msg_iov = &parts[i], .msg_iovlen = 1}};
	}
	int n = recvmmsg(socket->fd, messages, BURST, MSG_DONTWAIT, NULL);
	int64_t now = n > 0 ? clock_monotonic_us() : 0;
	for (int i = 0; e && i < n; i++) {
		struct rtp_packet p;
		if (!accept_source(e, &from[i], messages[i].msg_hdr.msg_namelen) || !rtp_parse(data[i], messages[i].msg_len, &p))
			continue;
		bool is_key = e->telephone_event >= 0 && p.payload_type == e->telephone_event;
		if (is_key)
			hear_key(e, &p);
		else if (p.payload_type != CODEC_PCMU && p.payload_type != CODEC_PCMA)
			continue;
		quality_take(&e->quality, &p, is_key, now);
		atomic_store_explicit(&e->heard_ms, now / 1000, memory_order_relaxed);
		if (e->recording)
			record_heard(e, &p);
		if (e->peer)
			relay(e->peer, &p, is_key);
	}
}

/* ---- the media thread: commands ---- */

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
	unbridge(e);
	deactivate(e);
	stop_audio(e);
	rtp_sockets_give(m->sockets, e->socket);
	stop_recording(e, true);
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
}

static void perform(struct command *c)
{
	struct media_end *e = c->end;
	switch (c->kind) {
	case COMMAND_OPEN:
		e->socket->end = e;
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
		stop_audio(e);
		e->audio = c->audio;
		e->played = 0;
		e->play = c->play;
		e->marker = true;
		activate(e);
		break;
	case COMMAND_STOP:
		stop_audio(e);
		break;
	case COMMAND_KEYS:
		snprintf(e->keys, sizeof e->keys, "%s", c->text);
		e->key_len = strlen(e->keys);
		e->key_at = 0;
		e->key_tick = 0;
		if (e->key_len)
			activate(e);
		break;
	case COMMAND_RECORD:
		stop_recording(e, true);
		e->recording = c->recording;
		e->record_paused = false;
		e->record_beeps = c->on;
		e->record_tick = 0;
		if (c->on)
			activate(e);
		e->record_began_us = clock_monotonic_us();
		e->heard = e->said = (struct track){0};
		break;
	case COMMAND_RECORD_PAUSE:
		e->record_paused = c->on;
		break;
	case COMMAND_RECORD_STOP:
		stop_recording(e, c->on);
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
			else
				receive(events[i].data.ptr);
		}
		if (ticks) {
			uint64_t expired = 0;
			if (read(m->timer, &expired, sizeof expired) == (ssize_t)sizeof expired)
				for (uint64_t i = 0; i < expired && i < 5; i++)
					tick(m);
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

/* strowger call: a test caller on the same SIP and media stack as the server. */
#include "base/clock.h"
#include "base/buf.h"
#include "base/network.h"
#include "commands.h"
#include "media/media.h"
#include "media/audio.h"
#include "sip/sdp.h"
#include "sip/sip.h"
#include <argp.h>
#include <netdb.h>
#include <sodium.h>
#include <sofia-sip/su_wait.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct caller {
	/* options */
	const char *uri, *from, *keys, *play, *record, *username, *password;
	int duration_seconds;
	/* the call */
	su_root_t *root;
	struct sip_agent *agent;
	struct recorder *recorder;
	struct media *media;
	struct media_end *end;
	struct sip_leg *leg;
	su_timer_t *timer;
	struct mailbox *events;
	int status;
	bool answered, over;
	int64_t answered_ms, ended_ms;
	size_t keys_sent;
};

static void hang_up(su_root_magic_t *magic, su_timer_t *timer, su_timer_arg_t *arg)
{
	struct caller *c = (struct caller *)arg;
	(void)magic, (void)timer;
	c->ended_ms = clock_monotonic_ms();
	sip_leg_release(c->leg, 0, NULL);
	c->leg = NULL;
	c->over = true;
}

/* "1,w2,5#": commas and w are pauses, the rest are keys. */
static void send_keys(struct caller *c)
{
	media_send_keys(c->end, c->keys);
	for (const char *k = c->keys; *k; k++)
		c->keys_sent += !strchr("wW,", *k);
}

static void set_remote(struct caller *c, const char *sdp)
{
	struct sdp_audio audio;
	if (sdp_audio_parse(sdp, &audio, NULL))
		media_set_remote(c->end, &audio, MEDIA_SAME_HOST);
}

static void on_progress(void *owner, int status, const char *sdp)
{
	struct caller *c = owner;
	c->status = status;
	if (*sdp)
		set_remote(c, sdp);
}

static void on_answered(void *owner, const char *sdp)
{
	struct caller *c = owner;
	struct error err;
	c->status = 200;
	c->answered = true;
	c->answered_ms = clock_monotonic_ms();
	set_remote(c, sdp);
	struct audio *audio = c->play ? audio_load(c->play, &err) : audio_new(160); /* silence opens the way back, and shows that somebody is there */
	if (audio && !c->play)
		audio->loop = true;
	if (audio)
		media_play(c->end, audio);
	if (c->keys)
		send_keys(c);
	if (c->duration_seconds)
		su_timer_set_interval(c->timer, hang_up, c, (su_duration_t)c->duration_seconds * 1000);
}

static void on_failed(void *owner, int status, const char *reason, const char *contact)
{
	struct caller *c = owner;
	(void)reason, (void)contact;
	c->status = status;
	c->over = true;
}

static void on_ended(void *owner, const char *how, const char *reason)
{
	struct caller *c = owner;
	(void)how, (void)reason;
	c->ended_ms = clock_monotonic_ms();
	c->over = true;
}

static void on_offered(void *owner, const char *sdp)
{
	struct caller *c = owner;
	struct sdp_audio audio;
	char answer[SDP_SIZE];
	if (!sdp_audio_parse(sdp, &audio, NULL)) {
		sip_leg_reoffer_answer(c->leg, 488, NULL);
		return;
	}
	media_set_remote(c->end, &audio, MEDIA_SAME_HOST);
	sdp_audio_answer(answer, media_address(c->end), media_port(c->end), &audio, NULL, 1, 2);
	sip_leg_reoffer_answer(c->leg, 200, answer);
}

static void on_incoming(void *arg, const struct sip_incoming *in)
{
	(void)arg;
	sip_leg_release(in->leg, 486, NULL);
}

static error_t parse(int key, char *argument, struct argp_state *state)
{
	struct caller *c = state->input;
	switch (key) {
	case 'f':
		c->from = argument;
		return 0;
	case 'k':
		c->keys = argument;
		return 0;
	case 'd':
		c->duration_seconds = atoi(argument);
		return 0;
	case 'p':
		c->play = argument;
		return 0;
	case 'r':
		c->record = argument;
		return 0;
	case 'u':
		c->username = argument;
		return 0;
	case 'w':
		c->password = argument;
		return 0;
	case ARGP_KEY_ARG:
		if (c->uri)
			argp_error(state, "one SIP URI is enough");
		c->uri = argument;
		return 0;
	case ARGP_KEY_END:
		if (!c->uri)
			argp_error(state, "a SIP URI to call is needed, such as sip:+18005550100@127.0.0.1:5060");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static bool place(struct caller *c, struct error *err)
{
	static const struct sip_leg_handler handler = {.progress = on_progress, .answered = on_answered, .failed = on_failed, .ended = on_ended, .offered = on_offered};
	char address[ADDRESS_SIZE], listener[80], sdp[SDP_SIZE];
	if (!sip_local_address(c->uri, address)) /* it is a name */
		snprintf(address, sizeof address, "127.0.0.1");
	bool six = strchr(address, ':') != NULL;
	snprintf(listener, sizeof listener, "%s:%s%s%s:0", sip_transports[sip_transport_of(c->uri)], six ? "[" : "", address, six ? "]" : "");
	const char *listeners[] = {listener, NULL};
	struct sip_agent_config sip = {.listeners = listeners, .ca = SIP_CA_NONE, .incoming = on_incoming, .arg = c, .session_seconds = 1800, .min_session_seconds = 90};
	unsigned low = 30000 + randombytes_uniform(12000) * 2;
	struct media_config media = {.address_count = 1, .port_low = (int)low, .port_high = (int)low + 4000}; /* many: other programs may have a few hundred of them */
	snprintf(media.addresses[0].bound, sizeof media.addresses[0].bound, "%s", address);
	snprintf(media.addresses[0].advertised, sizeof media.addresses[0].advertised, "%s", address);
	c->root = su_root_create(NULL);
	c->events = mailbox_create(1);
	c->agent = c->root && c->events ? sip_agent_create(c->root, &sip, err) : NULL;
	c->media = c->agent ? media_create(&media, err) : NULL;
	c->end = c->media ? media_open(c->media, 0, c->events, 0, 0) : NULL;
	c->timer = c->root ? su_timer_create(su_root_task(c->root), 0) : NULL;
	if (!c->end)
		return c->media ? error_set(err, "no UDP port is free for audio") : false;
	if (c->record) {
		struct recording *r = (c->recorder = recorder_create(err)) ? recording_new(c->recorder, c->record, &(struct recording_format){.channels = 1}, NULL, NULL) : NULL;
		if (!r)
			return false;
		media_record(c->end, r, false);
	}
	struct sdp_formats formats = {0};
	sdp_formats_add_own(&formats, CODEC_PCMU);
	sdp_audio_offer(sdp, address, media_port(c->end), &formats, "sendrecv", randombytes_random(), 1);
	struct sip_outgoing out = {.uri = c->uri, .from_user = c->from, .sdp = sdp, .username = c->username, .password = c->password, .max_forwards = SIP_MAX_FORWARDS};
	c->leg = sip_invite(c->agent, &out, &handler, c);
	return c->leg || error_set(err, "'%s' is no SIP URI that can be called", c->uri);
}

static void finish(struct caller *c)
{
	if (c->leg)
		sip_leg_release(c->leg, 0, NULL);
	if (c->end)
		media_close(c->end);
	if (c->media)
		media_flush(c->media);
	for (int i = 0; c->agent && sip_agent_legs(c->agent) && i < 60; i++)
		su_root_step(c->root, 50);
	for (int i = 0; c->media && media_open_ends(c->media) && i < 100; i++)
		su_root_step(c->root, 10);
	media_destroy(c->media);
	recorder_destroy(c->recorder);
	sip_agent_destroy(c->agent);
	if (c->timer)
		su_timer_destroy(c->timer);
	if (c->root)
		su_root_destroy(c->root);
	for (struct mail *m = c->events ? mailbox_take_all(c->events) : NULL, *next; m; m = next) {
		next = m->next;
		free(m);
	}
	mailbox_destroy(c->events);
}

int command_call(int argc, char **argv)
{
	static const struct argp_option options[] = {
		{"from", 'f', "NUMBER", 0, "The caller's number", 0},
		{"dtmf", 'k', "KEYS", 0, "Keys to press once answered; 'w' waits half a second, ',' 20 ms", 0},
		{"duration", 'd', "SECONDS", 0, "Hang up so long after the answer (default: wait for the other side)", 0},
		{"play", 'p', "FILE", 0, "Audio to play once answered", 0},
		{"record", 'r', "FILE", 0, "Write what is heard to this WAV file", 0},
		{"username", 'u', "NAME", 0, "For digest authentication", 0},
		{"password", 'w', "SECRET", 0, "For digest authentication", 0},
		{0},
	};
	struct caller c = {.from = "+15125550199"};
	struct error err = {""};
	struct argp argp = {.options = options, .parser = parse, .args_doc = "SIP-URI", .doc = "Place a test call and print what became of it as JSON."};
	if (argp_parse(&argp, argc, argv, 0, NULL, &c) != 0 || sodium_init() < 0 || su_init() != 0)
		return 2;
	if (!place(&c, &err)) {
		fprintf(stderr, "strowger: %s\n", err.text);
		finish(&c);
		return 1;
	}
	int64_t give_up = clock_monotonic_ms() + 180000;
	while (!c.over && (c.answered || clock_monotonic_ms() < give_up)) {
		media_flush(c.media);
		su_root_step(c.root, 100);
	}
	if (!c.ended_ms)
		c.ended_ms = clock_monotonic_ms();
	printf("{\"status\":%d,\"answered\":%s,\"duration_ms\":%lld,\"dtmf_sent\":%zu}\n", c.status, c.answered ? "true" : "false",
	       c.answered ? (long long)(c.ended_ms - c.answered_ms) : 0LL, c.keys_sent);
	finish(&c);
	return c.answered ? 0 : 1;
}

/*
 * A target sends the call on to somebody else (REFER, RFC 3515): that one is called while both still talk, or the
 * target is gone already, and takes its place when it answers.
 */
#include "call/internal.h"
#include "base/log.h"
#include <string.h>
#include <strings.h>

#define RING_SECONDS 60 /* where the target's own attempt has no time */

/* The number that the URI means, as +1512…; false: it means none. */
static bool number_of(const struct call *c, const char *uri, char out[PHONE_SIZE])
{
	char user[80];
	bool tel = strncasecmp(uri, "tel:", 4) == 0;
	const char *from = strchr(uri, ':') + 1, *at = strchr(uri, '@');
	size_t n = tel ? strcspn(from, ";") : at ? (size_t)(at - from) : 0;
	snprintf(user, sizeof user, "%.*s", (int)n, from);
	user[strcspn(user, ";:")] = '\0';
	return *user && phone_normalize(user, c->organization->region, out);
}

/*
 * Who may be called so: anybody at the target's own server, which could send the call there by itself; numbers, over the
 * trunk that the target was called by, and other addresses where the dial policy lets calls go to them.
 */
static const char *forbids(struct call *c, const struct attempt *a, const struct sip_refer *refer, struct dial_try *t)
{
	char there[SIP_HOST_SIZE], here[SIP_HOST_SIZE], number[PHONE_SIZE];
	const struct config_trunk *trunk = a->to->trunk;
	bool same = strcasecmp(sip_uri_host(refer->uri, there), sip_uri_host(a->uri, here)) == 0;
	*t = (struct dial_try){.timeout_seconds = a->to->timeout_seconds ? a->to->timeout_seconds : RING_SECONDS, .headers = arena_strdup(&c->arena, refer->headers)};
	if (trunk && number_of(c, refer->uri, number)) {
		t->number = arena_strdup(&c->arena, number);
		t->trunk = trunk;
		t->order = dial_order(c, trunk);
		t->by_policy = true;
		return !t->order || !t->number ? "out of memory" : policy_forbids_number(c->organization, number);
	}
	t->uri = arena_strdup(&c->arena, refer->uri);
	if (!t->uri || strncasecmp(refer->uri, "sip", 3) != 0)
		return "only a SIP address can be called so";
	t->by_policy = !same || trunk;
	return t->by_policy ? policy_forbids_uri(c->organization) : NULL;
}

/* A place that nobody has; there is one more than a dial needs. */
static struct attempt *free_place(struct dial *d)
{
	for (size_t i = 0; i <= d->attempt_count; i++)
		if (dial_is_free(&d->attempts[i]) && &d->attempts[i] != d->talking)
			return &d->attempts[i];
	return NULL;
}

void transfer_asked(struct attempt *a, const struct sip_refer *refer)
{
	struct call *c = a->call;
	struct dial *d = &c->dial;
	struct dial_try *t = arena_alloc(&c->arena, sizeof *t);
	if (!d->connected || a != d->talking || d->transfer || !t) {
		sip_leg_refer_answer(a->leg, 603);
		return;
	}
	const char *why = forbids(c, a, refer, t);
	if (why) {
		log_info(c->id, "not sent on to %s: %s", refer->uri, why);
		log_attempt(c, &(struct dial_try){.uri = arena_strdup(&c->arena, refer->uri)}, NULL, "skipped", 0, why);
		sip_leg_refer_answer(a->leg, 403);
		return;
	}
	sip_leg_refer_answer(a->leg, 202);
	d->transfer = free_place(d);
	dial_begin(c, d->transfer, t);
	if (d->transfer && dial_is_free(d->transfer))
		transfer_failed(d->transfer, 503);
	dial_watch_time(c);
}

void transfer_rings(struct attempt *a, int status)
{
	struct call *c = a->call;
	if (c->dial.talking->leg)
		sip_leg_referred(c->dial.talking->leg, status);
}

/* What became of it is in the log already, and its place is free. */
void transfer_failed(struct attempt *a, int status)
{
	struct call *c = a->call;
	struct dial *d = &c->dial;
	d->transfer = NULL;
	dial_watch_time(c);
	if (d->talking->leg)
		sip_leg_referred(d->talking->leg, status ? status : 408);
	else
		dial_finish(c, DIAL_COMPLETED); /* nobody is left to talk to */
}

/* The target has hung up, as some do as soon as the REFER is accepted: the caller waits for the other. */
bool transfer_left(struct attempt *a)
{
	struct call *c = a->call;
	struct dial *d = &c->dial;
	if (!d->transfer || a != d->talking)
		return false;
	media_quality(a->end, &c->heard_target);
	media_bridge(c->end, NULL);
	dial_let_go(a);
	a->sdp.sends = false;
	call_ring_back(c);
	return true;
}

void transfer_answered(struct attempt *a)
{
	struct call *c = a->call;
	struct dial *d = &c->dial;
	struct attempt *before = d->talking;
	struct buf data = {0};
	d->transfer = NULL;
	d->talking = a;
	a->until_ms = 0;
	dial_watch_time(c);
	media_stop_play(c->end);
	media_bridge(c->end, NULL);
	negotiate_connect(c, a);
	media_bridge(c->end, a->end);
	if (before->leg) {
		media_quality(before->end, &c->heard_target);
		sip_leg_referred(before->leg, 200);
		dial_let_go(before);
	}
	log_attempt(c, a->to, a, "transferred", 200, NULL);
	json_str(&data, "target_id", c->target_id);
	json_str(&data, "uri", a->uri);
	log_event(c, "call.transferred", buf_text(&data));
	buf_free(&data);
	/* A caller who was on hold is offered both directions first, and the target its answer. */
	if (!negotiate_tell_caller(c))
		negotiate_tell_target(c);
}

/*
 * A target sends the call on to somebody else (REFER, RFC 3515): that one is called while both still talk, or the
 * target is gone already, and takes its place when it answers.
 */
#include "call/internal.h"
#include "base/log.h"
#include "call/number_plan.h"
#include <string.h>
#include <strings.h>

#define RING_SECONDS 60 /* where the target's own attempt has no time */

/* The user part that the URI names, without parameters; "": it has none. */
static void user_of(const char *uri, char *out, size_t size)
{
	bool tel = strncasecmp(uri, "tel:", 4) == 0;
	const char *from = strchr(uri, ':') + 1, *at = strchr(uri, '@');
	size_t n = tel ? strcspn(from, ";") : at ? (size_t)(at - from) : 0;
	snprintf(out, size, "%.*s", (int)n, from);
	out[strcspn(out, ";:")] = '\0';
}

/* The number that the URI means, as +1512…; false: it means none. */
static bool number_of(const struct call *c, const char *uri, char out[PHONE_SIZE])
{
	char user[80];
	user_of(uri, user, sizeof user);
	return *user && phone_normalize(user, c->organization->region, out);
}

/* What keeps a transfer from being tried. */
struct refusal {
	int status;
	const char *why; /* NULL: nothing does */
};

/* A number of the organization: the call comes in once more, there. */
static struct refusal to_own_number(struct call *c, const char *e164, struct dial_try *t)
{
	char uri[SIP_HOST_SIZE + PHONE_SIZE];
	if (!sip_agent_own_uri(c->loop->agent, e164, uri, sizeof uri))
		return (struct refusal){503, "the server has no SIP listener over UDP or TCP"};
	t->uri = arena_strdup(&c->arena, uri);
	t->username = OWN_USERNAME;
	t->password = c->loop->own_password;
	return (struct refusal){503, t->uri ? NULL : "out of memory"};
}

static struct refusal to_number(struct call *c, const char *number, const struct config_trunk *trunk, struct dial_try *t)
{
	t->number = arena_strdup(&c->arena, number);
	t->trunk = trunk;
	t->order = dial_order(c, trunk);
	t->by_policy = true;
	if (!t->order || !t->number)
		return (struct refusal){503, "out of memory"};
	return (struct refusal){403, policy_forbids_number(c->organization, number)};
}

/* ---- attended transfers ---- */

/* The Call-ID of a Replaces line; "": there is none. */
static void replaced_call(const char *headers, char *out, size_t size)
{
	static const char name[] = "Replaces: ";
	const char *at = headers ? strstr(headers, name) : NULL;
	out[0] = '\0';
	if (at)
		snprintf(out, size, "%.*s", (int)strcspn(at + sizeof name - 1, ";\r\n"), at + sizeof name - 1);
}

/* The call that this phone has placed to consult somebody; NULL: the header names none. */
static const struct call *consultation(const struct call *c, const struct attempt *a, const char *headers)
{
	char id[256];
	replaced_call(headers, id, sizeof id);
	for (const struct call *other = *id ? c->loop->by_serial : NULL; other; other = other->hh.next) {
		bool same = !other->over && other->placed && strcmp(other->sip_call_id, id) == 0;
		if (same && strcmp(other->placed->by->id, a->to->target->id) == 0)
			return other;
	}
	return NULL;
}

/* The lines without Replaces. */
static const char *other_lines(const char *headers)
{
	const char *end = strstr(headers, "\r\n");
	return strncmp(headers, "Replaces: ", 10) == 0 && end ? end + 2 : headers;
}

/*
 * Who is consulted is called at the same phone, which then takes the caller in place of the one who
 * consulted (RFC 3891).
 */
static struct refusal to_consulted(struct call *c, const struct call *other, const char *headers, struct dial_try *t)
{
	char replaces[512];
	struct buf lines = {0};
	const struct attempt *a = other->dial.connected ? other->dial.talking : NULL;
	if (!a || !a->leg || !sip_leg_replaces(a->leg, replaces, sizeof replaces))
		return (struct refusal){480, "whom the phone consulted has not answered"};
	if (a->to->trunk)
		return (struct refusal){403, "whom the phone consulted is reached over a trunk, which does not "
					     "put calls together: transfer to the number instead"};
	struct phone *phone = a->to->phone ? arena_alloc(&c->arena, sizeof *phone) : NULL;
	if (phone)
		*phone = *a->to->phone;
	buf_printf(&lines, "Replaces: %s\r\n%s", replaces, other_lines(headers));
	t->target = a->to->target ? organization_target(c->organization, a->to->target->id) : NULL;
	t->uri = arena_strdup(&c->arena, a->uri);
	t->phone = phone;
	t->headers = arena_strdup(&c->arena, buf_text(&lines));
	t->replaces = true;
	buf_free(&lines);
	return (struct refusal){503, t->uri && t->headers && (phone || !a->to->phone) ? NULL : "out of memory"};
}

/*
 * A phone that is registered here has no server of its own: it names a target by its short number
 * or its phone's user name, or a telephone number, which goes over a trunk.
 */
static struct refusal by_number_plan(struct call *c, const struct attempt *a, const char *uri, struct dial_try *t)
{
	char user[80];
	const struct organization *o = c->organization;
	const struct call *consulted = consultation(c, a, t->headers);
	if (consulted)
		return to_consulted(c, consulted, t->headers, t);
	user_of(uri, user, sizeof user);
	struct number_plan p = number_plan_read(c->loop->config.config, o, a->to->target, user);
	switch (p.kind) {
	case PLAN_TARGET:
		return (struct refusal){480, dial_reach(c, p.target, t)};
	case PLAN_OWN_NUMBER:
		return to_own_number(c, p.e164, t);
	case PLAN_NUMBER:
		return to_number(c, p.e164, p.trunk, t);
	case PLAN_REFUSED:
		break;
	}
	return (struct refusal){p.status, p.why};
}

/*
 * Who may be called so: anybody at the target's own server, which could send the call there by itself; numbers, over the
 * trunk that the target was called by, and other addresses where the dial policy lets calls go to them.
 */
static struct refusal prepare(struct call *c, const struct attempt *a, const struct sip_refer *refer, struct dial_try *t)
{
	char there[SIP_HOST_SIZE], here[SIP_HOST_SIZE], number[PHONE_SIZE];
	const struct config_trunk *trunk = a->to->trunk;
	bool same = strcasecmp(sip_uri_host(refer->uri, there), sip_uri_host(a->uri, here)) == 0;
	*t = (struct dial_try){.timeout_seconds = a->to->timeout_seconds ? a->to->timeout_seconds : RING_SECONDS, .headers = arena_strdup(&c->arena, refer->headers)};
	if (a->to->phone)
		return by_number_plan(c, a, refer->uri, t);
	if (trunk && number_of(c, refer->uri, number))
		return to_number(c, number, trunk, t);
	t->uri = arena_strdup(&c->arena, refer->uri);
	if (!t->uri || strncasecmp(refer->uri, "sip", 3) != 0)
		return (struct refusal){403, "only a SIP address can be called so"};
	t->by_policy = !same || trunk;
	return (struct refusal){403, t->by_policy ? policy_forbids_uri(c->organization) : NULL};
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
	struct refusal r = prepare(c, a, refer, t);
	if (r.why) {
		log_info(c->id, "not sent on to %s: %s", refer->uri, r.why);
		t->uri = arena_strdup(&c->arena, refer->uri);
		log_attempt(c, t, NULL, "skipped", 0, r.why);
		sip_leg_refer_answer(a->leg, r.status);
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
	fax_stop(c);
	media_bridge(c->end, NULL);
	dial_let_go(a);
	a->sdp.sends = false;
	hold_update(c);
	call_ring_back(c);
	return true;
}

void transfer_answered(struct attempt *a)
{
	struct call *c = a->call;
	struct dial *d = &c->dial;
	struct attempt *before = d->talking;
	struct buf data = {0};
	fax_stop(c);
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
	hold_update(c);
	log_attempt(c, a->to, a, "transferred", 200, NULL);
	json_str(&data, "target_id", c->target_id);
	json_str(&data, "uri", a->uri);
	log_event(c, "call.transferred", buf_text(&data));
	buf_free(&data);
	/* A caller who was on hold is offered both directions first, and the target its answer. */
	if (!negotiate_tell_caller(c))
		negotiate_tell_target(c);
}

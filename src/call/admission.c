/* Admission: which requests are taken, and whose call an INVITE is. */
#include "call/internal.h"
#include "base/log.h"
#include "base/network.h"
#include "call/number_plan.h"
#include "call/ticket.h"
#include <string.h>
#include <strings.h>

struct call *loop_call(struct call_loop *loop, const char *id)
{
	struct call *c;
	HASH_FIND(hh_id, loop->by_id, id, strlen(id), c);
	return c && !c->over ? c : NULL;
}

/* The call of the organization that was forwarded to this server itself; NULL: it is another. */
static const struct call *sent_on_from(struct call_loop *loop, const struct sip_incoming *in,
				       const struct organization *o)
{
	for (size_t i = 0; i < in->header_count; i++) {
		if (strcasecmp(in->headers[i * 2], CALL_ID_HEADER) != 0)
			continue;
		const struct call *c = loop_call(loop, in->headers[i * 2 + 1]);
		if (c && strcmp(c->organization->id, o->id) == 0)
			return c;
	}
	return NULL;
}

/* Has the call been at this number before? (RFC 3261 section 16.3: 482) */
static bool is_loop(const struct call *before, const char *number)
{
	char visited[PHONE_SIZE + 1];
	snprintf(visited, sizeof visited, "%s ", number);
	return strcmp(before->number->number, number) == 0 || strstr(before->path, visited);
}

/* ---- credentials ---- */

struct password_request {
	const struct call_loop *loop;
	const struct organization *organization;
	const char *number;
	char trunk_id[ID_SIZE]; /* of the password returned last; "": a ticket's */
	char ticket[CRYPTO_HASH_SIZE];
};

static const char *password_of(void *arg, const char *username, size_t n)
{
	struct password_request *r = arg;
	const struct call_loop *loop = r->loop;
	for (size_t i = 0; i < r->organization->trunk_count; i++) {
		const struct config_trunk *t = &r->organization->trunks[i];
		if (!t->username || strcmp(t->username, username) != 0 || n-- > 0)
			continue;
		snprintf(r->trunk_id, sizeof r->trunk_id, "%s", t->id);
		return t->password;
	}
	r->trunk_id[0] = '\0';
	if (n == 0 && strcmp(username, OWN_USERNAME) == 0)
		return loop->own_password;
	if (n > 0 || !loop->config.takes_tickets)
		return NULL;
	bool valid = ticket_password(config_key(loop->config.config), username, r->organization->id,
				     r->number, clock_now_ms() / 1000, r->ticket);
	return valid ? r->ticket : NULL;
}

/* Can a call to the organization's numbers show credentials? */
static bool takes_credentials(const struct call_loop *loop, const struct organization *o)
{
	for (size_t i = 0; i < o->trunk_count; i++)
		if (o->trunks[i].username)
			return true;
	return loop->config.takes_tickets;
}

/* ---- refusals ---- */

static void refuse(struct call_loop *loop, const struct sip_incoming *in, int status)
{
	loop->refused++;
	sip_leg_release(in->leg, status, NULL);
}

static void strike(struct call_loop *loop, struct bans *bans, const struct sockaddr *source)
{
	char address[ADDRESS_SIZE];
	if (phones_at(loop->config.phones, source, clock_now_ms()))
		return; /* one phone with a wrong password must not silence the others of its office */
	if (bans_strike(bans, source, clock_monotonic_ms()))
		log_warn(NULL, "%s is not answered for %d seconds: %s too often",
			 address_text(source, address), loop->config.ban_seconds,
			 bans == loop->guessers ? "it was refused" : "it asked for what it may not");
}

/* Of a request that needs no credentials to be refused: only UDP's source may be forged. */
static struct bans *bans_for(const struct call_loop *loop, enum sip_transport transport)
{
	return transport == SIP_UDP ? loop->strangers : loop->guessers;
}

void phone_refused(void *arg, const struct sockaddr *source)
{
	struct call_loop *loop = arg;
	loop->refused++;
	if (source)
		strike(loop, loop->guessers, source);
}

void admission_forgive(struct call_loop *loop, const struct sockaddr *source)
{
	bans_forget(loop->guessers, source);
	bans_forget(loop->strangers, source);
}

/* ---- whose number was called ---- */

/* A called number, and who takes a call to it from an address. */
struct called {
	const struct organization *organization; /* held; NULL: the number is nobody's */
	const struct config_number *number;
	const struct config_trunk *trunk; /* of the organization; NULL: none takes the address */
};

static void forget_called(struct called *called)
{
	if (called->organization)
		organization_release(called->organization);
	*called = (struct called){0};
}

/*
 * Look at one number that `text` may mean. The first number of an organization whose trunk takes
 * the address counts, else the first one at all.
 *
 * region  that the text was read in; NULL: it is E.164
 * in_to   the text was in To, not in the request URI
 */
static bool look_at(struct call_loop *loop, const struct sockaddr *source, const char *text,
		    const char *e164, const char *region, bool in_to, struct called *out)
{
	struct called found = {0};
	found.organization = config_by_number(loop->config.config, e164, &found.number);
	if (!found.organization)
		return false;
	bool fits = !region || *text == '+' ||
		    strcasecmp(found.organization->region, region) == 0;
	found.trunk = fits ? organization_trunk_at(found.organization, source, in_to) : NULL;
	if (!fits || (!found.trunk && (out->organization || in_to))) {
		forget_called(&found);
		return false;
	}
	forget_called(out);
	*out = found;
	return found.trunk != NULL;
}

/* All numbers that the text may mean: as it is, and as each organization's country writes it. */
static void look_up(struct call_loop *loop, const struct sockaddr *source, const char *text,
		    bool in_to, struct called *out)
{
	char e164[PHONE_SIZE], regions[REGIONS_MAX][REGION_SIZE];
	if (look_at(loop, source, text, text, NULL, in_to, out))
		return;
	size_t count = config_regions(loop->config.config, regions);
	for (size_t i = 0; i < count; i++)
		if (phone_normalize(text, regions[i], e164) &&
		    look_at(loop, source, text, e164, regions[i], in_to, out))
			return;
}

static void find_called(struct call_loop *loop, const struct sockaddr *source,
			const char *request_user, const char *to_user, struct called *out)
{
	*out = (struct called){0};
	look_up(loop, source, request_user, false, out);
	if (!out->trunk)
		look_up(loop, source, to_user, true, out);
}

/*
 * A call over one trunk: the number of its organization that the text means, or the trunk's default
 * number. text NULL: the default number only.
 */
static void find_over(struct call_loop *loop, const struct trunk_match *match, const char *text,
		      struct called *out)
{
	char e164[PHONE_SIZE];
	struct config_store *config = loop->config.config;
	const struct organization *o = config_organization(config, match->organization_id);
	const struct config_trunk *trunk = o ? organization_trunk(o, match->trunk_id) : NULL;
	const char *numbers[] = {NULL, trunk ? trunk->default_number : NULL};
	*out = (struct called){0};
	if (trunk && text)
		numbers[0] = phone_normalize(text, o->region, e164) ? e164 : text;
	for (size_t i = 0; i < ARRAY_LEN(numbers) && !out->organization; i++) {
		if (!numbers[i])
			continue;
		out->organization = config_by_number(config, numbers[i], &out->number);
		if (out->organization && strcmp(out->organization->id, o->id) != 0)
			forget_called(out);
	}
	if (out->organization)
		out->trunk = organization_trunk(out->organization, match->trunk_id);
	if (out->organization && !out->trunk)
		forget_called(out); /* the trunk was deleted meanwhile */
	if (o)
		organization_release(o);
}

/* ---- calls that phones place ---- */

/* The campaign of the caller's own number e164 takes the call, as if it had come from outside. */
static void call_own_number(struct call_loop *loop, const struct sip_incoming *in,
			    const struct organization *caller, const char *e164)
{
	const struct config_number *number = NULL;
	const struct organization *o = config_by_number(loop->config.config, e164, &number);
	bool own = o && strcmp(o->id, caller->id) == 0;
	bool takes = own && number->campaign && number->campaign->enabled;
	if (!takes)
		refuse(loop, in, 480);
	else if (!in->asks)
		call_begin(loop, in, o, number, NULL, NULL, NULL);
	if (o && (!takes || in->asks))
		organization_release(o);
}

static void place_call(struct call_loop *loop, const struct sip_incoming *in,
		       const struct phone_match *m)
{
	const struct organization *o = config_organization(loop->config.config, m->organization_id);
	const struct route_target *by = o ? organization_find(o, "target", m->target_id) : NULL;
	struct number_plan plan = {.status = 403, .why = "it is gone"};
	if (by)
		plan = number_plan_read(loop->config.config, o, by, in->request_user);
	if (plan.kind == PLAN_REFUSED) {
		log_info(NULL, "the phone of target %s may not call %s: %s", m->target_id,
			 in->request_user, plan.why);
		refuse(loop, in, plan.status);
	} else if (plan.kind == PLAN_OWN_NUMBER) {
		call_own_number(loop, in, o, plan.e164);
	} else if (!in->asks) {
		struct placed p = {
			.number.number = in->request_user,
			.campaign = {.id = "", .name = "Calls of phones",
				     .terms.converts_after_seconds = -1},
			.by = by,
			.to = plan.target,
			.e164 = plan.target ? NULL : plan.e164,
			.trunk = plan.trunk,
		};
		call_begin(loop, in, o, &p.number, NULL, NULL, &p);
		return; /* which has the organization now */
	}
	if (o)
		organization_release(o);
}

static bool names_phone(struct call_loop *loop, const char *from_user)
{
	return *from_user && config_phone(loop->config.config, from_user, 0, NULL);
}

/*
 * Is it a phone's, by its From and its credentials? Then it is answered here. *wrong: there are
 * credentials, and no phone has them; they may be a trunk's.
 */
static bool is_placed_by_phone(struct call_loop *loop, const struct sip_incoming *in, bool *wrong)
{
	if (!names_phone(loop, in->from_user))
		return false;
	enum sip_auth auth = sip_leg_authenticate(in->leg, phone_password, loop);
	*wrong = auth == SIP_AUTH_REFUSED;
	if (*wrong)
		return false;
	if (auth == SIP_AUTH_CHALLENGED) {
		refuse(loop, in, 403); /* it is answered: this ends the leg */
		return true;
	}
	admission_forgive(loop, in->source);
	place_call(loop, in, &loop->phone);
	return true;
}

/* ---- before anything is made of a request ---- */

/* Does a trunk of the called number's organization take calls from there? */
static bool is_taken_by_address(struct call_loop *loop, const struct sip_asked *asked)
{
	struct called called;
	if (asked->wish != SIP_INVITE)
		return false;
	find_called(loop, asked->source, asked->request_user, asked->to_user, &called);
	bool taken = called.trunk != NULL;
	forget_called(&called);
	return taken;
}

/* Does the called number's organization have it challenged? */
static bool is_challenged(struct call_loop *loop, const struct sip_asked *asked)
{
	struct called called;
	find_called(loop, asked->source, asked->request_user, asked->to_user, &called);
	bool challenged = called.organization && takes_credentials(loop, called.organization);
	forget_called(&called);
	return challenged;
}

/*
 * Might it show, with what it asks for, that it may? strictly: the number that it calls says so, or
 * the phone in its From.
 */
static bool may_show_credentials(struct call_loop *loop, const struct sip_asked *asked,
				 bool strictly)
{
	struct config_store *config = loop->config.config;
	if (asked->wish == SIP_REGISTER)
		return config_phone(config, NULL, 0, NULL);
	if (asked->wish != SIP_INVITE)
		return false;
	if (sip_agent_is_own(loop->agent, asked->source))
		return true;
	bool phones = phones_at(loop->config.phones, asked->source, clock_now_ms());
	if (strictly)
		return (phones && names_phone(loop, asked->from_user)) || is_challenged(loop, asked);
	return phones || loop->config.takes_tickets || config_has_digest(config);
}

enum sip_visitor admission_visitor(void *arg, const struct sockaddr *source)
{
	struct call_loop *loop = arg;
	if (config_is_trunk_address(loop->config.config, source))
		return SIP_VISITOR_KNOWN;
	if (bans_has(loop->guessers, source, clock_monotonic_ms()))
		return SIP_VISITOR_BANNED;
	bool phones = phones_at(loop->config.phones, source, clock_now_ms());
	return phones ? SIP_VISITOR_KNOWN : SIP_VISITOR_STRANGER;
}

/*
 * Two bans. Guessers have shown wrong credentials for a nonce that was sent to their address, or
 * were refused over TCP or TLS, so that the address is not forged: they are not answered at all.
 * Strangers have asked over UDP for what needs no credentials to be refused, and their address may
 * be forged: only more of the same goes unanswered, which nobody misses.
 */
enum sip_admission admission_ask(void *arg, const struct sip_asked *asked)
{
	struct call_loop *loop = arg;
	struct trunk_match line;
	if (!asked->source)
		return SIP_ADMIT;
	int64_t now = clock_monotonic_ms();
	bool guesser = bans_has(loop->guessers, asked->source, now);
	bool banned = guesser || bans_has(loop->strangers, asked->source, now);
	bool somebodys = config_is_trunk_address(loop->config.config, asked->source);
	if (somebodys && !banned)
		return SIP_ADMIT;
	/* A ban of somebody's trunk address is for what that trunk is not for. */
	if (somebodys && (asked->wish == SIP_OTHER || is_taken_by_address(loop, asked)))
		return SIP_ADMIT;
	bool line_of_trunk = config_trunk_by_line(loop->config.config, asked->request_user, &line);
	if (!guesser && (line_of_trunk || may_show_credentials(loop, asked, banned)))
		return SIP_ADMIT;
	if (banned) {
		loop->dropped++;
		return SIP_DROP;
	}
	loop->refused++;
	strike(loop, bans_for(loop, asked->transport), asked->source);
	return SIP_REFUSE;
}

/* ---- calls ---- */

/* An INVITE on its way to a call. */
struct entry {
	struct called called;
	bool by_line;    /* it came to the contact that a trunk has registered */
	bool somebodys;  /* from the address of a trunk of whatever organization */
	bool ticket;     /* with a ticket's credentials */
	bool wrong;      /* its credentials are no phone's */
};

/* The number, and the trunk that takes the call by its address. */
static void find_entry(struct call_loop *loop, const struct sip_incoming *in, struct entry *e)
{
	struct trunk_match line;
	struct config_store *config = loop->config.config;
	*e = (struct entry){.somebodys = config_is_trunk_address(config, in->source)};
	e->by_line = config_trunk_by_line(config, in->request_user, &line);
	if (e->by_line) /* where we registered, the number is in To */
		find_over(loop, &line, in->to_user, &e->called);
	else
		find_called(loop, in->source, in->request_user, in->to_user, &e->called);
}

/* A number of nobody stands for the default number of a trunk that takes the address. */
static void find_default(struct call_loop *loop, const struct sip_incoming *in, struct entry *e)
{
	struct trunk_match match;
	if (!e->called.organization && !e->by_line &&
	    config_default_trunk(loop->config.config, in->source, &match))
		find_over(loop, &match, NULL, &e->called);
}

/*
 * Credentials, where no trunk takes the call by its address and the organization has some.
 * false: they are asked for, or wrong; the INVITE is answered.
 */
static bool authenticate(struct call_loop *loop, const struct sip_incoming *in, struct entry *e)
{
	const struct organization *o = e->called.organization;
	if (!o || e->called.trunk)
		return true;
	bool own = sip_agent_is_own(loop->agent, in->source) && sent_on_from(loop, in, o);
	if (!own && !takes_credentials(loop, o))
		return true;
	struct password_request request = {
		.loop = loop, .organization = o, .number = e->called.number->number};
	enum sip_auth auth = sip_leg_authenticate(in->leg, password_of, &request);
	if (auth == SIP_AUTH_REFUSED)
		strike(loop, loop->guessers, in->source);
	if (auth != SIP_AUTH_OK) {
		refuse(loop, in, 403); /* after a challenge this only ends the leg */
		return false;
	}
	admission_forgive(loop, in->source);
	e->ticket = !request.trunk_id[0];
	if (!e->ticket)
		e->called.trunk = organization_trunk(o, request.trunk_id);
	return true;
}

/* 0, or why the call is refused: who is known learns that the number is not, others learn nothing. */
static int refusal_of(const struct entry *e)
{
	const struct config_number *number = e->called.number;
	bool known = e->called.trunk || e->ticket;
	if (!known)
		return e->somebodys || e->by_line ? 404 : 403;
	if (!number || !number->campaign)
		return 404;
	bool enabled = number->campaign->enabled &&
		       campaign_terms(number->campaign, number->publisher_id)->enabled;
	return enabled ? 0 : 480;
}

/* The organization stays held when the call begins. */
static void begin(struct call_loop *loop, const struct sip_incoming *in, struct entry *e)
{
	const struct called *called = &e->called;
	int status = refusal_of(e);
	bool known = called->trunk || e->ticket, stale = e->somebodys && !called->organization;
	if (!known && e->wrong)
		strike(loop, loop->guessers, in->source);
	else if (!known && !e->by_line && !stale)
		strike(loop, bans_for(loop, in->transport), in->source);
	const struct call *before = status ? NULL : sent_on_from(loop, in, called->organization);
	if (before && is_loop(before, called->number->number)) {
		log_warn(before->id, "refused 482: it came back to %s, where it was already",
			 called->number->number);
		status = 482;
	}
	if (status)
		log_debug(NULL, "refused %d: call to %s", status,
			  e->by_line ? in->to_user : in->request_user);
	if (status)
		refuse(loop, in, status);
	if (status || in->asks)
		forget_called(&e->called);
	else
		call_begin(loop, in, called->organization, called->number, called->trunk, before,
			   NULL);
}

void admission_invite(void *arg, const struct sip_incoming *in)
{
	struct call_loop *loop = arg;
	struct entry e;
	if (loop->draining) {
		refuse(loop, in, 503);
		return;
	}
	find_entry(loop, in, &e);
	bool phones = !e.called.trunk && !e.by_line;
	/* At an address without registered phones a trunk's default number comes before phones. */
	if (phones && !phones_at(loop->config.phones, in->source, clock_now_ms()))
		find_default(loop, in, &e);
	if (phones && !e.called.trunk && is_placed_by_phone(loop, in, &e.wrong)) {
		forget_called(&e.called);
		return;
	}
	find_default(loop, in, &e);
	if (authenticate(loop, in, &e))
		begin(loop, in, &e);
	else
		forget_called(&e.called);
}

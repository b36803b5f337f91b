/* A ring tree's auction: its targets are asked at once, and bids are tried, the best first, until one takes the call. */
#include "call/internal.h"
#include "webhook/client.h"
#include <stdlib.h>
#include <string.h>

#define ROUNDS_MAX 3   /* how often who bids is asked again when the bid has ended */
#define KEPT_MAX 16384 /* of a request's body, and of its answer */

struct ping {
	const struct rtb_target *to;
	int priority;
	char id[ID_SIZE];
	unsigned request;       /* of the HTTP client; 0: none is under way */
	bool bids, tried;
	const char *status;     /* what became of it: won, lost, no_bid, failed; NULL: not known yet */
	const char *reason, *detail; /* why, for programs and in words */
	int64_t began_ms, began_us, latency_us;
	int http_status;
	const char *method, *url, *body, *answer; /* as they are kept */
	size_t answer_len;
	struct rtb_answer said;
};

struct auction {
	const struct route_tree *tree;
	const struct dial_try *entry; /* in whose place it is */
	struct ping *pings;           /* of all rounds */
	size_t count, max, open;
	int rounds, attempts;
	struct ping *trying;
	int64_t until_ms; /* monotonic: no answer is waited for any more */
};

/* ---- asking ---- */

static void refuse(struct ping *p, const char *status, const char *reason, const char *detail)
{
	p->bids = false;
	p->status = status;
	p->reason = reason;
	p->detail = detail;
}

/* bid, winning_bid: in millionths; -1: not known. */
static bool make_request(struct call *c, const struct ping *p, const struct rtb_request *request, int64_t bid, int64_t winning_bid, bool shows_sensitive, struct arena *arena, struct rtb_rendered *out)
{
	char own[MONEY_SIZE] = "", won[MONEY_SIZE] = "";
	struct value variables[RTB_VARIABLE_COUNT] = {[RTB_REQUEST_ID] = value_string(p->id, strlen(p->id)), [RTB_BID] = {.text = ""}, [RTB_WINNING_BID] = {.text = ""}};
	struct expr_env env;
	if (bid >= 0)
		variables[RTB_BID] = (struct value){.kind = VALUE_NUMBER, .text = money_format(bid, own), .len = (uint32_t)strlen(own), .number = (double)bid / 1e6};
	if (winning_bid >= 0)
		variables[RTB_WINNING_BID] = (struct value){.kind = VALUE_NUMBER, .text = money_format(winning_bid, won), .len = (uint32_t)strlen(won), .number = (double)winning_bid / 1e6};
	return rtb_env(p->to, c->organization->tags, &c->env, shows_sensitive, variables, arena, &env) && rtb_render(request, &env, arena, out);
}

/* A request, or an answer, as it is kept: without the keys of calls, which are masked before it is cut. *len becomes
 * its length. */
static const char *keep(struct call *c, const char *text, size_t *len)
{
	char *whole = text ? malloc(*len + 1) : NULL;
	if (!whole)
		return NULL;
	memcpy(whole, text, *len);
	size_t n = keys_mask(whole, *len);
	*len = n < KEPT_MAX ? n : KEPT_MAX;
	const char *kept = arena_strndup(&c->arena, whole, *len);
	free(whole);
	return kept;
}

static const char *keep_text(struct call *c, const char *text)
{
	size_t len = text ? strlen(text) : 0;
	return keep(c, text, &len);
}

static void send_ping(struct call *c, struct auction *u, struct ping *p)
{
	struct arena scratch = {0};
	struct rtb_rendered sent = {0}, kept;
	bool made = make_request(c, p, &p->to->ping, -1, -1, true, &scratch, &sent);
	kept = sent;
	if (made && p->to->sensitive_count) /* else nothing in it is */
		made = make_request(c, p, &p->to->ping, -1, -1, false, &scratch, &kept);
	p->began_ms = clock_now_ms();
	p->began_us = clock_monotonic_us();
	if (made) {
		p->request = http_client_request(c->loop->config.http, sent.method, sent.url, sent.body, sent.headers, u->tree->timeout_ms, c->loop->http_answers, c->serial);
		p->method = p->to->ping.method;
		p->url = keep_text(c, kept.url);
		p->body = keep_text(c, kept.body);
	}
	arena_free(&scratch);
	if (p->request) {
		u->open++;
		c->loop->pings++;
	} else {
		refuse(p, "failed", "not_sent", made ? "too many requests are waiting" : "its request would be too long");
	}
}

static void ask(struct call *c, struct auction *u, const struct rtb_target *to, int priority)
{
	if (u->count == u->max)
		return;
	struct ping *p = &u->pings[u->count++];
	*p = (struct ping){.to = to, .priority = priority, .said = {.bid_micros = -1, .expires_ms = -1}};
	id_new("rtq", p->id);
	send_ping(c, u, p);
}

static void begin_round(struct auction *u)
{
	u->rounds++;
	u->until_ms = clock_monotonic_ms() + u->tree->timeout_ms;
}

static struct auction *begin(struct attempt *a)
{
	struct call *c = a->call;
	const struct route_tree *tree = a->to->tree;
	const struct capacity_call as = dial_capacity_call(c);
	struct capacity_asked asked = capacity_ask(c->loop->config.capacity, c->organization, c->campaign, &as, c->caller_id, c->started_ms, clock_now_ms());
	struct auction *u = arena_alloc(&c->arena, sizeof *u);
	if (!u)
		return NULL;
	*u = (struct auction){.tree = tree, .entry = a->to, .max = tree->count * ROUNDS_MAX};
	u->pings = arena_alloc(&c->arena, (u->max + 1) * sizeof *u->pings);
	if (!u->pings)
		return NULL;
	log_course(c, call_now_ms(c));
	begin_round(u);
	for (size_t i = 0; i < tree->count; i++) {
		const struct route_bidder *b = &tree->bidders[i];
		enum route_verdict v = capacity_judge_bidder(&asked, b, &c->env);
		if (v != ROUTE_ELIGIBLE)
			log_attempt(c, &(struct dial_try){.target = &b->target->target, .uri = tree->name}, NULL, "skipped", 0, route_verdict_text(v));
		else
			ask(c, u, b->target, b->priority);
	}
	return u;
}

/* ---- answers ---- */

static void read_answer(struct call *c, const struct auction *u, struct ping *p, const struct http_answer *answer)
{
	p->latency_us = clock_monotonic_us() - p->began_us;
	p->http_status = answer->status;
	if (answer->result != HTTP_ANSWERED) {
		bool late = answer->result == HTTP_TIMED_OUT;
		const char *error = arena_strdup(&c->arena, answer->error);
		refuse(p, "failed", late ? "timeout" : "no_answer", late || !error || !*error ? "it did not answer in time" : error);
		return;
	}
	const char *body = answer->body ? answer->body : "";
	p->answer_len = answer->body_len;
	p->answer = keep(c, body, &p->answer_len);
	rtb_mapping_read(p->to->mapping, answer->status, body, answer->body_len, clock_now_ms(), c->organization->region, &c->arena, &p->said);
	const char *why = rtb_judge(p->to, u->tree->minimum_micros, &p->said, clock_now_ms());
	p->bids = !why;
	if (why)
		refuse(p, "no_bid", p->said.accepted ? "not_a_bid" : "refused", why);
}

static void decided(struct attempt *a)
{
	a->asking = false;
	a->until_ms = 0;
	dial_next_bid(a);
	dial_try_more(a->call);
}

bool auction_answer(struct call *c, const struct http_answer *answer)
{
	for (size_t i = 0; c->dial.active && i < c->dial.attempt_count; i++) {
		struct attempt *a = &c->dial.attempts[i];
		struct auction *u = a->asking ? a->auction : NULL;
		for (size_t k = 0; u && k < u->count; k++) {
			struct ping *p = &u->pings[k];
			if (!p->request || p->request != answer->number)
				continue;
			p->request = 0;
			u->open--;
			c->loop->pings--;
			read_answer(c, u, p, answer);
			if (!u->open)
				decided(a);
			return true;
		}
	}
	return false;
}

static void give_up_waiting(struct call_loop *loop, struct auction *u, const char *reason, const char *detail)
{
	for (size_t i = 0; i < u->count; i++) {
		struct ping *p = &u->pings[i];
		if (!p->request)
			continue;
		p->request = 0; /* its answer finds nobody */
		p->latency_us = clock_monotonic_us() - p->began_us;
		refuse(p, "failed", reason, detail);
	}
	loop->pings -= u->open;
	u->open = 0;
}

void auction_late(struct attempt *a)
{
	give_up_waiting(a->call->loop, a->auction, "timeout", "it did not answer in time");
	decided(a);
}

/* ---- bids ---- */

static struct ping *best(struct auction *u)
{
	struct ping *found = NULL;
	struct rtb_rank ranks[2];
	for (size_t i = 0; i < u->count; i++) {
		struct ping *p = &u->pings[i];
		if (!p->bids || p->tried)
			continue;
		ranks[found ? 1 : 0] = (struct rtb_rank){p->said.bid_micros, p->priority, i};
		if (found)
			rtb_rank(ranks, 2);
		found = &u->pings[ranks[0].place];
	}
	return found;
}

/* Bids that have ended are asked for anew. */
static void ask_again(struct call *c, struct auction *u, int64_t now_ms)
{
	size_t n = u->count;
	begin_round(u);
	for (size_t i = 0; i < n; i++) {
		struct ping *p = &u->pings[i];
		if (!p->bids || p->tried || p->said.expires_ms > now_ms)
			continue;
		refuse(p, "lost", "expired", "its bid ended before it was its turn; it was asked again");
		ask(c, u, p->to, p->priority);
	}
}

static const char *chosen(struct call *c, const struct auction *u, const struct ping *p)
{
	char text[200], bid[MONEY_SIZE];
	size_t bids = 0;
	for (size_t i = 0; i < u->count; i++)
		bids += u->pings[i].bids;
	snprintf(text, sizeof text, "its bid of %s in the ring tree %.80s: %s of %zu", money_format(p->said.bid_micros, bid), u->tree->name, u->attempts == 1 ? "the best" : "the next", bids);
	return arena_strdup(&c->arena, text);
}

/* Where it says, or else where its configuration does; it is paid what it bids. NULL: no memory. */
static struct dial_try *make_try(struct call *c, const struct auction *u, const struct ping *p)
{
	struct route_target *t = arena_alloc(&c->arena, sizeof *t);
	struct dial_try *to = arena_alloc(&c->arena, sizeof *to);
	if (!t || !to)
		return NULL;
	*t = p->to->target;
	t->revenue_micros = p->said.bid_micros;
	if (p->said.duration_seconds >= 0)
		t->revenue_after_seconds = p->said.duration_seconds;
	bool named = p->said.uri || p->said.number;
	if (named) {
		t->uri = p->said.uri ? dial_clean_uri(c, p->said.uri) : NULL;
		t->number = p->said.number;
	}
	*to = (struct dial_try){.plan = u->entry->plan, .group = u->entry->group, .stage = u->entry->stage, .at_once = u->entry->at_once, .timeout_seconds = u->entry->timeout_seconds, .by_policy = named, .tree = u->tree};
	to->target = t;
	to->chosen = chosen(c, u, p);
	const char *why = NULL;
	if (named && p->said.uri)
		why = t->uri ? policy_forbids_uri(c->organization) : "its SIP URI cannot be used";
	else if (named)
		why = policy_forbids_number(c->organization, t->number);
	why = why ? why : dial_reach(c, t, to);
	if (!why)
		return to;
	to->uri = t->uri ? t->uri : t->number;
	if (p->said.uri)
		to->uri = p->said.uri;
	log_attempt(c, to, NULL, "skipped", 0, why);
	return NULL;
}

bool auction_next(struct attempt *a)
{
	struct call *c = a->call;
	struct auction *u = a->auction;
	if (!u && !(u = a->auction = begin(a)))
		return false;
	for (;;) {
		if (u->open) {
			a->asking = true;
			a->until_ms = u->until_ms;
			return false;
		}
		struct ping *p = u->attempts < u->tree->max_attempts ? best(u) : NULL;
		int64_t now = clock_now_ms();
		if (!p)
			break;
		if (p->said.expires_ms <= now && u->rounds < ROUNDS_MAX) {
			ask_again(c, u, now);
			continue;
		}
		if (p->said.expires_ms <= now) {
			refuse(p, "lost", "expired", "its bid ended before it was its turn");
			continue;
		}
		p->tried = true;
		u->attempts++;
		u->trying = p;
		struct dial_try *to = make_try(c, u, p);
		if (!to)
			continue;
		a->to = to;
		return true;
	}
	if (!u->attempts)
		log_attempt(c, &(struct dial_try){.uri = u->tree->name}, NULL, "no_bid", 0, u->count ? "nobody bid for the call" : "nobody could be asked");
	auction_close(a, false);
	return false;
}

/* ---- the end ---- */

static void notify(struct call *c, const struct ping *p, int64_t winning_bid)
{
	const struct rtb_request *request = strcmp(p->status, "won") == 0 ? &p->to->win : &p->to->loss;
	struct arena scratch = {0};
	struct rtb_rendered out;
	if (request->method && make_request(c, p, request, p->said.bid_micros, winning_bid, true, &scratch, &out))
		(void)http_client_request(c->loop->config.http, out.method, out.url, out.body, out.headers, 10000, c->loop->http_answers, c->serial); /* whose answer nobody waits for */
	arena_free(&scratch);
}

static char *document(const struct auction *u, const struct ping *p)
{
	struct buf b = {0};
	json_open(&b);
	json_str(&b, "ring_tree_id", u->tree->id);
	json_str(&b, "method", p->method);
	json_str(&b, "url", p->url);
	json_str(&b, "body", p->body);
	json_key(&b, "answer");
	if (p->answer)
		buf_json_string(&b, p->answer, p->answer_len);
	else
		buf_add_str(&b, "null");
	json_int(&b, "http_status", p->http_status);
	json_str(&b, "detail", p->detail);
	json_str(&b, "target_id", p->to->target.id);
	if (p->said.duration_seconds >= 0)
		json_int(&b, "duration_seconds", p->said.duration_seconds);
	json_bool(&b, "bid", p->said.accepted && p->said.bid_micros >= 0);
	const struct rtb_request *notice = !p->bids ? NULL : strcmp(p->status, "won") == 0 ? &p->to->win : &p->to->loss;
	json_str(&b, "notice", !notice || !notice->method ? NULL : notice == &p->to->win ? "win" : "loss");
	json_key(&b, "latency_ms");
	buf_printf(&b, "%.3f", (double)p->latency_us / 1000);
	json_close(&b);
	return buf_take(&b);
}

static void keep_ping(struct call *c, const struct auction *u, const struct ping *p)
{
	struct store_batch *batch = log_batch(c);
	char *doc = document(u, p);
	const char *to = p->said.uri ? p->said.uri : p->said.number ? p->said.number : p->to->target.uri ? p->to->target.uri : p->to->target.number;
	if (batch && doc)
		store_batch_add(batch, "INSERT INTO rtb_requests (id, organization_id, direction, resource_id, campaign_id, publisher_id, caller_id, number, call_id, status, reason, amount, received_at, expires_at, tags, doc) "
				       "VALUES ($1, $2, 'outbound', $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, NULLIF(CAST($13 AS BIGINT), -1), '{}', $14)", "ssssssssssiiis",
				p->id, c->organization->id, p->to->target.id, c->campaign->id, c->publisher_id, c->caller_id[0] == '+' ? c->caller_id : NULL, p->said.accepted ? to : NULL, c->id, p->status, p->reason,
				p->said.bid_micros > 0 ? p->said.bid_micros : (int64_t)0, p->began_ms, p->said.expires_ms, doc);
	free(doc);
}

void auction_close(struct attempt *a, bool won)
{
	struct call *c = a->call;
	struct auction *u = a->auction;
	a->auction = NULL;
	a->asking = false;
	if (!u)
		return;
	const struct ping *winner = won ? u->trying : NULL;
	give_up_waiting(c->loop, u, "call_over", "the call went on before it answered");
	for (size_t i = 0; i < u->count; i++) {
		struct ping *p = &u->pings[i];
		bool wins = won && p == winner;
		if (!p->status)
			p->status = wins ? "won" : "lost";
		if (!p->reason && !wins) {
			p->reason = p->tried ? "call_failed" : winner ? "outbid" : "not_tried";
			p->detail = p->tried ? "its bid was tried, and its call was not connected" : winner ? "another bid got the call" : "the call was over, or as many bids were tried as may be, before it was its turn";
		}
		keep_ping(c, u, p);
		if (p->bids)
			notify(c, p, winner ? winner->said.bid_micros : -1);
	}
}

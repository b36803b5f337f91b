/* call/internal.h: one call, as the files of src/call/ share it. Loop thread only. */
#ifndef CALL_INTERNAL_H
#define CALL_INTERNAL_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/id.h"
#include "base/money.h"
#include "base/phone.h"
#include "call/ban.h"
#include "call/call.h"
#include "call/ladder.h"
#include "call/policy.h"
#include "event/event.h"
#include "flow/flow.h"
#include "media/rtpengine.h"
#include "sip/sdp.h"
#include "sip/sip.h"
#include <pthread.h>
#include <semaphore.h>
#include <sofia-sip/su_wait.h>
#include <uthash.h>

#define KEYS_MAX 64

enum { END_CALLER, END_TARGET }; /* media ends of a call; those of further legs follow */

struct call_loop {
	struct call_loop_config config;
	pthread_t thread;
	su_root_t *root;
	struct sip_agent *agent;
	struct rtpengine *rtpengine; /* NULL: audio goes straight to the far sides */
	struct mailbox *mailbox;        /* letters of this loop's own kinds: struct letter */
	struct mailbox *media_events;   /* struct media_event */
	struct mailbox *prompt_answers; /* struct prompt_ready */
	struct mailbox *http_answers;   /* struct http_answer */
	struct mailbox *script_answers; /* struct script_answer */
	struct call *by_serial, *by_id;
	struct call *dirty;
	struct call *waiting; /* for a target that is free; who waits longest first */
	bool room_freed;      /* since they were looked at */
	size_t pings;         /* of auctions, whose answers are waited for */
	struct audio *ringback, *beep;
	struct bans *guessers, *strangers; /* admission.c says who is which */
	struct ladders *ladders;
	struct pulse *pulse;
	sem_t *_Atomic handing_over; /* posted once all is written that calls have gathered; or NULL */
	struct policies *policies;
	struct phone_match phone; /* whose REGISTER or INVITE is authenticated */
	char own_password[33]; /* of calls that this server sends to itself */
	struct buf phone_contacts; /* what its REGISTER is answered with */
	uint64_t next_serial;
	int64_t write_at_ms; /* when the dirty calls are written, monotonic */
	int64_t second_at_ms; /* when the next second is over, monotonic */
	int64_t gateways_at_ms; /* when gateways are looked at next, monotonic */
	unsigned wakeups;    /* by the mailboxes; wraps around */
	bool draining;
	_Atomic bool stop;
	_Atomic int64_t stop_at_ms, certificate_expires_at;
	_Atomic size_t calls, legs, transactions, banned;
	_Atomic uint64_t started, refused, dropped;
};

/* A plan that is a group within another. */
struct in_group {
	const struct route_plan *outer, *plan;
	const struct in_group *above; /* where the outer one is a group, or NULL */
	int depth;
};

/* Who is tried next in a dial. Texts live in the call's arena or its snapshot. */
struct dial_try {
	struct dial_try *after;
	const struct route_target *target; /* NULL: a number or URI the flow named, or a ring tree */
	const struct route_tree *tree;     /* its targets are asked, then called in its place; or NULL */
	const char *uri;                   /* NULL: the number, by the trunk's gateways in that order */
	const char *number;
	const struct config_trunk *trunk;
	const struct phone *phone;         /* whose contact the URI is, or NULL */
	size_t phone_count;                /* of a target's first: its devices are an array from there */
	const uint8_t *order;
	const char *headers;                 /* further lines of its INVITE, or NULL */
	const char *username, *password; /* for its challenges, where there is no trunk; or NULL */
	bool replaces; /* a call of the target that counts already */
	bool by_policy;                      /* it is no target: the dial policy lets it be called */
	const struct route_plan *plan;       /* that sends the call there, or NULL */
	const struct in_group *group;        /* where the plan is one, or NULL */
	const char *chosen;                  /* why the plan has it here, or NULL */
	int stage;                           /* later ones wait until nobody of this one is called */
	bool at_once;                        /* beside others of its stage */
	int timeout_seconds;
};

/* A call that a registered phone places. It is no campaign's: nobody pays for it. */
struct placed {
	struct config_number number;     /* what the phone called, as it was written */
	struct config_campaign campaign; /* without an id */
	const struct route_target *by;   /* whose phone it is */
	const struct route_target *to;   /* NULL: a telephone number */
	const char *e164;
	const struct config_trunk *trunk;
};

#define LEGS_MAX 10 /* that ring at once */

/* A leg to somebody who is tried. */
struct attempt {
	struct call *call;
	const struct dial_try *to;
	const char *uri;     /* where it is tried */
	struct sip_leg *leg; /* NULL: nobody is called */
	bool waiting;        /* for its trunk's rate, to be called then */
	struct auction *auction; /* of the ring tree whose bids are tried here; or NULL */
	bool asking;         /* its answers are waited for */
	const struct config_trunk *in_trunk; /* it counts among this trunk's calls */
	bool in_policy;                      /* it counts among those that the dial policy allows */
	const struct route_target *in_target; /* it counts among this target's calls */
	bool was_connected;                  /* and among those that it was connected with */
	bool heard;          /* something answered the INVITE */
	bool offers;         /* our 200 to its re-INVITE was the offer */
	bool converts;       /* it refused the first offer: this one has Opus and G.722 */
	size_t gateway;      /* which one of the order */
	int redirects;       /* how often it was sent on to another address */
	const char *redirected_to; /* within its trunk: whom to call instead of the gateway; or NULL */
	struct media_end *end;
	bool early_media;
	const struct sdp_formats *offered; /* in our INVITE; NULL: what we speak ourselves */
	const struct sdp_format *passed;   /* what its answer chose of that to be passed as it is, or NULL */
	struct sdp_audio sdp;              /* what it said last, once it has answered */
	const char *told_mode; /* what our last SDP that changed it said: sdp_mode() */
	bool told_passed;      /* and whether `passed` is spoken */
	bool accepting; /* it answered: it hears the whisper, or is to press the key */
	unsigned whisper_request, whisper_play;
	int64_t started_ms, ringing_ms, answered_ms; /* as of call_now_ms() */
	int64_t until_ms; /* monotonic: it is given up then; 0: it is not */
	int64_t ring_until_ms; /* likewise, once it was heard of */
	int64_t waited_ms;
};

struct dial {
	bool active, connected;
	struct flow_prompt whisper;
	char accept_key;
	struct dial_try *tries, *last, *next; /* next: the first that was not begun */
	size_t count;
	int stage;          /* of those that are called now */
	/* what was asked for, and waiting until somebody is free */
	const struct route_plan *asked_plan; /* NULL: no plan */
	int asked_timeout;
	bool asked_all;
	bool asked_tree; /* among what is tried is a ring tree */
	bool busy;    /* somebody would be called who has as many calls as may be */
	bool waiting; /* in the loop's list */
	int64_t waits_since_ms, wait_again_ms, wait_until_ms; /* monotonic; 0: not yet */
	unsigned music_request, music_play;
	/* while tries are made */
	const struct route_plan *plan;
	const struct in_group *group;
	const char *chosen;
	size_t judged; /* entries of plans that were looked at */
	int stage_made;
	bool at_once;
	struct attempt *attempts; /* and one more, for a transfer */
	size_t attempt_count;     /* 1 unless all ring at once */
	struct attempt *talking;  /* who took the call; without a leg: it is gone, and its transfer is awaited */
	struct attempt *transfer; /* whom the target sends the call on to, until it answers; or NULL */
	const char *reason;       /* why whoever is still called is given up: a Reason header */
	int max_duration_seconds;
	const char *caller_id;
	enum flow_dial_outcome outcome; /* of the last attempt */
	bool record, recording; /* wanted; begun by this dial */
};

struct collect {
	bool active, prompting, got_key;
	int max_digits, timeout_ms, inter_digit_ms;
	char finish_key;
	bool sensitive;
	char digits[KEYS_MAX + 1];
	size_t len;
};

/* A message that a caller leaves. */
struct voicemail {
	enum { VOICEMAIL_NONE, VOICEMAIL_GREETING, VOICEMAIL_BEEP, VOICEMAIL_RECORDING } stage;
	int max_ms, silence_ms;
	char finish_key;
	int64_t began_ms; /* monotonic */
};

#define OWN_USERNAME "transfer" /* of calls that this server sends to itself */
#define CALL_ID_HEADER "X-Strowger-Call-ID" /* with each call to a target: the id of the call that it continues */

struct call {
	struct arena arena;
	struct call_loop *loop;
	uint64_t serial;
	UT_hash_handle hh, hh_id;
	struct call *next_dirty, *next_waiting, *prev_waiting;
	bool is_dirty, over, progress;
	char id[ID_SIZE];
	const struct organization *organization; /* held: the snapshot this call is pinned to */
	const struct config_number *number;
	const char *publisher_id; /* NULL: none */
	const struct config_campaign *campaign;
	const struct terms *terms;
	const char *caller_id;
	bool withheld; /* the caller asks not to be told who is calling (RFC 3323) */
	const struct config_trunk *trunk; /* it came by; NULL: by a ticket, or from a phone */
	const struct placed *placed; /* by a phone; or NULL */
	unsigned max_forwards; /* hops that its calls to targets may take */
	const char *path; /* the numbers of this organization that it came by before, each with a space after it */
	bool flow_mode; /* a call flow runs it: false where the routing plan stands in */
	struct call_carrier carrier;
	const char *identity; /* the caller's Identity header lines (RFC 8224), or NULL */
	const char *fallback_reason; /* campaign_flow_problem() when the call began */
	bool in_flow; /* flow.started was told, flow.completed not yet */
	/* values */
	struct expr_env env;
	struct expr_budget budget; /* of the env */
	struct value fields[CALL_FIELD_COUNT];
	struct expr_course course; /* as it was when the fields were last brought up to date */
	struct value *tags;
	struct tag_held *held; /* by slot: what was stored last */
	json_t *custom_stored; /* its custom data as it is stored (tags/custom.h); NULL: none */
	char *custom_text;     /* the same as it is shown; NULL: none */
	struct expr_custom custom; /* the same for filters and templates */
	struct arena custom_arena; /* of its texts */
	/* the caller */
	struct sip_leg *leg;
	struct media_end *end;
	struct sdp_audio sdp; /* what it said last */
	const struct sdp_formats *formats; /* what it offered first; NULL: only what we speak ourselves */
	const struct sdp_format *passed;   /* the caller's codec; NULL: PCMU or PCMA */
	const struct sdp_format *spoken;   /* the same while it hears prompts or is recorded */
	const struct sdp_format *told_passed; /* what our last SDP said of that */
	bool settled; /* the caller was told a codec */
	bool offers; /* our 200 is the offer; the answer comes with the ACK */
	const char *told_mode; /* what our last re-INVITE said: sdp_mode(); "": not audio */
	struct fax *fax; /* NULL: no side has offered T.38 that could be passed on */
	int64_t sdp_session;
	unsigned sdp_version;
	bool submitted; /* the first batch was sent to the writer */
	bool want_answer, answered; /* the 200 waits until the log says so; it was sent */
	bool answer_submitted; /* the batch that says so was sent to the writer */
	/* execution */
	struct flow_state flow;
	int64_t input_ms; /* when the flow was given its last input: its clock */
	struct dial dial;
	struct media_end *on_hold; /* whose far side hears music on hold, or will; or NULL */
	unsigned hold_request;     /* for the music's audio; 0: none is open */
	struct collect collect;
	struct voicemail voicemail;
	char recording_id[ID_SIZE]; /* "": nothing is recorded */
	bool playing, play_interruptible;
	bool waiting;                  /* a wait node: what plays is repeated until the step timer */
	struct flow_prompt wait_prompt;
	bool wait_failed;
	unsigned play, prompt_request, http_request, script_request;
	char keys[KEYS_MAX]; /* pressed ahead of a question */
	size_t key_count;
	su_timer_t *step_timer, *talk_timer;
	size_t next_milestone;
	int marked_seconds; /* the last second of a conversation that a milestone or mark was reported for */
	bool conversion_told, revenue_told, payout_told; /* settled; of the payout: by more than its terms */
	unsigned not_paid_twice; /* bits by enum callers_paid */
	const struct route_target *target; /* that it was connected with last, and that pays; or NULL */
	bool earned; /* its revenue is what the target pays */
	const char *flow_disposition; /* NULL: none was set */
	/* the log */
	struct clock_moment began;
	int64_t started_ms, promised_ms, answered_ms, connected_ms, ended_ms; /* as of call_now_ms() */
	int64_t talked_ms; /* the longest conversation */
	/* What the target said that was tried last and did not take the call: its status, 0 for no
	 * answer, and its Reason header (RFC 3326) or NULL. The caller is answered with it, unless
	 * call_forget_refusal() was called since. */
	int refused_status;
	const char *refused_reason;
	const char *disposition, *hangup_by, *hangup_reason, *target_id;
	const char *sip_call_id;
	struct ladder *ladder; /* NULL: none is kept */
	struct quality heard_caller, heard_target; /* packets 0: nothing was heard */
	int64_t revenue_micros, payout_micros;
	int64_t revenue_added, payout_added; /* by webhooks, beside the call's own */
	int64_t reported_revenue, reported_payout; /* both sums, as the last call.revenue_changed has them */
	int64_t conversion_ms; /* when it converted; 0: it has not */
	const char *reason, *payout_hold_reason; /* as a webhook said; or NULL */
	int64_t revenue_at, payout_at, converted_at; /* when the call itself said them; 0: it did not, they are what is due by the terms */
	int64_t cost_micros; /* what carriers take */
	bool converted;
	struct buf attempts; /* JSON array without its brackets */
	struct buf trace;    /* likewise: what is not written yet */
	unsigned trace_piece;
	struct store_batch *batch;
	struct event_touched touched;
};

/*
 * The time within a call: that of the wall clock when the call began, and what the monotonic clock
 * has counted since. Durations and costs are differences of such times, so setting the system's
 * clock during a call does not change them.
 */
static inline int64_t call_now_ms(const struct call *c)
{
	return clock_steady_ms(c->began, clock_monotonic_ms());
}

/* loop.c */
void loop_mark_dirty(struct call *c);
/*
 * Any thread: a batch of a call was committed, or could not be. answers: it says that the call is
 * answered, which may be done now.
 */
void loop_tell_persisted(struct call_loop *loop, uint64_t serial, bool answers, bool ok);

/* call.c: begin, answer, end */
void call_begin(struct call_loop *loop, const struct sip_incoming *in, const struct organization *o,
		const struct config_number *number, const struct config_trunk *trunk, const struct call *before,
		const struct placed *placed);
void call_persisted(struct call *c, bool answers, bool ok);
void call_answer(struct call *c);
/* The call ends for another cause than that a target refused it. */
static inline void call_forget_refusal(struct call *c)
{
	c->refused_status = 0;
	c->refused_reason = NULL;
}
/* A provisional response to the caller; with_audio: the answer to its offer goes along. */
void call_ring(struct call *c, int status, bool with_audio);
/* trunk NULL: none. */
enum sip_nat call_nat(const struct config_trunk *trunk);
/* Likewise, to play something or to listen. */
void call_speak(struct call *c);
/* Ringing, for a caller who was answered before. */
void call_ring_back(struct call *c);
/* Our offer or answer to the caller, as it is now. Returns out. */
const char *call_sdp(struct call *c, char out[SDP_SIZE]);
/* Once a second: those whose audio ended long ago are ended, too. */
void call_check_media(struct call *c, int64_t now);
/* End it: status for a caller who was not answered. Tells everybody, writes the log. */
void call_end(struct call *c, int status, const char *disposition, const char *by);
void call_free(struct call *c);
/* Whose it is from now on, and by whose terms it is paid. */
void call_set_publisher(struct call *c, const char *publisher_id);

/* log.c: rows, events, trace */
struct store_batch *log_batch(struct call *c);
void log_call_started(struct call *c);
/* Answered, connected, worth something: templates know it now, the row with the next flush. */
void log_call_progress(struct call *c);
void log_call_ended(struct call *c);
void log_flow_left(struct call *c);
void log_event(struct call *c, const char *type, const char *data);
/* One of a type that is sent by name only, where somebody asks for it. */
void log_named_event(struct call *c, const char *type, const char *data);
/* The call.milestone of so many seconds. */
void log_milestone(struct call *c, int seconds, const char *data);
/* Remove one tag: from the call, from its log, and tell it. */
void log_tag_removal(struct call *c, uint16_t slot, enum tag_source source, const char *origin, int64_t at_ms);
/* What the custom data is from now on, as it is stored; takes the reference. */
void log_custom_data(struct call *c, json_t *stored);
/* Coerce, keep, store and tell one tag. false: the value does not fit its type. */
bool log_tag(struct call *c, uint16_t slot, const char *text, size_t len, enum tag_source source, const char *origin, int64_t at_ms);
void log_trace_input(struct call *c, const char *kind, const char *data);
/* The call's tags as a member of a trace entry; sensitive ones are masked. */
void log_trace_tags(struct call *c, struct buf *data);
/* Its custom data, if it has some. */
void log_trace_custom_data(struct call *c, struct buf *data);
/* Bring the call's own fields up to that time. */
void log_course(struct call *c, int64_t now_ms);
void log_trace_step(struct call *c, const struct flow_effect *e);
/* attempt NULL: it was not begun. */
void log_attempt(struct call *c, const struct dial_try *t, const struct attempt *attempt, const char *outcome, int sip_status, const char *reason);
/* Hand what was gathered to the writer. */
void log_flush(struct call *c);

/* execute.c: run the flow's effects, and give it its inputs */
/* The prompt's audio, a new reference; NULL with *request set when execute_prompt_ready() will get it. */
struct audio *execute_audio(struct call *c, const struct flow_prompt *prompt, unsigned *request);
void execute_start(struct call *c);
void execute_key(struct call *c, char key);
void execute_played(struct call *c, unsigned play);
void execute_prompt_ready(struct call *c, unsigned request, struct audio *audio); /* takes the reference */
void execute_http_answer(struct call *c, const struct http_answer *answer);
void execute_script_answer(struct call *c, const struct script_answer *answer);
void execute_dial_ended(struct call *c, enum flow_dial_outcome outcome);
void execute_caller_left(struct call *c); /* for the trace: where the caller was then */
void execute_stop(struct call *c); /* nothing more: the call is ending */

/* record.c */
/* false: the call is recorded already (a voicemail then ends that recording), or there is no memory. */
bool record_start(struct call *c, bool voicemail);
/* keep false: it is thrown away. Nothing happens when nothing is recorded. */
void record_stop(struct call *c, bool keep);
/* Files that an earlier process was writing when it died are closed, and told. */
void record_recover(struct call_loop *loop);
void record_perform(struct call *c, enum flow_record action);

/* echo.c: does the SDP of a caller, or of a target (a NULL: the caller), name our own audio? */
bool echo_caller(const struct call_loop *loop, const char *call_id, const struct sdp_audio *stream);
bool echo_target(const struct attempt *a, const struct sdp_audio *stream);
bool echo_named(const struct call *c, const struct attempt *a, const struct sdp_audio *stream);

/* admission.c */
/* A request outside of dialogs: is anything made of it? (struct sip_agent_config) */
enum sip_admission admission_ask(void *arg, const struct sip_asked *asked);
/* Who connects by TCP or TLS. */
enum sip_visitor admission_visitor(void *arg, const struct sockaddr *source);
/* An INVITE that was admitted: whose call it is, or why it is refused. */
void admission_invite(void *arg, const struct sip_incoming *in);
/* The address has shown right credentials: its bans end. */
void admission_forgive(struct call_loop *loop, const struct sockaddr *source);
/* Wrong credentials of a phone. */
void phone_refused(void *arg, const struct sockaddr *source);
/* The live call; NULL: there is none. */
struct call *loop_call(struct call_loop *loop, const char *id);

/* register.c: struct sip_agent_config's, of the loop */
const char *phone_password(void *arg, const char *username, size_t n);
int phone_registered(void *arg, struct sip_registration *r);
void phone_flow_lost(void *arg, const struct sip_lost_flow *flow);

/* gateways.c */
/* Ask those that it is time to ask. Once per turn. */
void gateways_check(struct call_loop *loop);
/* Nobody is to send calls here any more. */
void gateways_leave(struct call_loop *loop);
/* What became of a call there. */
/* status 0: it did not answer; problem: why, or NULL. latency_ms -1: it is not known. */
void gateways_answered(struct call_loop *loop, const char *trunk_id, const char *uri, int status,
		       int latency_ms, const char *problem);

/* screen.c */
/* Is the caller refused? Then the call is over. */
bool screen_refuses(struct call *c);

/* money.c */
/* What is due as the call is now: revenue, conversion, payout. Whenever something they depend on has changed.
 * source: of the change, for call.revenue_changed. */
void money_settle(struct call *c, enum change_source source);
void money_earn(struct call *c); /* revenue alone */

/* dial.c */
void dial_start(struct call *c, const struct flow_dial *to);
/* Whom c->placed says. */
void dial_placed(struct call *c);
/* By who answered; leg: its place, as its media end was told. */
void dial_key(struct call *c, size_t leg, char key);
/* By INFO, to the leg of that place. */
void dial_send_key(struct call *c, size_t leg, char key);
void dial_whisper_played(struct call *c, size_t leg, unsigned play);
/* Is the prompt a whisper's? Then the reference is taken. */
bool dial_whisper_ready(struct call *c, unsigned request, struct audio *audio);
/* Ask the plan, and those that it falls back on, anew. */
void dial_add_plans(struct call *c);
/* Fill the free places; when nobody is left, the dial has failed. */
void dial_try_more(struct call *c);
void dial_stop(struct call *c); /* hang up whoever is being called or connected */
bool dial_is_free(const struct attempt *a);
/* Call somebody from this place; when that cannot be, it is logged and the place stays free. */
void dial_begin(struct call *c, struct attempt *a, const struct dial_try *t);
void dial_let_go(struct attempt *a);
/* Where its audio, or its fax, goes from now on. */
void dial_set_remote(const struct attempt *a, const struct sdp_audio *audio);
void dial_finish(struct call *c, enum flow_dial_outcome outcome);
void dial_watch_time(struct call *c);

/* A URI that others wrote, without what would send the call elsewhere (sip_uri_clean()); NULL: it
 * is none, or there is no memory. */
const char *dial_clean_uri(struct call *c, const char *uri);
/* The order in which the trunk's gateways are tried now, in the call's arena; NULL without memory. */
const uint8_t *dial_order(struct call *c, const struct config_trunk *trunk);

struct capacity_call dial_capacity_call(const struct call *c);
/* How the target is called: its part of `out`. Returns why it cannot be, or NULL. */
const char *dial_reach(struct call *c, const struct route_target *target, struct dial_try *out);
/* On to the next bid of the place's auction, if there is one. */
void dial_next_bid(struct attempt *a);

/* auction.c */
/* a->to is a ring tree, or a bid of it that was not connected: ask, or make a->to the next bid. false: answers are waited for (a->asking), or nobody is left and the auction is closed. */
bool auction_next(struct attempt *a);
/* Is the answer one to a ping? Then it is read. */
bool auction_answer(struct call *c, const struct http_answer *answer);
/* Nobody is waited for any more. */
void auction_late(struct attempt *a);
/* Keep what was asked and answered, and tell the bidders. won: who was tried last got the call. Nothing happens without an auction. */
void auction_close(struct attempt *a, bool won);

/* queue.c */
/* Nobody is left who could be called: wait, if the plan says so and somebody may be free later. false: it does not. */
bool queue_wait(struct call *c);
void queue_leave(struct call *c);
/* Once per turn: those who wait are sent on when somebody is free. */
void queue_serve(struct call_loop *loop);
/* Is it what is played to who waits? Then the reference is taken. */
bool queue_music_ready(struct call *c, unsigned request, struct audio *audio);
bool queue_music_played(struct call *c, unsigned play);

/* negotiate.c */
/* What a target is to be offered with its INVITE: the codecs that the caller could still be told; NULL: what we speak ourselves. */
const struct sdp_formats *negotiate_formats(struct call *c);
/* Where that side's audio may come from; trunk: the one that the leg goes over, or NULL. */
enum media_symmetry negotiate_symmetry(const struct call *c, const struct config_trunk *trunk,
				       const struct sdp_audio *sdp);
/* The same for a target that refused these: all that can be converted, too. NULL: no memory. */
const struct sdp_formats *negotiate_converted(struct call *c, const struct sdp_formats *offered);
/*
 * Read the offer of an INVITE. One without PCMU and PCMA is used in a codec that can be converted.
 * false: it has no audio that can be used; *why is then a Reason header, or unchanged.
 */
bool negotiate_read(const struct call_loop *loop, const struct sip_incoming *in,
		    struct sdp_audio *sdp, struct sdp_formats *formats, const char **why);
void negotiate_offer(struct call *c, const struct attempt *a, char out[SDP_SIZE]);
/* Read its answer. false: no audio that can be used. */
bool negotiate_answer(struct attempt *a, const char *sdp, struct sdp_audio *out);
/* Caller and target are to hear each other: in the codec that the target chose, unless the caller was told another. */
void negotiate_connect(struct call *c, const struct attempt *a);
/* The caller is told its codec now. */
void negotiate_settle(struct call *c);
/* The caller is to be heard and spoken to: PCMU or PCMA from now on. */
void negotiate_speak(struct call *c);
/*
 * Read SDP of a leg within its dialog. passed: the codec that the leg speaks, where it is neither
 * PCMU nor PCMA, or NULL. false: it has no audio that can be used.
 */
bool negotiate_take(const struct sdp_format *passed, const char *sdp, struct sdp_audio *out);
/* The codec of a target that has told_passed, as the caller names it, where it has it. */
const struct sdp_format *negotiate_format_of(const struct attempt *a);
/* The caller does not take our offer. It said once that it knows PCMU or PCMA, too: that goes on. */
void negotiate_refused(struct call *c);
/* Our offer within a dialog, of what is in use. Return out. */
const char *negotiate_caller_offer(struct call *c, const char *mode, char out[SDP_SIZE]);
const char *negotiate_target_offer(const struct attempt *a, const char *mode, char out[SDP_SIZE]);
/* Once one side's direction or codec has changed. */
void negotiate_tell_target(struct call *c);
bool negotiate_tell_caller(struct call *c); /* true: the caller is offered something */

/* hold.c */
/* Begin or end music on hold, after what a side's SDP says or who talks has changed. */
void hold_update(struct call *c);
/* Whether the side whose SDP this is holds the other one, which then hears music. */
bool hold_has_music(const struct call *c, const struct sdp_audio *holder);
/* Whether the prompt is music on hold. Then the reference is taken. */
bool hold_music_ready(struct call *c, unsigned request, struct audio *audio);

/* fax.c: T.38. The attempt is the target that talks; NULL: the caller. */
/* Take an offer of T.38: the other side is asked. false: refuse it (488). */
bool fax_offered(struct call *c, struct attempt *a, const char *sdp);
/* Take the answer to an offer of ours. false: it is the answer to one of audio, or has audio. */
bool fax_answered(struct call *c, struct attempt *a, int status, const char *sdp);
/* A side exchanges audio again: the other is to be offered that, too. */
void fax_over(struct call *c, struct attempt *a);
/* The target is left: an offer that waits is refused, and the caller is to be offered audio. */
void fax_stop(struct call *c);
bool fax_is_active(const struct call *c);

/* transfer.c */
void transfer_asked(struct attempt *a, const struct sip_refer *refer);
/* What becomes of d->transfer. */
void transfer_rings(struct attempt *a, int status);
void transfer_answered(struct attempt *a);
void transfer_failed(struct attempt *a, int status);
/* Who talks has hung up. false: no transfer is under way. */
bool transfer_left(struct attempt *a);

/* proxy.c */
/* The configuration's media proxy, where there is to be one. */
bool proxy_open(struct call_loop *loop, struct sip_agent_config *sip, struct error *err) WARN_UNUSED;

#endif

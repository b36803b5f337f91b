/* sip/agent.h: private to src/sip/. */
#ifndef SIP_AGENT_H
#define SIP_AGENT_H

struct sip_agent;
struct sip_leg;
struct sip_request;
#define NTA_AGENT_MAGIC_T struct sip_agent
#define NTA_LEG_MAGIC_T struct sip_leg
#define NTA_INCOMING_MAGIC_T struct sip_leg
#define NTA_OUTGOING_MAGIC_T struct sip_leg
#include "sip/digest.h"
#include "sip/nonce.h"
#include "sip/sip.h"
#include <sofia-sip/nta.h>
#include <sofia-sip/sip_header.h>
#include <sofia-sip/sip_status.h>
#include <sofia-sip/sip_tag.h>

#define SIP_METHODS "INVITE, ACK, BYE, CANCEL, OPTIONS, INFO, UPDATE, PRACK, REFER"
#define SIP_FEATURES "100rel, timer"

#define SIP_TLS_LISTENERS 8

struct sip_tls {
	struct ssl_ctx_st *contexts[SIP_TLS_LISTENERS]; /* sofia's, one a listener */
	size_t count;
	int64_t expires_at; /* seconds since the epoch; 0: no certificate */
};

#define SIP_LISTENERS_MAX 16

struct sip_listener {
	struct tport_s *tport; /* sofia's; lives as long as the agent */
	enum sip_transport transport;
	char host[ADDRESS_SIZE]; /* of this machine, that messages go from */
	sip_contact_t *contact;  /* what it is called from outside */
};

struct sip_agent {
	su_root_t *root;
	nta_agent_t *nta;
	/* Headers that most messages have, parsed once. */
	sip_allow_t *methods;
	sip_supported_t *features;
	sip_content_type_t *audio; /* application/sdp */
	struct sip_listener listeners[SIP_LISTENERS_MAX];
	size_t listener_count;
	struct sip_tls tls;
	struct sip_connections *connections;
	struct sip_visitors *visitors;
	struct wire *wire;
	unsigned received;
	su_home_t home[1];
	struct sip_agent_config config;
	struct sip_leg *legs; /* all that exist, so that none outlives the agent */
	size_t leg_count;
	struct sip_flow *flows; /* connections that phones registered by */
	struct sip_request *requests; /* outside of legs, that wait for their answers */
	struct nonces *nonces;
};

#define SIP_REALMS_MAX 8
#define SIP_TRIES_MAX 5 /* challenges of one request that are answered */

/* Whose credentials, and for which challenges. */
struct sip_account {
	const char *username, *password; /* NULL: none */
	struct sip_realm {
		bool proxy; /* it sent a 407 */
		struct digest_challenge challenge; /* texts in the home of the account's owner */
		unsigned count; /* of requests with its nonce */
	} realms[SIP_REALMS_MAX];
	size_t count;
};

/* One request, sent again with credentials. */
struct sip_tries {
	unsigned count;
	unsigned answered; /* realms that challenged it, a bit each */
};

struct sip_session {
	unsigned seconds; /* 0: no timer */
	bool refreshes;   /* we do */
	bool peer_knows;  /* the far side knows session timers */
};

#define SIP_EARLY_MAX 8

/* One of the dialogs that an INVITE of ours makes (RFC 3261 section 12.1). */
struct sip_early {
	const char *tag;      /* of the far side */
	uint32_t cseq, rseq;  /* of the response that was acknowledged last; 0: none */
	const char *sdp;      /* what the far side said last, or NULL */
	nta_leg_t *dialog;    /* NULL: no request went there yet */
};

#define SIP_RELIABLE_MAX 4

/* A request of ours within a dialog. */
struct sip_within {
	/* What sip_leg_send() is given; texts are copied. */
	sip_method_t method;
	const char *name;
	bool contact;         /* with Contact, Allow and Supported */
	const char *headers;  /* further lines, or NULL */
	const char *type, *body; /* of a constant, and a text; NULL: no body */
	/* The final response; sip NULL: none came. Frees nothing of it. NULL: nobody waits. */
	void (*answered)(struct sip_leg *leg, const struct sip_within *request, int status,
			 sip_t const *sip);
	/* Its own. */
	struct sip_within *next, **previous;
	struct sip_leg *leg;
	nta_leg_t *dialog; /* NULL: it is gone */
	nta_outgoing_t *sent;
	struct sip_tries tries;
	const char *early_sdp; /* of a provisional response to a re-INVITE, or NULL */
	su_home_t home[1];
};

#define SIP_KEYS_MAX 64

enum leg_state { LEG_INCOMING, LEG_ANSWERED, LEG_OUTGOING, LEG_CANCELLING, LEG_CONFIRMED, LEG_OVER };

/* What came within a dialog lately; flood.c */
struct sip_flood {
	int64_t second_ms, span_ms; /* when the second, and the span, began; monotonic */
	unsigned requests;          /* of the second */
	size_t bytes;               /* of bodies, in the span */
	unsigned refused;           /* in the span */
};

struct sip_leg {
	struct sip_leg *next, **previous;
	struct sip_agent *agent;
	enum leg_state state;
	bool outgoing, released;
	bool guarded; /* its INVITE goes to a public address alone */
	bool placed; /* outgoing: its owner has it, and is told */
	bool authenticated; /* incoming: the credentials of its INVITE are accepted */
	bool far_offered; /* the INVITE that is answered next, or was last, had an offer */
	const struct sip_listener *listener; /* that it came or goes by: our contact */
	nta_leg_t *dialog;
	sip_call_id_t *call_id; /* outgoing */
	nta_incoming_t *invite_in;    /* the first INVITE, until its ACK */
	nta_incoming_t *reinvite_in;  /* a later offer that waits for its answer */
	nta_incoming_t *reinvite_acked; /* one that was answered, until its ACK */
	nta_outgoing_t *invite_out;
	struct sip_within *within, *bye_out; /* requests that wait for an answer; the BYE of them */
	su_timer_t *invite_timer; /* until then the 200 may be repeated, and invite_out sees it */
	su_home_t home[1];
	su_home_t *work; /* of what requests within the dialog need; sip_leg_renew() */
	const struct sip_leg_handler *handler;
	void *owner;
	/* outgoing: to send the INVITE again with credentials */
	const char *uri, *sdp, *headers;
	const url_string_t *route; /* where its requests go whatever their URI says; NULL: where that says */
	const sip_route_t *path; /* the Route of its INVITE, or NULL; later requests have the dialog's */
	struct sip_account *account; /* NULL: no credentials */
	struct sip_tries tries; /* of the INVITE */
	int64_t invited_us; /* when it was sent, monotonic */
	const char *max_forwards;
	/* provisional responses (RFC 3262) */
	bool needs_reliable, takes_reliable; /* the far side's INVITE asks for it, is able to */
	int rung; /* the status that was last sent so */
	nta_reliable_t *reliable[SIP_RELIABLE_MAX]; /* that were not acknowledged yet, or NULL */
	/* What reliable provisional responses to an incoming INVITE did to its offer and answer. */
	enum {
		EARLY_NOTHING,
		EARLY_OFFERED,  /* they had our offer; the PRACK is to have the answer */
		EARLY_ANSWERED, /* offer and answer are complete */
		EARLY_CHANGED,  /* and another offer was answered since */
	} early_media;
	bool invite_offered; /* the INVITE had an offer */
	bool answer_waits; /* the 200, until the answer to our offer came */
	const char *waiting_answer; /* its SDP */
	/* outgoing: the early dialogs of its INVITE, SIP_EARLY_MAX of them; NULL: none */
	struct sip_early *early;
	size_t early_count;
	bool early_answered; /* one of them has answered our offer */
	/* where requests go */
	enum sip_nat nat;
	bool route_is_given; /* its owner said where */
	struct sockaddr_storage source; /* of the far side's last message with a Contact */
	enum sip_transport source_transport;
	const char *credentials; /* lines of the last INVITE, which its ACK has, too; or NULL */
	/* session timer (RFC 4028) */
	struct sip_session session, session_asked; /* agreed; to be agreed with our next 2xx */
	bool peer_updates; /* it takes UPDATE */
	su_timer_t *session_timer;
	struct sip_within *refresh_out;
	/* an offer of ours within the dialog */
	const char *offer, *offered; /* that waits to be sent, or NULL; that was sent last */
	const char *offered_sdp; /* the latter as it was sent */
	su_home_t *lines_home; /* of lines; NULL: none */
	const struct sdp_lines *lines; /* of the far side's last offer, where it had several; or NULL */
	bool offering; /* it is with the media proxy */
	struct sip_within *offer_out;
	su_timer_t *offer_timer; /* after a 491 */
	/* DTMF digits that wait for the answer to the INFO with the one before */
	char keys[SIP_KEYS_MAX];
	size_t key_count;
	struct sip_within *key_out;
	enum { REFER_NONE, REFER_TOLD, REFER_QUIET } refer; /* one that is under way; QUIET: without NOTIFY (RFC 4488) */
	nta_incoming_t *refer_in; /* until it is answered */
	unsigned min_se; /* what the far side asks for at least */
	unsigned min_se_raised; /* so often it has asked for more since a 2xx */
	struct sip_flood flood;
	/* SDP through the media proxy */
	struct sip_passing *passing; /* in order; the first is on its way */
	const char *media_id, *far_tag; /* as in struct sip_passage; NULL: not yet */
	enum sip_media media;
	bool lacks_encryption; /* as sip_leg_lacks_encryption() says */
	bool *gone; /* to be told when it is freed; or NULL */
	const char *reason; /* of our CANCEL, BYE or refusal */
	const char *refusal; /* the Reason header of what refused our INVITE, or NULL */
};

struct sip_leg *sip_leg_new(struct sip_agent *agent);
/* A request inside the leg's dialog (nta_request_f). */
int sip_leg_request(struct sip_leg *leg, nta_leg_t *dialog, nta_incoming_t *irq, sip_t const *sip);
/* ACK, CANCEL or their absence for the first INVITE (nta_ack_cancel_f). */
int sip_leg_ack_cancel(struct sip_leg *leg, nta_incoming_t *irq, sip_t const *sip);
void sip_leg_free(struct sip_leg *leg);
/* `then` with the leg, in so many ms. *timer: one of the leg's, made when there is none; who has it destroys it. */
void sip_leg_timer(struct sip_leg *leg, su_timer_t **timer, su_timer_f then, unsigned ms);
/* The body when it is SDP, NUL-terminated in the leg's home; "" otherwise. */
const char *sip_leg_sdp(struct sip_leg *leg, sip_t const *sip);
/* sdp: of sip_leg_sdp(). false: there is a body, and no SDP that can be read in it (answer 415). */
bool sip_body_is_usable(sip_t const *sip, const char *sdp);
void sip_leg_send_ack(struct sip_leg *leg, sip_t const *sip);

/* leg.c: PRACK for a reliable provisional response, once. */
void sip_leg_prack(struct sip_leg *leg, nta_outgoing_t *out, sip_t const *sip);

/* flood.c */
/*
 * A request within the dialog: does it go beyond what a dialog may send? Then it is answered and
 * freed here, and where there are many, the call ends: the leg may be gone.
 */
bool sip_leg_floods(struct sip_leg *leg, nta_incoming_t *irq, sip_t const *sip);
/* Free what earlier requests needed, unless something waits that may need it. */
void sip_leg_renew(struct sip_leg *leg);

/* within.c */
/* NULL: it could not be sent. It is freed when it is answered, and with the leg. */
struct sip_within *sip_leg_send(struct sip_leg *leg, const struct sip_within *what);
void sip_within_free(struct sip_within *w);
void sip_within_stop(struct sip_leg *leg);
/* The dialog is about to be destroyed. */
void sip_within_forget(struct sip_leg *leg, const nta_leg_t *dialog);

/* dialog.c */
/* The early dialog with that tag, made where there is none; NULL: no tag, or no memory. */
struct sip_early *sip_early_of(struct sip_leg *leg, const char *tag);
/* What the far side said last in it; "": nothing. */
const char *sip_early_sdp(const struct sip_leg *leg, const char *tag);
/* Requests go to the dialog of that response from now on, also after a fork. */
void sip_leg_enter(struct sip_leg *leg, msg_t *msg, sip_t const *sip);
/* Forget the early dialogs, apart from the leg's current one. */
void sip_early_stop(struct sip_leg *leg);
/*
 * No connection to the remote target came about, as its Contact has no listener behind it: later
 * requests go by the connection that the far side made. false: there is none, or it was tried.
 */
bool sip_leg_follow_source(struct sip_leg *leg);
/* The route is of leg->work, which is renewed. false: no memory. */
bool sip_leg_renew_route(struct sip_leg *leg);
/* The message has a Contact: where did it come from? */
void sip_leg_locate(struct sip_leg *leg, msg_t *msg, sip_t const *sip);
/* A target refresh (RFC 3261 section 12.2): its Contact is where requests go from now on. */
void sip_leg_refresh_target(struct sip_leg *leg, nta_leg_t *dialog, msg_t *msg, sip_t const *sip);

/* passage.c: `then` with what comes out of the media proxy; at once where there is none. ok: it could pass, or there was
 * nothing to. The leg may be in another state then. */
typedef void sip_passed(struct sip_leg *leg, int status, const char *sdp, bool ok);
void sip_leg_pass(struct sip_leg *leg, bool ours, bool answer, int status, const char *sdp, sip_passed *then);
void sip_leg_pass_stop(struct sip_leg *leg);
#define SIP_NO_MEDIA "v=0\r\n" /* what an SDP that could not pass is to its reader */

/* wire.c: from now on each message is told. */
bool sip_wire_open(struct sip_agent *a) WARN_UNUSED;
void sip_wire_close(struct sip_agent *a);

/* flow.c: tell config.flow_lost when the connection is closed that a phone has registered by. */
void sip_flow_watch(struct sip_agent *a, nta_incoming_t *irq, msg_t *msg, const struct sip_registration *r);
void sip_flows_free(struct sip_agent *a);
/* Has a phone registered by a connection from there? */
bool sip_flow_is(const struct sip_agent *a, const char *address, int port);

/* visitor.c: connections that others make are bounded from now on. */
bool sip_visitors_open(struct sip_agent *a) WARN_UNUSED;
void sip_visitors_close(struct sip_agent *a);
/* A whole message came from there. */
void sip_visitor_heard(struct sip_agent *a, const struct sockaddr *address);

/* tls.c: listeners that are made between these have the certificate, once it is loaded. */
void sip_tls_begin(struct sip_agent *a);
void sip_tls_end(void);

/* guard.c */
void sip_guard_open(const struct sip_agent *a);
void sip_guard_close(const struct sip_agent *a);
/* Is a guarded request to that name, which has resolved to that address, to be stopped? */
bool sip_guard_stops(const char *name, const char *host);
/* request.c: does an OPTIONS or REGISTER of ours go to that host now? */
bool sip_requests_go_to(const struct sip_agent *a, const char *host);

/* connection.c */
/* sip_connection_problem() gives this reason for requests to that host. */
void sip_connection_refused(const char *host, const char *port, const char *reason);
bool sip_connections_open(struct sip_agent *a) WARN_UNUSED;
void sip_connections_close(struct sip_agent *a);
/* A listener's context: connections from it check certificates, and say what is wrong. */
void sip_connection_watch(struct ssl_ctx_st *context);
/*
 * Why no connection to the URL's host came about since then (monotonic), in words without a full
 * stop; NULL: not known. Valid until another connection fails.
 */
const char *sip_connection_problem(const struct sip_agent *a, const url_t *url, int64_t since_us);

/* offer.c: send what waits, if nothing is in its way. */
void sip_leg_offer_now(struct sip_leg *leg);
void sip_leg_offer_stop(struct sip_leg *leg);
/* contact.c: as sip_uri_clean(). false: out of memory. */
bool sip_url_clean(su_home_t *home, url_t *url) WARN_UNUSED;

/* refer.c */
int sip_leg_on_refer(struct sip_leg *leg, nta_incoming_t *irq, sip_t const *sip);

/* session.c */
/* What the far side's INVITE or UPDATE asks for; false: too short, answer 422. */
bool sip_session_take(struct sip_leg *leg, sip_t const *sip);
/* The header fields of the 2xx to it: Session-Expires and Require; NULL: without. */
const char *sip_session_told(struct sip_leg *leg);
const char *sip_session_required(const struct sip_leg *leg);
/* That 2xx is sent: the timer runs from then, once the dialog is confirmed. */
void sip_session_take_effect(struct sip_leg *leg);
/* Lines for our re-INVITE or UPDATE; NULL: no memory. */
const char *sip_session_headers(struct sip_leg *leg);
/* What the 2xx to our INVITE or UPDATE says; the timer runs from then. */
void sip_session_agreed(struct sip_leg *leg, sip_t const *sip);
/* A 422 to one within the dialog: is it to be sent again, with a longer interval? */
bool sip_session_lengthen(struct sip_leg *leg, sip_t const *sip);
/* Run, or run anew, what was agreed. */
void sip_session_start(struct sip_leg *leg);
void sip_session_stop(struct sip_leg *leg);

/* listener.c */
/* "udp:127.0.0.1:5060" to "sip:127.0.0.1:5060;transport=udp". */
bool sip_listener_url(const char *listener, char *out, size_t size, struct error *err) WARN_UNUSED;
/* Once all are made. */
void sip_listeners_read(struct sip_agent *a);
/* By which a request came, before it is answered. */
const struct sip_listener *sip_listener_of(const struct sip_agent *a, nta_incoming_t *irq);
/* By which requests to that URI go: of its transport, from the address that the machine reaches it by. */
const struct sip_listener *sip_listener_towards(const struct sip_agent *a, const char *uri);
/* Requests over UDP that are made until the next call go from that listener, if it is of their address family. */
void sip_listener_prefer(const struct sip_listener *l);
void sip_listeners_forget(void);
/* Where the far side's requests come to us. */
static inline const sip_contact_t *sip_leg_contact(const struct sip_leg *leg)
{
	return leg->listener->contact;
}

enum sip_transport sip_transport_of_via(const sip_via_t *v);
/* Who sent it, or asked the proxies in front to; in the message or in room. */
const struct sockaddr *sip_source(const struct sip_agent *agent, msg_t *msg, sip_t const *sip, struct sockaddr_storage *room);
/* Did one of the proxies in front pass it on? */
bool sip_is_proxied(const struct sip_agent *agent, msg_t *msg);

/* Answered now, with status 0. */
void sip_request_give_up(struct sip_request *request);

#define SIP_REALM "strowger"
/* One challenge with one nonce: for MD5, and for SHA-256 or "". */
struct sip_challenge {
	char md5[256], sha256[256];
};

/* Whose credentials, for what; password_of as sip_leg_authenticate() has it. */
struct sip_credential_check {
	const char *method;
	const url_t *uri; /* of the request */
	const struct sockaddr *source;
	bool proxied; /* a proxy in front, which may have changed the URI's host, passed it on */
	bool *taken;  /* have the credentials of this request been accepted already? NULL: no */
	const char *(*password_of)(void *arg, const char *username, size_t n);
	void *arg;
};
void sip_challenge_make(const struct sip_agent *agent, const struct sockaddr *source, bool stale,
			struct sip_challenge *out);
/*
 * SIP_AUTH_CHALLENGED: answer with out. SIP_AUTH_REFUSED: the nonce was sent to the source, so that
 * its address is not forged, and the response is wrong.
 */
enum sip_auth sip_check_credentials(struct sip_agent *agent, su_home_t *home, const msg_auth_t *au,
				    const struct sip_credential_check *check,
				    struct sip_challenge *out);

/* registrar.c */
void sip_registrar_challenge(struct sip_agent *agent, msg_t *msg); /* takes the message */
int sip_registrar_request(struct sip_agent *agent, nta_incoming_t *irq, sip_t const *sip);

/*
 * Take up what a 401 or 407 asks for. false: there are no credentials, none that fit, they were
 * refused, or the request was tried often enough.
 */
bool sip_take_challenge(struct sip_account *account, su_home_t *home, sip_t const *sip,
			struct sip_tries *tries);
/*
 * The header fields that answer the challenges so far, as lines in home; NULL: there was none.
 * RFC 3261 section 22.3: later requests of the same Call-ID have them, too. body NULL: none.
 */
const char *sip_credentials(struct sip_account *account, su_home_t *home, const char *method,
			    const url_t *url, const char *body);

#endif

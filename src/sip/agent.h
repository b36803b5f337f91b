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
#include "sip/sip.h"
#include <sofia-sip/auth_client.h>
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

struct sip_agent {
	su_root_t *root;
	nta_agent_t *nta;
	/* Headers that most messages have, parsed once. */
	sip_allow_t *methods;
	sip_supported_t *features;
	sip_content_type_t *audio; /* application/sdp */
	sip_contact_t *contacts[3]; /* by enum sip_transport; NULL: there is no such listener */
	struct sip_tls tls;
	struct wire *wire;
	unsigned received;
	su_home_t home[1];
	struct sip_agent_config config;
	struct sip_leg *legs; /* all that exist, so that none outlives the agent */
	size_t leg_count;
	struct sip_request *requests; /* outside of legs, that wait for their answers */
	char nonce_key[33];
};

enum leg_state { LEG_INCOMING, LEG_ANSWERED, LEG_OUTGOING, LEG_CANCELLING, LEG_CONFIRMED, LEG_OVER };

struct sip_leg {
	struct sip_leg *next, **previous;
	struct sip_agent *agent;
	enum leg_state state;
	bool outgoing, released;
	bool placed; /* outgoing: its owner has it, and is told */
	bool far_offered; /* the INVITE that is answered next, or was last, had an offer */
	enum sip_transport transport; /* so our contact says */
	nta_leg_t *dialog;
	sip_call_id_t *call_id; /* outgoing */
	nta_incoming_t *invite_in;    /* the first INVITE, until its ACK */
	nta_incoming_t *reinvite_in;  /* a later offer that waits for its answer */
	nta_incoming_t *reinvite_acked; /* one that was answered, until its ACK */
	nta_outgoing_t *invite_out, *bye_out;
	su_timer_t *invite_timer; /* until then the 200 may be repeated, and invite_out sees it */
	su_home_t home[1];
	const struct sip_leg_handler *handler;
	void *owner;
	/* outgoing: to send the INVITE again with credentials */
	const char *uri, *username, *password, *sdp, *headers;
	const url_string_t *route; /* where its requests go whatever their URI says; NULL: where that says */
	const sip_route_t *path; /* the Route of its INVITE, or NULL; later requests have the dialog's */
	auth_client_t *auth;
	bool authorized;
	const char *max_forwards;
	/* provisional responses (RFC 3262) */
	bool needs_reliable, takes_reliable; /* the far side's INVITE asks for it, is able to */
	uint32_t rseq; /* of the last one that was acknowledged */
	int rung; /* the status that was last sent so */
	/* session timer (RFC 4028) */
	unsigned session_seconds; /* 0: none was agreed */
	bool refreshes;           /* we do */
	bool peer_updates, peer_timer; /* it takes UPDATE; it knows session timers */
	su_timer_t *session_timer;
	nta_outgoing_t *refresh_out;
	/* an offer of ours within the dialog */
	const char *offer, *offered; /* that waits to be sent, or NULL; that was sent last */
	const char *offered_sdp; /* the latter as it was sent */
	const struct sdp_lines *lines; /* of the far side's last offer, where it had several; or NULL */
	bool offering; /* it is with the media proxy */
	nta_outgoing_t *offer_out;
	su_timer_t *offer_timer; /* after a 491 */
	enum { REFER_NONE, REFER_TOLD, REFER_QUIET } refer; /* one that is under way; QUIET: without NOTIFY (RFC 4488) */
	nta_incoming_t *refer_in; /* until it is answered */
	unsigned min_se; /* what the far side asks for at least */
	/* SDP through the media proxy */
	struct sip_passing *passing; /* in order; the first is on its way */
	const char *media_id, *far_tag; /* as in struct sip_passage; NULL: not yet */
	enum sip_media media;
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

/* passage.c: `then` with what comes out of the media proxy; at once where there is none. ok: it could pass, or there was
 * nothing to. The leg may be in another state then. */
typedef void sip_passed(struct sip_leg *leg, int status, const char *sdp, bool ok);
void sip_leg_pass(struct sip_leg *leg, bool ours, bool answer, int status, const char *sdp, sip_passed *then);
void sip_leg_pass_stop(struct sip_leg *leg);
#define SIP_NO_MEDIA "v=0\r\n" /* what an SDP that could not pass is to its reader */

/* wire.c: from now on each message is told. */
bool sip_wire_open(struct sip_agent *a) WARN_UNUSED;
void sip_wire_close(struct sip_agent *a);

/* tls.c: listeners that are made between these have the certificate, once it is loaded. */
void sip_tls_begin(struct sip_agent *a);
void sip_tls_end(void);

/* offer.c: send what waits, if nothing is in its way. */
void sip_leg_offer_now(struct sip_leg *leg);
void sip_leg_offer_stop(struct sip_leg *leg);
/* refer.c */
int sip_leg_on_refer(struct sip_leg *leg, nta_incoming_t *irq, sip_t const *sip);

/* session.c */
/* What the far side's INVITE or UPDATE asks for; false: too short, answer 422. */
bool sip_session_take(struct sip_leg *leg, sip_t const *sip);
/* The headers of the 2xx to it: Session-Expires and Require; NULL: without. */
const char *sip_session_told(struct sip_leg *leg);
const char *sip_session_required(const struct sip_leg *leg);
/* What the 2xx to our INVITE or UPDATE says; the timer runs from then. */
void sip_session_agreed(struct sip_leg *leg, sip_t const *sip);
/* Run, or run anew, what was agreed. */
void sip_session_start(struct sip_leg *leg);
void sip_session_stop(struct sip_leg *leg);

/* Where requests come to us: so, if we listen there, or by the first listener. */
const sip_contact_t *sip_agent_contact(const struct sip_agent *agent, enum sip_transport transport);
static inline const sip_contact_t *sip_leg_contact(const struct sip_leg *leg)
{
	return sip_agent_contact(leg->agent, leg->transport);
}

enum sip_transport sip_transport_of_via(const sip_via_t *v);
/* Who sent it, or asked the proxies in front to; in the message or in room. */
const struct sockaddr *sip_source(const struct sip_agent *agent, msg_t *msg, sip_t const *sip, struct sockaddr_storage *room);

/* Answered now, with status 0. */
void sip_request_give_up(struct sip_request *request);

#define SIP_REALM "strowger"
#define SIP_CHALLENGE_SIZE 256

/* Whose credentials, for what; password_of as sip_leg_authenticate() has it. */
struct sip_credential_check {
	const char *realm, *method;
	const char *(*password_of)(void *arg, const char *username, size_t n);
	void *arg;
};
void sip_make_challenge(const struct sip_agent *agent, const char *realm, bool stale, char out[SIP_CHALLENGE_SIZE]);
/* SIP_AUTH_CHALLENGED: answer with out. */
enum sip_auth sip_check_credentials(const struct sip_agent *agent, su_home_t *home, const msg_auth_t *au, const struct sip_credential_check *check, char out[SIP_CHALLENGE_SIZE]);

/* registrar.c */
void sip_registrar_challenge(struct sip_agent *agent, msg_t *msg); /* takes the message */
int sip_registrar_request(struct sip_agent *agent, nta_incoming_t *irq, sip_t const *sip);

/* Take up the 401's or 407's challenge; false when there are no credentials, or none that fit. */
bool sip_take_challenge(auth_client_t **auth, su_home_t *home, sip_t const *sip, const char *username, const char *password);
/* The header that answers it, in home; NULL while there was none. */
msg_header_t *sip_credentials(auth_client_t **auth, su_home_t *home, const char *method, const url_t *url);

#endif

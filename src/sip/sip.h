/*
 * sip/sip.h: SIP dialogs on sofia-sip's nta layer. One agent belongs to one call loop;
 * everything here is called on that loop's thread. No telephony policy: who may call,
 * and what happens then, is src/call/'s.
 */
#ifndef SIP_SIP_H
#define SIP_SIP_H

#include "base/network.h"
#include "base/result.h"
#include "sip/contact.h"
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

struct su_root_s;
struct sip_agent;
struct sip_leg; /* one dialog, from its INVITE on */

enum sip_transport { SIP_UDP, SIP_TCP, SIP_TLS };
extern const char *const sip_transports[3]; /* "udp", "tcp", "tls" */
/* Which one the URI asks for. */
enum sip_transport sip_transport_of(const char *uri);

/* Borrowed: valid during the callback. */
struct sip_refer {
	const char *uri;     /* whom to call: sip:, sips: or tel:, without headers */
	const char *headers; /* lines for the INVITE: Replaces (RFC 3891), Referred-By (RFC 3892); "" without */
};

/* What a leg tells its owner. `owner` is what sip_leg_bind() or sip_invite() was given. */
struct sip_leg_handler {
	void (*progress)(void *owner, int status, const char *sdp);          /* outgoing: 100, 180, 183 … */
	void (*answered)(void *owner, const char *sdp);                      /* outgoing: 2xx; ACK is sent */
	/* outgoing: 3xx–6xx or timeout, 0 where no connection came about; the leg is over. reason: in
	 * words. contact: where a 3xx sends on to, or NULL */
	void (*failed)(void *owner, int status, const char *reason, const char *contact);
	/* CANCEL, BYE, or no ACK; the leg is over. reason: what its Reason header said (RFC 3326), or NULL */
	void (*ended)(void *owner, const char *how, const char *reason);
	void (*offered)(void *owner, const char *sdp);                       /* re-INVITE or UPDATE; answer with sip_leg_reoffer_answer() */
	void (*acked)(void *owner, const char *sdp);                         /* the answer to an offer that our 200 carried */
	void (*reanswered)(void *owner, int status, const char *sdp);        /* what became of sip_leg_offer() */
	void (*dtmf)(void *owner, char key);                                 /* SIP INFO */
	/* REFER: call that one instead (RFC 3515). Answer with sip_leg_refer_answer(). NULL: it is declined. */
	void (*refer)(void *owner, const struct sip_refer *refer);
};

#define SIP_PARAMETER_MAX 100 /* bytes of a parameter's value; a longer one is cut */

/* What carriers say of a call beside its numbers. "" where nothing is said. */
struct sip_carrier {
	const char *rn;      /* routing number of a ported number (RFC 4694), with its rn-context */
	const char *verstat; /* of the caller's number (3GPP TS 24.229 section 7.2A.20) */
	const char *cpc;     /* category of the caller (RFC 3966 parameter, 3GPP TS 24.229) */
	const char *oli;     /* originating line information: isup-oli */
	/*
	 * "A", "B" or "C" (ATIS-1000074): of verstat, of P-Attestation-Indicator, or what an Identity
	 * header (RFC 8224) claims, whose signature is not verified. "" when verstat says that the
	 * verification failed.
	 */
	const char *attestation;
	const char *identity; /* the Identity header lines as they came, each with its CRLF */
	/* All parameters of the caller's and the called number, as name and value. */
	const char *const *parameters;
	size_t parameter_count;
};

/* An INVITE that starts a dialog. Borrowed: valid during the callback. */
struct sip_incoming {
	struct sip_leg *leg;
	/* User parts of From, To and the request URI, without parameters of a telephone number. */
	const char *from_user, *to_user, *request_user;
	const char *asserted_user; /* of P-Asserted-Identity (RFC 3325), sip or tel; "" without */
	const char *party_user; /* of Remote-Party-ID; "" without */
	bool withheld; /* Privacy says that the caller is not to be shown (RFC 3323) */
	bool party_withheld; /* Remote-Party-ID says so */
	struct sip_carrier carrier;
	const char *sdp;                 /* "" when the INVITE had no offer */
	const char *local; /* the address of ours that it came to, as text */
	const struct sockaddr *source;
	enum sip_transport transport;
	const char *sip_call_id;
	unsigned max_forwards; /* hops that are left, at least 1 (RFC 7332) */
	bool asks; /* only whether it is taken: when it is not refused now, it comes again, its SDP past the media proxy */
	/* Header fields that the SIP stack does not know, as name and value; fields of one name are joined. */
	const char *const *headers;
	size_t header_count;
};

#define SIP_MAX_FORWARDS 70 /* where none is told */

#define SIP_MESSAGE_MAX 65536 /* bytes */

/* A message as it went over the wire. Borrowed: valid during the callback. */
struct sip_message {
	bool sent;
	int64_t at_ms;
	const char *transport, *remote, *local; /* "udp", "192.0.2.1:5060", "[2001:db8::1]:5060"; local may be "-": not known */
	const char *call_id; /* in the text, not NUL-terminated */
	size_t call_id_len;
	const char *text;
	size_t len;
};

/* A REGISTER whose credentials are right: those that phone_password told last. Borrowed: valid during the callback. */
struct sip_registration {
	const char *contact; /* NULL: only asked what is known; "": none is to be known any more */
	const char *contact_host;
	const char *instance; /* its +sip.instance (RFC 5626 section 4.1); NULL: it names none */
	int expires_seconds; /* 0: that contact is not to be known any more */
	const char *path; /* by which proxies it is reached (RFC 3327): "<sip:…;lr>, …"; NULL: it came straight */
	const struct sockaddr *source;
	enum sip_transport transport;
	const char *call_id, *user_agent;
	uint32_t cseq;
	/* the answer */
	const char *known;     /* after 200 all that are known: "<sip:…>;expires=60, …"; NULL: none is */
	int least_seconds;     /* after 423: for how long a contact may be known at least */
};

/*
 * Host and outside address ("" where it names none) of a listener such as
 * "udp:10.0.0.5:5060=203.0.113.7", without brackets. false: it is none.
 */
bool sip_listener_host(const char *listener, char host[ADDRESS_SIZE], char outside[ADDRESS_SIZE]) WARN_UNUSED;

/* A connection that is closed, by which a phone had registered; address and port are the phone's. */
struct sip_lost_flow {
	char address[ADDRESS_SIZE];
	int port;
	enum sip_transport transport;
};

/* What a leg's far side is spoken to with; all but the first need a media proxy. */
enum sip_media { SIP_RTP, SIP_SRTP, SIP_WEBRTC };

/* SDP of a leg on its way through the media proxy. Borrowed: valid during the call. */
struct sip_passage {
	struct sip_leg *leg;
	const char *id;      /* names the leg, in this agent and in others */
	bool ours, answer;   /* from us to the far side; or else an offer (RFC 3264) */
	const char *far_tag; /* names the far side in the dialog, "" before it is known */
	enum sip_media media;
	const char *sdp;
};

/* All SDP that is sent or came goes through it, in its order for each leg; NULL: there is none. */
struct sip_media_proxy {
	void (*pass)(void *arg, const struct sip_passage *passage); /* answered once with sip_leg_passed() */
	void (*forget)(void *arg, struct sip_leg *leg, const char *id); /* the leg is over, and is not to be answered any more */
};

enum sip_visitor {
	SIP_VISITOR_BANNED, /* its connections are closed at once */
	SIP_VISITOR_STRANGER,
	SIP_VISITOR_KNOWN, /* a trunk, a proxy in front, or where phones are registered */
};

enum sip_wish { SIP_INVITE, SIP_REGISTER, SIP_OTHER };

/* A request that belongs to no dialog. Borrowed: valid during the call. */
struct sip_asked {
	const struct sockaddr *source; /* NULL: not known */
	enum sip_wish wish;
	enum sip_transport transport; /* the source may be forged over UDP */
	const char *request_user, *to_user, *from_user; /* as in struct sip_incoming */
};

/* What to do with it. */
enum sip_admission {
	SIP_ADMIT,
	SIP_REFUSE, /* 403, and nothing of it is kept */
	SIP_DROP,   /* not even that */
};

#define SIP_CA_NONE "none"

struct sip_agent_config {
	const char *const *listeners; /* "udp:127.0.0.1:5060", NULL-terminated */
	/* For TLS, PEM: the chain (NULL: only to call others), and its key (NULL: in the same file); who is believed to have signed those of others
	 * (NULL: whom this machine believes, SIP_CA_NONE: anybody). */
	const char *certificate, *key, *ca;
	void (*incoming)(void *arg, const struct sip_incoming *invite);
	void *arg;
	/* Asked of each such request; NULL: all are admitted. */
	enum sip_admission (*admit)(void *arg, const struct sip_asked *asked);
	/* Phones that register here; all or none. registered: the status to answer with, its answer in *r. refused: wrong credentials. */
	const char *(*phone_password)(void *arg, const char *username, size_t n);
	int (*registered)(void *arg, struct sip_registration *r);
	void (*refused)(void *arg, const struct sockaddr *source);
	void (*flow_lost)(void *arg, const struct sip_lost_flow *flow); /* or NULL */
	void (*message)(void *arg, const struct sip_message *m); /* told of each message with a Call-ID, before it has an effect; or NULL */
	unsigned session_seconds, min_session_seconds; /* RFC 4028: what we ask for, and the least we agree to */
	const struct sip_media_proxy *media_proxy;
	/* Proxies in front: who asked them, as their Via says, is the source (RFC 3261 §18.2.1, RFC 3581). */
	const struct network *proxies;
	size_t proxy_count;
	/* Requests of ours go to public addresses alone, but for those that may_be_private. */
	bool guards_private;
	/* Who connects by TCP or TLS; NULL: all are strangers. */
	enum sip_visitor (*visitor)(void *arg, const struct sockaddr *source);
	bool offers_sha256; /* to callers and phones, beside MD5 */
};

struct sip_agent *sip_agent_create(struct su_root_s *root, const struct sip_agent_config *config, struct error *err) WARN_UNUSED;
void sip_agent_destroy(struct sip_agent *agent);
/* Can its files be used? */
bool sip_check_certificate(const struct sip_agent_config *config, struct error *err) WARN_UNUSED;
/* Read the certificate's files anew, for connections from now on. false: what was there stays. */
bool sip_agent_load_certificate(struct sip_agent *agent, struct error *err) WARN_UNUSED;
int64_t sip_agent_certificate_expires(const struct sip_agent *agent); /* seconds since the epoch; 0: there is none */

/* ---- an incoming leg ---- */

/* Take the leg. Until then, and after the owner lets go, it refuses politely by itself. */
void sip_leg_bind(struct sip_leg *leg, const struct sip_leg_handler *handler, void *owner);
/* 180 or 183; sdp NULL: without. */
void sip_leg_ring(struct sip_leg *leg, int status, const char *sdp);
/*
 * Does the next sip_leg_ring() need an offer? The INVITE had none and requires reliable
 * provisional responses (RFC 3262 section 5). The answer comes through acked(), before or after
 * the leg is answered.
 */
bool sip_leg_wants_offer(const struct sip_leg *leg);
void sip_leg_answer(struct sip_leg *leg, const char *sdp);
/* RFC 3261 §22: check the digest of the INVITE; sends the 407 itself when there is none or it is stale. */
enum sip_auth { SIP_AUTH_OK, SIP_AUTH_CHALLENGED, SIP_AUTH_REFUSED };
/* password_of: the n-th password of a user name, NULL after the last. The one that was told last is the one that is right. */
enum sip_auth sip_leg_authenticate(struct sip_leg *leg, const char *(*password_of)(void *arg, const char *username, size_t n), void *arg);

/* ---- an outgoing leg ---- */

/*
 * The address that this machine reaches the URI's host from; false: the host is a name, or cannot be
 * reached. Any thread.
 */
bool sip_local_address(const char *uri, char out[ADDRESS_SIZE]);

/* The URI by which this agent calls itself; false: it does not fit, or it listens for TLS alone. */
bool sip_agent_own_uri(const struct sip_agent *agent, const char *user, char *out, size_t size);
/* Is it one of the agent's own sockets? */
bool sip_agent_is_own(const struct sip_agent *agent, const struct sockaddr *source);

/* Does the agent guard the URI's host, which is a private address? A name is judged later. */
bool sip_agent_refuses(const struct sip_agent *agent, const char *uri);

struct sip_outgoing {
	const char *uri;                /* sip:… */
	/* sip:…: where its requests go whatever their URI says. "<sip:…;lr>, …": the Route of its INVITE. NULL: where the URI says. */
	const char *route;
	bool may_be_private; /* also to a private address: a phone, or this server itself */
	const char *from_user, *from_name; /* from_user NULL: it is withheld (RFC 3323 §4.1.1.3) */
	const char *asserted_user;       /* P-Asserted-Identity; with Privacy when it is withheld; NULL: without */
	const char *diverted_user;       /* Diversion (RFC 5806): the number that was called; NULL: without */
	const char *username, *password; /* for digest challenges; NULL: none */
	const char *sdp;
	enum sip_media media;
	enum sip_nat nat;
	const char *headers;            /* further header lines, or NULL */
	unsigned max_forwards;          /* of the call that this one continues, one less */
};
/* NULL when the URI cannot be used. The first INVITE is sent before this returns. */
struct sip_leg *sip_invite(struct sip_agent *agent, const struct sip_outgoing *out,
			   const struct sip_leg_handler *handler, void *owner) WARN_UNUSED;
/* Has its INVITE gone out? Not while its SDP is with the media proxy. */
bool sip_leg_is_sent(const struct sip_leg *leg);
/* Once it has failed: the Reason header of the response (RFC 3326, RFC 6432), or NULL. */
const char *sip_leg_refusal(const struct sip_leg *leg);
/*
 * SIP_SRTP was asked for: did the far side answer, or offer later, without encryption? What it said
 * was not used then.
 */
bool sip_leg_lacks_encryption(const struct sip_leg *leg);
/* The Call-ID of such a leg; lives as long as it does. */
const char *sip_leg_call_id(const struct sip_leg *leg);

/* ---- outside of calls ---- */

/* OPTIONS; REGISTER when there is a contact_user (RFC 3261 §10, §11). */
struct sip_question {
	const char *uri;
	const char *username, *password; /* for digest challenges, and the address of record; NULL: none */
	const char *contact_user; /* user part of the contact to be registered */
	int expires;              /* seconds; 0: no longer */
};
struct sip_answer {
	int status;     /* 0: none came */
	int latency_ms; /* of the last request that was sent */
	int expires;    /* REGISTER: seconds */
	const char *problem; /* why it could not be sent (borrowed); NULL: not known */
};
/*
 * answered is called once, later; when the agent is destroyed before, with status 0.
 * false: the URI cannot be used, and answered is never called.
 */
bool sip_ask(struct sip_agent *agent, const struct sip_question *question, void (*answered)(void *arg, const struct sip_answer *answer), void *arg) WARN_UNUSED;

/* ---- both ---- */

/* When requests go to where the far side's messages come from; SIP_NAT_BY_ADDRESS until then. */
void sip_leg_set_nat(struct sip_leg *leg, enum sip_nat nat);
/* An incoming leg: for challenges of requests within its dialog; NULL: none. */
void sip_leg_set_credentials(struct sip_leg *leg, const char *username, const char *password);

/*
 * What another INVITE to the far side's phone says to take this dialog's place: the value of a
 * Replaces header (RFC 3891). false: there is no dialog, or it does not fit.
 */
bool sip_leg_replaces(const struct sip_leg *leg, char *out, size_t size);

/* What became of the SDP; NULL: it cannot pass. */
void sip_leg_passed(struct sip_leg *leg, const char *sdp);
void sip_leg_reoffer_answer(struct sip_leg *leg, int status, const char *sdp);
/* Does an offer of the far side wait for that? Not once it was cancelled. */
bool sip_leg_is_asked(const struct sip_leg *leg);
/* Offer anew, in a re-INVITE: at once, or as soon as nothing is in its way (RFC 3261 §14). A newer offer replaces one
 * that waits. */
void sip_leg_offer(struct sip_leg *leg, const char *sdp);
/*
 * Send a DTMF digit by INFO, once those before it were answered. Nothing happens before the leg is
 * answered, and when 64 digits wait.
 */
void sip_leg_send_key(struct sip_leg *leg, char key);
/* 202, or why not. After 202: how the call goes that it asked for, 1xx and at the end the final status (RFC 3515 §2.4.5). */
void sip_leg_refer_answer(struct sip_leg *leg, int status);
void sip_leg_referred(struct sip_leg *leg, int status);
/*
 * End the leg in the way its state asks for (final response, CANCEL or BYE) and let go:
 * no callback comes any more, and the leg frees itself when its transactions are done.
 * status: for an incoming leg that was not answered (e.g. 486). reason: the Reason header of a
 * CANCEL or BYE (RFC 3326), such as "Q.850;cause=16", or NULL.
 */
void sip_leg_release(struct sip_leg *leg, int status, const char *reason);

/* How many legs there are: for tests and metrics. */
size_t sip_agent_legs(const struct sip_agent *agent);
/* How many transactions, those that linger for repeated messages included (RFC 3261 §17). */
size_t sip_agent_transactions(const struct sip_agent *agent);
/* Does anything wait for an answer to it? */
bool sip_agent_waiting(const struct sip_agent *agent);

/* To be called each second: closes connections that nothing uses. */
void sip_agent_tick(struct sip_agent *agent);

/* Messages and connections taken from the network so far; wraps around. Not counted without config.message. */
unsigned sip_agent_received(const struct sip_agent *agent);

#endif

/*
 * call/call.h: calls. A loop owns its SIP agent and all its calls, on one thread; others
 * speak to it by letters. A call is started by an INVITE, run by its campaign's routing
 * plan or call flow, and written to the log as it goes.
 */
#ifndef CALL_CALL_H
#define CALL_CALL_H

#include "base/network.h"
#include "call/capacity.h"
#include "call/phones.h"
#include "call/registry.h"
#include "dni/leases.h"
#include "call/trunk.h"
#include "config/config.h"
#include "event/apply.h"
#include "media/media.h"
#include "media/prompt.h"
#include "script/script.h"
#include "webhook/client.h"

struct call_loop;

struct call_loop_config {
	const char *const *listeners; /* "udp:0.0.0.0:5060", NULL-terminated */
	const char *certificate, *key, *ca; /* of TLS listeners: struct sip_agent_config */
	const char *node; /* of this server: its calls have it */
	struct store *store;
	struct config_store *config;
	struct registry *registry;
	struct leases *leases;
	struct trunks *trunks;
	struct phones *phones;
	struct capacity *capacity;
	struct media *media;
	struct prompts *prompts;
	struct http_client *http;
	struct script_pool *scripts;
	struct recorder *recorder;
	const char *prompt_dir, *recording_dir;
	int session_seconds, min_session_seconds; /* RFC 4028: what is asked for, and the least that is agreed to */
	int ban_seconds; /* of addresses that keep asking for what they may not; 0: none */
	int rtp_timeout_seconds; /* a call whose audio ended so long ago is over; 0: never */
	const struct sockaddr *rtpengine; /* its ng socket; NULL: there is none */
	const struct network *proxies; /* SIP proxies in front whose Via is believed */
	size_t proxy_count;
	bool takes_tickets; /* calls with a ticket (call/ticket.h) are let in */
	bool guards_private; /* calls and OPTIONS go to public addresses alone */
	bool offers_sha256;  /* beside MD5, to callers and phones */
	void (*alive)(void); /* called once a second by the loop; or NULL */
};

struct call_loop *call_loop_create(const struct call_loop_config *config, struct error *err) WARN_UNUSED;
/* Stop taking calls, hang up those that are left after drain_ms, end the thread. The loop
 * still takes letters, and drops them, until call_loop_free(), which comes when the threads
 * that write to it have ended. */
void call_loop_stop(struct call_loop *loop, int drain_ms);
void call_loop_free(struct call_loop *loop);

/* Any thread. Tags that are on disk for a live call: take them into its memory. tags: {"tag id": "value"}, null where
 * one was removed; stolen, and shared with nobody: jansson counts references for one thread only. */
void call_loop_apply_tags(struct call_loop *loop, const char *call_id, json_t *tags, int64_t at_ms);

/* Any thread. A live call's custom data as it is on disk now (tags/custom.h); stolen, and shared with nobody. */
void call_loop_apply_custom_data(struct call_loop *loop, const char *call_id, json_t *stored, int64_t at_ms);

/* Any thread. An outcome that is on disk for a live call: take it into its memory. */
void call_loop_apply_outcome(struct call_loop *loop, const char *call_id, const struct call_outcome *outcome);
/* Any thread. Hang up a live call; nothing happens when it is not live. */
void call_loop_hangup(struct call_loop *loop, const char *call_id);

/* Any thread. Read the certificate's files anew; that it was, or could not be, is logged. */
void call_loop_reload_certificate(struct call_loop *loop);

/*
 * Another server will be active: what calls have gathered is given to the writer, and calls that
 * are connected later are told to that server. Not from the loop's thread; the loop must run.
 */
void call_loop_hand_over(struct call_loop *loop);
/* Any thread. A target takes calls again: those that wait for one are looked at. */
void call_loop_look_for_room(struct call_loop *loop);

struct call_loop_counts {
	size_t calls, legs, transactions, banned;
	int64_t certificate_expires_at; /* seconds since the epoch; 0: there is none */
	uint64_t started, refused, dropped;
};
/* Any thread; read without stopping the loop. */
struct call_loop_counts call_loop_counts(const struct call_loop *loop);

#endif

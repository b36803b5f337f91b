/*
 * config/config.h: configuration as the call path reads it: immutable snapshots.
 * One per organization, built off the call path after a change, and one index over all
 * of them (numbers, keys, trunk addresses). Published by pointer, freed when the last
 * holder lets go; a call holds its organization's from INVITE to end.
 */
#ifndef CONFIG_CONFIG_H
#define CONFIG_CONFIG_H

#include "base/crypto.h"
#include "base/feed.h"
#include "base/network.h"
#include "base/phone.h"
#include "config/call_key.h"
#include "flow/flow.h"
#include "routing/plan.h"
#include "routing/terms.h"
#include "rtb/target.h"
#include "store/callers.h"
#include "store/store.h"
#include "tags/tags.h"
#include <sys/socket.h>

struct config_flow {
	const char *id, *name;
	int version;       /* 0: nothing published */
	struct flow *flow; /* NULL: calls cannot run it */
	const char *unavailable; /* why not, without a full stop; NULL where `flow` is set */
};

/* Callers who are refused. */
struct config_screening {
	const struct expr_list **blocked, **allowed;
	size_t blocked_count, allowed_count;
	const char **prefixes;
	size_t prefix_count;
	bool anonymous, only_allowed;
	char attestation;            /* the least that a call must have: 'A', 'B' or 'C'; 0: any */
	const struct filter *filter; /* calls that do not pass are refused; NULL: all pass */
	int max_calls, max_calls_seconds; /* of one caller; 0: any number */
};

#define FINAL_AFTER_SECONDS 60 /* where no campaign says otherwise */

struct config_campaign {
	const char *id, *name;
	bool call_flow_mode, enabled, recording, recording_beep;
	const struct route_plan *plan;  /* NULL: none */
	const char *flow_id;            /* as configured; NULL: none */
	const struct config_flow *flow; /* NULL: none, or it was deleted */
	enum { DUPLICATES_ANY, DUPLICATES_SAME, DUPLICATES_DIFFERENT, DUPLICATES_BLOCK } duplicates;
	int duplicates_days;
	struct config_screening screening;
	int payout_once_days; /* 0: each call is paid */
	struct terms terms;
	struct terms *publishers;       /* those that have terms of their own */
	size_t publisher_count;
	const char **tag_defaults; /* by slot, NULL where it has none */
	int milestones[20]; /* ascending */
	size_t milestone_count;
	int final_after_seconds; /* from the call's end to its call.final */
};

/* Numbers that are lent to visitors of landing pages. */
struct config_pool {
	const char *id, *name;
	const struct config_campaign *campaign; /* NULL: none */
	const char *fallback_number;            /* NULL: none */
	int lease_seconds, cooldown_seconds;
	const char **numbers;
	size_t number_count;
};

struct config_dni {
	const char *id, *name;
	const struct config_pool *pool; /* NULL: it is gone */
	const char **origins;           /* none: all */
	size_t origin_count;
	const char *script_config;      /* JSON: what its script is to know */
	int leases_of_address;
	bool enabled;
};

struct config_number {
	const char *number;
	const struct config_pool *pool; /* that lends it, or NULL */
	const struct config_campaign *campaign; /* NULL: none */
	const char *publisher_id, *publisher_name;
};

struct config_gateway {
	const char *uri;
	int priority;
};

#define TRUNK_GATEWAYS_MAX 20
struct trunk_limits {
	int calls, calls_per_second; /* 0: no limit */
};

struct config_trunk {
	const char *id, *name;
	struct network *networks;
	size_t network_count;
	const char *username, *password;         /* inbound digest */
	const char *line;                        /* user part of the contact that is registered at its gateways; hard to guess */
	/* inbound */
	bool trusts_identity;       /* P-Asserted-Identity is believed */
	bool trusts_party;          /* so is Remote-Party-ID, where there is none */
	bool called_in_to;          /* the called number is in To, not in the request URI */
	const char *default_number; /* of calls to a number that nobody has; NULL: they get 404 */
	/* outbound */
	bool passes_identity;           /* the caller's Identity headers are passed on */
	struct named_templates headers; /* of the INVITE */
	struct trunk_limits in, out;
	struct config_gateway *gateways;         /* by priority */
	size_t gateway_count;
	const char *out_username, *out_password, *out_caller_id;
	const char *number_prefix;               /* NULL: none */
	enum { NUMBER_E164, NUMBER_DIGITS, NUMBER_NATIONAL } number_format;
	bool registers, asserts_identity, tells_diversion, srtp;
	/* Is the far side behind NAT: do requests within a dialog, and audio, go to where the far
	 * side's come from? */
	enum trunk_nat { NAT_BY_ADDRESS, NAT_ALWAYS, NAT_NEVER } nat_contact, symmetric_rtp;
	enum dtmf_mode dtmf;
	struct terms_rate in_rate, out_rate;
	int options_interval_seconds;            /* 0: gateways are not asked */
};

#define MATCH_WITHIN_DAYS 7 /* of incoming webhooks, where nothing else is set */
#define CALL_KEY_DAYS 7     /* likewise, of organizations */

enum { INCOMING_CALL_DATA = 1, INCOMING_UPDATE_TAGS = 2, INCOMING_UPDATE_REVENUE = 4, INCOMING_UPDATE_FIELDS = 8 };

struct config_incoming {
	const char *id, *name;
	unsigned types;
	bool enabled;
	const char **campaign_ids;
	size_t campaign_count;
	int lifespan_seconds, rate_per_minute; /* 0: no limit */
	int match_within_days; /* how old the call may be that a caller's number finds */
	bool keep_unmatched;   /* fields that no tag takes become the call's custom data */
	const struct tag_mapping *mapping;                /* NULL: none */
	const char *hmac_secret, *hmac_header;            /* NULL: not asked for */
	const char *username, *password;                  /* likewise */
	struct network *networks;                  /* that may send; none: all */
	size_t network_count;
	const char *key_hash;        /* of the key itself; any other that finds it is the one before */
	int64_t previous_expires_ms;
};

/* Where a publisher asks. */
struct config_inbound_rtb {
	const char *id, *name;
	bool enabled;
	const struct config_campaign *campaign; /* NULL: it is gone */
	const char *publisher_id;               /* NULL: likewise */
	const char **numbers;                   /* E.164, of the campaign */
	size_t number_count;
	int allocation_seconds;
	int rate_per_minute, max_reservations; /* 0: no limit */
};

#define BATCH_EVENTS_MAX 100
struct config_outgoing {
	const char *id, *name, *url, *method, *body_template, *secret;
	const char *previous_secret; /* signs, too, until then */
	int64_t previous_until_ms;
	const char *username, *password, *bearer_token;
	const char *token_url, *client_id, *client_secret, *scope, *audience; /* OAuth 2.0 client credentials; NULL: not by them */
	bool client_in_body; /* the credentials go in the form, not in a header */
	const char **event_types, **campaign_ids; /* no campaigns: all */
	const char **sensitive_tag_ids; /* whose values it is sent */
	size_t event_type_count, campaign_count, sensitive_count;
	struct filter *filter;
	const char **headers, **query; /* name, value, name, value … */
	size_t header_count, query_count;
	int concurrency, timeout_seconds, rate_per_second; /* 0: no rate */
	int batch_events; /* most of one request; 0: no batches, one event each */
	int64_t batch_ms; /* how long a batch waits for more */
	bool enabled, ordered;
};

struct config_prompt {
	const char *id, *text, *voice;
	bool has_audio;
};

struct config_key { /* an API key */
	const char *id, *name, *role;
	const char *const *scopes; /* NULL-terminated; none: all */
	int64_t expires_ms;        /* 0: never */
};

/* Where calls may go besides configured targets. */
struct dial_policy {
	bool uris, numbers;
	const char *const *countries;        /* ISO 3166, NULL-terminated; none: the organization's own */
	const char *const *blocked_prefixes; /* of E.164 numbers, NULL-terminated */
	enum phone_cost max_cost;
	int max_calls; /* at once; 0: any number */
};

struct organization {
	const char *id, *name, *currency, *region;
	int call_key_days; /* how long after a call's end its key may change it; 0: calls have no keys */
	const struct crypto_key *key; /* the data directory's */
	int sip_retention_days; /* how long SIP messages of calls are kept; 0: not at all */
	bool recording_opus, recording_encryption;
	const char *hold_music_prompt_id; /* played to a side that the other puts on hold; NULL: none */
	struct dial_policy dial_policy;
	const struct tag_set *tags;
	const struct config_outgoing *outgoing;
	size_t outgoing_count;
	uint64_t named_types; /* event types sent by name only that an enabled one of them lists: event_type_bit() */
	const struct config_trunk *trunks;
	size_t trunk_count;
	const struct route_target *const *extensions; /* targets that are phones or have a short number */
	size_t extension_count;
	const char *public_url; /* where this server is reached, without a slash at its end */
	struct feed *feed; /* where its events are told live */
	struct callers *callers; /* what is known of them, of all organizations */
};

struct config_store; /* builds and holds the snapshots */

/* public_url: where the API and the portal are reached from outside; outlives the store. */
struct config_store *config_open(struct store *store, const struct crypto_key *key, const char *public_url,
				 struct error *err) WARN_UNUSED;
void config_close(struct config_store *c);
/* The data directory's key: for sealing and for hashing keys that are looked up. */
const struct crypto_key *config_key(const struct config_store *c);
struct feed *config_feed(const struct config_store *c); /* that of all organizations */
/* Build one organization's snapshot anew from the database, and publish. Any one thread but the call path's. */
bool config_reload(struct config_store *c, const char *organization_id, struct error *err) WARN_UNUSED;

/* Build the snapshots of organizations that have none yet: another process may add some. */
bool config_load_new(struct config_store *c, struct error *err) WARN_UNUSED;

/* Is the campaign among those listed? An empty list takes all; id may be NULL. */
bool config_takes_campaign(const char *const *ids, size_t count, const char *id);

/* Found things stay valid while the organization is held. */
void organization_hold(const struct organization *o);
void organization_release(const struct organization *o);

/* All of these return a held organization, or NULL. */
const struct organization *config_organization(struct config_store *c, const char *id);
const struct organization *config_by_number(struct config_store *c, const char *e164, const struct config_number **number);
const struct organization *config_by_api_key(struct config_store *c, const char *hash, const struct config_key **key);
const struct organization *config_by_webhook_key(struct config_store *c, const char *hash, const struct config_incoming **webhook);
const struct organization *config_by_dni(struct config_store *c, const char *id, const struct config_dni **snippet);
const struct organization *config_by_inbound_rtb(struct config_store *c, const char *id, const struct config_inbound_rtb **endpoint);

/* A trunk and its organization: copies of their ids, nothing is held. */
struct trunk_match {
	char organization_id[40], trunk_id[40];
};
/* The countries (ISO 3166) that organizations are of, each once. Returns how many. */
#define REGION_SIZE 4
#define REGIONS_MAX 256
size_t config_regions(struct config_store *c, char regions[REGIONS_MAX][REGION_SIZE]);
/* How many organizations there are. */
size_t config_organization_count(struct config_store *c);
/* Does a trunk of any organization take calls from the address? */
bool config_is_trunk_address(struct config_store *c, const struct sockaddr *address);
/*
 * Of all trunks that take calls from the address and have a default number the oldest, so that one
 * that is added later takes no other's calls. false: there is none.
 */
bool config_default_trunk(struct config_store *c, const struct sockaddr *address,
			  struct trunk_match *out);
/* Has any trunk inbound digest credentials? */
bool config_has_digest(struct config_store *c);
struct phone_match {
	char organization_id[40], target_id[40], password[208];
};
/* The n-th target of any organization whose phone registers so; username NULL: any. out: NULL to ask whether there is one. */
bool config_phone(struct config_store *c, const char *username, size_t n, struct phone_match *out);
bool config_trunk_by_line(struct config_store *c, const char *line, struct trunk_match *out);
/* Each trunk of each organization; f must not call back into config, and config must not be called under a lock that f takes. */
void config_each_trunk(struct config_store *c, void (*f)(void *arg, const struct config_trunk *trunk), void *arg);
/* Each routing plan of each organization, which is held meanwhile; f may take its time. */
void config_each_plan(struct config_store *c, void (*f)(void *arg, const struct organization *o, const struct route_plan *plan), void *arg);

/* What its filters and templates, and its flows, may name. Valid while the organization is held. */
struct expr_scope organization_scope(const struct organization *o);
struct flow_context organization_flow_context(const struct organization *o, const char *flow_id, int version);

const void *organization_find(const struct organization *o, const char *kind, const char *id);
const struct config_campaign *organization_campaign(const struct organization *o, const char *id);
/* A call that began then is a duplicate when the caller was connected by one that began at the answer or later. */
int64_t campaign_duplicates_since(const struct config_campaign *c, int64_t began_ms);
/* The publisher's, or those of the others. */
const struct terms *campaign_terms(const struct config_campaign *c, const char *publisher_id);
/* The key that may change the call; false: calls have none. */
bool organization_call_key(const struct organization *o, const char *call_id, char out[CALL_KEY_SIZE]) WARN_UNUSED;
const char *organization_publisher_name(const struct organization *o, const char *id); /* NULL: none, or no longer there */
const struct route_plan *organization_plan(const struct organization *o, const char *id);
const struct route_tree *organization_tree(const struct organization *o, const char *id);
/* Also an RTB target, as one. */
const struct route_target *organization_target(const struct organization *o, const char *id);
/* The target with that short number, or else whose phone has that user name (in any case); or NULL. */
const struct route_target *organization_extension(const struct organization *o, const char *called);
/*
 * Why calls of the campaign cannot run its call flow, in words without a full stop. Such calls run
 * the campaign's routing plan when it has one, else they are refused. NULL: the flow runs, or the
 * execution mode is routing_plan. Valid while the organization is held.
 */
const char *campaign_flow_problem(const struct config_campaign *c);
/* The same of a call flow by its id; NULL: it runs. */
const char *organization_flow_problem(const struct organization *o, const char *flow_id);
/* What is published of a call flow; NULL: nothing that runs. */
const struct flow *organization_flow(const struct organization *o, const char *id);
/* The names of a target and of its buyer; what is not there has no value. id may be NULL. */
void organization_target_names(const struct organization *o, const char *id, struct value *target, struct value *buyer);
const struct config_trunk *organization_trunk(const struct organization *o, const char *id);
/* The organization's trunk that takes calls from the address; in_to: and reads the number in To. */
const struct config_trunk *organization_trunk_at(
	const struct organization *o, const struct sockaddr *address, bool in_to);
const struct config_prompt *organization_prompt(const struct organization *o, const char *id);

#endif

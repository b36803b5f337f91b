/* http/api/api.h: the resources' handlers, one file each. Private to src/http/. */
#ifndef HTTP_API_H
#define HTTP_API_H

#include "http/auth.h"
#include "http/server.h"
#include "model/resource.h"

typedef enum http_result api_handler(struct http_request *r);

/* resources.c: every kind of configuration */
api_handler api_resource_create, api_resource_get, api_resource_patch, api_resource_delete, api_resource_restore, api_campaign_clone;
extern const struct field api_clone_fields[];
extern const struct field api_organization_fields[];
/* May the role change resources of this kind? false after a 403 was set. */
bool api_resource_allowed(struct http_request *r, const struct resource_kind *kind) WARN_UNUSED;
/* resource_list.c */
api_handler api_resource_list, api_resource_usage;
#define API_USERS_MAX 20
/* The first API_USERS_MAX that use it: [{"id","kind","name"}]. NULL: the database could not be read. */
json_t *api_resource_users(struct store_conn *conn, const struct http_request *r, const struct resource_kind *kind, const char *id);
/* custom_tags.c */
/* Has another tag the name, in any case? The answer is set. */
bool api_tag_conflict(struct store_conn *conn, struct http_request *r, const char *name, const char *id, bool *failed);
/* As api_resource_users(), of a custom tag. */
json_t *api_tag_users(struct store_conn *conn, const struct http_request *r, const char *id);
/*
 * The tag gets the name, and the former names, that doc has: whatever has another name for it is
 * rewritten, all of it or nothing.
 *
 * doc      the tag's next document; its former_names are brought up to date
 * report   {"renamed": [{"kind","id","name","version"}], "scripts": […]}; unchanged when the name is
 * refused  something would mean something else; the answer is set, and nothing was written
 *
 * Returns false when the database failed.
 */
bool api_tag_rename(struct store_conn *conn, struct http_request *r, const char *id, json_t *old, json_t *doc,
		    json_t **report, bool *refused) WARN_UNUSED;
/* A tag is made whose name another one had before: what has that name for the other is rewritten to its
 * name of now. Otherwise as api_tag_rename(). */
bool api_tag_created(struct store_conn *conn, struct http_request *r, const char *id, json_t *doc, bool *refused) WARN_UNUSED;
/* The kind that the path names, and the columns that api_resource_json() reads. */
const struct resource_kind *api_resource_kind(const struct http_request *r);
#define RESOURCE_COLUMNS "id, doc, version, created_at, updated_at"
/* Make a resource inside a transaction; the document must be checked. Used at `init`, too. Writes its id. */
bool api_resource_insert(struct store_conn *conn, const struct crypto_key *key, const char *organization_id,
			 const struct resource_kind *kind, json_t *doc, const char *id, int64_t now_ms) WARN_UNUSED;
/* The document as the API answers it: secrets masked. New reference. */
json_t *api_resource_json(struct http_request *r, const struct resource_kind *kind, const struct store_rows *rows, size_t row);
/* Set the ETag of a resource's version. */
void api_set_etag(struct http_request *r, int64_t version);
/* Does If-Match name another version than this, the stored one? true: a 412 was set. */
bool api_changed_meanwhile(struct http_request *r, int64_t version) WARN_UNUSED;
bool api_audit(struct store_conn *conn, const struct http_request *r, const char *action, const char *resource_id) WARN_UNUSED;
/*
 * What differs between two documents of that table, as {"before", "after"}: only the fields that
 * were changed, secrets as "***", long values by their size. old, now: NULL where there is none.
 * New reference; NULL without memory.
 */
json_t *api_audit_difference(const struct field *fields, json_t *old, json_t *now);
/* doc: what the row has beside; may be NULL, and stays the caller's. */
bool api_audit_write(struct store_conn *conn, const struct http_request *r, const char *action,
		     const char *resource_id, json_t *doc) WARN_UNUSED;
/* changes: what was changed, as the audit log shows it; may be NULL. */
bool api_audit_changes(struct store_conn *conn, const struct http_request *r, const char *action, const char *resource_id, json_t *changes) WARN_UNUSED;

/* ?name= as a time, `none` when it is not there. false: it is no time. */
bool api_query_time(const struct http_request *r, const char *name, int64_t none, int64_t *out) WARN_UNUSED;
#define API_LIMIT_MAX 1000
/* Paging: ?limit= (1 to API_LIMIT_MAX, 50 when not given) and ?cursor= (the last id seen; newest first). */
int64_t api_limit(const struct http_request *r);
enum http_result api_list_answer(struct http_request *r, json_t *data, const char *next_cursor);

/* call_flows.c */
api_handler api_flow_publish, api_flow_check, api_flow_rollback, api_flow_versions, api_flow_version, api_node_types;
/* The flow of the path's id: doc, version, name. No row: answer api_flow_missing(). */
struct store_rows *api_flow_find(struct store_conn *conn, const struct http_request *r);
enum http_result api_flow_missing(struct http_request *r); /* 404 */
/* A published version of it. NULL: there is none, or, with *failed, the database could not be read. New reference. */
json_t *api_flow_version_document(struct store_conn *conn, const struct http_request *r, int64_t version, bool *failed);
enum http_result api_flow_version_missing(struct http_request *r, int64_t version); /* 404 */
/*
 * NULL: it has errors, which problems (may be NULL) tells. Its scripts are compiled within the budget,
 * so this waits: not for HTTP threads, nor for the writer.
 */
struct flow *api_flow_compile(const struct http_request *r, json_t *document,
			      struct script_budget *budget, json_t *problems) WARN_UNUSED;
enum http_result api_flow_has_errors(struct http_request *r, json_t *problems); /* 422 */
/* flow_documents.c */
api_handler api_flow_export, api_flow_import, api_flow_diff, api_flow_diff_document;
/* flow_stats.c */
api_handler api_flow_stats;
/* routing.c */
/* A call that is asked about, of the form of api_explain_fields; held: to be released when its fields are no longer read. */
struct api_asked {
	struct expr_env env;
	struct expr_budget budget; /* of the env */
	struct value call[CALL_FIELD_COUNT];
	struct capacity_call as;
	int64_t at_ms, now_ms;
	const struct organization *held;
};
void api_read_asked(struct http_request *r, json_t *body, struct api_asked *a, struct errors *errors);
extern const struct field api_explain_fields[];
extern const struct field api_availability_fields[];
api_handler api_plan_explain, api_target_capacity, api_target_availability;
/* simulate.c */
/* {"name": value} coerced to the organization's tags, by slot; values NULL: only checked. */
void api_read_tags(struct http_request *r, json_t *tags, struct value *values, struct errors *errors);
/* What a call to this number is about. held: to be released when the fields are no longer read. */
void api_number_fields(struct http_request *r, const char *number, struct value *call, const struct organization **held);
api_handler api_flow_simulate, api_flow_replay;
extern const struct field api_replay_fields[];
/* call_search.c */
api_handler api_call_list;
/* calls.c */
api_handler api_call_get, api_call_tags, api_call_tags_patch, api_call_tag_reveal, api_call_events, api_call_trace, api_call_hangup;
/* adjustments.c */
extern const struct field api_adjustment_fields[];
api_handler api_call_adjust, api_call_adjustments;
enum http_result api_no_call(struct http_request *r); /* 404, of the path's id */
/* The call of the path's id as it is in the log; false after an answer was set. */
bool api_read_call(struct http_request *r, struct call_log *log) WARN_UNUSED;
/* call_sip.c */
api_handler api_call_sip, api_call_pcap;
/* resources.c: where this key sends data to, by the first of the webhook's types; in the arena. */
const char *api_incoming_url(struct http_request *r, json_t *webhook, const char *key);
/* webhooks.c */
api_handler api_rotate_key, api_rotate_secret, api_webhook_test,
	api_outgoing_requests, api_outgoing_request, api_redeliver_one, api_redeliver_since;
/* An outgoing webhook that is enabled: its template makes JSON of an example event, where it begins as JSON. */
void api_check_outgoing(const struct http_request *r, json_t *doc, struct errors *errors);
/* data.c */
/*
 * Body and query as one object; the body's members win. notes gets what is wrong with single
 * members. NULL after an answer was set. New reference.
 */
json_t *api_read_data(struct http_request *r, json_t *notes);
/* {"tag id": "text"} of those that have a value, and null of those that are removed. New reference. */
json_t *api_applied_json(const struct organization *o, const struct tag_result *results, size_t count);
/* The same as JSON for disk, the texts of sensitive tags sealed. To be freed. */
char *api_waiting_text(const struct http_request *r, const struct tag_result *results, size_t count);
bool api_takes_sensitive(const struct organization *o, const struct tag_result *results, size_t count);
/* The data, where a sensitive tag took something from it: nobody reads it, but it can be evaluated again. To be freed. */
char *api_sealed_data(const struct http_request *r, json_t *data);
/* [{"tag","value","error"}], sensitive ones masked; "removed" where a tag was to be. */
void api_results_json(struct buf *b, const struct organization *o, const struct tag_result *results, size_t count);
/* A page of rows whose first column is the cursor, asked for with one more than the limit; NULL: they could not be read. Takes them. */
enum http_result api_page_answer(struct http_request *r, struct store_rows *rows, int64_t limit, json_t *(*row)(const struct store_rows *rows, size_t i, bool whole));
/* A way to narrow a list of requests, found by its index: SQL with the organization, the cursor, the first id, the status, the value and the limit. */
struct api_narrowing {
	const char *name, *sql; /* name NULL: the last, when no other is asked for */
};
/* ?status=, ?from= and ?to=, and the first of these that is given. */
enum http_result api_request_list(struct http_request *r, const char *prefix, const struct api_narrowing *ways, json_t *(*row)(const struct store_rows *rows, size_t i, bool whole));
/* Have it written, and do not wait for that; takes the batch. false: there is no memory or no room for more. */
bool api_keep(struct http_request *r, struct store_batch *batch);
/* dni.c */
api_handler api_dni_script, api_dni_preflight, api_dni_lease, api_dni_heartbeat;
/* number_pools.c */
api_handler api_pool_leases, api_pool_statistics, api_snippet_pages;
/* inbound_rtb.c */
api_handler api_inbound_rtb;
/* Is there such an endpoint? */
bool api_inbound_rtb_known(struct http_request *r) WARN_UNUSED;
/* rtb_targets.c */
extern const struct field api_mapping_fields[];
api_handler api_test_mapping, api_ping_preview;
/* rtb_requests.c */
api_handler api_rtb_requests, api_rtb_request;
/* incoming.c */
api_handler api_incoming_hook;
/* Is there a valid key in the URL or in Authorization? Nothing is counted or answered. */
bool api_incoming_key_known(struct http_request *r) WARN_UNUSED;
/* A path's type, of INCOMING_CALL_DATA …; 0: it is none of theirs. */
unsigned api_incoming_type(const char *path);
/* What a request that is kept would give today's tags. webhook NULL: there is none any more. Results live in the request's
 * arena; unmatched gets the names of what no tag takes. Returns how many results there are. */
size_t api_incoming_evaluate(struct http_request *r, const struct config_incoming *webhook, unsigned type, json_t *data, json_t *headers,
			     struct tag_result **results, json_t *unmatched);
/* incoming_requests.c */
api_handler api_incoming_requests, api_incoming_request, api_incoming_failures, api_incoming_replay, api_incoming_fields;
/* prompts.c */
api_handler api_prompt_upload, api_prompt_audio;
/* events.c */
api_handler api_events;
/* reports.c */
api_handler api_report_calls;
/* recordings.c */
api_handler api_recording_get, api_recording_peaks, api_recording_delete;
/* trunks.c */
api_handler api_trunk_status;
api_handler api_target_phone;
/* test_calls.c */
extern const struct field api_test_call_fields[];
api_handler api_test_call;
/* system.c */
api_handler api_names;
api_handler api_organization_get, api_system, api_organization_patch, api_audit_log, api_openapi, api_healthz, api_metrics, api_event_types, api_outgoing_presets, api_redeliver_matching, api_webhook_health, api_webhook_statistics, api_webhook_preview;

#endif

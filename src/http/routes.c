/* Every path there is. Resources are found by their kind's table after these. */
#include "flow/simulate.h"
#include "http/api/api.h"
#include "http/second_factor.h"
#include <stdio.h>
#include <string.h>

#define V1 "/api/v1"

const struct http_route http_routes[] = {
	{"GET", "/healthz", api_healthz, ROLE_NONE, NULL, NULL, false},
	{"GET", "/readyz", api_healthz, ROLE_NONE, NULL, NULL, false},
	{"GET", "/metrics", api_metrics, ROLE_NONE, NULL, NULL, false},
	{"GET", "/call-data", api_incoming_hook, ROLE_NONE, "The same in the URL; without data: whether it is good", NULL, true},
	{"GET", "/update-tags", api_incoming_hook, ROLE_NONE, "The same in the URL; without data: whether it is good", NULL, true},
	{"GET", "/update-revenue", api_incoming_hook, ROLE_NONE, "The same in the URL; without data: whether it is good", NULL, true},
	{"GET", "/update-fields", api_incoming_hook, ROLE_NONE, "The same in the URL; without data: whether it is good", NULL, true},
	{"POST", "/call-data", api_incoming_hook, ROLE_NONE, "Send data for a call or a caller's next call (incoming webhook key)", NULL, true},
	{"POST", "/update-tags", api_incoming_hook, ROLE_NONE, "Send tags for a call that is there (incoming webhook key)", NULL, true},
	{"POST", "/update-revenue", api_incoming_hook, ROLE_NONE, "Send revenue, payout or conversion of a call (incoming webhook key)", NULL, true},
	{"POST", "/update-fields", api_incoming_hook, ROLE_NONE, "Send what became of a call: conversion, revenue, payout, reason, disposition, publisher, tags (incoming webhook key)", NULL, true},
	{"GET", "/dni/{script}", api_dni_script, ROLE_NONE, "The script of a DNI snippet, for landing pages ({id}.js)", NULL, false},
	{"OPTIONS", "/dni/lease", api_dni_preflight, ROLE_NONE, NULL, NULL, false},
	{"OPTIONS", "/dni/heartbeat", api_dni_preflight, ROLE_NONE, NULL, NULL, false},
	{"POST", "/dni/lease", api_dni_lease, ROLE_NONE, "A number for a visitor ({snippet, visitor, url, referrer, …}): {lease_id, number, display, expires_at}", NULL, false},
	{"POST", "/dni/heartbeat", api_dni_heartbeat, ROLE_NONE, "The visitor is still there ({snippet, visitor, lease_id})", NULL, false},
	{"GET", "/inbound_rtb/{id}", api_inbound_rtb, ROLE_NONE, "Ask whether a caller would be taken, for how much, and on which number (caller_id, and parameters for custom tags)", NULL, true},
	{"POST", "/inbound_rtb/{id}", api_inbound_rtb, ROLE_NONE, "The same with a form or a JSON object", NULL, true},
	{"POST", V1 "/session", auth_login, ROLE_NONE, "Sign in to the portal", NULL, false},
	{"GET", V1 "/session", auth_session, ROLE_NONE, "Who is signed in", NULL, false},
	{"DELETE", V1 "/session", auth_logout, ROLE_NONE, "Sign out", NULL, false},
	{"PATCH", V1 "/session/password", auth_password, ROLE_ANALYST,
	 "Change your own password (sessions only); your other sessions end", auth_password_fields, false},
	{"POST", V1 "/session/totp", second_factor_post, ROLE_ANALYST,
	 "Set up your second factor: without a code a secret, with its code ten recovery codes",
	 second_factor_fields, false},
	{"DELETE", V1 "/session/totp", second_factor_delete, ROLE_ANALYST,
	 "Remove your second factor (its code, or a recovery code)", second_factor_fields, false},
	{"DELETE", V1 "/users/{id}/totp", second_factor_reset, ROLE_ADMIN,
	 "Remove the second factor of a user who lost it (sessions only)", NULL, false},
	{"GET", V1 "/sessions", auth_sessions, ROLE_ANALYST, "Your own sessions, newest first", NULL, false},
	{"DELETE", V1 "/sessions", auth_sessions_end, ROLE_ANALYST, "Sign out everywhere", NULL, false},
	{"DELETE", V1 "/sessions/{id}", auth_session_end, ROLE_ANALYST, "End one of your own sessions", NULL,
	 false},
	{"GET", V1 "/openapi.json", api_openapi, ROLE_NONE, NULL, NULL, false},
	{"GET", V1 "/node-types", api_node_types, ROLE_ANALYST, "Descriptors of all call-flow node types", NULL, false},
	{"GET", V1 "/outgoing-webhook-presets", api_outgoing_presets, ROLE_ANALYST, "Outgoing webhooks for ad networks, trackers and analytics to begin with", NULL, false},
	{"GET", V1 "/event-types", api_event_types, ROLE_ANALYST, "Event types that outgoing webhooks can take", NULL, false},
	{"GET", V1 "/names", api_names, ROLE_ANALYST,
	 "Kind and name of objects by id (?ids=, at most 100, separated by commas)", NULL, false},
	{"GET", V1 "/organization", api_organization_get, ROLE_ANALYST, "The organization", NULL, false},
	{"PATCH", V1 "/organization", api_organization_patch, ROLE_ADMIN, "Change the organization",
	 api_organization_fields, false},
	{"GET", V1 "/system", api_system, ROLE_ANALYST, "The version, and where this server listens for calls", NULL, false},
	{"GET", V1 "/audit-log", api_audit_log, ROLE_ADMIN, "Who changed what", NULL, false},
	{"POST", V1 "/call-flows/import", api_flow_import, ROLE_MANAGER, "Make a call flow from an exported document", NULL, false},
	{"POST", V1 "/call-flows/{id}/publish", api_flow_publish, ROLE_MANAGER, "Publish the draft as a new version", NULL, false},
	{"POST", V1 "/call-flows/{id}/check", api_flow_check, ROLE_ANALYST, "Static checks of the draft, or of the document sent", NULL, false},
	{"POST", V1 "/call-flows/{id}/simulate", api_flow_simulate, ROLE_ANALYST, "Run the draft, a version or a document without a phone", flow_simulate_fields, false},
	{"POST", V1 "/call-flows/{id}/replay", api_flow_replay, ROLE_ANALYST, "Run a past call's recorded inputs through the draft, a version or a document", api_replay_fields, false},
	{"POST", V1 "/call-flows/{id}/rollback", api_flow_rollback, ROLE_MANAGER, "Publish an earlier version again", NULL, false},
	{"GET", V1 "/call-flows/{id}/versions", api_flow_versions, ROLE_ANALYST, "Published versions, newest first", NULL, false},
	{"GET", V1 "/call-flows/{id}/versions/{n}", api_flow_version, ROLE_ANALYST, "One published version with its document", NULL, false},
	{"GET", V1 "/call-flows/{id}/stats", api_flow_stats, ROLE_ANALYST, "Numbers of a version's nodes (?version=, ?from=, ?to=)", NULL, false},
	{"GET", V1 "/call-flows/{id}/diff", api_flow_diff, ROLE_ANALYST, "What ?from= and ?to= differ in: versions, or the draft", NULL, false},
	{"POST", V1 "/call-flows/{id}/diff", api_flow_diff_document, ROLE_ANALYST, "What the document sent would change in ?from=: a version, or the draft", NULL, false},
	{"GET", V1 "/call-flows/{id}/export", api_flow_export, ROLE_ANALYST, "The draft as one document, for git", NULL, false},
	{"GET", V1 "/events", api_events, ROLE_ANALYST, "Events as they happen, as server-sent events (?types=call.*,tag.set, ?call_id=; Last-Event-ID goes on after that one)", NULL, false},
	{"GET", V1 "/reports/calls", api_report_calls, ROLE_ANALYST, "Ended calls added up (?group_by=hour, day, campaign, publisher, target or tag.NAME, ?from=, ?to=, ?time_zone=, ?campaign_id=, ?publisher_id=, ?target_id=)", NULL, false},
	{"GET", V1 "/calls", api_call_list, ROLE_ANALYST, "The call log, newest first (?status=, ?campaign_id=, ?publisher_id=, ?target_id=, ?call_flow_id=, ?caller_id=, ?number=, ?disposition=, ?converted=, ?from=, ?to=, ?filter= as JSON, ?include=tags, ?limit=, ?cursor=, and tag.NAME, tag.NAME_gte …)", NULL, false},
	{"GET", V1 "/calls/{id}", api_call_get, ROLE_ANALYST, "One call's whole log", NULL, false},
	{"GET", V1 "/calls/{id}/tags", api_call_tags, ROLE_ANALYST, "The call's tags with where each came from, and what it replaced", NULL, false},
	{"PATCH", V1 "/calls/{id}/tags", api_call_tags_patch, ROLE_MANAGER, "Set tags of a call, live or finished", NULL, false},
	{"POST", V1 "/calls/{id}/tags/reveal", api_call_tag_reveal, ROLE_ADMIN, "The value of a sensitive tag ({name}); each time is kept in the audit log", NULL, false},
	{"GET", V1 "/calls/{id}/events", api_call_events, ROLE_ANALYST, "The call's events", NULL, false},
	{"GET", V1 "/calls/{id}/trace", api_call_trace, ROLE_ANALYST, "Every input and step of the call's flow", NULL, false},
	{"GET", V1 "/calls/{id}/sip", api_call_sip, ROLE_ANALYST, "The call's SIP messages, both of the caller and of whoever was called, as they went over the wire", NULL, false},
	{"GET", V1 "/calls/{id}/sip.pcap", api_call_pcap, ROLE_ANALYST, "The same as a capture file for Wireshark or sngrep", NULL, false},
	{"GET", V1 "/calls/{id}/recording", api_recording_get, ROLE_ANALYST, "What was recorded, as WAV: the newest, or ?recording_id=", NULL, false},
	{"GET", V1 "/calls/{id}/recording/peaks", api_recording_peaks, ROLE_ANALYST, "How loud it is over its time, per channel (?points=, ?recording_id=): for a waveform", NULL, false},
	{"DELETE", V1 "/calls/{id}/recording", api_recording_delete, ROLE_MANAGER, "Delete it, or ?recording_id=", NULL, false},
	{"POST", V1 "/calls/{id}/adjustments", api_call_adjust, ROLE_MANAGER, "Correct what a finished call is worth: revenue, payout or converted, with a note why; answers the call", api_adjustment_fields, false},
	{"GET", V1 "/calls/{id}/adjustments", api_call_adjustments, ROLE_ANALYST, "What was corrected: by whom, when, why, and from what to what", NULL, false},
	{"POST", V1 "/calls/{id}/hangup", api_call_hangup, ROLE_MANAGER, "Hang up a live call", NULL, false},
	{"POST", V1 "/incoming-webhooks/{id}/rotate-key", api_rotate_key, ROLE_MANAGER, "Replace the key; the old one works for overlap_seconds more (86400)", NULL, false},
	{"POST", V1 "/outgoing-webhooks/{id}/rotate-secret", api_rotate_secret, ROLE_MANAGER, "Replace the signing secret; requests are signed with the old one, too, for overlap_seconds (86400)", NULL, false},
	{"GET", V1 "/outgoing-webhooks/{id}/health", api_webhook_health, ROLE_ANALYST, "Its backlog, what became of the events of the last 24 hours, how long answers take, and since when it only fails", NULL, false},
	{"GET", V1 "/outgoing-webhooks/{id}/statistics", api_webhook_statistics, ROLE_ANALYST, "Tries, success rate, answer times and backlog by interval (?from=, ?to=: the last 24 hours; ?interval=3600 seconds)", NULL, false},
	{"POST", V1 "/outgoing-webhooks/{id}/test", api_webhook_test, ROLE_MANAGER, "Send an example event; event_type chooses which (call.completed)", NULL, false},
	{"POST", V1 "/outgoing-webhooks/{id}/preview", api_webhook_preview, ROLE_ANALYST, "The request that an event would be; call_id takes a past call, event_type chooses which (call.completed). Nothing is sent", NULL, false},
	{"POST", V1 "/outgoing-webhooks/{id}/redeliver", api_redeliver_since, ROLE_MANAGER, "Send again what failed since a time; until, status, event_type and call_id narrow it", NULL, false},
	{"GET", V1 "/incoming-webhook-requests", api_incoming_requests, ROLE_ANALYST, "Requests of incoming webhooks, newest first (?status=, ?from=, ?to=, and one of ?call_id=, ?caller_id=, ?unique_id=, ?incoming_webhook_id=; ?limit=, ?cursor=)", NULL, false},
	{"GET", V1 "/incoming-webhook-requests/{id}", api_incoming_request, ROLE_ANALYST, "One request with each tag's outcome", NULL, false},
	{"POST", V1 "/incoming-webhook-requests/{id}/replay", api_incoming_replay, ROLE_MANAGER, "Evaluate the request against today's tags; with apply, write them to the call it joined", NULL, false},
	{"GET", V1 "/incoming-webhook-failures", api_incoming_failures, ROLE_MANAGER, "Who failed to authenticate since the server started, by address", NULL, false},
	{"GET", V1 "/incoming-webhooks/{id}/fields", api_incoming_fields, ROLE_ANALYST, "Fields that came in its newest requests and that no tag takes", NULL, false},
	{"GET", V1 "/number-pools/{id}/leases", api_pool_leases, ROLE_ANALYST, "Which of its numbers visitors have now, newest first (?limit=, ?cursor=)", NULL, false},
	{"GET", V1 "/number-pools/{id}/statistics", api_pool_statistics, ROLE_ANALYST, "How many of its numbers were lent at once, by hour (?from=, ?to=: the last seven days), and how many it should have", NULL, false},
	{"GET", V1 "/dni-snippets/{id}/pages", api_snippet_pages, ROLE_ANALYST, "Which sites used it in the last seven days, and when last", NULL, false},
	{"POST", V1 "/rtb-targets/test-mapping", api_test_mapping, ROLE_ANALYST, "What an answer would mean by a response mapping; nobody is asked", api_mapping_fields, false},
	{"POST", V1 "/rtb-targets/{id}/preview", api_ping_preview, ROLE_ANALYST, "The ping that it would get for such a call; nothing is sent", api_explain_fields, false},
	{"GET", V1 "/rtb-targets/{id}/capacity", api_target_capacity, ROLE_ANALYST, "The calls that it has and had, against each of its limits", NULL, false},
	{"PUT", V1 "/rtb-targets/{id}/availability", api_target_availability, ROLE_MANAGER, "Say whether it takes calls now", api_availability_fields, false},
	{"GET", V1 "/rtb-requests", api_rtb_requests, ROLE_ANALYST, "Requests of real-time bidding, newest first (?direction=inbound or outbound, ?status=, ?from=, ?to=, and one of ?call_id=, ?caller_id=, ?inbound_rtb_id=, ?rtb_target_id=, ?publisher_id=, ?campaign_id=; ?limit=, ?cursor=)", NULL, false},
	{"GET", V1 "/rtb-requests/{id}", api_rtb_request, ROLE_ANALYST, "One request with what was answered, and why", NULL, false},
	{"GET", V1 "/outgoing-webhook-requests", api_outgoing_requests, ROLE_ANALYST, "Deliveries of outgoing webhooks, newest first (?status=, ?outgoing_webhook_id=, ?event_type=, ?call_id=, ?from=, ?to=, ?search= for a text of event, requests or answers, ?limit=, ?cursor=)", NULL, false},
	{"GET", V1 "/outgoing-webhook-requests/{id}", api_outgoing_request, ROLE_ANALYST, "One delivery with every attempt", NULL, false},
	{"POST", V1 "/outgoing-webhook-requests/redeliver", api_redeliver_matching, ROLE_MANAGER, "Send again what failed since a time; until, outgoing_webhook_id, status, event_type and call_id narrow it", NULL, false},
	{"POST", V1 "/outgoing-webhook-requests/{id}/redeliver", api_redeliver_one, ROLE_MANAGER, "Send it again now", NULL, false},
	{"POST", V1 "/test-calls", api_test_call, ROLE_MANAGER, "Credentials for a call by this browser to one of the organization's numbers, over SIP in a WebSocket (RFC 7118)", api_test_call_fields, false},
	{"POST", V1 "/campaigns/{id}/clone", api_campaign_clone, ROLE_MANAGER, "Make another campaign like it, without its numbers", api_clone_fields, false},
	{"POST", V1 "/routing-plans/{id}/explain", api_plan_explain, ROLE_ANALYST, "Which targets a call would be sent to now, in what order, and why not the others; nobody is called", api_explain_fields, false},
	{"GET", V1 "/targets/{id}/capacity", api_target_capacity, ROLE_ANALYST, "The calls that it has and had, against each of its limits", NULL, false},
	{"PUT", V1 "/targets/{id}/availability", api_target_availability, ROLE_MANAGER, "Say whether it takes calls now: an agent's break, a full desk. Callers who wait for it are sent on when it does", api_availability_fields, false},
	{"GET", V1 "/targets/{id}/phone", api_target_phone, ROLE_ANALYST, "Whether its phone is registered, and from where", NULL, false},
	{"GET", V1 "/trunks/{id}/status", api_trunk_status, ROLE_ANALYST, "Its calls against its limits, and which of its gateways answer", NULL, false},
	{"PUT", V1 "/prompts/{id}/audio", api_prompt_upload, ROLE_MANAGER, 
	 "Upload WAV, MP3, OGG or FLAC audio, mono or stereo, at most 96 kHz and an hour", NULL, false},
	{"GET", V1 "/prompts/{id}/audio", api_prompt_audio, ROLE_ANALYST, "The prompt's audio as WAV", NULL, false},
	{0},
};

static const struct http_route resource_routes[] = {
	{"GET", V1 "/{kind}", api_resource_list, ROLE_ANALYST, NULL, NULL, false},
	{"POST", V1 "/{kind}", api_resource_create, ROLE_MANAGER, NULL, NULL, false},
	{"GET", V1 "/{kind}/{id}", api_resource_get, ROLE_ANALYST, NULL, NULL, false},
	{"PATCH", V1 "/{kind}/{id}", api_resource_patch, ROLE_MANAGER, NULL, NULL, false},
	{"DELETE", V1 "/{kind}/{id}", api_resource_delete, ROLE_MANAGER, NULL, NULL, false},
	{"GET", V1 "/{kind}/{id}/usage", api_resource_usage, ROLE_ANALYST, NULL, NULL, false},
	{"POST", V1 "/{kind}/{id}/restore", api_resource_restore, ROLE_MANAGER, NULL, NULL, false},
	{0},
};

/* Does the path fit the pattern? Fills params with the {…} parts. */
static bool fits(struct http_request *r, const char *pattern)
{
	const char *p = pattern, *s = r->path;
	size_t n = 0;
	while (*p && *s) {
		if (*p != '{') {
			if (*p++ != *s++)
				return false;
			continue;
		}
		size_t len = strcspn(s, "/");
		if (!len || n == HTTP_PARAMS_MAX || !(r->params[n++] = arena_strndup(&r->arena, s, len)))
			return false;
		s += len;
		p += strcspn(p, "}") + 1;
	}
	return !*p && !*s;
}

static const struct http_route *find(struct http_request *r, const struct http_route *routes, bool *path_known)
{
	for (const struct http_route *route = routes; route->method; route++) {
		if (!fits(r, route->path))
			continue;
		*path_known = true;
		if (strcmp(route->method, r->method) == 0)
			return route;
	}
	return NULL;
}

const struct http_route *http_route_find(struct http_request *r, bool *path_known)
{
	const struct http_route *route = find(r, http_routes, path_known);
	if (route || *path_known)
		return route;
	route = find(r, resource_routes, path_known);
	const char *kind = *path_known ? r->params[0] : NULL;
	if (kind && !resource_kind_by_path(kind, strlen(kind))) {
		*path_known = false;
		return NULL;
	}
	return route;
}

static void add_method(struct http_request *r, const char *method)
{
	char list[sizeof r->allow + 2];
	size_t len = strlen(r->allow);
	snprintf(list, sizeof list, "%s,", r->allow);
	const char *at = strstr(list, method);
	if (!at || !strchr(", ", at[strlen(method)]))
		snprintf(r->allow + len, sizeof r->allow - len, "%s%s", len ? ", " : "", method);
}

static void add_methods(struct http_request *r, const struct http_route *routes)
{
	for (const struct http_route *route = routes; route->method; route++) {
		if (!fits(r, route->path))
			continue;
		add_method(r, route->method);
		if (strcmp(route->method, "GET") == 0)
			add_method(r, "HEAD");
	}
}

void http_route_methods(struct http_request *r)
{
	add_methods(r, http_routes);
	if (!*r->allow)
		add_methods(r, resource_routes);
	add_method(r, "OPTIONS");
}

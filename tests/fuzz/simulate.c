/* {"document", "script", "trace"}: a flow, simulated with the script and replayed with the trace; and two documents compared. */
#include "flow/simulate.h"
#include "flow/stats.h"
#include "flow/version.h"
#include "fuzz.h"
#include "names.h"

static struct flow_tag tag_at(void *arg, size_t slot)
{
	static const struct value_type number = {.kind = VALUE_NUMBER, .name = "number"};
	(void)arg;
	return slot ? (struct flow_tag){"score", &number, false} : (struct flow_tag){"state", &value_type_string, true};
}

static const struct value_type *type_of(void *arg, size_t slot)
{
	return tag_at(arg, slot).type;
}

static const char *name_of(void *arg, size_t slot)
{
	return tag_at(arg, slot).name;
}

static void no_reference(void *arg, const char *pointer, const char *kind, json_t *value)
{
	(void)arg, (void)pointer, (void)kind;
	json_string_set(value, "other");
}

static void run(struct flow *flow, json_t *script, json_t *trace)
{
	struct flow_world world = {.flow = flow, .tag_count = 2, .tag = tag_at};
	struct errors errors = {0};
	struct schema_context none = {0};
	json_t *call = json_pack("{s:s, s:s, s:s}", "id", "call_1", "caller_id", "+15125550100", "number", "+18005550100");
	schema_check(flow_simulate_fields, script, "", &none, &errors);
	if (!errors_any(&errors))
		json_decref(flow_simulate(&world, script));
	errors_free(&errors);
	json_decref(flow_replay(&world, call, trace));
	json_decref(call);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct flow_context context = {.tag = find_tag, .tag_type = type_of, .tag_count = 2, .tag_name = name_of};
	json_t *json = json_loadb((const char *)data, size, 0, NULL), *document = json_object_get(json, "document"), *script = json_object_get(json, "script"), *trace = json_object_get(json, "trace");
	struct flow *flow = json_is_object(document) && json_is_object(script) ? flow_compile(document, &context, NULL) : NULL;
	struct flow_stats *stats = flow_stats_new();
	if (flow)
		run(flow, script, trace);
	flow_stats_add(stats, trace);
	json_decref(flow_stats_json(stats));
	if (json_is_object(document) && json_is_object(script)) {
		json_decref(flow_diff(document, script));
		flow_each_reference(document, no_reference, NULL);
	}
	flow_stats_free(stats);
	flow_free(flow);
	json_decref(json);
	return 0;
}

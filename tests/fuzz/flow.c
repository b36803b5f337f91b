/* A call-flow document: compiled, and when it is sound, run with every input it asks for. */
#include "flow/flow.h"
#include "fuzz.h"
#include "names.h"

static bool answer(const struct flow_effects *out, struct flow_input *in)
{
	for (size_t i = 0; i < out->count; i++) {
		switch (out->list[i].kind) {
		case FLOW_EFFECT_PLAY:
			*in = (struct flow_input){.kind = FLOW_INPUT_PLAYED, .u.played_ok = true};
			return true;
		case FLOW_EFFECT_COLLECT:
			*in = (struct flow_input){.kind = FLOW_INPUT_DIGITS, .u.digits = {.text = "1", .finished = true}};
			return true;
		case FLOW_EFFECT_HTTP:
			*in = (struct flow_input){.kind = FLOW_INPUT_HTTP, .u.http = {.result = HTTP_ANSWERED, .status = 200, .body = "{\"a\":1}", .body_len = 7}};
			return true;
		case FLOW_EFFECT_SCRIPT:
			*in = (struct flow_input){.kind = FLOW_INPUT_SCRIPT, .u.script = {.ok = true, .result = "{\"port\":\"a\",\"vars\":{\"x\":1}}", .log = "y"}};
			return true;
		case FLOW_EFFECT_VOICEMAIL:
			*in = (struct flow_input){.kind = FLOW_INPUT_RECORDED, .u.recorded.duration_ms = 1000};
			return true;
		case FLOW_EFFECT_DIAL:
			*in = (struct flow_input){.kind = FLOW_INPUT_DIAL_ENDED, .u.dial = DIAL_BUSY};
			return true;
		default:
			break;
		}
	}
	return false;
}

static void run(struct flow *flow)
{
	static struct flow_effects out;
	struct arena arena = {0};
	struct flow_state state;
	struct expr_env env = fuzz_env();
	struct value tags[2];
	memcpy(tags, env.tags, sizeof tags);
	env.tags = tags;
	memset(&state, 0, sizeof state);
	if (flow_state_init(&state, flow, &arena, &env, tags)) {
		struct flow_input in = {.kind = FLOW_INPUT_START};
		for (int i = 0; i < 200; i++) {
			enum flow_result r = flow_step(&state, &in, 1000 + i, &out);
			if (r == FLOW_MORE)
				in = (struct flow_input){.kind = FLOW_INPUT_CONTINUE};
			else if (r != FLOW_OK || !answer(&out, &in))
				break;
		}
	}
	arena_free(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct flow_context context = {.tag = find_tag, .tag_count = 2};
	json_t *document = json_loadb((const char *)data, size, 0, NULL), *problems = json_array();
	struct flow *flow = document ? flow_compile(document, &context, problems) : NULL;
	if (flow)
		run(flow);
	flow_free(flow);
	json_decref(problems);
	json_decref(document);
	return 0;
}

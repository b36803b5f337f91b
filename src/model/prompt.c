#include "model/resource.h"

const struct resource_kind resource_prompt = {
	.kind = "prompt", .path = "prompts", .prefix = "prm", .title = "Prompt", .unique = "name",
	.help = "Audio for callers: uploaded, or spoken from a text.",
	.actions = (const char *const[]){"audio", NULL},
	.fields = (const struct field[]){
		{"name", FIELD_STRING, FIELD_REQUIRED, .min = 1, .max = 100, .help = "Name for people."},
		{"text", FIELD_STRING, .max = 4000, .help = "Spoken when no audio was uploaded."},
		{"voice", FIELD_ENUM, .choices = (const char *const[]){"slt", "kal", "rms", "awb", NULL}, .help = "Voice for the text."},
		{"has_audio", FIELD_BOOLEAN, FIELD_READ_ONLY, .help = "Whether audio was uploaded."},
		{0},
	},
};

#include "model/prompt.h"
#include "model/resource.h"

static const char *const voices[] = {"slt", "kal", "rms", "awb", NULL};

const char *const prompt_keys[] = {"0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "*", "#", NULL};

const struct field prompt_fields[] = {
	{"prompt_id", FIELD_ID, .kind = "prompt", .help = "An uploaded prompt. Either this or a text."},
	{"text", FIELD_TEMPLATE, .max = 4000, .help = "Text to be spoken; may have [TOKENS]."},
	{"voice", FIELD_ENUM, .choices = voices, .help = "Voice for the text."},
	{0},
};

const struct resource_kind resource_prompt = {
	.kind = "prompt", .path = "prompts", .prefix = "prm", .title = "Prompt", .unique = "name",
	.help = "Audio for callers: uploaded, or spoken from a text.",
	.actions = (const char *const[]){"audio", NULL},
	.fields = (const struct field[]){
		{"name", FIELD_STRING, FIELD_REQUIRED, .min = 1, .max = 100, .help = "Name for people."},
		{"text", FIELD_STRING, .max = 4000, .help = "Spoken when no audio was uploaded."},
		{"voice", FIELD_ENUM, .choices = voices, .help = "Voice for the text."},
		{"has_audio", FIELD_BOOLEAN, FIELD_READ_ONLY, .help = "Whether audio was uploaded."},
		{0},
	},
};

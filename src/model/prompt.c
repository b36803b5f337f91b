#include "model/prompt.h"
#include "model/resource.h"

static const char *const voices[] = {"slt", "kal", "rms", "awb", NULL};
static const struct label voice_labels[] = {
	{"slt", "Female, American"},
	{"kal", "Male, American, synthetic"},
	{"rms", "Male, American"},
	{"awb", "Male, Scottish"},
	{0},
};

const char *const prompt_keys[] = {"0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "*", "#", NULL};

const struct field prompt_fields[] = {
	{"prompt_id", FIELD_ID, .kind = "prompt",
	 .help = "An uploaded prompt. Set either a prompt or a text."},
	{"text", FIELD_TEMPLATE, .max = 4000, .help = "Text to speak. May contain [TOKENS]."},
	{"voice", FIELD_ENUM, .choices = voices, .labels = voice_labels,
	 .help = "Voice for the text."},
	{0},
};

const struct resource_kind resource_prompt = {
	.kind = "prompt", .path = "prompts", .prefix = "prm", .title = "Prompt", .unique = "name",
	.help = "Audio for callers: an uploaded file or a spoken text.",
	.actions = (const char *const[]){"audio", NULL},
	.fields = (const struct field[]){
		{"name", FIELD_STRING, FIELD_REQUIRED, .min = 1, .max = 100},
		{"text", FIELD_STRING, .max = 4000,
		 .help = "Spoken while no audio file is uploaded."},
		{"voice", FIELD_ENUM, .choices = voices, .labels = voice_labels,
		 .help = "Voice for the text."},
		{"has_audio", FIELD_BOOLEAN, FIELD_READ_ONLY, .title = "Audio file",
		 .help = "Whether an audio file was uploaded."},
		{0},
	},
};

/* The tags "state" and "score" and the variable "tries", for what is compiled. */
#ifndef NAMES_H
#define NAMES_H

#include "expr/scope.h"
#include <strings.h>

static inline int find_tag(void *arg, const char *name, size_t len)
{
	(void)arg;
	return len == 5 && strncasecmp(name, "state", 5) == 0 ? 0 : len == 5 && strncasecmp(name, "score", 5) == 0 ? 1 : -1;
}

static inline int find_variable(void *arg, const char *name, size_t len)
{
	(void)arg;
	return len == 5 && strncasecmp(name, "tries", 5) == 0 ? 0 : -1;
}

/* Custom data of every kind. Made once. */
static inline struct expr_custom *fuzz_custom(void)
{
	static struct arena arena;
	static struct expr_custom custom;
	if (!custom.data)
		custom = (struct expr_custom){.arena = &arena, .data = json_loads("{\"a\":{\"b\":[1,2.5,true,null,\"x\\r\\n\\\"\"]},\"a.b\":\"y\",\"n\":-7}", 0, NULL)};
	return &custom;
}

/* A call with one of each kind of value. */
static inline struct expr_env fuzz_env(void)
{
	static struct value call[CALL_FIELD_COUNT], tags[2], variables[1];
	for (size_t i = 0; i < CALL_FIELD_COUNT; i++)
		call[i] = (struct value){.text = ""};
	call[CALL_CALLER_ID] = value_string("+15125550100", 12);
	static const char text[] = "TX \"quoted\"\r\n\x01 100%<b>]]><c/>--><d/>&/../?x=1#@";
	tags[0] = value_string(text, sizeof text - 1);
	tags[1] = (struct value){.kind = VALUE_NUMBER, .text = "82.5", .len = 4, .number = 82.5};
	variables[0] = (struct value){.text = ""};
	return (struct expr_env){.tags = tags, .tag_count = 2, .custom = fuzz_custom(), .variables = variables, .variable_count = 1, .call = call, .now_ms = 1763935200000};
}

#endif

#include "expr/extract.h"
#include "base/json_read.h"
#include "expr/pointer.h"
#include "expr/regex.h"
#include "expr/scope.h"
#include <libxml/parser.h>
#include <libxml/xpath.h>
#include <stdlib.h>
#include <string.h>

#define XPATH_OPERATIONS_MAX 100000

const char *const extract_formats[] = {"json", "xml", "text", NULL};

struct extract {
	enum extract_format format;
	char *pointer;
	xmlXPathCompExpr *path;
	struct regex *regex;
};

struct extract_answer {
	enum extract_format format;
	json_t *json;
	xmlDoc *xml;
	xmlXPathContext *context;
	const char *text;
	size_t len;
};

/* ---- expressions ---- */

/* Before there are threads. */
__attribute__((constructor)) static void start(void)
{
	xmlInitParser();
}

static void silent(void *arg, xmlError *error)
{
	(void)arg, (void)error;
}

static bool compile_pointer(struct extract *e, const char *expression, struct error *err)
{
	if (*expression && *expression != '/') {
		error_set(err, "must be a JSON pointer such as /bid/amount");
		return false;
	}
	return (e->pointer = strdup(expression)) != NULL;
}

static bool compile_path(struct extract *e, const char *expression, struct error *err)
{
	xmlXPathContext *context = xmlXPathNewContext(NULL);
	if (!context)
		return false;
	context->error = silent;
	e->path = xmlXPathCtxtCompile(context, (const xmlChar *)expression);
	xmlXPathFreeContext(context);
	if (!e->path)
		error_set(err, "is not an XPath expression such as //bid/amount");
	return e->path != NULL;
}

static bool compile_regex(struct extract *e, const char *expression, struct error *err)
{
	e->regex = regex_compile(NULL, expression, strlen(expression), err);
	return e->regex != NULL;
}

struct extract *extract_compile(enum extract_format format, const char *expression, struct error *err)
{
	static bool (*const compile[])(struct extract *e, const char *expression, struct error *err) = {compile_pointer, compile_path, compile_regex};
	struct extract *e = calloc(1, sizeof *e);
	error_set(err, "out of memory");
	if (!e)
		return NULL;
	e->format = format;
	if (compile[format](e, expression, err))
		return e;
	extract_free(e);
	return NULL;
}

void extract_free(struct extract *e)
{
	if (!e)
		return;
	free(e->pointer);
	xmlXPathFreeCompExpr(e->path);
	regex_release(e->regex);
	free(e);
}

/* ---- answers ---- */

static bool read_json(struct extract_answer *a, struct error *err)
{
	struct error why;
	a->json = json_read(a->text, a->len, charset_utf8(), NULL, &why);
	if (!a->json)
		error_set(err, "it is not JSON: %.120s", why.text);
	return a->json != NULL;
}

static void on_document_type(void *arg, const xmlChar *name, const xmlChar *external, const xmlChar *system)
{
	(void)name, (void)external, (void)system;
	xmlStopParser(arg);
}

static bool read_xml(struct extract_answer *a, struct error *err)
{
	xmlParserCtxt *parser = xmlNewParserCtxt();
	if (!parser)
		return false;
	parser->sax->internalSubset = on_document_type; /* a document type: entities, and other files, begin there */
	parser->sax->externalSubset = on_document_type;
	parser->sax->entityDecl = NULL;
	const int options = XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING |
			    XML_PARSE_NOCDATA | XML_PARSE_COMPACT;
	a->xml = xmlCtxtReadMemory(parser, a->text, (int)a->len, NULL, "UTF-8", options);
	xmlFreeParserCtxt(parser);
	if (!a->xml || !xmlDocGetRootElement(a->xml)) {
		error_set(err, "it is not XML, or has a document type");
		return false;
	}
	a->context = xmlXPathNewContext(a->xml);
	if (!a->context)
		return false;
	a->context->error = silent;
	a->context->opLimit = XPATH_OPERATIONS_MAX;
	return true;
}

struct extract_answer *extract_read(enum extract_format format, const char *text, size_t len, struct error *err)
{
	struct extract_answer *a = calloc(1, sizeof *a);
	error_set(err, "out of memory");
	if (!a)
		return NULL;
	*a = (struct extract_answer){.format = format, .text = text, .len = len};
	bool ok = len <= EXTRACT_SIZE_MAX;
	if (!ok)
		error_set(err, "it is longer than %d KiB", EXTRACT_SIZE_MAX / 1024);
	if (ok && (format == EXTRACT_TEXT || (format == EXTRACT_JSON ? read_json(a, err) : read_xml(a, err))))
		return a;
	extract_answer_free(a);
	return NULL;
}

void extract_answer_free(struct extract_answer *a)
{
	if (!a)
		return;
	json_decref(a->json);
	xmlXPathFreeContext(a->context);
	xmlFreeDoc(a->xml);
	free(a);
}

/* ---- values ---- */

static struct value keep(const char *text, size_t len, struct arena *arena)
{
	const char *copy = text ? arena_strndup(arena, text, len < EXTRACT_TEXT_MAX ? len : EXTRACT_TEXT_MAX) : NULL;
	return copy ? value_string(copy, strlen(copy)) : (struct value){.text = ""};
}

static struct value by_path(const struct extract_answer *a, const struct extract *e, struct arena *arena)
{
	a->context->opCount = 0;
	xmlXPathObject *found = xmlXPathCompiledEval(e->path, a->context);
	bool nothing = !found || (found->type == XPATH_NODESET && xmlXPathNodeSetIsEmpty(found->nodesetval));
	xmlChar *text = nothing ? NULL : xmlXPathCastToString(found);
	struct value v = keep((const char *)text, text ? strlen((const char *)text) : 0, arena);
	xmlFree(text);
	xmlXPathFreeObject(found);
	return v;
}

static struct value by_regex(const struct extract_answer *a, const struct extract *e, struct arena *arena)
{
	struct value v = {.text = ""};
	pcre2_match_data *data = regex_match_data(e->regex);
	int64_t steps = EXPR_BUDGET_STEPS;
	if (data && regex_match(e->regex, a->text, a->len, data, &steps)) {
		bool groups = pcre2_get_ovector_count(data) > 1;
		const PCRE2_SIZE *at = pcre2_get_ovector_pointer(data) + (groups ? 2 : 0);
		if (at[0] != PCRE2_UNSET && at[0] <= at[1])
			v = keep(a->text + at[0], at[1] - at[0], arena);
	}
	pcre2_match_data_free(data);
	return v;
}

struct value extract_get(const struct extract_answer *a, const struct extract *e, struct arena *arena)
{
	if (!e || e->format != a->format)
		return (struct value){.text = ""};
	if (a->format != EXTRACT_JSON)
		return a->format == EXTRACT_XML ? by_path(a, e, arena) : by_regex(a, e, arena);
	struct value v = json_leaf_value(json_pointer_get(a->json, e->pointer), arena);
	return v.kind == VALUE_NONE ? v : keep(v.text, v.len, arena);
}

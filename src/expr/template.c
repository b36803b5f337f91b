#include "expr/template.h"
#include "expr/convert.h"
#include <string.h>
#include <strings.h>

#define CONVERSIONS_MAX 2

struct part {
	const char *text; /* literal, or the default of a token */
	size_t len;
	struct expr_ref ref;
	bool token;
	bool quoted;  /* JSON: the token stands inside a string */
	bool numeric; /* JSON, unquoted: [x_NUMERIC] */
	enum conversion conversions[CONVERSIONS_MAX]; /* the first is done first */
};

struct template {
	enum template_context context;
	size_t count;
	struct part parts[];
};

/* A token's end, or 0: names are letters, digits, '_', '-', '.', then an optional |default. */
static size_t token_end(const char *s, size_t len, size_t at, size_t *name_end)
{
	size_t i = at + 1;
	while (i < len && (strchr("_-.", s[i]) ? s[i] != '\0' : (s[i] >= '0' && s[i] <= '9') || ((s[i] | 32) >= 'a' && (s[i] | 32) <= 'z')))
		i++;
	if (i == at + 1 || i >= len || (s[i] != ']' && s[i] != '|'))
		return 0;
	*name_end = i;
	const char *close = memchr(s + i, ']', len - i);
	return close ? (size_t)(close - s) : 0;
}

static bool numeric_name(const char *name, size_t len)
{
	return len > 8 && strncasecmp(name + len - 8, "_NUMERIC", 8) == 0;
}

static void compile_token(struct part *p, const char *name, size_t len, const struct expr_scope *scope,
			  template_unknown_f *unknown, void *arg)
{
	size_t rest = len;
	p->token = true;
	p->numeric = numeric_name(name, len);
	p->ref = expr_resolve(scope, name, len);
	if (p->ref.source == EXPR_NOTHING && p->numeric)
		p->ref = expr_resolve(scope, name, rest -= 8);
	for (size_t i = CONVERSIONS_MAX; i > 0 && p->ref.source == EXPR_NOTHING && (p->conversions[i - 1] = conversion_of(name, rest, &rest)); i--)
		p->ref = expr_resolve(scope, name, rest);
	if (p->ref.source == EXPR_NOTHING && unknown)
		unknown(arg, name, len);
}

struct template *template_compile(const char *text, size_t len, enum template_context context,
				  const struct expr_scope *scope, struct arena *arena,
				  template_unknown_f *unknown, void *arg)
{
	size_t brackets = 0;
	for (size_t i = 0; i < len; i++)
		brackets += text[i] == '[';
	char *copy = arena_strndup(arena, text, len);
	struct template *t = arena_alloc(arena, sizeof *t + (2 * brackets + 1) * sizeof(struct part));
	if (!copy || !t)
		return NULL;
	t->context = context;
	bool quoted = false;
	size_t start = 0, i = 0, name_end = 0, end;
	while (i < len) {
		if (copy[i] == '\\' && quoted && i + 1 < len) {
			i += 2;
			continue;
		}
		if (copy[i] == '"')
			quoted = !quoted;
		if (copy[i] != '[') {
			i++;
			continue;
		}
		bool twice = i + 1 < len && copy[i + 1] == '[';
		end = twice ? 0 : token_end(copy, len, i, &name_end);
		/* In JSON outside a string, "[" opens an array unless it is a known token or has a default. */
		if (end && context == TEMPLATE_JSON && !quoted && name_end == end && copy[i + 1] >= '0' && copy[i + 1] <= '9')
			end = 0;
		if (twice && context == TEMPLATE_JSON && !quoted)
			twice = false; /* nested arrays */
		if (!twice && !end) {
			i++;
			continue;
		}
		if (i > start || twice)
			t->parts[t->count++] = (struct part){.text = copy + start, .len = i - start + (twice ? 1 : 0)};
		if (twice) {
			start = i += 2;
			continue;
		}
		struct part *p = &t->parts[t->count++];
		*p = (struct part){.quoted = quoted};
		if (copy[name_end] == '|') {
			p->text = copy + name_end + 1;
			p->len = end - name_end - 1;
		}
		compile_token(p, copy + i + 1, name_end - i - 1, scope, unknown, arg);
		start = i = end + 1;
	}
	if (len > start)
		t->parts[t->count++] = (struct part){.text = copy + start, .len = len - start};
	return t;
}

const char *template_constant(const struct template *t, size_t *len)
{
	if (t->count > 1 || (t->count == 1 && t->parts[0].token))
		return NULL;
	*len = t->count ? t->parts[0].len : 0;
	return t->count ? t->parts[0].text : "";
}

static void add_percent(struct buf *out, const char *s, size_t len, bool form)
{
	static const char hex[] = "0123456789ABCDEF";
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)s[i];
		if ((c >= '0' && c <= '9') || ((c | 32) >= 'a' && (c | 32) <= 'z') || c == '-' || c == '.' || c == '_' || (c == '~' && !form) || (c == '*' && form)) {
			buf_add_char(out, (char)c);
		} else if (c == ' ' && form) {
			buf_add_char(out, '+');
		} else {
			char e[3] = {'%', hex[c >> 4], hex[c & 15]};
			buf_add(out, e, 3);
		}
	}
}

static void add_without_controls(struct buf *out, const char *s, size_t len, bool as_space)
{
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)s[i];
		if (c >= 0x20 && c != 0x7f)
			buf_add_char(out, (char)c);
		else if (as_space || c == '\t' || c == '\n')
			buf_add_char(out, ' ');
	}
}

static void add_json(struct buf *out, const struct part *p, const struct value *v)
{
	double n;
	if (p->quoted) {
		size_t before = out->len;
		buf_json_string(out, v->text, v->len);
		if (out->failed)
			return;
		/* only what is between the quotes */
		memmove(out->data + before, out->data + before + 1, out->len - before - 2);
		out->len -= 2;
		out->data[out->len] = '\0';
		return;
	}
	if (v->kind == VALUE_NONE)
		buf_add_str(out, "null");
	else if (v->kind == VALUE_NUMBER || (p->numeric && value_parse_number(v->text, v->len, &n))) {
		char number[VALUE_NUMBER_SIZE];
		buf_add(out, number, value_format_number(v->kind == VALUE_NUMBER ? v->number : n, number));
	} else if (v->kind == VALUE_BOOLEAN)
		buf_add(out, v->text, v->len);
	else if (p->numeric)
		buf_add_str(out, "null");
	else
		buf_json_string(out, v->text, v->len);
}

void template_render(const struct template *t, struct expr_env *env, struct buf *out)
{
	size_t limit = out->limit;
	out->limit = out->len + TEMPLATE_OUTPUT_MAX;
	for (size_t i = 0; i < t->count; i++) {
		const struct part *p = &t->parts[i];
		char converted[CONVERSIONS_MAX][CONVERTED_SIZE];
		if (!p->token) {
			buf_add(out, p->text, p->len);
			continue;
		}
		struct value v = expr_value(env, p->ref);
		for (size_t k = 0; k < CONVERSIONS_MAX; k++)
			if (p->conversions[k])
				v = convert(p->conversions[k], &v, converted[k]);
		if ((v.kind == VALUE_NONE || !v.len) && p->text)
			v = value_string(p->text, p->len);
		switch (t->context) {
		case TEMPLATE_TEXT:
			add_without_controls(out, v.text, v.len, false);
			break;
		case TEMPLATE_HEADER:
			add_without_controls(out, v.text, v.len, true);
			break;
		case TEMPLATE_URL:
			add_percent(out, v.text, v.len, false);
			break;
		case TEMPLATE_FORM:
			add_percent(out, v.text, v.len, true);
			break;
		case TEMPLATE_JSON:
			add_json(out, p, &v);
			break;
		}
	}
	out->limit = limit;
}

enum template_context template_body_context(const char *content_type, const char *body)
{
	if (content_type)
		return strstr(content_type, "json") ? TEMPLATE_JSON : strstr(content_type, "urlencoded") ? TEMPLATE_FORM : TEMPLATE_TEXT;
	body += strspn(body, " \t\r\n");
	return *body == '{' || *body == '[' ? TEMPLATE_JSON : TEMPLATE_TEXT;
}

#include "expr/template.h"
#include "base/charset.h"
#include <ctype.h>
#include <string.h>
#include <strings.h>

/* Where a token stands, as far as its context tells several places apart. */
enum place {
	PLACE_PLAIN,
	PLACE_QUOTED,  /* JSON: inside a string */
	PLACE_CDATA,   /* XML: a CDATA section */
	PLACE_COMMENT, /* XML */
	PLACE_HOST,    /* URL: scheme, credentials, host and port */
	PLACE_PATH,    /* URL */
};

/* A part of a template's text: characters, or a token. */
struct piece {
	bool token;
	enum place place;
	const char *text; /* of a token its name */
	size_t len;
	const char *fallback; /* what is after "|"; NULL: nothing */
	size_t fallback_len;
};

struct part {
	const char *text; /* literal, or the default of a token */
	size_t len;
	bool token;
	enum place place;
	struct token_meaning meaning;
	struct value fallback; /* in JSON outside of strings: the default, of the token's type */
};

struct template {
	enum template_context context;
	const char *region; /* of the phone numbers and dates that are converted; "": unknown */
	bool ascii; /* XML that declares another encoding than UTF-8: other characters by number */
	size_t count;
	struct part parts[];
};

/* ---- reading ---- */

struct scanner {
	const char *text;
	size_t len, at;
	enum template_context context;
	enum place place;
};

static bool is_alphanumeric(char c)
{
	return (c >= '0' && c <= '9') || ((c | 32) >= 'a' && (c | 32) <= 'z');
}

static bool is_name_character(char c)
{
	return is_alphanumeric(c) || c == '_' || c == '-' || c == '.';
}

static bool starts(const struct scanner *s, size_t at, const char *with)
{
	size_t n = strlen(with);
	return s->len - at >= n && memcmp(s->text + at, with, n) == 0;
}

static size_t blanks(const char *text, size_t len)
{
	size_t n = 0;
	while (n < len && strchr(" \t\r\n", text[n]) && text[n])
		n++;
	return n;
}

/*
 * How many characters of a URL stand before its credentials and host; 0: it is no HTTP URL.
 * Clients take any number of slashes there, and backslashes (WHATWG URL section 4.4).
 */
static size_t before_host(const char *text, size_t len)
{
	size_t n = blanks(text, len);
	if (len - n < 5 || strncasecmp(text + n, "http", 4) != 0)
		return 0;
	n += 4 + ((text[n + 4] | 32) == 's');
	if (n >= len || text[n] != ':')
		return 0;
	for (n++; n < len && (text[n] == '/' || text[n] == '\\');)
		n++;
	return n;
}

static void scan_start(struct scanner *s, const char *text, size_t len, enum template_context context)
{
	*s = (struct scanner){.text = text, .len = len, .context = context};
	if (context == TEMPLATE_URL && before_host(text, len))
		s->place = PLACE_HOST;
}

/*
 * May the name of a member of custom data or of an event have this character? They are named by
 * whoever sends them, with blanks and letters of any script. In JSON a quote or backslash would
 * end or change the string that the token stands in.
 */
static bool is_sent_name_character(char c)
{
	return (unsigned char)c >= ' ' && !strchr("[]|\"\\", c) && c != 0x7f;
}

static bool names_sent_member(const struct scanner *s, size_t at)
{
	static const char *const prefixes[] = {"custom.", "event."};
	for (size_t i = 0; i < ARRAY_LEN(prefixes); i++) {
		size_t n = strlen(prefixes[i]);
		if (s->len - at > n && strncasecmp(s->text + at, prefixes[i], n) == 0)
			return true;
	}
	return false;
}

/* A token's end, or 0: a name, then an optional |default. */
static size_t token_end(const struct scanner *s, size_t at, size_t *name_end)
{
	size_t i = at + 1;
	bool sent = names_sent_member(s, i);
	while (i < s->len &&
		(is_name_character(s->text[i]) || (sent && is_sent_name_character(s->text[i]))))
		i++;
	if (i == at + 1 || i >= s->len || (s->text[i] != ']' && s->text[i] != '|'))
		return 0;
	*name_end = i;
	const char *close = memchr(s->text + i, ']', s->len - i);
	return close ? (size_t)(close - s->text) : 0;
}

/* The grammar of RFC 8259 §3 and §6: a number, true, false or null. */
bool template_is_json_literal(const char *s, size_t len)
{
	size_t i = len && s[0] == '-';
	if ((len == 4 && (memcmp(s, "true", 4) == 0 || memcmp(s, "null", 4) == 0)) ||
	    (len == 5 && memcmp(s, "false", 5) == 0))
		return true;
	if (i >= len || s[i] < '0' || s[i] > '9' || (s[i] == '0' && i + 1 < len && is_alphanumeric(s[i + 1]) &&
						      (s[i + 1] | 32) != 'e'))
		return false;
	while (i < len && s[i] >= '0' && s[i] <= '9')
		i++;
	if (i + 1 < len && s[i] == '.' && s[i + 1] >= '0' && s[i + 1] <= '9')
		for (i++; i < len && s[i] >= '0' && s[i] <= '9';)
			i++;
	if (i + 1 < len && (s[i] | 32) == 'e') {
		i += 1 + (s[i + 1] == '-' || s[i + 1] == '+');
		size_t digits = i;
		while (i < len && s[i] >= '0' && s[i] <= '9')
			i++;
		return i == len && i > digits;
	}
	return i == len;
}

/*
 * Brackets that are part of the text rather than a token's: an array of one JSON literal, and in
 * queries and forms the subscript of a parameter's name, as in filter[status]=open.
 */
static bool is_text(const struct scanner *s, size_t at, size_t name_end, size_t end, size_t start)
{
	if (name_end != end)
		return false;
	if (s->context == TEMPLATE_JSON)
		return s->place == PLACE_PLAIN && template_is_json_literal(s->text + at + 1, end - at - 1);
	if ((s->context != TEMPLATE_FORM && s->context != TEMPLATE_URL) || s->place != PLACE_PLAIN)
		return false;
	bool after_name = at > start && (is_name_character(s->text[at - 1]) || s->text[at - 1] == ']');
	return after_name && end + 1 < s->len && (s->text[end + 1] == '=' || s->text[end + 1] == '[');
}

/* Take note of a character of the text that changes the place. How many characters were read. */
static size_t step_xml(struct scanner *s, size_t at)
{
	static const struct {
		enum place from, to;
		const char *mark;
	} marks[] = {
		{PLACE_PLAIN, PLACE_CDATA, "<![CDATA["}, {PLACE_CDATA, PLACE_PLAIN, "]]>"},
		{PLACE_PLAIN, PLACE_COMMENT, "<!--"}, {PLACE_COMMENT, PLACE_PLAIN, "-->"},
	};
	for (size_t i = 0; i < ARRAY_LEN(marks); i++)
		if (s->place == marks[i].from && starts(s, at, marks[i].mark)) {
			s->place = marks[i].to;
			return strlen(marks[i].mark);
		}
	return 1;
}

static size_t step(struct scanner *s, size_t at)
{
	char c = s->text[at];
	switch (s->context) {
	case TEMPLATE_JSON:
		if (c == '\\' && s->place == PLACE_QUOTED && at + 1 < s->len)
			return 2;
		if (c == '"')
			s->place = s->place == PLACE_QUOTED ? PLACE_PLAIN : PLACE_QUOTED;
		return 1;
	case TEMPLATE_XML:
		return c == '<' || c == ']' || c == '-' ? step_xml(s, at) : 1;
	case TEMPLATE_URL:
		if (s->place == PLACE_HOST && at == 0)
			return before_host(s->text, s->len);
		if (s->place == PLACE_HOST && c == '/')
			s->place = PLACE_PATH;
		if (s->place != PLACE_PLAIN && (c == '?' || c == '#'))
			s->place = PLACE_PLAIN;
		return 1;
	default:
		return 1;
	}
}

/* The next piece. false: there is no more. */
static bool scan(struct scanner *s, struct piece *p)
{
	size_t start = s->at, i = s->at, name_end = 0;
	while (i < s->len) {
		if (s->text[i] != '[') {
			i += step(s, i);
			continue;
		}
		bool twice = i + 1 < s->len && s->text[i + 1] == '[';
		if (twice && !(s->context == TEMPLATE_JSON && s->place == PLACE_PLAIN)) {
			*p = (struct piece){.place = s->place, .text = s->text + start, .len = i + 1 - start};
			s->at = i + 2;
			return true;
		}
		size_t end = twice ? 0 : token_end(s, i, &name_end);
		if (!end || is_text(s, i, name_end, end, start)) {
			i++;
			continue;
		}
		if (i > start)
			break;
		*p = (struct piece){.token = true, .place = s->place, .text = s->text + i + 1,
				    .len = name_end - i - 1};
		if (name_end < end) {
			p->fallback = s->text + name_end + 1;
			p->fallback_len = end - name_end - 1;
		}
		s->at = end + 1;
		return true;
	}
	*p = (struct piece){.place = s->place, .text = s->text + start, .len = i - start};
	s->at = i;
	return i > start;
}

void template_each_token(const char *text, size_t len, enum template_context context,
			 template_token_f *f, void *arg)
{
	struct scanner s;
	struct piece p;
	scan_start(&s, text, len, context);
	while (scan(&s, &p)) {
		bool begins_url = context == TEMPLATE_URL && p.text == text + blanks(text, len) + 1;
		if (p.token)
			f(arg, &(struct template_token){p.text, p.len, begins_url || p.place == PLACE_HOST});
	}
}

/* ---- compiling ---- */

static bool is_numeric(const char *name, size_t len)
{
	return len > 8 && strncasecmp(name + len - 8, "_NUMERIC", 8) == 0;
}

struct token_meaning template_meaning(const struct expr_scope *scope, const char *name, size_t len)
{
	struct token_meaning m = {.base_len = len, .numeric = is_numeric(name, len)};
	m.ref = expr_resolve(scope, name, len);
	if (m.ref.source == EXPR_NOTHING && m.numeric)
		m.ref = expr_resolve(scope, name, m.base_len -= 8);
	for (size_t i = TEMPLATE_CONVERSIONS_MAX; i > 0 && m.ref.source == EXPR_NOTHING; i--) {
		m.conversions[i - 1] = conversion_of(name, m.base_len, &m.base_len);
		if (!m.conversions[i - 1])
			break;
		m.ref = expr_resolve(scope, name, m.base_len);
	}
	return m;
}

/* What the token's values are in JSON, so that its default is that, too. */
static enum value_kind kind_of(const struct expr_scope *scope, const struct token_meaning *m)
{
	enum conversion last = m->conversions[TEMPLATE_CONVERSIONS_MAX - 1];
	if (m->numeric || last == CONVERT_EPOCH || last == CONVERT_EPOCH_MS || last == CONVERT_MONEY ||
	    last == CONVERT_CENTS)
		return VALUE_NUMBER;
	return last ? VALUE_STRING : expr_kind(scope, m->ref);
}

/* A default that is no number, true or false is a text, whatever the token's type. */
static struct value typed_default(enum value_kind kind, const char *text, size_t len)
{
	struct value v = value_string(text, len);
	bool flag;
	if (kind == VALUE_NUMBER && value_parse_number(text, len, &v.number)) {
		v.kind = VALUE_NUMBER;
	} else if (kind == VALUE_BOOLEAN && value_parse_boolean(text, len, &flag)) {
		v = value_string(flag ? "true" : "false", flag ? 4 : 5);
		v.kind = VALUE_BOOLEAN;
	} else if ((kind == VALUE_NUMBER || kind == VALUE_BOOLEAN) && len == 4 && memcmp(text, "null", 4) == 0) {
		v = (struct value){.text = ""};
	}
	return v;
}

static struct part compile_token(const struct piece *piece, enum template_context context, const struct expr_scope *scope)
{
	struct part p = {.token = true, .place = piece->place, .text = piece->fallback, .len = piece->fallback_len};
	p.meaning = template_meaning(scope, piece->text, piece->len);
	if (p.meaning.ref.source == EXPR_NOTHING && context == TEMPLATE_URL && !p.text) /* brackets of the URL's own */
		return (struct part){.text = piece->text - 1, .len = piece->len + 2};
	if (p.text && context == TEMPLATE_JSON && p.place == PLACE_PLAIN)
		p.fallback = typed_default(kind_of(scope, &p.meaning), p.text, p.len);
	return p;
}

/* The encoding that the XML declaration names, where it is not UTF-8. */
static bool declares_other_encoding(const char *text)
{
	text += strspn(text, " \t\r\n");
	const char *end = strncmp(text, "<?xml", 5) == 0 ? strstr(text, "?>") : NULL;
	const char *name = end ? strstr(text, "encoding") : NULL;
	if (!name || name > end)
		return false;
	name += strlen("encoding");
	name += strspn(name, " \t\r\n=\"'");
	return strncasecmp(name, "utf-8", 5) != 0 && strncasecmp(name, "utf8", 4) != 0;
}

struct template *template_compile(const char *text, size_t len, enum template_context context,
				  const struct expr_scope *scope, struct arena *arena,
				  template_unknown_f *unknown, void *arg)
{
	size_t brackets = 0;
	struct scanner s;
	struct piece piece;
	for (size_t i = 0; i < len; i++)
		brackets += text[i] == '[';
	char *copy = arena_strndup(arena, text, len);
	struct template *t = arena_alloc(arena, sizeof *t + (2 * brackets + 1) * sizeof(struct part));
	const char *region = arena_strdup(arena, scope->region ? scope->region : "");
	if (!copy || !t || !region)
		return NULL;
	t->context = context;
	t->region = region;
	t->ascii = context == TEMPLATE_XML && declares_other_encoding(copy);
	scan_start(&s, copy, len, context);
	while (scan(&s, &piece)) {
		struct part *p = &t->parts[t->count++];
		if (!piece.token) {
			*p = (struct part){.text = piece.text, .len = piece.len};
			continue;
		}
		*p = compile_token(&piece, context, scope);
		if ((!p->token || p->meaning.ref.source == EXPR_NOTHING) && unknown)
			unknown(arg, piece.text, piece.len);
	}
	return t;
}

const char *template_constant(const struct template *t, size_t *len)
{
	if (t->count > 1 || (t->count == 1 && t->parts[0].token))
		return NULL;
	*len = t->count ? t->parts[0].len : 0;
	return t->count ? t->parts[0].text : "";
}

/* ---- writing ---- */

static void add_percent(struct buf *out, const char *s, size_t len, bool form)
{
	static const char hex[] = "0123456789ABCDEF";
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)s[i];
		if (is_alphanumeric((char)c) || c == '-' || c == '.' || c == '_' || c == (form ? '*' : '~')) {
			buf_add_char(out, (char)c);
		} else if (c == ' ' && form) {
			buf_add_char(out, '+');
		} else {
			char e[3] = {'%', hex[c >> 4], hex[c & 15]};
			buf_add(out, e, 3);
		}
	}
}

/* How many dots the text is, percent-encoded or not; 0: it has something else. */
static size_t count_dots(const char *s, size_t len)
{
	size_t dots = 0;
	for (size_t i = 0; i < len; dots++) {
		if (s[i] == '.')
			i++;
		else if (len - i >= 3 && strncasecmp(s + i, "%2E", 3) == 0)
			i += 3;
		else
			return 0;
	}
	return dots;
}

/*
 * A segment of one or two dots would lead elsewhere, "%2E" just as well (WHATWG URL, "double-dot
 * URL path segment"). If values made it, its dots are encoded once more, so that they stay a name.
 */
static void end_segment(struct buf *out)
{
	size_t from = out->len;
	while (from && out->data[from - 1] != '/')
		from--;
	size_t dots = out->failed ? 0 : count_dots(out->data + from, out->len - from);
	if (dots != 1 && dots != 2)
		return;
	out->len = from;
	for (size_t i = 0; i < dots; i++)
		buf_add_str(out, "%252E");
}

/* Text as the author wrote it. *made_segment: values are in the segment of a path before it. */
static void add_text(struct buf *out, const struct part *p, bool *made_segment)
{
	size_t n = 0;
	while (*made_segment && n < p->len && !memchr("/?#", p->text[n], 3))
		n++;
	buf_add(out, p->text, n);
	if (n == p->len)
		return;
	if (*made_segment)
		end_segment(out);
	*made_segment = false;
	buf_add(out, p->text + n, p->len - n);
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
	if (p->place == PLACE_QUOTED) {
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
	else if (v->kind == VALUE_NUMBER || (p->meaning.numeric && value_parse_number(v->text, v->len, &n))) {
		char number[VALUE_NUMBER_SIZE];
		buf_add(out, number, value_format_number(v->kind == VALUE_NUMBER ? v->number : n, number));
	} else if (v->kind == VALUE_BOOLEAN)
		buf_add(out, v->text, v->len);
	else if (p->meaning.numeric)
		buf_add_str(out, "null");
	else
		buf_json_string(out, v->text, v->len);
}

static bool ends_with(const struct buf *out, const char *end)
{
	size_t n = strlen(end);
	return out->len >= n && memcmp(out->data + out->len - n, end, n) == 0;
}

#define CDATA_SPLIT "]]><![CDATA["

/* XML 1.0 §2.4 and §2.11: what is markup, and white space that attributes and line ends would lose. */
static void add_xml_character(struct buf *out, char c, enum place place)
{
	if (place == PLACE_CDATA) {
		if (c == '>' && ends_with(out, "]]"))
			buf_add_str(out, CDATA_SPLIT);
		buf_add_char(out, c);
		return;
	}
	if (place == PLACE_COMMENT && c == '-' && ends_with(out, "-"))
		buf_add_char(out, ' ');
	switch (c) {
	case '&':
		buf_add_str(out, "&amp;");
		return;
	case '<':
		buf_add_str(out, "&lt;");
		return;
	case '>':
		buf_add_str(out, "&gt;");
		return;
	case '"':
		buf_add_str(out, "&quot;");
		return;
	case '\'':
		buf_add_str(out, "&#39;");
		return;
	case '\t':
	case '\n':
	case '\r':
		buf_printf(out, "&#%d;", c);
		return;
	default:
		buf_add_char(out, c);
	}
}

static uint32_t code_point(const unsigned char *s, size_t n)
{
	uint32_t c = n == 2 ? s[0] & 0x1f : n == 3 ? s[0] & 0x0f : s[0] & 0x07;
	for (size_t i = 1; i < n; i++)
		c = c << 6 | (s[i] & 0x3f);
	return c;
}

/* XML 1.0 §2.2: control characters are left out, bytes that are no character become U+FFFD. */
static void add_xml(struct buf *out, const char *text, size_t len, enum place place, bool ascii)
{
	const unsigned char *s = (const unsigned char *)text;
	for (size_t i = 0, n; i < len; i += n ? n : 1) {
		n = utf8_length(s + i, len - i);
		if (n == 1) {
			if (s[i] >= 0x20 || s[i] == '\t' || s[i] == '\n' || s[i] == '\r')
				add_xml_character(out, text[i], place);
			continue;
		}
		uint32_t c = n ? code_point(s + i, n) : 0xfffd;
		c = c == 0xfffe || c == 0xffff ? 0xfffd : c;
		if (ascii && place == PLACE_PLAIN)
			buf_printf(out, "&#%u;", (unsigned)c);
		else if (c == 0xfffd)
			buf_add_str(out, "\xef\xbf\xbd");
		else
			buf_add(out, text + i, n);
	}
	/* What comes next must not make an end of the section or the comment with what is here. */
	if (place == PLACE_CDATA && ends_with(out, "]"))
		buf_add_str(out, CDATA_SPLIT);
	if (place == PLACE_COMMENT && ends_with(out, "-"))
		buf_add_char(out, ' ');
}

static void add_value(const struct template *t, const struct part *p, const struct value *v, struct buf *out)
{
	switch (t->context) {
	case TEMPLATE_HEADER:
		add_without_controls(out, v->text, v->len, true);
		break;
	case TEMPLATE_URL:
		add_percent(out, v->text, v->len, false);
		break;
	case TEMPLATE_FORM:
		add_percent(out, v->text, v->len, true);
		break;
	case TEMPLATE_JSON:
		add_json(out, p, v);
		break;
	case TEMPLATE_XML:
		add_xml(out, v->text, v->len, p->place, t->ascii);
		break;
	default:
		add_without_controls(out, v->text, v->len, false);
	}
}

void template_render(const struct template *t, struct expr_env *env, struct buf *out)
{
	size_t limit = out->limit;
	bool made_segment = false;
	out->limit = out->len + TEMPLATE_OUTPUT_MAX;
	for (size_t i = 0; i < t->count; i++) {
		const struct part *p = &t->parts[i];
		char converted[TEMPLATE_CONVERSIONS_MAX][CONVERTED_SIZE];
		if (!p->token) {
			add_text(out, p, &made_segment);
			continue;
		}
		made_segment |= t->context == TEMPLATE_URL && p->place == PLACE_PATH;
		struct value v = expr_value(env, p->meaning.ref);
		for (size_t k = 0; k < TEMPLATE_CONVERSIONS_MAX; k++)
			if (p->meaning.conversions[k])
				v = convert(p->meaning.conversions[k], &v, t->region, converted[k]);
		if ((v.kind == VALUE_NONE || !v.len) && p->text)
			v = t->context == TEMPLATE_JSON && p->place == PLACE_PLAIN ? p->fallback : value_string(p->text, p->len);
		add_value(t, p, &v, out);
	}
	if (made_segment)
		end_segment(out);
	out->limit = limit;
}

/* ---- contexts ---- */

static bool has(const char *text, size_t len, const char *part)
{
	for (size_t n = strlen(part); n <= len; text++, len--)
		if (strncasecmp(text, part, n) == 0)
			return true;
	return false;
}

/* A name before '=', as a form's first field has it. */
static bool looks_like_form(const char *body)
{
	size_t name = strcspn(body, "= \t\r\n{}\"<>:,;");
	return name > 0 && body[name] == '=';
}

/* An element, a declaration or a comment, to the end: XML or HTML, whatever its Content-Type says. */
static bool looks_like_markup(const char *body)
{
	size_t n = strlen(body);
	while (n && strchr(" \t\r\n", body[n - 1]))
		n--;
	return n > 2 && body[0] == '<' && body[n - 1] == '>' &&
	       (isalpha((unsigned char)body[1]) || strchr("?!_", body[1]));
}

enum template_context template_body_context(const char *content_type, const char *body,
					    enum template_context otherwise)
{
	if (strncmp(body, "\xef\xbb\xbf", 3) == 0)
		body += 3;
	body += strspn(body, " \t\r\n");
	if (content_type) {
		size_t n = strcspn(content_type, ";");
		if (has(content_type, n, "json"))
			return TEMPLATE_JSON;
		if (has(content_type, n, "/xml") || has(content_type, n, "+xml"))
			return TEMPLATE_XML;
		if (has(content_type, n, "urlencoded"))
			return TEMPLATE_FORM;
		return looks_like_markup(body) ? TEMPLATE_XML : TEMPLATE_TEXT;
	}
	if (*body == '{' || *body == '[')
		return TEMPLATE_JSON;
	if (*body == '<')
		return TEMPLATE_XML;
	return looks_like_form(body) ? TEMPLATE_FORM : otherwise;
}

const char *template_content_type(enum template_context context)
{
	switch (context) {
	case TEMPLATE_JSON:
		return "application/json";
	case TEMPLATE_XML:
		return "application/xml";
	case TEMPLATE_FORM:
		return "application/x-www-form-urlencoded";
	default:
		return NULL;
	}
}

/* multipart/form-data: RFC 7578, whose parts are separated as RFC 2046 section 5.1.1 says. */
#include "base/mime.h"
#include "webhook/form.h"
#include <string.h>
#include <strings.h>

#define BOUNDARY_MAX 200 /* RFC 2046 allows 70 */

struct parts {
	const char *bytes;
	size_t len, at;
	struct buf delimiter; /* "--" and the boundary */
	const struct charset *named;
	json_t *into, *notes;
};

struct part {
	const char *disposition, *type, *encoding, *body; /* NULL: the part has no such header */
	size_t disposition_len, type_len, encoding_len, body_len;
};

/* ---- delimiters ---- */

static bool read_boundary(struct parts *p, const char *content_type, struct error *err)
{
	struct buf *d = &p->delimiter;
	d->limit = BOUNDARY_MAX + 2;
	buf_add_str(d, "--");
	if (mime_parameter(content_type, strlen(content_type), "boundary", d) && d->len > 2 &&
		!d->failed)
		return true;
	/* Senders who write the header by hand have none in it: it is what the body begins with. */
	const char *end = memchr(p->bytes, '\n', p->len);
	size_t line = end ? (size_t)(end - p->bytes) : 0;
	line -= line && p->bytes[line - 1] == '\r';
	buf_reset(d);
	if (line > 2 && memcmp(p->bytes, "--", 2) == 0)
		buf_add(d, p->bytes, line);
	if (d->len > 2 && !d->failed)
		return true;
	return error_set(err, "the Content-Type multipart/form-data needs its boundary");
}

/*
 * The next delimiter line at or after p->at: where it begins, and p->at behind it. last: it closes
 * the body. NULL: there is none.
 */
static const char *next_delimiter(struct parts *p, bool *last)
{
	const char *end = p->bytes + p->len, *at = p->bytes + p->at;
	while ((at = memmem(at, (size_t)(end - at), buf_text(&p->delimiter), p->delimiter.len))) {
		const char *after = at + p->delimiter.len;
		*last = end - after >= 2 && memcmp(after, "--", 2) == 0;
		after += *last ? 2 : 0;
		while (after < end && (*after == ' ' || *after == '\t'))
			after++;
		if (after < end && *after == '\r')
			after++;
		bool alone = (after == end || *after == '\n') && (at == p->bytes || at[-1] == '\n');
		if (alone) {
			p->at = (size_t)(after - p->bytes) + (after < end);
			return at;
		}
		at++;
	}
	return NULL;
}

/* ---- parts ---- */

static bool is_header(const char *line, size_t len, const char *name, const char **value, size_t *n)
{
	size_t wanted = strlen(name);
	if (len <= wanted || line[wanted] != ':' || strncasecmp(line, name, wanted) != 0)
		return false;
	*value = line + wanted + 1;
	*n = len - wanted - 1;
	while (*n && (**value == ' ' || **value == '\t')) {
		(*value)++;
		(*n)--;
	}
	return true;
}

/* A part's headers, up to the empty line, and its body. */
static void read_headers(const char *bytes, size_t len, struct part *part)
{
	size_t at = 0;
	while (at < len) {
		const char *line = bytes + at, *end = memchr(line, '\n', len - at);
		size_t whole = end ? (size_t)(end - line) : len - at;
		size_t n = whole && line[whole - 1] == '\r' ? whole - 1 : whole;
		at += whole + (end != NULL);
		if (!n)
			break;
		(void)(is_header(line, n, "Content-Disposition", &part->disposition,
			       &part->disposition_len) ||
			is_header(line, n, "Content-Type", &part->type, &part->type_len) ||
			is_header(line, n, "Content-Transfer-Encoding", &part->encoding,
				&part->encoding_len));
	}
	part->body = bytes + at;
	part->body_len = len - at;
}

/* Quotes and line ends of a name are percent-encoded (HTML section 4.10.21.7). */
static void unescape(struct buf *name)
{
	static const char *const escapes[] = {"%22", "%0D", "%0A"};
	static const char characters[] = "\"\r\n";
	size_t n = 0;
	for (size_t i = 0; i < name->len;) {
		size_t k = 0;
		while (k < ARRAY_LEN(escapes) && strncasecmp(name->data + i, escapes[k], 3) != 0)
			k++;
		name->data[n++] = k < ARRAY_LEN(escapes) ? characters[k] : name->data[i];
		i += k < ARRAY_LEN(escapes) ? 3 : 1;
	}
	name->len = n;
}

static bool has_parameter(const struct part *part, const char *name)
{
	struct buf unused = {0};
	bool found = part->disposition &&
		mime_parameter(part->disposition, part->disposition_len, name, &unused);
	buf_free(&unused);
	return found;
}

/* Does it say how its bytes are encoded for mail, and not that they are what they are? */
static bool is_encoded(const struct part *part)
{
	static const char *const plain[] = {"7bit", "8bit", "binary"};
	for (size_t i = 0; part->encoding && i < ARRAY_LEN(plain); i++)
		if (part->encoding_len == strlen(plain[i]) &&
			strncasecmp(part->encoding, plain[i], part->encoding_len) == 0)
			return false;
	return part->encoding && part->encoding_len;
}

static json_t *part_json(
	struct parts *p, const struct part *part, const struct charset *named, const char *name)
{
	struct error err;
	json_t *value = json_read(part->body, part->body_len, named, NULL, &err);
	if (!value)
		json_note(p->notes, name, "is not JSON: %s", err.text);
	return value ? value : json_read_text(part->body, part->body_len, named);
}

static json_t *part_value(struct parts *p, const struct part *part, const char *name)
{
	char type[MIME_TYPE_SIZE], header[200];
	bool unknown;
	snprintf(header, sizeof header, "%.*s", part->type ? (int)part->type_len : 0,
		part->type ? part->type : "");
	const struct charset *named = mime_charset(header, &unknown);
	if (unknown)
		json_note(p->notes, name, "names an unknown charset: it was read as UTF-8");
	named = named ? named : p->named;
	if (strcmp(mime_type(header, type), "application/json") == 0)
		return part_json(p, part, named, name);
	return json_read_text(part->body, part->body_len, named);
}

/* The form's own member _charset_ names the encoding of those that follow (RFC 7578 section 4.6).
 */
static void take_charset(struct parts *p, const struct part *part)
{
	const struct charset *own = charset_find(part->body, part->body_len);
	if (own)
		p->named = own;
}

static void read_part(struct parts *p, const char *bytes, size_t len)
{
	struct part part = {0};
	struct buf raw = {0};
	read_headers(bytes, len, &part);
	bool named = part.disposition &&
		mime_parameter(part.disposition, part.disposition_len, "name", &raw);
	unescape(&raw);
	json_t *text = json_read_text(buf_text(&raw), raw.len, p->named);
	const char *name = named && text ? json_string_value(text) : "";
	bool file = has_parameter(&part, "filename") || has_parameter(&part, "filename*");
	if (file && part.body_len)
		json_note(p->notes, name, "is a file: files are not taken");
	else if (!file && !*name)
		json_note(p->notes, "", "a part without a name was left out");
	else if (!file && is_encoded(&part))
		json_note(p->notes, name, "has a Content-Transfer-Encoding: send it without one");
	else if (!file)
		form_add(p->into, name, part_value(p, &part, name));
	if (strcmp(name, "_charset_") == 0)
		take_charset(p, &part);
	json_decref(text);
	buf_free(&raw);
}

/*
 * Where the value of a part ends that no delimiter follows: before the line end that belongs to the
 * delimiter, of which nothing, or not all, has come.
 */
static const char *end_of_cut(const struct parts *p, const char *start, const char *end)
{
	const char *line = memrchr(start, '\n', (size_t)(end - start));
	size_t rest = line ? (size_t)(end - line - 1) : 0;
	bool begun = line && rest <= p->delimiter.len &&
		memcmp(line + 1, buf_text(&p->delimiter), rest) == 0;
	if (!begun)
		return end;
	return line > start && line[-1] == '\r' ? line - 1 : line;
}

bool form_read_multipart(const char *content_type, const char *bytes, size_t len,
	const struct charset *named, json_t *into, json_t *notes, struct error *err)
{
	struct parts p = {.bytes = bytes, .len = len, .named = named, .into = into, .notes = notes};
	bool last = false;
	size_t mark = len >= 3 && memcmp(bytes, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
	p.bytes += mark;
	p.len -= mark;
	bool found = read_boundary(&p, content_type ? content_type : "", err);
	const char *from = found ? next_delimiter(&p, &last) : NULL;
	if (found && !from)
		error_set(err, "the body has no line that is the boundary, %.100s",
			buf_text(&p.delimiter));
	found = from != NULL;
	while (from && !last) {
		const char *start = p.bytes + p.at;
		from = next_delimiter(&p, &last);
		const char *end = from ? from : p.bytes + p.len;
		if (from && end > start)
			end -= end - start >= 2 && end[-2] == '\r' ? 2 : 1;
		else if (!from)
			end = end_of_cut(&p, start, end);
		if (from || end > start)
			read_part(&p, start, (size_t)(end - start));
		if (!from)
			json_note(notes, "",
				"the body ends without its last boundary: it may have been cut");
	}
	buf_free(&p.delimiter);
	return found;
}

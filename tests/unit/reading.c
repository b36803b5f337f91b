/* What senders send, and what is read of it. */
#include "test.h"
#include "base/charset.h"
#include "base/clock.h"
#include "base/date_read.h"
#include "base/inflate.h"
#include "base/mime.h"
#include "base/money.h"
#include "base/phone.h"
#include "expr/value.h"
#include "webhook/incoming.h"
#include <string.h>
#include <zlib.h>

#define FFFD "\xef\xbf\xbd"
#define FORM "application/x-www-form-urlencoded"

struct sent {
	const char *type, *body, *read, *notes; /* read NULL: refused; notes NULL: none */
	size_t len;                             /* 0: that of the text */
	int status;                             /* when it is refused */
};

/* What was sent with a type, and what is read of it. */
#define READS(t, b, r) {.type = (t), .body = (b), .read = (r)}
#define NOTES(t, b, r, n) {.type = (t), .body = (b), .read = (r), .notes = (n)}
#define BYTES(t, b, r) {.type = (t), .body = (b), .len = sizeof(b) - 1, .read = (r)}
#define CUT \
	"[{\"field\":\"\",\"detail\":\"the body ends without its last boundary: it may have been cut\"}]"
#define NAMED(name) "\r\nContent-Disposition: form-data; name=\"" name "\"\r\n\r\n"
#define REFUSED(t, b, s) {.type = (t), .body = (b), .status = (s)}

static void assert_json(const struct sent *c, const char *what, json_t *is, const char *wanted)
{
	json_t *should = wanted ? json_loads(wanted, JSON_ALLOW_NUL, NULL) : NULL;
	char *text = is ? json_dumps(is, JSON_COMPACT) : NULL;
	if (wanted && !should)
		fail_msg("the test expects what is no JSON: %s", wanted);
	if (!json_equal(is, should) && (is || should))
		fail_msg("%s of %s %s: %s", what, c->type ? c->type : "(no type)", c->body,
			text ? text : "(nothing)");
	free(text);
	json_decref(should);
}

static void check(const struct sent *c)
{
	struct error err = {""};
	int status = 0;
	json_t *notes = json_array();
	size_t len = c->len ? c->len : strlen(c->body);
	char *copy = malloc(len + 1); /* so that a sanitizer sees what is read behind it */
	assert_non_null(copy);
	memcpy(copy, c->body, len);
	copy[len] = '\0';
	json_t *is = incoming_read(c->type, copy, len, notes, &status, &err);
	if (is)
		incoming_limit(is, notes);
	assert_json(c, "read", is, c->read);
	if (!c->read && (status != c->status || !*err.text))
		fail_msg("%s: %d %s", c->body, status, err.text);
	if (c->read)
		assert_json(c, "notes", notes, c->notes ? c->notes : "[]");
	json_decref(is);
	json_decref(notes);
	free(copy);
}

static void check_all(const struct sent *cases, size_t count)
{
	for (size_t i = 0; i < count; i++)
		check(&cases[i]);
}

static void test_a_damaged_json_value_does_not_cost_the_others(void **state)
{
	static const struct sent cases[] = {
		READS("application/json", "\xef\xbb\xbf{\"a\":1}", "{\"a\":1}"),
		READS("application/json", "{\"a\":\"cut \\ud83d\",\"b\":1}",
			"{\"a\":\"cut " FFFD "\",\"b\":1}"),
		READS("application/json", "{\"a\":\"\\ude00\\ud83d\\ud83d\\ude00\"}",
			"{\"a\":\"" FFFD FFFD "\xf0\x9f\x98\x80\"}"),
		READS("application/json", "{\"a\":\"x\\u0000y\",\"b\\u0000\":1}",
			"{\"a\":\"x" FFFD "y\",\"b" FFFD "\":1}"),
		READS("application/json", "{\"a\":\"line\nfeed\tand\x01\"}",
			"{\"a\":\"line\\nfeed\\tand\\u0001\"}"),
		READS("application/json", "{\"a\":\"C:\\dir \\'q\\' \\u12\"}",
			"{\"a\":\"C:\\\\dir 'q' \\\\u12\"}"),
		READS("application/json",
			"{\"a\":12345678901234567890123,\"b\":9223372036854775807}",
			"{\"a\":\"12345678901234567890123\",\"b\":9223372036854775807}"),
		READS("application/json", "{\"a\":-9223372036854775809,\"b\":1e400,\"c\":-1E+999}",
			"{\"a\":\"-9223372036854775809\",\"b\":\"1e400\",\"c\":\"-1E+999\"}"),
		READS("application/json",
			"{\"a\":NaN,\"b\":-Infinity,\"c\":02134,\"d\":+15125550142,\"e\":.5,\"f\":"
			"1.,\"g\":2}",
			"{\"a\":\"NaN\",\"b\":\"-Infinity\",\"c\":\"02134\",\"d\":\"+15125550142\","
			"\"e\":\".5\",\"f\":\"1.\",\"g\":2}"),
		NOTES("application/json", "{\"a\":1,\"b\":{\"x/y\":1,\"x/y\":2},\"a\":2}",
			"{\"a\":2,\"b\":{\"x/y\":2}}",
			"[{\"field\":\"/b/x~1y\",\"detail\":\"came more than once: the last value "
			"was taken\"},"
			"{\"field\":\"a\",\"detail\":\"came more than once: the last value was "
			"taken\"}]"),
		READS("application/json", "[{\"a\":1}]", "{\"a\":1}"),
		READS("application/json", "\"{\\\"a\\\":\\\"b\\\"}\"", "{\"a\":\"b\"}"),
		READS("application/json", " \r\n ", "{}"),
	};
	(void)state;
	check_all(cases, ARRAY_LEN(cases));
}

static void test_json_in_other_encodings(void **state)
{
	static const struct sent cases[] = {
		READS("application/json", "{\"a\":\"caf\xe9\",\"b\":\"caf\xc3\xa9\"}",
			"{\"a\":\"caf\xc3\xa9\",\"b\":\"caf\xc3\xa9\"}"),
		READS("application/json", "{\"a\":\"\xc3\xa9 and \xff\"}",
			"{\"a\":\"\xc3\xa9 and " FFFD "\"}"),
		READS("application/json", "{\"a\":\"emoji \xf0\x9f\x98\"}",
			"{\"a\":\"emoji " FFFD "\"}"),
		READS("application/json; charset=utf-8", "{\"a\":\"caf\xe9\"}",
			"{\"a\":\"caf" FFFD "\"}"),
		READS("application/json; charset=ISO-8859-1", "{\"a\":\"caf\xe9 \x80\x93\"}",
			"{\"a\":\"caf\xc3\xa9 \xe2\x82\xac\xe2\x80\x9c\"}"),
		READS("Application/JSON;Charset=\"Latin1\"", "{\"a\":\"\xdf\"}",
			"{\"a\":\"\xc3\x9f\"}"),
		READS("application/json; charset=windows-1251", "{\"a\":\"\xcf\xf0\"}",
			"{\"a\":\"\xd0\x9f\xd1\x80\"}"),
		READS("application/json; charset=shift_jis", "{\"a\":\"\x83\x65\"}",
			"{\"a\":\"\xe3\x83\x86\"}"),
		BYTES("application/json; charset=utf-16",
			"{\0\"\0a\0\"\0:\0"
			"1\0}\0",
			"{\"a\":1}"),
		BYTES("application/json", "\xff\xfe{\0\"\0a\0\"\0:\0\"\0\xe9\0\"\0}\0",
			"{\"a\":\"\xc3\xa9\"}"),
		BYTES(NULL,
			"\xfe\xff\0{\0\"\0a\0\"\0:\0"
			"1\0}",
			"{\"a\":1}"),
		READS("application/json; charset=utf-16", "{\"a\":1}", "{\"a\":1}"),
		NOTES("application/json; charset=utf-7", "{\"a\":\"x\"}", "{\"a\":\"x\"}",
			"[{\"field\":\"\",\"detail\":\"the Content-Type names an unknown charset: "
			"the body was read as UTF-8\"}]"),
	};
	(void)state;
	check_all(cases, ARRAY_LEN(cases));
}

static void test_faults_of_structure_are_refused_with_their_place(void **state)
{
	static const struct {
		const char *body, *why;
	} cases[] = {
		{"{\"a\":", "it ends where a value is expected (line 1, column 6)"},
		{"{\"a\":1,}", "a name in quotes is expected (line 1, column 8)"},
		{"{\"a\":,\"b\":1}", "a value is expected (line 1, column 6)"},
		{"{\n\"a\":\"\xc3\xa9\" \"b\":1}", "a comma or } is expected (line 2, column 9)"},
		{"{a:1}", "a name in quotes is expected (line 1, column 2)"},
		{"{\"a\":undefined}",
			"a value is expected; texts stand in quotes (line 1, column 6)"},
		{"{\"a\":\"b", "a string has no end (line 1, column 6)"},
		{"{\"a\":[1,2}", "a comma or ] is expected (line 1, column 10)"},
		{"{\"a\" 1}", "a colon is expected (line 1, column 6)"},
		{"{\"a\":{\"b\":1}", "it ends within a list or an object (line 1, column 13)"},
		{"{\"a\":1} x", "something follows the JSON (line 1, column 9)"},
		{"hello", "a value is expected; texts stand in quotes (line 1, column 1)"},
		{"[]", "it is a list of 0: send one object with each request"},
		{"[{},{}]", "it is a list of 2: send one object with each request"},
		{"[1]", "it is a list of 1: send one object with each request"},
		{"12", "it begins with '12': send an object"},
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct error err = {""};
		int status = 0;
		json_t *notes = json_array(),
		       *is = incoming_read("application/json", cases[i].body, strlen(cases[i].body),
			       notes, &status, &err);
		assert_null(is);
		assert_int_equal(status, 400);
		assert_string_equal(err.text, cases[i].why);
		json_decref(notes);
	}
}

static void test_forms_are_read_as_the_url_standard_has_it(void **state)
{
	static const struct sent cases[] = {
		READS(FORM, "a=1+2&b=%C3%A9&&c&=d",
			"{\"a\":\"1 2\",\"b\":\"\xc3\xa9\",\"c\":\"\",\"\":\"d\"}"),
		READS(FORM, "a=100% sure&b=%zz&c=%4&d=%&e=%2541",
			"{\"a\":\"100% "
			"sure\",\"b\":\"%zz\",\"c\":\"%4\",\"d\":\"%\",\"e\":\"%41\"}"),
		READS(FORM, "a=x%00y&b=caf%e9&c=%c3%a9+%ff",
			"{\"a\":\"x" FFFD "y\",\"b\":\"caf\xc3\xa9\",\"c\":\"\xc3\xa9 " FFFD "\"}"),
		READS(FORM, "a=%ED%A0%BD&b=x%ED%BF%BF", "{\"a\":\"" FFFD FFFD FFFD "\",\"b\":\"x" FFFD FFFD FFFD "\"}"),
		READS(FORM, "a=%ED%A4", "{\"a\":\"\xc3\xad\xc2\xa4\"}"),
		READS(FORM "; charset=ISO-8859-1", "a=caf%E9+%80&b=\xe9",
			"{\"a\":\"caf\xc3\xa9 \xe2\x82\xac\",\"b\":\"\xc3\xa9\"}"),
		READS(FORM "; charset=utf-8", "a=caf%E9", "{\"a\":\"caf" FFFD "\"}"),
		READS(FORM, "_charset_=windows-1251&a=%CF%F0",
			"{\"_charset_\":\"windows-1251\",\"a\":\"\xd0\x9f\xd1\x80\"}"),
		READS(FORM, "a=1&a=2", "{\"a\":\"2\"}"),
		READS(FORM, "lead[state]=TX&lead[zip][code]=78701&x=1",
			"{\"lead\":{\"state\":\"TX\",\"zip\":{\"code\":\"78701\"}},\"x\":\"1\"}"),
		READS(FORM, "a[]=1&a%5B%5D=2", "{\"a\":[\"1\",\"2\"]}"),
		READS(FORM, "a[0][b]=1&a[1][b]=2&a[1][c]=3",
			"{\"a\":[{\"b\":\"1\"},{\"b\":\"2\",\"c\":\"3\"}]}"),
		READS(FORM, "a[0]=x&a[999999999]=y", "{\"a\":{\"0\":\"x\",\"999999999\":\"y\"}}"),
		READS(FORM, "a[]=1&a[b]=2&a[]=3", "{\"a\":{\"0\":\"1\",\"b\":\"2\",\"2\":\"3\"}}"),
		READS(FORM, "a=1&a[b]=2", "{\"a\":{\"b\":\"2\"}}"),
		READS(FORM, "a[b]=1&a=2", "{\"a\":\"2\"}"),
		READS(FORM, "a[b=1&[c]=2&d]=3&e[f]g=4",
			"{\"a[b\":\"1\",\"[c]\":\"2\",\"d]\":\"3\",\"e[f]g\":\"4\"}"),
		READS(FORM,
			"\xef\xbb\xbf"
			"a=1",
			"{\"a\":\"1\"}"),
		READS(FORM, "{\"a\":1}", "{\"a\":1}"),
		READS(FORM, "%7B%22a%22%3A%22b%3Dc%22%7D=", "{\"a\":\"b=c\"}"),
		READS("text/plain", "a=1&b=2", "{\"a\":\"1\",\"b\":\"2\"}"),
		READS("text/plain; charset=utf-8", "a=1 + 1\r\nb=x%20y\r\n",
			"{\"a\":\"1 + 1\",\"b\":\"x%20y\"}"),
		READS("text/plain", "{\"a\":1}", "{\"a\":1}"),
		READS(NULL, "a=1&b=2", "{\"a\":\"1\",\"b\":\"2\"}"),
		READS(NULL, " {\"a\":1}", "{\"a\":1}"),
		READS("application/json", "a=1&b=2", "{\"a\":\"1\",\"b\":\"2\"}"),
		READS("application/vnd.lead+json", "{\"a\":1}", "{\"a\":1}"),
		READS("application/octet-stream", "{\"a\":1}", "{\"a\":1}"),
		READS("", "a=1", "{\"a\":\"1\"}"),
	};
	(void)state;
	check_all(cases, ARRAY_LEN(cases));
}

static void test_other_formats_are_refused_by_name(void **state)
{
	static const struct sent cases[] = {
		REFUSED("application/xml", "<lead><state>TX</state></lead>", 415),
		REFUSED("text/xml", "?", 415),
		REFUSED(FORM, "<?xml version=\"1.0\"?><a/>", 415),
		REFUSED("application/soap+xml", "<a/>", 415),
		REFUSED(NULL, "<a/>", 415),
		REFUSED("application/msgpack",
			"\x81\xa1"
			"a\x01",
			415),
		REFUSED("text/plain", "hello there", 400),
		REFUSED("multipart/form-data", "a=1", 400),
		REFUSED("multipart/form-data; boundary=x", "--y\r\n\r\n--y--", 400),
	};
	(void)state;
	check_all(cases, ARRAY_LEN(cases));
}

#define PART(name, value) \
	"--b\r\nContent-Disposition: form-data; name=\"" name "\"\r\n\r\n" value "\r\n"

static void test_multipart_forms_are_read_and_files_reported(void **state)
{
	static const struct sent cases[] = {
		READS("multipart/form-data; boundary=b",
			PART("a", "1") PART("l[x]", "2\r\n3") "--b--\r\n",
			"{\"a\":\"1\",\"l\":{\"x\":\"2\\r\\n3\"}}"),
		READS("Multipart/Form-Data; charset=utf-8; boundary=\"b\"",
			"preamble\r\n" PART("a", "") "--b--\r\nepilogue", "{\"a\":\"\"}"),
		READS("multipart/form-data", PART("a", "1") "--b--", "{\"a\":\"1\"}"),
		READS(NULL, PART("a", "1") "--b--", "{\"a\":\"1\"}"),
		READS("multipart/form-data; boundary=b",
			"--b\nContent-Disposition: form-data; name=a\n\n1\n--b--\n",
			"{\"a\":\"1\"}"),
		READS("multipart/form-data; boundary=b",
			PART("a%22b", "--bc") PART("c\\\"d", "x\r\n--bee") "--b--",
			"{\"a\\\"b\":\"--bc\",\"c\\\"d\":\"x\\r\\n--bee\"}"),
		NOTES("multipart/form-data; boundary=b",
			PART("a", "1") "--b\r\ncontent-disposition: form-data; name=\"photo\"; "
				       "filename=\"C:\\x.png\"\r\nContent-Type: "
				       "image/png\r\n\r\n\x89PNG\r\n"
				       "--b\r\nContent-Disposition: form-data; name=\"cv\"; "
				       "filename*=UTF-8''x.pdf\r\n\r\n%PDF\r\n"
				       "--b\r\nContent-Disposition: form-data; name=\"none\"; "
				       "filename=\"\"\r\n\r\n\r\n" PART("z", "2") "--b--",
			"{\"a\":\"1\",\"z\":\"2\"}",
			"[{\"field\":\"photo\",\"detail\":\"is a file: files are not "
			"taken\"},{\"field\":\"cv\",\"detail\":\"is a file: files are not "
			"taken\"}]"),
		NOTES("multipart/form-data; boundary=b",
			"--b\r\nContent-Disposition: form-data; name=\"a\"\r\nContent-Type: "
			"text/plain; charset=iso-8859-1\r\n\r\ncaf\xe9\r\n"
			"--b\r\nContent-Disposition: form-data; name=\"j\"\r\nContent-Type: "
			"application/json\r\n\r\n{\"x\":1}\r\n"
			"--b\r\nContent-Disposition: form-data; name=\"k\"\r\nContent-Type: "
			"application/json\r\n\r\n{\r\n"
			"--b\r\nContent-Disposition: form-data; "
			"name=\"e\"\r\nContent-Transfer-Encoding: base64\r\n\r\nAAAA\r\n"
			"--b\r\nContent-Type: text/plain\r\n\r\nnobody\r\n" PART(
				"_charset_", "windows-1251") PART("r", "\xcf\xf0") "--b--",
			"{\"a\":\"caf\xc3\xa9\",\"j\":{\"x\":1},\"k\":\"{\",\"_charset_\":"
			"\"windows-1251\",\"r\":\"\xd0\x9f\xd1\x80\"}",
			"[{\"field\":\"k\",\"detail\":\"is not JSON: a name in quotes is expected "
			"(line 1, column 2)\"},"
			"{\"field\":\"e\",\"detail\":\"has a Content-Transfer-Encoding: send it "
			"without one\"},{\"field\":\"\",\"detail\":\"a part without a name was "
			"left out\"}]"),
		NOTES("multipart/form-data; boundary=b",
			PART("a",
				"1") "--b\r\nContent-Disposition: form-data; name=\"c\"\r\n\r\ncut",
			"{\"a\":\"1\",\"c\":\"cut\"}", CUT),
		NOTES("multipart/form-data; boundary=bound", "--bound" NAMED("c") "cut\r\n--bou",
			"{\"c\":\"cut\"}", CUT),
		NOTES("multipart/form-data; boundary=bound", "--bound" NAMED("c") "two\r\nlines\r\n",
			"{\"c\":\"two\\r\\nlines\"}", CUT),
		NOTES("multipart/form-data; boundary=bound", "--bound" NAMED("c") "cut\n-",
			"{\"c\":\"cut\"}", CUT),
		NOTES("multipart/form-data; boundary=bound", "--bound" NAMED("c") "cut\r\n--other",
			"{\"c\":\"cut\\r\\n--other\"}", CUT),
	};
	(void)state;
	check_all(cases, ARRAY_LEN(cases));
}

static void test_what_is_too_much_is_left_out_by_member(void **state)
{
	struct buf body = {0};
	(void)state;
	buf_add_str(&body, "{\"a\":1,\"deep\":");
	for (int i = 0; i < 3000; i++)
		buf_add_char(&body, '[');
	for (int i = 0; i < 3000; i++)
		buf_add_char(&body, ']');
	buf_add_str(&body, ",\"wide\":[0");
	for (int i = 0; i < 6000; i++)
		buf_add_str(&body, ",0");
	buf_add_str(&body, "],\"z\":{\"x\":2}}");
	struct error err;
	int status;
	json_t *notes = json_array(),
	       *is = incoming_read(NULL, buf_text(&body), body.len, notes, &status, &err);
	assert_non_null(is);
	incoming_limit(is, notes);
	assert_int_equal(json_integer_value(json_object_get(is, "a")), 1);
	assert_int_equal(json_integer_value(json_object_get(json_object_get(is, "z"), "x")), 2);
	assert_null(json_object_get(is, "wide"));
	size_t levels = 0;
	for (json_t *at = json_object_get(is, "deep"); json_is_array(at);
		at = json_array_get(at, 0))
		levels++;
	assert_int_equal(levels, INCOMING_DEPTH_MAX);
	assert_int_equal(
		json_array_size(notes), 3); /* the reader's own bound, the levels, the values */
	json_decref(is);
	json_decref(notes);
	buf_free(&body);
}

static void test_notes_have_an_end(void **state)
{
	json_t *notes = json_array();
	(void)state;
	for (int i = 0; i < 1000; i++)
		json_note(notes, "a", "x");
	assert_int_equal(json_array_size(notes), JSON_NOTES_MAX + 1);
	json_decref(notes);
}

static void test_labels_of_the_encoding_standard(void **state)
{
	static const struct {
		const char *label, *bytes, *text;
	} cases[] = {
		{" ISO-8859-1\n", "\x80\xff", "\xe2\x82\xac\xc3\xbf"},
		{"us-ascii", "\xe9", "\xc3\xa9"},
		{"windows-1252", "\x81", "\xc2\x81"},
		{"utf8", "a\xff\xe2\x82z\xed\xa0\x80", "a" FFFD FFFD "z" FFFD FFFD FFFD},
		{"ISO-8859-15", "\xa4", "\xe2\x82\xac"},
		{"latin2", "\xb1", "\xc4\x85"},
		{"iso-8859-9", "\xfe", "\xc5\x9f"},
		{"koi8-r", "\xc1", "\xd0\xb0"},
		{"cp866", "\x80", "\xd0\x90"},
		{"macintosh", "\x8e", "\xc3\xa9"},
		{"x-mac-cyrillic", "\x80", "\xd0\x90"},
		{"windows-874", "\xa1", "\xe0\xb8\x81"},
		{"gbk", "\xc4\xe3", "\xe4\xbd\xa0"},
		{"big5", "\xa7\x41", "\xe4\xbd\xa0"},
		{"euc-kr", "\xb0\xa1", "\xea\xb0\x80"},
		{"euc-jp", "\xa4\xa2", "\xe3\x81\x82"},
		{"sjis", "\x82\xa0", "\xe3\x81\x82"},
		{"iso-2022-jp", "\x1b$B$\"\x1b(B", "\xe3\x81\x82"},
		{"iso-8859-8-i", "\xe0", "\xd7\x90"},
		{"greek", "\xe1", "\xce\xb1"},
		{"windows-1250", "\x9c", "\xc5\x9b"},
		{"windows-1258", "\xfe", "\xe2\x82\xab"},
	};
	static const char *const unknown[] = {"utf-7", "utf-32", "", " ", "iso-2022-kr",
		"hz-gb-2312", "ebcdic-cp-us", "latin", "x"};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct buf out = {0};
		const struct charset *c = charset_find(cases[i].label, strlen(cases[i].label));
		if (!c)
			fail_msg("%s is no label", cases[i].label);
		charset_decode(c, cases[i].bytes, strlen(cases[i].bytes), &out);
		if (out.failed || strcmp(buf_text(&out), cases[i].text) != 0)
			fail_msg("%s: %s", cases[i].label, out.failed ? "failed" : buf_text(&out));
		buf_free(&out);
	}
	for (size_t i = 0; i < ARRAY_LEN(unknown); i++)
		if (charset_find(unknown[i], strlen(unknown[i])))
			fail_msg("%s is a label", unknown[i]);
}

/* Compressed by zlib with that window: + 16 is gzip, negative has no header. */
static size_t compressed(int window, const char *text, size_t len, char *out, size_t room)
{
	z_stream z = {.next_in = (Bytef *)(uintptr_t)text,
		.avail_in = (uInt)len,
		.next_out = (Bytef *)out,
		.avail_out = (uInt)room};
	assert_int_equal(deflateInit2(&z, 9, Z_DEFLATED, window, 8, Z_DEFAULT_STRATEGY), Z_OK);
	assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
	size_t n = z.total_out;
	deflateEnd(&z);
	return n;
}

static void test_content_codings_are_undone_within_the_limit(void **state)
{
	char gzip[200], bare[200], zlib[200], twice[400], two[400];
	static char zeros[100000], bomb[1000];
	size_t g = compressed(31, "{\"a\":1}", 7, gzip, sizeof gzip),
	       b = compressed(-15, "{\"a\":1}", 7, bare, sizeof bare),
	       z = compressed(15, "{\"a\":1}", 7, zlib, sizeof zlib);
	size_t t = compressed(15, gzip, g, twice, sizeof twice),
	       large = compressed(31, zeros, sizeof zeros, bomb, sizeof bomb);
	memcpy(two, gzip, g);
	memcpy(two + g, gzip, g);
	const struct {
		const char *coding, *bytes;
		size_t len;
		enum inflate_result result;
		const char *text;
	} cases[] = {
		{"gzip", gzip, g, INFLATE_OK, "{\"a\":1}"},
		{"X-GZIP", gzip, g, INFLATE_OK, "{\"a\":1}"},
		{"deflate", zlib, z, INFLATE_OK, "{\"a\":1}"},
		{"deflate", bare, b, INFLATE_OK, "{\"a\":1}"},
		{"gzip, deflate", twice, t, INFLATE_OK, "{\"a\":1}"},
		{" identity ", "x", 1, INFLATE_OK, "x"},
		{"", "x", 1, INFLATE_OK, "x"},
		{"gzip", two, 2 * g, INFLATE_OK, "{\"a\":1}{\"a\":1}"},
		{"br", gzip, g, INFLATE_UNKNOWN, ""},
		{"gzip", "{\"a\":1}", 7, INFLATE_BROKEN, ""},
		{"gzip", gzip, g - 3, INFLATE_BROKEN, ""},
		{"gzip", "", 0, INFLATE_BROKEN, ""},
		{"deflate", "?", 1, INFLATE_BROKEN, ""},
		{"gzip", bomb, large, INFLATE_TOO_LARGE, ""},
		{"gzip,gzip,gzip,gzip", gzip, g, INFLATE_UNKNOWN, ""},
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct buf out = {.limit = 50000};
		enum inflate_result result =
			inflate_body(cases[i].coding, cases[i].bytes, cases[i].len, &out);
		if (result != cases[i].result ||
			(result == INFLATE_OK && strcmp(buf_text(&out), cases[i].text) != 0))
			fail_msg("case %zu, %s: %d %s", i, cases[i].coding, result, buf_text(&out));
		buf_free(&out);
	}
}

static void test_header_parameters(void **state)
{
	static const struct {
		const char *value, *name, *is; /* NULL: not there */
	} cases[] = {
		{"form-data; name=\"a;b\"; filename=\"x\"", "name", "a;b"},
		{"form-data; filename=\"; name=no\"; name=yes", "name", "yes"},
		{"form-data;NAME = a ", "name", "a"},
		{"x; name", "name", NULL},
		{"x; name=", "name", ""},
		{"x; name=\"open", "name", "open"},
		{"x; filename*=UTF-8''a", "filename", NULL},
		{"", "name", NULL},
		{"name=a", "name", NULL},
		{"x; a=\"\\\"\\\\\\x\"", "a", "\"\\\\x"},
	};
	char type[MIME_TYPE_SIZE];
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct buf out = {0};
		bool found =
			mime_parameter(cases[i].value, strlen(cases[i].value), cases[i].name, &out);
		if (found != (cases[i].is != NULL) ||
			(found && strcmp(buf_text(&out), cases[i].is) != 0))
			fail_msg("%s: %s", cases[i].value, buf_text(&out));
		buf_free(&out);
	}
	assert_string_equal(mime_type(" Text/PLAIN ; charset=x", type), "text/plain");
	assert_string_equal(mime_type(NULL, type), "");
}

/* ---- numbers of people ---- */

struct typed {
	const char *region, *text, *read; /* read: what it is, or "!" and why it is refused */
};

static void check_phone(const struct typed *c)
{
	char out[PHONE_SIZE] = "", again[PHONE_SIZE] = "";
	struct error why = {""};
	bool ok = phone_read(c->text, c->region, out, &why);
	if (*c->read == '!' ? ok || strcmp(why.text, c->read + 1) != 0
			    : !ok || strcmp(out, c->read) != 0)
		fail_msg("'%s' in %s: %s", c->text, c->region, ok ? out : why.text);
	if (ok && (!phone_normalize(out, "GB", again) || strcmp(out, again) != 0))
		fail_msg("%s is read again as %s", out, again);
}

static void test_numbers_of_people_meet_those_of_calls(void **state)
{
	static const struct typed cases[] = {
		{"US", "+44 07911 123456", "+447911123456"},
		{"US", "+4407911123456", "+447911123456"},
		{"US", "+44 (0)7911 123456", "+447911123456"},
		{"US", "+4901511234567", "+491511234567"},
		{"US", "+330612345678", "+33612345678"},
		{"US", "+390612345678", "+390612345678"}, /* Italy keeps its zero */
		{"US", "+5215512345678", "+525512345678"},
		{"MX", "5215512345678", "+525512345678"},
		{"US", "+115125550142", "+15125550142"},
		{"US", "+1 (512) 555-0142 x123", "+15125550142"},
		{"US", "(512) 555-0142 ext. 5", "+15125550142"},
		{"US", "512-555-0142;ext=5", "+15125550142"},
		{"US", "tel:+1-512-555-0142;phone-context=+1", "+15125550142"},
		{"US", "tel:512-555-0142;phone-context=+1", "+15125550142"},
		{"US", "TEL:+15125550142;phone-context=", "+15125550142"},
		{"US", "sip:+15125550142@192.0.2.1:5060;user=phone", "+15125550142"},
		{"US", "%2B15125550142", "+15125550142"},
		{"US", "tel:%2B1%20512%20555%200142", "+15125550142"},
		{"US", "tel:+15125550142?body=hi", "+15125550142"},
		/* Parameters of a number that are no part of it. */
		{"US", "tel:+15125550142;npdi", "+15125550142"},
		{"US", "tel:+15125550142;rn=+15125550999;npdi", "+15125550142"},
		{"US", "tel:+15125550142;cpc=ordinary;verstat=TN-Validation-Passed", "+15125550142"},
		{"US", "tel:+15125550142;tgrp=x;trunk-context=example.com", "+15125550142"},
		{"US", "+15125550142;npdi", "+15125550142"},
		{"US", "sip:+15125550142;npdi@192.0.2.1", "+15125550142"},
		{"US", "tel:+15125550142;cic=0288;ext=5", "+15125550142"},
		{"US", "1-800-FLOWERS", "+18003569377"},
		{"US", "1-800-CONTACTS", "+18002668228"},
		{"US", "512.555.0142 home", "+15125550142"},
		{"US", "5125550142.0", "+15125550142"},
		{"US",
			"1\xc2\xa0(512)\xe2\x80\xaf"
			"555\xe2\x80\x93"
			"0142",
			"+15125550142"},
		{"US",
			"512\xe2\x88\x92"
			"555\xc2\xb7"
			"0142",
			"+15125550142"},
		{"US", "\xe2\x80\xaa+1\xe2\x80\x8e 512 555 0142\xe2\x80\xac", "+15125550142"},
		{"US",
			"\xef\xbc\x8b\xef\xbc\x91"
			"5125550142",
			"+15125550142"},
		{"US",
			"\xd9\xa5\xd9\xa1\xd9\xa2\xd9\xa5\xd9\xa5\xd9\xa5\xd9\xa0\xd9\xa1\xd9\xa4"
			"\xd9\xa2",
			"+15125550142"},
		/* A + that a query made a blank of. */
		{"US", " 15125550142", "+15125550142"},
		{"US", " 442079460018", "+442079460018"},
		{"GB", " 15125550142", "+15125550142"},
		{"US", " 5125550142", "+15125550142"},
		/* Prefixes of other regions, and none. */
		{"US", "0044 20 7946 0018", "+442079460018"},
		{"GB", "0044 20 7946 0018", "+442079460018"},
		{"GB", "011 1 512 555 0142", "+15125550142"},
		{"US", "011442079460018", "+442079460018"},
		{"GB", "0113 496 0000", "+441134960000"}, /* Leeds */
		{"US", "+00442079460018", "+442079460018"},
		{"US", "447911123456", "+447911123456"},
		{"GB", "447911123456", "+447911123456"},
		{"GB", "07911 123456", "+447911123456"},
		/* The country code twice. */
		{"US", "+44+447911123456", "+447911123456"},
		{"US", "+44447911123456", "+447911123456"},
		{"US", "+44 0044 7911 123456", "+447911123456"},
		{"US", "+1512555014",
			"!is not a phone number: it has too few digits for country code 1"},
		{"US", "+15125550142999",
			"!is not a phone number: it has too many digits for country code 1"},
		{"US", "+44791112345678",
			"!is not a phone number: it has too many digits for country code 44"},
		{"US", "555-0142", "!is not a phone number: it has no area code"},
		{"US", "1234567890",
			"!is not a phone number: area codes and exchanges of country code 1 begin "
			"with 2 to 9"},
		{"US", "+999123456789", "!is not a phone number: its country code does not exist"},
		{"US", "5125550142/5125550143", "!is not a phone number"},
		{"US", "call me", "!is not a phone number"},
		{"US", "", "!is not a phone number"},
		{"US", "+", "!is not a phone number"},
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		check_phone(&cases[i]);
}

static void test_what_needs_no_parser_is_what_the_parser_reads(void **state)
{
	char exact[PHONE_SIZE], spaced[PHONE_SIZE + 1], one[PHONE_SIZE], other[PHONE_SIZE];
	(void)state;
	for (int area = 200; area < 1000; area += 7) {
		for (int exchange = 100; exchange < 1000; exchange += 111) {
			snprintf(exact, sizeof exact, "+1%d%d0142", area, exchange);
			snprintf(spaced, sizeof spaced, "+1 %d%d0142", area, exchange);
			bool is_one = phone_normalize(exact, "US", one),
			     is_other = phone_normalize(spaced, "GB", other);
			if (is_one != is_other || (is_one && strcmp(one, other) != 0))
				fail_msg("%s: %s %s", exact, is_one ? one : "refused",
					is_other ? other : "refused");
		}
	}
}

/* ---- dates ---- */

static void check_date(const struct typed *c)
{
	struct error why = {""};
	char out[RFC3339_SIZE] = "";
	int64_t ms = -1;
	bool ok = date_read(c->text, strlen(c->text), date_order_of(c->region), &ms, &why);
	if (ok)
		clock_rfc3339(ms, out);
	if (*c->read == '!' ? ok || strcmp(why.text, c->read + 1) != 0
			    : !ok || strcmp(out, c->read) != 0)
		fail_msg("'%s' in %s: %s", c->text, c->region, ok ? out : why.text);
}

#define NO_DATE "!is not a date and time"

static void test_dates_are_read_or_refused_with_the_reason(void **state)
{
	static const struct typed cases[] = {
		{"US", "2026-11-20T10:00:00.000+0000", "2026-11-20T10:00:00.000Z"},
		{"US", "2026-11-20T10:00:00+00:00", "2026-11-20T10:00:00.000Z"},
		{"US", "2026-11-20T10:00:00.123456789Z", "2026-11-20T10:00:00.123Z"},
		{"US", "2026-11-20 10:00:00-05", "2026-11-20T15:00:00.000Z"},
		{"US", "2026-11-20T10:00:00 02:00", "2026-11-20T08:00:00.000Z"}, /* from a query */
		{"US", "2026-11-20 10:00:00 +0200", "2026-11-20T08:00:00.000Z"},
		{"US", "2026-11-20 10:00:00 UTC", "2026-11-20T10:00:00.000Z"},
		{"US", " 2026-11-20 ", "2026-11-20T00:00:00.000Z"},
		{"US", "2026/11/20 10:00", "2026-11-20T10:00:00.000Z"},
		{"US", "2026-1-5", "2026-01-05T00:00:00.000Z"},
		{"US", "2026-11-20T10:00:00,5Z", "2026-11-20T10:00:00.500Z"},
		{"US", "19850412", "1985-04-12T00:00:00.000Z"},
		{"US", "20261120T100000Z", "2026-11-20T10:00:00.000Z"},
		{"US", "20261120T1000+0100", "2026-11-20T09:00:00.000Z"},
		{"US", "20261120100000", "2026-11-20T10:00:00.000Z"},
		{"US", "202611201000", "2026-11-20T10:00:00.000Z"},
		{"US", "1795168800", "2026-11-20T10:00:00.000Z"},
		{"US", "1795168800.25", "2026-11-20T10:00:00.250Z"},
		{"US", "1795168800000", "2026-11-20T10:00:00.000Z"},
		{"US", "1795168800123456", "2026-11-20T10:00:00.123Z"},
		{"US", "946684800000", "2000-01-01T00:00:00.000Z"},
		{"US", "Fri, 20 Nov 2026 10:00:00 GMT", "2026-11-20T10:00:00.000Z"},
		{"US", "20 Nov 2026 10:00:00 -0500", "2026-11-20T15:00:00.000Z"},
		{"US", "Fri Nov 20 10:00:00 2026", "2026-11-20T10:00:00.000Z"},
		{"US", "Fri Nov 20 2026 10:00:00 GMT+0100 (Central European Standard Time)",
			"2026-11-20T09:00:00.000Z"},
		{"US", "November 20th, 2026 10:00 PM", "2026-11-20T22:00:00.000Z"},
		{"US", "20-Nov-2026", "2026-11-20T00:00:00.000Z"},
		{"US", "11/20/2026", "2026-11-20T00:00:00.000Z"},
		{"US",
			"4/12/1985, 10:00:00\xe2\x80\xaf"
			"AM",
			"1985-04-12T10:00:00.000Z"},
		{"GB", "04/12/1985", "1985-12-04T00:00:00.000Z"},
		{"US", "12.04.1985", "1985-04-12T00:00:00.000Z"},
		{"CA", "20/11/2026", "2026-11-20T00:00:00.000Z"},
		{"CA", "04/12/1985", NO_DATE ": it may mean two days, send it as YYYY-MM-DD"},
		{"US", "13/04/1985", NO_DATE ": the month is read first, and there are only 12"},
		{"US", "04/12/85", NO_DATE ": its year needs four digits"},
		{"US", "2026-02-30", NO_DATE ": there is no such day"},
		{"US", "20260230", NO_DATE ": there is no such day"},
		{"US", "2026-11-20T25:00:00Z", NO_DATE ": there is no such time of day"},
		{"US", "0000-00-00 00:00:00", NO_DATE ": there is no such month"},
		{"US", "0",
			NO_DATE
			": a number is read as YYYYMMDD, or as Unix time from 2000 to 2100"},
		{"US", "481161600",
			NO_DATE
			": a number is read as YYYYMMDD, or as Unix time from 2000 to 2100"},
		{"US", "99999999999999999999",
			NO_DATE
			": a number is read as YYYYMMDD, or as Unix time from 2000 to 2100"},
		{"US", "2026-11-20T10:00:00+25:00", NO_DATE ": there is no such time zone"},
		{"US", "tomorrow", NO_DATE " such as 2026-11-20T10:00:00Z"},
		{"US", "", NO_DATE " such as 2026-11-20T10:00:00Z"},
		{"US", "-5", NO_DATE " such as 2026-11-20T10:00:00Z"},
		{"US", "Nov 2026", NO_DATE " such as 2026-11-20T10:00:00Z"},
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		check_date(&cases[i]);
}

/* ---- amounts and numbers ---- */

/* region: the currency of the organization. */
static void check_amount(const struct typed *c)
{
	struct error why = {""};
	char out[MONEY_SIZE] = "";
	int64_t micros = -1;
	bool ok =
		money_read(c->text, strlen(c->text), *c->region ? c->region : NULL, &micros, &why);
	if (ok)
		money_format(micros, out);
	if (*c->read == '!' ? ok || strcmp(why.text, c->read + 1) != 0
			    : !ok || strcmp(out, c->read) != 0)
		fail_msg("'%s': %s", c->text, ok ? out : why.text);
}

#define NO_AMOUNT "!is not an amount such as 12.50: it "

static void test_amounts_are_read_or_refused_with_the_reason(void **state)
{
	static const struct typed cases[] = {
		{"USD", "3.3000000000000003", "3.30"},
		{"USD", "2.9999999999999996", "3.00"},
		{"USD", "0.0000005", "0.000001"},
		{"USD", "-0.0000005", "-0.000001"},
		{"USD", "0.00000049", "0.00"},
		{"USD", ".50", "0.50"},
		{"USD", "5.", "5.00"},
		{"USD", " +12.5\n", "12.50"},
		{"USD", "1,234.50", "1234.50"},
		{"USD", "1,234,567", "1234567.00"},
		{"USD", "1 234.50", "1234.50"},
		{"USD", "1'234'567.5", "1234567.50"},
		{"USD",
			"1\xe2\x80\xaf"
			"234.50",
			"1234.50"},
		{"USD", "$12.50", "12.50"},
		{"USD", "-$12.50", "-12.50"},
		{"USD", "$-12.50", "-12.50"},
		{"USD", "($12.50)", "-12.50"},
		{"USD",
			"\xe2\x88\x92"
			"12.50",
			"-12.50"},
		{"USD", "US$ 12.50", "12.50"},
		{"usd", "12.50 USD", "12.50"},
		{"USD", "usd12", "12.00"},
		{"CAD", "CA$12", "12.00"},
		{"EUR", "12.50 \xe2\x82\xac", "12.50"},
		{"",
			"\xc2\xa3"
			"12",
			"12.00"},
		{"USD", "1e2", "100.00"},
		{"USD", "1.5E-5", "0.000015"},
		{"USD", "0.00000000000001e15", "10.00"},
		{"USD", "0e99999999999999999999", "0.00"},
		{"USD", "1e-99999999999999999999", "0.00"},
		{"USD", "000012", "12.00"},
		{"USD", "999999999999.999999", "999999999999.999999"},
		{"USD", "1e12", "!is larger than an amount can be"},
		{"USD", "1e99999999999999999999", "!is larger than an amount can be"},
		{"USD", "12,50",
			NO_AMOUNT
			"has a comma that is not between thousands: write decimals with a point"},
		{"USD", "1.234,50",
			NO_AMOUNT
			"has a comma that is not between thousands: write decimals with a point"},
		{"USD", "1234,567",
			NO_AMOUNT
			"has a comma that is not between thousands: write decimals with a point"},
		{"USD",
			"\xe2\x82\xac"
			"12.50",
			NO_AMOUNT "is in another currency"},
		{"EUR", "$12", NO_AMOUNT "is in another currency"},
		{"USD", "12 CAD", NO_AMOUNT "is in another currency"},
		{"USD", "1.2.3", NO_AMOUNT "is not a number"},
		{"USD", "--5", NO_AMOUNT "is not a number"},
		{"USD", "+-5", NO_AMOUNT "is not a number"},
		{"USD", "(5", NO_AMOUNT "is not a number"},
		{"USD", "5%", NO_AMOUNT "is not a number"},
		{"USD", "NaN", NO_AMOUNT "is not a number"},
		{"USD", "free", NO_AMOUNT "is not a number"},
		{"USD", "", NO_AMOUNT "is not a number"},
		{"USD", ".", NO_AMOUNT "is not a number"},
		{"USD", "true", NO_AMOUNT "is not a number"},
		{"USD", "0x10", NO_AMOUNT "is not a number"},
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		check_amount(&cases[i]);
}

static void test_numbers_keep_their_digits_or_are_refused(void **state)
{
	static const struct typed cases[] = {
		{"", "9007199254740993", "9007199254740993"},
		{"", "-9223372036854775808", "-9223372036854775808"},
		{"", "007", "7"},
		{"", "-0", "0"},
		{"", "1,234.50", "1234.5"},
		{"", "$12.50", "12.5"},
		{"", "1e5", "100000"},
		{"", " 0.30000000000000004 ", "0.30000000000000004"},
		{"", "9223372036854775808",
			"!'9223372036854775808' has more digits than a number keeps: a text keeps "
			"them"},
		{"", "1e400", "!'1e400' is larger than a number can be"},
		{"", "12,50",
			"!'12,50' has a comma that is not between thousands: write decimals with a "
			"point"},
		{"", "NaN", "!'NaN' is not a number"},
		{"", "12 USD", "!'12 USD' is not a number"},
		{"", "(12)", "!'(12)' is not a number"},
		{"",
			"caf\xc3\xa9 caf\xc3\xa9 caf\xc3\xa9 caf\xc3\xa9 caf\xc3\xa9 caf\xc3\xa9 "
			"caf\xc3\xa9 caf\xc3\xa9 caf\xc3\xa9 cafee\xc3\xa9",
			"!'caf\xc3\xa9 caf\xc3\xa9 caf\xc3\xa9 caf\xc3\xa9 caf\xc3\xa9 caf\xc3\xa9 "
			"caf\xc3\xa9 caf\xc3\xa9 caf\xc3\xa9 cafee' is not a number"},
	};
	struct arena arena = {0};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const struct typed *c = &cases[i];
		struct value v = {.text = ""};
		struct error why = {""};
		bool ok = value_coerce(VALUE_NUMBER, c->text, strlen(c->text), &arena, &v, &why);
		if (*c->read == '!' ? ok || strcmp(why.text, c->read + 1) != 0
				    : !ok || strcmp(v.text, c->read) != 0)
			fail_msg("'%s': %s", c->text, ok ? v.text : why.text);
	}
	arena_free(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_damaged_json_value_does_not_cost_the_others),
		cmocka_unit_test(test_json_in_other_encodings),
		cmocka_unit_test(test_faults_of_structure_are_refused_with_their_place),
		cmocka_unit_test(test_forms_are_read_as_the_url_standard_has_it),
		cmocka_unit_test(test_other_formats_are_refused_by_name),
		cmocka_unit_test(test_multipart_forms_are_read_and_files_reported),
		cmocka_unit_test(test_what_is_too_much_is_left_out_by_member),
		cmocka_unit_test(test_notes_have_an_end),
		cmocka_unit_test(test_labels_of_the_encoding_standard),
		cmocka_unit_test(test_numbers_of_people_meet_those_of_calls),
		cmocka_unit_test(test_what_needs_no_parser_is_what_the_parser_reads),
		cmocka_unit_test(test_dates_are_read_or_refused_with_the_reason),
		cmocka_unit_test(test_amounts_are_read_or_refused_with_the_reason),
		cmocka_unit_test(test_numbers_keep_their_digits_or_are_refused),
		cmocka_unit_test(test_content_codings_are_undone_within_the_limit),
		cmocka_unit_test(test_header_parameters),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

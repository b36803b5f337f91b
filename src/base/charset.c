#include "base/charset.h"
#include <stdint.h>
#include <string.h>
#include <strings.h>
#include <unicode/ucnv.h>

struct charset {
	const char *icu;    /* its converter's name; NULL: decoded here */
	const char *labels; /* separated by blanks, in lower case */
};

enum { UTF_8, WINDOWS_1252, UTF_16BE, UTF_16LE };

/* The labels of the standard's table, but for UTF-16's and the legacy ones of "replacement". */
static const struct charset charsets[] = {
	[UTF_8] = {NULL,
		"utf-8 utf8 unicode-1-1-utf-8 unicode11utf8 unicode20utf8 x-unicode20utf8"},
	[WINDOWS_1252] = {NULL,
		"windows-1252 iso-8859-1 latin1 us-ascii ascii ansi_x3.4-1968 cp1252 cp819 "
		"csisolatin1 ibm819 iso-ir-100 iso8859-1 iso88591 iso_8859-1 "
		"iso_8859-1:1987 l1 x-cp1252"},
	[UTF_16BE] = {"UTF-16BE", "utf-16be unicodefffe"},
	[UTF_16LE] = {"UTF-16LE",
		"utf-16 utf-16le csunicode iso-10646-ucs-2 ucs-2 unicode unicodefeff"},
	{"ibm-866", "ibm866 866 cp866 csibm866"},
	{"iso-8859-2",
		"iso-8859-2 csisolatin2 iso-ir-101 iso8859-2 iso88592 iso_8859-2 "
		"iso_8859-2:1987 l2 latin2"},
	{"iso-8859-3",
		"iso-8859-3 csisolatin3 iso-ir-109 iso8859-3 iso88593 iso_8859-3 "
		"iso_8859-3:1988 l3 latin3"},
	{"iso-8859-4",
		"iso-8859-4 csisolatin4 iso-ir-110 iso8859-4 iso88594 iso_8859-4 "
		"iso_8859-4:1988 l4 latin4"},
	{"iso-8859-5",
		"iso-8859-5 csisolatincyrillic cyrillic iso-ir-144 iso8859-5 iso88595 "
		"iso_8859-5 iso_8859-5:1988"},
	{"iso-8859-6",
		"iso-8859-6 arabic asmo-708 csiso88596e csiso88596i csisolatinarabic ecma-114 "
		"iso-8859-6-e iso-8859-6-i iso-ir-127 iso8859-6 iso88596 iso_8859-6 "
		"iso_8859-6:1987"},
	{"iso-8859-7",
		"iso-8859-7 csisolatingreek ecma-118 elot_928 greek greek8 iso-ir-126 "
		"iso8859-7 iso88597 iso_8859-7 iso_8859-7:1987 sun_eu_greek"},
	{"iso-8859-8",
		"iso-8859-8 csiso88598e csisolatinhebrew hebrew iso-8859-8-e iso-ir-138 "
		"iso8859-8 iso88598 iso_8859-8 iso_8859-8:1988 visual csiso88598i "
		"iso-8859-8-i logical"},
	{"iso-8859-10", "iso-8859-10 csisolatin6 iso-ir-157 iso8859-10 iso885910 l6 latin6"},
	{"iso-8859-13", "iso-8859-13 iso8859-13 iso885913"},
	{"iso-8859-14", "iso-8859-14 iso8859-14 iso885914"},
	{"iso-8859-15", "iso-8859-15 csisolatin9 iso8859-15 iso885915 iso_8859-15 l9"},
	{"KOI8-R", "koi8-r cskoi8r koi koi8 koi8_r"},
	{"KOI8-U", "koi8-u koi8-ru"},
	{"macintosh", "macintosh csmacintosh mac x-mac-roman"},
	{"x-mac-cyrillic", "x-mac-cyrillic x-mac-ukrainian"},
	{"windows-874", "windows-874 dos-874 iso-8859-11 iso8859-11 iso885911 tis-620"},
	{"windows-1250", "windows-1250 cp1250 x-cp1250"},
	{"windows-1251", "windows-1251 cp1251 x-cp1251"},
	{"windows-1253", "windows-1253 cp1253 x-cp1253"},
	{"windows-1254",
		"windows-1254 cp1254 csisolatin5 iso-8859-9 iso-ir-148 iso8859-9 iso88599 "
		"iso_8859-9 iso_8859-9:1989 l5 latin5 x-cp1254"},
	{"windows-1255", "windows-1255 cp1255 x-cp1255"},
	{"windows-1256", "windows-1256 cp1256 x-cp1256"},
	{"windows-1257", "windows-1257 cp1257 x-cp1257"},
	{"windows-1258", "windows-1258 cp1258 x-cp1258"},
	{"gb18030",
		"gb18030 gbk chinese csgb2312 csiso58gb231280 gb2312 gb_2312 gb_2312-80 "
		"iso-ir-58 x-gbk"},
	{"Big5-HKSCS", "big5 big5-hkscs cn-big5 csbig5 x-x-big5"},
	{"EUC-JP", "euc-jp cseucpkdfmtjapanese x-euc-jp"},
	{"ISO-2022-JP", "iso-2022-jp csiso2022jp"},
	{"windows-31j", "shift_jis csshiftjis ms932 ms_kanji shift-jis sjis windows-31j x-sjis"},
	{"windows-949",
		"euc-kr cseuckr csksc56011987 iso-ir-149 korean ks_c_5601-1987 "
		"ks_c_5601-1989 ksc5601 ksc_5601 windows-949"},
};

static const char replacement[] = "\xef\xbf\xbd";

static bool has_label(const char *labels, const char *label, size_t len)
{
	while (*labels) {
		size_t n = strcspn(labels, " ");
		if (n == len && strncasecmp(labels, label, len) == 0)
			return true;
		labels += n + (labels[n] == ' ');
	}
	return false;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\f' || c == '\r';
}

const struct charset *charset_find(const char *label, size_t len)
{
	for (; len && is_blank(*label); len--)
		label++;
	while (len && is_blank(label[len - 1]))
		len--;
	for (size_t i = 0; len && i < ARRAY_LEN(charsets); i++)
		if (has_label(charsets[i].labels, label, len))
			return &charsets[i];
	return NULL;
}

const struct charset *charset_utf8(void)
{
	return &charsets[UTF_8];
}

bool charset_is_utf8(const struct charset *c)
{
	return c == &charsets[UTF_8];
}

bool charset_is_utf16(const struct charset *c)
{
	return c == &charsets[UTF_16BE] || c == &charsets[UTF_16LE];
}

static const struct charset *by_mark(const char *bytes, size_t len, size_t *mark)
{
	*mark = 2;
	if (len >= 2 && memcmp(bytes, "\xfe\xff", 2) == 0)
		return &charsets[UTF_16BE];
	if (len >= 2 && memcmp(bytes, "\xff\xfe", 2) == 0)
		return &charsets[UTF_16LE];
	*mark = 3;
	if (len >= 3 && memcmp(bytes, "\xef\xbb\xbf", 3) == 0)
		return &charsets[UTF_8];
	*mark = 0;
	return NULL;
}

static const struct charset *by_nul(const char *bytes, size_t len)
{
	if (len < 2 || len % 2 || !bytes[0] == !bytes[1])
		return NULL;
	return &charsets[bytes[0] ? UTF_16LE : UTF_16BE];
}

const struct charset *charset_settle(
	const struct charset *named, const char *bytes, size_t len, size_t *mark)
{
	const struct charset *from = by_mark(bytes, len, mark);
	if (!from)
		from = by_nul(bytes, len);
	if (from)
		return from;
	return charset_is_utf16(named) && !memchr(bytes, '\0', len) ? NULL : named;
}

/* ---- UTF-8 ---- */

static size_t length_by_first(unsigned char c)
{
	if (c < 0x80)
		return 1;
	if (c >= 0xc2 && c <= 0xdf)
		return 2;
	if ((c & 0xf0) == 0xe0)
		return 3;
	return c >= 0xf0 && c <= 0xf4 ? 4 : 0;
}

/* May the second byte follow the first (RFC 3629 section 4)? */
static bool fits_second(unsigned char first, unsigned char second)
{
	if ((second & 0xc0) != 0x80)
		return false;
	if (first == 0xe0)
		return second >= 0xa0;
	if (first == 0xed)
		return second <= 0x9f;
	if (first == 0xf0)
		return second >= 0x90;
	return first != 0xf4 || second <= 0x8f;
}

/* The bytes at s that one U+FFFD stands for: the "maximal subpart" that a decoder consumes. */
static size_t broken_length(const unsigned char *s, size_t left)
{
	size_t n = length_by_first(s[0]), i = 1;
	if (n < 2 || left < 2 || !fits_second(s[0], s[1]))
		return 1;
	for (i = 2; i < n && i < left && (s[i] & 0xc0) == 0x80; i++)
		;
	return i;
}

size_t utf8_length(const unsigned char *s, size_t left)
{
	size_t n = length_by_first(s[0]);
	if (!n || n > left || (n > 1 && !fits_second(s[0], s[1])))
		return 0;
	for (size_t i = 2; i < n; i++)
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	return n;
}

size_t utf8_cut(const char *text, size_t len, size_t max)
{
	if (len <= max)
		return len;
	while (max && ((unsigned char)text[max] & 0xc0) == 0x80)
		max--;
	return max;
}

bool utf8_is_clean(const char *bytes, size_t len)
{
	const unsigned char *s = (const unsigned char *)bytes;
	for (size_t i = 0, n; i < len; i += n)
		if (!s[i] || !(n = utf8_length(s + i, len - i)))
			return false;
	return true;
}

static void decode_utf8(const char *bytes, size_t len, struct buf *out)
{
	const unsigned char *s = (const unsigned char *)bytes;
	size_t start = 0, i = 0;
	while (i < len) {
		size_t n = s[i] ? utf8_length(s + i, len - i) : 0;
		if (n) {
			i += n;
			continue;
		}
		buf_add(out, bytes + start, i - start);
		buf_add_str(out, replacement);
		start = i += broken_length(s + i, len - i);
	}
	buf_add(out, bytes + start, len - start);
}

/* A surrogate that was encoded as if it were a character (CESU-8, or the half of an emoji). */
static bool is_encoded_surrogate(const unsigned char *s, size_t left)
{
	return left >= 3 && s[0] == 0xed && s[1] >= 0xa0 && s[1] <= 0xbf && (s[2] & 0xc0) == 0x80;
}

const struct charset *charset_guess(const char *bytes, size_t len)
{
	const unsigned char *s = (const unsigned char *)bytes;
	bool broken = false;
	for (size_t i = 0; i < len;) {
		size_t n = utf8_length(s + i, len - i);
		if (n > 1 || is_encoded_surrogate(s + i, len - i))
			return &charsets[UTF_8];
		size_t cut = n ? 0 : broken_length(s + i, len - i);
		if (!broken && cut > 1 &&
			i + cut == len) /* the end of a text that was cut by bytes */
			return &charsets[UTF_8];
		broken = broken || !n;
		i += n ? n : cut;
	}
	return &charsets[broken ? WINDOWS_1252 : UTF_8];
}

/* ---- the others ---- */

static void add_character(struct buf *out, unsigned c)
{
	if (c < 0x80) {
		buf_add_char(out, (char)c);
	} else if (c < 0x800) {
		char two[2] = {(char)(0xc0 | c >> 6), (char)(0x80 | (c & 63))};
		buf_add(out, two, sizeof two);
	} else {
		char three[3] = {(char)(0xe0 | c >> 12), (char)(0x80 | (c >> 6 & 63)),
			(char)(0x80 | (c & 63))};
		buf_add(out, three, sizeof three);
	}
}

/* Of its bytes 0x80 to 0x9f; those without a character are the control of that number. */
static const uint16_t windows_1252[32] = {
	0x20ac,
	0x81,
	0x201a,
	0x0192,
	0x201e,
	0x2026,
	0x2020,
	0x2021,
	0x02c6,
	0x2030,
	0x0160,
	0x2039,
	0x0152,
	0x8d,
	0x017d,
	0x8f,
	0x90,
	0x2018,
	0x2019,
	0x201c,
	0x201d,
	0x2022,
	0x2013,
	0x2014,
	0x02dc,
	0x2122,
	0x0161,
	0x203a,
	0x0153,
	0x9d,
	0x017e,
	0x0178,
};

static void decode_windows_1252(const char *bytes, size_t len, struct buf *out)
{
	size_t start = 0;
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)bytes[i];
		if (c && c < 0x80)
			continue;
		buf_add(out, bytes + start, i - start);
		start = i + 1;
		if (!c)
			buf_add_str(out, replacement);
		else
			add_character(out, c >= 0xa0 ? c : windows_1252[c - 0x80]);
	}
	buf_add(out, bytes + start, len - start);
}

/* ICU puts U+FFFD for what it cannot decode; decode_utf8() does for NUL. */
static void decode_by_icu(
	const struct charset *from, const char *bytes, size_t len, struct buf *out)
{
	UErrorCode status = U_ZERO_ERROR;
	UConverter *source = ucnv_open(from->icu, &status), *target = ucnv_open("UTF-8", &status);
	UChar pivot[512], *pivot_from = pivot, *pivot_to = pivot;
	const char *at = bytes, *end = bytes + len;
	struct buf whole = {0};
	bool first = true, more = U_SUCCESS(status);
	while (more && !whole.failed) {
		char piece[1024], *to = piece;
		status = U_ZERO_ERROR;
		ucnv_convertEx(target, source, &to, piece + sizeof piece, &at, end, pivot,
			&pivot_from, &pivot_to, pivot + ARRAY_LEN(pivot), first, true, &status);
		first = false;
		buf_add(&whole, piece, (size_t)(to - piece));
		more = status == U_BUFFER_OVERFLOW_ERROR;
	}
	if (U_FAILURE(status) || whole.failed)
		out->failed = true;
	else
		decode_utf8(buf_text(&whole), whole.len, out);
	buf_free(&whole);
	ucnv_close(source);
	ucnv_close(target);
}

void charset_decode(const struct charset *from, const char *bytes, size_t len, struct buf *out)
{
	if (from == &charsets[UTF_8])
		decode_utf8(bytes, len, out);
	else if (from == &charsets[WINDOWS_1252])
		decode_windows_1252(bytes, len, out);
	else
		decode_by_icu(from, bytes, len, out);
}

size_t charset_text(const struct charset *named, const char *bytes, size_t len, struct buf *out,
	const char **result)
{
	size_t mark;
	const struct charset *from = charset_settle(named, bytes, len, &mark);
	if (!from)
		from = charset_guess(bytes, len);
	*result = bytes + mark;
	if (charset_is_utf8(from) && utf8_is_clean(bytes + mark, len - mark))
		return len - mark;
	charset_decode(from, bytes + mark, len - mark, out);
	*result = buf_text(out);
	return out->failed ? (size_t)-1 : out->len;
}

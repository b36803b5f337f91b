#include "sip/identity.h"
#include "base/buf.h"
#include <arpa/inet.h>
#include <string.h>
#include <strings.h>
#include <unicode/uidna.h>

#define NAME_SIZE 256 /* RFC 1035 section 2.3.4, and the NUL */
#define NAMES_SHOWN 3
#define SHOWN_BYTES 80 /* of a name */

/* ---- names ---- */

struct ip {
	int family; /* 0: it is no address */
	unsigned char bytes[16];
};

static struct ip read_ip(const char *text, size_t len)
{
	struct ip ip = {0};
	char copy[INET6_ADDRSTRLEN];
	bool brackets = len > 2 && text[0] == '[' && text[len - 1] == ']';
	text += brackets;
	len -= brackets ? 2 : 0;
	if (len >= sizeof copy)
		return ip;
	memcpy(copy, text, len);
	copy[len] = '\0';
	if (!brackets && inet_pton(AF_INET, copy, ip.bytes) == 1)
		ip.family = AF_INET;
	else if (inet_pton(AF_INET6, copy, ip.bytes) == 1)
		ip.family = AF_INET6;
	return ip;
}

static bool is_ascii(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if ((unsigned char)text[i] >= 0x80)
			return false;
	return true;
}

/* The form that DNS has (RFC 5890, UTS #46). */
static bool to_ascii(const char *text, size_t len, char out[NAME_SIZE])
{
	UErrorCode status = U_ZERO_ERROR;
	UIDNAInfo info = UIDNA_INFO_INITIALIZER;
	UIDNA *idna = uidna_openUTS46(UIDNA_NONTRANSITIONAL_TO_ASCII, &status);
	int32_t n = idna ? uidna_nameToASCII_UTF8(idna, text, (int32_t)len, out, NAME_SIZE, &info,
						  &status)
			 : 0;
	uidna_close(idna);
	return U_SUCCESS(status) && !info.errors && n > 0 && n < NAME_SIZE;
}

/* A domain name without its final dot, in ASCII. false: it is none. */
static bool read_name(const char *text, size_t len, char out[NAME_SIZE])
{
	len -= len && text[len - 1] == '.';
	*out = '\0';
	if (!len || len >= NAME_SIZE)
		return false;
	if (!is_ascii(text, len) && !to_ascii(text, len, out))
		return false;
	if (is_ascii(text, len)) {
		memcpy(out, text, len);
		out[len] = '\0';
	}
	return out[0] != '.' && !strstr(out, "..") && !read_ip(out, strlen(out)).family;
}

/* A wildcard is the whole first label, and stands for one label (RFC 6125 section 6.4.3). */
static bool name_fits(const char *presented, size_t len, const char *host, bool may_be_wildcard)
{
	char name[NAME_SIZE];
	bool wildcard = may_be_wildcard && len > 2 && strncmp(presented, "*.", 2) == 0;
	const char *rest = strchr(host, '.');
	/* An internationalized name is converted without its wildcard. */
	if (!read_name(presented + (wildcard ? 2 : 0), len - (wildcard ? 2 : 0), name))
		return false;
	if (!wildcard)
		return !strchr(name, '*') && strcasecmp(name, host) == 0;
	return strchr(name, '.') && !strchr(name, '*') && rest && strcasecmp(name, rest + 1) == 0;
}

/* RFC 5922 section 7.1: the host of a sip: URI that has no user. */
static bool uri_fits(const char *uri, const char *host)
{
	if (strncasecmp(uri, "sip:", 4) != 0 || strchr(uri, '@'))
		return false;
	return name_fits(uri + 4, strcspn(uri + 4, ":;?"), host, false);
}

/* ---- a certificate ---- */

/* The name behind its kind, or NULL: it is of another kind. */
static const char *of_kind(const char *name, const char *kind)
{
	size_t n = strlen(kind);
	return strncmp(name, kind, n) == 0 ? name + n : NULL;
}

static bool ip_named(const char *name, const struct ip *host)
{
	const char *text = of_kind(name, IDENTITY_IP);
	if (!text)
		text = of_kind(name, IDENTITY_CN);
	if (!text)
		return false;
	struct ip ip = read_ip(text, strlen(text));
	return ip.family == host->family && memcmp(ip.bytes, host->bytes, sizeof ip.bytes) == 0;
}

static bool host_named(const char *name, const char *host)
{
	const char *uri = of_kind(name, IDENTITY_URI), *dns = of_kind(name, IDENTITY_DNS);
	if (uri)
		return uri_fits(uri, host);
	if (!dns)
		dns = of_kind(name, IDENTITY_CN);
	return dns && name_fits(dns, strlen(dns), host, true);
}

bool sip_identity_fits(const char *const *names, size_t count, const char *host)
{
	char wanted[NAME_SIZE];
	const struct ip ip = read_ip(host, strlen(host));
	if (!ip.family && !read_name(host, strlen(host), wanted))
		return false;
	for (size_t i = 0; i < count; i++)
		if (ip.family ? ip_named(names[i], &ip) : host_named(names[i], wanted))
			return true;
	return false;
}

/* ---- in words ---- */

/* What a stranger wrote goes to a log: printable ASCII, and not much of it. */
void sip_printable(struct buf *b, const char *text)
{
	size_t n = 0;
	for (; text[n] && n < SHOWN_BYTES; n++)
		buf_add_char(b, text[n] >= ' ' && text[n] < 0x7f ? text[n] : '?');
	buf_add_str(b, text[n] ? "..." : "");
}

static void add_name(struct buf *b, const char *name)
{
	const char *colon = strchr(name, ':'), *text = colon ? colon + 1 : name;
	if (of_kind(name, IDENTITY_DNS) && read_ip(text, strlen(text)).family)
		buf_add_str(b, "the DNS name ");
	sip_printable(b, text);
}

static const char *separator(size_t i, size_t shown, size_t count)
{
	if (i == 0)
		return "";
	return i + 1 == shown && shown == count ? " and " : ", ";
}

const char *sip_identity_problem(const char *const *names, size_t count, const char *host,
				 char out[IDENTITY_PROBLEM_SIZE])
{
	struct buf b = {.data = out, .cap = IDENTITY_PROBLEM_SIZE, .limit = IDENTITY_PROBLEM_SIZE - 1};
	size_t shown = count < NAMES_SHOWN ? count : NAMES_SHOWN;
	buf_add_str(&b, count ? "the certificate is for " : "the certificate names no server");
	for (size_t i = 0; i < shown; i++) {
		buf_add_str(&b, separator(i, shown, count));
		add_name(&b, names[i]);
	}
	if (count > shown)
		buf_printf(&b, " and %zu more", count - shown);
	buf_add_str(&b, count ? ", not " : ", so it is not that of ");
	buf_add_str(&b, read_ip(host, strlen(host)).family ? "the address " : "");
	sip_printable(&b, host);
	return out;
}

#include "sip/agent.h"
#include "sip/contact.h"
#include "base/network.h"
#include <stdio.h>
#include <string.h>
#include <strings.h>

static const char *const private_networks[] = {
	"10.0.0.0/8",     "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10",
	"169.254.0.0/16", "127.0.0.0/8",   "0.0.0.0/8",      "::/127",
	"fc00::/7",       "fe80::/10",
};

bool sip_contact_is_hidden(enum sip_nat nat, const char *host, const struct sockaddr *source)
{
	struct sockaddr_storage named;
	struct network network;
	if (nat != SIP_NAT_BY_ADDRESS)
		return nat == SIP_NAT_ALWAYS;
	if (!host || !address_parse(host, strlen(host), &named))
		return false;
	for (size_t i = 0; i < ARRAY_LEN(private_networks); i++) {
		if (!network_parse(private_networks[i], &network) ||
		    !network_has(&network, 1, (const struct sockaddr *)&named))
			continue;
		return !network_has(&network, 1, source);
	}
	return false;
}

const char *sip_uri_host(const char *uri, char out[SIP_HOST_SIZE])
{
	const char *colon = strchr(uri, ':'), *at = strchr(uri, '@');
	const char *from = at ? at + 1 : colon ? colon + 1 : uri;
	bool in_brackets = *from == '[';
	from += in_brackets;
	snprintf(out, SIP_HOST_SIZE, "%.*s", (int)strcspn(from, in_brackets ? "]" : ":;?>"), from);
	return out;
}

/* Parameters of a URI that choose where, or how, a request is sent (RFC 3261 section 19.1.1). */
static bool is_steering(const char *name, size_t len)
{
	static const char *const names[] = {"maddr", "ttl", "method", "comp", "sigcomp-id", "tport"};
	char plain[24];
	if (len >= sizeof plain)
		return false;
	memcpy(plain, name, len);
	plain[len] = '\0';
	url_unescape(plain, plain);
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (strcasecmp(plain, names[i]) == 0)
			return true;
	return false;
}

/* Leave out such parameters, in place. */
static void strip_params(char *params)
{
	char *to = params;
	for (const char *from = params; *from;) {
		size_t len = strcspn(from, ";"), name = strcspn(from, "=;");
		if (!is_steering(from, name)) {
			if (to > params)
				*to++ = ';';
			memmove(to, from, len);
			to += len;
		}
		from += len + (from[len] == ';');
	}
	*to = '\0';
}

bool sip_url_clean(su_home_t *home, url_t *url)
{
	char *params = url->url_params ? su_strdup(home, url->url_params) : NULL;
	if (url->url_params && !params)
		return false;
	if (params)
		strip_params(params);
	url->url_params = params && *params ? params : NULL;
	url->url_headers = NULL;
	url->url_fragment = NULL;
	return true;
}

bool sip_uri_clean(const char *uri, char *out, size_t size)
{
	su_home_t home[1] = {SU_HOME_INIT(home)};
	su_home_init(home);
	url_t *url = strpbrk(uri, " \t\r\n<>\"") ? NULL : url_make(home, uri);
	const char *text = url && sip_url_clean(home, url) ? url_as_string(home, url) : NULL;
	int n = text ? snprintf(out, size, "%s", text) : -1;
	su_home_deinit(home);
	return n > 0 && (size_t)n < size;
}

#include "sip/contact.h"
#include "base/network.h"
#include <stdio.h>
#include <string.h>

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

/* An address as a proxy names it, and a network as a user saved it. */
#include "fuzz.h"
#include "base/network.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sockaddr_storage address, again;
	struct network network;
	char shown[ADDRESS_SIZE], *text = fuzz_text(data, size);
	if (address_parse(text, size, &address)) {
		address_text((const struct sockaddr *)&address, shown);
		if (!*shown || !address_parse(shown, strlen(shown), &again))
			abort(); /* what we show must be readable */
		if (network_parse(shown, &network) && !network_has(&network, 1, (const struct sockaddr *)&address))
			abort(); /* an address is in the network of itself */
	}
	if (network_parse(text, &network) && network_has(&network, 1, (const struct sockaddr *)&(struct sockaddr_storage){0}))
		abort(); /* no address is in none */
	free(text);
	return 0;
}

#include "model/resource.h"
#include <string.h>

/* Adding a resource: its file in this folder, and its line here. */
#define KINDS(X) \
	X(trunk) \
	X(number) \
	X(number_pool) \
	X(dni_snippet) \
	X(publisher) \
	X(buyer) \
	X(target) \
	X(rtb_target) \
	X(ring_tree) \
	X(routing_plan) \
	X(campaign) \
	X(call_flow) \
	X(custom_tag) \
	X(incoming_webhook) \
	X(inbound_rtb) \
	X(outgoing_webhook) \
	X(prompt) \
	X(list) \
	X(saved_view) \
	X(user) \
	X(api_key)

#define DECLARE(name) extern const struct resource_kind resource_##name;
#define LIST(name) &resource_##name,
KINDS(DECLARE)
const struct resource_kind *const resource_kinds[] = {KINDS(LIST) NULL};

const struct resource_kind *resource_kind_by_path(const char *path, size_t len)
{
	for (size_t i = 0; resource_kinds[i]; i++)
		if (strlen(resource_kinds[i]->path) == len && memcmp(resource_kinds[i]->path, path, len) == 0)
			return resource_kinds[i];
	return NULL;
}

const struct resource_kind *resource_kind_by_name(const char *kind)
{
	for (size_t i = 0; resource_kinds[i]; i++)
		if (strcmp(resource_kinds[i]->kind, kind) == 0)
			return resource_kinds[i];
	return NULL;
}

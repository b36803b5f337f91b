#include "base/embed.h"
#include "model/resource.h"
#include "presets.h"

json_t *outgoing_presets(void)
{
	return json_loads(presets[0], 0, NULL);
}

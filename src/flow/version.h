/* flow/version.h: flow documents as documents: what differs between two, and what they refer to. Pure. */
#ifndef FLOW_VERSION_H
#define FLOW_VERSION_H

#include "model/schema.h"
#include <jansson.h>
#include <stdbool.h>

/*
 * What changed from one document to another. Nodes are the same when their id is.
 *
 * Returns {"same", "nodes":{"added":[id],"removed":[id],"moved":[id],"changed":[{"id","keys":["/config/prompt/text"]}]},
 * "edges":{"added":[{from,port,to}],"removed":[…]}, "keys":["/fallback/routing_plan_id"]}. moved: on the canvas alone.
 * New reference; NULL without memory.
 */
json_t *flow_diff(json_t *from, json_t *to);

/* The configuration of each node, with the table that describes it. Nodes of no known type are passed over. */
struct flow_config {
	const char *node, *pointer; /* the node's id; of the configuration in the document */
	const struct field *fields;
	json_t *config; /* NULL: it has none */
};
typedef void flow_config_f(void *arg, const struct flow_config *config);
void flow_each_config(json_t *document, flow_config_f *f, void *arg);

/* The names of variables that its nodes write, in any order, some more than once. New reference. */
json_t *flow_variables(json_t *document);

/* One place where a document names a resource by its id. Setting `value`, a string, changes the document. */
typedef void flow_reference_f(void *arg, const char *pointer, const char *kind, json_t *value);
void flow_each_reference(json_t *document, flow_reference_f *f, void *arg);

#endif

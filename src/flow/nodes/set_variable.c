#include "flow/node.h"

const struct flow_node_type node_set_variable = {
	.type = "set_variable", .category = "data", .label = "Set variables",
	.help = "Gives the flow's own variables values made from templates. They last as long as the call and are not kept with it.",
	.config = (const struct field[]){
		{"assignments", FIELD_OBJECT, FIELD_REQUIRED | FIELD_LIST, .min = 1, .max = FLOW_ASSIGNMENTS_MAX, .help = "Done in this order.",
		 .fields = (const struct field[]){
			 {"variable", FIELD_VARIABLE, FIELD_REQUIRED, .min = 1, .max = 64, .help = "A name; writing it makes the variable."},
			 {"value", FIELD_TEMPLATE, FIELD_REQUIRED, .max = 4000, .help = "Its value; may have [TOKENS]."},
			 {0},
		 }},
		{0},
	},
	.ports = (const struct flow_port[]){{"next", .help = "The variables are set."}, {0}},
	.example = "{\"assignments\":[{\"variable\":\"greeting\",\"value\":\"Hello [CALLER_LOCATION|there]\"}]}",
	.compile = flow_compile_assignments, .enter = flow_enter_assignments,
};

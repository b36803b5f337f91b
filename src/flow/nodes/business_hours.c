#include "expr/schedule.h"
#include "flow/node.h"
#include "model/schedule.h"

struct config {
	const struct schedule *schedule;
	bool callers_zone;
};

/* A version that was published stays valid: what is doubtful is a warning. */
static void warn_of_holidays(struct flow_compiler *c, json_t *schedule)
{
	struct errors errors = {0};
	json_t *error;
	size_t i;
	char at[200];
	snprintf(at, sizeof at, "%s/schedule", c->at);
	schedule_check(schedule, at, &errors);
	json_array_foreach(errors.list, i, error) {
		const char *pointer = json_string_value(json_object_get(error, "pointer"));
		const char *detail = json_string_value(json_object_get(error, "detail"));
		flow_problem(c, false, "config", pointer, "%s", detail);
	}
	errors_free(&errors);
}

static void *compile(struct flow_compiler *c, json_t *config)
{
	struct config *cfg = arena_alloc(c->arena, sizeof *cfg);
	json_t *schedule = json_object_get(config, "schedule");
	if (!cfg || !(cfg->schedule = schedule_compile(schedule, c->arena)))
		return NULL;
	warn_of_holidays(c, schedule);
	cfg->callers_zone = json_is_true(json_object_get(config, "callers_time_zone"));
	if (!json_array_size(json_object_get(schedule, "weekly"))) {
		char at[200];
		snprintf(at, sizeof at, "%s/schedule/weekly", c->at);
		flow_problem(c, false, "never_open", at, "without opening hours every call leaves by closed or holiday");
	}
	return cfg;
}

static int enter(struct flow_run *run, const void *config)
{
	static const char *const days[] = {"Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"};
	const struct config *cfg = config;
	const struct zone *zone = cfg->callers_zone && run->state->env->zone ? run->state->env->zone : schedule_zone(cfg->schedule);
	const char *holiday = "";
	enum schedule_state s = schedule_at(cfg->schedule, zone, run->now_ms, &holiday);
	int minute = zone_week_minute(zone, run->now_ms);
	flow_detail(run, "%s %02d:%02d in %s%s%s", days[minute / 1440], minute / 60 % 24, minute % 60, zone_name(zone), *holiday ? ": " : "", holiday);
	return (int)s;
}

const struct flow_node_type node_business_hours = {
	.type = "business_hours", .category = "logic", .label = "Business hours",
	.help = "Asks whether it is open now, by weekly hours and holidays, on the clocks of a named time zone or of the caller.",
	.config = (const struct field[]){
		{"schedule", FIELD_OBJECT, FIELD_REQUIRED, .fields = schedule_fields, .help = "Hours and holidays."},
		{"callers_time_zone", FIELD_BOOLEAN, .initial = "false",
		 .title = "Use the caller's time zone",
		 .help = "Applies the hours in the caller's time zone if the caller's number has one, "
			 "else in the schedule's."},
		{0},
	},
	.ports = (const struct flow_port[]){
		[SCHEDULE_OPEN] = {"open", .help = "Within the weekly hours."},
		[SCHEDULE_CLOSED] = {"closed", .help = "Outside of them."},
		[SCHEDULE_HOLIDAY] = {"holiday", .help = "A holiday, whatever the hours."},
		{0},
	},
	.example = "{\"schedule\":{\"time_zone\":\"America/Chicago\",\"weekly\":[{\"day\":\"mon\",\"open\":\"09:00\",\"close\":\"17:30\"},{\"day\":\"fri\",\"open\":\"22:00\",\"close\":\"02:00\"}],\"holidays\":[{\"date\":\"2026-12-25\",\"name\":\"Christmas\",\"yearly\":true}]},\"callers_time_zone\":true}",
	.compile = compile, .enter = enter,
};

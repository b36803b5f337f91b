#include "model/schedule.h"

void schedule_check(json_t *schedule, const char *pointer, struct errors *errors)
{
	json_t *holiday;
	size_t i;
	char at[300];
	json_array_foreach(json_object_get(schedule, "holidays"), i, holiday) {
		bool open = json_is_string(json_object_get(holiday, "open"));
		snprintf(at, sizeof at, "%s/holidays/%zu/open", pointer, i);
		if (!open && json_is_string(json_object_get(holiday, "close")))
			errors_add(errors, at, "is required with close: without it the holiday is "
					       "closed all day");
	}
}

const struct field schedule_fields[] = {
	{"time_zone", FIELD_TIME_ZONE, FIELD_REQUIRED, .max = 64, .help = "Its times are meant there: an IANA name such as America/Chicago."},
	{"weekly", FIELD_OBJECT, FIELD_REQUIRED | FIELD_LIST, .max = 50, .help = "When it is open; a day may have several times. Empty: never.",
	 .fields = (const struct field[]){
		 {"day", FIELD_ENUM, FIELD_REQUIRED, .choices = (const char *const[]){"mon", "tue", "wed", "thu", "fri", "sat", "sun", NULL}, .help = "Day of the week."},
		 {"open", FIELD_TIME_OF_DAY, FIELD_REQUIRED, .help = "From, such as 09:00."},
		 {"close", FIELD_TIME_OF_DAY, FIELD_REQUIRED, .help = "To, such as 17:30 or 24:00; not after open: on the next day."},
		 {0},
	 }},
	{"holidays", FIELD_OBJECT, FIELD_LIST, .max = 200, .help = "Days that are not as the week says.",
	 .fields = (const struct field[]){
		 {"date", FIELD_DATE, FIELD_REQUIRED, .help = "Such as 2026-12-25."},
		 {"name", FIELD_STRING, .max = 80, .help = "Name for people."},
		 {"yearly", FIELD_BOOLEAN, .initial = "false", .help = "On this day of every year."},
		 {"open", FIELD_TIME_OF_DAY, .help = "Open on it from then on; empty: closed all day."},
		 {"close", FIELD_TIME_OF_DAY,
		  .help = "Until then, such as 13:00 or 24:00; not after open: on the next day; "
			  "empty: until midnight."},
		 {0},
	 }},
	{0},
};

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
	{"time_zone", FIELD_TIME_ZONE, FIELD_REQUIRED, .max = 64,
	 .help = "The hours apply in this time zone: an IANA name such as America/Chicago."},
	{"weekly", FIELD_OBJECT, FIELD_REQUIRED | FIELD_LIST, .max = 50, .title = "Opening hours",
	 .item = "Hours", .item_by = "day",
	 .help = "A day may have several periods. Empty: never open.",
	 .fields = (const struct field[]){
		 {"day", FIELD_ENUM, FIELD_REQUIRED,
		  .choices = (const char *const[]){"mon", "tue", "wed", "thu", "fri", "sat", "sun",
						   NULL},
		  .labels = (const struct label[]){
			 {"mon", "Monday"},
			 {"tue", "Tuesday"},
			 {"wed", "Wednesday"},
			 {"thu", "Thursday"},
			 {"fri", "Friday"},
			 {"sat", "Saturday"},
			 {"sun", "Sunday"},
			 {0}},
		  .help = "Day of the week."},
		 {"open", FIELD_TIME_OF_DAY, FIELD_REQUIRED, .title = "Opens",
		  .help = "Such as 09:00."},
		 {"close", FIELD_TIME_OF_DAY, FIELD_REQUIRED, .title = "Closes",
		  .help = "Such as 17:30 or 24:00. A time that is not after the opening is on the "
			 "next day."},
		 {0},
	 }},
	{"holidays", FIELD_OBJECT, FIELD_LIST, .max = 200,
	 .help = "Days with other hours than the week.",
	 .fields = (const struct field[]){
		 {"date", FIELD_DATE, FIELD_REQUIRED, .help = "Such as 2026-12-25."},
		 {"name", FIELD_STRING, .max = 80},
		 {"yearly", FIELD_BOOLEAN, .initial = "false", .title = "Every year"},
		 {"open", FIELD_TIME_OF_DAY, .title = "Opens", .help = "Empty: closed all day."},
		 {"close", FIELD_TIME_OF_DAY, .title = "Closes",
		  .help = "Such as 13:00 or 24:00. A time that is not after the opening is on the "
			  "next day. Empty: at midnight."},
		 {0},
	 }},
	{0},
};

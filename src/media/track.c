#include "media/track.h"

#define NEAR 16   /* samples: 2 ms */
#define AHEAD 160 /* a packet cannot come before it was spoken */
#define FAR 400   /* more than that is no drift */
#define STALL 4000 /* so late packets may come, and be followed by others that are not */
#define ENOUGH 50 /* packets, of which one has come without delay */

uint64_t track_place(struct track *t, uint32_t ssrc, uint32_t timestamp, size_t count, uint64_t now, size_t *stretch)
{
	uint64_t due = now > count ? now - count : 0, at = t->place + (uint64_t)(int64_t)(int32_t)(timestamp - t->timestamp);
	int64_t late = (int64_t)(due - at);
	bool settled = t->seen >= ENOUGH;
	*stretch = 0;
	if (!t->running || t->ssrc != ssrc || late < -AHEAD || late > STALL || (settled && t->least_late > FAR)) {
		*t = (struct track){.running = true, .ssrc = ssrc, .timestamp = timestamp, .place = due};
		return due;
	}
	if (settled) {
		t->owed = t->least_late > NEAR || t->least_late < -NEAR ? t->least_late : 0;
		t->seen = 0;
	}
	if (t->owed > 0) {
		t->owed--;
		t->place++;
		*stretch = 1;
		return at + 1;
	}
	if (t->owed < 0) {
		t->owed++;
		t->place--;
		return at ? at - 1 : 0;
	}
	if (!t->seen++ || late < t->least_late)
		t->least_late = late;
	return at;
}

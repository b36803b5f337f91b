/*
 * media/track.h: where the packets of a stream stand in a recording. Pure.
 * A stream's timestamps tell how its packets lie to one another, whatever the network did to them; when they come
 * tells how the stream lies to the recording, and how its clock drifts from ours.
 */
#ifndef MEDIA_TRACK_H
#define MEDIA_TRACK_H

#include <stddef.h>
#include <stdint.h>
#include <stdbool.h>

struct track {
	bool running;
	uint32_t ssrc, timestamp; /* of the packet that last set the place */
	uint64_t place;           /* where that one stands in the recording: samples */
	int64_t least_late, owed; /* how late the least delayed of the latest packets came; samples yet to move by */
	int seen;                 /* how many those are */
};

/*
 * Where a packet of so many samples stands that came when the recording was `now` samples long. A stream stays where
 * it stands within 2 ms of when its least delayed packets come; else it moves by a sample with each packet, or, when
 * it is far off, at once.
 * *stretch   how many samples its first is to be repeated for before it, so that the move leaves no gap: 0 or 1
 */
uint64_t track_place(struct track *t, uint32_t ssrc, uint32_t timestamp, size_t count, uint64_t now, size_t *stretch);

#endif

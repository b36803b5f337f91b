/*
 * media/media.h: RTP for calls. Each leg has an end: a socket with a port of its own.
 * An end plays, listens for keys, and passes what it hears to the end it is bridged to.
 * The functions are called on the call loop; the media thread does the work, once the loop
 * has called media_flush(), and tells the loop through a mailbox.
 */
#ifndef MEDIA_MEDIA_H
#define MEDIA_MEDIA_H

#include "base/mailbox.h"
#include "media/audio.h"
#include "media/quality.h"
#include "media/recorder.h"
#include "model/dtmf.h"
#include "sip/sdp.h"
#include <stdint.h>

struct media;
struct media_end;

#define MEDIA_ADDRESSES_MAX 16

/* An address of this machine, as text, and what SDP names for it: the same, or that of 1:1 NAT. */
struct media_address {
	char bound[46], advertised[46];
};

struct media_config {
	struct media_address addresses[MEDIA_ADDRESSES_MAX]; /* where sockets are bound */
	size_t address_count;				     /* at least one */
	int port_low, port_high; /* even ports are used, each with its odd neighbour left free for RTCP */
};

struct media *media_create(const struct media_config *config, struct error *err) WARN_UNUSED;
/* End the thread after all that was asked of it; what is asked later does nothing. */
void media_stop(struct media *media);
void media_destroy(struct media *media);
/* Sockets open now: for tests and metrics. */
int media_open_ends(const struct media *media);

/* What the media thread tells the loop that opened the end; free() it. */
struct media_event {
	struct mail mail;
	uint64_t owner;  /* as given to media_open() */
	int end;         /* likewise */
	enum {
		MEDIA_KEY,      /* the far side pressed it */
		MEDIA_SEND_KEY, /* it is to be sent to the far side by SIP INFO */
		MEDIA_PLAYED,
	} kind;
	char key;
	unsigned play;   /* MEDIA_PLAYED: which media_play() ended by itself */
};

/* Wake the media thread for what was asked of it since the last flush. */
void media_flush(struct media *media);

/* Is it an address of ours for audio, with a port that is bound here? Any thread. */
bool media_is_own(const struct media *media, const char *address, int port);
size_t media_address_count(const struct media *media);
/*
 * Which of the addresses is for who is reached from `local`, an address of this machine as text:
 * that one, else the first of its family, else the first. NULL: the first.
 */
size_t media_address_near(const struct media *media, const char *local);

/* owner and end are handed back with each event. NULL: no port free, or no descriptor. */
struct media_end *media_open(struct media *media, size_t address, struct mailbox *events, uint64_t owner,
			     int end) WARN_UNUSED;
int media_port(const struct media_end *end);
const char *media_address(const struct media_end *end); /* what SDP names */
size_t media_address_of(const struct media_end *end);	/* as given to media_open() */
/* The end stops and its port is free again; the pointer is dead. */
void media_close(struct media_end *end);

/* Where audio may come from besides the SDP's address and port, and where it is sent (RFC 4961). */
enum media_symmetry {
	MEDIA_TO_SDP,	 /* from other ports of its host; sent to the SDP's address and port */
	MEDIA_SAME_HOST, /* from other ports of its host, and sent there */
	MEDIA_ANY_HOST,	 /* from anywhere, and sent there: the far side is behind NAT */
};

/* What the far side's SDP says. media/source.h has the rules of where packets may come from. */
void media_set_remote(struct media_end *end, const struct sdp_audio *remote,
		      enum media_symmetry symmetry);
/* Pass audio both ways between two ends; NULL for b ends a's bridge. Where one passes its codec as it is, so must the other. */
void media_bridge(struct media_end *a, struct media_end *b);
/* Play from now, or from when the end speaks PCMU or PCMA; ends what played before. Takes the reference. Returns the play's number. */
unsigned media_play(struct media_end *end, struct audio *audio);
void media_stop_play(struct media_end *end);
/*
 * Music on hold: repeated while nothing is heard from the end that this one is bridged to. NULL
 * ends it. Takes the reference.
 */
void media_hold(struct media_end *end, struct audio *music);
/* How DTMF digits are sent to the far side; DTMF_AUTO until then. */
void media_set_dtmf(struct media_end *end, enum dtmf_mode mode);
/*
 * Send DTMF digits, after those that are being sent: 100 ms each, 100 ms apart, with silence after
 * tones; 'w' waits half a second. With DTMF_INFO each is reported as MEDIA_SEND_KEY.
 */
void media_send_keys(struct media_end *end, const char *keys);
/*
 * A DTMF digit from SIP INFO: reported and passed on like those in the audio; ignored once the far
 * side has sent digits in its audio.
 */
void media_info_key(struct media_end *end, char key);
/* Record from now, until it is stopped or the end is closed: what is heard in the first channel, what is sent to
 * the far side in the second, if there is one. Takes the recording; one that is under way is closed.
 * beep: the far side, and that of the end it is bridged to, hear now and every 15 s that they are recorded. */
void media_record(struct media_end *end, struct recording *recording, bool beep);
/* Silence takes the place of what is said. */
void media_record_pause(struct media_end *end, bool paused);
void media_record_stop(struct media_end *end, bool keep);
/* When the far side last sent audio, comfort noise or RTCP, monotonic ms; 0: not yet. */
int64_t media_last_alive(const struct media_end *end);
/* How well the far side was heard; false: nothing was. */
bool media_quality(const struct media_end *end, struct quality *out);
/* When a voice was last heard since recording began, monotonic ms; 0: not yet. */
int64_t media_last_voice(const struct media_end *end);

#endif

/* media/end.h: private to src/media/. What the media thread keeps of an end, and does with it. */
#ifndef MEDIA_END_H
#define MEDIA_END_H

#include "media/codec.h"
#include "media/key_events.h"
#include "media/media.h"
#include "media/rtp.h"
#include "media/socket.h"
#include "media/source.h"
#include "media/track.h"
#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>

#define FRAME 160 /* samples in 20 ms */
#define PACKET_MAX 1500
#define REPORT_SLOTS 512 /* ticks: 10 s */
#define THREADS_MAX 8
#define WATCH_SLOTS 10 /* ticks: each end is looked at every 200 ms */
#define COMFORT_NOISE 13 /* RFC 3389: its static payload type */

/* What is decoded of a stream, and how it is converted for the bridged end. */
struct hearing {
	bool began;
	uint32_t ssrc, next; /* next: the timestamp after the last packet */
	uint16_t sequence;   /* the highest */
	struct codec_decoder *decoder; /* NULL: PCMU or PCMA, or nothing was decoded yet */
	uint32_t sent_until; /* the bridged end's timestamp after what was last converted for it */
	bool key_began;
	uint32_t key_timestamp, key_start; /* of the telephone-event: here, at the bridged end */
};

/* A stream's timestamps counted at 8 kHz. */
struct clock_8khz {
	uint32_t last;
	int64_t at; /* in units of the stream's own clock, across wraps */
};

struct media_end {
	struct media *media;
	struct media_thread *thread; /* both ends of a call have the same */
	struct mailbox *events;
	uint64_t owner;
	int number;
	size_t address; /* of the media's: where the socket is bound */
	struct rtp_socket *socket;
	int named_port; /* of our host, that the SDP names; 0: none. The loop's */
	/* all below: media thread only */
	struct media_end *next_active, **previous_active; /* ends that have something to send each tick */
	struct media_end *peer;
	struct source source;		/* whose packets are heard */
	bool only_to_sdp;		/* audio is sent to no other port than the SDP's */
	struct sockaddr_storage remote; /* where it is sent: the SDP's address, or the source's */
	socklen_t remote_len;
	bool has_remote, may_send;
	uint8_t codec;
	int telephone_event, other_codec, other_event; /* others: what the far side may call them, too, or -1 */
	bool datagrams; /* UDPTL is passed on as it comes, and nothing of RTP goes out or counts */
	bool passes; /* the codec is neither PCMU nor PCMA */
	const struct speech_codec *speech; /* what converts such a codec; NULL: nothing can */
	struct codec_encoder *encoder; /* NULL: nothing was encoded yet */
	struct hearing hearing;
	int16_t waiting[FRAME]; /* samples for this end that do not make a frame yet */
	size_t waiting_count;
	uint32_t rate; /* of timestamps, Hz */
	/* what we send */
	uint32_t ssrc, timestamp;
	uint16_t sequence;
	bool marker;
	bool generates; /* the last tick sent something that does not come from the peer */
	/* relaying: how the peer's numbers become ours; unset after anything else was sent */
	bool relaying;
	uint32_t relay_ssrc, timestamp_offset;
	uint16_t sequence_offset;
	/* playing */
	struct audio *audio;
	size_t played;
	unsigned play;
	/* comfort noise */
	struct media_end *next_watched, *previous_watched;
	unsigned watch_slot;
	bool watched;
	bool comforts; /* it goes out, until the peer is heard again */
	int comfort_level; /* dB below the loudest; 0: the peer has not named it */
	uint32_t noise;
	/* music on hold: plays instead of comfort noise. NULL: none */
	struct audio *hold_music;
	size_t hold_played; /* samples of the current round */
	/* sending keys */
	enum dtmf_mode dtmf;
	char keys[128];
	size_t key_at, key_len;
	int key_tick; /* within the key or the pause */
	/* hearing keys */
	enum key_way { KEY_UNKNOWN, KEY_EVENT, KEY_TONE, KEY_INFO } key_way; /* how the first one came: others that come otherwise are the same ones */
	struct key_events key_events;
	struct dtmf_rx_state_s *tones; /* NULL: none were listened for yet */
	bool tones_began;
	uint32_t tones_next; /* the timestamp that continues what was listened to */
	/* recording */
	struct recording *recording; /* NULL: nothing is recorded */
	bool record_paused, record_beeps;
	int record_tick; /* of those that beep */
	int64_t record_began_us;
	struct track heard, said;
	struct clock_8khz heard_clock, said_clock;
	bool beeping, sent; /* the tone goes out now; something did since the last tick */
	_Atomic int64_t voice_ms, heard_ms, alive_ms;
	struct quality_meter quality;
	/* RTCP */
	struct media_end *next_report, **previous_report;
	struct sockaddr_storage rtcp_remote; /* negotiated, then where it came from */
	socklen_t rtcp_remote_len;
	int rtcp_port; /* that the SDP names */
	bool rtcp_mux, reported, rtcp_heard; /* heard: a report came from rtcp_remote */
	uint32_t packets_sent, octets_sent, packets_reported, last_timestamp, last_report;
	int64_t last_sent_us, last_report_us;
};

struct media_thread {
	struct media *media;
	pthread_t thread;
	bool started;
	struct mailbox *commands;
	bool posted; /* since the last flush; the loop's */
	int epoll, timer;
	struct media_end *active;
	struct media_end *reports[REPORT_SLOTS]; /* who reports at which tick */
	unsigned report_tick;
	struct media_end *watched[WATCH_SLOTS];
	unsigned watch_tick, watch_next;
	struct rtp_sockets *sockets[MEDIA_ADDRESSES_MAX]; /* by address */
};

struct media {
	struct media_address addresses[MEDIA_ADDRESSES_MAX];
	size_t address_count;
	char cname[33];
	int count;
	struct media_thread threads[THREADS_MAX];
	atomic_int open;
	atomic_bool stop;
	uint8_t to_alaw[256], to_ulaw[256];
	int16_t tone[AUDIO_TONE_PERIOD];
};

/* A sample of either codec, as µ-law. */
static inline uint8_t ulaw_of(const struct media *m, uint8_t codec, uint8_t sample)
{
	return codec == CODEC_PCMA ? m->to_ulaw[sample] : sample;
}

/* 20 ms, as timestamps count it. */
static inline uint32_t end_frame_time(const struct media_end *e)
{
	return e->rate / 50;
}

/* Of the duration in telephone-events. */
static inline uint32_t end_event_rate(const struct media_end *e)
{
	return e->key_events.rate ? e->key_events.rate : 8000;
}

/* Whether audio in the end's codec can be made and understood. */
bool end_speaks(const struct media_end *e);
/*
 * Whether DTMF digits go to the far side as telephone events: also where tones are wanted, when the
 * codec is relayed and not encoded here, as tones cannot be added to it.
 */
static inline bool end_takes_events(const struct media_end *e)
{
	bool wanted = e->dtmf == DTMF_AUTO || (e->dtmf == DTMF_INBAND && !end_speaks(e));
	return wanted && e->telephone_event >= 0;
}

/* Tell the loop. */
void end_tell(struct media_end *e, int kind, char key, unsigned play);

/* tape.c: recording */
void end_record_heard(struct media_end *e, const struct rtp_packet *p);
/* payload: in the end's own codec, as it was sent. */
void end_record_said(struct media_end *e, uint32_t timestamp, const uint8_t *payload, size_t len);
/* The same for 8 kHz samples of a codec other than PCMU and PCMA. */
void end_record_heard_samples(
	struct media_end *e, const struct rtp_packet *p, const int16_t *samples, size_t count);
void end_record_said_samples(
	struct media_end *e, uint32_t timestamp, const int16_t *samples, size_t count);
void end_record_stop(struct media_end *e, bool keep);

/* convert.c */
/* Send 20 ms of 8 kHz samples in the end's codec. */
void end_send_samples(struct media_end *e, const int16_t samples[FRAME]);
/* Decode a packet of audio: for the recording, for keys, and for the bridged end in its codec.
 * silent: that one is to hear silence in its place. */
void end_convert(struct media_end *e, const struct rtp_packet *p, bool silent);
/* Relay a packet of telephone-events to the bridged end in its clock. */
void end_convert_key(struct media_end *e, const struct rtp_packet *p);
/* The codec changes, or the end closes: forget the state of encoder and decoder. */
void end_convert_reset(struct media_end *e);

/* send.c */
/* It has something to send each tick, until it has not. */
void end_activate(struct media_end *e);
void end_deactivate(struct media_end *e);
void end_stop_audio(struct media_end *e);
/* FRAME samples, µ-law, which are changed. */
void end_send_frame(struct media_end *e, uint8_t *frame);
/* Sending begins after a pause: timestamps go on meanwhile (RFC 3550 section 5.1). */
void end_catch_up(struct media_end *e, int64_t now_us);
void end_transmit(struct media_end *e, uint8_t type, bool marker, uint32_t timestamp, const uint8_t *payload, size_t len);
/* Mix the tone that tells of the recording into samples that go out, in the end's codec. */
void end_mix_tone(const struct media_end *e, uint32_t timestamp, uint8_t *payload, size_t len);
/* A packet went out. */
void end_count_sent(struct media_end *e, uint32_t timestamp, size_t payload_len, int64_t now_us);
void media_tick(struct media_thread *t);

/* keys.c */
void media_prepare_keys(void); /* once, before the threads: the library makes its tables at the first use */
void end_send_keys(struct media_end *e, const char *keys);
/* A digit goes out now, or the silence after its tones: the peer's audio has to wait. */
bool end_key_sounds(const struct media_end *e);
void end_key_frame(struct media_end *e);
/* Is it a new key? Then it is told. */
void end_hear_event(struct media_end *e, const struct rtp_packet *p);
/*
 * Listen for tones. Returns whether the packet has tones of a digit that the peer gets in another
 * way: they are to be left out of its audio (RFC 4733 section 1.2), or it would count them twice.
 */
bool end_hear_tones(struct media_end *e, const struct rtp_packet *p);
/* The same for decoded audio. */
bool end_hear_samples(struct media_end *e, const int16_t *samples, size_t count);
void end_hear_info(struct media_end *e, char key);
void end_free_tones(struct media_end *e);
void end_forget_keys(struct media_end *e); /* what comes from now on may come another way */

/* comfort.c */
/* It was heard for the first time: from now on it may fall silent. */
void end_comfort_watch(struct media_end *e);
void end_comfort_close(struct media_end *e);
/* The far side is on hold (music, whose reference is taken) or no longer (NULL). */
void end_hold(struct media_end *e, struct audio *music);
/* The far side says that it falls silent. */
void end_hear_comfort(struct media_end *e, const struct rtp_packet *p, int64_t now_us);
void end_comfort_frame(struct media_end *e);
void media_comfort_tick(struct media_thread *t);

/* receive.c */
/* Hear a source's packets that came before it was known to be the call's. */
void end_hear_kept(struct media_end *e, const struct source_candidate *c);
void end_receive(struct rtp_socket *socket);
void end_receive_rtcp(struct rtp_socket *socket);

/* report.c: RTCP */
void end_report_begin(struct media_end *e);
/* moved: audio is sent to another address than before. */
void end_report_remote(struct media_end *e, const struct sdp_audio *remote, bool moved);
/* Audio is sent to where it comes from now, and reports to the port after that. */
void end_report_follow(struct media_end *e);
/* The far side is there, though it may send no audio. */
static inline void end_mark_alive(struct media_end *e, int64_t now_us)
{
	atomic_store_explicit(&e->alive_ms, now_us / 1000, memory_order_relaxed);
}

void end_take_report(struct media_end *e, const uint8_t *data, size_t len, const struct sockaddr_storage *from, socklen_t from_len, int64_t now_us);
void end_report_end(struct media_end *e);
void media_report_tick(struct media_thread *t);

#endif

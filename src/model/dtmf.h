/* model/dtmf.h: how DTMF digits are sent to a trunk, a SIP URI or a phone. */
#ifndef MODEL_DTMF_H
#define MODEL_DTMF_H

enum dtmf_mode {
	DTMF_AUTO,   /* as telephone-event (RFC 4733) where the SDP has it, else as tones */
	DTMF_INFO,   /* by SIP INFO (application/dtmf-relay) */
	DTMF_INBAND, /* as tones in the audio (ITU-T Q.23) */
};

/* The names of these, in their order. */
extern const char *const dtmf_modes[];

/* The setting, as a field of a resource; whose: what the help says of it beside. */
#define DTMF_FIELD(whose) \
	{"dtmf", FIELD_ENUM, .title = "Send DTMF digits", .choices = dtmf_modes, \
	 .labels = (const struct label[]){ \
		{"auto", "As negotiated"}, \
		{"info", "SIP INFO"}, \
		{"inband", "Audio tones"}, \
		{0}}, \
	 .initial = "\"auto\"", \
	 .help = "How digits are sent. As negotiated: telephone-event (RFC 4733) where the SDP has " \
		 "it, else tones. Received digits are understood in any form." whose}

#endif

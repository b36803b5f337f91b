#include "sip/sdp.h"
#include <sofia-sip/sdp.h>
#include <sofia-sip/su_alloc.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static void read_media(const sdp_media_t *m, struct sdp_audio *out, bool *usable)
{
	const sdp_connection_t *c = sdp_media_connections(m);
	int codec = -1;
	out->telephone_event = -1;
	for (const sdp_rtpmap_t *r = m->m_rtpmaps; r; r = r->rm_next) {
		if (codec < 0 && (r->rm_pt == CODEC_PCMU || r->rm_pt == CODEC_PCMA))
			codec = (int)r->rm_pt;
		if (r->rm_encoding && strcasecmp(r->rm_encoding, "telephone-event") == 0 && r->rm_rate == 8000)
			out->telephone_event = (int)r->rm_pt;
	}
	if (codec < 0 || !c || !c->c_address)
		return;
	snprintf(out->address, sizeof out->address, "%s", c->c_address);
	out->port = (int)m->m_port;
	out->codec = (enum codec)codec;
	/* c=0.0.0.0 is the old way to hold (RFC 3264 §8.4). */
	bool held = strcmp(out->address, "0.0.0.0") == 0;
	out->sends = (m->m_mode & sdp_sendonly) != 0;
	out->receives = (m->m_mode & sdp_recvonly) != 0 && !held;
	const sdp_attribute_t *rtcp = sdp_attribute_find(m->m_attributes, "rtcp");
	long rtcp_port = rtcp && rtcp->a_value ? strtol(rtcp->a_value, NULL, 10) : 0;
	out->rtcp_port = rtcp_port > 0 && rtcp_port < 65536 ? (int)rtcp_port : 0;
	out->rtcp_mux = sdp_attribute_find(m->m_attributes, "rtcp-mux") != NULL;
	*usable = true;
}

#define BLANK " \t"
#define DIGIT "0123456789"
#define TOKEN DIGIT "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-.!%*_+`'~"

/* Step over one or more of these characters. */
static bool skip(const char **at, const char *characters)
{
	size_t n = strspn(*at, characters);
	*at += n;
	return n > 0;
}

/*
 * Is each m= line as RFC 8866 §5.14 has it: media, port, protocol, formats that are tokens?
 * Of others sofia's parser makes empty formats without end. Found by tests/fuzz.
 */
static bool media_lines_are_sound(const char *text)
{
	for (const char *line = text + strspn(text, BLANK); *line; line += strcspn(line, "\r\n"), line += strspn(line, "\r\n" BLANK)) {
		const char *at = line + 2;
		if (line[0] != 'm' || line[1] != '=')
			continue;
		if (!skip(&at, TOKEN) || !skip(&at, BLANK) || !skip(&at, DIGIT "/") || !skip(&at, BLANK) || !skip(&at, TOKEN "/") || !skip(&at, BLANK) || !skip(&at, TOKEN))
			return false;
		skip(&at, TOKEN BLANK);
		if (!strchr("\r\n", *at))
			return false;
	}
	return true;
}

bool sdp_audio_parse(const char *text, struct sdp_audio *out)
{
	su_home_t home[1] = {SU_HOME_INIT(home)};
	bool usable = false;
	*out = (struct sdp_audio){.telephone_event = -1};
	if (!media_lines_are_sound(text))
		return false;
	su_home_init(home);
	sdp_parser_t *parser = sdp_parse(home, text, (issize_t)strlen(text), 0);
	sdp_session_t *session = sdp_session(parser);
	for (const sdp_media_t *m = session ? session->sdp_media : NULL; m && !usable; m = m->m_next)
		if (m->m_type == sdp_media_audio && m->m_proto == sdp_proto_rtp && m->m_port > 0 && m->m_port < 65536)
			read_media(m, out, &usable);
	sdp_parser_free(parser);
	su_home_deinit(home);
	return usable;
}

static void write_sdp(char out[SDP_SIZE], const char *address, int port, const char *formats, const char *attributes, const char *mode, uint64_t session, unsigned version)
{
	const char *family = strchr(address, ':') ? "IP6" : "IP4";
	snprintf(out, SDP_SIZE,
		 "v=0\r\no=strowger %llu %u IN %s %s\r\ns=-\r\nc=IN %s %s\r\nt=0 0\r\nm=audio %d RTP/AVP %s\r\n%sa=ptime:20\r\na=%s\r\n",
		 (unsigned long long)session, version, family, address, family, address, port, formats, attributes, mode);
}

const char *sdp_mode(bool sends, bool receives)
{
	return sends && receives ? "sendrecv" : sends ? "sendonly" : receives ? "recvonly" : "inactive";
}

void sdp_audio_offer(char out[SDP_SIZE], const char *address, int port, enum codec first, const char *mode, uint64_t session, unsigned version)
{
	write_sdp(out, address, port, first == CODEC_PCMU ? "0 8 101" : "8 0 101",
		  "a=rtpmap:0 PCMU/8000\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\n", mode, session, version);
}

void sdp_audio_answer(char out[SDP_SIZE], const char *address, int port, const struct sdp_audio *offer, uint64_t session, unsigned version)
{
	char formats[32], attributes[160];
	int te = offer->telephone_event;
	const char *name = offer->codec == CODEC_PCMU ? "PCMU" : "PCMA";
	if (te >= 0) {
		snprintf(formats, sizeof formats, "%d %d", (int)offer->codec, te);
		snprintf(attributes, sizeof attributes, "a=rtpmap:%d %s/8000\r\na=rtpmap:%d telephone-event/8000\r\na=fmtp:%d 0-15\r\n", (int)offer->codec, name, te, te);
	} else {
		snprintf(formats, sizeof formats, "%d", (int)offer->codec);
		snprintf(attributes, sizeof attributes, "a=rtpmap:%d %s/8000\r\n", (int)offer->codec, name);
	}
	if (offer->rtcp_mux)
		strcat(attributes, "a=rtcp-mux\r\n");
	write_sdp(out, address, port, formats, attributes, sdp_mode(offer->receives, offer->sends), session, version);
}

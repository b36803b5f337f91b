#include "sip/sdp.h"
#include "base/buf.h"
#include "base/network.h"
#include "sip/lines.h"
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sofia-sip/sdp.h>
#include <sofia-sip/su_alloc.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define BLANK " \t"
#define DIGIT "0123456789"

#define OFFERED_MAX (SDP_FORMATS_MAX - 6) /* formats kept of an offer; six of ours are added */

static const struct sdp_format own[] = {
	{CODEC_PCMU, 8000, 1, "PCMU", ""}, {CODEC_PCMA, 8000, 1, "PCMA", ""}, {101, 8000, 1, "telephone-event", "0-15"},
};

static bool is_event(const struct sdp_format *f)
{
	return strcasecmp(f->name, "telephone-event") == 0;
}

static bool is_speech(const struct sdp_format *f)
{
	return f->payload_type == CODEC_PCMU || f->payload_type == CODEC_PCMA;
}

bool sdp_format_is_passed(const struct sdp_format *f)
{
	return !is_speech(f) && !is_event(f);
}

/* ---- reading ---- */

/* Comfort noise, redundancy and the like go with another format, and cannot be passed on without it. */
static bool goes_with_another(const char *name)
{
	static const char *const names[] = {"CN", "red", "ulpfec", "parityfec", "flexfec", "rtx"};
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (strcasecmp(name, names[i]) == 0)
			return true;
	return false;
}

/* RFC 8866 §9: token, as far as codecs have them. */
static bool is_token(char c)
{
	char small = (char)(c | 0x20);
	return (small >= 'a' && small <= 'z') || (c >= '0' && c <= '9') || (c && strchr("-.!%*_+`'~", c));
}

/* How long is what is made of these, and of the characters `also`? */
static size_t token_length(const char *text, const char *also)
{
	size_t n = 0;
	while (is_token(text[n]) || (text[n] && strchr(also, text[n])))
		n++;
	return n;
}

static bool is_printable(const char *text)
{
	for (; *text; text++)
		if (*text < ' ' || *text > '~')
			return false;
	return true;
}

/* What could not be said again as it was said is left out. */
static void read_format(const sdp_rtpmap_t *r, struct sdp_formats *formats)
{
	const char *name = r->rm_encoding ? r->rm_encoding : "", *parameters = r->rm_fmtp ? r->rm_fmtp : "", *channels = r->rm_params ? r->rm_params : "1";
	struct sdp_format f = {.payload_type = (int)r->rm_pt, .rate = (int)r->rm_rate, .channels = *channels && !channels[1] ? *channels - '0' : 0};
	if (formats->count == OFFERED_MAX || !*name || token_length(name, "") != strlen(name) || strlen(name) >= sizeof f.name || strlen(parameters) >= sizeof f.parameters || !is_printable(parameters) ||
	    f.payload_type > 127 || f.rate < 8000 || f.rate > 192000 || f.rate % 1000 || f.channels < 1 || f.channels > 9 || goes_with_another(name))
		return;
	for (size_t i = 0; i < formats->count; i++)
		if (formats->list[i].payload_type == f.payload_type)
			return;
	memcpy(f.name, name, strlen(name) + 1);
	memcpy(f.parameters, parameters, strlen(parameters) + 1);
	formats->list[formats->count++] = f;
}

/*
 * Can one party be at this address? A host name (RFC 8866 section 5.7) is not looked up, and what
 * is sent to a multicast or broadcast address reaches many (RFC 5771, RFC 919).
 */
static bool is_address_of_one(const char *text)
{
	struct sockaddr_storage address;
	if (!text || !address_parse(text, strlen(text), &address))
		return false;
	const struct sockaddr_in6 *v6 = (const void *)&address;
	if (address.ss_family == AF_INET6)
		return !IN6_IS_ADDR_MULTICAST(&v6->sin6_addr);
	uint32_t v4 = ntohl(((const struct sockaddr_in *)(const void *)&address)->sin_addr.s_addr);
	return !IN_MULTICAST(v4) && v4 != INADDR_BROADCAST;
}

static void read_media(const sdp_media_t *m, struct sdp_audio *out, struct sdp_formats *formats, bool *usable)
{
	const sdp_connection_t *c = sdp_media_connections(m);
	bool has_passed = false;
	out->codec = CODEC_NONE;
	out->telephone_event = out->offered_codec = out->offered_event = -1;
	out->rate = out->event_rate = 8000;
	for (const sdp_rtpmap_t *r = m->m_rtpmaps; r; r = r->rm_next) {
		if (out->codec < 0 && (r->rm_pt == CODEC_PCMU || r->rm_pt == CODEC_PCMA))
			out->codec = (int)r->rm_pt;
		if (r->rm_encoding && strcasecmp(r->rm_encoding, "telephone-event") == 0 && r->rm_rate == 8000)
			out->telephone_event = (int)r->rm_pt;
		if (formats)
			read_format(r, formats);
	}
	for (size_t i = 0; formats && i < formats->count; i++)
		has_passed = has_passed || sdp_format_is_passed(&formats->list[i]);
	if ((out->codec < 0 && !has_passed) || !c ||
	    !is_address_of_one(c->c_address))
		return;
	snprintf(out->address, sizeof out->address, "%s", c->c_address);
	out->port = (int)m->m_port;
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

/* Step over so many characters; false: there are none. */
static bool skip(const char **at, size_t n)
{
	*at += n;
	return n > 0;
}

static bool media_lines_are_sound(const char *text)
{
	for (const char *line = text + strspn(text, BLANK); *line; line += strcspn(line, "\r\n"), line += strspn(line, "\r\n" BLANK)) {
		const char *at = line + 2;
		if (line[0] != 'm' || line[1] != '=')
			continue;
		if (!skip(&at, token_length(at, "")) || !skip(&at, strspn(at, BLANK)) || !skip(&at, strspn(at, DIGIT "/")) || !skip(&at, strspn(at, BLANK)) ||
		    !skip(&at, token_length(at, "/")) || !skip(&at, strspn(at, BLANK)) || !skip(&at, token_length(at, BLANK)))
			return false;
		if (!strchr("\r\n", *at))
			return false;
	}
	return true;
}

/* at: behind "m=audio ". A refused line needs no format (RFC 3264 section 6 says that they do not matter). */
static bool is_refused_without_format(const char *at)
{
	if (at[0] != '0' || !strchr(BLANK, at[1]))
		return false;
	at += 1 + strspn(at + 1, BLANK);
	size_t protocol = token_length(at, "/");
	at += protocol;
	return protocol && strchr("\r\n", at[strspn(at, BLANK)]);
}

/*
 * Is each m= line as RFC 8866 section 5.14 has it: media, port, protocol, formats that are tokens?
 * Of others sofia's parser makes empty formats without end. Found by tests/fuzz. Returns the text,
 * where refused lines without a format have one, or NULL.
 */
static const char *sound_media_lines(su_home_t *home, const char *text)
{
	struct buf b = {0};
	size_t lines = 0;
	const char *from = text;
	for (const char *at = text; *at; at += strcspn(at, "\r\n"), at += strspn(at, "\r\n")) {
		const char *port = at[0] == 'm' && at[1] == '=' ? at + 2 + token_length(at + 2, "") : NULL;
		if (!port)
			continue;
		port += strspn(port, BLANK);
		if (++lines > SDP_LINES_MAX)
			break;
		if (!is_refused_without_format(port))
			continue;
		const char *end = at + strcspn(at, "\r\n");
		buf_add(&b, from, (size_t)(end - from));
		buf_add_str(&b, " 0");
		from = end;
	}
	if (b.len) {
		buf_add_str(&b, from);
		text = b.failed ? NULL : su_strdup(home, buf_text(&b));
		buf_free(&b);
	}
	return text && lines <= SDP_LINES_MAX && media_lines_are_sound(text) ? text : NULL;
}

/* The first stream of an SDP that `take` can use. */
struct search {
	bool (*take)(const sdp_media_t *m, void *out, struct sdp_formats *formats);
	void *out;
	struct sdp_formats *formats;
};

/* Returns which of the m= lines it is, or -1: none can be used. */
static int find_stream(const char *text, const struct search *search)
{
	su_home_t home[1] = {SU_HOME_INIT(home)};
	int line = 0, found = -1;
	su_home_init(home);
	text = sound_media_lines(home, text);
	if (!text) {
		su_home_deinit(home);
		return -1;
	}
	sdp_parser_t *parser = sdp_parse(home, text, (issize_t)strlen(text), 0);
	sdp_session_t *session = sdp_session(parser);
	const sdp_media_t *m = session ? session->sdp_media : NULL;
	for (; m && found < 0; m = m->m_next, line++) {
		bool has_port = m->m_port > 0 && m->m_port < 65536;
		if (has_port && search->take(m, search->out, search->formats))
			found = line;
	}
	sdp_parser_free(parser);
	su_home_deinit(home);
	return found;
}

static bool take_audio(const sdp_media_t *m, void *out, struct sdp_formats *formats)
{
	bool usable = false;
	if (m->m_type == sdp_media_audio && m->m_proto == sdp_proto_rtp)
		read_media(m, out, formats, &usable);
	return usable;
}

/* a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:... UNENCRYPTED_SRTP (RFC 4568 sections 6.2, 6.3) */
static bool is_cipher(const char *crypto)
{
	const char *suite = crypto + strcspn(crypto, BLANK);
	suite += strspn(suite, BLANK);
	return *suite && strncasecmp(suite, "NULL", 4) != 0 &&
	       !strcasestr(suite, "UNENCRYPTED_SRTP");
}

static bool encrypts(const sdp_media_t *m)
{
	const sdp_attribute_t *crypto = sdp_attribute_find(m->m_attributes, "crypto");
	bool all = crypto && m->m_proto_name && strcasestr(m->m_proto_name, "/SAVP");
	for (; all && crypto; crypto = sdp_attribute_find(crypto->a_next, "crypto"))
		all = crypto->a_value && is_cipher(crypto->a_value);
	return all;
}

bool sdp_audio_encrypts(const char *text)
{
	su_home_t home[1] = {SU_HOME_INIT(home)};
	su_home_init(home);
	text = sound_media_lines(home, text);
	sdp_parser_t *parser = text ? sdp_parse(home, text, (issize_t)strlen(text), 0) : NULL;
	const sdp_session_t *session = parser ? sdp_session(parser) : NULL;
	bool all = session != NULL;
	for (const sdp_media_t *m = session ? session->sdp_media : NULL; m; m = m->m_next)
		if (m->m_type == sdp_media_audio && m->m_port)
			all = all && encrypts(m);
	if (parser)
		sdp_parser_free(parser);
	su_home_deinit(home);
	return all;
}

bool sdp_audio_parse(const char *text, struct sdp_audio *out, struct sdp_formats *formats)
{
	*out = (struct sdp_audio){.codec = CODEC_NONE, .telephone_event = -1};
	if (formats)
		formats->count = 0;
	int line = find_stream(text, &(struct search){take_audio, out, formats});
	if (line >= 0)
		out->line = line;
	return line >= 0;
}

/* ---- fax ---- */

static bool has_t38(const sdp_media_t *m)
{
	for (const sdp_list_t *f = m->m_format; f; f = f->l_next)
		if (f->l_text && strcasecmp(f->l_text, "t38") == 0)
			return true;
	return false;
}

/* false: they do not fit, or could not be written again as they were read. */
static bool read_t38_attributes(const sdp_media_t *m, char out[SDP_IMAGE_ATTRIBUTES])
{
	struct buf b = {.data = out, .cap = SDP_IMAGE_ATTRIBUTES, .limit = SDP_IMAGE_ATTRIBUTES - 1};
	out[0] = '\0';
	for (const sdp_attribute_t *a = m->m_attributes; a; a = a->a_next) {
		if (!a->a_name || strncasecmp(a->a_name, "T38", 3) != 0)
			continue;
		if (!is_printable(a->a_name) || (a->a_value && !is_printable(a->a_value)))
			return false;
		buf_add_str(&b, "a=");
		buf_add_str(&b, a->a_name);
		if (a->a_value) {
			buf_add_char(&b, ':');
			buf_add_str(&b, a->a_value);
		}
		buf_add_str(&b, "\r\n");
	}
	return !b.failed;
}

static bool take_image(const sdp_media_t *m, void *out, struct sdp_formats *formats)
{
	struct sdp_image *image = out;
	const sdp_connection_t *c = sdp_media_connections(m);
	(void)formats;
	if (m->m_type != sdp_media_image || m->m_proto != sdp_proto_udptl || !has_t38(m))
		return false;
	if (!c || !is_address_of_one(c->c_address) || !read_t38_attributes(m, image->attributes))
		return false;
	snprintf(image->stream.address, sizeof image->stream.address, "%s", c->c_address);
	image->stream.port = (int)m->m_port;
	return true;
}

bool sdp_image_parse(const char *text, struct sdp_image *out)
{
	struct sdp_audio audio;
	struct sdp_formats formats;
	*out = (struct sdp_image){
		.stream = {
			.is_image = true,
			.codec = CODEC_NONE,
			.telephone_event = -1,
			.offered_codec = -1,
			.offered_event = -1,
			.rate = 8000,
			.event_rate = 8000,
			.sends = true,
			.receives = true,
		},
	};
	if (sdp_audio_parse(text, &audio, &formats))
		return false;
	int line = find_stream(text, &(struct search){take_image, out, NULL});
	out->stream.line = line;
	return line >= 0;
}

/* ---- agreeing ---- */

static bool same(const struct sdp_format *a, const struct sdp_format *b)
{
	return strcasecmp(a->name, b->name) == 0 && a->rate == b->rate && a->channels == b->channels;
}

const struct sdp_format *sdp_format_find(const struct sdp_formats *among, const struct sdp_format *format)
{
	const struct sdp_format *found = NULL;
	for (size_t i = 0; i < among->count; i++) {
		const struct sdp_format *f = &among->list[i];
		if (same(f, format) && (!found || f->payload_type == format->payload_type))
			found = f;
	}
	return found;
}

const struct sdp_format *sdp_format_chosen(const struct sdp_formats *answer, const struct sdp_formats *offered)
{
	for (size_t i = 0; i < answer->count; i++) {
		const struct sdp_format *f = &answer->list[i];
		if (is_speech(f))
			return NULL;
		if (!is_event(f) && sdp_format_find(offered, f))
			return f;
	}
	return NULL;
}

/* Keys have their audio's clock (RFC 4733 §2.1); many send them at 8000 Hz beside any other. */
static const struct sdp_format *event_of(const struct sdp_formats *formats, int rate)
{
	const struct sdp_format *found = NULL;
	for (size_t i = 0; i < formats->count; i++) {
		const struct sdp_format *f = &formats->list[i];
		if (is_event(f) && (f->rate == rate || (f->rate == 8000 && !found)))
			found = f;
	}
	return found;
}

bool sdp_audio_pass(struct sdp_audio *audio, const struct sdp_formats *theirs, const struct sdp_format *format)
{
	const struct sdp_format *f = sdp_format_find(theirs, format), *event = f ? event_of(theirs, f->rate) : NULL;
	if (!f)
		return false;
	audio->passed = true;
	memcpy(audio->name, f->name, SDP_NAME_SIZE);
	audio->codec = f->payload_type;
	audio->rate = f->rate;
	audio->telephone_event = event ? event->payload_type : -1;
	audio->event_rate = event ? event->rate : f->rate;
	return true;
}

void sdp_audio_speak(struct sdp_audio *audio, const struct sdp_formats *theirs)
{
	const struct sdp_format *event = event_of(theirs, 8000);
	audio->passed = false;
	audio->name[0] = '\0';
	audio->codec = CODEC_PCMU;
	for (size_t i = theirs->count; i-- > 0;)
		if (is_speech(&theirs->list[i]))
			audio->codec = theirs->list[i].payload_type;
	audio->rate = audio->event_rate = 8000;
	audio->telephone_event = event && event->rate == 8000 ? event->payload_type : -1;
}

void sdp_audio_answers(struct sdp_audio *audio, const struct sdp_formats *offered, const struct sdp_format *passed)
{
	const struct sdp_format *f = passed ? sdp_format_find(offered, passed) : NULL, *event = event_of(offered, audio->event_rate);
	audio->offered_codec = f ? f->payload_type : -1;
	audio->offered_event = event && audio->telephone_event >= 0 ? event->payload_type : -1;
}

static bool has(const struct sdp_formats *formats, int payload_type)
{
	for (size_t i = 0; i < formats->count; i++)
		if (formats->list[i].payload_type == payload_type)
			return true;
	return false;
}

static void add(struct sdp_formats *formats, const struct sdp_format *f)
{
	if (formats->count < SDP_FORMATS_MAX)
		formats->list[formats->count++] = *f;
}

void sdp_formats_add_own(struct sdp_formats *formats, enum codec first)
{
	struct sdp_format event = own[2];
	for (int i = 0; i < 2; i++) {
		const struct sdp_format *f = &own[i ^ (first == CODEC_PCMA)];
		if (!has(formats, f->payload_type))
			add(formats, f);
	}
	while (has(formats, event.payload_type))
		event.payload_type = event.payload_type == 127 ? 96 : event.payload_type + 1;
	if (!event_of(formats, event.rate))
		add(formats, &event);
}

static void add_free(struct sdp_formats *formats, const struct sdp_format *format)
{
	struct sdp_format f = *format;
	while (has(formats, f.payload_type))
		f.payload_type = f.payload_type == 127 ? 96 : f.payload_type + 1;
	add(formats, &f);
}

void sdp_formats_add_converted(struct sdp_formats *formats)
{
	static const struct sdp_format converted[] = {
		{96, 48000, 2, "opus", "useinbandfec=1"},
		{9, 8000, 1, "G722", ""},
	};
	static const struct sdp_format event = {110, 48000, 1, "telephone-event", "0-15"};
	for (size_t i = 0; i < ARRAY_LEN(converted); i++)
		if (!sdp_format_find(formats, &converted[i]))
			add_free(formats, &converted[i]);
	if (!sdp_format_find(formats, &event))
		add_free(formats, &event);
}

/* The codec and the keys that go with it, as the audio's side calls them. */
static void add_pair(struct sdp_formats *formats, const struct sdp_audio *audio, const struct sdp_format *codec)
{
	struct sdp_format format = *codec, event = own[2];
	format.payload_type = audio->codec;
	event.payload_type = audio->telephone_event;
	event.rate = audio->event_rate;
	add(formats, &format);
	if (event.payload_type >= 0)
		add(formats, &event);
}

void sdp_formats_in_use(struct sdp_formats *formats, const struct sdp_audio *audio, const struct sdp_format *passed)
{
	formats->count = 0;
	if (passed)
		add_pair(formats, audio, passed);
	else
		sdp_formats_add_own(formats, audio->codec == CODEC_PCMA ? CODEC_PCMA : CODEC_PCMU);
}

/* ---- writing ---- */

static void add_numbered(struct buf *b, const char *before, int64_t n)
{
	buf_add_str(b, before);
	buf_add_int(b, n);
}

static void add_format(struct buf *b, const struct sdp_format *f)
{
	add_numbered(b, "a=rtpmap:", f->payload_type);
	buf_add_char(b, ' ');
	buf_add_str(b, f->name);
	add_numbered(b, "/", f->rate);
	if (f->channels > 1)
		add_numbered(b, "/", f->channels);
	if (*f->parameters) {
		add_numbered(b, "\r\na=fmtp:", f->payload_type);
		buf_add_char(b, ' ');
		buf_add_str(b, f->parameters);
	}
	buf_add_str(b, "\r\n");
}

/* Up to the port of the one m= line. */
static void write_session(struct buf *b, const char *address, int64_t session, unsigned version,
			  const char *media, int port)
{
	const char *family = strchr(address, ':') ? " IN IP6 " : " IN IP4 ";
	add_numbered(b, "v=0\r\no=strowger ", session);
	add_numbered(b, " ", version);
	buf_add_str(b, family);
	buf_add_str(b, address);
	buf_add_str(b, "\r\ns=-\r\nc=");
	buf_add_str(b, family + 1);
	buf_add_str(b, address);
	buf_add_str(b, "\r\nt=0 0\r\nm=");
	buf_add_str(b, media);
	add_numbered(b, " ", port);
}

static void write_sdp(char out[SDP_SIZE], const char *address, int port, const struct sdp_formats *formats, const char *attributes, const char *mode, int64_t session, unsigned version)
{
	struct buf b = {.data = out, .cap = SDP_SIZE, .limit = SDP_SIZE - 1};
	bool passes = false;
	write_session(&b, address, session, version, "audio", port);
	buf_add_str(&b, " RTP/AVP");
	for (size_t i = 0; i < formats->count; i++)
		add_numbered(&b, " ", formats->list[i].payload_type);
	buf_add_str(&b, "\r\n");
	for (size_t i = 0; i < formats->count; i++) {
		passes = passes || sdp_format_is_passed(&formats->list[i]);
		add_format(&b, &formats->list[i]);
	}
	buf_add_str(&b, attributes);
	if (!passes) /* a format that is passed on may have packets of another length */
		buf_add_str(&b, "a=ptime:20\r\n");
	buf_add_str(&b, "a=");
	buf_add_str(&b, mode);
	buf_add_str(&b, "\r\n");
}

void sdp_image_write(char out[SDP_SIZE], const char *address, int port,
		     const struct sdp_image *image, int64_t session, unsigned version)
{
	struct buf b = {.data = out, .cap = SDP_SIZE, .limit = SDP_SIZE - 1};
	write_session(&b, address, session, version, "image", port);
	buf_add_str(&b, " udptl t38\r\n");
	buf_add_str(&b, image->attributes);
}

const char *sdp_mode(bool sends, bool receives)
{
	return sends && receives ? "sendrecv" : sends ? "sendonly" : receives ? "recvonly" : "inactive";
}

void sdp_audio_offer(char out[SDP_SIZE], const char *address, int port, const struct sdp_formats *formats, const char *mode, int64_t session, unsigned version)
{
	write_sdp(out, address, port, formats, "", mode, session, version);
}

void sdp_audio_answer(char out[SDP_SIZE], const char *address, int port, const struct sdp_audio *offer, const struct sdp_format *passed, int64_t session, unsigned version)
{
	struct sdp_formats formats = {0};
	add_pair(&formats, offer, passed ? passed : &own[offer->codec == CODEC_PCMA]);
	write_sdp(out, address, port, &formats, offer->rtcp_mux ? "a=rtcp-mux\r\n" : "", sdp_mode(offer->receives, offer->sends), session, version);
}

#include "test.h"
#include "base/network.h"
#include "sip/contact.h"
#include "sip/digest.h"
#include "sip/headers.h"
#include "sip/keepalive.h"
#include "sip/lines.h"
#include "sip/pcap.h"
#include "sip/sdp.h"
#include "sip/text.h"
#include <string.h>

#define INVITE "INVITE sip:a@b SIP/2.0\r\n"

static const char *header(const char *text, const char *name, char compact)
{
	static char out[200];
	size_t n = 0;
	const char *value = sip_text_header(text, strlen(text), name, compact, &n);
	if (!value)
		return NULL;
	memcpy(out, value, n);
	out[n] = '\0';
	return out;
}

static void test_headers_are_found_in_every_form(void **state)
{
	(void)state;
	assert_string_equal(header(INVITE "Call-ID: 1@a\r\n\r\n", "Call-ID", 'i'), "1@a");
	assert_string_equal(header(INVITE "CALL-ID \t:\t1@a \r\nTo: x\r\n\r\n", "Call-ID", 'i'), "1@a");
	assert_string_equal(header(INVITE "Via: x\r\nI:2\r\n\r\n", "Call-ID", 'i'), "2");
	assert_string_equal(header(INVITE "Subject: one\r\n two\r\n\tthree\r\nX: 1\r\n\r\n", "Subject", 's'), "one\r\n two\r\n\tthree");
	assert_string_equal(header(INVITE "Subject: one\r\n\tI: 3\r\n Call-ID: 4\r\ni: 2\r\n\r\n", "Call-ID", 'i'), "2");
	assert_string_equal(header(INVITE "X: 1", "X", '\0'), "1");
	assert_string_equal(header(INVITE "X:\n", "X", '\0'), "");
	assert_null(header(INVITE "Via: x\r\n\r\nCall-ID: in the body\r\n", "Call-ID", 'i'));
	assert_null(header("Call-ID: the first line is none", "Call-ID", 'i'));
	assert_null(header("", "Call-ID", 'i'));
	size_t n;
	assert_null(sip_text_header(INVITE "Call-ID\0 of ten: 1\r\n", sizeof INVITE "Call-ID\0 of ten: 1\r\n" - 1, "Call-ID", 'i', &n));
}

static void moved(const char *before, const char *after)
{
	char text[200];
	snprintf(text, sizeof text, "%s", before);
	sip_move_line_ends(text, strlen(text));
	assert_string_equal(text, after);
}

static const char *cleaned(const char *uri)
{
	static char out[200];
	return sip_uri_clean(uri, out, sizeof out) ? out : NULL;
}

static void test_a_uri_of_others_says_no_more_than_whom_to_call(void **state)
{
	char small[8];
	(void)state;
	assert_string_equal(cleaned("sip:a@b"), "sip:a@b");
	assert_string_equal(cleaned("sip:a@b:5070;transport=tcp;ob;line=7"),
			    "sip:a@b:5070;transport=tcp;ob;line=7");
	assert_string_equal(cleaned("sip:a@b;maddr=c;x=1;ttl=5;method=BYE"), "sip:a@b;x=1");
	assert_string_equal(cleaned("sip:a@b;MADDR=c;x;%6Daddr=d;comp=sigcomp"), "sip:a@b;x");
	assert_string_equal(cleaned("sip:a@b;maddr=c"), "sip:a@b");
	assert_string_equal(cleaned("sip:a@b;maddrs=c;xmaddr=d"), "sip:a@b;maddrs=c;xmaddr=d");
	assert_string_equal(cleaned("sip:a@b?Route=%3Csip:c;lr%3E&X=1"), "sip:a@b");
	assert_string_equal(cleaned("sip:a;maddr=c@b;x=1?X=1"), "sip:a;maddr=c@b;x=1");
	assert_string_equal(cleaned("sips:[2001:db8::1]:5061;maddr=c;x=1"), "sips:[2001:db8::1]:5061;x=1");
	assert_string_equal(cleaned("tel:+15125550100;ext=5"), "tel:+15125550100;ext=5");
	assert_null(cleaned("sip:a@b>;tag=1,<sip:c"));
	assert_null(cleaned("sip:a@b c"));
	assert_false(sip_uri_clean("sip:a@example.com", small, sizeof small));
}

static void test_line_ends_before_a_message_become_blanks_in_its_start_line(void **state)
{
	(void)state;
	moved("\r\n\r\nOPTIONS sip:a SIP/2.0\r\nVia: x\r\n", "OPTIONS     sip:a SIP/2.0\r\nVia: x\r\n");
	moved("\nSIP/2.0 200 OK\r\n", "SIP/2.0  200 OK\r\n");
	moved("OPTIONS sip:a SIP/2.0\r\n\r\n", "OPTIONS sip:a SIP/2.0\r\n\r\n");
	moved("\r\n\r\nOPTIONS sip:a", "\r\n\r\nOPTIONS sip:a"); /* more is to come */
	moved("\r\n\r\nOPTIONS\r\nVia: x\r\n", "\r\n\r\nOPTIONS\r\nVia: x\r\n");
	moved("\r\n\r\n", "\r\n\r\n");
	moved("", "");
}

static void test_fields_of_one_name_are_one_list(void **state)
{
	(void)state;
	su_home_t home[1] = {SU_HOME_INIT(home)};
	sip_unknown_t lines[] = {
		{.un_name = "Diversion", .un_value = "<sip:1@a>"}, {.un_name = "X-One", .un_value = "1"},
		{.un_name = "diversion", .un_value = "<sip:2@b>, <sip:3@c>"}, {.un_name = "DIVERSION", .un_value = ""},
	};
	size_t count;
	su_home_init(home);
	for (size_t i = 0; i + 1 < sizeof lines / sizeof *lines; i++)
		lines[i].un_next = &lines[i + 1];
	const char *const *joined = sip_headers_joined(home, lines, &count);
	assert_int_equal(count, 2);
	assert_string_equal(joined[0], "Diversion");
	assert_string_equal(joined[1], "<sip:1@a>, <sip:2@b>, <sip:3@c>, ");
	assert_string_equal(joined[2], "X-One");
	assert_string_equal(joined[3], "1");
	sip_headers_joined(home, NULL, &count);
	assert_int_equal(count, 0);
	su_home_deinit(home);
}

static void test_a_number_has_no_parameters(void **state)
{
	(void)state;
	static const char *const cases[][2] = {
		{"sip:+15125550100@a.example", "+15125550100"},
		{"sip:+15125550100;npdi;rn=+15125550999@a.example;user=phone", "+15125550100"},
		{"sip:+12145550123;verstat=TN-Validation-Passed@a.example", "+12145550123"},
		{"tel:+15125550100;cpc=ordinary", "+15125550100"},
		{"tel:5550100;phone-context=+1512", "+15125550100"},
		{"tel:5550100;npdi;Phone-Context=+1-512-;cpc=ordinary", "+1-512-5550100"},
		{"sip:8005550100;phone-context=+1@a.example;user=phone", "+18005550100"},
		{"tel:5550100;phone-context=a.example", "5550100"},
		{"tel:5550100;phone-context=+", "5550100"},
		{"tel:+15125550100;phone-context=+44", "+15125550100"},
		{"sip:a.example", ""},
	};
	su_home_t home[1] = {SU_HOME_INIT(home)};
	su_home_init(home);
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		assert_string_equal(sip_user_of(home, url_make(home, cases[i][0])), cases[i][1]);
	su_home_deinit(home);
}

#define SESSION "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n"
#define OWN SESSION "m=audio 20000 RTP/AVP 0\r\na=sendrecv\r\n"

/* The m= lines of our answer to that offer, each with its end; NULL: it is refused. */
static const char *answered(su_home_t *home, const char *lines)
{
	static char out[1000];
	struct sdp_audio audio;
	struct sdp_formats formats;
	const char *offer = su_sprintf(home, SESSION "%s", lines);
	if (!sdp_audio_parse(offer, &audio, &formats))
		return NULL;
	const struct sdp_lines *kept = sdp_lines_read(home, offer);
	const char *own = kept ? sdp_lines_apply(home, kept, OWN) : OWN;
	snprintf(out, sizeof out, "%s", own + strlen(SESSION));
	return out;
}

static void test_an_answer_has_as_many_lines_as_the_offer(void **state)
{
	(void)state;
	static const char *const audio = "m=audio 4000 RTP/AVP 0 8\r\n", *const ours = "m=audio 20000 RTP/AVP 0\r\na=sendrecv\r\n";
	static const char *const cases[][4] = {
		/* before and behind the audio, as offered and as answered */
		{"", "", "", ""},
		{"", "m=video 4002 RTP/AVP 34 96\r\na=rtpmap:96 VP8/90000\r\n", "", "m=video 0 RTP/AVP 34 96\r\n"},
		{"m=video 4002 RTP/AVP 34\r\n", "", "m=video 0 RTP/AVP 34\r\n", ""},
		{"m=audio 4002 RTP/SAVP 0\r\na=crypto:1 x\r\n", "", "m=audio 0 RTP/SAVP 0\r\n", ""},
		{"", "m=image 4002 udptl t38\r\n", "", "m=image 0 udptl t38\r\n"},
		{"m=audio 0 RTP/AVP\r\n", "", "m=audio 0 RTP/AVP 0\r\n", ""},
		{"m=audio 0 RTP/AVP\r\n", "m=video 0 RTP/AVP \r\n", "m=audio 0 RTP/AVP 0\r\n", "m=video 0 RTP/AVP 0\r\n"},
		{"", "m=audio 4006 RTP/AVP 0\r\n", "", "m=audio 0 RTP/AVP 0\r\n"},
		{"m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\na=mid:d\r\n", "", "m=application 0 UDP/DTLS/SCTP webrtc-datachannel\r\na=mid:d\r\n", ""},
	};
	su_home_t home[1] = {SU_HOME_INIT(home)};
	su_home_init(home);
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		const char *got = answered(home, su_sprintf(home, "%s%s%s", cases[i][0], audio, cases[i][1]));
		assert_non_null(got);
		assert_string_equal(got, su_sprintf(home, "%s%s%s", cases[i][2], ours, cases[i][3]));
	}
	assert_null(answered(home, "m=video 4002 RTP/AVP 34\r\n"));
	assert_null(answered(home, "m=audio 4002 RTP/AVP\r\n"));
	assert_null(answered(home, "m=audio 0 RTP/AVP 0\r\n"));
	char many[2000] = "";
	for (size_t i = 0; i < SDP_LINES_MAX; i++)
		strcat(many, "m=video 4002 RTP/AVP 34\r\n");
	assert_non_null(answered(home, su_sprintf(home, "%s%s", audio, many + strlen("m=video 4002 RTP/AVP 34\r\n"))));
	assert_null(answered(home, su_sprintf(home, "%s%s", audio, many)));
	su_home_deinit(home);
}

#define T38(port) "m=image " port " udptl t38\r\n"

static void test_a_fax_is_read_and_written_with_its_attributes_as_they_are(void **state)
{
	static const char *const own =
		"a=T38FaxVersion:0\r\na=T38FaxFillBitRemoval:0\r\na=T38FaxTranscodingJBIG\r\n"
		"a=T38VendorInfo:0 0 37\r\na=t38faxudpec:t38UDPRedundancy\r\n";
	struct sdp_image image, again;
	char text[2000], out[SDP_SIZE];
	(void)state;
	snprintf(text, sizeof text, SESSION T38("4002") "a=sendrecv\r\n%s", own);
	assert_true(sdp_image_parse(text, &image));
	assert_string_equal(image.attributes, own);
	assert_int_equal(image.stream.port, 4002);
	assert_string_equal(image.stream.address, "192.0.2.1");
	sdp_image_write(out, "2001:db8::1", 20000, &image, 7, 2);
	assert_non_null(strstr(out, "m=image 20000 udptl t38\r\n"));
	assert_true(sdp_image_parse(out, &again));
	assert_string_equal(again.attributes, own);
	assert_string_equal(again.stream.address, "2001:db8::1");
}

static void test_a_fax_is_taken_only_where_there_is_no_audio(void **state)
{
	static const struct {
		const char *lines;
		int line; /* -1: it is none */
	} cases[] = {
		{T38("4002"), 0},
		{"m=image 4002 UDPTL T38\r\n", 0},
		{"m=audio 0 RTP/AVP 0\r\n" T38("4002"), 1},
		{T38("0"), -1},
		{"m=audio 4000 RTP/AVP 0\r\n" T38("4002"), -1},
		{"m=image 4002 TCP t38\r\n", -1},
		{"m=image 4002 udptl png\r\n", -1},
		{"m=audio 4000 udptl t38\r\n", -1},
		{T38("4002") "c=IN IP4 fax.example\r\n", -1},
	};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct sdp_image image;
		char text[400];
		snprintf(text, sizeof text, SESSION "%s", cases[i].lines);
		assert_int_equal(sdp_image_parse(text, &image), cases[i].line >= 0);
		if (cases[i].line >= 0)
			assert_int_equal(image.stream.line, cases[i].line);
	}
	struct sdp_image image;
	char many[4000] = SESSION T38("4002");
	for (size_t i = 0; i < 40; i++)
		strcat(many, "a=T38FaxTranscodingMMRandWhatIsNotKnown:1\r\n");
	assert_false(sdp_image_parse(many, &image));
}

/* Our SDP with the lines of an offer. */
static const char *with_lines(su_home_t *home, const char *offered, const char *own)
{
	const struct sdp_lines *kept =
		sdp_lines_read(home, su_sprintf(home, SESSION "%s", offered));
	const char *text = su_sprintf(home, SESSION "%s", own);
	text = kept ? sdp_lines_apply(home, kept, text) : text;
	return text + strlen(SESSION);
}

static void test_fax_and_audio_keep_the_lines_of_their_dialog(void **state)
{
	static const char audio[] = "m=audio 20000 RTP/AVP 0\r\n", image[] = T38("20000");
	static const char none[] = "m=audio 0 RTP/AVP 0\r\n", fax[] = T38("4002");
	su_home_t home[1] = {SU_HOME_INIT(home)};
	(void)state;
	su_home_init(home);
	const char *both = su_sprintf(home, "%s%s", none, fax);
	assert_string_equal(with_lines(home, fax, image), image);
	assert_string_equal(with_lines(home, both, image), su_sprintf(home, "%s%s", none, image));
	assert_string_equal(with_lines(home, both, audio),
			    su_sprintf(home, "%s%s", audio, T38("0")));
	assert_string_equal(
		with_lines(home, "m=audio 4000 RTP/AVP 0\r\nm=video 4002 RTP/AVP 34\r\n", image),
		su_sprintf(home, "%sm=video 0 RTP/AVP 34\r\n", image));
	assert_string_equal(
		with_lines(home, "m=audio 0 RTP/AVP 0\r\nm=audio 4000 RTP/AVP 0\r\n", audio),
		su_sprintf(home, "%s%s", none, audio));
	su_home_deinit(home);
}

static void test_names_and_addresses_of_many_are_not_used(void **state)
{
	(void)state;
	static const struct {
		const char *address;
		bool usable;
	} cases[] = {
		{"IP4 192.0.2.1", true},
		{"IP6 2001:db8::1", true},
		{"IP4 0.0.0.0", true},
		{"IP4 media.example", false},
		{"IP4 192.0.2", false},
		{"IP4 224.2.1.1/127", false},
		{"IP4 239.255.255.255", false},
		{"IP4 255.255.255.255", false},
		{"IP6 ff02::1", false},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		char text[300];
		struct sdp_audio audio;
		snprintf(text, sizeof text, "v=0\r\no=- 1 1 IN %s\r\ns=-\r\nc=IN %s\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n", cases[i].address, cases[i].address);
		assert_int_equal(sdp_audio_parse(text, &audio, NULL), cases[i].usable);
	}
}

static bool hides(void *arg, const char *name, size_t len)
{
	const char *what = arg;
	return strlen(what) == len && strncmp(what, name, len) == 0;
}

static void hidden_with(const char *before, const char *after, const char *named)
{
	char text[500];
	strcpy(text, before);
	sip_text_hide(text, strlen(text), named ? hides : NULL, (void *)(uintptr_t)named);
	assert_string_equal(text, after);
}

static void hidden(const char *before, const char *after)
{
	hidden_with(before, after, NULL);
	hidden_with(before, after, "X-Secret");
}

static void test_what_is_nobodys_to_read_is_covered(void **state)
{
	(void)state;
	hidden_with(INVITE "X-Secret: 12 34\r\nX-Open: 12\r\n\r\nX-Secret: 5", INVITE "X-Secret: xxxxx\r\nX-Open: 12\r\n\r\nX-Secret: 5", "X-Secret");
	hidden_with(INVITE "X-Secret: 12\r\n 34\r\n\r\n", INVITE "X-Secret: xx\r\nxxx\r\n\r\n", "X-Secret");
	hidden(INVITE "X-Open: 12\r\n 34\r\nAuthorization: Digest response=\"01\"\r\n\tresponse=\"02\"\r\n\r\n", INVITE "X-Open: 12\r\n 34\r\nAuthorization: Digest response=\"xx\"\r\n\tresponse=\"02\"\r\n\r\n");
	hidden(INVITE "Authorization: Digest username=\"response\", response=\"0123\", uri=\"sip:a\"\r\n\r\n", INVITE "Authorization: Digest username=\"response\", response=\"xxxx\", uri=\"sip:a\"\r\n\r\n");
	hidden(INVITE "Proxy-Authorization: Digest nonce=\"1\",response=\"01", INVITE "Proxy-Authorization: Digest nonce=\"1\",response=\"xx");
	hidden("INFO sip:a SIP/2.0\r\nContent-Type: application/dtmf-relay\r\n\r\nSignal=5\r\nDuration=160\r\n", "INFO sip:a SIP/2.0\r\nContent-Type: application/dtmf-relay\r\n\r\nSignal=x\r\nDuration=xxx\r\n");
	hidden("INFO sip:a SIP/2.0\r\nc: application/dtmf\r\n\r\n#", "INFO sip:a SIP/2.0\r\nc: application/dtmf\r\n\r\nx");
	hidden(INVITE "Content-Type: application/sdp\r\n\r\nv=0\r\nk=clear:secret\r\n"
	       "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:d0Rm/cE=|2^20|1:4;inline:QUJD|2^20 KDR=1\r\n"
	       "a=key-mgmt:mikey AQAFgM\r\na=rtpmap:0 PCMU/8000\r\n",
	       INVITE "Content-Type: application/sdp\r\n\r\nv=0\r\nk=xxxxxxxxxxxx\r\n"
	       "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:xxxxxxxx|2^20|1:4;inline:xxxx|2^20 KDR=1\r\n"
	       "a=key-mgmt:xxxxxxxxxxxx\r\na=rtpmap:0 PCMU/8000\r\n");
	hidden(INVITE "c: multipart/mixed;boundary=b\r\n\r\n--b\r\n\r\na=crypto:2 X inline:QUJD\n--b--",
	       INVITE "c: multipart/mixed;boundary=b\r\n\r\n--b\r\n\r\na=crypto:2 X inline:xxxx\n--b--");
	hidden("INFO sip:a SIP/2.0\r\nc: text/plain\r\n\r\n123", "INFO sip:a SIP/2.0\r\nc: text/plain\r\n\r\n123");
}

static void test_a_capture_file(void **state)
{
	struct buf b = {0};
	const unsigned char *p;
	(void)state;
	pcap_begin(&b);
	assert_false(pcap_add(&b, 1, "192.0.2.1:5060", "[2001:db8::1]:5060", "x", 1));
	assert_false(pcap_add(&b, 1, "-", "192.0.2.1:5060", "x", 1));
	assert_int_equal(b.len, 24);
	assert_true(pcap_add(&b, 1764151835531, "[2001:db8::1]:5060", "[2001:db8::2]:5061", "odd", 3));
	p = (const unsigned char *)b.data + 24;
	assert_memory_equal(p, (&(uint32_t[]){1764151835, 531000, 51, 51}), 16);
	assert_int_equal(p[16], 0x60);
	assert_int_equal(p[16 + 5], 11); /* the length of what follows IPv6's own header */
	assert_int_equal(p[16 + 43] | p[16 + 42] << 8, 5061);
	assert_memory_equal(p + 16 + 48, "odd", 3);
	buf_free(&b);
}

/* ---- digest ---- */

/* The credentials that answer a challenge; NULL: it cannot be answered. */
static const char *credentials(su_home_t *home, const struct digest_request *request,
			       const char *const *params)
{
	struct digest_challenge challenge;
	if (!digest_challenge_read(home, params, &challenge))
		return NULL;
	return digest_credentials(home, &challenge, request);
}

static void has(const char *text, const char *part)
{
	if (!text || !strstr(text, part))
		fail_msg("%s is not in %s", part, text ? text : "nothing");
}

static void test_credentials_are_those_of_the_rfcs(void **state)
{
	(void)state;
	su_home_t home[1] = {SU_HOME_INIT(home)};
	su_home_init(home);
	const struct digest_request old = {
		.username = "Mufasa", .password = "Circle Of Life", .method = "GET",
		.uri = "/dir/index.html", .cnonce = "0a4f113b", .count = 1,
	};
	const char *const rfc2617[] = {
		"realm=\"testrealm@host.com\"", "qop=\"auth,auth-int\"",
		"nonce=\"dcd98b7102dd2f0e8b11d0f600bfb0c093\"",
		"opaque=\"5ccc069c403ebaf9f0171e9517f40e41\"", NULL,
	};
	const char *text = credentials(home, &old, rfc2617);
	has(text, "response=\"6629fae49393a05397450978507c4ef1\"");
	has(text, "opaque=\"5ccc069c403ebaf9f0171e9517f40e41\", qop=auth, nc=00000001");
	assert_null(strstr(text, "algorithm"));
	const struct digest_request request = {
		.username = "Mufasa", .password = "Circle of Life", .method = "GET",
		.uri = "/dir/index.html",
		.cnonce = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ", .count = 1,
	};
	const char *rfc7616[] = {
		"realm=\"http-auth@example.org\"", "qop=\"auth, auth-int\"", "algorithm=MD5",
		"nonce=\"7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v\"", NULL,
	};
	has(credentials(home, &request, rfc7616), "\"8ca523f5e9506fed4657c9700eebdbec\"");
	rfc7616[2] = "Algorithm=\"sha-256\"";
	text = credentials(home, &request, rfc7616);
	has(text, "\"753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1\"");
	has(text, "algorithm=sha-256");
	su_home_deinit(home);
}

static void test_a_challenge_that_is_not_known_is_not_answered(void **state)
{
	(void)state;
	su_home_t home[1] = {SU_HOME_INIT(home)};
	struct digest_challenge c;
	su_home_init(home);
	const char *const none[] = {"realm=\"r\"", NULL};
	const char *const sha1[] = {"nonce=\"n\"", "algorithm=SHA-1", NULL};
	const char *const longer[] = {"nonce=\"n\"", "algorithm=MD5-sess-sess", NULL};
	const char *const qop[] = {"nonce=\"n\"", "qop=\"token\"", NULL};
	const char *const odd[] = {
		"nonce=\"", "qop=auth-int", "stale=TRUE", "algorithm=md5-SESS", NULL,
	};
	assert_false(digest_challenge_read(home, NULL, &c));
	assert_false(digest_challenge_read(home, none, &c));
	assert_false(digest_challenge_read(home, sha1, &c));
	assert_false(digest_challenge_read(home, longer, &c));
	assert_false(digest_challenge_read(home, qop, &c));
	assert_true(digest_challenge_read(home, odd, &c));
	assert_true(c.stale && c.session && c.qop == DIGEST_QOP_AUTH_INT && c.hash == DIGEST_MD5);
	assert_string_equal(c.realm, "");
	const struct digest_request request = {
		.username = "a\"b\\c", .password = "p", .method = "BYE",
		.uri = "sip:a", .cnonce = "c",
	};
	has(digest_credentials(home, &c, &request), "username=\"a\\\"b\\\\c\", realm=\"\"");
	su_home_deinit(home);
}

/* ---- Contact ---- */

static bool hidden_from(enum sip_nat nat, const char *contact, const char *source)
{
	struct sockaddr_storage from;
	assert_true(address_parse(source, strlen(source), &from));
	return sip_contact_is_hidden(nat, contact, (const struct sockaddr *)&from);
}

static void test_a_private_contact_is_hidden_outside_its_network(void **state)
{
	(void)state;
	const char *const private[] = {
		"10.0.0.5", "172.31.255.1", "192.168.1.20", "100.64.3.4", "169.254.9.9",
		"127.0.0.1", "0.0.0.0", "[fd00::5]", "[fe80::1]", "[::1]",
	};
	for (size_t i = 0; i < sizeof private / sizeof *private; i++) {
		assert_true(hidden_from(SIP_NAT_BY_ADDRESS, private[i], "203.0.113.7"));
		assert_false(hidden_from(SIP_NAT_BY_ADDRESS, private[i], private[i]));
		assert_false(hidden_from(SIP_NAT_NEVER, private[i], "203.0.113.7"));
	}
	const char *const public[] = {"203.0.113.8", "172.32.0.1", "[2001:db8::1]", "pbx.example"};
	for (size_t i = 0; i < sizeof public / sizeof *public; i++) {
		assert_false(hidden_from(SIP_NAT_BY_ADDRESS, public[i], "203.0.113.7"));
		assert_true(hidden_from(SIP_NAT_ALWAYS, public[i], "203.0.113.7"));
	}
	assert_false(hidden_from(SIP_NAT_BY_ADDRESS, "10.0.0.5", "10.9.0.1")); /* a neighbour */
	assert_true(hidden_from(SIP_NAT_BY_ADDRESS, "10.0.0.5", "192.168.0.1"));
	assert_true(hidden_from(SIP_NAT_BY_ADDRESS, "10.0.0.5", "127.0.0.1"));
	assert_false(sip_contact_is_hidden(SIP_NAT_BY_ADDRESS, NULL, NULL));
}

/* ---- encrypted audio ---- */

#define KEY "inline:WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz"

static bool encrypted(const char *streams)
{
	char text[1000];
	snprintf(text, sizeof text,
		 "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n%s", streams);
	return sdp_audio_encrypts(text);
}

static void test_audio_is_encrypted_only_with_a_key_for_a_cipher(void **state)
{
	(void)state;
	assert_true(encrypted("m=audio 4000 RTP/SAVP 0\r\n"
			      "a=crypto:1 AES_CM_128_HMAC_SHA1_80 " KEY "|2^20|1:4\r\n"));
	assert_true(encrypted("m=audio 4000 RTP/SAVPF 0\r\na=crypto:2 AEAD_AES_256_GCM " KEY "\r\n"));
	assert_true(encrypted("m=audio 4000 RTP/SAVP 0\r\n"
			      "a=crypto:1 AES_CM_128_HMAC_SHA1_80 " KEY " UNENCRYPTED_SRTCP\r\n"));
	assert_true(encrypted("m=audio 0 RTP/AVP 0\r\n")); /* nothing is sent */
	assert_false(encrypted("m=audio 4000 RTP/AVP 0\r\n"));
	assert_false(encrypted("m=audio 4000 RTP/SAVP 0\r\n"));
	assert_false(encrypted("m=audio 4000 RTP/AVP 0\r\na=crypto:1 AES_CM_128_HMAC_SHA1_80 " KEY "\r\n"));
	assert_false(encrypted("m=audio 4000 RTP/SAVP 0\r\na=crypto:1 NULL_HMAC_SHA1_80 " KEY "\r\n"));
	assert_false(encrypted("m=audio 4000 RTP/SAVP 0\r\na=crypto:1\r\n"));
	assert_false(encrypted("m=audio 4000 RTP/SAVP 0\r\n"
			       "a=crypto:1 AES_CM_128_HMAC_SHA1_32 " KEY " UNENCRYPTED_SRTP\r\n"));
	assert_false(encrypted("m=audio 4000 RTP/SAVP 0\r\nm=video 0 RTP/SAVP 99\r\n"
			       "a=crypto:1 AES_CM_128_HMAC_SHA1_80 " KEY "\r\n"));
	assert_false(encrypted("a=crypto:1 AES_CM_128_HMAC_SHA1_80 " KEY "\r\n"
			       "m=audio 4000 RTP/SAVP 0\r\n"));
	assert_false(encrypted("m=audio 4000 RTP/SAVP 0 (\r\n"));
	assert_false(sdp_audio_encrypts(""));
	assert_false(sdp_audio_encrypts("v=0\r\n"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_an_answer_has_as_many_lines_as_the_offer),
		cmocka_unit_test(
			test_a_fax_is_read_and_written_with_its_attributes_as_they_are),
		cmocka_unit_test(test_a_fax_is_taken_only_where_there_is_no_audio),
		cmocka_unit_test(test_fax_and_audio_keep_the_lines_of_their_dialog),
		cmocka_unit_test(test_names_and_addresses_of_many_are_not_used),
		cmocka_unit_test(test_a_uri_of_others_says_no_more_than_whom_to_call),
		cmocka_unit_test(test_line_ends_before_a_message_become_blanks_in_its_start_line),
		cmocka_unit_test(test_fields_of_one_name_are_one_list),
		cmocka_unit_test(test_a_number_has_no_parameters),
		cmocka_unit_test(test_headers_are_found_in_every_form),
		cmocka_unit_test(test_what_is_nobodys_to_read_is_covered),
		cmocka_unit_test(test_a_capture_file),
		cmocka_unit_test(test_credentials_are_those_of_the_rfcs),
		cmocka_unit_test(test_a_challenge_that_is_not_known_is_not_answered),
		cmocka_unit_test(test_a_private_contact_is_hidden_outside_its_network),
		cmocka_unit_test(test_audio_is_encrypted_only_with_a_key_for_a_cipher),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "settings.h"
#include <argp.h>
#include <stdlib.h>
#include <string.h>

static const struct {
	const char *flag, *argument, *initial, *help;
} table[SETTING_COUNT] = {
	[SETTING_DATA] = {"data", "DIR", NULL, "Data directory, made by 'strowger init'"},
	[SETTING_DATABASE] = {"database", "URL", NULL, "postgres://… instead of SQLite in the data directory"},
	[SETTING_HTTP] = {"http", "ADDR:PORT", "127.0.0.1:8080", "Where the API and the portal listen"},
	[SETTING_METRICS] = {
		"metrics", "ADDR:PORT", NULL,
		"Where /metrics is, for whoever reaches that address (default: at --http, for this "
		"machine alone)"},
	[SETTING_PUBLIC_URL] = {
		"public-url", "URL", NULL,
		"Where the API and the portal are reached from outside, such as https://calls.example.com, for "
		"addresses that are sent to others (default: http:// and what --http says)"},
	[SETTING_HTTP_READ_TIMEOUT] = {"http-read-timeout", "SECONDS", "30", "Longest that a client may take over a request's headers, and again over its body"},
	[SETTING_HTTP_CONNECTIONS] = {
		"http-connections-per-address", "N", "400",
		"Most HTTP connections of one address at the same time, those of --trusted-proxies "
		"excepted"},
	[SETTING_PROXIES] = {"trusted-proxies", "LIST", "", "Reverse proxies whose X-Forwarded-For and X-Forwarded-Proto are believed, with commas between: addresses or networks"},
	[SETTING_SIP] = {
		"sip", "LIST", "udp:0.0.0.0:5060",
		"SIP listeners, with commas between: udp:ADDR:PORT,tcp:ADDR:PORT,tls:ADDR:PORT; =OUTSIDE "
		"behind one is the address that others reach it at, for 1:1 NAT"},
	[SETTING_SIP_PROXIES] = {"trusted-sip-proxies", "LIST", "", "SIP proxies in front, whose Via says who asked them, with commas between: addresses or networks"},
	[SETTING_WEBSOCKET] = {"sip-websocket", "URL", NULL, "Where browsers reach SIP for test calls: wss://… of a proxy in front (deploy/kamailio/); needs --media rtpengine"},
	[SETTING_CERTIFICATE] = {"sip-certificate", "FILE", NULL, "Certificate chain of tls: listeners, PEM; SIGHUP reads it anew"},
	[SETTING_KEY] = {"sip-key", "FILE", NULL, "Its private key, PEM (default: in the same file)"},
	[SETTING_CA] = {"sip-ca", "FILE", NULL, "Certificates that those of gateways called over TLS must be signed by, PEM; none: any certificate will do (default: those that this machine trusts)"},
	[SETTING_RTP_ADDRESS] = {
		"rtp-address", "LIST", NULL,
		"This machine's addresses for audio, named in SDP, with commas between (default: those of "
		"the SIP listeners, or the first of this machine)"},
	[SETTING_RTP_ADVERTISED] = {
		"rtp-advertised-address", "ADDR", NULL,
		"Address named in SDP, where that is another than audio is sent from: the outside one of "
		"1:1 NAT, unless the SIP listener names one (default: --rtp-address)"},
	[SETTING_RTP_PORTS] = {"rtp-ports", "LOW-HIGH", "20000-29999", "UDP ports for audio, two a call leg"},
	[SETTING_MEDIA] = {"media", "BACKEND", "embedded", "embedded: audio goes straight to callers and targets. rtpengine:ADDR:PORT: through the rtpengine whose ng protocol listens there, which speaks SRTP and WebRTC"},
	[SETTING_BAN] = {"sip-ban", "SECONDS", "600", "An address that was refused 20 times within a minute is not answered for so long, but for calls that a trunk takes from there; 0: never"},
	[SETTING_SIP_SHA256] = {
		"sip-sha256", NULL, NULL,
		"Offer callers and phones SHA-256 beside MD5 for their credentials; some, such as JsSIP "
		"and baresip, send none then"},
	[SETTING_SESSION_EXPIRES] = {"session-expires", "SECONDS", "1800", "Session timer that is asked for (RFC 4028): a side that is gone is noticed by then"},
	[SETTING_MIN_SE] = {"min-se", "SECONDS", "90", "The shortest session timer that is agreed to"},
	[SETTING_RTP_TIMEOUT] = {"rtp-timeout", "SECONDS", "120", "An answered call whose caller or target has sent no audio for so long is ended, unless on hold; 0: never"},
	[SETTING_RETRY_SCHEDULE] = {"retry-schedule", "SECONDS", "5,300,1800,7200,18000,36000,36000", "Waits between tries of outgoing webhooks"},
	[SETTING_DISABLE_WEBHOOKS] = {"disable-webhooks-after", "SECONDS", "432000", "An outgoing webhook that took nothing for so long is disabled, and webhook.disabled told"},
	[SETTING_ALLOW_PRIVATE] = {"allow-private-destinations", NULL, NULL, "Webhooks, HTTP requests, SIP targets and gateways may have private and loopback addresses"},
	[SETTING_WIDE_TRUNKS] = {
		"allow-wide-trunks", NULL, NULL,
		"Trunks may take calls from networks wider than /24 (IPv4) and /48 (IPv6)"},
	[SETTING_LOG_FILE] = {"log-file", "FILE", NULL, "Log here instead of standard error; SIGHUP reopens it"},
	[SETTING_DRAIN_SECONDS] = {"drain-seconds", "N", "30", "How long SIGTERM waits for calls to end"},
	[SETTING_STANDBY] = {"standby", NULL, NULL, "While another server is active on the database, wait until it stops or dies, and take over then; without it, that is an error"},
};

static error_t parse(int key, char *argument, struct argp_state *state)
{
	struct settings *s = state->input;
	if (key >= 256 && key < 256 + SETTING_COUNT) {
		s->value[key - 256] = argument ? argument : "true";
		return 0;
	}
	if (key == ARGP_KEY_ARG)
		argp_error(state, "there is nothing to do with '%s'", argument);
	return ARGP_ERR_UNKNOWN;
}

/* "key = value" lines; '#' begins a comment. */
static void read_file(struct settings *s, const char *dir)
{
	char path[512], line[1024];
	snprintf(path, sizeof path, "%s/strowger.conf", dir);
	FILE *f = fopen(path, "r");
	while (f && fgets(line, sizeof line, f)) {
		char *key = line + strspn(line, " \t"), *equals = strchr(key, '=');
		if (*key == '#' || !equals)
			continue;
		char *value = equals + 1 + strspn(equals + 1, " \t");
		key[strcspn(key, " \t=")] = '\0';
		value[strcspn(value, "\r\n")] = '\0';
		for (int i = 0; i < SETTING_COUNT; i++)
			if (strcmp(table[i].flag, key) == 0 && !s->value[i])
				s->value[i] = strdup(value);
	}
	if (f)
		fclose(f);
}

static void read_environment(struct settings *s)
{
	for (int i = 0; i < SETTING_COUNT; i++) {
		char name[64] = "STROWGER_";
		size_t n = strlen(name);
		for (const char *p = table[i].flag; *p && n + 1 < sizeof name; p++)
			name[n++] = (char)(*p == '-' ? '_' : *p - 32);
		name[n] = '\0';
		const char *value = getenv(name);
		if (value && *value && !s->value[i])
			s->value[i] = value;
	}
}

void settings_read(struct settings *s, int argc, char **argv)
{
	struct argp_option options[SETTING_COUNT + 1] = {0};
	for (int i = 0; i < SETTING_COUNT; i++)
		options[i] = (struct argp_option){table[i].flag, 256 + i, table[i].argument, 0, table[i].help, 0};
	struct argp argp = {.options = options, .parser = parse, .doc = "Run the call platform. Every flag can also be an environment variable STROWGER_<FLAG> or a line 'flag = value' in DIR/strowger.conf."};
	*s = (struct settings){0};
	if (argp_parse(&argp, argc, argv, 0, NULL, s) != 0)
		exit(2);
	read_environment(s);
	if (s->value[SETTING_DATA])
		read_file(s, s->value[SETTING_DATA]);
	for (int i = 0; i < SETTING_COUNT; i++)
		if (!s->value[i])
			s->value[i] = table[i].initial;
}

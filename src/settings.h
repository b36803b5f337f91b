/* settings.h: serve's settings, from one table: flag, environment variable, configuration file, help. */
#ifndef SETTINGS_H
#define SETTINGS_H

#include "base/result.h"

enum setting {
	SETTING_DATA, SETTING_DATABASE, SETTING_HTTP, SETTING_METRICS, SETTING_PUBLIC_URL, SETTING_HTTP_READ_TIMEOUT,
	SETTING_HTTP_CONNECTIONS, SETTING_PROXIES, SETTING_SIP, SETTING_SIP_PROXIES, SETTING_WEBSOCKET, SETTING_RTP_ADDRESS, SETTING_RTP_ADVERTISED, SETTING_RTP_PORTS, SETTING_MEDIA,
	SETTING_CERTIFICATE, SETTING_KEY, SETTING_CA,
	SETTING_BAN,
	SETTING_SIP_SHA256,
	SETTING_SESSION_EXPIRES,
	SETTING_MIN_SE,
	SETTING_RTP_TIMEOUT, SETTING_RETRY_SCHEDULE, SETTING_DISABLE_WEBHOOKS,
	SETTING_ALLOW_PRIVATE, SETTING_WIDE_TRUNKS, SETTING_LOG_FILE, SETTING_DRAIN_SECONDS, SETTING_STANDBY, SETTING_COUNT,
};

struct settings {
	const char *value[SETTING_COUNT];
};

/* Flags win over STROWGER_<FLAG>, which wins over DIR/strowger.conf, which wins over the
 * default. Prints help or the error itself and exits, as commands do. */
void settings_read(struct settings *s, int argc, char **argv);

#endif

#include "sip/lines.h"
#include "base/buf.h"
#include "sip/sdp.h"
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

struct line {
	const char *media, *protocol, *formats, *mid; /* mid NULL: the line has none (RFC 5888) */
};

struct sdp_lines {
	size_t count, used; /* used: the line of the stream that is exchanged */
	struct line list[SDP_LINES_MAX];
};

static const char *next_line(const char *line)
{
	line += strcspn(line, "\r\n");
	return line + strspn(line, "\r\n");
}

static const char *copy(su_home_t *home, const char *from, size_t len)
{
	return su_strndup(home, from, (isize_t)len);
}

/* at: behind "m=". A refused line may have no format (RFC 8866 section 5.14 wants one): it gets
 * one. */
static bool read_line(su_home_t *home, const char *at, struct line *out)
{
	size_t media = strcspn(at, " \t\r\n");
	const char *port = at + media + strspn(at + media, " \t");
	const char *protocol = port + strcspn(port, " \t\r\n");
	protocol += strspn(protocol, " \t");
	size_t len = strcspn(protocol, " \t\r\n");
	const char *formats = protocol + len + strspn(protocol + len, " \t");
	size_t formats_len = strcspn(formats, "\r\n");
	*out = (struct line){
		.media = copy(home, at, media),
		.protocol = copy(home, protocol, len),
		.formats = formats_len ? copy(home, formats, formats_len) : "0",
	};
	return out->media && out->protocol && out->formats;
}

static bool read_lines(su_home_t *home, const char *offer, struct sdp_lines *out)
{
	for (const char *at = offer; *at; at = next_line(at)) {
		struct line *last = out->count ? &out->list[out->count - 1] : NULL;
		if (strncmp(at, "m=", 2) == 0) {
			if (out->count == SDP_LINES_MAX ||
			    !read_line(home, at + 2, &out->list[out->count++]))
				return false;
		} else if (last && strncmp(at, "a=mid:", 6) == 0) {
			last->mid = copy(home, at + 6, strcspn(at + 6, "\r\n"));
		}
	}
	return true;
}

/* Which of its lines is used; -1: none can be. */
static int used_line(const char *offer)
{
	struct sdp_audio audio;
	struct sdp_formats formats;
	struct sdp_image image;
	if (sdp_audio_parse(offer, &audio, &formats))
		return audio.line;
	return sdp_image_parse(offer, &image) ? image.stream.line : -1;
}

const struct sdp_lines *sdp_lines_read(su_home_t *home, const char *offer)
{
	const char *first = strstr(offer, "\nm=");
	int used = first && strstr(first + 1, "\nm=") ? used_line(offer) : -1;
	struct sdp_lines *lines = used >= 0 ? su_zalloc(home, sizeof *lines) : NULL;
	if (!lines || !read_lines(home, offer, lines) || (size_t)used >= lines->count)
		return NULL;
	lines->used = (size_t)used;
	return lines;
}

static void add_refused(struct buf *b, const struct line *line)
{
	buf_printf(b, "m=%s 0 %s %s\r\n", line->media, line->protocol, line->formats);
	if (line->mid)
		buf_printf(b, "a=mid:%s\r\n", line->mid);
}

static bool is_of(const struct line *line, const char *media)
{
	size_t len = strlen(line->media);
	return strncmp(media + 2, line->media, len) == 0 && media[2 + len] == ' ';
}

/*
 * Where ours stands: at the line that is used if that has the same media type, as a rule audio,
 * else at the first that has. A type that no line has takes the place of the one that is used
 * (RFC 3264 section 8.3.3).
 */
static size_t own_place(const struct sdp_lines *lines, const char *media)
{
	if (is_of(&lines->list[lines->used], media))
		return lines->used;
	for (size_t i = 0; i < lines->count; i++)
		if (is_of(&lines->list[i], media))
			return i;
	return lines->used;
}

const char *sdp_lines_apply(su_home_t *home, const struct sdp_lines *lines, const char *own)
{
	const char *media = strstr(own, "\nm=");
	struct buf b = {0};
	if (!media)
		return own;
	media++;
	size_t place = own_place(lines, media);
	buf_add(&b, own, (size_t)(media - own));
	for (size_t i = 0; i < lines->count; i++) {
		if (i == place)
			buf_add_str(&b, media);
		else
			add_refused(&b, &lines->list[i]);
	}
	const char *out = b.failed ? NULL : su_strdup(home, buf_text(&b));
	buf_free(&b);
	return out;
}

#include "media/sound.h"
#include <stdio.h>

#define FRAMES_MAX INT64_C(0x100000000) /* 149 hours at 8 kHz */

static sf_count_t length(void *arg)
{
	return file_size(((struct sound *)arg)->file);
}

static sf_count_t seek(sf_count_t offset, int whence, void *arg)
{
	struct sound *s = arg;
	s->at = offset + (whence == SEEK_CUR ? s->at : whence == SEEK_END ? length(s) : 0);
	return s->at;
}

static sf_count_t tell(void *arg)
{
	return ((struct sound *)arg)->at;
}

static sf_count_t read_some(void *out, sf_count_t len, void *arg)
{
	struct sound *s = arg;
	int64_t n = file_read(s->file, s->at, out, (size_t)len);
	s->at += n > 0 ? n : 0;
	return n > 0 ? n : 0;
}

static sf_count_t write_some(const void *data, sf_count_t len, void *arg)
{
	struct sound *s = arg;
	if (!file_write(s->file, s->at, data, (size_t)len))
		return 0;
	s->at += len;
	return len;
}

SNDFILE *sound_open(struct sound *sound, int mode, SF_INFO *info)
{
	static SF_VIRTUAL_IO io = {length, seek, read_some, write_some, tell};
	sound->at = 0;
	return sf_open_virtual(&io, mode, info, sound);
}

sf_count_t sound_frames(SNDFILE *file, const SF_INFO *info)
{
	short block[4096];
	sf_count_t frames = info->frames, n;
	if (frames >= 0 && frames < FRAMES_MAX)
		return frames;
	frames = 0;
	while ((n = sf_readf_short(file, block, (sf_count_t)ARRAY_LEN(block) / info->channels)) > 0)
		frames += n;
	return sf_seek(file, 0, SEEK_SET) == 0 ? frames : 0;
}

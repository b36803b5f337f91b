/* media/sound.h: private to src/media/. Audio in a struct file, for libsndfile. */
#ifndef MEDIA_SOUND_H
#define MEDIA_SOUND_H

#include "base/file.h"
#include <sndfile.h>

/* Both stay until the SNDFILE is closed. */
struct sound {
	struct file *file;
	sf_count_t at;
};

/* mode: SFM_READ or SFM_WRITE. NULL: sf_strerror(NULL) tells. */
SNDFILE *sound_open(struct sound *sound, int mode, SF_INFO *info);
/* Frames of a file that is open at its beginning: counted, where it was cut off and does not say. */
sf_count_t sound_frames(SNDFILE *file, const SF_INFO *info);

#endif

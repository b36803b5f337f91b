/*
 * media/rtpengine.h: a media proxy between us and the far sides, which speaks SRTP and ICE with them where we speak
 * plain RTP: an rtpengine, asked over its ng protocol. Owned by one thread; nothing here waits.
 */
#ifndef MEDIA_RTPENGINE_H
#define MEDIA_RTPENGINE_H

#include "base/network.h"
#include "media/ng.h"

struct rtpengine;

/* passed: what became of the SDP; NULL: rtpengine refused it or does not answer. */
struct rtpengine *rtpengine_create(const struct sockaddr *address, void (*passed)(void *owner, const char *sdp), struct error *err) WARN_UNUSED;
void rtpengine_destroy(struct rtpengine *r);
/* Readable when there are answers: then rtpengine_read(). */
int rtpengine_fd(const struct rtpengine *r);
void rtpengine_read(struct rtpengine *r);
/* From time to time: repeats what was not answered, and gives up at last. now: monotonic ms. */
void rtpengine_check(struct rtpengine *r, int64_t now);
/* One at a time for an owner; passed is called later, never from within. false: too much waits already, and it is not. */
bool rtpengine_pass(struct rtpengine *r, const struct ng_sdp *sdp, void *owner) WARN_UNUSED;
/* The leg is over: passed is not called for its owner any more. */
void rtpengine_forget(struct rtpengine *r, const char *call, const void *owner);

#endif

/*
 * base/file.h: a file that is read and written anywhere, as it is or sealed: in blocks of 4096 bytes, each
 * under XChaCha20-Poly1305 with a nonce of its own, bound to its place and to its file. One thread at a time.
 */
#ifndef BASE_FILE_H
#define BASE_FILE_H

#include "base/crypto.h"
#include "base/result.h"
#include <stdint.h>

struct file;

/* Make it, or empty it (mode 0600). seal NULL: as it is. */
struct file *file_create(const char *path, const struct crypto_key *seal, struct error *err) WARN_UNUSED;
/* For reading; whether it is sealed is seen from its beginning. */
struct file *file_open(const char *path, const struct crypto_key *key, struct error *err) WARN_UNUSED;
/* What was written since the last flush may be lost. */
void file_close(struct file *f);

int64_t file_size(const struct file *f); /* bytes, unsealed */
/* Bytes read, less than len at the end; -1: a disk error, or what is there is not what was sealed. */
int64_t file_read(struct file *f, int64_t at, void *out, size_t len);
bool file_write(struct file *f, int64_t at, const void *data, size_t len) WARN_UNUSED;
/* To the operating system; `sync`: to the disk. */
bool file_flush(struct file *f, bool sync) WARN_UNUSED;

#endif

#include "base/file.h"
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAGIC "STRWSEAL"
#define ID 16
#define HEADER (8 + ID)
#define BLOCK 4096
#define NONCE crypto_aead_xchacha20poly1305_ietf_NPUBBYTES
#define SEALED (BLOCK + NONCE + crypto_aead_xchacha20poly1305_ietf_ABYTES)

struct file {
	int fd;
	int64_t size;
	bool sealed;
	/* sealed: one block at a time is open */
	unsigned char key[32], id[ID];
	int64_t block; /* -1: none */
	size_t len;
	bool changed;
	unsigned char plain[BLOCK];
};

static bool write_all(int fd, const unsigned char *data, size_t len, int64_t at)
{
	while (len) {
		ssize_t n = pwrite(fd, data, len, at);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		data += n;
		at += n;
		len -= (size_t)n;
	}
	return true;
}

/* Bytes read, less than len at the end; -1: errno tells. */
static int64_t read_all(int fd, unsigned char *out, size_t len, int64_t at)
{
	size_t have = 0;
	while (have < len) {
		ssize_t n = pread(fd, out + have, len - have, at + (int64_t)have);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		if (n == 0)
			break;
		have += (size_t)n;
	}
	return (int64_t)have;
}

/* What a block is bound to: its file, and its place there. */
static void bind_block(const struct file *f, int64_t block, unsigned char out[ID + 8])
{
	memcpy(out, f->id, ID);
	for (int i = 0; i < 8; i++)
		out[ID + i] = (unsigned char)(block >> (8 * i));
}

static bool store_block(struct file *f)
{
	unsigned char box[SEALED], bound[ID + 8];
	unsigned long long n = 0;
	if (!f->changed)
		return true;
	bind_block(f, f->block, bound);
	randombytes_buf(box, NONCE);
	crypto_aead_xchacha20poly1305_ietf_encrypt(box + NONCE, &n, f->plain, f->len, bound, sizeof bound, NULL, box, f->key);
	if (!write_all(f->fd, box, NONCE + (size_t)n, HEADER + f->block * (int64_t)SEALED))
		return false;
	f->changed = false;
	return true;
}

static bool load_block(struct file *f, int64_t block)
{
	unsigned char box[SEALED], bound[ID + 8];
	unsigned long long n = 0;
	if (f->block == block)
		return true;
	if (!store_block(f))
		return false;
	f->block = -1;
	int64_t got = read_all(f->fd, box, sizeof box, HEADER + block * (int64_t)SEALED);
	if (got < 0)
		return false;
	bind_block(f, block, bound);
	if (got && (got < (int64_t)(SEALED - BLOCK) || crypto_aead_xchacha20poly1305_ietf_decrypt(f->plain, &n, NULL, box + NONCE, (unsigned long long)got - NONCE, bound, sizeof bound, box, f->key) != 0)) {
		errno = EBADMSG;
		return false;
	}
	f->block = block;
	f->len = (size_t)n;
	return true;
}

struct file *file_create(const char *path, const struct crypto_key *seal, struct error *err)
{
	struct file *f = calloc(1, sizeof *f);
	unsigned char header[HEADER];
	if (!f)
		return NULL;
	f->block = -1;
	f->fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (f->fd >= 0 && seal) {
		f->sealed = true;
		memcpy(f->key, seal->seal, sizeof f->key);
		randombytes_buf(f->id, sizeof f->id);
		memcpy(header, MAGIC, 8);
		memcpy(header + 8, f->id, ID);
	}
	if (f->fd < 0 || (seal && !write_all(f->fd, header, sizeof header, 0))) {
		error_set(err, "%s cannot be written: %s", path, strerror(errno));
		file_close(f);
		return NULL;
	}
	return f;
}

struct file *file_open(const char *path, const struct crypto_key *key, struct error *err)
{
	struct file *f = calloc(1, sizeof *f);
	unsigned char header[HEADER];
	struct stat st;
	if (!f)
		return NULL;
	f->block = -1;
	f->fd = open(path, O_RDONLY | O_CLOEXEC);
	if (f->fd < 0 || fstat(f->fd, &st) != 0) {
		error_set(err, "%s cannot be read: %s", path, strerror(errno));
		file_close(f);
		return NULL;
	}
	f->size = st.st_size;
	f->sealed = read_all(f->fd, header, sizeof header, 0) == HEADER && memcmp(header, MAGIC, 8) == 0;
	if (f->sealed) {
		int64_t boxes = f->size - HEADER, last = boxes % (int64_t)SEALED, over = (int64_t)(SEALED - BLOCK);
		memcpy(f->key, key->seal, sizeof f->key);
		memcpy(f->id, header + 8, ID);
		f->size = boxes / (int64_t)SEALED * BLOCK + (last > over ? last - over : 0);
	}
	return f;
}

void file_close(struct file *f)
{
	if (!f)
		return;
	if (f->fd >= 0)
		close(f->fd);
	sodium_memzero(f->key, sizeof f->key);
	sodium_memzero(f->plain, sizeof f->plain);
	free(f);
}

int64_t file_size(const struct file *f)
{
	return f->size;
}

int64_t file_read(struct file *f, int64_t at, void *out, size_t len)
{
	unsigned char *to = out;
	size_t have = 0;
	if (!f->sealed)
		return read_all(f->fd, to, len, at);
	while (have < len && at < f->size) {
		size_t within = (size_t)(at % BLOCK);
		if (!load_block(f, at / BLOCK) || f->len <= within)
			return -1;
		size_t n = f->len - within < len - have ? f->len - within : len - have;
		memcpy(to + have, f->plain + within, n);
		have += n;
		at += (int64_t)n;
	}
	return (int64_t)have;
}

bool file_write(struct file *f, int64_t at, const void *data, size_t len)
{
	const unsigned char *from = data;
	int64_t end = at + (int64_t)len;
	if (at > f->size) {
		errno = EINVAL; /* no holes */
		return false;
	}
	if (!f->sealed && !write_all(f->fd, from, len, at))
		return false;
	while (f->sealed && len) {
		size_t within = (size_t)(at % BLOCK), n = BLOCK - within < len ? BLOCK - within : len;
		if (!load_block(f, at / BLOCK))
			return false;
		memcpy(f->plain + within, from, n);
		if (f->len < within + n)
			f->len = within + n;
		f->changed = true;
		from += n;
		at += (int64_t)n;
		len -= n;
	}
	if (end > f->size)
		f->size = end;
	return true;
}

bool file_flush(struct file *f, bool sync)
{
	return store_block(f) && (!sync || fsync(f->fd) == 0);
}

#include "call/ladder.h"
#include "base/buf.h"
#include "base/id.h"
#include "base/log.h"
#include "sip/text.h"
#include <stdlib.h>
#include <string.h>
#include <uthash.h>
#undef HASH_BKT_CAPACITY_THRESH
#define HASH_BKT_CAPACITY_THRESH 3 /* in one bucket: each is a cache line that has long been forgotten */

#define LINGER_MS 35000          /* longer than any transaction, RFC 3261 §17: 64 * T1 */
#define BYTES_MAX (512 * 1024)   /* of one call; what comes after that is left out, and told so */
#define RESERVED 4000            /* what a call's beginning says, or its end */
#define LATEST 256               /* messages that are no call's yet */

/* A Call-ID that is a call's. */
struct line {
	UT_hash_handle hh;
	struct line *same;  /* another call's with the same Call-ID: this server calls itself */
	struct line *next;  /* of the same call */
	struct ladder *ladder;
	char sip_call_id[];
};

struct ladder {
	struct ladder *next;
	struct ladders *all;
	const struct organization *organization; /* held */
	char call_id[ID_SIZE];
	struct line *lines;
	struct buf text; /* what is not written yet, as in call_sip.messages */
	size_t bytes;    /* so far */
	int64_t piece;
	int64_t ends_ms; /* 0: the call is on */
	bool full;
};

/* One that came before its call: an INVITE, and what was said about it at once. */
struct latest {
	struct sip_message m;
	char *copy; /* its texts */
};

struct ladders {
	struct store *store;
	struct ladder *ladders;
	struct line *by_call_id;
	struct latest latest[LATEST];
	unsigned hashes[LATEST]; /* of their Call-IDs */
	size_t next;
};

struct ladders *ladders_create(struct store *store)
{
	struct ladders *l = calloc(1, sizeof *l);
	if (l)
		l->store = store;
	return l;
}

/* ---- lines ---- */

static unsigned hash_of(const char *sip_call_id, size_t len)
{
	unsigned hash;
	HASH_VALUE(sip_call_id, len, hash);
	return hash;
}

static struct line *find(struct ladders *l, const char *sip_call_id, size_t len, unsigned hash)
{
	struct line *line;
	HASH_FIND_BYHASHVALUE(hh, l->by_call_id, sip_call_id, len, hash, line);
	return line;
}

static void remove_line(struct ladders *l, struct line *line)
{
	size_t len = strlen(line->sip_call_id);
	struct line *head = find(l, line->sip_call_id, len, hash_of(line->sip_call_id, len)), *second = head->same;
	if (head == line) {
		HASH_DEL(l->by_call_id, head);
		if (second)
			HASH_ADD(hh, l->by_call_id, sip_call_id, len, second);
	} else {
		while (head->same != line)
			head = head->same;
		head->same = line->same;
	}
	free(line);
}

static bool is_hidden(void *tags, const char *name, size_t len)
{
	return tags_hide_header(tags, name, len);
}

static bool is_ascii(const char *text, size_t len)
{
	uint64_t all = 0, eight;
	size_t i = 0;
	for (; i + sizeof eight <= len; i += sizeof eight) {
		memcpy(&eight, text + i, sizeof eight);
		all |= eight;
	}
	for (; i < len; i++)
		all |= (unsigned char)text[i];
	return !(all & UINT64_C(0x8080808080808080));
}

/* Does any database take it? UTF-8 without NUL. */
static bool is_text(const char *text, size_t len)
{
	bool ascii = is_ascii(text, len);
	json_t *string = ascii ? NULL : json_stringn(text, len); /* NULL where it is not UTF-8 */
	bool ok = ascii || string;
	json_decref(string);
	return ok && !memchr(text, '\0', len);
}

static void append(struct ladder *ladder, const struct sip_message *m)
{
	struct buf *b = &ladder->text;
	if (ladder->full)
		return;
	ladder->bytes += m->len;
	ladder->full = ladder->bytes > BYTES_MAX;
	if (ladder->full) {
		buf_add_str(b, LADDER_LEFT_OUT "\n");
		return;
	}
	if (!b->cap)
		(void)buf_reserve(b, RESERVED);
	buf_add_int(b, m->at_ms);
	buf_add_str(b, m->sent ? " > " : " < ");
	buf_add_str(b, m->transport);
	buf_add_char(b, ' ');
	buf_add_str(b, m->local);
	buf_add_char(b, ' ');
	buf_add_str(b, m->remote);
	buf_add_char(b, ' ');
	buf_add_int(b, (int64_t)m->len);
	buf_add_char(b, '\n');
	size_t at = b->len;
	buf_add(b, m->text, m->len);
	if (b->failed)
		return;
	const struct tag_set *tags = ladder->organization->tags;
	sip_text_hide(b->data + at, m->len, tag_set_is_sensitive(tags) ? is_hidden : NULL, (void *)(uintptr_t)tags);
	for (size_t i = is_text(b->data + at, m->len) ? b->len : at; i < b->len; i++)
		if (!b->data[i] || b->data[i] & 0x80)
			b->data[i] = '?';
}

void ladder_add(struct ladder *ladder, const char *sip_call_id)
{
	if (!ladder)
		return;
	struct ladders *l = ladder->all;
	size_t len = strlen(sip_call_id);
	unsigned hash = hash_of(sip_call_id, len);
	struct line *head = find(l, sip_call_id, len, hash);
	/* Whoever knows a Call-ID of another organization does not see its messages by using it, too. */
	struct line *line = head && strcmp(head->ladder->organization->id, ladder->organization->id) != 0 ? NULL : calloc(1, sizeof *line + len + 1);
	if (!line)
		return;
	memcpy(line->sip_call_id, sip_call_id, len);
	line->ladder = ladder;
	line->next = ladder->lines;
	ladder->lines = line;
	if (head) {
		line->same = head->same;
		head->same = line;
	} else {
		HASH_ADD(hh, l->by_call_id, sip_call_id, len, line);
	}
	for (size_t i = 0; i < LATEST; i++) {
		size_t at = (l->next + i) % LATEST;
		const struct latest *e = &l->latest[at];
		if (l->hashes[at] == hash && e->copy && e->m.call_id_len == len && memcmp(e->m.call_id, sip_call_id, len) == 0)
			append(ladder, &e->m);
	}
}

/* ---- a call ---- */

struct ladder *ladder_open(struct ladders *l, const struct organization *o, const char *call_id)
{
	struct ladder *ladder = o->sip_retention_days ? calloc(1, sizeof *ladder) : NULL;
	if (!ladder)
		return NULL;
	ladder->all = l;
	ladder->organization = o;
	organization_hold(o);
	snprintf(ladder->call_id, sizeof ladder->call_id, "%s", call_id);
	ladder->next = l->ladders;
	l->ladders = ladder;
	return ladder;
}

void ladder_end(struct ladder *ladder, int64_t now_ms)
{
	if (ladder)
		ladder->ends_ms = now_ms + LINGER_MS;
}

static void free_ladder(struct ladder *ladder)
{
	for (struct line *line = ladder->lines, *next; line; line = next) {
		next = line->next;
		remove_line(ladder->all, line);
	}
	organization_release(ladder->organization);
	buf_free(&ladder->text);
	free(ladder);
}

void ladders_destroy(struct ladders *l)
{
	if (!l)
		return;
	for (struct ladder *ladder = l->ladders, *next; ladder; ladder = next) {
		next = ladder->next;
		free_ladder(ladder);
	}
	for (size_t i = 0; i < LATEST; i++)
		free(l->latest[i].copy);
	free(l);
}

/* ---- messages ---- */

static char *copy_to(char **at, const char *text, size_t len)
{
	char *to = *at;
	memcpy(to, text, len);
	to[len] = '\0';
	*at += len + 1;
	return to;
}

static void keep_for_later(struct ladders *l, const struct sip_message *m, unsigned hash)
{
	struct latest *e = &l->latest[l->next];
	char *at = malloc(m->len + m->call_id_len + strlen(m->transport) + strlen(m->local) + strlen(m->remote) + 5);
	if (!at)
		return;
	free(e->copy);
	*e = (struct latest){*m, at};
	l->hashes[l->next] = hash;
	e->m.text = copy_to(&at, m->text, m->len);
	e->m.call_id = copy_to(&at, m->call_id, m->call_id_len);
	e->m.transport = copy_to(&at, m->transport, strlen(m->transport));
	e->m.local = copy_to(&at, m->local, strlen(m->local));
	e->m.remote = copy_to(&at, m->remote, strlen(m->remote));
	l->next = (l->next + 1) % LATEST;
}

void ladders_take(struct ladders *l, const struct sip_message *m)
{
	unsigned hash = hash_of(m->call_id, m->call_id_len);
	struct line *line = find(l, m->call_id, m->call_id_len, hash);
	/* An INVITE may begin a call here that another of this server has made. */
	if (!line || (!m->sent && m->len > 7 && memcmp(m->text, "INVITE ", 7) == 0))
		keep_for_later(l, m, hash);
	for (; line; line = line->same)
		append(line->ladder, m);
}

/* ---- writing ---- */

/* What one call has gathered. */
struct piece {
	struct piece *next;
	struct ladder *ladder; /* not the writer's to look at */
	char organization_id[ID_SIZE], call_id[ID_SIZE];
	int64_t number;
	char *text;
};

struct write_job {
	struct store_job job;
	struct piece *pieces;
};

static bool run_write(struct store_job *job, struct store_conn *conn)
{
	for (const struct piece *p = ((struct write_job *)job)->pieces; p; p = p->next)
		if (!store_exec(conn, "INSERT INTO call_sip (organization_id, call_id, piece, messages) VALUES ($1, $2, $3, $4)", "ssis", p->organization_id, p->call_id, p->number, p->text))
			return false;
	return true;
}

static void write_done(struct store_job *job, bool committed)
{
	struct write_job *w = (struct write_job *)job;
	if (!committed)
		log_error(NULL, "SIP messages of calls could not be written");
	for (struct piece *p = w->pieces, *next; p; p = next) {
		next = p->next;
		free(p->text);
		free(p);
	}
	free(w);
}

/* NULL: there is nothing, or no memory for it now. */
static struct piece *take_piece(struct ladder *ladder)
{
	struct piece *p = ladder->text.len ? calloc(1, sizeof *p) : NULL;
	if (!p)
		return NULL;
	p->ladder = ladder;
	snprintf(p->organization_id, sizeof p->organization_id, "%s", ladder->organization->id);
	memcpy(p->call_id, ladder->call_id, sizeof p->call_id);
	p->number = ladder->piece;
	p->text = buf_take(&ladder->text);
	if (!p->text) {
		free(p);
		return NULL;
	}
	ladder->piece++;
	return p;
}

/* The writer takes no more now: all of it waits in its ladder. */
static void put_back(struct piece *pieces)
{
	for (struct piece *p = pieces, *next; p; p = next) {
		next = p->next;
		size_t len = strlen(p->text);
		p->ladder->text = (struct buf){.data = p->text, .len = len, .cap = len + 1};
		p->ladder->piece = p->number;
		free(p);
	}
}

static void submit(struct ladders *l, struct piece *pieces)
{
	static const struct store_job functions = {.run = run_write, .done = write_done};
	struct write_job *w = calloc(1, sizeof *w);
	if (w)
		*w = (struct write_job){functions, pieces};
	if (w && store_submit(l->store, &w->job))
		return;
	free(w);
	put_back(pieces);
}

void ladders_write(struct ladders *l, int64_t now_ms)
{
	struct piece *pieces = NULL;
	for (struct ladder *ladder = l->ladders; ladder; ladder = ladder->next) {
		struct piece *p = take_piece(ladder);
		if (!p)
			continue;
		p->next = pieces;
		pieces = p;
	}
	if (pieces)
		submit(l, pieces);
	for (struct ladder **at = &l->ladders, *ladder; (ladder = *at);) {
		if (ladder->ends_ms && now_ms >= ladder->ends_ms) {
			*at = ladder->next;
			free_ladder(ladder);
		} else {
			at = &ladder->next;
		}
	}
}

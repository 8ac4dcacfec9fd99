/* SPDX-License-Identifier: ISC */
/* The index of the files that are served: names, contents, entity tags, headers. */
#include "apps/httpd/date.h"
#include "apps/httpd/site.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define NAME_MAX_LEN 1024
/*
 * Larger files are not kept in memory from the start. Larger files of a disk are kept
 * when they are requested (site_warm()). sendfile() sends others without a copy, which is
 * faster except for the smallest files.
 */
#define KEEP_OF_DISK 65536
#define KEEP_OF_FOLDER 4096

/* ---- names */

static uint32_t hash_of(const char *name, size_t len)
{
	uint32_t h = 2166136261;	/* FNV-1a */

	for (size_t i = 0; i < len; i++)
		h = (h ^ (unsigned char)name[i]) * 16777619;
	return h;
}

static struct resource **slot_of(const struct site *s, const char *name, size_t len,
				 uint32_t hash)
{
	size_t i = hash & (s->table_size - 1);

	for (;; i = (i + 1) & (s->table_size - 1)) {
		struct resource *r = s->table[i];

		if (!r || (r->hash == hash && r->len == len && !memcmp(r->name, name, len)))
			return &s->table[i];
	}
}

struct resource *site_lookup(const struct site *s, const char *name, size_t len)
{
	return s->table_size ? *slot_of(s, name, len, hash_of(name, len)) : NULL;
}

/* The table is at most half full. */
static int make_room(struct site *s)
{
	size_t size = s->table_size ? 2 * s->table_size : 64;
	struct resource **table, **list;

	if (2 * (s->count + 1) <= s->table_size)
		return 0;
	table = calloc(size, sizeof(*table));
	list = realloc(s->list, size / 2 * sizeof(*list));
	if (list)
		s->list = list;
	if (!table || !list) {
		free(table);
		return -ENOMEM;
	}
	free(s->table);
	s->table = table;
	s->table_size = size;
	for (size_t i = 0; i < s->count; i++) {
		struct resource *r = list[i];

		*slot_of(s, r->name, r->len, r->hash) = r;
	}
	return 0;
}

static int add(struct site *s, const char *name, size_t len, struct resource **made)
{
	uint32_t hash = hash_of(name, len);
	struct resource *r = site_lookup(s, name, len);
	int rc;

	*made = r;
	if (r)
		return 0;
	rc = make_room(s);
	if (rc)
		return rc;
	r = calloc(1, sizeof(*r) + len + 1);
	if (!r)
		return -ENOMEM;
	r->name = (char *)(r + 1);
	memcpy(r->name, name, len);
	r->len = len;
	r->hash = hash;
	r->body.fd = -1;
	s->list[s->count++] = r;
	*slot_of(s, name, len, hash) = r;
	*made = r;
	return 0;
}

bool site_is_valid_name(const char *name, size_t len)
{
	for (size_t at = 0; at < len;) {
		const char *part = name + at, *slash = memchr(part, '/', len - at);
		size_t n = slash ? (size_t)(slash - part) : len - at;

		if (!n || (*part == '.' && !(n == 11 && !memcmp(part, ".well-known", 11))))
			return false;
		at += n + 1;
	}
	return len <= NAME_MAX_LEN && !memchr(name, 0, len);
}

int site_add_folder(struct site *s, const char *name, size_t len)
{
	struct resource *r;
	int rc;

	if (!site_is_valid_name(name, len))
		return -EINVAL;
	for (size_t n = 0; n <= len; n++) {
		if (n && n < len && name[n] != '/')
			continue;
		rc = add(s, name, n, &r);
		if (rc)
			return rc;
		if (r->file)
			return -ENOTDIR;
		r->folder = true;
	}
	return 0;
}

/* ---- contents */

uint64_t site_tag(uint64_t h, const char *data, size_t len)
{
	for (; len >= 8; data += 8, len -= 8) {
		uint64_t word;

		memcpy(&word, data, 8);
		h = (h ^ word) * 0x9e3779b97f4a7c15;
		h ^= h >> 29;
	}
	while (len--)
		h = (h ^ (unsigned char)*data++) * 0x100000001b3;
	return h ^ h >> 32;
}

uint64_t site_tag_of_file(const struct stat *st)
{
	uint64_t parts[] = { st->st_size, st->st_mtim.tv_sec, st->st_mtim.tv_nsec, st->st_ino };

	return site_tag(1, (char *)parts, sizeof(parts)) ?: 1;
}

void site_write_tag(char to[TAG_LEN], uint64_t tag)
{
	*to++ = '"';
	for (int i = 60; i >= 0; i -= 4)
		*to++ = "0123456789abcdef"[tag >> i & 15];
	*to = '"';
}

static int read_whole(const struct body *b, off_t at, char *to, size_t len)
{
	for (size_t n = 0; n < len;) {
		ssize_t got = pread(b->fd, to + n, len - n, b->at + at + n);

		if (got <= 0)
			return got ? -errno : -EIO;
		n += got;
	}
	return 0;
}

static int load(struct site *s, struct body *b, uint64_t most)
{
	char *data;
	int rc;

	if (b->data || (uint64_t)b->size > most || s->kept + b->size > s->keep)
		return 0;
	data = malloc(b->size + 1);
	if (!data)
		return 0;
	rc = read_whole(b, 0, data, b->size);
	if (rc) {
		free(data);
		return rc;
	}
	b->data = data;
	s->kept += b->size;
	return 0;
}

void site_warm(struct site *s, struct representation *r)
{
	/* A read error is detected when the file is sent. */
	if (!s->own_files)
		load(s, &r->body, s->keep / 4);
}

/* A later file of the same name replaces it. */
static void free_contents(struct site *s, struct resource *r)
{
	s->bytes -= r->body.size;
	if (r->body.data) {
		s->kept -= r->body.size;
		free((char *)r->body.data);
	} else if (r->body.fd >= 0 && s->own_files) {
		close(r->body.fd);
	}
}

/*
 * An entity tag that changes when the file does: a hash of its contents if they are in
 * memory or there is no date; otherwise of size and date.
 */
static int tag(struct resource *r)
{
	static char buffer[65536];
	uint64_t h = site_tag(1, (char *)&r->body.size, sizeof(r->body.size));

	if (r->body.data) {
		h = site_tag(h, r->body.data, r->body.size);
	} else if (r->mtime > 0) {
		h = site_tag(h, (char *)&r->mtime, sizeof(r->mtime));
	} else {
		for (off_t at = 0; at < r->body.size; at += sizeof(buffer)) {
			size_t n = r->body.size - at < (off_t)sizeof(buffer) ?
				   (size_t)(r->body.size - at) : sizeof(buffer);
			int rc = read_whole(&r->body, at, buffer, n);

			if (rc)
				return rc;
			h = site_tag(h, buffer, n);
		}
	}
	r->tag = h ?: 1;		/* 0 means that there is no tag */
	return 0;
}

struct representation *representation_new(const struct body *body, const char *type,
					  const char *more, uint64_t tag, int64_t mtime)
{
	char buffer[512];
	struct text t = text_in(buffer, sizeof(buffer));
	struct representation *r = calloc(1, sizeof(*r));

	if (!r)
		return NULL;
	r->body = *body;
	r->content_type = type;
	r->mtime = mtime;
	put_literal(&t, "Content-Length: ");
	put_number(&t, body->size);
	put_literal(&t, "\r\n");
	r->type = text_len(&t);
	put_literal(&t, "Content-Type: ");
	put_string(&t, type);
	put_literal(&t, "\r\n");
	r->validators = text_len(&t);
	if (tag) {
		put_literal(&t, "ETag: ");
		char text[TAG_LEN];

		site_write_tag(text, tag);
		r->etag = (struct span){ t.at, TAG_LEN };
		put(&t, text, TAG_LEN);
		put_literal(&t, "\r\n");
	}
	if (mtime >= 0) {
		char date[DATE_LEN];

		date_write(date, mtime);
		put_literal(&t, "Last-Modified: ");
		r->modified = (struct span){ t.at, DATE_LEN };
		put(&t, date, DATE_LEN);
		put_literal(&t, "\r\n");
	}
	put_string(&t, more);
	r->head_len = text_len(&t);
	r->head = malloc(r->head_len);
	if (!r->head) {
		free(r);
		return NULL;
	}
	memcpy(r->head, buffer, r->head_len);
	if (r->etag.at)
		r->etag.at = r->head + (r->etag.at - buffer);
	if (r->modified.at)
		r->modified.at = r->head + (r->modified.at - buffer);
	return r;
}

void representation_free(struct representation *r)
{
	free((char *)r->body.data);
	if (r->body.fd >= 0)
		close(r->body.fd);
	free(r->head);
	free(r);
}

int site_add(struct site *s, const char *name, size_t len, const struct body *body,
	     int64_t mtime)
{
	const char *slash = len ? memrchr(name, '/', len) : NULL;
	struct resource *r;
	int rc;

	if (!len || !site_is_valid_name(name, len))
		return -EINVAL;
	rc = site_add_folder(s, name, slash ? slash - name : 0);
	if (!rc)
		rc = add(s, name, len, &r);
	if (rc)
		return rc;
	if (r->folder)
		return -EISDIR;
	if (r->file)
		free_contents(s, r);
	r->file = true;
	r->body = *body;
	r->mtime = mtime;
	rc = load(s, &r->body, s->own_files ? KEEP_OF_FOLDER : KEEP_OF_DISK);
	if (!rc)
		rc = tag(r);
	s->bytes += r->body.size;
	return rc ? rc : r->body.data != NULL;
}

static int describe(struct site *s, struct resource *r)
{
	const char *type = mime_type(r->name, r->len);
	int64_t mtime = r->mtime > 0 ? r->mtime : s->mtime;
	char name[NAME_MAX_LEN + 3];
	struct resource *gz;

	memcpy(name, r->name, r->len);
	memcpy(name + r->len, ".gz", 3);
	gz = site_lookup(s, name, r->len + 3);
	if (gz && !gz->folder) {
		r->gzip = representation_new(&gz->body, type, SITE_GZIP,
					     gz->tag, gz->mtime > 0 ? gz->mtime : s->mtime);
		if (!r->gzip)
			return -ENOMEM;
	}
	r->plain = representation_new(&r->body, type, r->gzip ? SITE_VARY : SITE_HEADERS,
				      r->tag, mtime);
	return r->plain ? 0 : -ENOMEM;
}

static void set_index(struct site *s, struct resource *r)
{
	char name[NAME_MAX_LEN + 16];
	struct text t = text_in(name, sizeof(name));
	struct resource *index;

	put(&t, r->name, r->len);
	if (r->len)
		put_char(&t, '/');
	put_literal(&t, "index.html");
	index = site_lookup(s, name, text_len(&t));
	r->index = index && !index->folder ? index : NULL;
}

/* ---- requests */

int site_find(struct site *s, const char *path, size_t len, bool slash, bool gzip,
	      struct found *f)
{
	struct resource *r;

	if (s->live)
		return site_find_live(s, path, len, slash, gzip, f);
	r = site_lookup(s, path, len);
	if (!r || (r->file && slash))
		return 404;
	if (r->folder && !slash)
		return 301;
	f->own = false;
	if (r->folder && !r->index) {
		f->list = true;
		f->what = site_list(s, r);
		return f->what ? 200 : 503;
	}
	r = r->folder ? r->index : r;
	f->what = r->gzip && gzip ? r->gzip : r->plain;
	return 200;
}

/* ---- opening a site */

static int by_name(const void *a, const void *b)
{
	return strcmp((*(struct resource *const *)a)->name, (*(struct resource *const *)b)->name);
}

static int finish(struct site *s)
{
	qsort(s->list, s->count, sizeof(*s->list), by_name);
	for (size_t i = 0; i < s->count; i++) {
		struct resource *r = s->list[i];

		if (r->folder)
			set_index(s, r);
		else if (describe(s, r))
			return -ENOMEM;
	}
	return 0;
}

/* Whether programs of this machine can change a folder. */
static bool may_change(const char *path)
{
	return access(path, W_OK) == 0 || errno != EROFS;
}

static int open_folder(struct site *s, const char *root, const char *path)
{
	if (s->index || !may_change(path))
		return site_from_folder(s, path);
	s->live = root;			/* it has a slash, so it is the path */
	return 0;
}

/* A name without a slash is a disk. */
int site_open(struct site *s, const char *root)
{
	char path[NAME_MAX_LEN];
	struct stat st;
	int rc, fd = -1;

	snprintf(path, sizeof(path), "%s%s", strchr(root, '/') ? "" : "/dev/", root);
	rc = site_add_folder(s, "", 0);
	if (!rc && stat(path, &st) < 0)
		rc = -errno;
	if (!rc && !S_ISDIR(st.st_mode)) {
		fd = open(path, O_RDONLY);
		st.st_size = fd < 0 ? -1 : lseek(fd, 0, SEEK_END);
		rc = st.st_size < 0 ? -errno : 0;
	}
	if (rc) {
		fprintf(stderr, "httpd: root=%s: %s\n", root, strerror(-rc));
		return rc;
	}
	rc = fd >= 0 ? site_from_tar(s, root, fd, st.st_size) : open_folder(s, root, path);
	if (!rc)
		rc = finish(s);
	if (rc == -ENOMEM)
		fprintf(stderr, "httpd: root=%s: not enough memory for the index\n",
			root);
	return rc;
}

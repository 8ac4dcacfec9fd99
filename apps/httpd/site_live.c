/* SPDX-License-Identifier: ISC */
/*
 * A folder that may change: each request opens its file, and the reply has what this file is
 * at that time.
 *
 * A file that is replaced while it is sent keeps its old contents, because it stays open. One
 * that becomes shorter ends the connection (connection.c), because the announced length cannot
 * be sent. The folder itself is opened each time, too, so it may be replaced, and its file
 * system may be unmounted when no request is being answered.
 */
#include "apps/httpd/beneath.h"
#include "apps/httpd/site.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SMALL 4096			/* bytes: sent in one call with the header */
#define CHANGED 0			/* no status: the file changed, find it again */
#define TRIES 3
#define LIST_MAX (256 << 10)		/* bytes of the rows of a folder's list */

/* An open file or folder; fd -1: none. */
struct opened {
	int fd;
	struct stat st;
};

static int status_of(int error)
{
	switch (error) {
	case ENOENT: case ENOTDIR: case ELOOP: case ENAMETOOLONG: case EACCES: case EPERM:
	case ENXIO: case ENODEV: case EINVAL:
		return 404;
	case ENOMEM: case EMFILE: case ENFILE:
		return 503;
	case ESTALE:
		return CHANGED;
	default:
		return 500;
	}
}

static int64_t modified(const struct opened *o, const struct site *s)
{
	return o->st.st_mtim.tv_sec > 0 ? o->st.st_mtim.tv_sec : s->mtime;
}

/* Reads a small file. Returns its data, or NULL and errno; ESTALE: it changed meanwhile. */
static char *read_small(const struct opened *o)
{
	size_t size = o->st.st_size, n = 0;
	char *data = malloc(size + 1);

	while (data && n < size) {
		ssize_t got = pread(o->fd, data + n, size - n, n);

		if (got <= 0) {
			free(data);
			errno = got ? errno : ESTALE;
			return NULL;
		}
		n += got;
	}
	return data;
}

/* Makes the representation of an open file, which it takes. */
static int represent(const struct site *s, struct opened *o, const char *type,
		     const char *more, struct found *f)
{
	struct body body = { .fd = o->fd, .size = o->st.st_size };

	if (body.size <= SMALL) {
		body.data = read_small(o);
		if (!body.data)
			return status_of(errno);
		body.fd = -1;
	}
	f->own = true;
	f->what = representation_new(&body, type, more, site_tag_of_file(&o->st),
				     modified(o, s));
	if (!f->what) {
		free((char *)body.data);
		return 503;
	}
	if (body.fd >= 0)
		o->fd = -1;
	return 200;
}

static void close_opened(struct opened *o)
{
	if (o->fd >= 0)
		close(o->fd);
	o->fd = -1;
}

static bool is_before(const struct timespec *a, const struct timespec *b)
{
	return a->tv_sec != b->tv_sec ? a->tv_sec < b->tv_sec : a->tv_nsec < b->tv_nsec;
}

/* Opens NAME.gz beside NAME. It is not used if it is older, since NAME was changed then. */
static void open_gzip(const struct beneath *b, const struct opened *plain, struct opened *gz)
{
	size_t n = strlen(b->name);
	char name[BENEATH_PATH + 3];

	memcpy(name, b->name, n);
	memcpy(name + n, ".gz", 4);
	gz->fd = openat(b->dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (gz->fd >= 0 && (fstat(gz->fd, &gz->st) < 0 || !S_ISREG(gz->st.st_mode) ||
			    is_before(&gz->st.st_mtim, &plain->st.st_mtim)))
		close_opened(gz);
}

/* `name` is the one that the type depends on. */
static int find_file(const struct site *s, const struct beneath *b, struct opened *o,
		     struct span name, bool gzip, struct found *f)
{
	const char *type = mime_type(name.at, name.len);
	struct opened gz;
	int status;

	open_gzip(b, o, &gz);
	if (gz.fd >= 0 && gzip)
		status = represent(s, &gz, type, SITE_GZIP, f);
	else
		status = represent(s, o, type, gz.fd >= 0 ? SITE_VARY : SITE_HEADERS, f);
	close_opened(&gz);
	return status;
}

/* ---- folders */

/* Opens a path: 0 or -errno. The caller closes both. */
static int open_path(const struct site *s, const char *path, size_t len, struct beneath *b,
		     struct opened *o)
{
	int rc = 0;

	o->fd = beneath_open(b, s->live, path, len);
	if (o->fd < 0)
		return o->fd;
	if (fstat(o->fd, &o->st) < 0) {
		rc = -errno;
		close_opened(o);
		beneath_close(b);
	}
	return rc;
}

/* Writes the path of a name in a folder, with a NUL. Returns its length; 0: too long. */
static size_t join(char to[BENEATH_PATH], struct span folder, const char *name)
{
	struct text t = text_in(to, BENEATH_PATH);

	put_span(&t, folder);
	if (folder.len)
		put_char(&t, '/');
	put_string(&t, name);
	put_char(&t, '\0');
	return text_whole(&t) ? text_len(&t) - 1 : 0;
}

/* Describes what a link leads to, if that is below the root. */
static int stat_link(const struct site *s, struct span folder, const char *name, struct stat *st)
{
	struct beneath b;
	struct opened o;
	char path[BENEATH_PATH];
	size_t len = join(path, folder, name);
	int rc = len ? open_path(s, path, len, &b, &o) : -ENAMETOOLONG;

	if (rc)
		return rc;
	*st = o.st;
	close_opened(&o);
	beneath_close(&b);
	return 0;
}

/* Describes a name of a folder. Returns false if it is not listed. */
static bool describe(const struct site *s, struct span folder, DIR *dir, struct span name,
		     struct entry *e)
{
	struct stat st;

	if (fstatat(dirfd(dir), name.at, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
	    (S_ISLNK(st.st_mode) && stat_link(s, folder, name.at, &st)) ||
	    !(S_ISREG(st.st_mode) || S_ISDIR(st.st_mode)))
		return false;
	*e = (struct entry){ name, S_ISDIR(st.st_mode), st.st_size, st.st_mtim.tv_sec };
	return true;
}

struct list {
	struct entry *entries;
	size_t count, room, bytes;
	bool more;
};

static bool add(struct list *l, struct entry *e)
{
	size_t room = 2 * l->room + 16;
	struct entry *larger;

	if (l->count == l->room) {
		larger = realloc(l->entries, room * sizeof(*larger));
		if (!larger)
			return false;
		l->entries = larger;
		l->room = room;
	}
	e->name.at = strndup(e->name.at, e->name.len);
	if (!e->name.at)
		return false;
	l->entries[l->count++] = *e;
	return true;
}

static void free_list(struct list *l)
{
	while (l->count)
		free((char *)l->entries[--l->count].name.at);
	free(l->entries);
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct entry *)a)->name.at, ((const struct entry *)b)->name.at);
}

/*
 * Reads a folder. Returns 0 or the error. Names that turn out not to be listed count, too, because
 * other clients wait while they are looked at.
 */
static int read_folder(const struct site *s, struct span folder, DIR *dir, struct list *l)
{
	struct dirent *d;
	struct entry e;

	for (errno = 0; (d = readdir(dir)); errno = 0) {
		struct span name = { d->d_name, strlen(d->d_name) };

		if (!site_is_valid_name(name.at, name.len))
			continue;
		l->bytes += site_row_size(name);
		if (l->bytes > LIST_MAX) {
			l->more = true;
			return 0;
		}
		if (describe(s, folder, dir, name, &e) && !add(l, &e))
			return ENOMEM;
	}
	return errno;
}

static int list_folder(const struct site *s, struct span folder, struct opened *o,
		       struct found *f)
{
	struct list l = { 0 };
	DIR *dir = fdopendir(o->fd);
	int rc;

	f->list = true;
	if (!dir)
		return status_of(errno);
	o->fd = -1;
	rc = read_folder(s, folder, dir, &l);
	closedir(dir);
	if (!rc) {
		if (l.count)
			qsort(l.entries, l.count, sizeof(*l.entries), by_name);
		f->own = true;
		f->what = site_page(folder, l.entries, l.count, l.more, -1);
		rc = f->what ? 0 : ENOMEM;
	}
	free_list(&l);
	return rc ? status_of(rc) : 200;
}

/* The index.html of an open folder, or the list of its files. */
static int find_in_folder(const struct site *s, struct span folder, struct opened *o, bool gzip,
			  struct found *f)
{
	static const struct span name = { "index.html", 10 };
	struct beneath b;
	struct opened index;
	char path[BENEATH_PATH];
	size_t len = join(path, folder, name.at);
	int rc = len ? open_path(s, path, len, &b, &index) : -ENOENT, status;

	if (rc && status_of(-rc) != 404)
		return status_of(-rc);
	if (rc)
		return list_folder(s, folder, o, f);
	if (S_ISREG(index.st.st_mode))
		status = find_file(s, &b, &index, name, gzip, f);
	else
		status = list_folder(s, folder, o, f);
	close_opened(&index);
	beneath_close(&b);
	return status;
}

static int find(const struct site *s, const char *path, size_t len, bool slash, bool gzip,
		struct found *f)
{
	struct span name = { path, len };
	struct beneath b;
	struct opened o;
	int status = 404, rc = open_path(s, path, len, &b, &o);

	if (rc)
		return status_of(-rc);
	if (S_ISDIR(o.st.st_mode))
		status = slash ? find_in_folder(s, name, &o, gzip, f) : 301;
	else if (S_ISREG(o.st.st_mode) && !slash)
		status = find_file(s, &b, &o, name, gzip, f);
	close_opened(&o);
	beneath_close(&b);
	return status;
}

int site_find_live(const struct site *s, const char *path, size_t len, bool slash, bool gzip,
		   struct found *f)
{
	int status = CHANGED;

	for (int i = 0; status == CHANGED && i < TRIES; i++)
		status = find(s, path, len, slash, gzip, f);
	return status == CHANGED ? 500 : status;
}

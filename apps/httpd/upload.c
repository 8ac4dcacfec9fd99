/* SPDX-License-Identifier: ISC */
#include "apps/httpd/upload.h"

#include "apps/httpd/beneath.h"
#include "apps/httpd/date.h"
#include "apps/httpd/incoming.h"
#include "apps/httpd/reply.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <unistd.h>

/*
 * A file is replaced by renaming another one, which has this name for a moment. If the machine
 * crashes then, the next upload to the folder removes it. It is never served.
 */
#define NEXT ".httpd-upload"

/*
 * After so many bytes the file is made durable, so that the last time does not take long: other
 * clients wait meanwhile.
 */
#define SYNC_EVERY (16 << 20)

struct upload {
	int dir, fd;			/* the file's folder; the file */
	char *name;			/* in the folder */
	uint64_t size, synced;		/* bytes */
	struct incoming body;
	struct stat stored;
	struct span line, if_match, if_none_match;
	int64_t unmodified_since;	/* -1: no condition */
	char text[];
};

static struct {
	const char *folder, *prefix;
	size_t prefix_len;
	uint64_t limit;
} uploads;

/* ---- the folder */

static size_t without_slashes(const char *path)
{
	size_t n = strlen(path);

	while (n && path[n - 1] == '/')
		n--;
	return n;
}

static void set_prefix(const char *folder, const char *root)
{
	size_t len = without_slashes(folder), n = without_slashes(root);
	const char *slash = memrchr(folder, '/', len);

	if (*root == '/' && n <= len && !memcmp(folder, root, n) && (n == len || folder[n] == '/'))
		uploads.prefix = folder + n + (n < len);
	else
		uploads.prefix = slash ? slash + 1 : folder;
	uploads.prefix_len = folder + len - uploads.prefix;
}

bool upload_open(const char *folder, const char *root, uint64_t limit)
{
	int fd = open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

	if (fd < 0) {
		fprintf(stderr, "httpd: upload=%s: %s\n", folder, strerror(errno));
		return false;
	}
	close(fd);
	set_prefix(folder, root);
	if (*folder != '/' || !site_is_valid_name(uploads.prefix, uploads.prefix_len)) {
		fprintf(stderr, "httpd: upload=%s: not an absolute path of a folder that has a URL\n",
			folder);
		return false;
	}
	uploads.folder = folder;
	uploads.limit = limit;
	return true;
}

bool upload_covers(const char *path, size_t len)
{
	size_t n = uploads.prefix_len;

	return uploads.folder && len >= n && !memcmp(path, uploads.prefix, n) &&
	       (!n || len == n || path[n] == '/');
}

/* ---- errors and conditions */

static int status_of(int error)
{
	switch (error) {
	case ENOENT: case ENOTDIR: case EISDIR: case ELOOP: case ENOTEMPTY: case EBUSY:
		return 409;
	case EACCES: case EPERM: case EROFS: case ENAMETOOLONG: case EINVAL:
		return 403;
	case EFBIG:
		return 413;
	case ENOMEM: case EMFILE: case ENFILE:
		return 503;
	case ENOSPC: case EDQUOT:
		return 507;
	default:
		return 500;
	}
}

/*
 * Looks at the file that the upload replaces. Returns 0 and whether there is one, or the
 * status of an error: 412 if it does not match the request's conditions (RFC 9110, 13.2.2).
 */
static int check_target(const struct upload *u, bool *exists)
{
	char text[TAG_LEN];
	struct span tag = { text, TAG_LEN };
	struct stat st;

	*exists = fstatat(u->dir, u->name, &st, AT_SYMLINK_NOFOLLOW) == 0;
	if (!*exists && errno != ENOENT)
		return status_of(errno);
	if (*exists && S_ISDIR(st.st_mode))
		return 409;
	if (*exists)
		site_write_tag(text, site_tag_of_file(&st));
	if (u->if_match.at && (!*exists || !reply_has_tag(u->if_match, tag, false)))
		return 412;
	if (!u->if_match.at && *exists && u->unmodified_since >= 0 &&
	    st.st_mtim.tv_sec > u->unmodified_since)
		return 412;
	return *exists && u->if_none_match.at && reply_has_tag(u->if_none_match, tag, true) ? 412 : 0;
}

/* ---- the end */

/* Gives the file a name in its folder. */
static int give_name(const struct upload *u, const char *name)
{
	char path[32];

	if (linkat(u->fd, "", u->dir, name, AT_EMPTY_PATH) == 0)
		return 0;
	if (errno != ENOENT)
		return -errno;
	/* Linux allows the above only to the superuser. */
	snprintf(path, sizeof(path), "/proc/self/fd/%d", u->fd);
	return linkat(AT_FDCWD, path, u->dir, name, AT_SYMLINK_FOLLOW) < 0 ? -errno : 0;
}

/* Lets the file take the place of the one that has its name. */
static int replace(const struct upload *u)
{
	int rc;

	unlinkat(u->dir, NEXT, 0);
	rc = give_name(u, NEXT);
	if (!rc && renameat(u->dir, NEXT, u->dir, u->name) < 0) {
		rc = -errno;
		unlinkat(u->dir, NEXT, 0);
	}
	return rc;
}

static int commit(struct upload *u)
{
	bool exists;
	int rc, status;

	if (fsync(u->fd) < 0)
		return status_of(errno);
	status = check_target(u, &exists);
	if (status)
		return status;
	rc = exists ? -EEXIST : give_name(u, u->name);
	if (rc == -EEXIST && !exists) {	/* another program has just made the file */
		status = check_target(u, &exists);
		if (status)
			return status;
	}
	if (rc == -EEXIST)
		rc = replace(u);
	if (rc)
		return status_of(-rc);
	if (fsync(u->dir) < 0 || fstat(u->fd, &u->stored) < 0)
		return status_of(errno);
	return exists ? 204 : 201;
}

/* ---- the body */

/* Returns 0 or -status. */
static int store(void *arg, const char *data, size_t len)
{
	struct upload *u = arg;

	if (len > uploads.limit - u->size)
		return -413;
	while (len) {
		ssize_t n = write(u->fd, data, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return -(n ? status_of(errno) : 500);
		u->size += n;
		data += n;
		len -= n;
	}
	if (u->size - u->synced < SYNC_EVERY)
		return 0;
	u->synced = u->size;
	return fdatasync(u->fd) < 0 ? -status_of(errno) : 0;
}

int upload_take(struct upload *u, const char *data, size_t len)
{
	int rc = incoming_take(&u->body, data, len);

	return rc < 0 ? -rc : rc ? commit(u) : 0;
}

/* ---- the beginning */

static int refusal(const struct request *r, struct span name)
{
	if (r->chunked ? r->http_1_0 : !r->has_length)
		return 411;
	if (r->content_range.at)
		return 400;		/* RFC 9110, 14.5 */
	if (r->content_encoding.at &&
	    !(r->content_encoding.len == 8 && !strncasecmp(r->content_encoding.at, "identity", 8)))
		return 415;
	if (!name.len || r->folder)
		return 409;
	if (!site_is_valid_name(name.at, name.len))
		return 403;
	return !r->chunked && r->length > uploads.limit ? 413 : 0;
}

static struct span copy(char **to, struct span s)
{
	if (!s.at)
		return s;
	memcpy(*to, s.at, s.len);
	s.at = *to;
	*to += s.len;
	return s;
}

static struct upload *new_upload(const struct request *r)
{
	struct upload *u = calloc(1, sizeof(*u) + r->line.len + r->if_match.len +
				       r->if_none_match.len);
	char *to;

	if (!u)
		return NULL;
	to = u->text;
	u->dir = u->fd = -1;
	u->line = copy(&to, r->line);
	u->if_match = copy(&to, r->if_match);
	u->if_none_match = copy(&to, r->if_none_match);
	u->unmodified_since = r->if_unmodified_since.at ? date_read(r->if_unmodified_since) : -1;
	incoming_begin(&u->body, r->chunked, r->length, store, u);
	return u;
}

/* Opens the folder of the file, and the file. Returns 0 or the status of an error. */
static int open_file(struct upload *u, struct span name)
{
	struct beneath b;
	bool exists;
	int status, rc = beneath_folder(&b, uploads.folder, name.at, name.len);

	if (rc)
		return status_of(-rc);
	u->dir = b.dir;
	u->name = strdup(b.name);
	if (!u->name)
		return 503;
	status = check_target(u, &exists);
	if (status)
		return status;
	u->fd = openat(u->dir, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0666);
	return u->fd < 0 ? status_of(errno) : 0;
}

int upload_begin(struct upload **made, const struct request *r)
{
	size_t skip = uploads.prefix_len + (uploads.prefix_len && r->path_len > uploads.prefix_len);
	struct span name = { r->path + skip, r->path_len - skip };
	int status = refusal(r, name);
	struct upload *u;

	if (status)
		return status;
	u = new_upload(r);
	if (!u)
		return 503;
	status = open_file(u, name);
	if (status)
		upload_free(u);
	else
		*made = u;
	return status;
}

void upload_free(struct upload *u)
{
	if (!u)
		return;
	if (u->fd >= 0)
		close(u->fd);
	if (u->dir >= 0)
		close(u->dir);
	free(u->name);
	free(u);
}

struct representation *upload_validators(const struct upload *u)
{
	return representation_new(&(struct body){ .fd = -1 }, "", "", site_tag_of_file(&u->stored),
				  u->stored.st_mtim.tv_sec);
}

uint64_t upload_size(const struct upload *u)
{
	return u->size;
}

struct span upload_line(const struct upload *u)
{
	return u->line;
}

/* SPDX-License-Identifier: ISC */
/*
 * A site from a folder: all files below it at the start. Other file systems that are mounted
 * in it are left out, since they may change.
 */
#include "apps/httpd/site.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PATH_SIZE 1100
#define DEPTH_MAX 64			/* symbolic links may form loops */

static int walk(struct site *s, char *path, size_t len, size_t inside, int depth);

static int visit(struct site *s, char *path, size_t len, size_t inside, int depth)
{
	struct stat st;
	struct body body = { .fd = -1 };
	int rc;

	if (stat(path, &st) < 0)
		return errno == ENOENT ? 0 : -errno;	/* a dangling link */
	if (S_ISDIR(st.st_mode) && st.st_dev != s->device)
		return 0;
	if (S_ISDIR(st.st_mode))
		return depth < DEPTH_MAX ? walk(s, path, len, inside, depth + 1) : -ELOOP;
	if (!S_ISREG(st.st_mode))
		return 0;
	body.fd = open(path, O_RDONLY);
	if (body.fd < 0)
		return -errno;
	body.size = st.st_size;
	rc = site_add(s, path + inside, len - inside, &body, st.st_mtime);
	if (rc)
		close(body.fd);
	return rc == -EINVAL || rc > 0 ? 0 : rc;
}

/*
 * path has PATH_SIZE bytes, of which len are used; the name within the site begins at
 * `inside`.
 */
static int walk(struct site *s, char *path, size_t len, size_t inside, int depth)
{
	struct dirent *e;
	DIR *dir = opendir(len ? path : "/");
	int rc = 0;

	if (!dir)
		return -errno;
	while (!rc && (e = readdir(dir))) {
		size_t n = strlen(e->d_name);

		if (e->d_name[0] == '.' && strcmp(e->d_name, ".well-known"))
			continue;
		if (len + n + 2 > PATH_SIZE) {
			rc = -ENAMETOOLONG;
			break;
		}
		path[len] = '/';
		memcpy(path + len + 1, e->d_name, n + 1);
		rc = visit(s, path, len + n + 1, inside, depth);
	}
	closedir(dir);
	path[len] = '\0';
	return rc;
}

int site_from_folder(struct site *s, const char *folder)
{
	char path[PATH_SIZE];
	size_t len = strlen(folder);
	struct stat st;
	int rc;

	while (len && folder[len - 1] == '/')
		len--;
	if (len >= sizeof(path))
		return -ENAMETOOLONG;
	memcpy(path, folder, len);
	path[len] = '\0';
	s->own_files = true;
	rc = stat(folder, &st) < 0 ? -errno : 0;
	s->device = st.st_dev;
	if (!rc)
		rc = walk(s, path, len, len + 1, 0);
	if (rc && rc != -ENOMEM)
		fprintf(stderr, "httpd: %s: %s\n", path, strerror(-rc));
	return rc;
}

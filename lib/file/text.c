/* SPDX-License-Identifier: ISC */
#include "lib/file/text.h"

#include <errno.h>
#include <string.h>

/* The mount that has the functions with paths. */
static const struct mount *with_paths(const struct mount *m)
{
	return m->lower ? m->lower : m;
}

int text_of(const struct mount *m, const char *path, char *to, size_t size)
{
	size_t n = strlen(m->at), len = strlen(path);

	if (n + 1 + len >= size)
		return -ENAMETOOLONG;
	memcpy(to, m->at, n);
	if (len)
		to[n++] = '/';
	memcpy(to + n, path, len + 1);
	return 0;
}

/*
 * The part of an absolute path behind `dir`, without the slash: "" if they are the same, NULL if
 * the path is not below dir.
 */
static const char *below(const char *path, const char *dir)
{
	size_t n = strlen(dir);

	if (strncmp(path, dir, n) || (path[n] && path[n] != '/'))
		return NULL;
	return path + n + (path[n] == '/');
}

/* Whether an absolute path is, or contains, a mount point that is given as text. */
static bool leads_to_mount(const char *text)
{
	for (const struct mount *m = mounts; m; m = m->next)
		if (!m->covered && *m->at && below(m->at, text))
			return true;
	return false;
}

int text_stat(const struct mount *m, const char *path, struct stat *st)
{
	char text[TEXT_BYTES];
	int rc = with_paths(m)->stat(path, st);

	if (rc == -ENOENT && !text_of(m, path, text, sizeof(text)) && leads_to_mount(text)) {
		*st = (struct stat){ .st_mode = S_IFDIR | 0555, .st_nlink = 2, .st_blksize = 4096 };
		rc = 0;
	}
	st->st_dev = with_paths(m)->number;
	return rc;
}

/* Whether a mount before `end` in the table has the same name in the directory. */
static bool listed(const char *dir, const struct mount *end, const char *name, size_t len)
{
	for (const struct mount *m = mounts; m != end; m = m->next) {
		const char *rest = m->covered ? NULL : below(m->at, dir);

		if (rest && strcspn(rest, "/") == len && !memcmp(rest, name, len))
			return true;
	}
	return false;
}

bool text_exists(const struct mount *m, const char *path, const char *name, size_t len)
{
	char text[TEXT_BYTES];
	struct stat st = { 0 };
	size_t n = strlen(path);

	if (n + 1 + len >= sizeof(text))
		return false;
	memcpy(text, path, n);
	if (n)
		text[n++] = '/';
	memcpy(text + n, name, len);
	text[n + len] = '\0';
	return with_paths(m)->stat(text, &st) == 0;
}

int text_list(const struct mount *m, const char *path, unsigned i, struct dirent *entry)
{
	m = with_paths(m);
	return m->list ? m->list(path, i, entry) : 0;
}

int text_list_mounts(const struct mount *m, const char *path, unsigned i, struct dirent *entry)
{
	char dir[TEXT_BYTES];

	if (text_of(m, path, dir, sizeof(dir)))
		return 0;
	for (const struct mount *other = mounts; other; other = other->next) {
		const char *name = other->covered ? NULL : below(other->at, dir);
		size_t len = name ? strcspn(name, "/") : 0;

		if (!len || len >= sizeof(entry->d_name) || listed(dir, other, name, len) ||
		    text_exists(m, path, name, len) || i--)
			continue;
		*entry = (struct dirent){ .d_type = DT_DIR };
		memcpy(entry->d_name, name, len);
		return 1;
	}
	return 0;
}

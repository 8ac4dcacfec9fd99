/* SPDX-License-Identifier: ISC */
/*
 * Users and groups (POSIX.1-2017: getpwnam, getgrnam ...; passwd(5), group(5)): those of
 * /etc/passwd and /etc/group, or a few usual names where there is no such file, or where the image
 * opens no files.
 *
 * Lines that are invalid are skipped.  Results without _r are in static memory.
 */
#define _GNU_SOURCE
#include "lib/file/users_text.h"
#include "lib/result.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <pwd.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FILE_MAX 65536			/* bytes of a file; what follows is ignored */
#define MEMBERS 64			/* of a group; more are ignored */

/* Only in an image that opens files by itself. */
int open(const char *name, int flags, ...) __attribute__((weak));

/* The text of a file, allocated; NULL: no memory. */
static char *text_of(const char *name, const char *otherwise)
{
	int fd = open ? open(name, O_RDONLY | O_CLOEXEC) : -1;
	size_t used = 0;
	char *text;
	ssize_t n;

	if (fd < 0)
		return strdup(otherwise);
	text = malloc(FILE_MAX + 1);
	while (text && used < FILE_MAX && (n = read(fd, text + used, FILE_MAX - used)) > 0)
		used += n;
	close(fd);
	if (text)
		text[used] = '\0';
	return text;
}

/* Cuts a line into exactly n fields. */
static bool cut(char *line, char *fields[], int n)
{
	for (int i = 0; i < n; i++) {
		fields[i] = strsep(&line, ":");
		if (!fields[i])
			return false;
	}
	return !line && *fields[0];
}

static bool number(const char *text, unsigned *to)
{
	char *end;
	unsigned long n = strtoul(text, &end, 10);

	*to = n;
	return *text >= '0' && *text <= '9' && !*end && n < UINT_MAX;
}

static bool parse_user(char *line, struct passwd *to)
{
	char *f[7];
	unsigned uid, gid;

	if (!cut(line, f, 7) || !number(f[2], &uid) || !number(f[3], &gid))
		return false;
	*to = (struct passwd){ .pw_name = f[0], .pw_passwd = f[1], .pw_uid = uid, .pw_gid = gid,
			       .pw_comment = f[4], .pw_gecos = f[4], .pw_dir = f[5],
			       .pw_shell = f[6] };
	return true;
}

static bool parse_group(char *line, struct group *to, char *members[MEMBERS + 1])
{
	char *f[4], *member;
	unsigned gid, n = 0;

	if (!cut(line, f, 4) || !number(f[2], &gid))
		return false;
	while ((member = strsep(&f[3], ",")) && n < MEMBERS)
		if (*member)
			members[n++] = member;
	members[n] = NULL;
	*to = (struct group){ .gr_name = f[0], .gr_passwd = f[1], .gr_gid = gid,
			      .gr_mem = members };
	return true;
}

/* ---- Searching. */

struct wanted {
	const char *name;		/* NULL: by ID */
	unsigned id;
	long index;			/* below 0: by name or ID */
};

static bool matches(const struct wanted *w, const char *name, unsigned id, long index)
{
	return w->index >= 0 ? index == w->index : w->name ? !strcmp(w->name, name) : w->id == id;
}

/* Finds an entry in a text, which the entry points into. */
static bool find_user(char *text, const struct wanted *w, struct passwd *to)
{
	char *line;

	for (long i = 0; (line = strsep(&text, "\n")); )
		if (parse_user(line, to) && matches(w, to->pw_name, to->pw_uid, i++))
			return true;
	return false;
}

static bool find_group(char *text, const struct wanted *w, struct group *to, char **members)
{
	char *line;

	for (long i = 0; (line = strsep(&text, "\n")); )
		if (parse_group(line, to, members) && matches(w, to->gr_name, to->gr_gid, i++))
			return true;
	return false;
}

/* The entry's strings stay in the text, which the next call frees.  NULL: not found, or no memory. */
static struct passwd *user_of(const struct wanted *w)
{
	static struct passwd found;
	static char *text;

	free(text);
	text = text_of("/etc/passwd", users_text);
	return text && find_user(text, w, &found) ? &found : NULL;
}

static struct group *group_of(const struct wanted *w)
{
	static struct group found;
	static char *text, *members[MEMBERS + 1];

	free(text);
	text = text_of("/etc/group", groups_text);
	return text && find_group(text, w, &found, members) ? &found : NULL;
}

struct passwd *getpwuid(uid_t uid)
{
	return user_of(&(struct wanted){ NULL, uid, -1 });
}

struct passwd *getpwnam(const char *user)
{
	return user_of(&(struct wanted){ user, 0, -1 });
}

struct group *getgrgid(gid_t gid)
{
	return group_of(&(struct wanted){ NULL, gid, -1 });
}

struct group *getgrnam(const char *group)
{
	return group_of(&(struct wanted){ group, 0, -1 });
}

static long next_user, next_group;

struct passwd *getpwent(void)
{
	return user_of(&(struct wanted){ NULL, 0, next_user++ });
}

struct group *getgrent(void)
{
	return group_of(&(struct wanted){ NULL, 0, next_group++ });
}

void setpwent(void)
{
	next_user = 0;
}

void setgrent(void)
{
	next_group = 0;
}

void endpwent(void)
{
	setpwent();
}

void endgrent(void)
{
	setgrent();
}

/* ---- Into the caller's memory. */

struct room {
	char *at;
	size_t left;
};

/* Moves a string into the caller's memory; false: it is too small. */
static bool move(struct room *r, char **string)
{
	size_t n = strlen(*string) + 1;

	if (n > r->left)
		return false;
	*string = memcpy(r->at, *string, n);
	r->at += n;
	r->left -= n;
	return true;
}

static int user_into(const struct wanted *w, struct passwd *to, char *memory, size_t size,
		     struct passwd **found)
{
	char *text = text_of("/etc/passwd", users_text);
	struct room r = { memory, size };
	int error = text ? 0 : ENOMEM;

	*found = NULL;
	if (text && find_user(text, w, to)) {
		if (move(&r, &to->pw_name) && move(&r, &to->pw_passwd) && move(&r, &to->pw_gecos) &&
		    move(&r, &to->pw_dir) && move(&r, &to->pw_shell))
			*found = to;
		else
			error = ERANGE;
		to->pw_comment = to->pw_gecos;
	}
	free(text);
	return error;
}

static bool move_members(struct room *r, char ***members)
{
	size_t pad = -(uintptr_t)r->at % sizeof(char *), n = 0;
	char **from = *members, **list = (char **)(r->at + pad);

	while (from[n])
		n++;
	if (pad + (n + 1) * sizeof(char *) > r->left)
		return false;
	r->at += pad + (n + 1) * sizeof(char *);
	r->left -= pad + (n + 1) * sizeof(char *);
	list[n] = NULL;
	for (size_t i = 0; i < n; i++) {
		list[i] = from[i];
		if (!move(r, &list[i]))
			return false;
	}
	*members = list;
	return true;
}

static int group_into(const struct wanted *w, struct group *to, char *memory, size_t size,
		      struct group **found)
{
	char *text = text_of("/etc/group", groups_text), *members[MEMBERS + 1];
	struct room r = { memory, size };
	int error = text ? 0 : ENOMEM;

	*found = NULL;
	if (text && find_group(text, w, to, members)) {
		if (move_members(&r, &to->gr_mem) && move(&r, &to->gr_name) &&
		    move(&r, &to->gr_passwd))
			*found = to;
		else
			error = ERANGE;
	}
	free(text);
	return error;
}

int getpwuid_r(uid_t uid, struct passwd *to, char *memory, size_t size, struct passwd **found)
{
	return user_into(&(struct wanted){ NULL, uid, -1 }, to, memory, size, found);
}

int getpwnam_r(const char *user, struct passwd *to, char *memory, size_t size,
	       struct passwd **found)
{
	return user_into(&(struct wanted){ user, 0, -1 }, to, memory, size, found);
}

int getgrgid_r(gid_t gid, struct group *to, char *memory, size_t size, struct group **found)
{
	return group_into(&(struct wanted){ NULL, gid, -1 }, to, memory, size, found);
}

int getgrnam_r(const char *group, struct group *to, char *memory, size_t size,
	       struct group **found)
{
	return group_into(&(struct wanted){ group, 0, -1 }, to, memory, size, found);
}

/* ---- A user's groups. */

static bool has_member(const struct group *g, const char *user)
{
	for (char **m = g->gr_mem; *m; m++)
		if (!strcmp(*m, user))
			return true;
	return false;
}

int getgrouplist(const char *user, gid_t first, gid_t *to, int *count)
{
	char *text = text_of("/etc/group", groups_text), *rest = text, *line, *members[MEMBERS + 1];
	int size = *count, n = 1;
	struct group g;

	if (size > 0)
		to[0] = first;
	while ((line = strsep(&rest, "\n")))
		if (parse_group(line, &g, members) && g.gr_gid != first && has_member(&g, user)) {
			if (n < size)
				to[n] = g.gr_gid;
			n++;
		}
	free(text);
	*count = n;
	return n <= size ? n : -1;
}

int initgroups(const char *user, gid_t group)
{
	gid_t list[NGROUPS_MAX];
	int n = NGROUPS_MAX;

	if (getgrouplist(user, group, list, &n) < 0)
		n = NGROUPS_MAX;
	return setgroups(n, list);
}

/* ---- The name of the user. */

int getlogin_r(char *to, size_t size)
{
	struct passwd *user = getpwuid(getuid());

	if (!user)
		return ENXIO;
	if (strlen(user->pw_name) >= size)
		return ERANGE;
	strcpy(to, user->pw_name);
	return 0;
}

char *getlogin(void)
{
	static char name[LOGIN_NAME_MAX];
	int error = getlogin_r(name, sizeof(name));

	errno = error ? error : errno;
	return error ? NULL : name;
}

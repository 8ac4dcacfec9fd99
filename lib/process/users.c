/* SPDX-License-Identifier: ISC */
/* Users and groups (POSIX.1-2017: getpwnam, setuid ...): only root exists. */
#include "lib/result.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <string.h>
#include <unistd.h>

#define NAME "root"

static char name[] = NAME, home[] = "/", none[] = "";

struct passwd *getpwuid(uid_t uid)
{
	static struct passwd root = { .pw_name = name, .pw_passwd = none, .pw_gecos = none,
				      .pw_comment = none, .pw_dir = home, .pw_shell = none };

	return uid == 0 ? &root : NULL;
}

struct passwd *getpwnam(const char *user)
{
	return strcmp(user, NAME) ? NULL : getpwuid(0);
}

struct group *getgrgid(gid_t gid)
{
	static char *members[] = { NULL };
	static struct group root = { .gr_name = name, .gr_passwd = none, .gr_mem = members };

	return gid == 0 ? &root : NULL;
}

struct group *getgrnam(const char *group)
{
	return strcmp(group, NAME) ? NULL : getgrgid(0);
}

/* Root may change to any user, but there is no other one. */
static int change_to(unsigned id)
{
	return id == 0 ? 0 : result(-EINVAL);
}

int setuid(uid_t id)
{
	return change_to(id);
}

int seteuid(uid_t id)
{
	return change_to(id);
}

int setgid(gid_t id)
{
	return change_to(id);
}

int setegid(gid_t id)
{
	return change_to(id);
}

int initgroups(const char *user, gid_t group)
{
	return strcmp(user, NAME) ? result(-EINVAL) : change_to(group);
}

int setgroups(int n, const gid_t *groups)
{
	for (int i = 0; i < n; i++)
		if (groups[i])
			return result(-EINVAL);
	return 0;
}

int getgroups(int size, gid_t *groups)
{
	if (size < 0)
		return result(-EINVAL);
	if (size)
		groups[0] = 0;
	return 1;
}

char *getlogin(void)
{
	return name;
}

/* There are no set-user-ID programs. */
int issetugid(void)
{
	return 0;
}

/* The process already leads its session. */
pid_t setsid(void)
{
	return result(-EPERM);
}

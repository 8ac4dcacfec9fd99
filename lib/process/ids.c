/* SPDX-License-Identifier: ISC */
/*
 * The IDs of the process (POSIX.1-2017: getuid, setuid, getgroups ...; setresuid of Linux): numbers
 * that follow the rules of Linux. They give and take no rights: nothing in a guest is protected
 * from its only process (docs/security.md).
 */
#define _GNU_SOURCE
#include "lib/process/ids.h"
#include "lib/result.h"

#include <errno.h>
#include <grp.h>
#include <limits.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#define KEEP ((unsigned)-1)

struct ids {
	unsigned real, effective, saved;
};

static struct ids user, group;
static gid_t groups[NGROUPS_MAX] = { 0 };
static int group_count = 1;

bool ids_privileged(void)
{
	return user.effective == 0;
}

static bool may_become(const struct ids *of, unsigned id)
{
	return ids_privileged() || id == KEEP || id == of->real || id == of->effective ||
	       id == of->saved;
}

static int set_three(struct ids *of, unsigned real, unsigned effective, unsigned saved)
{
	if (!may_become(of, real) || !may_become(of, effective) || !may_become(of, saved))
		return result(-EPERM);
	if (real != KEEP)
		of->real = real;
	if (effective != KEEP)
		of->effective = effective;
	if (saved != KEEP)
		of->saved = saved;
	return 0;
}

/* A privileged process changes all three. */
static int set_one(struct ids *of, unsigned id)
{
	if (id == KEEP)
		return result(-EINVAL);
	if (ids_privileged())
		return set_three(of, id, id, id);
	if (id != of->real && id != of->saved)
		return result(-EPERM);
	of->effective = id;
	return 0;
}

static int set_effective(struct ids *of, unsigned id)
{
	return id == KEEP ? result(-EINVAL) : set_three(of, KEEP, id, KEEP);
}

/* As on Linux: the saved ID becomes the effective one, unless only that one returns to the real one. */
static int set_two(struct ids *of, unsigned real, unsigned effective)
{
	unsigned was = of->real;

	if (real != KEEP && !ids_privileged() && real != of->real && real != of->effective)
		return result(-EPERM);
	if (set_three(of, real, effective, KEEP))
		return -1;
	if (real != KEEP || (effective != KEEP && effective != was))
		of->saved = of->effective;
	return 0;
}

static int get_three(const struct ids *of, unsigned *real, unsigned *effective, unsigned *saved)
{
	*real = of->real;
	*effective = of->effective;
	*saved = of->saved;
	return 0;
}

uid_t getuid(void)
{
	return user.real;
}

uid_t geteuid(void)
{
	return user.effective;
}

gid_t getgid(void)
{
	return group.real;
}

gid_t getegid(void)
{
	return group.effective;
}

int setuid(uid_t id)
{
	return set_one(&user, id);
}

int setgid(gid_t id)
{
	return set_one(&group, id);
}

int seteuid(uid_t id)
{
	return set_effective(&user, id);
}

int setegid(gid_t id)
{
	return set_effective(&group, id);
}

int setreuid(uid_t real, uid_t effective)
{
	return set_two(&user, real, effective);
}

int setregid(gid_t real, gid_t effective)
{
	return set_two(&group, real, effective);
}

int setresuid(uid_t real, uid_t effective, uid_t saved)
{
	return set_three(&user, real, effective, saved);
}

int setresgid(gid_t real, gid_t effective, gid_t saved)
{
	return set_three(&group, real, effective, saved);
}

int getresuid(uid_t *real, uid_t *effective, uid_t *saved)
{
	return get_three(&user, real, effective, saved);
}

int getresgid(gid_t *real, gid_t *effective, gid_t *saved)
{
	return get_three(&group, real, effective, saved);
}

int setgroups(int count, const gid_t *to)
{
	if (!ids_privileged())
		return result(-EPERM);
	if (count < 0 || count > NGROUPS_MAX)
		return result(-EINVAL);
	memcpy(groups, to, count * sizeof(*to));
	group_count = count;
	return 0;
}

int getgroups(int size, gid_t *to)
{
	if (size < 0 || (size && size < group_count))
		return result(-EINVAL);
	if (size)
		memcpy(to, groups, group_count * sizeof(*to));
	return group_count;
}

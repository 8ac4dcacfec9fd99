/* SPDX-License-Identifier: ISC */
/*
 * Functions for processes, in libnoprocess.a: for a program that can work without processes, and asks
 * for them at run time. They fail with ENOSYS, and those that wait with ECHILD, since there is no
 * child. Without -lnoprocess they are missing at link time.
 *
 * Not part of libxenolith: the Makefile makes an archive of this folder.
 */
#define _GNU_SOURCE
#include "lib/result.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

pid_t fork(void)
{
	return result(-ENOSYS);
}

pid_t vfork(void)
{
	return result(-ENOSYS);
}

int daemon(int keep_directory, int keep_streams)
{
	(void)keep_directory, (void)keep_streams;
	return result(-ENOSYS);
}

FILE *popen(const char *command, const char *mode)
{
	(void)command, (void)mode;
	errno = ENOSYS;
	return NULL;
}

int pclose(FILE *f)
{
	(void)f;
	return result(-ECHILD);
}

pid_t wait(int *status)
{
	(void)status;
	return result(-ECHILD);
}

pid_t waitpid(pid_t pid, int *status, int options)
{
	(void)pid, (void)status;
	return result(options & ~(WNOHANG | WUNTRACED | WCONTINUED) ? -EINVAL : -ECHILD);
}

pid_t wait3(int *status, int options, struct rusage *usage)
{
	(void)usage;
	return waitpid(-1, status, options);
}

pid_t wait4(pid_t pid, int *status, int options, struct rusage *usage)
{
	(void)usage;
	return waitpid(pid, status, options);
}

int waitid(idtype_t kind, id_t id, siginfo_t *info, int options)
{
	(void)kind, (void)id, (void)info, (void)options;
	return result(-ECHILD);
}

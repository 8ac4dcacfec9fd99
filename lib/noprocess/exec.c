/* SPDX-License-Identifier: ISC */
/* exec and posix_spawn, which fail with ENOSYS: see fork.c. */
#define _GNU_SOURCE
#include "lib/result.h"

#include <errno.h>
#include <unistd.h>

int execve(const char *path, char *const argv[], char *const envp[])
{
	(void)path, (void)argv, (void)envp;
	return result(-ENOSYS);
}

int execv(const char *path, char *const argv[])
{
	return execve(path, argv, NULL);
}

int execvp(const char *file, char *const argv[])
{
	return execve(file, argv, NULL);
}

int execvpe(const char *file, char *const argv[], char *const envp[])
{
	return execve(file, argv, envp);
}

int fexecve(int fd, char *const argv[], char *const envp[])
{
	(void)fd;
	return execve(NULL, argv, envp);
}

int execl(const char *path, const char *arg, ...)
{
	(void)arg;
	return execve(path, NULL, NULL);
}

int execlp(const char *file, const char *arg, ...)
{
	(void)arg;
	return execve(file, NULL, NULL);
}

int execle(const char *path, const char *arg, ...)
{
	(void)arg;
	return execve(path, NULL, NULL);
}

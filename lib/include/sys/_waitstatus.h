/* SPDX-License-Identifier: ISC */
/* The status of a process that has ended, for <sys/wait.h> and <stdlib.h>. */
#ifndef XENOLITH_SYS_WAITSTATUS_H
#define XENOLITH_SYS_WAITSTATUS_H

#define WNOHANG		1
#define WUNTRACED	2

#define WEXITSTATUS(status)	(((status) >> 8) & 0xff)
#define WTERMSIG(status)	((status) & 0x7f)
#define WSTOPSIG(status)	WEXITSTATUS(status)
#define WCOREDUMP(status)	((status) & 0x80)
#define WIFEXITED(status)	(WTERMSIG(status) == 0)
#define WIFSTOPPED(status)	(((status) & 0xff) == 0x7f)
#define WIFSIGNALED(status)	(((status) & 0x7f) > 0 && ((status) & 0x7f) < 0x7f)
#define WIFCONTINUED(status)	((status) == 0xffff)

#endif

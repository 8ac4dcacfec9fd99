/* SPDX-License-Identifier: ISC */
/*
 * Waiting for processes (POSIX.1-2017, <sys/wait.h>). There are none: the functions exist only
 * with -lnoprocess, and fail with ECHILD.
 */
#ifndef XENOLITH_SYS_WAIT_H
#define XENOLITH_SYS_WAIT_H
#define _SYS_WAIT_H			/* newlib's header has nothing more */

#include <signal.h>
#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif

#include <sys/_waitstatus.h>

#define WSTOPPED	2
#define WEXITED		4
#define WCONTINUED	8
#define WNOWAIT		0x1000000

typedef enum { P_ALL, P_PID, P_PGID } idtype_t;

struct rusage;
pid_t wait(int *status);
pid_t waitpid(pid_t pid, int *status, int options);
int waitid(idtype_t kind, id_t id, siginfo_t *info, int options);
pid_t wait3(int *status, int options, struct rusage *usage);
pid_t wait4(pid_t pid, int *status, int options, struct rusage *usage);

#ifdef __cplusplus
}
#endif

#endif

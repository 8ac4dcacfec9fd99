/* SPDX-License-Identifier: ISC */
/*
 * Signals, with the numbers, flags and structs of Linux (POSIX.1-2017: <signal.h>), instead of
 * newlib's. Signals 34 to 64 are queued ("real-time"). docs/port.md says what they do here.
 */
#ifndef _SYS_SIGNAL_H
#define _SYS_SIGNAL_H

#include <sys/cdefs.h>
#include <sys/features.h>
#include <sys/types.h>
#include <sys/_sigset.h>
#include <sys/_timespec.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if !defined(_SIGSET_T_DECLARED)
#define _SIGSET_T_DECLARED
typedef __sigset_t sigset_t;
#endif

#define SIGHUP		1
#define SIGINT		2
#define SIGQUIT		3
#define SIGILL		4
#define SIGTRAP		5
#define SIGABRT		6
#define SIGIOT		SIGABRT
#define SIGBUS		7
#define SIGFPE		8
#define SIGKILL		9
#define SIGUSR1		10
#define SIGSEGV		11
#define SIGUSR2		12
#define SIGPIPE		13
#define SIGALRM		14
#define SIGTERM		15
#define SIGSTKFLT	16
#define SIGCHLD		17
#define SIGCLD		SIGCHLD
#define SIGCONT		18
#define SIGSTOP		19
#define SIGTSTP		20
#define SIGTTIN		21
#define SIGTTOU		22
#define SIGURG		23
#define SIGXCPU		24
#define SIGXFSZ		25
#define SIGVTALRM	26
#define SIGPROF		27
#define SIGWINCH	28
#define SIGIO		29
#define SIGPOLL		SIGIO
#define SIGPWR		30
#define SIGSYS		31
#define SIGRTMIN	34
#define SIGRTMAX	64
#define NSIG		65
#define _NSIG		NSIG

union sigval {
	int sival_int;
	void *sival_ptr;
};
typedef union sigval sigval_t;

#define SIGEV_SIGNAL	0
#define SIGEV_NONE	1
#define SIGEV_THREAD	2		/* calls sigev_notify_function in a new thread */

struct sigevent {
	union sigval sigev_value;
	int sigev_signo;
	int sigev_notify;
	void (*sigev_notify_function)(union sigval);
	pthread_attr_t *sigev_notify_attributes;
};
typedef struct sigevent sigevent_t;

/* Values of si_code. */
#define SI_USER		0		/* kill() */
#define SI_KERNEL	0x80		/* also a timer of setitimer() or alarm() */
#define SI_QUEUE	(-1)		/* sigqueue() */
#define SI_TIMER	(-2)		/* a timer of timer_create() */
#define SI_MESGQ	(-3)
#define SI_ASYNCIO	(-4)
#define SI_SIGIO	(-5)
#define SI_TKILL	(-6)		/* pthread_kill(), raise() */
#define ILL_ILLOPC	1
#define FPE_INTDIV	1
#define FPE_INTOVF	2
#define FPE_FLTDIV	3
#define FPE_FLTOVF	4
#define FPE_FLTUND	5
#define FPE_FLTRES	6
#define FPE_FLTINV	7
#define SEGV_MAPERR	1
#define SEGV_ACCERR	2
#define BUS_ADRALN	1
#define BUS_ADRERR	2
#define BUS_OBJERR	3
#define TRAP_BRKPT	1
#define TRAP_TRACE	2
#define CLD_EXITED	1
#define CLD_KILLED	2
#define CLD_DUMPED	3
#define CLD_TRAPPED	4
#define CLD_STOPPED	5
#define CLD_CONTINUED	6
#define POLL_IN		1
#define POLL_OUT	2
#define POLL_MSG	3
#define POLL_ERR	4
#define POLL_PRI	5
#define POLL_HUP	6

typedef struct {
	int si_signo;
	int si_errno;
	int si_code;
	pid_t si_pid;
	uid_t si_uid;
	int si_status;
	union sigval si_value;		/* of sigqueue() and of timers */
	int si_timerid;
	int si_overrun;
	void *si_addr;
	long si_band;
	int si_fd;
} siginfo_t;

#define si_int		si_value.sival_int
#define si_ptr		si_value.sival_ptr

#define SA_NOCLDSTOP	0x00000001	/* no effect: there are no children */
#define SA_NOCLDWAIT	0x00000002
#define SA_SIGINFO	0x00000004	/* sa_sigaction: the third argument is NULL */
#define SA_ONSTACK	0x08000000	/* no effect */
#define SA_RESTART	0x10000000
#define SA_NODEFER	0x40000000
#define SA_RESETHAND	0x80000000
#define SA_NOMASK	SA_NODEFER
#define SA_ONESHOT	SA_RESETHAND

typedef void (*_sig_func_ptr)(int);

struct sigaction {
	union {
		_sig_func_ptr sa_handler;
		void (*sa_sigaction)(int, siginfo_t *, void *);
	} __handler;
	sigset_t sa_mask;
	int sa_flags;
};

#define sa_handler	__handler.sa_handler
#define sa_sigaction	__handler.sa_sigaction

#define SIG_BLOCK	0
#define SIG_UNBLOCK	1
#define SIG_SETMASK	2

#define SS_ONSTACK	1
#define SS_DISABLE	2
#define MINSIGSTKSZ	2048
#define SIGSTKSZ	8192

typedef struct sigaltstack {
	void *ss_sp;
	int ss_flags;
	size_t ss_size;
} stack_t;

int kill(pid_t pid, int sig);
int killpg(pid_t group, int sig);
int sigaction(int sig, const struct sigaction *__restrict act, struct sigaction *__restrict old);
int sigaddset(sigset_t *set, int sig);
int sigdelset(sigset_t *set, int sig);
int sigemptyset(sigset_t *set);
int sigfillset(sigset_t *set);
int sigismember(const sigset_t *set, int sig);
int sigprocmask(int how, const sigset_t *__restrict set, sigset_t *__restrict old);
int sigpending(sigset_t *set);
int sigsuspend(const sigset_t *mask);
int sigwait(const sigset_t *__restrict set, int *__restrict sig);
int sigwaitinfo(const sigset_t *__restrict set, siginfo_t *__restrict info);
int sigtimedwait(const sigset_t *__restrict set, siginfo_t *__restrict info,
		 const struct timespec *__restrict timeout);
int pthread_sigmask(int how, const sigset_t *__restrict set, sigset_t *__restrict old);

/*
 * Sends a signal to a thread. Signal 0 only checks whether the thread exists. Returns 0, ESRCH,
 * EINVAL, or ENOTSUP for signals that would stop a process.
 */
int pthread_kill(pthread_t thread, int sig);

/* Fails with EAGAIN if too many signals are queued. */
int sigqueue(pid_t pid, int sig, const union sigval value);
int sigaltstack(const stack_t *__restrict stack, stack_t *__restrict old);	/* does not link */

/* The older functions of XSI. */
int sighold(int sig);
int sigrelse(int sig);
int sigignore(int sig);
int siginterrupt(int sig, int flag);
int sigpause(int sig);
_sig_func_ptr sigset(int sig, _sig_func_ptr handler);
#define SIG_HOLD	((_sig_func_ptr)2)

#if __MISC_VISIBLE
#define SIG2STR_MAX	17
int sig2str(int sig, char *to);
int str2sig(const char *__restrict name, int *__restrict sig);
#endif

#ifdef __cplusplus
}
#endif

/* <sys/signal.h> and <signal.h> are the same, as in glibc. */
#ifndef _SIGNAL_H_
#include <signal.h>
#endif

#endif

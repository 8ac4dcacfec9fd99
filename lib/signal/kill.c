/* SPDX-License-Identifier: ISC */
/* Sending signals (POSIX.1-2017: kill, pthread_kill, raise, sigqueue). */
#include "lib/signal/signal.h"
#include "lib/result.h"

#include <errno.h>
#include <unistd.h>

static siginfo_t from_self(int sig, int code)
{
	return (siginfo_t){
		.si_signo = sig, .si_code = code, .si_pid = getpid(), .si_uid = getuid(),
	};
}

int pthread_kill(pthread_t id, int sig)
{
	siginfo_t info = from_self(sig, SI_TKILL);
	struct pthread *p;
	int error = 0;

	if (sig < 0 || sig >= NSIG)
		return EINVAL;
	pthread_current();
	kernel_enter();
	p = pthread_lookup(id);
	if (!p)
		error = ESRCH;
	else if (sig && p->thread)
		error = -signal_send(p, &info, NULL);
	kernel_leave();
	return error;
}

int raise(int sig)
{
	return result(is_signal(sig) ? -pthread_kill(pthread_self(), sig) : -EINVAL);
}

/*
 * Any thread that does not block the signal takes it; preferably the current one, whose handler
 * then runs before the return. All values of pid that mean the own process are accepted.
 */
static int send_to_process(pid_t pid, const siginfo_t *info)
{
	int rc;

	if (info->si_signo < 0 || info->si_signo >= NSIG)
		return -EINVAL;
	if (pid > 1 || pid < -1)
		return -ESRCH;
	if (!info->si_signo)
		return 0;
	kernel_enter();
	rc = signal_send(NULL, info, NULL);
	kernel_leave();
	return rc;
}

int kill(pid_t pid, int sig)
{
	siginfo_t info = from_self(sig, SI_USER);

	return result(send_to_process(pid, &info));
}

int killpg(pid_t group, int sig)
{
	return group < 0 ? result(-EINVAL) : kill(group, sig);
}

int sigqueue(pid_t pid, int sig, const union sigval value)
{
	siginfo_t info = from_self(sig, SI_QUEUE);

	info.si_value = value;
	return result(send_to_process(pid, &info));
}

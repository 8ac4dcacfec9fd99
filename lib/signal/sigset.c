/* SPDX-License-Identifier: ISC */
/* Sets of signals (POSIX.1-2017: sigemptyset, ...). */
#include "lib/signal/signal.h"
#include "lib/result.h"

#include <errno.h>
#include <signal.h>

int sigemptyset(sigset_t *set)
{
	*set = 0;
	return 0;
}

int sigfillset(sigset_t *set)
{
	*set = ~(sigset_t)0;
	return 0;
}

int sigaddset(sigset_t *set, int sig)
{
	if (!is_signal(sig))
		return result(-EINVAL);
	*set |= BIT(sig);
	return 0;
}

int sigdelset(sigset_t *set, int sig)
{
	if (!is_signal(sig))
		return result(-EINVAL);
	*set &= ~BIT(sig);
	return 0;
}

int sigismember(const sigset_t *set, int sig)
{
	return is_signal(sig) ? (*set & BIT(sig)) != 0 : result(-EINVAL);
}

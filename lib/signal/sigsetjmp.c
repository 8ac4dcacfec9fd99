/* SPDX-License-Identifier: ISC */
/* sigsetjmp() and siglongjmp() (POSIX.1-2017), also out of a handler. */
#include "lib/thread/pthread.h"

#include <setjmp.h>
#include <signal.h>

/* Without signal functions in the image there is no mask. */
int pthread_sigmask(int how, const sigset_t *restrict new, sigset_t *restrict old)
	__attribute__((weak));

int __sigsetjmp_save(struct __sigjmp_buf *env, int save)
{
	env->__saved = save && pthread_sigmask && !pthread_sigmask(SIG_SETMASK, NULL, &env->__mask);
	return 0;
}

void siglongjmp(sigjmp_buf env, int value)
{
	pthread_current()->nested = 0;	/* the call that a handler interrupted does not continue */
	if (env->__saved)
		pthread_sigmask(SIG_SETMASK, &env->__mask, NULL);
	longjmp(env->__jump, value);
}

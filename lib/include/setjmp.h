/* SPDX-License-Identifier: ISC */
/* newlib's <setjmp.h> with sigsetjmp() and siglongjmp() (POSIX.1-2017), which save the signal mask. */
#ifndef XENOLITH_SETJMP_H
#define XENOLITH_SETJMP_H

#include_next <setjmp.h>
#include <sys/_sigset.h>

#ifdef __cplusplus
extern "C" {
#endif

#undef sigsetjmp
#undef siglongjmp
#undef _setjmp
#undef _longjmp

struct __sigjmp_buf {
	jmp_buf __jump;
	int __saved;
	__sigset_t __mask;
};

typedef struct __sigjmp_buf sigjmp_buf[1];

int __sigsetjmp_save(struct __sigjmp_buf *env, int save);
void siglongjmp(sigjmp_buf env, int value) __attribute__((__noreturn__));

#define sigsetjmp(env, save)	(__sigsetjmp_save(env, save), setjmp((env)->__jump))
/* The mask is not saved, as by setjmp(). */
#define _setjmp(env)		setjmp(env)
#define _longjmp(env, value)	longjmp(env, value)

#ifdef __cplusplus
}
#endif

#endif

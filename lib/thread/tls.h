/* SPDX-License-Identifier: ISC */
/* Thread-local storage: a copy for each thread of _Thread_local variables. */
#ifndef LIB_THREAD_TLS_H
#define LIB_THREAD_TLS_H

#include <stdint.h>

/*
 * Makes a copy. *tls is the thread pointer, for struct thread's `tls`, or 0 if the image
 * has no thread-local data. Returns 0 or -ENOMEM.
 */
int tls_new(uintptr_t *tls);
void tls_free(uintptr_t tls);		/* 0 is ignored; must not be the current thread's */

#endif

/* SPDX-License-Identifier: ISC */
/* Thread-local storage: each thread's own copy of what is declared _Thread_local. */
#ifndef LIB_THREAD_TLS_H
#define LIB_THREAD_TLS_H

#include <stdint.h>

/*
 * A new copy: its thread pointer, for struct thread's `tls`, or 0 where the image has no
 * thread-local data.  0 or -ENOMEM.
 */
int tls_new(uintptr_t *tls);
void tls_free(uintptr_t tls);		/* 0 is nothing; never the running thread's */

#endif

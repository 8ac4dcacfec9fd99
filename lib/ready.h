/* SPDX-License-Identifier: ISC */
/*
 * xenolith_ready() (lib/include/xenolith/resume.h) for code of the library.  Kernel code, in
 * lib/xenolith/ready.c.
 */
#ifndef LIB_READY_H
#define LIB_READY_H

#include <stdbool.h>

/* If the guest becomes a snapshot: sleeps until it is restored, and returns 1 in each copy.  Else 0. */
int ready_reached(void);

/* In images with listening sockets: the program waits for clients, if any socket listens. */
extern bool ready_listens;
void ready_waits(void) __attribute__((weak));

#endif

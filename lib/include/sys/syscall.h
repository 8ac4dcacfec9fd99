/* SPDX-License-Identifier: ISC */
/*
 * syscall() exists for programs that try a system call of Linux and have an alternative: it fails
 * with ENOSYS. There are no numbers SYS_*, for which programs test.
 */
#ifndef XENOLITH_SYS_SYSCALL_H
#define XENOLITH_SYS_SYSCALL_H

#ifdef __cplusplus
extern "C" {
#endif

long syscall(long number, ...);

#ifdef __cplusplus
}
#endif

#endif

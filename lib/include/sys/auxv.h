/* SPDX-License-Identifier: ISC */
/* Values that a program gets at its start, as on Linux (getauxval(3)). */
#ifndef XENOLITH_SYS_AUXV_H
#define XENOLITH_SYS_AUXV_H

#ifdef __cplusplus
extern "C" {
#endif

#define AT_NULL		0
#define AT_PAGESZ	6
#define AT_UID		11
#define AT_EUID		12
#define AT_GID		13
#define AT_EGID		14
#define AT_PLATFORM	15	/* a string */
#define AT_HWCAP	16	/* EDX of CPUID leaf 1 */
#define AT_CLKTCK	17
#define AT_SECURE	23	/* 0 */
#define AT_HWCAP2	26	/* 0 */

/* Other types: 0, with ENOENT. */
unsigned long getauxval(unsigned long type);

#ifdef __cplusplus
}
#endif

#endif

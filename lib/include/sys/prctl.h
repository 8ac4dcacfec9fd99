/* SPDX-License-Identifier: ISC */
/* prctl() of Linux: the name of the calling thread; other operations fail with EINVAL. */
#ifndef XENOLITH_SYS_PRCTL_H
#define XENOLITH_SYS_PRCTL_H

#ifdef __cplusplus
extern "C" {
#endif

#define PR_SET_NAME	15		/* up to 15 bytes; more are cut off */
#define PR_GET_NAME	16		/* into 16 bytes */

int prctl(int operation, ...);

#ifdef __cplusplus
}
#endif

#endif

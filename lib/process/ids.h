/* SPDX-License-Identifier: ISC */
#ifndef LIB_PROCESS_IDS_H
#define LIB_PROCESS_IDS_H

#include <stdbool.h>

/* Whether the effective user is root: only then chroot() and setgroups() succeed, as on Linux. */
bool ids_privileged(void);

#endif

/* SPDX-License-Identifier: ISC */
/* FALLOC_FL_*, which the C library declares for _GNU_SOURCE. */
#include <fcntl.h>

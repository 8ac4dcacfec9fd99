/* SPDX-License-Identifier: ISC */
/*
 * Types that newlib leaves to the machine. newlib's defaults have inode numbers of 16
 * bits. Its time_t and off_t have 64 bits.
 */
#ifndef XENOLITH_MACHINE_TYPES_H
#define XENOLITH_MACHINE_TYPES_H

#include_next <machine/_types.h>

typedef __uint64_t __dev_t;
#define __machine_dev_t_defined

typedef __uint64_t __ino_t;
#define __machine_ino_t_defined

typedef __uint32_t __uid_t;
#define __machine_uid_t_defined

typedef __uint32_t __gid_t;
#define __machine_gid_t_defined

typedef __uint64_t __fsfilcnt_t;
#define __machine_fsfilcnt_t_defined

#endif

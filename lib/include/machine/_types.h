/* SPDX-License-Identifier: ISC */
/*
 * Types that newlib leaves to the machine: its defaults are of a time when an
 * inode number had 16 bits.  time_t and off_t are 64 bits wide as they are.
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

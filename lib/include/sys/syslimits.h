/* SPDX-License-Identifier: ISC */
/* newlib's limits of names, with those that are Linux's here. */
#ifndef XENOLITH_SYS_SYSLIMITS_H
#define XENOLITH_SYS_SYSLIMITS_H

#include_next <sys/syslimits.h>

#undef PATH_MAX
#define PATH_MAX	4096
#undef OPEN_MAX	/* no limits: sysconf() */
#undef CHILD_MAX
#undef ARG_MAX
#define ARG_MAX		131072
#undef LINK_MAX
#define LINK_MAX	65000		/* of ext4 */
#define SYMLINK_MAX	4095
#define SYMLOOP_MAX	40
#define FILESIZEBITS	64

#endif

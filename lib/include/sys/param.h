/* SPDX-License-Identifier: ISC */
/* newlib's <sys/param.h>, and what programs for Linux expect there. */
#ifndef XENOLITH_SYS_PARAM_H
#define XENOLITH_SYS_PARAM_H

#include <limits.h>
#include_next <sys/param.h>

#undef HZ
#define HZ		100
#define MAXHOSTNAMELEN	64
#define MAXSYMLINKS	SYMLOOP_MAX
#define MAXNAMLEN	255
#define NGROUPS		NGROUPS_MAX
#define CANBSIZ		MAX_CANON
#define DEV_BSIZE	512
#define EXEC_PAGESIZE	4096

#ifndef setbit
#define setbit(a, i)	((a)[(i) / NBBY] |= 1 << ((i) % NBBY))
#define clrbit(a, i)	((a)[(i) / NBBY] &= ~(1 << ((i) % NBBY)))
#define isset(a, i)	((a)[(i) / NBBY] & (1 << ((i) % NBBY)))
#define isclr(a, i)	(((a)[(i) / NBBY] & (1 << ((i) % NBBY))) == 0)
#endif
#ifndef roundup
#define roundup(x, y)	(((x) + ((y) - 1)) / (y) * (y))
#endif
#ifndef powerof2
#define powerof2(x)	((((x) - 1) & (x)) == 0)
#endif

#endif

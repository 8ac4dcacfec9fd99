/* SPDX-License-Identifier: ISC */
/* The name of the system (POSIX.1-2017, <sys/utsname.h>). */
#ifndef XENOLITH_SYS_UTSNAME_H
#define XENOLITH_SYS_UTSNAME_H

#include <sys/cdefs.h>

struct utsname {
	char sysname[65];	/* Xenolith */
	char nodename[65];	/* gethostname() */
	char release[65];	/* Xenolith's version */
	char version[65];	/* the hypervisor: Xen */
	char machine[65];	/* x86_64 */
};

__BEGIN_DECLS

int uname(struct utsname *names);

__END_DECLS

#endif

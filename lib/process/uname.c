/* SPDX-License-Identifier: ISC */
#include <errno.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

int uname(struct utsname *names)
{
	int saved = errno;

	*names = (struct utsname){ .sysname = "Xenolith", .release = "1", .version = "Xen",
				   .machine = "x86_64" };
	if (gethostname(names->nodename, sizeof(names->nodename)))
		errno = saved;		/* a longer name is truncated */
	return 0;
}

/* SPDX-License-Identifier: ISC */
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

int uname(struct utsname *names)
{
	*names = (struct utsname){ .sysname = "Xenolith", .release = "1", .version = "Xen",
				   .machine = "x86_64" };
	return gethostname(names->nodename, sizeof(names->nodename));
}

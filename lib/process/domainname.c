/* SPDX-License-Identifier: ISC */
/* The domain of NIS, as on Linux, and gethostid() of 4.2BSD. */
#define _GNU_SOURCE
#include "lib/result.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

static char domain[65] = "(none)";

int getdomainname(char *to, size_t size)
{
	if (size <= strlen(domain))
		return result(-EINVAL);
	strcpy(to, domain);
	return 0;
}

int setdomainname(const char *name, size_t len)
{
	if (len >= sizeof(domain))
		return result(-EINVAL);
	memcpy(domain, name, len);
	domain[len] = '\0';
	return 0;
}

/* No number was given to this host. */
long gethostid(void)
{
	return 0;
}

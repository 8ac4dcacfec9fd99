/* SPDX-License-Identifier: ISC */
/*
 * The obsolete functions for hosts: gethostbyname, gethostbyaddr, h_errno (POSIX.1-2001), and
 * gethostbyname2 and the _r functions as on Linux.
 */
#include "lib/netdb/resolve.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>

static _Thread_local int last_error;

int *__h_errno(void)
{
	return &last_error;
}

const char *hstrerror(int error)
{
	switch (error) {
	case 0:
		return "Success";
	case HOST_NOT_FOUND:
		return "Unknown host";
	case TRY_AGAIN:
		return "Host name lookup failure";
	case NO_RECOVERY:
		return "Unknown server error";
	case NO_DATA:
		return "No address associated with name";
	}
	return "Unknown server error";
}

static int h_errno_of(int error)
{
	switch (error) {
	case EAI_AGAIN:
		return TRY_AGAIN;
	case EAI_NONAME:
		return HOST_NOT_FOUND;
	case EAI_NODATA:
	case EAI_ADDRFAMILY:
		return NO_DATA;
	}
	return NO_RECOVERY;
}

/*
 * The memory contains the pointers, the addresses and the name, in this order. Returns
 * false if it is too small.
 */
static bool fill_hostent(struct hostent *to, const char *name, int family,
			 const struct address *list, unsigned count, char *memory, size_t size)
{
	size_t len = family == AF_INET ? 4 : 16;
	size_t skip = -(uintptr_t)memory % sizeof(char *);
	size_t pointers = (count + 2) * sizeof(char *);
	char **p = (char **)(memory + skip), *at = (char *)p + pointers;

	if (size < skip || size - skip < pointers + count * len + strlen(name) + 1)
		return false;
	to->h_addrtype = family;
	to->h_length = len;
	to->h_addr_list = p;
	for (unsigned i = 0; i < count; i++, at += len)
		*p++ = memcpy(at, &list[i].v6, len);
	*p++ = NULL;
	to->h_aliases = p;
	*p = NULL;
	to->h_name = strcpy(at, name);
	return true;
}

static int return_entry(int error, int *h_error, struct hostent *entry, struct hostent **result)
{
	if (error)
		*h_error = h_errno_of(error);
	*result = error ? NULL : entry;
	return error == EAI_AGAIN ? EAGAIN : error == EAI_MEMORY ? ENOMEM :
	       error == EAI_SYSTEM ? errno : 0;
}

int gethostbyname2_r(const char *name, int family, struct hostent *entry, char *memory,
		     size_t size, struct hostent **result, int *h_error)
{
	struct addrinfo hints = { .ai_family = family };
	struct addresses f = { 0 };
	int rc = family == AF_INET || family == AF_INET6 ? netdb_lookup(name, &hints, &f) :
		 EAI_FAMILY;
	bool fits = rc || fill_hostent(entry, *f.name ? f.name : name, family, f.list, f.count,
			       memory, size);

	free(f.list);
	if (fits)
		return return_entry(rc, h_error, entry, result);
	*result = NULL;
	*h_error = NETDB_INTERNAL;
	return ERANGE;
}

int gethostbyname_r(const char *name, struct hostent *entry, char *memory, size_t size,
		    struct hostent **result, int *h_error)
{
	return gethostbyname2_r(name, AF_INET, entry, memory, size, result, h_error);
}

int gethostbyaddr_r(const void *address, socklen_t len, int family, struct hostent *entry,
		    char *memory, size_t size, struct hostent **result, int *h_error)
{
	struct address a = { .family = family };
	char name[DNSMSG_NAME_MAX];
	int rc = EAI_FAMILY;

	if ((family == AF_INET && len == 4) || (family == AF_INET6 && len == 16)) {
		memcpy(&a.v6, address, len);
		rc = netdb_host_name(&a, NI_NAMEREQD, name, sizeof(name));
	}
	if (rc || fill_hostent(entry, name, family, &a, 1, memory, size))
		return return_entry(rc, h_error, entry, result);
	*result = NULL;
	*h_error = NETDB_INTERNAL;
	return ERANGE;
}

/*
 * Calls a _r function with memory that grows until the result fits. The memory is reused.
 */
#define GROWING(call)								\
	({									\
		static struct hostent entry;					\
		static char *memory;						\
		struct hostent *result;						\
		size_t size = 512;						\
		int rc = ERANGE;						\
		while (rc == ERANGE) {						\
			char *more = realloc(memory, size *= 2);		\
			if (!more) {						\
				h_errno = NETDB_INTERNAL;			\
				return NULL;					\
			}							\
			memory = more;						\
			rc = (call);						\
		}								\
		result;								\
	})

struct hostent *gethostbyname2(const char *name, int family)
{
	return GROWING(gethostbyname2_r(name, family, &entry, memory, size, &result, &h_errno));
}

struct hostent *gethostbyname(const char *name)
{
	return gethostbyname2(name, AF_INET);
}

struct hostent *gethostbyaddr(const void *address, socklen_t len, int family)
{
	return GROWING(gethostbyaddr_r(address, len, family, &entry, memory, size, &result,
				       &h_errno));
}

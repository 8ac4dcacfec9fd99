/* SPDX-License-Identifier: ISC */
/*
 * Names of hosts and services (POSIX.1-2017, <netdb.h>), with Linux's values of
 * constants. Lookups sleep; each function may be called by several threads unless noted.
 */
#ifndef XENOLITH_NETDB_H
#define XENOLITH_NETDB_H

#include <netinet/in.h>

#ifdef __cplusplus
extern "C" {
#endif

struct addrinfo {
	int ai_flags;
	int ai_family;
	int ai_socktype;
	int ai_protocol;
	socklen_t ai_addrlen;
	struct sockaddr *ai_addr;
	char *ai_canonname;
	struct addrinfo *ai_next;
};

#define AI_PASSIVE	0x0001
#define AI_CANONNAME	0x0002
#define AI_NUMERICHOST	0x0004
#define AI_V4MAPPED	0x0008
#define AI_ALL		0x0010
#define AI_ADDRCONFIG	0x0020
#define AI_NUMERICSERV	0x0400

#define EAI_BADFLAGS	(-1)
#define EAI_NONAME	(-2)
#define EAI_AGAIN	(-3)
#define EAI_FAIL	(-4)
#define EAI_NODATA	(-5)
#define EAI_FAMILY	(-6)
#define EAI_SOCKTYPE	(-7)
#define EAI_SERVICE	(-8)
#define EAI_ADDRFAMILY	(-9)
#define EAI_MEMORY	(-10)
#define EAI_SYSTEM	(-11)
#define EAI_OVERFLOW	(-12)

#define NI_NUMERICHOST	0x01
#define NI_NUMERICSERV	0x02
#define NI_NOFQDN	0x04
#define NI_NAMEREQD	0x08
#define NI_DGRAM	0x10
#define NI_NUMERICSCOPE	0x20
#define NI_MAXHOST	1025
#define NI_MAXSERV	32

#define _PATH_HOSTS		"/etc/hosts"
#define _PATH_SERVICES		"/etc/services"

int getaddrinfo(const char *host, const char *service, const struct addrinfo *hints,
		struct addrinfo **list);
void freeaddrinfo(struct addrinfo *list);
int getnameinfo(const struct sockaddr *name, socklen_t name_len, char *host,
		socklen_t host_size, char *service, socklen_t service_size, int flags);
const char *gai_strerror(int error);

struct hostent {
	char *h_name;
	char **h_aliases;
	int h_addrtype;
	int h_length;
	char **h_addr_list;
#define h_addr h_addr_list[0]
};

struct servent {
	char *s_name;
	char **s_aliases;
	int s_port;
	char *s_proto;
};

struct protoent {
	char *p_name;
	char **p_aliases;
	int p_proto;
};

#define NETDB_INTERNAL	(-1)
#define NETDB_SUCCESS	0
#define HOST_NOT_FOUND	1
#define TRY_AGAIN	2
#define NO_RECOVERY	3
#define NO_DATA		4
#define NO_ADDRESS	NO_DATA

/* The result is in static memory, which the next call of any thread overwrites. */
struct hostent *gethostbyname(const char *name);
struct hostent *gethostbyname2(const char *name, int family);
struct hostent *gethostbyaddr(const void *address, socklen_t len, int family);
struct servent *getservbyname(const char *name, const char *protocol);
struct servent *getservbyport(int port, const char *protocol);
struct protoent *getprotobyname(const char *name);
struct protoent *getprotobynumber(int number);
const char *hstrerror(int error);
void herror(const char *what);		/* on stderr */

/*
 * As in glibc: the result is in the caller's memory. Returns 0 or an error number
 * (ERANGE: the memory is too small).
 */
int gethostbyname_r(const char *name, struct hostent *entry, char *memory, size_t size,
		    struct hostent **result, int *h_error);
int gethostbyname2_r(const char *name, int family, struct hostent *entry, char *memory,
		     size_t size, struct hostent **result, int *h_error);
int gethostbyaddr_r(const void *address, socklen_t len, int family, struct hostent *entry,
		    char *memory, size_t size, struct hostent **result, int *h_error);

int getservbyname_r(const char *name, const char *protocol, struct servent *entry, char *memory,
		    size_t size, struct servent **result);
int getservbyport_r(int port, const char *protocol, struct servent *entry, char *memory,
		    size_t size, struct servent **result);

int *__h_errno(void);
#define h_errno (*__h_errno())

#ifdef __cplusplus
}
#endif

#endif

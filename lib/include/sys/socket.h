/* SPDX-License-Identifier: ISC */
/*
 * Sockets (POSIX.1-2017, <sys/socket.h>), with Linux's values of constants and additions.
 * connect(), accept() and the calls that send and receive sleep, unless O_NONBLOCK is set for
 * the descriptor or MSG_DONTWAIT for the call; close() may sleep with SO_LINGER.
 */
#ifndef XENOLITH_SYS_SOCKET_H
#define XENOLITH_SYS_SOCKET_H

#include <sys/types.h>
#include <sys/uio.h>

#include <stdint.h>
#include <sys/timespec.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef uint32_t socklen_t;
typedef uint16_t sa_family_t;

#define AF_UNSPEC	0
#define AF_UNIX		1
#define AF_LOCAL	AF_UNIX
#define AF_INET		2
#define AF_INET6	10
#define AF_NETLINK	16		/* EAFNOSUPPORT, as the next one */
#define AF_PACKET	17
#define AF_MAX		46
#define PF_UNSPEC	AF_UNSPEC
#define PF_UNIX		AF_UNIX
#define PF_LOCAL	AF_LOCAL
#define PF_INET		AF_INET
#define PF_INET6	AF_INET6
#define PF_NETLINK	AF_NETLINK
#define PF_PACKET	AF_PACKET
#define PF_MAX		AF_MAX

#define SOCK_STREAM	1
#define SOCK_DGRAM	2
#define SOCK_RAW	3
#define SOCK_SEQPACKET	5
#define SOCK_NONBLOCK	04000		/* for socket(), socketpair() and accept4() */
#define SOCK_CLOEXEC	02000000

#define SOMAXCONN	4096

struct sockaddr {
	sa_family_t sa_family;
	char sa_data[14];
};

struct sockaddr_storage {
	sa_family_t ss_family;
	char __data[126 - sizeof(unsigned long)];
	unsigned long __align;
};

struct linger {
	int l_onoff;
	int l_linger;			/* seconds */
};

struct msghdr {
	void *msg_name;
	socklen_t msg_namelen;
	struct iovec *msg_iov;
	size_t msg_iovlen;
	void *msg_control;
	size_t msg_controllen;
	int msg_flags;
};

struct mmsghdr {
	struct msghdr msg_hdr;
	unsigned msg_len;
};

struct cmsghdr {
	size_t cmsg_len;
	int cmsg_level;
	int cmsg_type;
};

#define CMSG_ALIGN(len)		(((len) + sizeof(size_t) - 1) & ~(sizeof(size_t) - 1))
#define CMSG_DATA(c)		((unsigned char *)((struct cmsghdr *)(c) + 1))
#define CMSG_SPACE(len)		(CMSG_ALIGN(len) + CMSG_ALIGN(sizeof(struct cmsghdr)))
#define CMSG_LEN(len)		(CMSG_ALIGN(sizeof(struct cmsghdr)) + (len))
#define CMSG_FIRSTHDR(m)	((m)->msg_controllen >= sizeof(struct cmsghdr) ?		\
				 (struct cmsghdr *)(m)->msg_control : (struct cmsghdr *)0)
#define CMSG_NXTHDR(m, c)	__cmsg_nxthdr(m, c)

static inline struct cmsghdr *__cmsg_nxthdr(const struct msghdr *m, const struct cmsghdr *c)
{
	char *next = (char *)c + CMSG_ALIGN(c->cmsg_len);
	char *end = (char *)m->msg_control + m->msg_controllen;

	return c->cmsg_len < sizeof(*c) || next + sizeof(*c) > end ? (struct cmsghdr *)0 :
	       (struct cmsghdr *)next;
}

#define SCM_RIGHTS	1		/* of AF_UNIX */

#if __GNU_VISIBLE
/* SO_PEERCRED of AF_UNIX: the process itself. */
struct ucred {
	pid_t pid;
	uid_t uid;
	gid_t gid;
};
#endif

#define MSG_OOB		0x01
#define MSG_PEEK	0x02
#define MSG_DONTROUTE	0x04
#define MSG_CTRUNC	0x08
#define MSG_TRUNC	0x20
#define MSG_DONTWAIT	0x40
#define MSG_EOR		0x80
#define MSG_WAITALL	0x100
#define MSG_ERRQUEUE	0x2000		/* the error queue is always empty */
#define MSG_NOSIGNAL	0x4000		/* accepted: there is never a SIGPIPE */
#define MSG_MORE	0x8000
#define MSG_WAITFORONE	0x10000
#define MSG_CMSG_CLOEXEC 0x40000000

#define SHUT_RD		0
#define SHUT_WR		1
#define SHUT_RDWR	2

#define SOL_SOCKET	1
#define SO_DEBUG	1
#define SO_REUSEADDR	2
#define SO_TYPE		3
#define SO_ERROR	4
#define SO_DONTROUTE	5
#define SO_BROADCAST	6
#define SO_SNDBUF	7
#define SO_RCVBUF	8
#define SO_KEEPALIVE	9
#define SO_OOBINLINE	10
#define SO_LINGER	13
#define SO_REUSEPORT	15
#define SO_PASSCRED	16
#define SO_PEERCRED	17
#define SO_RCVLOWAT	18
#define SO_SNDLOWAT	19
#define SO_RCVTIMEO	20
#define SO_SNDTIMEO	21
#define SO_BINDTODEVICE	25
#define SO_ACCEPTCONN	30
#define SO_PROTOCOL	38
#define SO_DOMAIN	39

int socket(int domain, int type, int protocol);
int socketpair(int domain, int type, int protocol, int fds[2]);
int bind(int fd, const struct sockaddr *name, socklen_t len);
int listen(int fd, int backlog);
int accept(int fd, struct sockaddr *name, socklen_t *len);
int accept4(int fd, struct sockaddr *name, socklen_t *len, int flags);
int connect(int fd, const struct sockaddr *name, socklen_t len);
int shutdown(int fd, int how);
int getsockname(int fd, struct sockaddr *name, socklen_t *len);
int getpeername(int fd, struct sockaddr *name, socklen_t *len);
int getsockopt(int fd, int level, int option, void *value, socklen_t *len);
int setsockopt(int fd, int level, int option, const void *value, socklen_t len);
ssize_t send(int fd, const void *data, size_t len, int flags);
ssize_t sendto(int fd, const void *data, size_t len, int flags, const struct sockaddr *name,
	       socklen_t name_len);
ssize_t sendmsg(int fd, const struct msghdr *message, int flags);
int sendmmsg(int fd, struct mmsghdr *messages, unsigned count, int flags);
ssize_t recv(int fd, void *to, size_t len, int flags);
ssize_t recvfrom(int fd, void *to, size_t len, int flags, struct sockaddr *name,
		 socklen_t *name_len);
ssize_t recvmsg(int fd, struct msghdr *message, int flags);
int recvmmsg(int fd, struct mmsghdr *messages, unsigned count, int flags,
	     struct timespec *timeout);
int sockatmark(int fd);

#ifdef __cplusplus
}
#endif

#endif

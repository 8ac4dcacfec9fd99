/* SPDX-License-Identifier: ISC */
/*
 * Sockets: files whose operations depend on the protocol.
 *
 * socket.c and socket_message.c have the POSIX functions, socket_file.c the common part
 * of all protocols. socket_tcp*.c, socket_udp.c and socket_raw.c have the protocols, on
 * lwIP's raw interface, which is called directly: all of this is kernel code. Code that
 * has called lwIP calls net_push() before it sleeps; each socket function does so at its
 * end. socketpair.c needs no network.
 */
#ifndef LIB_SOCKET_SOCKET_H
#define LIB_SOCKET_SOCKET_H

#include "kernel/sched.h"
#include "lib/file/file.h"

#include <lwip/err.h>
#include <lwip/ip_addr.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/uio.h>

struct endpoint {
	ip_addr_t ip;
	uint16_t port;
};

/* A message to be sent, or the buffers for a received one. */
struct message {
	const struct iovec *iov;
	size_t count;			/* number of buffers in iov */
	size_t size;			/* total size of the buffers */
	int flags;			/* MSG_* */
	bool may_sleep;			/* the call may sleep */
	bool named;			/* name is valid: the destination, or the source */
	struct endpoint name;
	int result;			/* after receiving: MSG_TRUNC */
	/* Names of local sockets: the destination; where the source is written. NULL: none. */
	const struct sockaddr *address;
	socklen_t address_len;
	struct sockaddr *from;
	socklen_t *from_len;
	/* The local address of a datagram: its destination, or the requested source. */
	bool has_local;
	ip_addr_t local;
	uint8_t netif;			/* index; 0: by routing */
	/* lib/file/rights.h; sent or received; NULL: ownership was taken */
	struct rights *rights;
};

struct socket_ops;
struct tcp_info;

struct socket {
	struct file file;
	const struct socket_ops *ops;
	int domain, type, protocol;
	bool v6only;
	bool pktinfo, pktinfo6;		/* report the destination of datagrams */
	int error;			/* for SO_ERROR and the next call: an errno, or 0 */
	struct waitq readers, writers;
	struct group *groups;		/* joined multicast groups: socket_group.c */
	/* Options that an accepted connection inherits. */
	struct {
		uint64_t rcv_timeout, snd_timeout;	/* ns; NEVER: none */
		size_t rcvbuf, sndbuf;			/* bytes */
		uint8_t so;				/* lwIP's SOF_* */
		uint8_t ttl, tos;			/* 0: default */
		bool reuseport, linger, oobinline;
		uint32_t linger_time;			/* s */
		bool nodelay, cork;
		uint32_t keep_idle, keep_interval, keep_count;	/* s; 0: default */
		uint8_t mcast_ttl;
		bool mcast_loop;
		uint8_t mcast_if;			/* index of a netif; 0: by routing */
	} o;
};

/* Functions return 0, a count or -errno. If one is NULL the result is -EOPNOTSUPP. */
struct socket_ops {
	int (*bind)(struct socket *s, const struct endpoint *name);
	int (*connect)(struct socket *s, const struct endpoint *to, bool may_sleep);
	int (*disconnect)(struct socket *s);
	int (*listen)(struct socket *s, unsigned backlog);
	int (*accept)(struct socket *s, bool may_sleep, struct socket **connection);
	ssize_t (*send)(struct socket *s, struct message *m);
	ssize_t (*recv)(struct socket *s, struct message *m);
	/* Sends bytes that never change. Returns how many, at least 1. */
	ssize_t (*send_bytes)(struct socket *s, const void *from, size_t len);
	ssize_t (*send_file)(struct socket *s, struct file *f, off_t at, size_t len);
	int (*shutdown)(struct socket *s, int how);
	int (*name)(struct socket *s, bool peer, struct endpoint *to);
	/* Options that concern lwIP have changed. */
	void (*apply)(struct socket *s);
	int (*setopt)(struct socket *s, int level, int option, const void *value, size_t len);
	int (*getopt)(struct socket *s, int level, int option, int *value);
	void (*info)(struct socket *s, struct tcp_info *to);	/* TCP_INFO */
	size_t (*readable)(struct socket *s);	/* FIONREAD */
	size_t (*unacked)(struct socket *s);	/* TIOCOUTQ; NULL: not supported */
	unsigned (*ready)(struct socket *s);
	void (*close)(struct socket *s);	/* and frees the socket */
};

extern const struct socket_ops tcp_socket_ops, udp_socket_ops, raw_socket_ops;

/* Create a socket of each type. NULL: no memory. */
struct socket *tcp_socket_new(int domain);
struct socket *udp_socket_new(int domain);
struct socket *raw_socket_new(int domain, int protocol);

/* Initialises the common part. */
void socket_init(struct socket *s, const struct socket_ops *ops, int domain, int type,
		 int protocol);

/* Whether the file is a socket of a socketpair(). */
bool socket_is_local(const struct file *f);

/* Returns NULL if the file is not a socket. */
struct socket *socket_of(struct file *f);

/* Whether a call with these MSG_* flags may sleep. */
bool socket_may_sleep(const struct socket *s, int flags);

/*
 * Sends or receives m, whose iov, count and flags are set. Returns a count of bytes or
 * -errno. Sleeps if socket_may_sleep().
 */
ssize_t socket_transfer(struct socket *s, bool out, struct message *m);

/* The socket may have become ready: wakes threads and notifies watchers. */
void socket_readable(struct socket *s);
void socket_writable(struct socket *s);

/* Returns the pending error as -errno, or 0, and clears it. */
int socket_error(struct socket *s);

/* The deadline of a call that begins now; timeout in ns. */
uint64_t socket_deadline(uint64_t timeout);

/* Converts lwIP's error to -errno. */
int socket_errno(err_t err);

/* The lwIP address type for the socket's local address. */
uint8_t socket_ip_type(const struct socket *s);

/* Whether the address is one of the guest's. */
bool socket_is_own_address(const ip_addr_t *ip);

/* Whether the address is 255.255.255.255, or the broadcast address of a vif. */
bool socket_is_broadcast(const ip_addr_t *ip);

/*
 * Whether there is a source address for this destination, and if not, whether one may be
 * assigned.
 */
bool socket_has_source(const struct endpoint *to);
bool socket_source_pending(const struct endpoint *to);

/* Waits for a source address if there is none yet. Returns 0 or -errno. */
int socket_wait_source(const struct endpoint *to);

/* socket_option.c */
int socket_setopt(struct socket *s, int level, int option, const void *value, size_t len);
int socket_getopt(struct socket *s, int level, int option, void *value, socklen_t *len);

/*
 * socket_cmsg.c: parses the control messages of a message to be sent (0 or -errno);
 * writes those of a received one.
 */
int socket_cmsg_read(struct socket *s, const struct msghdr *h, struct message *m);
void socket_cmsg_write(struct socket *s, struct msghdr *h, struct message *m);

/*
 * socket_group.c: joins or leaves a group, by a struct ip_mreq(n) or ipv6_mreq (0 or
 * -errno); leaves all groups.
 */
int socket_group_v4(struct socket *s, bool joins, const void *value, size_t len);
int socket_group_v6(struct socket *s, bool joins, const void *value, size_t len);
void socket_groups_leave(struct socket *s);

/* sockaddr.c: convert addresses; 0 or -errno. */
int sockaddr_read(const struct socket *s, const struct sockaddr *from, socklen_t len,
		  struct endpoint *to);
void sockaddr_write(const struct socket *s, const struct endpoint *from, struct sockaddr *to,
		    socklen_t *len);

/* A position in an array of buffers. */
struct cursor {
	const struct iovec *iov;
	size_t at;
};
void cursor_put(struct cursor *c, const void *from, size_t len);	/* to the buffers */
void cursor_get(struct cursor *c, void *to, size_t len);	/* from the buffers */

#endif

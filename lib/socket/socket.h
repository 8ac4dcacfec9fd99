/* SPDX-License-Identifier: ISC */
/*
 * Sockets: files whose operations are a protocol's.
 *
 * socket.c and socket_message.c have the calls, socket_file.c what all protocols share.
 * socket_tcp*.c, socket_udp.c and socket_raw.c have the protocols, on lwIP's raw interface,
 * which is called directly: all of this is kernel code, and a monitor.  Code that calls lwIP
 * calls net_push() before it sleeps; each socket call does so at its end.  socketpair.c needs
 * no network.
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

/* What is sent, or where what is received goes. */
struct message {
	const struct iovec *iov;
	size_t count;			/* of iov */
	size_t size;			/* of all of them */
	int flags;			/* MSG_* */
	bool patient;			/* it may wait */
	bool named;			/* name is there: where it goes to, or came from */
	struct endpoint name;
	int result;			/* received: MSG_TRUNC */
	/* A datagram's address on our side: its destination, or what its source shall be. */
	bool has_local;
	ip_addr_t local;
	uint8_t netif;			/* index; 0: by route */
	struct rights *rights;		/* lib/file/rights.h; sent, or received: NULL if taken over */
};

struct socket_ops;

struct socket {
	struct file file;
	const struct socket_ops *ops;
	int domain, type, protocol;
	bool v6only;
	bool pktinfo, pktinfo6;		/* tell the destination of datagrams */
	int error;			/* for SO_ERROR and the next call: errno, or 0 */
	struct waitq readers, writers;
	struct group *groups;		/* what it has joined: socket_group.c */
	/* Options, which an accepted connection inherits. */
	struct {
		uint64_t rcv_timeout, snd_timeout;	/* ns; NEVER: none */
		size_t rcvbuf, sndbuf;			/* bytes */
		uint8_t so;				/* lwIP's SOF_* */
		uint8_t ttl, tos;			/* 0: as always */
		bool reuseport, linger, oobinline;
		uint32_t linger_time;			/* s */
		bool nodelay, cork;
		uint32_t keep_idle, keep_interval, keep_count;	/* s; 0: as always */
		uint8_t mcast_ttl;
		bool mcast_loop;
		uint8_t mcast_if;			/* netif's index; 0: by route */
	} o;
};

/* Results are 0, a count or -errno; NULL: -EOPNOTSUPP. */
struct socket_ops {
	int (*bind)(struct socket *s, const struct endpoint *name);
	int (*connect)(struct socket *s, const struct endpoint *to, bool patient);
	int (*disconnect)(struct socket *s);
	int (*listen)(struct socket *s, unsigned backlog);
	int (*accept)(struct socket *s, bool patient, struct socket **connection);
	ssize_t (*send)(struct socket *s, struct message *m);
	ssize_t (*recv)(struct socket *s, struct message *m);
	/* Bytes that never change go out; how many, at least 1. */
	ssize_t (*send_bytes)(struct socket *s, const void *from, size_t len);
	ssize_t (*send_file)(struct socket *s, struct file *f, off_t at, size_t len);
	int (*shutdown)(struct socket *s, int how);
	int (*name)(struct socket *s, bool peer, struct endpoint *to);
	/* Options have changed that concern lwIP. */
	void (*apply)(struct socket *s);
	int (*setopt)(struct socket *s, int level, int option, const void *value, size_t len);
	int (*getopt)(struct socket *s, int level, int option, int *value);
	size_t (*readable)(struct socket *s);	/* FIONREAD */
	size_t (*unacked)(struct socket *s);	/* TIOCOUTQ, or NULL */
	unsigned (*ready)(struct socket *s);
	void (*close)(struct socket *s);	/* and free it */
};

extern const struct socket_ops tcp_socket_ops, udp_socket_ops, raw_socket_ops;

/* A new one, of each kind: NULL: no memory. */
struct socket *tcp_socket_new(int domain);
struct socket *udp_socket_new(int domain);
struct socket *raw_socket_new(int domain, int protocol);

/* For them: what is shared begins like this. */
void socket_init(struct socket *s, const struct socket_ops *ops, int domain, int type,
		 int protocol);

/* The file is an end of a socketpair(). */
bool socket_is_local(const struct file *f);

/* NULL: the file is no socket. */
struct socket *socket_of(struct file *f);

/* Whether a call with these MSG_* flags may sleep. */
bool socket_patient(const struct socket *s, int flags);

/*
 * Sends or receives m, whose iov, count and flags are set.  Returns a count of bytes or
 * -errno.
 */
ssize_t socket_transfer(struct socket *s, bool out, struct message *m);

/* What the socket is ready for may have changed. */
void socket_readable(struct socket *s);
void socket_writable(struct socket *s);

/* The pending error, which is none then: -errno or 0. */
int socket_error(struct socket *s);

/* When a call that waits gives up. */
uint64_t socket_deadline(uint64_t timeout);

/* lwIP's errors as -errno. */
int socket_errno(err_t err);

/* lwIP's type of address for what the socket is bound to. */
uint8_t socket_ip_type(const struct socket *s);

/* An address that packets to us bear. */
bool socket_is_ours(const ip_addr_t *ip);

/* 255.255.255.255, or the broadcast address of a link. */
bool socket_is_broadcast(const ip_addr_t *ip);

/* Whether there is an address to send there from, and if not, whether one may come. */
bool socket_is_up(const struct endpoint *to);
bool socket_comes_up(const struct endpoint *to);

/* If there is no address yet: wait for one.  0 or -errno. */
int socket_wait_up(const struct endpoint *to);

/* socket_option.c */
int socket_setopt(struct socket *s, int level, int option, const void *value, size_t len);
int socket_getopt(struct socket *s, int level, int option, void *value, socklen_t *len);

/* socket_cmsg.c: the control messages of what is sent, 0 or -errno; of what was received. */
int socket_cmsg_read(struct socket *s, const struct msghdr *h, struct message *m);
void socket_cmsg_write(struct socket *s, struct msghdr *h, struct message *m);

/* socket_group.c: join or leave, as a struct ip_mreq(n) or ipv6_mreq says; leave all. */
int socket_group_v4(struct socket *s, bool joins, const void *value, size_t len);
int socket_group_v6(struct socket *s, bool joins, const void *value, size_t len);
void socket_groups_leave(struct socket *s);

/* sockaddr.c: 0 or -errno. */
int sockaddr_read(const struct socket *s, const struct sockaddr *from, socklen_t len,
		  struct endpoint *to);
void sockaddr_write(const struct socket *s, const struct endpoint *from, struct sockaddr *to,
		    socklen_t *len);

/* A place in an array of pieces. */
struct cursor {
	const struct iovec *iov;
	size_t at;
};
void cursor_put(struct cursor *c, const void *from, size_t len);	/* to the pieces */
void cursor_get(struct cursor *c, void *to, size_t len);		/* from them */

#endif

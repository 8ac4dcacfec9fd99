/* SPDX-License-Identifier: ISC */
/* epoll as on Linux (epoll(7)). epoll_wait() sleeps; timeouts are in ms. */
#ifndef XENOLITH_SYS_EPOLL_H
#define XENOLITH_SYS_EPOLL_H

#include <signal.h>
#include <stdint.h>
#include <time.h>

#ifdef __cplusplus
extern "C" {
#endif

enum EPOLL_EVENTS {
	EPOLLIN		= 0x0001,
#define EPOLLIN		EPOLLIN
	EPOLLPRI	= 0x0002,
#define EPOLLPRI	EPOLLPRI
	EPOLLOUT	= 0x0004,
#define EPOLLOUT	EPOLLOUT
	EPOLLERR	= 0x0008,
#define EPOLLERR	EPOLLERR
	EPOLLHUP	= 0x0010,
#define EPOLLHUP	EPOLLHUP
	EPOLLRDNORM	= 0x0040,
#define EPOLLRDNORM	EPOLLRDNORM
	EPOLLRDBAND	= 0x0080,
#define EPOLLRDBAND	EPOLLRDBAND
	EPOLLWRNORM	= 0x0100,
#define EPOLLWRNORM	EPOLLWRNORM
	EPOLLWRBAND	= 0x0200,
#define EPOLLWRBAND	EPOLLWRBAND
	EPOLLRDHUP	= 0x2000,
#define EPOLLRDHUP	EPOLLRDHUP
	EPOLLEXCLUSIVE	= 1u << 28,	/* accepted, without effect */
#define EPOLLEXCLUSIVE	EPOLLEXCLUSIVE
	EPOLLWAKEUP	= 1u << 29,
#define EPOLLWAKEUP	EPOLLWAKEUP
	EPOLLONESHOT	= 1u << 30,
#define EPOLLONESHOT	EPOLLONESHOT
	EPOLLET		= 1u << 31,
#define EPOLLET		EPOLLET
};

#define EPOLL_CTL_ADD	1
#define EPOLL_CTL_DEL	2
#define EPOLL_CTL_MOD	3

#define EPOLL_CLOEXEC	02000000

typedef union epoll_data {
	void *ptr;
	int fd;
	uint32_t u32;
	uint64_t u64;
} epoll_data_t;

struct epoll_event {
	uint32_t events;
	epoll_data_t data;
} __attribute__((packed));

int epoll_create(int size);
int epoll_create1(int flags);
int epoll_ctl(int epfd, int op, int fd, struct epoll_event *event);
int epoll_wait(int epfd, struct epoll_event *events, int max, int ms);
int epoll_pwait(int epfd, struct epoll_event *events, int max, int ms, const sigset_t *mask);

#ifdef __cplusplus
}
#endif

#endif

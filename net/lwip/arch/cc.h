/* SPDX-License-Identifier: ISC */
/* lwIP's requirements of the compiler and the system: see lwip/arch.h. */
#ifndef NET_LWIP_ARCH_CC_H
#define NET_LWIP_ARCH_CC_H

#include "kernel/log.h"

#include <limits.h>
#include <stdlib.h>
#include <sys/time.h>

#define LWIP_TIMEVAL_PRIVATE	0
#ifndef SSIZE_MAX
#define SSIZE_MAX		LONG_MAX
#endif
#define LWIP_PLATFORM_DIAG(x)	do { log_lwip x; } while (0)
#define LWIP_PLATFORM_ASSERT(x)	panic("lwIP: %s", x)

void log_lwip(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* Unpredictable numbers, for ports, DNS ids and similar. */
uint32_t net_random(void);
#define LWIP_RAND()		net_random()

/* net/random.c: stores a random port from 32768 to 65534 in *port. Returns 0x10000. */
int net_port(uint16_t *port);

/* net/rx_memory.c: bytes of out-of-order data that a connection may store now. */
uint32_t net_ooseq_limit(void);

/* The checksum of RFC 1071, in memory byte order, folded and not inverted. */
uint16_t net_sum(const void *data, int len);

/* net/lwip_memory.c. The host tests use malloc(), which the sanitizers check. */
#ifndef mem_clib_malloc
#include <stddef.h>
void *net_malloc(size_t len);
void *net_calloc(size_t n, size_t len);
void net_free(void *p);
#define mem_clib_malloc		net_malloc
#define mem_clib_calloc		net_calloc
#define mem_clib_free		net_free
#endif

/* Additional TCP window and send buffer, by the guest's memory: net/net.h. */
extern uint32_t net_extra_window, net_extra_sndbuf;

#endif

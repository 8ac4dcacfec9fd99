/* SPDX-License-Identifier: ISC */
/* Types of 4.4BSD for headers in network byte order. */
#ifndef XENOLITH_NETINET_IN_SYSTM_H
#define XENOLITH_NETINET_IN_SYSTM_H

#include <stdint.h>
#include <sys/types.h>

typedef uint16_t n_short;
typedef uint32_t n_long, n_time;

#endif

/* SPDX-License-Identifier: ISC */
/* Options of TCP, with Linux's values. */
#ifndef XENOLITH_NETINET_TCP_H
#define XENOLITH_NETINET_TCP_H

#define TCP_NODELAY		1
#define TCP_MAXSEG		2	/* read-only */
#define TCP_CORK		3
#define TCP_KEEPIDLE		4	/* seconds */
#define TCP_KEEPINTVL		5
#define TCP_KEEPCNT		6
/* This and the next ones: ENOPROTOOPT unless the value is 0 */
#define TCP_DEFER_ACCEPT	9
#define TCP_QUICKACK		12
#define TCP_USER_TIMEOUT	18
#define TCP_FASTOPEN		23

#define SOL_TCP			6

#endif

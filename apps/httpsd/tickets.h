/* SPDX-License-Identifier: ISC */
/*
 * Session tickets (RFC 5077; RFC 8446, 4.6.1): a client that comes back proves with one that it
 * was here, and the server keeps nothing. The keys of tickets are random, in memory only, and
 * replaced after half a day; tickets of the keys before are still accepted. So they survive a
 * change of certificates, but not a restart.
 */
#ifndef HTTPSD_TICKETS_H
#define HTTPSD_TICKETS_H

#include <openssl/ssl.h>

#include <stdbool.h>

bool tickets_start(void);		/* false: no random numbers */
void tickets_use(SSL_CTX *c);

#endif

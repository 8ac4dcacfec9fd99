/* SPDX-License-Identifier: ISC */
/* The certificates: read from files, selected by the name that a client asks for. */
#ifndef HTTPSD_CERTIFICATES_H
#define HTTPSD_CERTIFICATES_H

#include <openssl/ssl.h>

#include <stdbool.h>

/*
 * Reads the files, separated by commas; each of cert has a certificate with its chain, and each of
 * key its key. key may be NULL: the keys are in the same files. Returns false after a message.
 */
bool certificates_load(const char *cert, const char *key);

/* The same again, if a file has changed since, or `now`. After an error the old ones stay. */
void certificates_reload(bool now);

/* The first certificate, with which a connection begins. It selects another one by itself. */
SSL_CTX *certificates_first(void);

#endif

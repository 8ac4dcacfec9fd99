/* SPDX-License-Identifier: ISC */
/* OpenSSL as apps/httpd uses it. */
#ifndef HTTPSD_SESSION_H
#define HTTPSD_SESSION_H

#include "apps/httpd/tls.h"

extern const struct tls_methods openssl_methods;

#endif

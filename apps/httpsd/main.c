/* SPDX-License-Identifier: ISC */
/* apps/httpd with TLS by OpenSSL (ports/openssl). docs/tls.md describes its use. */
#include "apps/httpd/httpd.h"
#include "apps/httpsd/session.h"

int main(int argc, char **argv)
{
	return httpd(argc, argv, &openssl_methods);
}

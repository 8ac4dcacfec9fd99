/* SPDX-License-Identifier: ISC */
#ifndef HTTPD_HTTPD_H
#define HTTPD_HTTPD_H

struct tls_methods;

/* The whole server: arguments are options. Returns an exit status after an error; tls may be NULL. */
int httpd(int argc, char **argv, const struct tls_methods *tls);

#endif

/* SPDX-License-Identifier: ISC */
/* The functions of Xen's library that backend/dom0 uses (../fake_xen.c). */
#ifndef XENSTORE_H
#define XENSTORE_H

#include <stdbool.h>

#define XBT_NULL 0
typedef unsigned xs_transaction_t;

struct xs_handle;

struct xs_handle *xs_open(unsigned long flags);
void xs_close(struct xs_handle *h);
void *xs_read(struct xs_handle *h, unsigned t, const char *path, unsigned *len);
bool xs_write(struct xs_handle *h, unsigned t, const char *path, const void *data, unsigned len);
bool xs_rm(struct xs_handle *h, unsigned t, const char *path);
char **xs_directory(struct xs_handle *h, unsigned t, const char *path, unsigned *n);
bool xs_watch(struct xs_handle *h, const char *path, const char *token);
char **xs_read_watch(struct xs_handle *h, unsigned *n);
xs_transaction_t xs_transaction_start(struct xs_handle *h);
bool xs_transaction_end(struct xs_handle *h, xs_transaction_t t, bool abort);

#endif

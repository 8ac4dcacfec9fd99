/* SPDX-License-Identifier: ISC */
/* The functions of Xen's library that tools/xenolith uses, over a socket (fake.c). */
#ifndef LIBXENVCHAN_H
#define LIBXENVCHAN_H

#include <stddef.h>

struct libxenvchan {
	int blocking, fd;
};

struct libxenvchan *libxenvchan_client_init(void *logger, int domain, const char *path);
struct libxenvchan *libxenvchan_server_init(void *logger, int domain, const char *path,
					    size_t read_min, size_t write_min);
int libxenvchan_read(struct libxenvchan *c, void *data, size_t size);
int libxenvchan_write(struct libxenvchan *c, const void *data, size_t size);
int libxenvchan_data_ready(struct libxenvchan *c);
int libxenvchan_wait(struct libxenvchan *c);
int libxenvchan_is_open(struct libxenvchan *c);
int libxenvchan_fd_for_select(struct libxenvchan *c);
void libxenvchan_close(struct libxenvchan *c);

#endif

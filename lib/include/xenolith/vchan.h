/* SPDX-License-Identifier: ISC */
/*
 * Byte streams to another domain: vchan, compatible with Xen's libxenvchan and
 * vchan-socket-proxy (xen/io/libxenvchan.h). Both functions return a descriptor for
 * read(), write(), poll() and close(), or -1 with errno. O_NONBLOCK is supported.
 */
#ifndef XENOLITH_VCHAN_H
#define XENOLITH_VCHAN_H

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Serves a domain's clients, one after another, at a path in xenstore. A path without a
 * leading slash is below the guest's own directory ("data/vchan/0/echo"). Received data
 * goes through a ring of 1 << read_order bytes, sent data through one of 1 << write_order
 * bytes. Orders are 10 to 20, but not both 10 or both 11, nor 10 and 20.
 *
 * read() waits for a client, and returns 0 when it has disconnected; later data belongs
 * to the next client. write() fails with EPIPE until this 0 was read, and with ENOTCONN
 * without a client (POLLOUT is set when there is one). ECONNRESET, EPROTO: the client was
 * disconnected, as after 0; another one may connect.
 *
 * Errors: EINVAL, ENAMETOOLONG, ENOMEM, ENOSPC (grants, event channels), EACCES (the
 * path), ENODEV (no xenstore). May sleep for xenstore.
 */
int vchan_listen(unsigned domid, const char *path, unsigned read_order, unsigned write_order);

/*
 * Connects to a server in that domain. When the server has disconnected, read() returns 0
 * and write() fails with EPIPE. Sleeps for xenstore. Errors: as above; ENOENT (no
 * server), EBUSY (the server has another client), EPROTO, EACCES (the server's ring is
 * invalid).
 */
int vchan_connect(unsigned domid, const char *path);

#ifdef __cplusplus
}
#endif

#endif

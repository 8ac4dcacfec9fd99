/* SPDX-License-Identifier: ISC */
/*
 * Byte streams to another domain: vchan, as libxenvchan and vchan-socket-proxy of Xen
 * speak it.  Both calls give a descriptor for read(), write(), poll() and close(), or -1
 * and errno; O_NONBLOCK is honoured.
 */
#ifndef XENOLITH_VCHAN_H
#define XENOLITH_VCHAN_H

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Serve that domain, one client after another, at a path of xenstore, which is below our
 * own directory if it does not begin with a slash ("data/vchan/0/echo").  What we read
 * goes through a ring of 1 << read_order bytes, what we write through the other: 10 ... 20,
 * but not both 10 or both 11, nor 10 and 20.
 *
 * read() waits for a client, and returns 0 when it has gone; from then on it is the next
 * one's.  write() fails with EPIPE until that 0 was read, and with ENOTCONN where there is
 * no client (POLLOUT says when there is).  ECONNRESET, EPROTO:
 * the client was cut off, as at 0; the next may come.
 *
 * EINVAL, ENAMETOOLONG, ENOMEM, ENOSPC (grants, ports), EACCES (the path), ENODEV (there is
 * no xenstore).
 */
int vchan_listen(unsigned domid, const char *path, unsigned read_order, unsigned write_order);

/*
 * Be the client of that domain's server.  Once it has gone read() returns 0 and write()
 * fails with EPIPE.  ENOENT: nobody serves there; EBUSY: somebody else is its client;
 * EPROTO, EACCES: what it offers makes no sense.
 */
int vchan_connect(unsigned domid, const char *path);

#ifdef __cplusplus
}
#endif

#endif

/* SPDX-License-Identifier: ISC */
/*
 * vchan connections as open files (lib/include/xenolith/vchan.h).
 *
 * Each has a kernel thread: it notifies poll() of the peer's events, detects clients that
 * connect and disconnect while no call runs, and renews a server's channel after its
 * error was returned.
 */
#include "drivers/vchan.h"
#include "kernel/log.h"
#include "lib/file/file.h"
#include "lib/result.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <xenolith/vchan.h>

struct vchan_file {
	struct file file;
	struct vchan v;
	bool renew;			/* the error was returned */
	bool closing, ended;		/* of the thread */
	struct waitq changed;		/* renew or ended has changed */
};

static struct vchan_file *of(struct file *f)
{
	return (struct vchan_file *)f;
}

static bool something(struct vchan_file *vf, uint64_t seen)
{
	evtchn_take(&vf->v.port);
	return vf->v.port.count != seen || vf->renew || vf->closing;
}

static void watch(void *arg)
{
	struct vchan_file *vf = arg;
	uint64_t seen = 0;

	while (!vf->closing) {
		wait_until(&vf->v.port.waiters, something(vf, seen));
		seen = vf->v.port.count;
		if (vf->renew && !vf->closing) {
			int rc = vchan_renew(&vf->v);

			if (rc) {
				log_error("vchan: %s: cannot accept further clients (error %d)",
					  vf->v.path, rc);
				vf->v.error = rc;	/* the next read returns it, and renews again */
			}
			vf->renew = false;
			seen = 0;
			wake(&vf->changed);
		}
		vchan_update(&vf->v);
		file_changed(&vf->file);
	}
	vf->ended = true;
	wake(&vf->changed);
}

/*
 * Sleeps until a channel that is being renewed is usable. Returns 0 or -errno; -EAGAIN if
 * it may not sleep.
 */
static int wait_usable(struct vchan_file *vf)
{
	if (!vf->renew)
		return 0;
	if (vf->file.flags & O_NONBLOCK)
		return -EAGAIN;
	wait_until(&vf->changed, !vf->renew);
	return 0;
}

static ssize_t vchan_file_read(struct file *f, void *to, size_t len)
{
	struct vchan_file *vf = of(f);
	ssize_t n = wait_usable(vf);

	if (n == 0)
		n = f->flags & O_NONBLOCK ? vchan_try_read(&vf->v, to, len) :
		    vchan_read(&vf->v, to, len, NEVER);
	if (vf->v.server && vf->v.error && n == vf->v.error && !vf->renew) {
		vf->renew = true;
		wake(&vf->v.port.waiters);
	}
	return n;
}

static ssize_t vchan_file_write(struct file *f, const void *from, size_t len)
{
	struct vchan_file *vf = of(f);
	ssize_t n = wait_usable(vf);

	if (n)
		return n;
	return f->flags & O_NONBLOCK ? vchan_try_write(&vf->v, from, len) :
	       vchan_write(&vf->v, from, len, NEVER);
}

static off_t vchan_file_seek(struct file *f, off_t offset, int whence)
{
	(void)f, (void)offset, (void)whence;
	return -ESPIPE;
}

static int vchan_file_stat(struct file *f, struct stat *st)
{
	st->st_mode = S_IFIFO | 0600;
	st->st_blksize = 1 << of(f)->v.read_order;
	return 0;
}

static unsigned vchan_file_ready(struct file *f)
{
	struct vchan_file *vf = of(f);
	unsigned bits = vf->renew ? 0 : vchan_ready(&vf->v);

	return (bits & VCHAN_READABLE ? POLLIN | POLLRDNORM : 0) |
	       (bits & VCHAN_WRITABLE && !(bits & VCHAN_GONE) ? POLLOUT | POLLWRNORM : 0) |
	       (bits & VCHAN_GONE ? POLLHUP : 0) |
	       (bits & VCHAN_GONE && vf->v.error ? POLLERR : 0);
}

static void vchan_file_close(struct file *f)
{
	struct vchan_file *vf = of(f);

	vf->closing = true;
	wake(&vf->v.port.waiters);
	wait_until(&vf->changed, vf->ended);
	vchan_close(&vf->v);
	free(vf);
}

static const struct file_ops vchan_file_ops = {
	.read = vchan_file_read, .write = vchan_file_write, .seek = vchan_file_seek,
	.stat = vchan_file_stat, .ready = vchan_file_ready, .close = vchan_file_close,
};

/* Assigns a descriptor to a connected channel. */
static int install(struct vchan_file *vf)
{
	int fd;

	vf->file = (struct file){ .ops = &vchan_file_ops, .refs = 1, .flags = O_RDWR };
	if (!thread_start("vchan", THREAD_KERNEL, STACK_KERNEL, watch, vf, NULL)) {
		vchan_close(&vf->v);
		free(vf);
		return -ENOMEM;
	}
	fd = file_install(&vf->file);
	file_put(&vf->file);
	return fd;
}

static int open_channel(unsigned domid, const char *path, bool server, unsigned read_order,
			unsigned write_order)
{
	struct vchan_file *vf = calloc(1, sizeof(*vf));
	int rc;

	if (!vf)
		return -ENOMEM;
	if (domid >= DOMID_FIRST_RESERVED)
		rc = -EINVAL;
	else if (server)
		rc = vchan_serve(&vf->v, domid, path, read_order, write_order);
	else
		rc = vchan_join(&vf->v, domid, path);
	if (rc == 0)
		return install(vf);
	free(vf);
	return rc;
}

int vchan_listen(unsigned domid, const char *path, unsigned read_order, unsigned write_order)
{
	int rc;

	kernel_enter();
	rc = open_channel(domid, path, true, read_order, write_order);
	kernel_leave();
	return result(rc);
}

int vchan_connect(unsigned domid, const char *path)
{
	int rc;

	kernel_enter();
	rc = open_channel(domid, path, false, 0, 0);
	kernel_leave();
	return result(rc);
}

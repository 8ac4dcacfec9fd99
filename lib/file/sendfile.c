/* SPDX-License-Identifier: ISC */
/*
 * sendfile() as on Linux. Data of files in the image is sent by TCP without a copy. Other
 * files are read into TCP's send buffer. For other targets the data is copied through a
 * buffer.
 */
#include "kernel/sched.h"
#include "lib/file/file.h"
#include "lib/result.h"
#include "lib/thread/signals.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/sendfile.h>
#include <unistd.h>

#define BUFFER 16384
#define MOST 0x7ffff000			/* bytes per call, as on Linux */

static ssize_t through_buffer(struct file *to, struct file *from, off_t at, size_t len)
{
	size_t size = len < BUFFER ? len : BUFFER;
	char *buffer = malloc(size);
	ssize_t n;

	if (!buffer)
		return -ENOMEM;
	n = from->ops->pread(from, buffer, size, at);
	if (n > 0)
		n = to->ops->write(to, buffer, n);
	free(buffer);
	return n;
}

/* Sends some bytes. Returns how many; 0 at the end. */
static ssize_t some(struct file *to, struct file *from, off_t at, size_t len)
{
	const void *bytes = NULL;
	ssize_t rc = -EOPNOTSUPP;
	size_t n;

	if (to->ops->send_bytes && from->ops->bytes) {
		bytes = from->ops->bytes(from, at, &n);
		if (!bytes)
			return 0;
		rc = to->ops->send_bytes(to, bytes, n < len ? n : len);
	}
	if (rc == -EOPNOTSUPP && to->ops->send_file)
		rc = to->ops->send_file(to, from, at, len);
	return rc == -EOPNOTSUPP ? through_buffer(to, from, at, len) : rc;
}

static ssize_t send_all(struct file *to, struct file *from, off_t *at, size_t len)
{
	off_t place = at ? *at : 0;
	ssize_t n = 0, done = 0;

	if ((to->flags & O_ACCMODE) == O_RDONLY || (from->flags & O_ACCMODE) == O_WRONLY)
		return -EBADF;
	if (!from->ops->pread || !from->ops->seek || !to->ops->write)
		return -EINVAL;
	if (!at)
		place = from->ops->seek(from, 0, SEEK_CUR);
	if (place < 0)
		return at ? -EINVAL : place;
	if (len > MOST)
		len = MOST;
	while ((size_t)done < len) {
		if (done)
			kernel_pause();
		n = some(to, from, place + done, len - done);
		if (n <= 0)
			break;
		done += n;
	}
	if (at)
		*at = place + done;
	else
		from->ops->seek(from, place + done, SEEK_SET);
	return done ? done : n;
}

static ssize_t send_once(int to, int from, off_t *at, size_t count)
{
	struct file *out, *in;
	ssize_t rc = -EBADF;

	kernel_enter();
	out = file_get(to);
	in = file_get(from);
	if (out && in)
		rc = send_all(out, in, at, count);
	if (in)
		file_put(in);
	if (out)
		file_put(out);
	kernel_leave();
	return rc;
}

ssize_t sendfile(int to, int from, off_t *at, size_t count)
{
	return result(RESTARTED(send_once(to, from, at, count)));
}

/* SPDX-License-Identifier: ISC */
/*
 * poll() and select() (POSIX.1-2017): check all files, and sleep until one of them
 * changes.
 *
 * For thousands of files use epoll (epoll.c), which does not check all of them.
 */
#include "kernel/clock.h"
#include "kernel/sched.h"
#include "lib/file/file.h"
#include "lib/ready.h"
#include "lib/result.h"
#include "lib/thread/clocks.h"
#include "lib/thread/signals.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/select.h>

#define ALWAYS (POLLERR | POLLHUP | POLLNVAL)
#define FEW 8				/* files whose watchers are on the stack */
#define MANY (1 << 20)
#define AT_ONCE 1024			/* files, between two checks for events */

struct poller {
	struct waitq queue;
	bool changed;
};

struct watch {
	struct watcher watcher;
	struct file *file;		/* with a reference; NULL: not polled, or not open */
	struct poller *poller;
	struct pollfd *fd;
};

static unsigned ready(const struct watch *w)
{
	unsigned all = POLLIN | POLLOUT | POLLRDNORM | POLLWRNORM;
	unsigned events = w->file->ops->ready ? w->file->ops->ready(w->file) : all;

	return events & ((unsigned short)w->fd->events | ALWAYS);
}

static void changed(struct watcher *watcher)
{
	struct watch *w = (struct watch *)watcher;

	if (w->poller->changed || !ready(w))
		return;
	w->poller->changed = true;
	wake(&w->poller->queue);
}

/* The files are referenced, so other threads may run here. */
static void pause_after(nfds_t n)
{
	if (n % AT_ONCE == AT_ONCE - 1)
		kernel_pause();
}

static int check_all(struct watch *w, nfds_t count)
{
	int n = 0;

	for (nfds_t i = 0; i < count; i++) {
		pause_after(i);
		if (w[i].file)
			w[i].fd->revents = ready(&w[i]);
		n += w[i].fd->revents != 0;
	}
	return n;
}

static int sleep_for(struct watch *w, nfds_t count, struct poller *p, uint64_t deadline)
{
	int n, rc;

	for (nfds_t i = 0; i < count; i++) {
		pause_after(i);
		if (w[i].file)
			file_watch(w[i].file, &w[i].watcher);
	}
	do {
		p->changed = false;
		n = check_all(w, count);
		rc = n ? 0 : wait_or_signal(&p->queue, deadline, SIGNAL_ENDS, p->changed);
	} while (rc > 0);
	for (nfds_t i = 0; i < count; i++) {
		pause_after(i);
		if (w[i].file)
			file_unwatch(&w[i].watcher);
	}
	return n ? n : rc;
}

static int poll_all(struct watch *w, struct pollfd *fds, nfds_t count, uint64_t deadline)
{
	struct poller p = { 0 };
	int n;

	for (nfds_t i = 0; i < count; i++) {
		pause_after(i);
		w[i] = (struct watch){
			.watcher.changed = changed, .poller = &p, .fd = &fds[i],
			.file = fds[i].fd < 0 ? NULL : file_get(fds[i].fd),
		};
		fds[i].revents = fds[i].fd >= 0 && !w[i].file ? POLLNVAL : 0;
	}
	n = check_all(w, count);
	if (!n && deadline)
		n = sleep_for(w, count, &p, deadline);
	for (nfds_t i = 0; i < count; i++) {
		pause_after(i);
		if (w[i].file)
			file_put(w[i].file);
	}
	return n;
}

/* deadline 0: does not sleep. */
static int poll_until(struct pollfd *fds, nfds_t count, uint64_t deadline)
{
	struct watch few[FEW], *w = few;
	int n;

	if (count > MANY)
		return -EINVAL;
	if (count > FEW)
		/* Outside the kernel: malloc() maps large blocks in steps */
		w = malloc(count * sizeof(*w));
	if (!w)
		return -ENOMEM;
	kernel_enter();
	if (ready_waits && deadline)
		ready_waits();
	n = poll_all(w, fds, count, deadline);
	if (w != few)
		free(w);
	kernel_leave();		/* a handler may jump out, or the thread may end */
	return n;
}

static int deadline_of(const struct timespec *timeout, uint64_t *deadline)
{
	uint64_t now = clock_now(), ns;

	*deadline = NEVER;
	if (!timeout)
		return 0;
	if (!timespec_valid(timeout) || timeout->tv_sec < 0)
		return -EINVAL;
	ns = timespec_ns(timeout);
	*deadline = !ns ? 0 : ns < NEVER - now ? now + ns : NEVER;
	return 0;
}

int poll(struct pollfd *fds, nfds_t count, int ms)
{
	uint64_t deadline = ms < 0 ? NEVER : !ms ? 0 : clock_now() + ms * NSEC_PER_MSEC;

	return result(poll_until(fds, count, deadline));
}

/*
 * Enter and leave the kernel for a call with a mask, which applies from before the first check until
 * the handlers have run.
 */
static void mask_begin(const sigset_t *mask, sigset_t *before)
{
	kernel_enter();
	if (mask && signal_mask)
		signal_mask(mask, before);
}

static void mask_end(const sigset_t *mask, const sigset_t *before)
{
	kernel_leave();
	if (mask && signal_unmask)
		signal_unmask(before);
}

int ppoll(struct pollfd *fds, nfds_t count, const struct timespec *timeout,
	  const sigset_t *mask)
{
	uint64_t deadline;
	sigset_t before;
	int rc = deadline_of(timeout, &deadline);

	if (!rc) {
		mask_begin(mask, &before);
		rc = poll_until(fds, count, deadline);
		mask_end(mask, &before);
	}
	return result(rc);
}

/* ---- select() */

/* Which events each of the three sets requests, and which count as ready, as on Linux. */
static const struct {
	short wants, counts;
} kinds[3] = {
	{ POLLIN | POLLRDNORM, POLLIN | POLLRDNORM | POLLRDBAND | POLLHUP | POLLERR },
	{ POLLOUT | POLLWRNORM, POLLOUT | POLLWRNORM | POLLWRBAND | POLLERR },
	{ POLLPRI, POLLPRI },
};

static nfds_t from_sets(int n, fd_set *const sets[3], struct pollfd *fds)
{
	nfds_t count = 0;

	for (int fd = 0; fd < n; fd++) {
		short wants = 0;

		for (int k = 0; k < 3; k++)
			if (sets[k] && FD_ISSET(fd, sets[k]))
				wants |= kinds[k].wants;
		if (wants)
			fds[count++] = (struct pollfd){ .fd = fd, .events = wants };
	}
	return count;
}

static int to_sets(int n, fd_set *const sets[3], const struct pollfd *fds, nfds_t count)
{
	int bits = 0;

	for (nfds_t i = 0; i < count; i++)
		if (fds[i].revents & POLLNVAL)
			return -EBADF;
	for (int k = 0; k < 3; k++) {
		fd_set *set = sets[k];

		if (!set)
			continue;
		for (nfds_t i = 0; i < count; i++)
			if (FD_ISSET(fds[i].fd, set) && !(fds[i].revents & kinds[k].counts))
				FD_CLR(fds[i].fd, set);
			else if (FD_ISSET(fds[i].fd, set))
				bits++;
	}
	(void)n;
	return bits;
}

int pselect(int n, fd_set *in, fd_set *out, fd_set *except, const struct timespec *timeout,
	    const sigset_t *mask)
{
	fd_set *const sets[3] = { in, out, except };
	struct pollfd *fds = NULL;
	uint64_t deadline;
	int rc = deadline_of(timeout, &deadline);
	sigset_t before;
	nfds_t count;

	if (n < 0 || n > FD_SETSIZE)
		rc = -EINVAL;
	if (!rc && n && !(fds = malloc(n * sizeof(*fds))))
		rc = -ENOMEM;
	if (!rc) {
		count = from_sets(n, sets, fds);
		mask_begin(mask, &before);
		rc = poll_until(fds, count, deadline);
		if (rc >= 0)
			rc = to_sets(n, sets, fds, count);
		free(fds);
		mask_end(mask, &before);
	}
	return result(rc);
}

/* As on Linux, *timeout contains the remaining time afterwards. */
int select(int n, fd_set *in, fd_set *out, fd_set *except, struct timeval *timeout)
{
	struct timespec ts;
	uint64_t end, now;
	int rc;

	if (!timeout)
		return pselect(n, in, out, except, NULL, NULL);
	if (timeout->tv_sec < 0 || timeout->tv_usec < 0)
		return result(-EINVAL);
	ts.tv_sec = timeout->tv_sec + timeout->tv_usec / 1000000;
	ts.tv_nsec = timeout->tv_usec % 1000000 * 1000;
	deadline_of(&ts, &end);
	rc = pselect(n, in, out, except, &ts, NULL);
	now = clock_now();
	*timeout = (struct timeval){ 0 };
	if (end > now) {
		timeout->tv_sec = (end - now) / NSEC_PER_SEC;
		timeout->tv_usec = (end - now) % NSEC_PER_SEC / 1000;
	}
	return rc;
}

/* SPDX-License-Identifier: ISC */
/*
 * Open files: a file is its operations.
 *
 * Whatever can be read, written or waited for - console, device, socket, file - is a
 * struct file with a table of functions; descriptors are indexes into one table, which
 * grows.  All of this is kernel code: operations may sleep, and nothing else runs
 * meanwhile but what they sleep for.
 */
#ifndef LIB_FILE_FILE_H
#define LIB_FILE_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/uio.h>

struct file;

/* Results are counts or 0, or -errno.  A NULL operation is -EINVAL (read, write: -EBADF). */
struct file_ops {
	ssize_t (*read)(struct file *f, void *to, size_t len);
	ssize_t (*write)(struct file *f, const void *from, size_t len);
	/* Many pieces at once; NULL: one after the other. */
	ssize_t (*readv)(struct file *f, const struct iovec *to, int count);
	ssize_t (*writev)(struct file *f, const struct iovec *from, int count);
	ssize_t (*pread)(struct file *f, void *to, size_t len, off_t at);
	ssize_t (*pwrite)(struct file *f, const void *from, size_t len, off_t at);
	off_t (*seek)(struct file *f, off_t offset, int whence);
	int (*stat)(struct file *f, struct stat *st);
	int (*ioctl)(struct file *f, unsigned long request, void *arg);
	int (*sync)(struct file *f);
	/* Which of POLLIN, POLLOUT, POLLERR, POLLHUP ... hold now; must not sleep.  NULL: a read
	   or a write never has to wait. */
	unsigned (*ready)(struct file *f);
	/* The bytes from `at` on, which never change while the guest runs: *len of them; NULL:
	   there are none.  NULL operation: they are not to be had like that. */
	const void *(*bytes)(struct file *f, off_t at, size_t *len);
	/* Take such bytes without copying them, or what a file has at `at`: how many, at least
	   1 (of a file 0: there are no more). */
	ssize_t (*send_bytes)(struct file *f, const void *from, size_t len);
	ssize_t (*send_file)(struct file *f, struct file *from, off_t at, size_t len);
	void (*close)(struct file *f);	/* the last descriptor is gone: free it */
};

/* Who is told when what ready() says may have changed: poll() and its kin. */
struct watcher {
	struct watcher *next, **link;
	void (*changed)(struct watcher *w);	/* must not sleep, nor end the watch */
	void (*gone)(struct watcher *w);	/* the file is: the watch has ended */
};

/* The first member of what a kind of file keeps. */
struct file {
	const struct file_ops *ops;
	unsigned refs;			/* descriptors, and calls under way */
	int flags;			/* O_* */
	struct watcher *watchers;
	struct file_lock *lock;		/* flock()'s; NULL: none */
};

/*
 * The lowest free descriptor, now f's; the other form: of those from `from` on.  -EMFILE,
 * -ENOMEM.  f->refs becomes 1 more.
 */
int file_install(struct file *f);
int file_install_from(struct file *f, int from);

/*
 * A descriptor for a file that is to come: it is not open, and no other call gets it, until
 * file_install_reserved() or file_unreserve().  -EMFILE, -ENOMEM.
 */
int file_reserve(void);
void file_unreserve(int fd);
int file_install_reserved(struct file *f, int fd);

/* The file of a descriptor, held until file_put(); NULL: not open. */
struct file *file_get(int fd);
void file_put(struct file *f);
int file_close(int fd);			/* 0 or -EBADF */
int file_dup(int fd, int at);		/* to `at`, closing what it is */
int file_dup_from(int fd, int from);	/* to the lowest free one from there on */

/* FD_CLOEXEC of a descriptor, which is told and has no effect. */
int file_set_cloexec(int fd, bool on);	/* gives fd back, which may be an error */
bool file_cloexec(int fd);

void file_watch(struct file *f, struct watcher *w);
void file_unwatch(struct watcher *w);
void file_changed(struct file *f);	/* for who implements it: tell the watchers */

void file_unlock(struct file *f) __attribute__((weak));	/* flock.c, if it is there */

void file_init(void);			/* 0, 1 and 2 become the console */
extern struct file tty_file;
#define TTY_DEVICE (5 << 8 | 1)	/* its st_rdev, Linux's of /dev/console */

#endif

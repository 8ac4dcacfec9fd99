/* SPDX-License-Identifier: ISC */
/*
 * Open files.
 *
 * Each object that can be read, written or polled - console, device, socket, file - is a
 * struct file with a table of functions. Descriptors are indexes into one table, which
 * grows. All of this is kernel code: operations may sleep, and other threads run only
 * meanwhile.
 */
#ifndef LIB_FILE_FILE_H
#define LIB_FILE_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/uio.h>

struct file;
struct fs_open;
struct place;

/*
 * Operations return a count, 0 or -errno. If one is NULL the result is -EINVAL (read,
 * write: -EBADF).
 */
struct file_ops {
	ssize_t (*read)(struct file *f, void *to, size_t len);
	ssize_t (*write)(struct file *f, const void *from, size_t len);
	/* Several buffers at once; NULL: one after the other. */
	ssize_t (*readv)(struct file *f, const struct iovec *to, int count);
	ssize_t (*writev)(struct file *f, const struct iovec *from, int count);
	ssize_t (*preadv)(struct file *f, const struct iovec *to, int count, off_t at);
	ssize_t (*pwritev)(struct file *f, const struct iovec *from, int count, off_t at);
	ssize_t (*pread)(struct file *f, void *to, size_t len, off_t at);
	ssize_t (*pwrite)(struct file *f, const void *from, size_t len, off_t at);
	off_t (*seek)(struct file *f, off_t offset, int whence);
	int (*stat)(struct file *f, struct stat *st);
	int (*ioctl)(struct file *f, unsigned long request, void *arg);
	int (*sync)(struct file *f);
	int (*datasync)(struct file *f);	/* NULL: as sync */
	/* Files of file systems, and directories (lib/file/path.h). */
	const struct place *(*place)(struct file *f);
	struct fs_open *(*fs_open)(struct file *f);
	/*
	 * Returns which of POLLIN, POLLOUT, POLLERR, POLLHUP ... apply now; must not
	 * sleep. NULL: reads and writes never block.
	 */
	unsigned (*ready)(struct file *f);
	/*
	 * Returns *len bytes from offset `at`, which never change while the guest runs;
	 * NULL at the end. If the operation is NULL, the file has no such bytes.
	 */
	const void *(*bytes)(struct file *f, off_t at, size_t *len);
	/*
	 * Send such bytes without copying them, or bytes of a file from `at`. Return how
	 * many, at least 1 (for a file 0 at its end).
	 */
	ssize_t (*send_bytes)(struct file *f, const void *from, size_t len);
	ssize_t (*send_file)(struct file *f, struct file *from, off_t at, size_t len);
	void (*close)(struct file *f);	/* the last descriptor was closed: free the file */
};

/*
 * A watcher is notified when the result of ready() may have changed; for poll() and
 * epoll.
 */
struct watcher {
	struct watcher *next, **link;
	void (*changed)(struct watcher *w);	/* must not sleep, nor call file_unwatch() */
	void (*closed)(struct watcher *w);	/* the file was closed: the watch has ended */
};

/* The first member of the struct of each kind of file. */
struct file {
	const struct file_ops *ops;
	unsigned refs;			/* descriptors, and calls in progress */
	int flags;			/* O_* */
	struct watcher *watchers;
	struct file_lock *lock;		/* set by flock(); NULL: none */
};

/*
 * Assigns the lowest free descriptor, or the lowest one at or above `from`, to f, and
 * increments f->refs. Returns it, or -EMFILE, -ENOMEM.
 */
int file_install(struct file *f);
int file_install_from(struct file *f, int from);

/*
 * Reserves a descriptor for a later file_install_reserved() or file_unreserve(). Until
 * then it is not open, and is not assigned to others. Returns it, or -EMFILE, -ENOMEM.
 */
int file_reserve(void);
void file_unreserve(int fd);
int file_install_reserved(struct file *f, int fd);

/*
 * Returns the file of a descriptor with a reference, which file_put() drops; NULL: not
 * open.
 */
struct file *file_get(int fd);
void file_put(struct file *f);
bool file_has(int fd, const struct file *f);	/* whether fd is a descriptor of f */
int file_close(int fd);			/* returns 0 or -EBADF */
#define FD_MAX (1 << 20)
void file_set_max(int max);		/* new descriptors are below it; at most FD_MAX */
int file_limit(void);			/* all open descriptors are below it */
int file_dup(int fd, int at);		/* duplicates fd to `at`, which is closed before */
/* Duplicates fd to the lowest free descriptor at or above from */
int file_dup_from(int fd, int from);

/* FD_CLOEXEC of a descriptor: it is stored and has no effect. */
int file_set_cloexec(int fd, bool on);	/* returns fd, which may be an error */
bool file_cloexec(int fd);

void file_watch(struct file *f, struct watcher *w);
void file_unwatch(struct watcher *w);
/* Called by the implementation of a file: notifies the watchers */
void file_changed(struct file *f);

/*
 * If linked: ends the locks of a file (flock.c), and those of its ranges (range_lock.c): of the
 * process when a descriptor is closed, of the file itself when its last one is.
 */
void file_unlock(struct file *f) __attribute__((weak));
void range_unlock(struct file *f, bool last) __attribute__((weak));

void file_init(void);			/* makes descriptors 0, 1 and 2 the console */
extern struct file tty_file;
#define TTY_DEVICE (5 << 8 | 1)	/* st_rdev of the console: Linux's /dev/console */

#endif

/* SPDX-License-Identifier: ISC */
/*
 * One file call, as numbers and names that mean the same for Linux and for lib/file.
 * files_linux_test.c makes it of lib/file, linux.c of the kernel of the host.
 */
#ifndef TESTS_FILES_OP_H
#define TESTS_FILES_OP_H

enum call { OPEN_WRITE, READ, HOLD, RELEASE, MKDIR, RMDIR, UNLINK, RENAME, LINK, SYMLINK, READLINK,
	    STAT, LSTAT, TRUNCATE, MKSOCK, ACCESS, LIST, CHDIR, FCHDIR, GETCWD, REALPATH, CALLS };

/* OPEN_WRITE: bits of `flags`. */
enum { F_CREAT = 1, F_EXCL = 2, F_TRUNC = 4, F_APPEND = 8, F_NOFOLLOW = 16, F_DIRECTORY = 32,
       F_READ = 64 };
/* RENAME: 0, 1 (RENAME_NOREPLACE) or 2 (RENAME_EXCHANGE).  LINK: 1: AT_SYMLINK_FOLLOW. */

#define SLOTS 3				/* descriptors that are held */

struct op {
	enum call call;
	unsigned flags, slot;		/* slot: SLOTS: the current directory */
	unsigned size;
	char a[64], b[64];
};

struct answer {
	long result;			/* or -errno, as newlib has it */
	char text[1024];		/* of READ, READLINK, LIST, GETCWD ... */
};

/* Begins in a new, empty root: 0; -1: this user may not. */
int linux_begin(void);
void linux_do(const struct op *op, struct answer *to);
void linux_end(void);

#endif

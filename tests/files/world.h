/* SPDX-License-Identifier: ISC */
/*
 * A tree of mounts for tests of lib/file.  The file system under test is mounted at /t, which is
 * the current directory:
 *
 *	f	"hello"; f2 is another link to it	l -> f, ld -> d, lfull -> full
 *	d	an empty directory			dang -> none
 *	full	has a file x and a directory sub	loop1 -> loop2 -> loop1
 *	fifo	a FIFO					up -> ../t/f, abs -> /t/d
 *	mnt	where a tmpfs is mounted; it has a file m
 *
 * Others are mounted at /other (f, d) and, read-only, at /ro (f, d, l -> f, full/x, dang).  The
 * image has /etc/hosts.
 */
#ifndef TESTS_FILES_WORLD_H
#define TESTS_FILES_WORLD_H

#include "tests/files/outside.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

extern int kernel_depth;

enum kind { TMPFS, EXT4, KINDS };
extern const char *const kind_names[KINDS];

void world_begin(enum kind kind);
/* Nothing may be left: descriptors, references to mounts and inodes, memory. */
void world_end(const char *what);

/* Mounts another tmpfs, or unmounts it. */
void world_mount(const char *at, bool mounted);

/* Mounts a file system of the same kind at /, over the files of the image; or unmounts it. */
void world_root(bool mounted);
void world_root_alone(bool alone);	/* whether it is without the image below it */

/*
 * All names and attributes of a tree, and all data, as a number; times of access are not in it.
 * 0: it does not exist.
 */
unsigned long world_digest(const char *path);
unsigned world_descriptors(void);

/* A file with this text. */
int text_file(const char *name, const char *text);

/* A random number below n; the number of an inode, 0: none; its attributes. */
unsigned below(unsigned n);
ino_t number(const char *name);
struct stat stat_of(const char *name);
bool has(const char *name, const char *text);	/* a file of at most 255 bytes */
unsigned names_in(const char *directory);

/* Tests each claim over each kind of file system, and prints a line.  word: only those with it. */
struct claim {
	const char *text;
	void (*test)(void);
};
void run_claims_over(const struct claim *claims, unsigned count, const char *word);

#define CHECK(x) ((x) ? (void)0 : die("%s:%d: %s (errno %d)", __FILE__, __LINE__, #x, errno))
#define FAILS(error, x)								\
	({									\
		long rc_ = (errno = 0, (long)(x));				\
		if (rc_ != -1 || errno != (error))				\
			die("%s:%d: %s: %ld, errno %d and not %d (%s)", __FILE__, __LINE__, #x, \
			    rc_, errno, error, #error);				\
	})

#endif

/* SPDX-License-Identifier: ISC */
/*
 * The host's functions that the tests of lib/file need.  These functions are compiled with the
 * host's headers and the tests with newlib's, so types that differ do not occur here.
 */
#ifndef TESTS_FILES_OUTSIDE_H
#define TESTS_FILES_OUTSIDE_H

#include <stdbool.h>
#include <stddef.h>

struct disk;
struct block;

void say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
_Noreturn void die(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void format_text(char *to, size_t size, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* An ext4 disk in memory of so many KiB, made with mkfs.ext4's options; a copy of it. */
struct disk *outside_disk(const char *options, unsigned size);
struct disk *outside_disk_copy(const struct disk *from);
struct block *outside_block(struct disk *d);
void outside_disk_check(struct disk *d, const char *what);	/* e2fsck -fn, or die() */
void outside_disk_free(struct disk *d);

bool outside_same(const char *path, const char *text);	/* whether a file of the host has it */
/*
 * The n-th allocation from now on fails, of lib/file or of fs/; 0: none.  Returns whether the
 * last one that was asked for has failed.
 */
bool outside_fail(unsigned n);
/* HOST_SHARE: whether number i belongs to the share that is to be run. */
bool outside_share(unsigned i);
unsigned outside_part(unsigned n);	/* so many of n repetitions, at least one */
unsigned long outside_seed(void);	/* HOST_SEED, or a new one */

size_t outside_memory(void);	/* bytes of fs/ and allocations of lib/file that are in use */
unsigned long outside_time(void);	/* ns since 1970: that of fs/, which advances with each call */

#endif

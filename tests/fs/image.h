/* SPDX-License-Identifier: ISC */
/* Images of disks, made by mkfs.ext4; and what e2fsck says of them. */
#ifndef TESTS_FS_IMAGE_H
#define TESTS_FS_IMAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct image {
	uint8_t *data;
	uint64_t size;
};

/*
 * A new file system with mkfs.ext4's options, "-b 1024 -O ^64bit" and the like.  Free blocks
 * have garbage, so that a file which shows a block that was never written is found.
 */
void image_make(struct image *i, uint64_t size, const char *options);
void image_free(struct image *i);

/* In a file of the test's folder, which is removed at the end of the program. */
const char *image_file(const char *name);
void image_write(const struct image *i, const char *path);
void image_read(struct image *i, const char *path);

/* Run a command; its output is kept for image_output(); the exit status. */
int image_run(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
const char *image_output(void);

/* e2fsck -fn: fails the test if it is not clean. */
void image_check(const struct image *i, const char *when);
/* e2fsck -fy: the status, and the image as it then is. */
int image_repair(struct image *i);

#endif

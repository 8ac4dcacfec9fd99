/* SPDX-License-Identifier: ISC */
/* The partitions of a disk: a GPT (UEFI 2.10, chapter 5), as sfdisk and parted write it. */
#ifndef APPS_STORAGE_GPT_H
#define APPS_STORAGE_GPT_H

#include <stdint.h>

/*
 * Finds the partition with this name.  Returns 0, and its range in bytes; -ENOENT; -EINVAL if the
 * disk has no valid table; or another -errno.
 */
int gpt_find(const char *path, const char *name, uint64_t *start, uint64_t *len);

#endif

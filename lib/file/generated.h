/* SPDX-License-Identifier: ISC */
/*
 * Files whose text is made when they are opened: of Linux's /proc, and of /etc where the image has none.
 * Kernel code.
 */
#ifndef LIB_FILE_GENERATED_H
#define LIB_FILE_GENERATED_H

#include "lib/file/file.h"

#include <dirent.h>

/* Text that is being made; what does not fit is cut. */
struct text {
	char *to;
	size_t size, len;
};
void text_add(struct text *t, const char *format, ...) __attribute__((format(printf, 2, 3)));

struct generated {
	const char *path;		/* relative to the mount */
	void (*make)(struct text *t);	/* NULL: a directory */
};

/* These take a table, which ends with a path of NULL. */
const struct generated *generated_find(const struct generated *table, const char *path);
int generated_list(const struct generated *table, const char *path, unsigned i, struct dirent *entry);

/* Opens a file (-EISDIR, -EACCES for writing, -ENOMEM), and describes one. */
int generated_open(const struct generated *g, int flags, struct file **f);
void generated_stat(const struct generated *g, struct stat *st);

extern const struct generated proc_files[];	/* lib/file/proc_files.c */
extern const struct generated etc_files[];	/* lib/file/etc_files.c */

#endif

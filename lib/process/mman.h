/* SPDX-License-Identifier: ISC */
/*
 * Mappings: mman.c has the list of them and the calls, mapped.c shared mappings of files.
 * Kernel code.
 */
#ifndef LIB_PROCESS_MMAN_H
#define LIB_PROCESS_MMAN_H

#include "lib/file/path.h"

struct shared;				/* the pages of one mmap() of a file */

struct mapping {
	struct mapping *next;
	char *start, *end;
	int prot;			/* PROT_NONE, PROT_READ, or with PROT_WRITE */
	bool anonymous;
	struct shared *shared;		/* NULL: it has memory of its own */
};

/* ---- mman.c */

/*
 * The list, sorted by address, is used by one thread at a time: between mappings_begin() and
 * mappings_end(), which may sleep.
 */
void mappings_begin(void);
void mappings_end(void);

/* The first mapping that ends above an address, or where one is to be inserted. */
struct mapping **mappings_find(const char *at);

/* ---- mapped.c.  The list is held; all but shared_copy() may sleep. */

/* Makes a mapping of `len` bytes (whole pages) of an open file.  0 or -errno. */
int shared_map(struct file *f, size_t len, int prot, off_t at, struct mapping **m);

struct shared *shared_copy(struct shared *s);	/* for the second part of a mapping */
int shared_protect(struct mapping *m, int prot);	/* -EACCES: the file cannot be written */
void shared_unmap(struct mapping *m);
/* For msync(): a part of a mapping becomes durable, if that is asked for. */
int shared_sync(struct mapping *m, const char *from, const char *to, bool durable);

#endif

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
 * mappings_end(), which may sleep.  A thread ends its use before it makes a file durable; and
 * mappings_end() frees afterwards what shared_drop() has ended, since a file may go with it.
 */
void mappings_begin(void);
void mappings_end(void);

/* The first mapping that ends above an address, or where one is to be inserted. */
struct mapping **mappings_find(const char *at);

/* ---- mapped.c.  The list is held, if nothing else is said.  All but shared_copy(), shared_drop() and
   shared_ended() may sleep. */

/* Makes a mapping of `len` bytes (whole pages) of an open file.  0 or -errno. */
int shared_map(struct file *f, size_t len, int prot, off_t at, struct mapping **m);

struct shared *shared_copy(struct shared *s);	/* for the second part of a mapping */
void shared_drop(struct shared *s);
struct shared *shared_ended(void);		/* takes those without mappings */
void shared_free(struct shared *s);		/* all of these; the list is not held */

int shared_protect(struct mapping *m, int prot);	/* -EACCES: the file cannot be written */
void shared_unmap(struct mapping *m);
/* For msync(): tells the file system what was written through a part of a mapping. */
int shared_collect(struct mapping *m, const char *from, const char *to);
int shared_sync(struct shared *s);	/* the file becomes durable; the list is not held */

#endif

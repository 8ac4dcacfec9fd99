/* SPDX-License-Identifier: ISC */
/*
 * `xenolith run`: its options (run_options.c), and the xl.cfg that they make (xlcfg.c), which no
 * other code writes: the lab (tools/lab) calls `xenolith run --show`.
 */
#ifndef XENOLITH_RUN_H
#define XENOLITH_RUN_H

#include <stddef.h>

#define MOST 64			/* disks or additional lines */

struct run_options {
	const char *image, *name, *memory, *cmdline, *net, *type, *ramdisk, *timeout;
	const char *pool;		/* --pool: its name, or ""; else NULL */
	const char *from;		/* --from: a file */
	const char *creates;		/* an option that only a new domain can have, or NULL */
	const char *log;		/* the name of the console's log, or NULL: that of the guest */
	const char *disks[MOST], *lines[MOST];
	int ndisks, nlines, has_net, show, background, quiet;
	int named;			/* the name was asked for */
	char **args;
};

/* A disk's words: FILE[:/PATH][,ro|,rw][,dev=NAME]. */
struct run_disk {
	char *file, *path;		/* path: where the guest mounts it, or NULL */
	const char *dev;
	int ro;
};

/* Parses the words after `run` and checks them.  An error ends the program. */
void run_parse(struct run_options *o, char **argv);

/* The name of a guest, or of a pool, that has no --name; to be freed. */
char *run_name_of(const char *image);

int run_is_hvm(const struct run_options *o);

/* The i-th disk; its strings are kept.  An error ends the program. */
struct run_disk run_disk(const struct run_options *o, int i);

/* Returns the text of the xl.cfg.  `end`: what xl does with a domain that has ended. */
char *run_config(const struct run_options *o, const char *end);

/*
 * Returns the command line of a guest with these options, to be freed.  If it has more bytes, the
 * program ends.
 */
char *run_line(const struct run_options *o, size_t most);

/* Creates the domain, paused, with the UUID of a line of --config. An error ends the program. */
void run_create(const struct run_options *o);

#endif

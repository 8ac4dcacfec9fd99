/* SPDX-License-Identifier: ISC */
/*
 * `xenolith run`: its options, and the xl.cfg that they make.  This is the only code that
 * writes an xl.cfg: the lab (tools/lab) calls `xenolith run --show`.
 */
#ifndef XENOLITH_RUN_H
#define XENOLITH_RUN_H

#define MOST 64			/* disks or additional lines */

struct run_options {
	const char *image, *name, *memory, *cmdline, *net, *type, *ramdisk, *timeout;
	const char *disks[MOST], *lines[MOST];
	int ndisks, nlines, has_net, show, background, quiet;
	int named;			/* the name was asked for */
	char **args;
};

/* Parses the words after `run` and checks them.  An error ends the program. */
void run_parse(struct run_options *o, char **argv);

/* Returns the text of the xl.cfg.  `end`: what xl does with a domain that has ended. */
char *run_config(const struct run_options *o, const char *end);

#endif

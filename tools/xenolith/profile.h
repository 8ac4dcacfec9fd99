/* SPDX-License-Identifier: ISC */
/* `xenolith profile`: samples of a guest as a call tree, and flame graphs. */
#ifndef XENOLITH_PROFILE_H
#define XENOLITH_PROFILE_H

#include <stdio.h>

/* The call tree: a node for each chain of callers; its callees are sorted by name. */
struct node {
	const char *name;
	unsigned long self, total;	/* samples in it; in it and in its callees */
	struct node *callees, *next;
};

/*
 * Writes a flame graph as SVG: a bar for each node, above its caller's, as wide
 * as its total.  root's callees are the threads.
 */
void flame_draw(FILE *to, const struct node *root, const char *title, const char *summary);

#endif

/* SPDX-License-Identifier: ISC */
/* `xenolith profile`: samples of a guest, by function, and what is drawn of them. */
#ifndef XENOLITH_PROFILE_H
#define XENOLITH_PROFILE_H

#include <stdio.h>

/* Calls by callers: a node for each way to a function, its callees sorted by name. */
struct node {
	const char *name;
	unsigned long self, total;	/* samples in it; in it and what it called */
	struct node *callees, *next;
};

/* A flame graph as SVG: one bar for each node, as wide as its total, on its caller's. */
void flame_draw(FILE *to, const struct node *root, const char *title);

#endif

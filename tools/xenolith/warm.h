/* SPDX-License-Identifier: ISC */
/* Starts that create no domain (docs/warm.md): pools of guests, and copies of a snapshot. */
#ifndef XENOLITH_WARM_H
#define XENOLITH_WARM_H

#include "run.h"

#include <stdint.h>

/* Bytes of a command line in xenstore, where a value has at most 4,096 with its path. */
#define LINE_MOST 4000

/* `xenolith pool`; argv: the words behind it (pool.c). */
void pool(char **argv);

/* ---- pool_take.c */

/*
 * Takes a guest, which is paused, from the pool that o->pool names ("": that of the image), and gives
 * it its command line.  Sets o->name and o->type.  Without a guest that is ready, one is created
 * first.  In the background, the pool gets another one.  Returns the number of the domain.
 */
int pool_take(struct run_options *o);

/* The guest runs. */
void pool_taken(void);

/* ---- snapshot.c */

/*
 * Restores a copy of the guest in the file o->from, paused, with a UUID, a MAC address and the
 * options of its own.  Returns the number of the domain.
 */
int snapshot_copy(struct run_options *o, const uint8_t uuid[], const char *uuid_text);

/* Sets o->name, unless it was asked for, o->type and o->image from the file. */
void snapshot_describe(struct run_options *o);

#endif

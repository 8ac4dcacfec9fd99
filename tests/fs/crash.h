/* SPDX-License-Identifier: ISC */
/*
 * Every state that a crash can leave on a device, from what was recorded of it.
 *
 * Writes are in the order in which they were issued.  A crash loses any subset of the writes
 * that no flush made durable; of a write of several sectors it may lose some.  A state is
 * named by which of the writes are there.
 */
#ifndef TESTS_FS_CRASH_H
#define TESTS_FS_CRASH_H

#include "tests/fs/device.h"

struct crash_state {
	uint64_t digest;		/* of the image, the same for equal images */
	unsigned done, begun;		/* operations at the earliest moment of this state */
	unsigned done_late;		/* and at the latest: they have returned */
	unsigned begun_late;
	char name[120];
};

struct crash_limits {
	unsigned all_below;		/* all subsets of at most so many writes */
	bool torn;
	unsigned one_of;		/* take one state of so many at random; 0, 1: all */
};

/*
 * Call state() with each state on `image`, which has what was there when recording began, and
 * has it again afterwards.  state() may write to the image through touch() only.  It returns
 * false to end.  How many states there were.
 */
uint64_t crash_states(const struct device *d, uint8_t *image, uint64_t size,
		      const struct crash_limits *limits,
		      bool (*state)(void *arg, const struct crash_state *s), void *arg);

/* A device over the image that undoes its writes: from begin to end. */
void crash_device_begin(struct device *d, uint8_t *image, uint64_t size);
void crash_device_end(struct device *d);

/* Of digests that were seen: true if this one is new. */
bool crash_new(uint64_t digest);

#endif

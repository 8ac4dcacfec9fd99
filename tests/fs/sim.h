/* SPDX-License-Identifier: ISC */
/*
 * The surroundings of fs/ (fs/os.h) as a simulation: time, memory and threads are what the
 * test says, and the same seed gives the same run.
 *
 *	sim.c		memory, time, the log, threads
 *	sim_claims.c	claims, options, how much of the work is done
 *	asan.c		options of AddressSanitizer
 *	device.c	block devices: memory, a file, recording, with errors, concurrent
 *	model.c		the executable specification: the tree, and POSIX's errors
 *	model_attr.c	attributes
 *	model_data.c	the data of its files
 *	op.c		operations, random and exhaustive sequences of them
 *	run.c		applies an operation to fs/ and to the model, and compares
 *	run_names.c	operations on names
 *	run_data.c	operations on the data of files
 *	run_attr.c	reading directories; attributes
 *	tree.c		reads a mounted tree, and compares it with the model
 *	durable.c	which trees the guarantees allow after a crash
 *	crash.c		every state that a crash can leave on a device
 *	crash_disk.c	a file system whose disk may crash at any moment
 *	image.c		mkfs.ext4, e2fsck, debugfs
 *	csum.c		finds the metadata of an image, and makes its checksums anew
 */
#ifndef TESTS_FS_SIM_H
#define TESTS_FS_SIM_H

#include "fs/fs.h"
#include "fs/os.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define COUNT_OF(array) (sizeof(array) / sizeof(*(array)))
#define SECOND UINT64_C(1000000000)

struct sim {
	uint64_t seed;			/* of random decisions */
	int64_t time;			/* os_time(): of day */
	uint64_t clock;			/* os_clock() */
	uint64_t background_at;		/* 0: not asked for */

	size_t memory, limit;		/* allocated; at most, 0: no limit */
	uint64_t allocations;
	uint64_t fail_at;		/* the allocation of this number fails; 0: none */
	unsigned fail_each;		/* one in so many fails at random */
	unsigned reclaim_each;		/* one in so many calls reclaim first */
	size_t (*reclaim)(size_t bytes);

	bool verbose;
	uint64_t errors_logged;		/* lines of OS_ERROR and OS_WARNING */
};
extern struct sim sim;

/* Everything as at the beginning, with a seed.  Memory that is still allocated is an error. */
void sim_begin(uint64_t seed);
/* Fails if memory of fs/ was not freed. */
void sim_end(void);

uint64_t sim_random(void);
unsigned sim_below(unsigned n);
bool sim_chance(unsigned n);		/* true once in n; false for 0 */

/* Time passes; fs_background() is called if it is due. */
void sim_advance(uint64_t ns);

/* ---- Threads.  Without them the caller is the only one. */

/* Run them to their ends, one at a time, switching at random wherever fs/ may sleep. */
void sim_threads(void (*const run[])(void *), void *const args[], unsigned count);
/* Called wherever fs/ may sleep: perhaps another thread runs.  Devices call it. */
void sim_sleep(void);

/* ---- What is known when a check fails: a description that the current test keeps. */

/* Print the context and the message, and abort. */
_Noreturn void sim_fail(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* The functions that print the context; at most 4.  Called once, in the order of adding. */
void sim_context(void (*print)(void));
void sim_print_context(void);

/* ---- Claims: each runs in a process of its own and prints a line. */

struct sim_claim {
	const char *text;
	void (*test)(void);
};
/* Text behind the claim in its line: counts. */
void sim_note(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/*
 * Options: -k TEXT only claims with this text; -s SEED; -x N so many times the work; -v.
 * -m: shorten the sequence that fails.  -b FOLDER: where images and logs are kept.
 */
int sim_main(int argc, char **argv, const struct sim_claim *claims, size_t count);
/*
 * Run test(arg, count, list): with -m, if it fails, again and again with fewer elements of
 * the list, as long as it fails; then with the shortest list that was found.
 */
void sim_shrink(void (*test)(void *arg, unsigned count, void *list), void *arg, unsigned count,
		void *list, size_t element);
extern uint64_t sim_first_seed;
extern unsigned sim_times;
/* HOST_SHARE: a part of so many is run, but at least one: of `count` repetitions, the number, and
   of `count` kinds, whether kind n belongs to the part, by the seed. */
extern unsigned sim_share;
unsigned sim_count(unsigned count);
bool sim_part(unsigned n, unsigned count);
extern const char *sim_folder;

/* Milliseconds since the program began. */
uint64_t sim_elapsed(void);

#endif

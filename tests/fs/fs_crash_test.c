/* SPDX-License-Identifier: ISC */
/*
 * Every state that a crash can leave, for sequences of one, two and three operations.
 *
 *	FS_STATES=N	how many states at least (10,000; 2000 if HOST_SHARE is more than 1)
 *	LONG=1		a million, by the sequences in turn; what was done is kept in
 *			FOLDER/crash.progress, and the next run goes on there
 */
#include "tests/fs/crash.h"
#include "tests/fs/durable.h"
#include "tests/fs/image.h"
#include "tests/fs/run.h"
#include "tests/fs/sim.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct base {
	struct image image;		/* with gen_setup, unmounted */
	struct model model;
	uint64_t inodes, blocks;	/* those that are free and those of the tree together */
};

static struct {
	struct base *base;
	const char *options;
	uint8_t *image;			/* that is crashed and recovered */
	uint64_t number;		/* of the sequence */
	struct durable durable;
	struct crash_state state;
	uint64_t states, distinct, checked, repaired, twice, sequences;
	uint64_t kinds[OP_KINDS];
	bool in_sequence[OP_KINDS];
	uint64_t wanted;
	bool concurrent, sync;
	FILE *digests;			/* of the long form */
} now;

static void print_state(void)
{
	fprintf(stderr, "mkfs.ext4 %s, sequence %" PRIu64 "%s%s: crash with %s\n", now.options,
		now.number, now.concurrent ? ", concurrent" : "", now.sync ? ", sync" : "",
		now.state.name);
	fprintf(stderr, "%u operations have returned and %u begun, or later %u and %u\n",
		now.state.done, now.state.begun, now.state.done_late, now.state.begun_late);
	for (unsigned n = 1; n <= now.durable.count; n++) {
		char line[200];

		op_print(&now.durable.versions[n].op, line, sizeof(line));
		fprintf(stderr, "    %u %s%s\n", n, line,
			now.durable.versions[n].changed ? "" : " (fails)");
	}
}

/* ---- What is in use and what is free: together always the same. */

static void totals(const struct tree *t, uint64_t *inodes, uint64_t *blocks)
{
	*inodes = t->statfs.inodes_free;
	*blocks = t->statfs.free;
	for (unsigned i = 0; i < t->count; i++) {
		bool again = false;

		for (unsigned j = 0; j < i && !again; j++)
			again = t->nodes[j].stat.ino == t->nodes[i].stat.ino;
		if (again)
			continue;
		++*inodes;
		*blocks += t->nodes[i].stat.blocks * 512 / t->statfs.block_size;
	}
}

/* ---- One state. */

static void recover(struct device *d, struct tree *t)
{
	struct fs_options options = { 0 };
	struct fs *fs;
	uint64_t inodes, blocks;
	int rc = ext4_mount(&d->block, &options, &fs);

	if (rc)
		sim_fail("recovery: mount returns %d: %s", rc, options.reason);
	tree_read(t, fs, "recovery");
	rc = fs->ops->unmount(fs);
	if (rc)
		sim_fail("recovery: unmount returns %d", rc);
	totals(t, &inodes, &blocks);
	if (inodes != now.base->inodes || blocks != now.base->blocks)
		sim_fail("recovery: %" PRId64 " inodes and %" PRId64 " blocks are lost",
			 (int64_t)(now.base->inodes - inodes), (int64_t)(now.base->blocks - blocks));
}

static void compare(const struct tree *t, const struct crash_state *s)
{
	const char *why = durable_differs(&now.durable, t, s->done, s->begun);

	if (!why)
		why = durable_differs(&now.durable, t, s->done_late, s->begun_late);
	if (why)
		sim_fail("this tree is not allowed:%s", why);
}

/* Another crash, while it recovers. */
static void recover_twice(const struct crash_state *s)
{
	uint64_t size = now.base->image.size;
	struct device first, second;
	struct fs_options options = { 0 };
	struct fs *fs;
	struct tree t;
	unsigned until, flushed = 0;

	crash_device_begin(&first, now.image, size);
	device_record(&first);
	if (ext4_mount(&first.block, &options, &fs) || fs->ops->unmount(fs))
		sim_fail("recovery: %s", options.reason);
	first.recording = false;
	/* Undo it all; then its writes again, as far as this second crash leaves them. */
	{
		struct event *events = first.events;
		unsigned count = first.event_count;

		first.events = NULL;
		first.event_count = 0;
		crash_device_end(&first);
		until = sim_below(count + 1);
		for (unsigned i = 0; i < until; i++)
			if (events[i].kind == EVENT_FLUSH)
				flushed = i;
		crash_device_begin(&second, now.image, size);
		for (unsigned i = 0; i < count; i++) {
			if (events[i].kind != EVENT_WRITE)
				continue;
			if (i < flushed || (i < until && sim_below(2))) {
				second.before_write(&second, events[i].at, events[i].len);
				memcpy(now.image + events[i].at, events[i].data, events[i].len);
			}
			free(events[i].data);
		}
		free(events);
	}
	recover(&second, &t);
	compare(&t, s);
	tree_free(&t);
	crash_device_end(&second);
	now.twice++;
}

/* e2fsck recovers in the same way. */
static void recover_otherwise(const struct tree *ours)
{
	struct image other = { malloc(now.base->image.size), now.base->image.size };
	struct fs_options options = { .read_only = true };
	struct device d;
	struct tree t;
	struct fs *fs;
	const char *why;
	int rc;

	memcpy(other.data, now.image, other.size);
	rc = image_repair(&other);
	/* 1: it has mended something: the journal was replayed, or an orphan removed. */
	if (rc > 1)
		sim_fail("e2fsck -fy returns %d:\n%s", rc, image_output());
	if (strstr(image_output(), "UNEXPECTED") || strstr(image_output(), "lost+found"))
		sim_fail("e2fsck -fy finds:\n%s", image_output());
	device_memory(&d, other.data, other.size);
	rc = ext4_mount(&d.block, &options, &fs);
	if (rc)
		sim_fail("mount after e2fsck returns %d: %s", rc, options.reason);
	tree_read(&t, fs, "after e2fsck");
	fs->ops->unmount(fs);
	why = tree_differs(ours, &t);
	if (why)
		sim_fail("the recovery of fs/ and that of e2fsck differ: %s", why);
	tree_free(&t);
	device_end(&d);
	image_free(&other);
	now.repaired++;
}

static bool crashed(void *arg, const struct crash_state *s)
{
	struct device d;
	struct tree t;

	(void)arg;
	now.state = *s;
	now.states++;
	if (!crash_new(s->digest))
		return true;
	now.distinct++;
	if (now.digests)
		fwrite(&s->digest, 8, 1, now.digests);
	for (unsigned k = 0; k < OP_KINDS; k++)
		now.kinds[k] += now.in_sequence[k];
	crash_device_begin(&d, now.image, now.base->image.size);
	recover(&d, &t);
	compare(&t, s);
	if (sim_chance(200)) {
		image_check(&(struct image){ now.image, now.base->image.size }, "after recovery");
		now.checked++;
	}
	crash_device_end(&d);
	if (sim_chance(200))
		recover_otherwise(&t);
	tree_free(&t);
	if (sim_chance(15))
		recover_twice(s);
	return now.distinct < now.wanted;
}

/* ---- One sequence. */

static void mark(struct run *run, const struct op *op, bool end)
{
	struct device *d = run->mark_arg;

	if (!d->recording)
		return;
	if (end)
		durable_add(&now.durable, run, op);
	device_mark(d, end ? EVENT_END : EVENT_BEGIN, now.durable.count + !end);
}

static void sequence(const struct op *ops, unsigned count, const struct crash_limits *limits)
{
	struct base *base = now.base;
	struct device d;
	struct run run = { .block = &d.block, .block_size = 1024 };

	now.sequences++;
	memset(now.in_sequence, 0, sizeof(now.in_sequence));
	for (unsigned i = 0; i < count; i++)
		now.in_sequence[ops[i].kind] = true;
	sim_begin(now.number);
	device_memory(&d, now.image, base->image.size);
	if (now.concurrent)
		device_concurrent(&d);
	device_record(&d);
	model_copy(&run.model, &base->model);
	run.options.sync = now.sync;
	run.mark = mark;
	run.mark_arg = &d;
	run_mount(&run);
	durable_begin(&now.durable, &run);
	for (unsigned i = 0; i < count; i++)
		run_op(&run, &ops[i]);
	run_op(&run, &(struct op){ .kind = OP_REMOUNT });
	d.recording = false;
	run_end(&run);
	memcpy(now.image, base->image.data, base->image.size);
	crash_states(&d, now.image, base->image.size, limits, crashed, NULL);
	durable_end(&now.durable);
	device_end(&d);
	sim_end();
}

/* The long form goes on with the very image that it began with. */
static void base_keep(struct base *base)
{
	char path[400];

	mkdir(sim_folder, 0755);
	snprintf(path, sizeof(path), "%s/crash.img", sim_folder);
	if (access(path, R_OK) == 0) {
		image_free(&base->image);
		image_read(&base->image, path);
	} else {
		image_write(&base->image, path);
	}
}

static void base_begin(struct base *base, const char *options, bool keep)
{
	struct device d;
	struct run run;
	struct tree t;

	sim_begin(1);
	image_make(&base->image, 4 << 20, options);
	device_memory(&d, base->image.data, base->image.size);
	run_begin(&run, &d.block, NULL);
	for (unsigned i = 0; i < gen_setup_count; i++)
		run_op(&run, &gen_setup[i]);
	run_unmount(&run);
	run_mount(&run);
	tree_read(&t, run.fs, "setup");
	totals(&t, &base->inodes, &base->blocks);
	tree_free(&t);
	run_unmount(&run);
	model_copy(&base->model, &run.model);
	run_end(&run);
	if (keep)
		base_keep(base);
	device_end(&d);
	image_check(&base->image, "setup");
	sim_context(print_state);
	now.base = base;
	now.options = options;
	now.image = malloc(base->image.size);
	memcpy(now.image, base->image.data, base->image.size);
}

static void base_end(struct base *base)
{
	free(now.image);
	image_free(&base->image);
	model_end(&base->model);
	now.base = NULL;
}

/* ---- Slices. */

static void report(void)
{
	double least = 100;
	unsigned rarest = 0;

	for (unsigned i = 0; i < gen_alphabet_count; i++) {
		unsigned k = gen_alphabet[i].kind;
		double share = 100.0 * now.kinds[k] / (now.distinct + !now.distinct);

		if (share < least) {
			least = share;
			rarest = k;
		}
	}
	sim_note("%" PRIu64 " distinct states of %" PRIu64 " in %" PRIu64 " sequences, each kind in "
		 "%.1f %% (%s) or more; %" PRIu64 " checked by e2fsck, %" PRIu64 " repaired by it, %"
		 PRIu64 " crashed twice", now.distinct, now.states, now.sequences, least,
		 op_names[rarest], now.checked, now.repaired, now.twice);
}

static uint64_t wanted(void)
{
	const char *n = getenv("FS_STATES");

	return n ? strtoull(n, NULL, 0) : (sim_share > 1 ? 2000 : 10000) * (uint64_t)sim_times;
}

static const char *const bases[] = {
	"-b 1024 -N 64 -J size=1",
	"-b 1024 -N 64 -J size=1 -O ^extent,^64bit,^metadata_csum",
	"-b 1024 -N 64 -J size=1 -O orphan_file,metadata_csum_seed",
};

/* Each base has its share: of random sequences. */
static void slice(void)
{
	const struct crash_limits limits = { .all_below = 5, .torn = true, .one_of = 8 };
	struct op ops[8];

	for (unsigned b = 0; b < COUNT_OF(bases); b++) {
		struct base base;

		base_begin(&base, bases[b], false);
		now.wanted = wanted() * (b + 1) / COUNT_OF(bases);
		for (unsigned n = 0; now.distinct < now.wanted; n++) {
			unsigned length = 1 + n % 4 - n % 4 / 3;
			uint64_t all = gen_sequences(length);

			sim_begin(sim_first_seed + b * 1000000 + n);
			now.number = sim_random() % all;
			now.concurrent = n % 5 == 4;
			now.sync = n % 7 == 6;
			sequence(ops, gen_sequence(now.number, length, ops), &limits);
		}
		base_end(&base);
	}
	report();
}

/* ---- All sequences of one and two operations, in an order that mixes them. */

#define STRIDE UINT64_C(1000003)	/* a prime that divides no number of sequences */

static FILE *kept(const char *name, const char *mode)
{
	char path[400];

	snprintf(path, sizeof(path), "%s/%s", sim_folder, name);
	return fopen(path, mode);
}

static uint64_t progress_read(void)
{
	FILE *f = kept("crash.progress", "r"), *digests = kept("crash.digests", "r");
	uint64_t next = 0, digest;

	if (f && digests) {
		if (fscanf(f, "%" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64, &next, &now.distinct,
			   &now.states, &now.sequences) != 4)
			sim_fail("crash.progress is not readable");
		for (unsigned k = 0; k < OP_KINDS; k++)
			if (fscanf(f, "%" SCNu64, &now.kinds[k]) != 1)
				sim_fail("crash.progress is not readable");
		/* Bytes that were appended after the last progress are appended again. */
		for (uint64_t n = 0; n < now.distinct && fread(&digest, 8, 1, digests) == 1; n++)
			crash_new(digest);
	}
	if (f)
		fclose(f);
	if (digests)
		fclose(digests);
	return next;
}

static void progress_write(uint64_t next)
{
	FILE *f = kept("crash.progress.new", "w");
	char from[400], to[400];

	if (!f)
		sim_fail("cannot write to %s", sim_folder);
	fprintf(f, "%" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 "\n", next, now.distinct, now.states,
		now.sequences);
	for (unsigned k = 0; k < OP_KINDS; k++)
		fprintf(f, "%" PRIu64 "\n", now.kinds[k]);
	fclose(f);
	fflush(now.digests);
	snprintf(from, sizeof(from), "%s/crash.progress.new", sim_folder);
	snprintf(to, sizeof(to), "%s/crash.progress", sim_folder);
	rename(from, to);
}

static void every_sequence(void)
{
	const struct crash_limits limits = { .all_below = 6, .torn = true };
	const char *seconds = getenv("FS_SECONDS");
	uint64_t end = seconds ? strtoull(seconds, NULL, 0) * 1000 : UINT64_MAX;
	uint64_t one = gen_sequences(1), two = gen_sequences(2), next;
	struct op ops[8];
	struct base base;

	base_begin(&base, bases[0], true);
	next = progress_read();
	now.digests = kept("crash.digests", next ? "r+" : "w");
	if (!now.digests)
		sim_fail("cannot write to %s", sim_folder);
	fseek(now.digests, now.distinct * 8, SEEK_SET);
	now.wanted = UINT64_MAX;
	for (; next < one + two && sim_elapsed() < end; next++) {
		unsigned length = next < one ? 1 : 2;

		now.number = next < one ? next : (next - one) * STRIDE % two;
		now.concurrent = now.number % 5 == 4;
		now.sync = now.number % 11 == 10;
		sequence(ops, gen_sequence(now.number, length, ops), &limits);
		if (next % 50 == 49)
			progress_write(next + 1);
	}
	progress_write(next);
	fclose(now.digests);
	now.digests = NULL;
	base_end(&base);
	report();
	sim_note("; sequence %" PRIu64 " of %" PRIu64, next, one + two);
	if (next == one + two && now.distinct < 1000000)
		sim_fail("only %" PRIu64 " distinct states", now.distinct);
}

int main(int argc, char **argv)
{
	static const struct sim_claim claims[] = {
		{ "after a crash the tree is one that the guarantees allow", slice },
		{ "the same for each sequence of one and two operations", every_sequence },
	};
	const char *long_form = getenv("LONG");

	return sim_main(argc, argv, claims, long_form && *long_form == '1' ? 2 : 1);
}

/* SPDX-License-Identifier: ISC */
/* Random sequences of operations on ext4, on each variant of mkfs.ext4's. */
#include "tests/fs/device.h"
#include "tests/fs/image.h"
#include "tests/fs/run.h"
#include "tests/fs/sim.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct variant {
	const char *options;
	unsigned megabytes;
};

static const struct variant variants[] = {
	{ "", 16 },
	{ "-b 1024", 8 },
	{ "-b 2048", 16 },
	{ "-b 1024 -O ^64bit,^metadata_csum", 8 },
	{ "-O ^64bit,^metadata_csum", 16 },
	{ "-b 1024 -O ^extent,^64bit", 8 },
	{ "-O ^extent,^64bit", 16 },
	{ "-O ^has_journal", 8 },
	{ "-b 1024 -O ^has_journal,^extent,^64bit,^metadata_csum", 4 },
	{ "-b 1024 -O ^dir_index", 8 },
	{ "-O orphan_file", 16 },
	{ "-b 1024 -O metadata_csum_seed,orphan_file", 8 },
	{ "-b 1024 -I 128", 8 },
	{ "-O ^flex_bg,^resize_inode", 16 },
	{ "-b 1024 -O ^huge_file,^large_file,^extra_isize -I 256", 8 },
	{ "-b 1024 -g 1024 -O ^flex_bg", 8 },
	{ "-b 1024 -O sparse_super2 -E num_backup_sb=1", 8 },
	{ "-b 1024 -J size=2 -O meta_bg,^resize_inode", 12 },
};

struct sequence {
	const struct image *fresh;
	struct image image;
	const struct variant *variant;
	uint64_t seed;
	bool concurrent;
};

static void play(void *arg, unsigned count, void *list)
{
	struct sequence *s = arg;
	const struct op *ops = list;
	struct device d;
	struct run run;
	char when[200];

	sim_begin(s->seed);
	sim.reclaim_each = s->seed % 2 ? 5 : 0;
	memcpy(s->image.data, s->fresh->data, s->image.size);
	device_memory(&d, s->image.data, s->image.size);
	if (s->concurrent)
		device_concurrent(&d);
	run_begin(&run, &d.block, NULL);
	run.second = strstr(s->variant->options, "-I 128");
	run.allowed = RUN_ENOSPC;
	for (unsigned n = 0; n < count; n++) {
		if (run.second && ops[n].kind == OP_UTIME)
			continue;
		run_op(&run, &ops[n]);
		if (n % 50 == 49)
			run_compare(&run);
	}
	run_compare(&run);
	run_end(&run);
	device_end(&d);
	sim_end();
	snprintf(when, sizeof(when), "mkfs.ext4 %s, seed %llu", s->variant->options,
		 (unsigned long long)s->seed);
	image_check(&s->image, when);
}

#define LENGTH 150

static void sequence(struct sequence *s)
{
	struct gen g = { .small = s->seed % 3 == 0, .size_max = s->seed % 5 == 0 ? 300000 : 0 };
	struct op ops[LENGTH];

	sim_begin(s->seed);
	for (unsigned n = 0; n < LENGTH; n++)
		gen_random(&g, &ops[n]);
	sim_shrink(play, s, LENGTH, ops, sizeof(ops[0]));
}

static void each_variant(void)
{
	unsigned n = 0, count = 0;

	for (unsigned v = 0; v < COUNT_OF(variants); v++) {
		struct image fresh;
		struct sequence s = { &fresh, .variant = &variants[v] };

		if (!sim_part(v, COUNT_OF(variants)))
			continue;
		count++;
		image_make(&fresh, (uint64_t)variants[v].megabytes << 20, variants[v].options);
		s.image = (struct image){ aligned_alloc(4096, fresh.size), fresh.size };
		for (unsigned i = 0; i < 2 * sim_times; i++, n++) {
			s.seed = sim_first_seed + v * 1000 + i;
			s.concurrent = i % 2;
			sequence(&s);
		}
		image_free(&s.image);
		image_free(&fresh);
	}
	sim_note("%u sequences, %u variants", n, count);
}

int main(int argc, char **argv)
{
	static const struct sim_claim claims[] = {
		{ "ext4 does what the model does on each variant of mkfs.ext4", each_variant },
	};

	return sim_main(argc, argv, claims, COUNT_OF(claims));
}

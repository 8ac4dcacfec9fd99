/* SPDX-License-Identifier: ISC */
/* Random sequences of operations: tmpfs against the model. */
#include "tests/fs/run.h"
#include "tests/fs/sim.h"

#include <stdlib.h>

static void tmpfs_is_as_the_model(void)
{
	unsigned count = sim_count(200), ops = 0;

	for (unsigned i = 0; i < count; i++) {
		struct gen g = { .small = i % 3 == 0, .size_max = i % 5 == 0 ? 300000 : 0 };
		struct run run;
		struct op op;

		sim_begin(sim_first_seed + i);
		sim.reclaim_each = i % 2 ? 5 : 0;
		run_begin(&run, NULL, &(struct fs_options){ .size_limit = 64 << 20 });
		for (unsigned n = 0; n < 150; n++, ops++) {
			gen_random(&g, &op);
			run_op(&run, &op);
			if (n % 50 == 49)
				run_compare(&run);
		}
		run_end(&run);
		sim_end();
	}
	sim_note("%u sequences, %u operations", count, ops);
}

static void memory_that_fails(void)
{
	unsigned count = sim_count(100), hits = 0;

	for (unsigned i = 0; i < count; i++) {
		struct gen g = { .small = true };
		struct run run;
		struct op op;

		sim_begin(sim_first_seed + i);
		run_begin(&run, NULL, &(struct fs_options){ .size_limit = 64 << 20 });
		run.allowed = RUN_ENOMEM | RUN_ENOSPC;
		run.quiet = true;
		for (unsigned n = 0; n < 100; n++) {
			gen_random(&g, &op);
			sim.fail_each = 8;
			run_op(&run, &op);
			sim.fail_each = 0;
			hits += run.hit != 0;
			run.hit = 0;
		}
		run_compare(&run);
		run_end(&run);
		sim_end();
	}
	sim_note("%u sequences, %u errors", count, hits);
}

static void a_limit_of_bytes(void)
{
	struct gen g = { .size_max = 100000 };
	struct run run;
	struct op op;
	unsigned hits = 0;

	sim_begin(sim_first_seed);
	run_begin(&run, NULL, &(struct fs_options){ .size_limit = 256 << 10 });
	run.allowed = RUN_ENOSPC;
	for (unsigned n = 0; n < 2000; n++) {
		gen_random(&g, &op);
		run_op(&run, &op);
		hits += run.hit != 0;
		run.hit = 0;
	}
	run_compare(&run);
	run_end(&run);
	sim_end();
	sim_note("%u errors", hits);
}

int main(int argc, char **argv)
{
	static const struct sim_claim claims[] = {
		{ "tmpfs does what the model does", tmpfs_is_as_the_model },
		{ "tmpfs: an operation without memory fails and changes nothing", memory_that_fails },
		{ "tmpfs: a limit of bytes is an error and nothing else", a_limit_of_bytes },
	};

	return sim_main(argc, argv, claims, COUNT_OF(claims));
}

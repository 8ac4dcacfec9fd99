/* SPDX-License-Identifier: ISC */
/* lib/process/random.c: seeds of xenstore, while other threads draw numbers, and in copies of a guest. */
#include "drivers/xenbus/xenstore.h"
#include "kernel/clock.h"
#include "kernel/param.h"
#include "kernel/random.h"
#include "kernel/sched.h"
#include "tests/host/host.h"

#include <assert.h>
#include <string.h>

static int store_init(void);
static ssize_t store_read(const char *transaction, const char *path, char **value);

static unsigned left;			/* the guest is copied after so many steps */

static void step(void *to, size_t len)
{
	random_bytes(to, len);
	if (left && !--left)
		random_restored();
}

static const char *seed_option;		/* seed=, the same in all copies */

#define random_bytes step
#define param(name) seed_option
#define xs_init	   store_init
#define xs_read(t, path, value) store_read(t, path, value)
#define getrandom  guest_getrandom
#define getentropy guest_getentropy
#include "lib/process/random.c"

static unsigned reads, copied_at;	/* the guest is copied during this read */
static bool only_one;			/* seed: a copy has none */

static int store_init(void)
{
	return 0;
}

/* Sleeps, as xs_read() does. */
static ssize_t store_read(const char *transaction, const char *path, char **value)
{
	bool has = !strcmp(path, "xenolith/seed") && !(only_one && random_copies);

	(void)transaction;
	reads++;
	thread_sleep(clock_now() + host_below(5000));
	if (reads == copied_at)
		random_restored();
	if (!has)
		return -ENOENT;
	*value = strdup("0123456789abcdef0123456789abcdef");
	assert(*value);
	return 32;
}

static void boot(void)
{
	host.rdrand = RDRAND_NONE;
	host_boot();
}

static unsigned drawn;

static void draw(void *arg)
{
	char bytes[16];

	(void)arg;
	assert(getrandom(bytes, sizeof(bytes), 0) == sizeof(bytes));
	drawn++;
}

static void each_thread_has_the_seed(void)
{
	boot();
	for (unsigned i = 0; i < 3; i++)
		assert(thread_start("drawer", THREAD_KERNEL, STACK_KERNEL, draw, NULL, NULL));
	draw(NULL);
	while (drawn < 4)
		thread_sleep(clock_now() + 1000);
	assert(reads == 1);
}

static void a_copy_reads_its_own(void)
{
	char bytes[16];

	boot();
	only_one = host_chance(2);
	copied_at = 1;
	if (only_one)
		assert(getrandom(bytes, sizeof(bytes), 0) == -1 && errno == EIO && !random_seeded());
	else
		draw(NULL);
	assert(reads >= 2);
}

static void the_option_is_no_secret_of_a_copy(void)
{
	char bytes[16];

	boot();
	only_one = true;
	seed_option = "a secret of the operator's, from the command line";
	assert(getrandom(bytes, sizeof(bytes), 0) == sizeof(bytes) && !reads);
	random_restored();
	assert(getrandom(bytes, sizeof(bytes), 0) == -1 && errno == EIO && reads);
}

/* During the later steps of a long request, too. */
static void no_byte_is_of_an_unseeded_copy(void)
{
	static char bytes[3 * AT_ONCE];

	boot();
	only_one = host_chance(2);
	left = 1;
	if (!only_one) {
		assert(getrandom(bytes, sizeof(bytes), 0) == sizeof(bytes) && reads == 3);
		return;
	}
	assert(getrandom(bytes, sizeof(bytes), 0) == AT_ONCE);
	for (size_t i = AT_ONCE; i < sizeof(bytes); i++)
		assert(!bytes[i]);
	assert(getrandom(bytes, sizeof(bytes), 0) == -1 && errno == EIO);
	assert(getrandom(bytes, sizeof(bytes), GRND_INSECURE) == sizeof(bytes));
	assert(getrandom(bytes, 0, 0) == -1 && getrandom(bytes, 0, GRND_INSECURE) == 0);
}

int main(int argc, char **argv)
{
	static const struct host_claim claims[] = {
		{ "seed= is not the seed of a copy", the_option_is_no_secret_of_a_copy, 5 },
		{ "threads that draw while the seed is read wait for it", each_thread_has_the_seed, 20 },
		{ "a seed that was read before a suspend is not the copy's", a_copy_reads_its_own, 20 },
		{ "a copy without a seed returns no bytes", no_byte_is_of_an_unseeded_copy, 20 },
	};

	return host_main(argc, argv, claims, HOST_COUNT(claims));
}

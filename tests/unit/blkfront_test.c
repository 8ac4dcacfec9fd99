/* SPDX-License-Identifier: ISC */
/* drivers/blkfront*.c: data, limits, errors, backends that violate the protocol. */
#include "tests/unit/blkfront_user.h"

/* ---- reading and writing */

#define AREA (BLKBACK_SIZE / 4)

/* Cuts a buffer into pieces of whole sectors of 512 bytes. */
static unsigned cut(struct iovec *pieces, unsigned most, uint8_t *buf, size_t len)
{
	unsigned n = 0;

	while (len) {
		size_t piece = 512 * (1 + host_below(host_chance(3) ? 40 : 9));

		if (piece > len || n + 1 == most)
			piece = len;
		pieces[n++] = (struct iovec){ buf, piece };
		buf += piece;
		len -= piece;
	}
	return n;
}

#define RUNS 5

/* Cuts an area into runs with random holes between them, each of random pieces. */
static unsigned make_runs(struct blkfront_run runs[RUNS], struct iovec pieces[RUNS][16], uint8_t *buf,
			  size_t start)
{
	unsigned n = 0;

	for (size_t at = 4096 * host_below(4); at < AREA && n < RUNS; n++) {
		size_t len = 4096 * (1 + host_below((AREA - at) / 4096));

		cut(pieces[n], 16, buf + at, len);
		runs[n] = (struct blkfront_run){ pieces[n], len, start + at };
		at += len + 4096 * host_below(3);
	}
	return n;
}

static void use_area_by_runs(void *arg)
{
	size_t start = (uintptr_t)arg * AREA;
	uint8_t *mine = malloc(AREA), *buf = malloc(AREA);
	struct iovec pieces[RUNS][16];
	struct blkfront_run runs[RUNS];

	memcpy(mine, blkback_disk + start, AREA);
	for (int i = 0; i < 12; i++) {
		unsigned n = make_runs(runs, pieces, buf, start);
		bool write = host_chance(2);

		for (size_t k = 0; k < AREA; k++)
			buf[k] = write ? host_random() : 0xee;
		assert((write ? blkfront_write_runs : blkfront_read_runs)(&disk, runs, n) == 0);
		for (unsigned k = 0; k < n; k++) {
			size_t at = runs[k].at - start;

			if (write)
				memcpy(mine + at, buf + at, runs[k].len);
			assert(memcmp(buf + at, mine + at, runs[k].len) == 0);
			memset(buf + at, 0xee, runs[k].len);
		}
		for (size_t k = 0; !write && k < AREA; k++)
			assert(buf[k] == 0xee);
	}
	assert(memcmp(mine, blkback_disk + start, AREA) == 0);
	free(mine);
	free(buf);
}

static void runs_are_transferred_together(void)
{
	uint8_t buf[8192];
	struct iovec v[2] = { { buf, 4096 }, { buf + 4096, 4096 } };
	struct blkfront_run good = { v, 8192, 0 };

	up();
	for (unsigned i = 0; i < 4; i++)
		start_thread(use_area_by_runs, i);
	wait_for_threads();
	/* Beyond the end, and a part of a sector: nothing is transferred. */
	for (int i = 0; i < 4; i++) {
		struct blkfront_run bad[] = {
			{ v, 8192, BLKBACK_SIZE - 4096 }, { v, 8192, UINT64_MAX - 4095 },
			{ v, 4096, 100 }, { v, 4196, 0 },
		};

		assert(blkfront_read_runs(&disk, (struct blkfront_run[]){ good, bad[i] }, 2) == -EIO);
		assert(blkfront_write_runs(&disk, (struct blkfront_run[]){ bad[i], good }, 2) == -EIO);
	}
	assert(blkfront_read_runs(&disk, &good, 0) == 0);
	assert(blkfront_read_runs(&disk, &(struct blkfront_run){ v, 0, 0 }, 1) == 0);
	down();
}

static void use_area(void *arg)
{
	size_t start = (uintptr_t)arg * AREA;
	uint8_t *mine = malloc(AREA), *buf = malloc(AREA);

	memcpy(mine, blkback_disk + start, AREA);
	for (int i = 0; i < 12; i++) {
		size_t at = host_below(AREA), len = host_below(host_chance(2) ? 2000 : AREA);

		if (len > AREA - at)
			len = AREA - at;
		if (host_chance(2)) {
			for (size_t k = 0; k < len; k++)
				mine[at + k] = buf[k] = host_random();
			assert(blkfront_write(&disk, buf, len, start + at) == (ssize_t)len);
		} else {
			memset(buf, 0xee, AREA);
			assert(blkfront_read(&disk, buf, len, start + at) == (ssize_t)len);
			assert(memcmp(buf, mine + at, len) == 0);
			assert(len == AREA || buf[len] == 0xee);
		}
		if (host_chance(6))
			assert(blkfront_flush(&disk) == 0);
	}
	assert(memcmp(mine, blkback_disk + start, AREA) == 0);
	free(mine);
	free(buf);
}

/* In one call more than the pool may hold, from several at once. */
static void read_all(void *arg)
{
	uint8_t *buf = malloc(BLKBACK_SIZE);

	(void)arg;
	assert(blkfront_read(&disk, buf, BLKBACK_SIZE, 0) == BLKBACK_SIZE);
	assert(memcmp(buf, blkback_disk, BLKBACK_SIZE) == 0);
	free(buf);
}

static void what_is_written_is_read(void)
{
	up();
	for (unsigned i = 0; i < 3; i++)
		start_thread(read_all, i);
	wait_for_threads();
	for (unsigned i = 0; i < 4; i++)
		start_thread(use_area, i);
	wait_for_threads();
	assert(blkback.indirect <= 11 || blkback.persistent || blkback.mapped <= 40);
	down();
	assert(blkback.mapped == 0);
}

/* Neighbours in one sector do not undo each other. */
static void edit_sector(void *arg)
{
	uintptr_t me = (uintptr_t)arg;
	uint8_t value;

	for (int i = 0; i < 10; i++) {
		value = i;
		assert(blkfront_write(&disk, &value, 1, 100 + me) == 1);
	}
}

static void neighbours_in_a_sector(void)
{
	up();
	for (unsigned i = 0; i < 5; i++)
		start_thread(edit_sector, i);
	wait_for_threads();
	for (unsigned i = 0; i < 5; i++)
		assert(blkback_disk[100 + i] == 9);
	down();
}

/* Some sectors, whose first and last bytes are the editors'. */
#define FIRST 16384
#define SECTORS 8
static uint32_t sector_bytes;
static bool all_written;

static void write_whole_sectors(void *arg)
{
	static uint8_t buf[SECTORS * 4096], last[SECTORS];

	(void)arg;
	for (unsigned round = 1; round < 40; round++) {
		unsigned from = host_below(SECTORS), n = 1 + host_below(SECTORS - from);
		size_t len = n * sector_bytes, at = FIRST + from * sector_bytes;

		memset(buf, round, len);
		memset(last + from, round, n);
		if (blkback.discard && host_chance(4)) {
			memset(last + from, 0, n);
			assert(blkfront_discard(&disk, at, len) == 0);
		} else {
			assert(blkfront_write(&disk, buf, len, at) == (ssize_t)len);
		}
	}
	all_written = true;
	thread_sleep(clock_now() + SECOND);
	for (unsigned i = 0; i < SECTORS; i++)
		for (unsigned k = 1; k < sector_bytes - 1; k++) {
			uint8_t is = blkback_disk[FIRST + i * sector_bytes + k];

			if (last[i] && is != last[i])
				host_fail("sector %u is %u, and %u was written last", i, is,
					  last[i]);
		}
}

static void edit_edges(void *arg)
{
	uint8_t two[2] = { 200, 201 };
	size_t at, len;

	(void)arg;
	while (!all_written) {
		at = FIRST + (1 + host_below(SECTORS - 1)) * sector_bytes - host_below(2);
		len = at % sector_bytes ? 1 + host_below(2) : 1;
		assert(blkfront_write(&disk, two, len, at) == (ssize_t)len);
	}
}

/* An edit undoes no write of whole sectors that was complete while it was under way. */
static void an_edit_undoes_nothing(void)
{
	boot();
	any_manners();
	sector_bytes = host_chance(2) ? 4096 : 512;
	if (sector_bytes == 4096)
		blkback.sector_size = "4096";
	blkback.discard = host_chance(2);
	blkback_attach();
	assert(open_disk() == 0);
	start_thread(write_whole_sectors, 0);
	for (unsigned i = 0; i < 3; i++)
		start_thread(edit_edges, i);
	wait_for_threads();
	down();
}

/* ---- the edges */

static void the_end_of_the_disk(void)
{
	static uint8_t buf[8192];
	struct disk_info info;

	up();
	assert(blkfront_info(&disk, &info) == 0);
	assert(info.size == BLKBACK_SIZE && info.writable);
	assert(blkfront_read(&disk, buf, sizeof(buf), BLKBACK_SIZE - 10) == 10);
	assert(memcmp(buf, blkback_disk + BLKBACK_SIZE - 10, 10) == 0);
	assert(blkfront_read(&disk, buf, sizeof(buf), BLKBACK_SIZE) == 0);
	assert(blkfront_read(&disk, buf, SIZE_MAX, UINT64_MAX) == 0);
	assert(blkfront_write(&disk, buf, 10, BLKBACK_SIZE - 5) == 5);
	assert(blkfront_write(&disk, buf, 1, BLKBACK_SIZE) == -ENOSPC);
	assert(blkfront_read(&disk, buf, 0, 5) == 0 && blkfront_write(&disk, buf, 0, 5) == 0);
	down();
}

/* 2^40 sectors: half a PiB. */
static void beyond_two_tib(void)
{
	static uint8_t buf[512];
	const uint64_t sector = (1ull << 40) - 1;

	boot();
	blkback.sectors = "1099511627776";
	blkback_attach();
	assert(open_disk() == 0);
	assert(blkfront_write(&disk, buf, 512, sector * 512) == 512);
	assert(blkback.last_sector == sector);
	assert(blkfront_write(&disk, buf, 512, (sector + 1) * 512) == -ENOSPC);
	down();
}

static void read_only_is_read_only(void)
{
	uint8_t byte;

	boot();
	blkback.info = "4";
	blkback_attach();
	assert(open_disk() == 0);
	assert(blkfront_write(&disk, &byte, 1, 0) == -EROFS);
	assert(blkfront_discard(&disk, 0, 4096) == -EROFS);
	assert(blkfront_read(&disk, &byte, 1, 1) == 1 && byte == blkback_disk[1]);
	down();
}

static void discard_is_rounded_inwards(void)
{
	boot();
	blkback.discard = true;
	blkback_attach();
	assert(open_disk() == 0);
	assert(blkfront_discard(&disk, 1000, 2000) == 0);
	assert(blkback.discards == 1);
	assert(blkback_disk[1023] == (uint8_t)(1023 * 7) && blkback_disk[1024] == 0);
	assert(blkback_disk[2559] == 0 && blkback_disk[2560] == (uint8_t)(2560 * 7));
	assert(blkfront_discard(&disk, 513, 1000) == 0 && blkback.discards == 1);
	assert(blkfront_discard(&disk, 0, UINT64_MAX) == 0 && blkback.discards == 2);
	down();
}

/* ---- errors and lies */

static void an_error_is_an_error(void)
{
	static uint8_t buf[100000];
	unsigned failed = 0;

	up();
	blkback.fails = 3;
	for (int i = 0; i < 20 || !failed; i++) {
		ssize_t n = blkfront_read(&disk, buf, sizeof(buf), i % 64 * 512);

		assert(n == sizeof(buf) || n == -EIO || n == -EOPNOTSUPP);
		failed += n < 0;
	}
	assert(failed);
	blkback.fails = 0;
	assert(blkfront_read(&disk, buf, sizeof(buf), 0) == sizeof(buf));
	assert(memcmp(buf, blkback_disk, sizeof(buf)) == 0);
	down();
}

/*
 * All callers get the error, none sleeps for ever, and the device works after it is
 * attached again.
 */
static void who_lies_loses_the_device(void)
{
	up();
	for (unsigned i = 0; i < 4; i++)
		start_thread(read_until_error, i);
	thread_sleep(clock_now() + host_below(200000));
	blkback.lie = 1 + host_below(LIE_LIES - 1);
	wait_for_threads();
	assert(errors == 4);
	assert(open_disk() == -EPROTO);
	assert(strstr(host_console(), "disabled until it is attached again"));
	attach_again_and_use();
	down();
}

/* Ring and data change at any moment: this may only cause errors. */
static void a_scribbler_is_survived(void)
{
	up();
	for (unsigned i = 0; i < 4; i++)
		start_thread(read_until_error, i);
	thread_sleep(clock_now() + host_below(200000));
	blkback.scribbles = true;
	thread_sleep(clock_now() + SECOND);
	if (running)			/* it only did not respond */
		blkback_detach();
	wait_for_threads();
	assert(errors == 4);
	blkback.scribbles = false;
	if (!blkback_detached())
		attach_again_and_use();
	down();
}

static void silence_ends_with_the_connection(void)
{
	up();
	blkback.silent = true;
	for (unsigned i = 0; i < 4; i++)
		start_thread(read_until_error, i);
	thread_sleep(clock_now() + 20 * SECOND);
	assert(running == 4);
	attach_again_and_use();
	wait_for_threads();
	assert(errors == 4);
	down();
}

static void who_keeps_pages_loses_the_device(void)
{
	static uint8_t buf[20000];

	up();
	blkback.persistent = true;
	assert(blkfront_read(&disk, buf, sizeof(buf), 0) == sizeof(buf));
	blkback.keeps = true;
	blkback_restart();
	while (open_disk() != -EPROTO)
		thread_sleep(clock_now() + NSEC_PER_MSEC);
	assert(strstr(host_console(), "granted pages are still mapped"));
	blkback_let_go();
	attach_again_and_use();
	thread_sleep(clock_now() + 60 * SECOND);	/* the pages that it kept are freed */
	down();
}

static void parameters_that_make_no_sense(void)
{
	static const char *const sectors[] = {
		"", "-1", "0x10", "18446744073709551615", "18014398509481985", "1e3", "512 ",
	};
	static const char *const sizes[] = {
		"0", "513", "256", "8192", "4294967296", "4096x", "1073741824",
	};

	boot();
	if (host_chance(2))
		blkback.sectors = sectors[host_below(HOST_COUNT(sectors))];
	else
		blkback.sector_size = sizes[host_below(HOST_COUNT(sizes))];
	blkback_attach();
	assert(open_disk() == -EPROTO);
	blkback.sectors = blkback.sector_size = NULL;
	attach_again_and_use();
	down();
}

/*
 * The unit of sector numbers is known only for Linux's backend; the driver does not
 * guess.
 */
static void units_that_are_not_known(void)
{
	static const char *const sizes[] = { "512", "1024", "2048", "4096" };
	unsigned which = host_below(4);
	uint8_t byte = 9;

	boot();
	blkback.sector_size = sizes[which];
	blkback.unknown = true;
	blkback_attach();
	assert(open_disk() == (which ? -EPROTO : 0));
	if (which) {
		assert(strstr(host_console(), "cannot determine whether"));
		assert(blkback.requests == 0);
		blkback.unknown = false;
		attach_again_and_use();
	}
	assert(blkfront_write(&disk, &byte, 1, 4096) == 1 && blkback_disk[4096] == 9);
	down();
}

int main(int argc, char **argv)
{
	static const struct host_claim claims[] = {
		{ "pieces of memory are consecutive on the disk", runs_are_transferred_together, 100 },
		{ "data that was written is read, by many threads at once",
		  what_is_written_is_read, 40 },
		{ "concurrent writes of one sector do not undo each other",
		  neighbours_in_a_sector, 20 },
		{ "calls end at the end of the disk", the_end_of_the_disk, 5 },
		{ "a disk may have more than 2 TiB", beyond_two_tib, 1 },
		{ "a read-only disk cannot be written", read_only_is_read_only, 2 },
		{ "a discard is rounded to the sectors inside its range",
		  discard_is_rounded_inwards, 2 },
		{ "an error reaches only the caller of this request",
		  an_error_is_an_error, 10 },
		{ "a backend that violates the protocol loses the device",
		  who_lies_loses_the_device, 60 },
		{ "a backend that overwrites shared memory does no harm",
		  a_scribbler_is_survived, 40 },
		{ "requests without a response end with the connection",
		  silence_ends_with_the_connection, 10 },
		{ "a backend that keeps pages mapped loses the device",
		  who_keeps_pages_loses_the_device, 10 },
		{ "invalid parameters of the backend are refused",
		  parameters_that_make_no_sense, 20 },
		{ "a backend with an unknown unit of sectors is refused",
		  units_that_are_not_known, 10 },
		{ "a write of part of a sector changes nothing else",
		  an_edit_undoes_nothing, 60 },
	};

	return host_main(argc, argv, claims, HOST_COUNT(claims));
}

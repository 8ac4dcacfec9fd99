/* SPDX-License-Identifier: ISC */
/* drivers/blkfront.c: flushes, and writes behind a flush, with backends of all kinds. */
#include "tests/unit/blkfront_user.h"

/* A write behind a flush is one request if the backend writes the data of a flush. */
static void a_flush_with_data(void)
{
	static uint8_t buf[65536];
	struct iovec v[2] = { { buf, 4096 }, { buf + 4096, sizeof(buf) - 4096 } };
	struct blkfront_run run = { v, 8192, 8192 }, large = { v, sizeof(buf), 0 };
	unsigned tried;

	up();
	/* Where the disk has the same data already, nothing can be learned. */
	memcpy(buf, blkback_disk + 8192, 8192);
	assert(blkfront_flush_write(&disk, &run) == 0 && !blkback.flush_writes);
	for (int i = 0; i < 4; i++) {
		for (size_t k = 0; k < sizeof(buf); k++)
			buf[k] = host_random();
		assert(blkfront_flush_write(&disk, &run) == 0);
		assert(memcmp(blkback_disk + 8192, buf, 8192) == 0);
	}
	tried = blkback.flush_writes;
	assert(tried == (!blkback.flush ? 0 : blkback.ignores ? 1 : 4));
	assert(!blkback.flush || blkback.flushes == 5 + blkback.ignores);
	assert(blkfront_flush_write(&disk, &large) == 0);	/* more than one request */
	assert(memcmp(blkback_disk, buf, sizeof(buf)) == 0 && blkback.flush_writes == tried);
	large.at = BLKBACK_SIZE - 4096;
	assert(blkfront_flush_write(&disk, &large) == -EIO);
	/* What was learned is forgotten with the connection. */
	blkback.ignores = !blkback.ignores;
	attach_again_and_use();
	memset(buf, 0xa5, 8192);
	assert(blkfront_flush_write(&disk, &run) == 0);
	assert(memcmp(blkback_disk + 8192, buf, 8192) == 0);
	assert(blkback.flush_writes == tried + blkback.flush);
	blkback.refuses = true;
	memset(buf, 0x5a, 8192);
	assert(blkfront_flush_write(&disk, &run) == 0);
	assert(memcmp(blkback_disk + 8192, buf, 8192) == 0);
	down();
}

/* That the data cannot be read back is no error of the write. */
static void reading_back_fails(void)
{
	static uint8_t buf[4096];
	struct iovec v = { buf, 4096 };
	struct blkfront_run run = { &v, 4096, 4096 };

	up();
	for (unsigned n = 1; n <= 3; n++) {
		memset(buf, n, 4096);
		blkback.fail_read = n % 3;
		assert(blkfront_flush_write(&disk, &run) == 0);
		assert(memcmp(blkback_disk + 4096, buf, 4096) == 0);
		assert(!blkback.flush || !blkback.fail_read);
		assert(blkback.flush_writes == (blkback.flush ? n - 1 : 0));
		blkback.fail_read = 0;
	}
	down();
}

static void flush_or_barrier_or_nothing(void)
{
	up();
	assert(blkfront_flush(&disk) == 0);
	assert(blkback.flushes == blkback.flush);
	assert(blkback.barriers == (blkback.barrier && !blkback.flush));
	blkback.refuses = true;
	assert(blkfront_flush(&disk) == 0);	/* the next best mechanism, until there is none */
	assert(blkfront_flush(&disk) == 0);
	assert(blkback.flushes <= 2 && blkback.barriers <= 2);
	if (blkback.flush || blkback.barrier)
		assert(strstr(host_console(), "from now on: no flush"));
	else
		assert(strstr(host_console(), "no flush and no barrier"));
	down();
}

int main(int argc, char **argv)
{
	static const struct host_claim claims[] = {
		{ "a write behind a flush is one request if the backend writes it",
		  a_flush_with_data, 20 },
		{ "that data cannot be read back is no error of a write", reading_back_fails, 10 },
		{ "a flush uses flush or barrier; without both the log says so",
		  flush_or_barrier_or_nothing, 10 },
	};

	return host_main(argc, argv, claims, HOST_COUNT(claims));
}

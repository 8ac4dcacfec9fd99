/* SPDX-License-Identifier: ISC */
/*
 * SQLite's own tests in C on a mounted disk.
 *
 *	sqlite-own threads TEST...	test/threadtest3.c: names as there
 *	sqlite-own speed SIZE		test/speedtest1.c, in both modes of the journal
 *	sqlite-own kv COUNT		test/kvtest.c
 *	sqlite-own errors		I/O errors in each place of a transaction
 */
#include "tests/xen/sqlite-own/own.h"
#include "tests/xen/test.h"

#include <string.h>
#include <unistd.h>

#define COUNT(list) ((int)(sizeof(list) / sizeof(*(list))) - 1)

static void speed(char *size)
{
	char *rollback[] = { "speedtest1", "--size", size, "--journal", "delete", "/data/a", NULL };
	char *wal[] = { "speedtest1", "--size", size, "--journal", "wal", "/data/b", NULL };

	expect_equal(speedtest1_main(COUNT(rollback), rollback), 0);
	expect_equal(speedtest1_main(COUNT(wal), wal), 0);
}

static void kv(char *count)
{
	char *init[] = { "kvtest", "init", "/data/kv", "--count", count, "--size", "12000",
			 "--variance", "4000", NULL };
	char *read[] = { "kvtest", "run", "/data/kv", "--count", count, "--random", "--integrity-check",
			 NULL };
	char *update[] = { "kvtest", "run", "/data/kv", "--count", count, "--random", "--update",
			   "--integrity-check", NULL };

	expect_equal(kvtest_main(COUNT(init), init), 0);
	expect_equal(kvtest_main(COUNT(read), read), 0);
	expect_equal(kvtest_main(COUNT(update), update), 0);
}

int main(int argc, char **argv)
{
	expect(argc >= 2);
	expect_equal(chdir("/data"), 0);
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (!strcmp(argv[1], "threads")) {
		expect_equal(threadtest3_main(argc - 1, argv + 1), 0);
	} else if (!strcmp(argv[1], "speed") && argc == 3) {
		speed(argv[2]);
	} else if (!strcmp(argv[1], "kv") && argc == 3) {
		kv(argv[2]);
	} else {
		expect(!strcmp(argv[1], "errors"));
		printf("delete: %u I/O errors\n", io_errors("delete"));
		printf("wal: %u I/O errors\n", io_errors("wal"));
	}
	test_success();
}

/* SPDX-License-Identifier: ISC */
/*
 * SQLite on a mounted disk.
 *
 *	sqlite write FILE JOURNAL	transactions until it is killed; prints the number of each
 *					one that is committed
 *	sqlite check FILE JOURNAL	the database is consistent: prints the last number
 *	sqlite full FILE		until the disk is full: an error, and nothing is lost
 *
 * JOURNAL is a value of PRAGMA journal_mode.  Transaction N adds row N, changes another row, and
 * adds N to a sum, so a part of a transaction would be noticed.
 */
#include "tests/xen/test.h"

#include <sqlite3.h>
#include <stdbool.h>
#include <string.h>

static sqlite3 *db;
static char why[100];			/* the last transaction failed */
static long long sizes = 3000;		/* of data: 100 + less than this; in the database, too */

static void run(const char *sql)
{
	char *error = NULL;

	if (sqlite3_exec(db, sql, NULL, NULL, &error) != SQLITE_OK)
		test_failure("%s: %s", sql, error);
}

static long long number(const char *sql)
{
	sqlite3_stmt *s;
	long long n;

	if (sqlite3_prepare_v2(db, sql, -1, &s, NULL) || sqlite3_step(s) != SQLITE_ROW)
		test_failure("%s: %s", sql, sqlite3_errmsg(db));
	n = sqlite3_column_int64(s, 0);
	sqlite3_finalize(s);
	return n;
}

static void open_database(const char *file, const char *journal)
{
	char sql[80];

	if (sqlite3_open(file, &db))
		test_failure("%s: %s", file, sqlite3_errmsg(db));
	/* With an exclusive lock, the index of a write-ahead log needs no shared memory. */
	run("PRAGMA locking_mode=EXCLUSIVE");
	snprintf(sql, sizeof(sql), "PRAGMA journal_mode=%s", journal);
	run(sql);
	run("PRAGMA synchronous=FULL");
	if (!number("PRAGMA user_version")) {
		snprintf(sql, sizeof(sql), "PRAGMA user_version=%lld", sizes);
		run(sql);
	}
	sizes = number("PRAGMA user_version");
	run("CREATE TABLE IF NOT EXISTS rows(n INTEGER PRIMARY KEY, changed INTEGER, data BLOB)");
	run("CREATE TABLE IF NOT EXISTS sums(total INTEGER)");
	run("INSERT INTO sums SELECT 0 WHERE NOT EXISTS (SELECT * FROM sums)");
}

/* One transaction; false: it failed, and was rolled back. */
static bool transaction(long long n)
{
	char sql[400];

	snprintf(sql, sizeof(sql),
		 "BEGIN; INSERT INTO rows VALUES(%lld, 0, randomblob(%lld));"
		 "UPDATE rows SET changed = %lld WHERE n = %lld;"
		 "UPDATE sums SET total = total + %lld; COMMIT",
		 n, 100 + n * 7919 % sizes, n, n / 2, n);
	if (sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK)
		return true;
	snprintf(why, sizeof(why), "%s", sqlite3_errmsg(db));
	sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
	return false;
}

static long long check(void)
{
	long long last = number("SELECT ifnull(max(n), 0) FROM rows");
	sqlite3_stmt *s;
	char sql[120];

	expect(!sqlite3_prepare_v2(db, "PRAGMA integrity_check", -1, &s, NULL));
	expect(sqlite3_step(s) == SQLITE_ROW);
	if (strcmp((const char *)sqlite3_column_text(s, 0), "ok"))
		test_failure("integrity_check: %s", sqlite3_column_text(s, 0));
	sqlite3_finalize(s);
	expect_equal(number("SELECT count(*) FROM rows"), last);
	expect_equal(number("SELECT total FROM sums"), last * (last + 1) / 2);
	snprintf(sql, sizeof(sql), "SELECT count(*) FROM rows WHERE length(data) <> 100 + n * 7919 %% %lld",
		 sizes);
	expect_equal(number(sql), 0);
	expect_equal(number("SELECT count(*) FROM rows WHERE changed NOT IN (0, 2 * n, 2 * n + 1)"), 0);
	return last;
}

int main(int argc, char **argv)
{
	bool full = argc == 3 && !strcmp(argv[1], "full");
	long long last;

	expect(argc == 4 || full);
	if (full)
		sizes = 200000;
	open_database(argv[2], full ? "delete" : argv[3]);
	last = check();
	printf("last: %lld\n", last);
	if (!strcmp(argv[1], "check"))
		test_success();
	while (transaction(++last))
		if (!full)
			printf("committed: %lld\n", last);
	if (!full)
		test_failure("%s", why);
	expect_equal(check(), last - 1);
	printf("full: %s\n", why);
	test_success();
}

/* SPDX-License-Identifier: ISC */
/*
 * The tests of SQLite's ioerr.test, without Tcl: the n-th I/O of a transaction fails, for each n,
 * as SQLITE_TEST lets it.  Afterwards the transaction is complete or absent, and the database
 * consistent.
 */
#include "tests/xen/sqlite-own/own.h"
#include "tests/xen/test.h"

#include <sqlite3.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#define FILE_NAME "/data/ioerr.db"
#define ROWS 60

extern int sqlite3_io_error_pending, sqlite3_io_error_hit, sqlite3_io_error_persist;

static sqlite3 *db;

static int run(const char *sql)
{
	return sqlite3_exec(db, sql, NULL, NULL, NULL);
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

static void open_database(const char *journal)
{
	char sql[60];

	if (sqlite3_open(FILE_NAME, &db))
		test_failure("open: %s", sqlite3_errmsg(db));
	snprintf(sql, sizeof(sql), "PRAGMA journal_mode=%s", journal);
	if (run(sql) || run("PRAGMA cache_size=10"))
		test_failure("%s: %s", sql, sqlite3_errmsg(db));
}

/* The sum of the column is 0 or n in all rows. */
static void check(const char *journal, unsigned n, bool committed)
{
	long long sum, rows;
	sqlite3_stmt *s;

	open_database(journal);
	if (sqlite3_prepare_v2(db, "PRAGMA integrity_check", -1, &s, NULL) ||
	    sqlite3_step(s) != SQLITE_ROW || strcmp((const char *)sqlite3_column_text(s, 0), "ok"))
		test_failure("%s, I/O error %u: the database is damaged", journal, n);
	sqlite3_finalize(s);
	rows = number("SELECT count(*) FROM t");
	sum = number("SELECT sum(changed) FROM t");
	if (rows == ROWS ? sum != 0 || committed : rows != ROWS + 1 || sum != ROWS)
		test_failure("%s, I/O error %u: %lld rows, %lld of them changed%s", journal, n, rows,
			     sum, committed ? ", after a commit" : "");
	if (run("DELETE FROM t WHERE id > 60") || run("UPDATE t SET changed = 0"))
		test_failure("%s, after I/O error %u: %s", journal, n, sqlite3_errmsg(db));
	sqlite3_close(db);
}

static void fresh(const char *journal)
{
	unlink(FILE_NAME);
	unlink(FILE_NAME "-wal");
	unlink(FILE_NAME "-journal");
	open_database(journal);
	if (run("CREATE TABLE t(id INTEGER PRIMARY KEY, changed INTEGER, data BLOB);"
		"WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < 60) "
		"INSERT INTO t SELECT n, 0, zeroblob(900) FROM c"))
		test_failure("setup: %s", sqlite3_errmsg(db));
	sqlite3_close(db);
}

unsigned io_errors(const char *journal)
{
	unsigned n;

	fresh(journal);
	for (n = 1;; n++) {
		bool hit;
		int rc;

		open_database(journal);
		sqlite3_io_error_hit = 0;
		sqlite3_io_error_persist = n % 2;
		sqlite3_io_error_pending = n;
		rc = run("BEGIN; UPDATE t SET changed = 1, data = randomblob(900);"
			 "INSERT INTO t VALUES(61, 0, randomblob(20000)); COMMIT");
		hit = sqlite3_io_error_hit;
		sqlite3_io_error_pending = sqlite3_io_error_hit = sqlite3_io_error_persist = 0;
		if (rc)
			run("ROLLBACK");
		sqlite3_close(db);
		check(journal, n, !rc);
		if (!hit)
			break;
	}
	return n - 1;
}

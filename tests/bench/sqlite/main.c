/* SPDX-License-Identifier: ISC */
/*
 * Measures SQLite's insert transactions on a mounted disk.  The same sources are compiled for Linux
 * (tests/bench/files.py).
 *
 *	sqlite FOLDER
 *
 * It prints what tests/bench/files prints.  Each transaction is durable when it is over.
 */
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define TRANSACTIONS 200

static sqlite3 *db;

static void run(const char *sql)
{
	if (sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK) {
		printf("files failed: %s: %s\n", sql, sqlite3_errmsg(db));
		exit(1);
	}
}

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec + ts.tv_nsec * 1e-9;
}

static void measure(const char *journal, const char *file)
{
	char sql[100];
	double start;

	if (sqlite3_open(file, &db) != SQLITE_OK) {
		printf("files failed: %s: %s\n", file, sqlite3_errmsg(db));
		exit(1);
	}
	snprintf(sql, sizeof(sql), "PRAGMA journal_mode=%s", journal);
	run(sql);
	run("PRAGMA synchronous=FULL");
	run("CREATE TABLE t(n INTEGER PRIMARY KEY, text TEXT)");
	printf("sqlite-%s: begin\n", journal);
	usleep(700000);
	start = now();
	for (int i = 0; i < TRANSACTIONS; i++) {
		snprintf(sql, sizeof(sql), "INSERT INTO t VALUES(%d, hex(randomblob(50)))", i);
		run(sql);
	}
	printf("sqlite-%s: %d %.6f\n", journal, TRANSACTIONS, now() - start);
	usleep(700000);
	sqlite3_close(db);
}

int main(int argc, char **argv)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (argc != 2 || chdir(argv[1])) {
		puts("files failed: no folder");
		return 1;
	}
	measure("delete", "rollback.db");
	measure("wal", "wal.db");
	puts("done.");
	return 0;
}

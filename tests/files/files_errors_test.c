/* SPDX-License-Identifier: ISC */
/*
 * Each call of rows.h fails with its error, over tmpfs and over ext4, and then changes nothing: no
 * name, attribute or byte, no descriptor, no reference, no memory.  If an allocation fails, the
 * error is ENOMEM or ENOLCK.
 *
 *	files_errors_test		tests
 *	files_errors_test --table	prints docs/files_errors.md
 *	files_errors_test WORD		tests the rows with this word
 */
#include "tests/files/world.h"

#include <dirent.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/uio.h>
#include <sys/xattr.h>

static char buffer[70000], name256[257], path[5000];
static struct stat st;
static struct statvfs vfs;
static struct iovec vecs[1025] = { { buffer, 1 }, { buffer, SSIZE_MAX } };
static const struct timespec times[2] = { { 1, 2 }, { 3, 4 } };
static const struct timespec bad_times[2] = { { 1, 2 }, { 3, 1000000000 } };
static const char *const nothing;

#define TABLE "docs/files_errors.md"
#define NAME256 name256
#define EXCLUSIVE (O_RDWR | O_CREAT | O_EXCL)
#define HOLE (FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE)

/* Before the call of a row.  It may fail when an allocation is made to fail. */
static bool failing, setup_failed;
#define SETUP(x) ((x) ? (void)0 : failing ? (void)(setup_failed = true) : CHECK(!#x))

/* ---- What makes -1 and errno of a row's expression. */

/* Closes a descriptor, and keeps an error. */
static long done(int fd)
{
	return fd < 0 ? -1 : close(fd);
}

#define OPEN(name, flags) done(open(name, flags, 0644))
#define POINTER(x) ((x) ? 0 : -1)
#define RETURNED(x) ({ int e_ = (x); errno = e_; e_ ? -1 : 0; })
#define MOVE(from, to, flag) renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_##flag)

/* With a descriptor `fd`. */
#define BETWEEN(before, call, after)						\
	({									\
		before;								\
		long r_ = (call);						\
		int e_ = errno;							\
		after;								\
		errno = e_;							\
		r_;								\
	})
#define WITH(name, flags, call)							\
	BETWEEN(int fd = open(name, flags, 0644); SETUP(fd >= 0), call, close(fd))
#define WITH_REMOVED(call)							\
	BETWEEN(int fd = removed_directory(), call, close(fd))
#define WITH_UNLINKED(call)							\
	BETWEEN(int fd = open("new2", EXCLUSIVE, 0644);				\
		SETUP(fd >= 0 && !unlink("new2")), call, close(fd))
/* The end of a pipe from which is read; into which is written. */
#define WITH_PIPE(call) BETWEEN(int fd = pipe_end(0), call, close(fd))
#define WITH_PIPE_IN(call) BETWEEN(int fd = pipe_end(1), call, close(fd))
#define IN_REMOVED(call)							\
	BETWEEN(int fd = removed_directory(); SETUP(!fchdir(fd)), call, (chdir("/t"), close(fd)))
#define LOCK(command, type, whence, start, len)					\
	fcntl(fd, command, &(struct flock){ type, whence, start, len, 0 })

static int pipe_end(int which)
{
	int ends[2] = { -1, -1 };

	SETUP(!pipe(ends) && !close(ends[!which]));
	return ends[which];
}

static int removed_directory(void)
{
	int fd;

	SETUP(!mkdir("gone", 0755));
	fd = open("gone", O_RDONLY | O_DIRECTORY);
	SETUP(fd >= 0 && !rmdir("gone"));
	return fd;
}

/* A path of f with so many bytes: /t/./././f */
static const char *path_of(size_t len)
{
	strcpy(path, len % 2 ? "/t//" : "/t/");
	for (size_t n = strlen(path); n < len - 1; n += 2)
		memcpy(path + n, "./", 2);
	strcpy(path + len - 1, "f");
	return path;
}

/* ext4 keeps a target in one block. */
static int symlink_longest(const char *name)
{
	return symlink(path_of(4095), name);
}

static long fill_up(int fd)
{
	ssize_t n = 0;

	for (unsigned i = 0; i < 1000 && n >= 0; i++)
		n = write(fd, buffer, sizeof(buffer));
	return n;
}

static int lock_with_pid(int fd)
{
	struct flock l = { .l_type = F_RDLCK, .l_pid = 1 };

	return fcntl(fd, F_OFD_SETLK, &l);
}

static long conflict(int fd, int command)
{
	int other = open("f2", O_RDWR);
	struct flock l = { .l_type = F_WRLCK };

	SETUP(other >= 0 && !fcntl(other, F_OFD_SETLK, &l));
	return BETWEEN((void)0, fcntl(fd, command, &l), close(other));
}

static long flock_twice(int fd, const char *name)
{
	int other = open(name, O_RDWR);

	SETUP(other >= 0 && !flock(other, LOCK_SH));
	return BETWEEN((void)0, flock(fd, LOCK_EX | LOCK_NB), close(other));
}

/* ---- The rows. */

#define JOIN(a, b) a##b
#define NAME(line) JOIN(row_, line)

#define ROW(call, error, when, ...)						\
	static long NAME(__LINE__)(void)					\
	{									\
		return __VA_ARGS__;						\
	}
#include "tests/files/rows.h"
#undef ROW

static const struct row {
	const char *call, *when, *error_name, *text;
	int error, line;
	long (*run)(void);
} rows[] = {
#define ROW(call, error, when, ...)						\
	{ #call, when, #error, #__VA_ARGS__, error, __LINE__, NAME(__LINE__) },
#include "tests/files/rows.h"
#undef ROW
};

#define ROWS (sizeof(rows) / sizeof(*rows))

static bool changes_something(const struct row *r)
{
	/* The steps before the call that fails. */
	return !r->error || strstr(r->text, "setxattr(\"f\"") || strstr(r->text, "fill_up") ||
	       strstr(r->text, "100 << 20") || strstr(r->text, "O_TMPFILE") ||
	       strstr(r->text, "REMOVED") || strstr(r->text, "UNLINKED");
}

static unsigned failed, allocations;

static void run(const struct row *r, enum kind kind)
{
	static const char *const roots[] = { "/t", "/ro", "/other" };
	unsigned long before[3] = { 0 };
	char what[300];
	bool right;
	long rc;
	int e;

	format_text(what, sizeof(what), "rows.h:%d, %s: %s", r->line, kind_names[kind], r->text);
	world_begin(kind);
	for (unsigned i = 0; i < 3; i++)
		before[i] = world_digest(roots[i]);
	errno = 0;
	rc = r->run();
	e = errno;
	right = r->error ? rc == -1 && e == r->error : rc >= 0;
	if (!right) {
		say("FAILED %s: the result is %ld, errno %d; it must be %s\n", what, rc,
		    rc < 0 ? e : 0, r->error_name);
		failed++;
	}
	for (unsigned i = 0; i < 3 && right && !changes_something(r); i++)
		if (world_digest(roots[i]) != before[i]) {
			say("FAILED %s: it changed something in %s\n", what, roots[i]);
			failed++;
		}
	world_end(what);
}

/* The row again, with each of its allocations failing once. */
static void run_without_memory(const struct row *r, enum kind kind)
{
	char what[300];
	bool reached = true;
	long rc;
	int e;

	/* Thousands of allocations. */
	if (strstr(r->text, "fill_up") || strstr(r->text, "100 << 20"))
		return;
	for (unsigned n = 1; reached; n++) {
		format_text(what, sizeof(what), "rows.h:%d, %s, allocation %u fails: %s", r->line,
			    kind_names[kind], n, r->text);
		world_begin(kind);
		setup_failed = false;
		failing = true;
		outside_fail(n);
		errno = 0;
		rc = r->run();
		e = errno;
		reached = outside_fail(0);
		allocations += reached;
		failing = false;
		if (!setup_failed && !(r->error ? rc == -1 && e == r->error : rc >= 0) &&
		    !(rc == -1 && (e == ENOMEM || e == ENOLCK))) {
			say("FAILED %s: the result is %ld, errno %d\n", what, rc, rc < 0 ? e : 0);
			failed++;
		}
		chdir("/t");
		world_end(what);
	}
}

/* ---- The table. */

static int by_call(const void *a, const void *b)
{
	const struct row *x = a, *y = b;
	int order = strcmp(x->call, y->call);

	if (!order)
		order = strcmp(x->error_name, y->error_name);
	return order ? order : x->line - y->line;
}

static char table[65536];
static size_t table_len;

#define ADD(...)								\
	(format_text(table + table_len, sizeof(table) - table_len, __VA_ARGS__),	\
	 table_len = strlen(table))

/* One line for the rows of a call with the same error, from r on.  Returns how many. */
static size_t add_line(const struct row *r, const struct row *end, bool first)
{
	size_t n = 0;

	ADD("| %s%s%s | `%s` | %s", first ? "`" : "", first ? r->call : "", first ? "()`" : "",
	    r->error_name, r->when);
	while (++n < (size_t)(end - r) && !strcmp(r[n].call, r->call) && r[n].error == r->error)
		if (strcmp(r[n].when, r[n - 1].when))
			ADD("; %s", r[n].when);
	ADD(" |\n");
	return n;
}

static void make_table(void)
{
	static struct row sorted[ROWS];
	const struct row *end = sorted;

	for (unsigned i = 0; i < ROWS; i++)
		if (rows[i].error)
			sorted[end++ - sorted] = rows[i];
	qsort(sorted, end - sorted, sizeof(*sorted), by_call);
	ADD("# Errors of file calls\n\n"
	    "Made by `build/check/tests/files/files_errors_test --table` from `tests/files/rows.h`,\n"
	    "whose rows are tested over tmpfs and ext4 (`tests/check files_errors`). A call that fails\n"
	    "changes nothing, if nothing else is said.\n\n"
	    "The program is the superuser, so `EACCES` and `EPERM` for lack of permission do not\n"
	    "occur. Each call may also fail with `EIO` (the disk), `EUCLEAN` (its contents are\n"
	    "invalid) and `ENOMEM`.\n\n"
	    "| Call | Error | When |\n| --- | --- | --- |\n");
	for (const struct row *r = sorted; r < end;)
		r += add_line(r, end, r == sorted || strcmp(r->call, r[-1].call));
}

int main(int argc, char **argv)
{
	const char *word = argc > 1 ? argv[1] : NULL;

	memset(name256, 'n', 256);
	make_table();
	if (word && strcmp(word, "--table") == 0) {
		say("%s", table);
		return 0;
	}
	if (!word && !outside_same(TABLE, table)) {
		say("FAILED %s is not what --table prints\n", TABLE);
		failed++;
	} else if (!word) {
		say("ok     %s is what --table prints\n", TABLE);
	}
	for (enum kind kind = 0; kind < KINDS; kind++) {
		unsigned count = 0, before = failed;

		for (unsigned i = 0; i < ROWS; i++) {
			if (word && !strstr(rows[i].text, word) && !strstr(rows[i].call, word))
				continue;
			run(&rows[i], kind);
			count++;
		}
		for (unsigned i = 0; i < ROWS; i++)
			if ((word || outside_share(i)) &&
			    (!word || strstr(rows[i].text, word) || strstr(rows[i].call, word)))
				run_without_memory(&rows[i], kind);
		if (failed == before)
			say("ok     %u calls over %s: each error is the one of rows.h, and then "
			    "nothing has changed; %u allocations failed\n", count, kind_names[kind],
			    allocations);
		allocations = 0;
	}
	return failed != 0;
}

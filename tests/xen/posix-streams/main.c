/* SPDX-License-Identifier: ISC */
/*
 * A stream that freopen() could not reopen, or that fclose() closed, is closed: calls
 * fail without damage, and do not affect another file.
 */
#define _GNU_SOURCE
#include "../test.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define THREADS 4
#define TIMES 50

/* printf() and others lock the FILE, and would write to its freed memory. */
static void use_closed(FILE *f)
{
	char line[8];

	for (int i = 0; i < 3; i++) {
		errno = 0;
		expect(fprintf(f, "lost %d\n", i) < 0 && errno == EBADF);
		errno = 0;
		expect(getc(f) == EOF && errno == EBADF);
		expect(fputs("lost", f) == EOF);
		expect(fwrite("lost", 1, 4, f) == 0);
		expect(!fgets(line, sizeof(line), f));
		expect(fflush(f) == 0);
		expect(ferror(f));
		clearerr(f);
		rewind(f);
		setvbuf(f, NULL, _IOLBF, 100);
	}
}

/* The memory of a freed stream is not written to after it is allocated again. */
static void *allocate(void *arg)
{
	unsigned char *blocks[64];

	for (int round = 0; round < TIMES; round++) {
		for (int i = 0; i < 64; i++) {
			blocks[i] = malloc(8 + i);
			expect(blocks[i]);
			memset(blocks[i], i, 8 + i);
		}
		for (int i = 0; i < 64; i++) {
			for (int k = 0; k < 8 + i; k++)
				expect(blocks[i][k] == i);
			free(blocks[i]);
		}
	}
	return arg;
}

/* All data that is written to a stream arrives at the other end, and no other data. */
static void nothing_else_arrives(FILE *closed)
{
	int end[2];
	char got[16] = "";
	FILE *f;

	expect(!pipe(end));
	f = fdopen(end[1], "w");
	expect(f && f != closed);
	fprintf(closed, "lost");
	fflush(closed);
	expect(fprintf(f, "mine") == 4 && fclose(f) == 0);
	expect(read(end[0], got, sizeof(got)) == 4 && memcmp(got, "mine", 4) == 0);
	close(end[0]);
}

static void check_threads(FILE *closed)
{
	pthread_t t[THREADS];

	for (int i = 0; i < THREADS; i++)
		expect(!pthread_create(&t[i], NULL, allocate, NULL));
	for (int i = 0; i < TIMES; i++) {
		fprintf(closed, "lost");
		nothing_else_arrives(closed);
	}
	for (int i = 0; i < THREADS; i++)
		expect(!pthread_join(t[i], NULL));
}

static void fail(FILE *f, const char *path, const char *mode, int error)
{
	errno = 0;
	expect(!freopen(path, mode, f));
	expect(errno == error || (error == EROFS && errno == ENOENT));	/* on Linux */
	use_closed(f);
	nothing_else_arrives(f);
}

static void failed_of_a_standard_stream(FILE *f, int fd)
{
	const char *mode = fd ? "w" : "r";
	int copy = dup(fd);

	fail(f, "/no/x", mode, fd ? EROFS : ENOENT);
	expect(fcntl(fd, F_GETFD) == -1 && errno == EBADF);
	fail(f, "/no/such/file", mode, fd ? EROFS : ENOENT);
	fail(f, "/dev/null", "z", EINVAL);
	check_threads(f);
	expect(fclose(f) == EOF && fclose(f) == EOF);
	use_closed(f);
	/* And it can be opened again, with the lowest descriptor as ever. */
	expect(freopen("/dev/null", "r+", f) == f && fileno(f) == fd);
	expect(fprintf(f, "gone") == 4 && fflush(f) == 0);
	expect(dup2(copy, fd) == fd && close(copy) == 0);
}

static void failed_of_our_own(void)
{
	FILE *f[40], *other;

	for (int round = 0; round < 3; round++) {
		for (int i = 0; i < 40; i++) {
			f[i] = fopen("/dev/null", "r+");
			expect(f[i]);
			expect(fputs("unflushed", f[i]) >= 0);
		}
		for (int i = 0; i < 40; i++)
			fail(f[i], "/no/such/file", "r", ENOENT);
		other = fopen("/dev/null", "r");
		for (int i = 0; i < 40; i++)
			expect(other != f[i]);
		check_threads(f[0]);
		for (int i = 0; i < 40; i++)
			fclose(f[i]);
		expect(fclose(other) == 0);
	}
}

static void a_closed_standard_stream(FILE *f, int fd)
{
	int copy = dup(fd), next;

	expect(fclose(f) == 0);
	next = open("/dev/null", O_RDWR);
	expect(next == fd);
	close(next);
	use_closed(f);
	check_threads(f);
	expect(dup2(copy, fd) == fd && close(copy) == 0);
	expect(freopen(fd ? "/dev/stdout" : "/dev/stdin", fd ? "w" : "r", f) == f);
}

static void one_that_works_keeps_its_number(void)
{
	FILE *f = fopen("/dev/null", "r"), *hole = fopen("/dev/null", "r");
	int fd = fileno(hole), old = fileno(f);

	fclose(f);
	expect(freopen("/dev/zero", "r", hole) == hole && fileno(hole) == fd && fd != old);
	expect(getc(hole) == 0);
	expect(freopen(NULL, "r", hole) == hole && fileno(hole) == fd && getc(hole) == 0);
	freopen(NULL, "w", hole);	/* refused, unlike on Linux */
	fclose(hole);
	expect(fcntl(fd, F_GETFD) == -1);
	/* A program that closed the descriptor itself. */
	f = fopen("/dev/null", "r");
	fd = fileno(f);
	close(fd);
	expect(freopen("/dev/zero", "r", f) == f && fileno(f) == fd && getc(f) == 0);
	expect(fclose(f) == 0);
}

static ssize_t no_read(void *cookie, char *to, size_t len)
{
	(void)cookie;
	(void)to;
	(void)len;
	return 0;
}

static int closed;

static int count_close(void *cookie)
{
	(void)cookie;
	closed++;
	return 0;
}

static void one_without_a_descriptor(void)
{
	cookie_io_functions_t functions = { .read = no_read, .close = count_close };
	FILE *f = fopencookie(NULL, "r", functions);

	expect(f && freopen("/dev/zero", "r", f) == f && closed == 1 && getc(f) == 0);
	expect(fclose(f) == 0 && closed == 1);
	f = fopencookie(NULL, "r", functions);
	fail(f, "/no/such/file", "r", ENOENT);
	expect(closed == 2);
	fclose(f);
	expect(closed == 2);
}

int main(void)
{
	failed_of_our_own();
	failed_of_a_standard_stream(stdin, 0);
	failed_of_a_standard_stream(stderr, 2);
	failed_of_a_standard_stream(stdout, 1);
	expect(freopen("/dev/stdout", "w", stdout) == stdout);
	one_that_works_keeps_its_number();
	one_without_a_descriptor();
	a_closed_standard_stream(stdin, 0);
	a_closed_standard_stream(stdout, 1);
	test_success();
}

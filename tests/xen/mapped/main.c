/* SPDX-License-Identifier: ISC */
/*
 * Files in memory: mmap(), and what newlib makes of file calls.
 *
 *	mapped FOLDER	in a folder that can be written
 *	mapped behind FOLDER	reads behind the end of a mapped file: a fault
 *	mapped kept FOLDER	leaves a file that was written through a mapping only
 */
#define _GNU_SOURCE
#include "tests/xen/test.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <glob.h>
#include <pthread.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define PAGE 4096
#define RW (PROT_READ | PROT_WRITE)

static int make(const char *name, size_t pages, char first)
{
	static char page[PAGE];
	int fd = open(name, O_CREAT | O_TRUNC | O_RDWR, 0644);

	expect(fd >= 0);
	for (size_t i = 0; i < pages; i++) {
		memset(page, first + i % 26, PAGE);
		expect_equal(write(fd, page, PAGE), PAGE);
	}
	return fd;
}

static char *map(int fd, size_t len, int prot, int flags, off_t at)
{
	char *p = mmap(NULL, len, prot, flags, fd, at);

	if (p == MAP_FAILED)
		test_failure("mmap(%zu, prot %d, flags %d): %s", len, prot, flags, strerror(errno));
	return p;
}

static void refuse(int fd, size_t len, int prot, int flags, off_t at, int error)
{
	errno = 0;
	expect(mmap(NULL, len, prot, flags, fd, at) == MAP_FAILED);
	expect_equal(errno, error);
}

static void shared_pages_are_those_of_read_and_write(void)
{
	int fd = make("shared", 3, 'a'), other = open("shared", O_RDONLY);
	char *w = map(fd, 3 * PAGE, RW, MAP_SHARED, 0), *r, *copy, byte;

	r = map(other, 2 * PAGE, PROT_READ, MAP_SHARED, PAGE);
	copy = map(other, 3 * PAGE, RW, MAP_PRIVATE, 0);
	expect(w[0] == 'a' && w[PAGE] == 'b' && w[3 * PAGE - 1] == 'c' && r[0] == 'b' && r[PAGE] == 'c');
	w[PAGE + 5] = 'X';
	expect(r[5] == 'X' && pread(other, &byte, 1, PAGE + 5) == 1 && byte == 'X');
	expect(pwrite(fd, "Y", 1, 2 * PAGE) == 1 && w[2 * PAGE] == 'Y' && r[PAGE] == 'Y');
	copy[PAGE] = 'Z';
	expect(copy[PAGE + 5] == 'b' && w[PAGE] == 'b' && r[0] == 'b');
	/* Reading into a mapping, and writing from one to its own file. */
	expect(pread(other, w, 10, PAGE) == 10 && w[5] == 'X' && w[6] == 'b');
	expect(pwrite(fd, r, PAGE, 0) == PAGE && w[0] == 'b' && w[5] == 'X');
	expect(close(fd) == 0 && close(other) == 0 && w[PAGE + 5] == 'X');
	expect(munmap(w, 3 * PAGE) == 0 && munmap(r, 2 * PAGE) == 0 && munmap(copy, 3 * PAGE) == 0);
}

static void parts_are_unmapped_and_protected(void)
{
	int fd = make("parts", 5, 'a');
	char *p = map(fd, 5 * PAGE - 7, RW, MAP_SHARED, 0), byte;

	p[4 * PAGE] = 'L';
	p[2 * PAGE] = 'M';
	expect(mprotect(p + PAGE, PAGE, PROT_NONE) == 0 && mprotect(p + 2 * PAGE, PAGE, PROT_READ) == 0);
	expect(p[2 * PAGE] == 'M' && p[0] == 'a');
	expect(mprotect(p + PAGE, PAGE, RW) == 0 && p[PAGE] == 'b');
	expect(munmap(p + 3 * PAGE, PAGE) == 0);
	errno = 0;
	expect(msync(p, 5 * PAGE, MS_SYNC) == -1 && errno == ENOMEM);
	expect(msync(p, 3 * PAGE, MS_SYNC) == 0 && msync(p + 4 * PAGE, PAGE, MS_ASYNC) == 0);
	expect(munmap(p, 3 * PAGE) == 0 && p[4 * PAGE] == 'L' && munmap(p + 4 * PAGE, PAGE) == 0);
	expect(pread(fd, &byte, 1, 4 * PAGE) == 1 && byte == 'L' && close(fd) == 0);
}

static void a_mapping_grows_and_shrinks_with_its_file(void)
{
	int fd = make("grows", 1, 'a');
	char *p = map(fd, 100 * PAGE, PROT_READ, MAP_SHARED, 0);

	expect(p[PAGE - 1] == 'a');
	expect(pwrite(fd, "x", 1, PAGE + 7) == 1 && p[PAGE] == 0 && p[PAGE + 7] == 'x');
	expect(ftruncate(fd, 10 * PAGE) == 0 && p[10 * PAGE - 1] == 0);
	expect(pwrite(fd, "y", 1, 9 * PAGE) == 1 && p[9 * PAGE] == 'y');
	expect(ftruncate(fd, 3) == 0 && p[2] == 'a' && p[3] == 0);
	expect(ftruncate(fd, 10 * PAGE) == 0 && p[PAGE + 7] == 0 && p[9 * PAGE] == 0);
	expect(pwrite(fd, "z", 1, 9 * PAGE) == 1 && p[9 * PAGE] == 'z');
	expect(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 8 * PAGE, 2 * PAGE) == 0);
	expect(p[9 * PAGE] == 0 && pwrite(fd, "w", 1, 9 * PAGE) == 1 && p[9 * PAGE] == 'w');
	expect(munmap(p, 100 * PAGE) == 0 && close(fd) == 0);
}

static void refused_mappings(void)
{
	int r = make("refused", 1, 'a'), w, null = open("/dev/null", O_RDWR);
	char *p;

	expect(close(r) == 0);
	r = open("refused", O_RDONLY);
	w = open("refused", O_WRONLY);
	refuse(r, PAGE, RW, MAP_SHARED, 0, EACCES);
	refuse(w, PAGE, PROT_READ, MAP_SHARED, 0, EACCES);
	refuse(w, PAGE, PROT_READ, MAP_PRIVATE, 0, EACCES);
	refuse(r, PAGE, PROT_READ, MAP_SHARED, 1, EINVAL);
	refuse(r, 0, PROT_READ, MAP_SHARED, 0, EINVAL);
	refuse(r, PAGE, PROT_READ, MAP_SHARED, INT64_MAX & -PAGE, EOVERFLOW);
	refuse(r, 1ul << 45, PROT_READ, MAP_SHARED, 0, ENOMEM);
	refuse(null, PAGE, RW, MAP_SHARED, 0, ENODEV);
	refuse(99, PAGE, PROT_READ, MAP_SHARED, 0, EBADF);
	p = map(r, PAGE, PROT_READ, MAP_SHARED, 0);
	errno = 0;
	expect(mprotect(p, PAGE, RW) == -1 && errno == EACCES && p[0] == 'a');
	expect(munmap(p, PAGE) == 0 && close(r) == 0 && close(w) == 0 && close(null) == 0);
}

/* A mapping has each page that its file has, also if several threads changed the size. */
#define ROUNDS 150

static void *write_at_the_end(void *arg)
{
	static char page[PAGE];
	int fd = open("resized", O_RDWR);

	(void)arg;
	for (unsigned n = 0; n < ROUNDS; n++) {
		expect(pwrite(fd, page, PAGE, (n % 7 + 9) * PAGE) == PAGE);
		expect(n % 5 || fsync(fd) == 0);
	}
	expect(close(fd) == 0);
	return NULL;
}

static void a_mapping_has_the_pages_of_a_file_that_many_resize(void)
{
	int fd = make("resized", 16, 'a');
	char *p = map(fd, 20 * PAGE, PROT_READ, MAP_SHARED, 0), byte;
	pthread_t threads[2];

	for (unsigned i = 0; i < 2; i++)
		expect(pthread_create(&threads[i], NULL, write_at_the_end, NULL) == 0);
	for (unsigned n = 0; n < ROUNDS; n++) {
		expect(ftruncate(fd, n % 4 * 3 * PAGE) == 0);
		expect(n % 7 || (msync(p, 20 * PAGE, MS_SYNC) == 0 && fsync(fd) == 0));
	}
	for (unsigned i = 0; i < 2; i++)
		expect(pthread_join(threads[i], NULL) == 0);
	for (off_t at = 0; pread(fd, &byte, 1, at) == 1; at += PAGE)
		expect(p[at] == byte);		/* a fault, if it lacks the page */
	expect(munmap(p, 20 * PAGE) == 0 && close(fd) == 0 && unlink("resized") == 0);
}

/* The file does not end before msync() has. */
static void *unmap_it(void *at)
{
	expect(munmap(at, 4 * PAGE) == 0);
	return NULL;
}

static void munmap_during_msync(void)
{
	for (unsigned n = 0; n < 20; n++) {
		int fd = make("synced", 4, 'a');
		char *p = map(fd, 4 * PAGE, RW, MAP_SHARED, 0);
		pthread_t thread;

		p[PAGE] = n;
		expect(close(fd) == 0 && unlink("synced") == 0);
		expect(pthread_create(&thread, NULL, unmap_it, p) == 0);
		expect(msync(p, 4 * PAGE, MS_SYNC) == 0 || errno == ENOMEM);
		expect(pthread_join(thread, NULL) == 0);
	}
}

static void nothing_is_lost_by_many(void)
{
	int fd = make("many", 600, 'a');

	for (unsigned i = 0; i < 300; i++) {
		char *p = map(fd, 600 * PAGE, RW, MAP_SHARED, 0);
		char *q = map(fd, 300 * PAGE, PROT_READ, MAP_SHARED, 300 * PAGE);

		p[i * PAGE] = i;
		expect(q[0] == 'a' + 300 % 26 && munmap(p, 600 * PAGE) == 0);
		expect(q[299 * PAGE] == 'a' + 599 % 26 && munmap(q, 300 * PAGE) == 0);
	}
	expect(close(fd) == 0 && unlink("many") == 0);
}

/* ---- newlib. */

static void temporary_files(void)
{
	char name[] = "file-XXXXXX", other[] = "file-XXXXXX", folder[] = "folder-XXXXXX", text[16] = "x";
	int fd = mkstemp(name), fd2 = mkostemp(other, O_APPEND), other_fd;
	struct stat st;
	FILE *f;

	expect(fd >= 0 && fd2 >= 0 && strcmp(name, other) && fstat(fd, &st) == 0);
	expect_equal(st.st_mode, S_IFREG | 0600);
	expect(fcntl(fd2, F_GETFL) & O_APPEND);
	errno = 0;
	expect(mkstemp(text) == -1 && errno == EINVAL);
	strcpy(text, "none/XXXXXX");
	expect(mkstemp(text) == -1 && errno == ENOENT && !strcmp(text, "none/XXXXXX"));
	strcpy(text, "XXXXXX.c");
	expect((other_fd = mkstemps(text, 2)) >= 0 && !strcmp(text + 6, ".c") && unlink(text) == 0);
	expect(close(other_fd) == 0);
	expect(mkdtemp(folder) && stat(folder, &st) == 0 && st.st_mode == (S_IFDIR | 0700));
	f = tmpfile();
	expect(f && fputs("temporary", f) >= 0 && fseek(f, 0, SEEK_SET) == 0);
	expect(fgets(text, sizeof(text), f) && !strcmp(text, "temporary") && fclose(f) == 0);
	expect(rmdir(folder) == 0 && unlink(name) == 0 && unlink(other) == 0);
	expect(close(fd) == 0 && close(fd2) == 0);
}

static unsigned visited[8];

static int visit(const char *name, const struct stat *st, int type, struct FTW *where)
{
	(void)st, (void)where;
	visited[type]++;
	return strstr(name, "stop") ? 7 : 0;
}

static void trees(void)
{
	glob_t g;

	expect(mkdir("tree", 0755) == 0 && mkdir("tree/a", 0755) == 0 && mkdir("tree/b", 0755) == 0);
	close(make("tree/a/one", 0, 0));
	close(make("tree/b/two", 0, 0));
	expect(symlink("a", "tree/link") == 0);
	expect_equal(nftw("tree", visit, 5, FTW_PHYS), 0);
	expect(visited[FTW_D] == 3 && visited[FTW_F] == 2 && visited[FTW_SL] == 1);
	expect(rename("tree/b/two", "tree/b/stop") == 0 && nftw("tree", visit, 5, FTW_PHYS) == 7);
	expect(glob("tree/*/*o*", 0, NULL, &g) == 0);
	expect(g.gl_pathc == 3 && !strcmp(g.gl_pathv[0], "tree/a/one"));
	globfree(&g);
	expect(unlink("tree/a/one") == 0 && unlink("tree/b/stop") == 0 && unlink("tree/link") == 0);
	expect(rmdir("tree/a") == 0 && rmdir("tree/b") == 0 && rmdir("tree") == 0);
}

/* A lock is waited for, by a thread with another open file. */
static bool has_it;

static void *take_lock(void *name)
{
	struct flock l = { .l_type = F_WRLCK, .l_start = 5, .l_len = 5 };
	int fd = open(name, O_RDWR);

	expect(fd >= 0 && fcntl(fd, F_OFD_SETLKW, &l) == 0);
	has_it = true;
	expect(close(fd) == 0);
	return NULL;
}

static void locks_are_waited_for(void)
{
	struct flock l = { .l_type = F_RDLCK, .l_start = 9, .l_len = 1 };
	int fd = make("locked", 1, 'a');
	pthread_t thread;

	expect(fcntl(fd, F_SETLK, &l) == 0);
	expect(pthread_create(&thread, NULL, take_lock, "locked") == 0);
	usleep(20000);
	expect(!has_it);
	l.l_type = F_UNLCK;
	expect(fcntl(fd, F_SETLK, &l) == 0 && pthread_join(thread, NULL) == 0 && has_it);
	expect(close(fd) == 0);
}

int main(int argc, char **argv)
{
	char *p;
	int fd;

	expect(argc > 1 && chdir(argv[argc - 1]) == 0);
	if (argc > 2) {
		fd = make("kept", 2, 'a');
		p = map(fd, 4 * PAGE, RW, MAP_SHARED, 0);
		/* From now on only the page tables know of a change. */
		expect(fsync(fd) == 0 && close(fd) == 0);
		memcpy(p + PAGE, "through a mapping", 17);
		/* The written data counts, whatever happens to the page. */
		expect(mprotect(p + PAGE, PAGE, PROT_READ) == 0);
		expect(mprotect(p + PAGE, PAGE, PROT_NONE) == 0);
		if (!strcmp(argv[1], "behind"))
			printf("%d\n", p[2 * PAGE]);
		test_success();
	}
	shared_pages_are_those_of_read_and_write();
	parts_are_unmapped_and_protected();
	a_mapping_grows_and_shrinks_with_its_file();
	a_mapping_has_the_pages_of_a_file_that_many_resize();
	munmap_during_msync();
	refused_mappings();
	nothing_is_lost_by_many();
	temporary_files();
	trees();
	locks_are_waited_for();
	test_success();
}

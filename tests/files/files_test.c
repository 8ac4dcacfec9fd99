/* SPDX-License-Identifier: ISC */
/* File calls of lib/file over tmpfs and ext4: what they do when they succeed. */
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

static unsigned long seed = 1;

static unsigned below(unsigned n)
{
	seed = seed * 6364136223846793005 + 1442695040888963407;
	return (seed >> 33) % n;
}

static ino_t number(const char *name)
{
	struct stat st;

	return lstat(name, &st) ? 0 : st.st_ino;
}

static struct stat stat_of(const char *name)
{
	struct stat st;

	CHECK(!lstat(name, &st));
	return st;
}

static bool has(const char *name, const char *text)
{
	char data[256];
	int fd = open(name, O_RDONLY);
	ssize_t n = fd < 0 ? -1 : read(fd, data, sizeof(data));

	if (fd >= 0)
		close(fd);
	return n == (ssize_t)strlen(text) && !memcmp(data, text, n);
}

static bool cwd_is(const char *name)
{
	char to[PATH_MAX];

	return getcwd(to, sizeof(to)) && !strcmp(to, name);
}

/* ---- Names. */

static void names_are_resolved(void)
{
	CHECK(has("f", "hello") && has("l", "hello") && has("./d/../f", "hello") && has("up", "hello"));
	CHECK(has("/t//f", "hello") && has("//t/./f", "hello") && has("/../t/f", "hello"));
	CHECK(has("lfull/x", "x") && has("full/../lfull/./sub/../x", "x"));
	CHECK(number("d") == number("d/") && number("d") == number("ld/"));
	CHECK(number("d") == number("abs/."));
	CHECK(number("d") != number("ld") && number("full/sub/..") == number("full"));
	CHECK(number("/..") == number("/") && number("..") == number("/"));
}

static void mounts_are_crossed_in_both_directions(void)
{
	struct stat outside = stat_of("."), inside = stat_of("mnt");

	CHECK(outside.st_dev != inside.st_dev);
	CHECK(has("mnt/m", "mounted") && has("mnt/../f", "hello") && has("mnt/./../mnt/m", "mounted"));
	CHECK(number("mnt/..") == number("/t") && number("/other/..") == number("/"));
	CHECK(!symlink("../f", "mnt/out") && has("mnt/out", "hello"));
	CHECK(!symlink("/t/mnt/m", "in") && has("in", "mounted"));
	CHECK(!chdir("mnt") && cwd_is("/t/mnt") && has("m", "mounted") && has("../f", "hello"));
	CHECK(!mkdir("deep", 0755) && !chdir("deep") && cwd_is("/t/mnt/deep"));
	CHECK(!chdir("../../full/sub") && cwd_is("/t/full/sub") && !chdir("/t"));
	CHECK(has("/etc/hosts", "image") && !chdir("/etc") && cwd_is("/etc") && has("hosts", "image"));
	CHECK(has("../t/f", "hello") && !chdir("/dev") && cwd_is("/dev") && !chdir("/t"));
	CHECK(has("/ro/f", "hello") && has("/ro/../t/f", "hello"));
}

static void forty_links_are_followed(void)
{
	char name[16], to[16];

	for (unsigned i = 0; i < 41; i++) {
		format_text(name, sizeof(name), "c%u", i);
		format_text(to, sizeof(to), i ? "c%u" : "f", i - 1);
		CHECK(!symlink(to, name));
	}
	CHECK(has("c39", "hello"));		/* 40 links */
	FAILS(ELOOP, open("c40", O_RDONLY));
	/* Links count over the whole name. */
	CHECK(!symlink("full", "e0"));
	for (unsigned i = 1; i < 21; i++) {
		format_text(name, sizeof(name), "e%u", i);
		format_text(to, sizeof(to), "e%u", i - 1);
		CHECK(!symlink(to, name));
	}
	CHECK(has("e19/../e19/x", "x"));
	FAILS(ELOOP, open("e20/../e19/x", O_RDONLY));
}

static void the_current_directory_can_move_and_go(void)
{
	char to[PATH_MAX];

	CHECK(!chdir("full/sub") && cwd_is("/t/full/sub"));
	CHECK(!rename("/t/full/sub", "/t/d/moved") && cwd_is("/t/d/moved") && !access("../../f", F_OK));
	CHECK(!rename("/t/d", "/t/e") && cwd_is("/t/e/moved"));
	CHECK(!rmdir("/t/e/moved"));
	CHECK(!getcwd(to, sizeof(to)) && errno == ENOENT);
	FAILS(ENOENT, mkdir("x", 0755));
	FAILS(ENOENT, open("x", O_CREAT | O_RDWR, 0644));
	FAILS(ENOENT, access("..", F_OK));
	CHECK(!access(".", F_OK) && !chdir("/t"));
	FAILS(ENOENT, access("abs", F_OK));	/* /t/d has another name now */
}

static void absolute_names_are_real(void)
{
	char to[PATH_MAX], *own;

	CHECK(realpath("l", to) == to && !strcmp(to, "/t/f"));
	CHECK(realpath("abs/../lfull/x", to) && !strcmp(to, "/t/full/x"));
	CHECK(realpath("mnt/../mnt/m", to) && !strcmp(to, "/t/mnt/m"));
	CHECK(realpath("/../", to) && !strcmp(to, "/"));
	CHECK(realpath("/etc/./hosts", to) && !strcmp(to, "/etc/hosts"));
	own = realpath("ld", NULL);
	CHECK(own && !strcmp(own, "/t/d"));
	free(own);
	own = getcwd(NULL, 0);
	CHECK(own && !strcmp(own, "/t"));
	free(own);
}

/* ---- The rename matrix: what each kind of object does over each other. */

enum thing { NONE, FILE_, EMPTY, FULL, LINK, LINK_TO_DIR, DANGLING, FIFO, THINGS };

static void make_thing(enum thing kind, const char *name)
{
	char inside[64];

	switch (kind) {
	case FILE_:
		CHECK(!text_file(name, name));
		break;
	case EMPTY:
	case FULL:
		CHECK(!mkdir(name, 0755));
		format_text(inside, sizeof(inside), "%s/in", name);
		CHECK(kind == EMPTY || !text_file(inside, "in"));
		break;
	case LINK:
	case LINK_TO_DIR:
	case DANGLING:
		CHECK(!symlink(kind == LINK ? "f" : kind == DANGLING ? "none" : "full", name));
		break;
	case FIFO:
		CHECK(!mkfifo(name, 0644));
		break;
	default:
		break;
	}
}

static bool is_dir(enum thing kind)
{
	return kind == EMPTY || kind == FULL;
}

static int rename_error(enum thing from, enum thing to, unsigned flags)
{
	if (from == NONE)
		return ENOENT;
	if (flags == RENAME_NOREPLACE)
		return to == NONE ? 0 : EEXIST;
	if (flags == RENAME_EXCHANGE)
		return to == NONE ? ENOENT : 0;
	if (to == NONE)
		return 0;
	if (is_dir(from))
		return to == FULL ? ENOTEMPTY : to == EMPTY ? 0 : ENOTDIR;
	return is_dir(to) ? EISDIR : 0;
}

static void rename_one(enum thing from, enum thing to, unsigned flags, const char *a, const char *b)
{
	int error = rename_error(from, to, flags), rc;
	ino_t old_a, old_b;

	make_thing(from, a);
	make_thing(to, b);
	old_a = number(a);
	old_b = number(b);
	errno = 0;
	rc = renameat2(AT_FDCWD, a, AT_FDCWD, b, flags);
	if (rc != (error ? -1 : 0) || (error && errno != error))
		die("renaming thing %d to thing %d, flags %u: %d, errno %d, not %d", from, to, flags,
		    rc, errno, error);
	if (error)
		CHECK(number(a) == old_a && number(b) == old_b);
	else
		CHECK(number(b) == old_a && number(a) == (flags == RENAME_EXCHANGE ? old_b : 0));
}

static void rename_has_its_matrix(void)
{
	static const unsigned all[] = { 0, RENAME_NOREPLACE, RENAME_EXCHANGE };
	char a[32], b[32];
	unsigned n = 0;

	CHECK(!mkdir("here", 0755) && !mkdir("there", 0755));
	for (enum thing from = 0; from < THINGS; from++)
		for (enum thing to = 0; to < THINGS; to++)
			for (unsigned f = 0; f < 3; f++) {
				format_text(a, sizeof(a), "here/a%u", n);
				format_text(b, sizeof(b), n % 2 ? "here/b%u" : "there/b%u", n);
				rename_one(from, to, all[f], a, b);
				n++;
			}
}

static void two_names_of_a_file_stay(void)
{
	CHECK(!rename("f", "f2") && number("f") && number("f") == number("f2"));
	CHECK(!rename("f", "f") && stat_of("f").st_nlink == 2);
	CHECK(!link("f", "full/f3") && stat_of("f").st_nlink == 3 && !unlink("f"));
	CHECK(has("f2", "hello") && has("full/f3", "hello") && stat_of("f2").st_nlink == 2);
}

/* ---- Directories. */

static unsigned names_in(const char *name)
{
	DIR *dir = opendir(name);
	unsigned n = 0;

	CHECK(dir);
	while (readdir(dir))
		n++;
	CHECK(!closedir(dir));
	return n;
}

static void entries_have_types_and_numbers(void)
{
	static const struct { const char *name; int type; } known[] = {
		{ "f", DT_REG }, { "d", DT_DIR }, { "l", DT_LNK }, { "fifo", DT_FIFO },
		{ ".", DT_DIR }, { "..", DT_DIR },
	};
	DIR *dir = opendir("/t");
	struct dirent *e;
	unsigned found = 0, all = 0;

	CHECK(dir);
	while ((e = readdir(dir))) {
		all++;
		for (unsigned i = 0; i < 6; i++)
			if (!strcmp(e->d_name, known[i].name)) {
				CHECK(e->d_type == known[i].type);
				CHECK(!strcmp(e->d_name, "..") || e->d_ino == number(e->d_name));
				found++;
			}
	}
	/* 12 of fill(), ext4's lost+found, and mnt. */
	CHECK(found == 6 && (all == 16 || all == 17) && !closedir(dir));
	CHECK(names_in("/etc") == 1 && names_in("/") >= 6);
}

#define NAMES 700

/* While a stream is read, names come and go. */
static void names_that_stay_are_read_once(void)
{
	static unsigned char seen[NAMES], gone[NAMES];
	char name[64];
	unsigned made = 0;
	struct dirent *e;
	DIR *dir;

	memset(seen, 0, sizeof(seen));
	memset(gone, 0, sizeof(gone));
	for (unsigned i = 0; i < NAMES; i++) {
		format_text(name, sizeof(name), "d/name-%u", i);
		CHECK(!text_file(name, ""));
	}
	dir = opendir("d");
	CHECK(dir);
	while ((e = readdir(dir))) {
		unsigned victim = below(NAMES);

		if (strncmp(e->d_name, "name-", 5) == 0)
			seen[strtoul(e->d_name + 5, NULL, 10)]++;
		format_text(name, sizeof(name), "d/name-%u", victim);
		if (below(3) == 0 && !unlink(name))
			gone[victim] = 1;
		format_text(name, sizeof(name), "d/new-%u", made);
		if (below(3) == 0 && made < NAMES && !text_file(name, ""))
			made++;
	}
	CHECK(!closedir(dir) && made > 100);
	for (unsigned i = 0; i < NAMES; i++)
		CHECK(gone[i] ? seen[i] <= 1 : seen[i] == 1);
}

static void a_stream_goes_back_to_where_it_was(void)
{
	static char names[300][NAME_MAX + 1];
	static long at[300];
	char name[64];
	unsigned n = 0;
	struct dirent *e;
	DIR *dir;

	for (unsigned i = 0; i < 250; i++) {
		format_text(name, sizeof(name), "d/a-name-that-is-long-%u", i);
		CHECK(!text_file(name, ""));
	}
	dir = opendir("d");
	CHECK(dir);
	for (;; n++) {
		at[n] = telldir(dir);
		e = readdir(dir);
		if (!e)
			break;
		strcpy(names[n], e->d_name);
	}
	CHECK(n == 252);
	for (unsigned i = 0; i < 600; i++) {
		unsigned k = below(n + 1);

		seekdir(dir, at[k]);
		CHECK(telldir(dir) == at[k]);
		e = readdir(dir);
		CHECK(k == n ? !e : e && !strcmp(e->d_name, names[k]));
	}
	CHECK(!text_file("d/later", ""));
	rewinddir(dir);
	for (n = 0; (e = readdir(dir)); n++)
		;
	CHECK(n == 253 && !closedir(dir));
}

static void a_stream_has_a_descriptor(void)
{
	int fd = open("full", O_RDONLY | O_DIRECTORY);
	DIR *dir = fdopendir(fd);
	struct stat st;

	CHECK(dir && dirfd(dir) == fd && !fstat(fd, &st) && st.st_ino == number("full"));
	CHECK(fcntl(fd, F_GETFD) == 0 && !faccessat(fd, "x", F_OK, 0));
	CHECK(!rename("full", "full2") && !faccessat(fd, "x", F_OK, 0) && !closedir(dir));
	FAILS(EBADF, fstat(fd, &st));
	dir = opendir("full2");
	CHECK(dir && fcntl(dirfd(dir), F_GETFD) == FD_CLOEXEC);
	CHECK(!unlink("full2/x") && !rmdir("full2/sub") && !rmdir("full2"));
	CHECK(!readdir(dir) && !closedir(dir));	/* as on Linux, not even . and .. */
}

/* ---- open(). */

static void flags_are_obeyed(void)
{
	int a, b;
	char data[8];

	umask(027);
	a = open("new", O_CREAT | O_EXCL | O_WRONLY, 0666);
	CHECK(a >= 0 && stat_of("new").st_mode == (S_IFREG | 0640) && !close(a));
	CHECK(!mkdir("newd", 0777) && stat_of("newd").st_mode == (S_IFDIR | 0750));
	CHECK(umask(022) == 027);
	a = open("new", O_WRONLY | O_APPEND);
	b = open("new", O_WRONLY | O_APPEND);
	CHECK(write(a, "12", 2) == 2 && write(b, "34", 2) == 2 && write(a, "5", 1) == 1);
	CHECK(lseek(a, 0, SEEK_CUR) == 5 && lseek(b, 0, SEEK_CUR) == 4);
	CHECK(!lseek(a, 0, SEEK_SET) && write(a, "6", 1) == 1 && has("new", "123456"));
	CHECK((fcntl(a, F_GETFL) & (O_ACCMODE | O_APPEND)) == (O_WRONLY | O_APPEND));
	CHECK(!fcntl(a, F_SETFL, 0) && pwrite(a, "x", 1, 1) == 1 && has("new", "1x3456"));
	CHECK(!close(a) && !close(b));
	a = open("new", O_RDWR | O_TRUNC | O_SYNC);
	CHECK(a >= 0 && stat_of("new").st_size == 0 && write(a, "abc", 3) == 3);
	CHECK((fcntl(a, F_GETFL) & O_SYNC) == O_SYNC && !close(a));
	a = open("new", O_RDWR | O_DSYNC | O_CLOEXEC);
	CHECK((fcntl(a, F_GETFL) & O_SYNC) == O_DSYNC && fcntl(a, F_GETFD) == FD_CLOEXEC);
	CHECK(read(a, data, 8) == 3 && !close(a));
	CHECK(open("dang", O_CREAT | O_WRONLY, 0600) == a && number("none") && !close(a));
}

static void direct_io_works_if_it_is_aligned(void)
{
	_Alignas(512) static char data[4096];
	int fd = open("new", O_CREAT | O_RDWR | O_DIRECT, 0644);

	memset(data, 'x', sizeof(data));
	CHECK(fd >= 0 && write(fd, data, 4096) == 4096 && pwrite(fd, data, 512, 512) == 512);
	FAILS(EINVAL, write(fd, data + 1, 512));
	FAILS(EINVAL, pwrite(fd, data, 512, 100));
	CHECK(pread(fd, data, 4096, 0) == 4096 && data[4095] == 'x' && !close(fd));
}

static void an_unnamed_file_gets_a_name(void)
{
	int fd = open("d", O_TMPFILE | O_RDWR, 0600), other;
	struct stat st;

	CHECK(fd >= 0 && !fstat(fd, &st) && st.st_nlink == 0 && S_ISREG(st.st_mode));
	CHECK(write(fd, "unnamed", 7) == 7 && names_in("d") == 2);
	CHECK(!linkat(fd, "", AT_FDCWD, "d/named", AT_EMPTY_PATH) && has("d/named", "unnamed"));
	CHECK(!fstat(fd, &st) && st.st_nlink == 1 && !close(fd) && has("d/named", "unnamed"));
	other = open("d", O_TMPFILE | O_RDWR | O_EXCL, 0600);
	CHECK(other >= 0);
	FAILS(ENOENT, linkat(other, "", AT_FDCWD, "d/other", AT_EMPTY_PATH));
	CHECK(!close(other));
}

static void a_removed_file_lives_while_it_is_open(void)
{
	int fd = open("full/x", O_RDWR);
	char data[8];
	struct stat st;

	CHECK(fd >= 0 && !unlink("full/x") && !fstat(fd, &st) && st.st_nlink == 0);
	CHECK(write(fd, "more", 4) == 4 && pread(fd, data, 8, 0) == 4 && !memcmp(data, "more", 4));
	CHECK(!text_file("full/x", "another") && pread(fd, data, 8, 0) == 4);
	CHECK(!fsync(fd) && !ftruncate(fd, 1) && !close(fd) && has("full/x", "another"));
}

/* ---- Data. */

static void positions_are_shared_and_moved(void)
{
	int fd = open("f", O_RDWR), same = dup(fd), other = open("f2", O_RDWR);
	char data[16];

	CHECK(read(fd, data, 2) == 2 && read(same, data + 2, 2) == 2 && !memcmp(data, "hell", 4));
	CHECK(read(other, data, 16) == 5 && read(other, data, 16) == 0);
	CHECK(lseek(fd, 0, SEEK_CUR) == 4 && lseek(same, -1, SEEK_END) == 4);
	CHECK(pread(fd, data, 16, 1) == 4 && lseek(fd, 0, SEEK_CUR) == 4);
	CHECK(lseek(fd, 10, SEEK_SET) == 10 && read(fd, data, 16) == 0 && write(fd, "!", 1) == 1);
	CHECK(pread(other, data, 16, 0) == 11 && !memcmp(data, "hello\0\0\0\0\0!", 11));
	CHECK(!ftruncate(other, 3) && has("l", "hel") && lseek(fd, 0, SEEK_CUR) == 11);
	CHECK(!truncate("f", 6) && has("f", "hel\0\0\0") == false && stat_of("f").st_size == 6);
	CHECK(pread(fd, data, 16, 0) == 6 && !memcmp(data, "hel\0\0\0", 6));
	CHECK(!close(fd) && !close(same) && !close(other));
}

static void many_buffers_are_written_and_read(void)
{
	struct iovec v[100];
	static char data[100][7], back[100 * 7];
	int fd = open("new", O_CREAT | O_RDWR, 0644);

	for (unsigned i = 0; i < 100; i++) {
		memset(data[i], 'a' + i % 26, 7);
		v[i] = (struct iovec){ data[i], i % 8 };
	}
	CHECK(writev(fd, v, 100) == 342 && lseek(fd, 0, SEEK_CUR) == 342);
	CHECK(lseek(fd, 0, SEEK_END) == 342 && pread(fd, back, sizeof(back), 0) == 342);
	for (unsigned i = 0, at = 0; i < 100; at += i % 8, i++)
		CHECK(!memcmp(back + at, data[i], i % 8));
	memset(data, 0, sizeof(data));
	CHECK(preadv(fd, v, 100, 0) == 342 && data[99][0] == 'a' + 99 % 26);
	CHECK(data[99][2] == 'a' + 99 % 26 && data[99][3] == 0);
	CHECK(pwritev(fd, v, 50, 1000) > 0 && lseek(fd, 0, SEEK_CUR) == 342);
	CHECK(readv(fd, v, 0) == 0 && read(fd, back, 0) == 0 && !close(fd));
}

static void holes_are_found_and_made(void)
{
	static char data[4096];
	int fd = open("new", O_CREAT | O_RDWR, 0644);
	struct stat st;

	memset(data, 'd', sizeof(data));
	CHECK(pwrite(fd, data, 4096, 65536) == 4096 && !fsync(fd));
	CHECK(lseek(fd, 0, SEEK_DATA) == 65536 && lseek(fd, 0, SEEK_HOLE) == 0);
	CHECK(lseek(fd, 65540, SEEK_HOLE) == 69632 && lseek(fd, 0, SEEK_CUR) == 69632);
	CHECK(!fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 65536, 4096));
	FAILS(ENXIO, lseek(fd, 0, SEEK_DATA));
	CHECK(pread(fd, data, 10, 65536) == 10 && data[0] == 0 && data[9] == 0);
	CHECK(!fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, 200000) && !fstat(fd, &st));
	CHECK(st.st_size == 69632 && st.st_blocks >= 200000 / 512);
	CHECK(!posix_fallocate(fd, 0, 200000) && !fstat(fd, &st) && st.st_size == 200000);
	CHECK(!posix_fadvise(fd, 0, 0, POSIX_FADV_WILLNEED));
	CHECK(!posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED));
	CHECK(!sync_file_range(fd, 0, 0, SYNC_FILE_RANGE_WRITE) && !readahead(fd, 0, 4096));
	CHECK(!fdatasync(fd) && !syncfs(fd) && !close(fd));
	sync();
}

/* ---- Attributes. */

static void times_are_set_and_kept(void)
{
	struct timespec t[2] = { { 1, 123456789 }, { -5, 999999999 } };
	struct stat st, later;

	CHECK(!utimensat(AT_FDCWD, "l", t, 0));
	st = stat_of("f");
	CHECK(st.st_atim.tv_sec == 1 && st.st_atim.tv_nsec == 123456789);
	CHECK(st.st_mtim.tv_sec == -5 && st.st_mtim.tv_nsec == 999999999 && st.st_ctime > 1600000000);
	t[0].tv_nsec = UTIME_OMIT;
	t[1].tv_nsec = UTIME_NOW;
	CHECK(!utimensat(AT_FDCWD, "f", t, 0));
	later = stat_of("f");
	CHECK(later.st_atim.tv_sec == 1 && later.st_mtime > 1600000000);
	CHECK(later.st_ctime > st.st_ctime ||
	      (later.st_ctime == st.st_ctime && later.st_ctim.tv_nsec > st.st_ctim.tv_nsec));
	t[0].tv_nsec = t[1].tv_nsec = 7;
	CHECK(!utimensat(AT_FDCWD, "l", t, AT_SYMLINK_NOFOLLOW) && stat_of("l").st_mtim.tv_nsec == 7);
	CHECK(stat_of("f").st_mtim.tv_nsec == later.st_mtim.tv_nsec);
	st = stat_of("d");
	CHECK(!text_file("d/x", "") && stat_of("d").st_mtim.tv_nsec != st.st_mtim.tv_nsec);
}

static void modes_and_owners_are_set(void)
{
	int fd = open("f", O_RDONLY);
	struct stat st;

	CHECK(!chmod("l", 04751) && stat_of("f").st_mode == (S_IFREG | 04751));
	CHECK(!fchmod(fd, 0600) && !fchown(fd, 7, -1) && !fstat(fd, &st));
	CHECK(st.st_mode == (S_IFREG | 0600) && st.st_uid == 7 && st.st_gid == 0);
	CHECK(!chown("l", -1, 70000) && stat_of("f").st_gid == 70000 && stat_of("f").st_uid == 7);
	CHECK(!lchown("l", 3, 4) && stat_of("l").st_uid == 3 && stat_of("f").st_uid == 7);
	CHECK(!mknod("dev", S_IFBLK | 0600, 0xfd12305) && stat_of("dev").st_rdev == 0xfd12305);
	CHECK(stat_of("d").st_nlink == 2 && stat_of("full").st_nlink == 3 && !close(fd));
}

static void attributes_with_names_are_kept(void)
{
	char data[300];
	int fd = open("f", O_RDONLY);

	CHECK(!setxattr("l", "user.one", "value", 5, XATTR_CREATE));
	CHECK(!fsetxattr(fd, "user.two", NULL, 0, 0));
	CHECK(getxattr("f", "user.one", data, 300) == 5 && !memcmp(data, "value", 5));
	CHECK(fgetxattr(fd, "user.one", NULL, 0) == 5 && getxattr("f2", "user.two", data, 1) == 0);
	CHECK(listxattr("f", data, sizeof(data)) == 18 && flistxattr(fd, NULL, 0) == 18);
	CHECK(!strcmp(data, "user.one") || !strcmp(data + 9, "user.one"));
	CHECK(!lremovexattr("f", "user.two") && llistxattr("f", data, 9) == 9);
	CHECK(!fremovexattr(fd, "user.one"));
	CHECK(listxattr("f", data, 300) == 0 && !setxattr("d", "user.dir", "x", 1, 0) && !close(fd));
	CHECK(llistxattr("l", data, 300) == 0);
}

static void a_file_system_tells_its_size(void)
{
	struct statvfs s, image;
	int fd = open("f", O_RDONLY);

	CHECK(!statvfs("f", &s) && s.f_blocks && s.f_bfree <= s.f_blocks && s.f_bavail <= s.f_bfree);
	CHECK(s.f_frsize == 4096 && s.f_namemax == 255 && !(s.f_flag & ST_RDONLY));
	CHECK(!fstatvfs(fd, &image) && image.f_blocks == s.f_blocks && !close(fd));
	CHECK(!statvfs("/ro/f", &s) && s.f_flag & ST_RDONLY);
	CHECK(!statvfs("/etc", &image) && image.f_flag & ST_RDONLY && !image.f_blocks);
}

/* ---- Locks: the real ones against a table of bytes. */

#define BYTES 40
#define OWNERS 3			/* the process, and two open files */

static char locked[OWNERS][BYTES];	/* F_RDLCK, F_WRLCK, 0 */

static bool is_refused(unsigned owner, int type, unsigned from, unsigned to)
{
	for (unsigned o = 0; o < OWNERS; o++)
		for (unsigned i = from; i < to; i++)
			if (o != owner && locked[o][i] && (type == F_WRLCK || locked[o][i] == F_WRLCK))
				return true;
	return false;
}

static void lock_something(const int fds[2])
{
	static const int types[] = { F_RDLCK, F_WRLCK, F_UNLCK };
	unsigned owner = below(OWNERS), from = below(BYTES), to = from + 1 + below(BYTES - from);
	int type = types[below(3)], fd = fds[owner ? owner - 1 : below(2)];
	struct flock l = { type, SEEK_SET, from, to == BYTES ? 0 : to - from, 0 };
	bool refused = type != F_UNLCK && is_refused(owner, type, from, to), get = below(2);

	if (below(2) && l.l_len) {		/* the same range, given from its end */
		l.l_start = to;
		l.l_len = -l.l_len;
	}
	if (get && type != F_UNLCK) {
		CHECK(!fcntl(fd, owner ? F_OFD_GETLK : F_GETLK, &l));
		CHECK(refused ? l.l_type != F_UNLCK && l.l_pid == (l.l_pid == -1 ? -1 : getpid()) :
				l.l_type == F_UNLCK);
		if (refused)		/* the one that it names is one */
			CHECK(l.l_whence == SEEK_SET && l.l_start < (off_t)to &&
			      (!l.l_len || l.l_start + l.l_len > (off_t)from));
		return;
	}
	if (refused)
		FAILS(EAGAIN, fcntl(fd, owner ? F_OFD_SETLK : F_SETLK, &l));
	else
		CHECK(!fcntl(fd, owner ? F_OFD_SETLKW : F_SETLKW, &l));
	for (unsigned i = from; i < to && !refused; i++)
		locked[owner][i] = type == F_UNLCK ? 0 : type;
}

static void ranges_are_locked_as_bytes(void)
{
	int fds[2] = { open("f", O_RDWR), open("f2", O_RDWR) }, third;

	CHECK(fds[0] >= 0 && fds[1] >= 0);
	memset(locked, 0, sizeof(locked));
	for (unsigned i = 0; i < 20000; i++) {
		lock_something(fds);
		if (below(200) == 0) {
			/* Closing any descriptor of the file ends the locks of the process. */
			third = below(2) ? open("l", O_RDONLY) : dup(fds[0]);
			CHECK(!close(third));
			memset(locked[0], 0, BYTES);
		}
		if (below(200) == 0) {
			CHECK(!close(fds[1]));
			fds[1] = open("f", O_RDWR);
			memset(locked[0], 0, BYTES);
			memset(locked[2], 0, BYTES);
		}
		if (below(200) == 0) {		/* another file is another matter */
			third = open("full/x", O_RDWR);
			CHECK(!fcntl(third, F_OFD_SETLK, &(struct flock){ .l_type = F_WRLCK }));
			CHECK(!close(third));
		}
	}
	CHECK(!close(fds[0]) && !close(fds[1]));
}

static void whole_files_are_locked_by_inode(void)
{
	int a = open("f", O_RDWR), b = open("f2", O_RDONLY), c = dup(a), d = open("full/x", O_RDWR);

	CHECK(!flock(a, LOCK_SH) && !flock(b, LOCK_SH) && !flock(d, LOCK_EX));
	FAILS(EWOULDBLOCK, flock(c, LOCK_EX | LOCK_NB));
	CHECK(!close(b) && !flock(c, LOCK_EX | LOCK_NB) && !close(a));
	b = open("f", O_RDONLY);
	FAILS(EWOULDBLOCK, flock(b, LOCK_SH | LOCK_NB));
	CHECK(!flock(c, LOCK_UN) && !flock(b, LOCK_EX | LOCK_NB) && !close(b) && !close(c) && !close(d));
	a = open("f", O_RDWR);
	CHECK(lseek(a, 2, SEEK_SET) == 2 && !lockf(a, F_LOCK, 2) && !lockf(a, F_TEST, 0));
	CHECK(!lockf(a, F_ULOCK, 0) && !lockf(a, F_TLOCK, -2) && !close(a));
}

/* ---- A disk as the root, over the files in the image. */

static void a_root_has_the_image_below_it(void)
{
	struct stat st;

	world_root(true);
	CHECK(has("/etc/hosts", "image") && !stat("/etc", &st) && S_ISDIR(st.st_mode));
	CHECK(names_in("/etc") == 1 && !text_file("/etc/new", "new") && has("/etc/new", "new"));
	CHECK(has("/etc/hosts", "image") && names_in("/etc") == 4);	/* . and .. now, too */
	FAILS(EROFS, unlink("/etc/hosts"));
	FAILS(EROFS, rename("/etc/hosts", "/etc/other"));
	FAILS(EROFS, open("/etc/hosts", O_RDWR));
	FAILS(EEXIST, open("/etc/hosts", O_RDWR | O_CREAT | O_EXCL, 0644));
	FAILS(EEXIST, mkdir("/etc", 0755));
	CHECK(!rename("/etc/new", "/etc/moved") && has("/etc/moved", "new") && !unlink("/etc/moved"));
	CHECK(!mkdir("/made", 0755) && !chdir("/made") && cwd_is("/made") && has("../etc/hosts", "image"));
	CHECK(!chdir("/etc") && cwd_is("/etc") && has("hosts", "image") && !chdir(".."));
	CHECK(cwd_is("/") && !access("made", F_OK) && has("/dev/null", "") && has("/t/f", "hello"));
	CHECK(!symlink("/etc/hosts", "/link") && has("/link", "image") && !unlink("/link"));
	CHECK(!rmdir("/made") && !chdir("/t"));
	world_root(false);
}

static void nothing_is_left_open_by_many(void)
{
	static int fds[400];
	char name[32];

	for (unsigned i = 0; i < 400; i++) {
		format_text(name, sizeof(name), "d/%u", i);
		fds[i] = open(name, O_CREAT | O_RDWR, 0644);
		CHECK(fds[i] >= 0 && write(fds[i], name, 3) == 3);
	}
	for (unsigned i = 0; i < 400; i++)
		CHECK(!close(fds[i]));
	CHECK(names_in("d") == 402);
}

static const struct claim {
	const char *text;
	void (*test)(void);
} claims[] = {
	{ "names with ., .., slashes and links are resolved", names_are_resolved },
	{ "mounts are crossed in both directions", mounts_are_crossed_in_both_directions },
	{ "40 symbolic links are followed, not 41", forty_links_are_followed },
	{ "the current directory can be moved and removed", the_current_directory_can_move_and_go },
	{ "realpath() returns the real name", absolute_names_are_real },
	{ "each kind of object renamed to each other does what POSIX says", rename_has_its_matrix },
	{ "a file renamed to another name of it keeps both", two_names_of_a_file_stay },
	{ "directory entries have types and numbers", entries_have_types_and_numbers },
	{ "names that stay are read once while others come and go", names_that_stay_are_read_once },
	{ "seekdir() goes to where telldir() was", a_stream_goes_back_to_where_it_was },
	{ "a directory stream has its descriptor", a_stream_has_a_descriptor },
	{ "open() obeys its flags", flags_are_obeyed },
	{ "O_DIRECT works if it is aligned", direct_io_works_if_it_is_aligned },
	{ "O_TMPFILE makes a file that can get a name", an_unnamed_file_gets_a_name },
	{ "a removed file lives while it is open", a_removed_file_lives_while_it_is_open },
	{ "file positions are shared by dup() and moved", positions_are_shared_and_moved },
	{ "a hundred buffers are written and read", many_buffers_are_written_and_read },
	{ "holes are found and made", holes_are_found_and_made },
	{ "times are set to the nanosecond", times_are_set_and_kept },
	{ "modes, owners and device numbers are set", modes_and_owners_are_set },
	{ "extended attributes are kept", attributes_with_names_are_kept },
	{ "statvfs() tells the size", a_file_system_tells_its_size },
	{ "20,000 record locks agree with a table of bytes", ranges_are_locked_as_bytes },
	{ "flock() and lockf() know a file by its inode", whole_files_are_locked_by_inode },
	{ "a root has the files of the image below it", a_root_has_the_image_below_it },
	{ "400 open files are closed", nothing_is_left_open_by_many },
};

int main(int argc, char **argv)
{
	for (enum kind kind = 0; kind < KINDS; kind++)
		for (unsigned i = 0; i < sizeof(claims) / sizeof(*claims); i++) {
			if (argc > 1 && !strstr(claims[i].text, argv[1]))
				continue;
			world_begin(kind);
			claims[i].test();
			world_end(claims[i].text);
			say("ok     %s: %s\n", kind_names[kind], claims[i].text);
		}
	return 0;
}

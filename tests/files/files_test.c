/* SPDX-License-Identifier: ISC */
/* File calls of lib/file over tmpfs and ext4 when they succeed: names, directories, open(). */
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

/* A mount moves with the directory around it. */
static void a_mount_moves_with_its_directory(void)
{
	world_mount("/t/full/sub", true);
	CHECK(!text_file("full/sub/in", "inside") && !mkdir("full/sub/deep", 0755));
	FAILS(EBUSY, rename("full/sub", "d/sub"));
	CHECK(!chdir("full/sub/deep") && !rename("/t/full", "/t/moved"));
	CHECK(cwd_is("/t/moved/sub/deep") && has("../in", "inside") && has("../../x", "x"));
	CHECK(!chdir("..") && cwd_is("/t/moved/sub") && !chdir("..") && cwd_is("/t/moved"));
	CHECK(has("sub/in", "inside") && !chdir("/t"));
	FAILS(EBUSY, rmdir("moved/sub"));
	world_mount("/t/moved/sub", false);
	CHECK(names_in("moved/sub") == 2 && !rmdir("moved/sub"));
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
	/* A file of the disk that hides one of the image can be replaced, but not removed. */
	world_root_alone(true);
	CHECK(!text_file("/etc/hosts", "disk"));
	world_root_alone(false);
	CHECK(!text_file("/etc/new", "new") && has("/etc/hosts", "disk"));
	FAILS(EROFS, unlink("/etc/hosts"));
	CHECK(!rename("/etc/new", "/etc/hosts") && has("/etc/hosts", "new"));
	FAILS(EROFS, rename("/etc/hosts", "/etc/new"));
	CHECK(!mkdir("/etc/dir", 0755));
	FAILS(ENOTDIR, rename("/etc/dir", "/etc/hosts"));
	FAILS(EROFS, renameat2(AT_FDCWD, "/etc/dir", AT_FDCWD, "/etc/hosts", RENAME_EXCHANGE));
	world_root_alone(true);
	CHECK(!unlink("/etc/hosts") && !rmdir("/etc/dir"));
	world_root_alone(false);
	/* Its directory is empty now, but the image has one of this name. */
	FAILS(EROFS, rmdir("/etc"));
	FAILS(EROFS, rename("/etc", "/etc2"));
	CHECK(!mkdir("/made", 0755) && !chdir("/made") && cwd_is("/made") && has("../etc/hosts", "image"));
	CHECK(!chdir("/etc") && cwd_is("/etc") && has("hosts", "image") && !chdir(".."));
	CHECK(cwd_is("/") && !access("made", F_OK) && has("/dev/null", "") && has("/t/f", "hello"));
	CHECK(!symlink("/etc/hosts", "/link") && has("/link", "image") && !unlink("/link"));
	CHECK(!chdir("/made") && !mkdir("in", 0755) && !chdir("in") && !rename("/made", "/moved"));
	CHECK(cwd_is("/moved/in") && !chdir("..") && cwd_is("/moved") && !rmdir("in"));
	CHECK(!rename("/moved", "/etc/moved") && cwd_is("/etc/moved") && has("../hosts", "image"));
	CHECK(!chdir("..") && cwd_is("/etc") && has("hosts", "image") && !rmdir("moved"));
	CHECK(!chdir("/t"));
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

static const struct claim claims[] = {
	{ "names with ., .., slashes and links are resolved", names_are_resolved },
	{ "mounts are crossed in both directions", mounts_are_crossed_in_both_directions },
	{ "a mount moves with the directory around it", a_mount_moves_with_its_directory },
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
	{ "a root has the files of the image below it", a_root_has_the_image_below_it },
	{ "400 open files are closed", nothing_is_left_open_by_many },
};

int main(int argc, char **argv)
{
	run_claims_over(claims, sizeof(claims) / sizeof(*claims), argc > 1 ? argv[1] : NULL);
	return 0;
}

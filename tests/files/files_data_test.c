/* SPDX-License-Identifier: ISC */
/* File calls of lib/file over tmpfs and ext4 when they succeed: data, attributes, locks. */
#include "tests/files/world.h"

#include <stdint.h>
#include <string.h>
#include <sys/file.h>
#include <sys/statvfs.h>
#include <sys/uio.h>
#include <sys/xattr.h>

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
	t[0].tv_nsec = t[1].tv_nsec = UTIME_OMIT;
	CHECK(!utimensat(AT_FDCWD, "f", t, 0) && !futimens(99, t));
	CHECK(stat_of("f").st_ctim.tv_nsec == later.st_ctim.tv_nsec);
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
	CHECK(!fchmod(fd, 06755) && !fchown(fd, 1, 1) && stat_of("f").st_mode == (S_IFREG | 0755));
	CHECK(!fchmod(fd, 06644) && !chown("f", 2, -1) && stat_of("f").st_mode == (S_IFREG | 02644));
	CHECK(!chmod("d", 06755) && !chown("d", 0, 0) && stat_of("d").st_mode == (S_IFDIR | 06755));
	CHECK(!chown("f", 7, 70000));
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

/* open() does not find the other end, for which it would wait. */
static void ends_of_a_fifo_come_and_go(void)
{
	char data[16];
	int in, out, other;

	FAILS(ENXIO, open("fifo", O_WRONLY | O_NONBLOCK));
	in = open("fifo", O_RDONLY | O_NONBLOCK);
	CHECK(in >= 0 && read(in, data, 1) == 0);
	out = open("fifo", O_WRONLY | O_NONBLOCK);
	other = open("fifo", O_WRONLY);
	CHECK(out >= 0 && other >= 0);
	FAILS(EAGAIN, read(in, data, 1));
	FAILS(ESPIPE, lseek(in, 0, SEEK_SET));
	FAILS(EBADF, write(in, "x", 1));
	CHECK(write(out, "hello", 5) == 5 && !close(out));
	CHECK(read(in, data, 16) == 5 && !memcmp(data, "hello", 5));
	FAILS(EAGAIN, read(in, data, 1));
	CHECK(write(other, "x", 1) == 1 && !close(other));
	CHECK(read(in, data, 16) == 1 && read(in, data, 16) == 0);
	other = open("fifo", O_WRONLY);
	CHECK(other >= 0 && !close(in));
	FAILS(EPIPE, write(other, "x", 1));
	CHECK(!close(other));
	other = open("fifo", O_RDWR);
	CHECK(other >= 0 && write(other, "both", 4) == 4 && !unlink("fifo"));
	CHECK(read(other, data, 16) == 4 && !memcmp(data, "both", 4) && !close(other));
	FAILS(ENOENT, open("fifo", O_RDONLY));
}

static const struct claim claims[] = {
	{ "ends of a FIFO come and go", ends_of_a_fifo_come_and_go },
	{ "file positions are shared by dup() and moved", positions_are_shared_and_moved },
	{ "a hundred buffers are written and read", many_buffers_are_written_and_read },
	{ "holes are found and made", holes_are_found_and_made },
	{ "times are set to the nanosecond", times_are_set_and_kept },
	{ "modes, owners and device numbers are set", modes_and_owners_are_set },
	{ "extended attributes are kept", attributes_with_names_are_kept },
	{ "statvfs() tells the size", a_file_system_tells_its_size },
	{ "20,000 record locks agree with a table of bytes", ranges_are_locked_as_bytes },
	{ "flock() and lockf() know a file by its inode", whole_files_are_locked_by_inode },
};

int main(int argc, char **argv)
{
	run_claims_over(claims, sizeof(claims) / sizeof(*claims), argc > 1 ? argv[1] : NULL);
	return 0;
}

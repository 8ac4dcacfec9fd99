/* SPDX-License-Identifier: ISC */
/* POSIX functions other than files, sockets and threads. */
#define _GNU_SOURCE
#include "tests/xen/test.h"

#include <dirent.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <glob.h>
#include <grp.h>
#include <libgen.h>
#include <limits.h>
#include <pthread.h>
#include <pwd.h>
#include <regex.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/utsname.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#define LINES "/folder/lines.txt"
#define ATOMIC 4096			/* bytes: writes to a pipe up to this size, as on Linux */

#define refused(call, why)						\
	do {								\
		errno = 0;						\
		expect((call) == -1);					\
		expect_equal(errno, why);				\
	} while (0)

static void the_tree_is_read_only(void)
{
	int fd = open(LINES, O_RDONLY);
	struct stat st;

	refused(unlink(LINES), EROFS);
	refused(unlink("/nothing"), ENOENT);
	refused(remove(LINES), EROFS);
	refused(rename(LINES, "/other"), EROFS);
	refused(rename("/nothing", "/other"), ENOENT);
	refused(mkdir("/new", 0777), EROFS);
	refused(mkdir("new", 0777), EROFS);
	refused(mkdir("/folder", 0777), EEXIST);
	refused(mkdir("/nothing/new", 0777), ENOENT);
	refused(mkdir(LINES "/new", 0777), ENOTDIR);
	refused(rmdir("/folder"), EROFS);
	refused(rmdir(LINES), ENOTDIR);
	refused(symlink("x", "/y"), EROFS);
	refused(link(LINES, "/y"), EROFS);
	refused(chmod(LINES, 0), EROFS);
	refused(fchmod(fd, 0), EROFS);
	refused(chown(LINES, 0, 0), EROFS);
	refused(truncate(LINES, 0), EROFS);
	refused(ftruncate(fd, 0), EINVAL);
	refused(fchmod(-1, 0), EBADF);
	refused(readlink(LINES, (char[8]){ 0 }, 8), EINVAL);
	expect(lstat(LINES, &st) == 0 && S_ISREG(st.st_mode));
	expect(umask(077) == 022 && umask(022) == 077);
	close(fd);
}

static void temporary_files(void)
{
	char name[] = "/tmp/nameXXXXXX", text[8] = "";
	FILE *f = tmpfile();
	int fd = mkstemp(name);

	expect(f && fputs("text", f) >= 0);
	rewind(f);
	expect(fgets(text, sizeof(text), f) && !strcmp(text, "text"));
	expect_equal(fclose(f), 0);
	expect(fd > 2 && strcmp(name, "/tmp/nameXXXXXX"));
	expect_equal(close(fd), 0);
	refused(open(name, O_RDWR | O_CREAT | O_EXCL, 0600), EEXIST);
	expect_equal(unlink(name), 0);
	refused(unlink(name), ENOENT);
}

static int directory_fd;

static int close_directory(const struct dirent *entry)
{
	(void)entry;
	return close(directory_fd) == 0;
}

static void directories(void)
{
	char path[64], *got;
	struct dirent **names;
	FILE *f;

	expect(getcwd(path, sizeof(path)) && !strcmp(path, "/"));
	refused(chdir("/nothing"), ENOENT);
	refused(chdir(LINES), ENOTDIR);
	expect(chdir("folder/../folder/.") == 0);
	got = getcwd(NULL, 0);
	expect(got && !strcmp(got, "/folder"));
	free(got);
	expect(!getcwd(path, 4) && errno == ERANGE);
	f = fopen("lines.txt", "r");
	expect(f);
	fclose(f);
	expect(access("../folder/lines.txt", R_OK) == 0 && access("folder", F_OK) == -1);
	got = realpath("./lines.txt", path);
	expect(got && !strcmp(path, LINES));
	expect(!realpath("nothing", NULL) && errno == ENOENT);
	expect_equal(scandir(".", &names, NULL, alphasort), 2);
	expect(!strcmp(names[0]->d_name, "lines.txt") && !strcmp(names[1]->d_name, "more.txt"));
	for (int i = 0; i < 2; i++)
		free(names[i]);
	free(names);
	errno = EINTR;
	expect(scandir("/folder", &names, NULL, NULL) == 2 && errno == EINTR);
	for (int i = 0; i < 2; i++)
		free(names[i]);
	free(names);
	directory_fd = open("/dev/null", O_RDONLY);	/* the directory gets the same one */
	close(directory_fd);
	refused(scandir("/folder", &names, close_directory, NULL), EBADF);
	expect(chdir("..") == 0 && chdir("..") == 0 && !strcmp(getcwd(path, 64), "/"));
	expect_equal(openat(3, "folder", O_RDONLY), -1);
	expect_equal(close(openat(AT_FDCWD, LINES, O_RDONLY)), 0);
}

static void lines_and_names(void)
{
	char *line = NULL, path[] = "/folder/lines.txt", other[] = "/folder/lines.txt";
	size_t size = 0;
	FILE *f = fopen(LINES, "r");
	regex_t re;
	regmatch_t m[2];
	glob_t g;

	expect_equal(getline(&line, &size, f), 4);
	expect(!strcmp(line, "one\n"));
	expect_equal(getdelim(&line, &size, 'o', f), 3);
	expect_equal(getline(&line, &size, f), 1);
	expect_equal(getline(&line, &size, f), -1);
	free(line);
	fclose(f);
	expect(!strcmp(basename(path), "lines.txt") && !strcmp(dirname(other), "/folder"));
	expect(regcomp(&re, "^([a-z]+)=[0-9]*$", REG_EXTENDED) == 0);
	expect(regexec(&re, "key=17", 2, m, 0) == 0 && m[1].rm_so == 0 && m[1].rm_eo == 3);
	expect(regexec(&re, "key=x", 2, m, 0) == REG_NOMATCH);
	regfree(&re);
	expect(regcomp(&re, "(", REG_EXTENDED) == REG_EPAREN);
	expect(!fnmatch("*.t[a-x]t", "lines.txt", 0) && fnmatch("*.c", "lines.txt", 0));
	expect(glob("/folder/*.txt", 0, NULL, &g) == 0 && g.gl_pathc == 2);
	expect(!strcmp(g.gl_pathv[0], LINES));
	globfree(&g);
}

static int came;

static void handler(int sig)
{
	came += sig;
}

static void signals(void)
{
	struct sigaction act = { .sa_handler = handler, .sa_flags = SA_RESTART }, old;
	sigset_t set, before;

	expect(sigaction(SIGUSR1, &act, NULL) == 0);
	expect(sigaction(SIGUSR1, NULL, &old) == 0 && old.sa_handler == handler);
	expect(kill(getpid(), SIGUSR1) == 0 && came == SIGUSR1);
	expect(raise(SIGUSR1) == 0 && came == 2 * SIGUSR1);	/* it stays */
	refused(kill(77, SIGUSR1), ESRCH);
	expect(raise(SIGCHLD) == 0 && signal(SIGPIPE, SIG_IGN) == SIG_DFL && raise(SIGPIPE) == 0);
	refused(sigaction(SIGKILL, &act, NULL), EINVAL);
	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	expect(pthread_sigmask(SIG_BLOCK, &set, NULL) == 0);
	expect(sigprocmask(SIG_UNBLOCK, &set, &before) == 0 && sigismember(&before, SIGINT));
	refused(sigprocmask(99, &set, NULL), EINVAL);
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	came = 0;
	expect(sigprocmask(SIG_BLOCK, &set, NULL) == 0 && raise(SIGUSR1) == 0 && came == 0);
	expect(sigpending(&before) == 0 && before == set);
	expect(sigwait(&set, &came) == 0 && came == SIGUSR1);
	came = 0;
	expect(raise(SIGUSR1) == 0 && sigprocmask(SIG_UNBLOCK, &set, NULL) == 0);
	expect(came == SIGUSR1);
}

static void root_and_names(void)
{
	struct utsname names;
	char name[100];

	/* The image has no /etc/passwd. */
	expect(!strcmp(getpwuid(getuid())->pw_name, "root") && !getpwnam("somebody"));
	expect(getpwnam("nobody")->pw_uid == 65534 && getpwnam("www-data")->pw_gid == 33);
	expect(!strcmp(getgrnam("root")->gr_name, "root") && !getgrgid(999));
	expect(setuid(0) == 0 && setgid(0) == 0);
	expect(uname(&names) == 0 && !strcmp(names.sysname, "Xenolith"));
	expect(!strcmp(names.nodename, "xenolith") && !strcmp(names.machine, "x86_64"));
	memset(name, 'n', sizeof(name));
	expect(sethostname(name, sizeof(name)) == 0);
	expect(uname(&names) == 0 && strlen(names.nodename) == 64);
	refused(gethostname(name, 10), ENAMETOOLONG);
	expect(sethostname("xenolith", 8) == 0);
}

static void limits(void)
{
	struct rlimit limit;
	struct rusage usage;

	expect(getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur == 1 << 20);
	expect(setrlimit(RLIMIT_NOFILE, &limit) == 0);
	limit.rlim_max++;
	refused(setrlimit(RLIMIT_NOFILE, &limit), EPERM);
	refused(getrlimit(99, &limit), EINVAL);
	expect(sysconf(_SC_IOV_MAX) == IOV_MAX);
	expect(getrusage(RUSAGE_SELF, &usage) == 0);
	expect(usage.ru_utime.tv_sec || usage.ru_utime.tv_usec);
}

static void random_numbers(void)
{
	unsigned char a[100] = { 0 }, b[100] = { 0 };

	expect_equal(getrandom(a, 99, 0), 99);
	expect(getentropy(b, 99) == 0 && memcmp(a, b, 99) && !a[99]);
	refused(getentropy(b, 257), EIO);
}

static bool only(const char *p, char c, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (p[i] != c)
			return false;
	return true;
}

static void memory_by_the_page(void)
{
	size_t page = getpagesize();
	int fd = open(LINES, O_RDONLY);
	char *p = mmap(NULL, 5 * page - 7, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
		       -1, 0);
	char *f = mmap(NULL, 100, PROT_READ, MAP_SHARED, fd, 0), *q;

	expect(p != MAP_FAILED && f != MAP_FAILED);
	expect(only(p, 0, 5 * page));
	memset(p, 'x', 5 * page);
	expect(!memcmp(f, "one\ntwo\n", 8) && only(f + 8, 0, page - 8));
	expect(munmap(f, 100) == 0);
	refused(munmap(f, 100), EINVAL);
	/* In the middle, and then over the hole. */
	expect(munmap(p + 2 * page, page) == 0);
	refused(munmap(p + page, 2 * page), EINVAL);
	refused(munmap(p + 1, page), EINVAL);
	refused(msync(p + 2 * page, page, MS_SYNC), ENOMEM);
	expect(only(p, 'x', 2 * page) && only(p + 3 * page, 'x', 2 * page));
	expect(mprotect(p, 2 * page, PROT_READ | PROT_WRITE) == 0);
	refused(mprotect(p, page, PROT_READ | PROT_EXEC), ENOTSUP);
	expect(mprotect(p, page, PROT_READ) == 0);
	expect(mprotect(p, page, PROT_READ | PROT_WRITE) == 0);
	expect(mprotect(p + 4 * page, page, PROT_NONE) == 0);
	expect(mprotect(p + 3 * page, 2 * page, PROT_READ | PROT_WRITE) == 0);
	expect(only(p + 3 * page, 'x', 2 * page));
	expect(mprotect(p + 4 * page, page, PROT_NONE) == 0);
	expect(munmap(p, page) == 0 && munmap(p + page, page) == 0);
	expect(munmap(p + 3 * page, 2 * page) == 0);
	refused((intptr_t)mmap(NULL, 0, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), EINVAL);
	refused((intptr_t)mmap(NULL, 1, PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), ENOTSUP);
	refused((intptr_t)mmap(NULL, 1, PROT_READ, MAP_PRIVATE, 99, 0), EBADF);
	refused((intptr_t)mmap(NULL, 1, PROT_READ, MAP_PRIVATE, 1, 0), ENODEV);
	refused((intptr_t)mmap(NULL, 1ul << 50, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0),
		ENOMEM);
	/* Nothing is lost: far more than there is, one after the other. */
	for (int i = 0; i < 2000; i++) {
		q = mmap(NULL, 100 * page, PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		expect(q != MAP_FAILED && only(q, 0, 64));
		memset(q, 'y', 64);
		expect(munmap(q + 50 * page, 50 * page) == 0 && munmap(q, 50 * page) == 0);
	}
	expect(posix_fadvise(fd, 0, 0, POSIX_FADV_WILLNEED) == 0);
	refused(lockf(fd, 99, 0), EINVAL);
	refused(lockf(fd, F_LOCK, 0), EBADF);	/* open to read */
	expect(lockf(fd, F_TEST, 0) == 0 && lockf(fd, F_ULOCK, 0) == 0);
	expect(posix_fadvise(fd, 0, 0, 99) == EINVAL && posix_fadvise(fd, 0, -1, 0) == EINVAL);
	expect(posix_fadvise(99, 0, 0, 0) == EBADF);
	close(fd);
}

static void *lock_later(void *fd)
{
	return (void *)(intptr_t)flock(*(int *)fd, LOCK_EX);
}

/* A lock belongs to an open file description, and dup() does not create one. */
static void locks(void)
{
	int a = open(LINES, O_RDONLY), b = open(LINES, O_RDONLY), c = dup(a);
	int null = open("/dev/null", O_RDONLY), other = open("/dev/null", O_RDONLY), pipes[2];
	pthread_t thread;
	void *rc;

	expect(flock(a, LOCK_EX) == 0);
	refused(flock(b, LOCK_EX | LOCK_NB), EWOULDBLOCK);
	refused(flock(b, LOCK_SH | LOCK_NB), EWOULDBLOCK);
	expect(flock(c, LOCK_EX | LOCK_NB) == 0 && flock(c, LOCK_SH | LOCK_NB) == 0);
	expect(flock(b, LOCK_SH | LOCK_NB) == 0);
	refused(flock(a, LOCK_EX | LOCK_NB), EWOULDBLOCK);	/* and has none any more */
	expect(flock(b, LOCK_EX | LOCK_NB) == 0);
	expect(flock(b, LOCK_UN) == 0 && flock(b, LOCK_UN) == 0);
	expect(flock(a, LOCK_EX) == 0);
	close(a);
	refused(flock(b, LOCK_EX | LOCK_NB), EWOULDBLOCK);	/* c is there yet */
	expect(pthread_create(&thread, NULL, lock_later, &b) == 0);
	usleep(20000);
	close(c);
	expect(pthread_join(thread, &rc) == 0 && !rc);
	close(b);
	expect(flock(null, LOCK_EX) == 0);
	refused(flock(other, LOCK_SH | LOCK_NB), EWOULDBLOCK);
	expect(pipe(pipes) == 0 && flock(pipes[0], LOCK_EX) == 0);
	refused(flock(99, LOCK_EX), EBADF);
	refused(flock(null, LOCK_SH | LOCK_EX), EINVAL);
	refused(flock(null, LOCK_NB), EINVAL);
	close(null);
	expect(flock(other, LOCK_EX | LOCK_NB) == 0);
	close(other);
	close(pipes[0]);
	close(pipes[1]);
}

/* All buffers of writev() are one message of a pipe, which is atomic up to 4096 bytes. */
static void a_vector_is_one_message(void)
{
	static char all[16 * ATOMIC], got[sizeof(all)];
	char text[21] = "";
	struct iovec out[] = { { "head", 4 }, { "", 0 }, { "and its long body", 16 } };
	struct iovec in[] = { { text, 4 }, { text + 4, 16 } };
	struct iovec large[] = { { all, 40000 }, { all + 5000, 40000 } };
	int pipes[2];

	expect(pipe2(pipes, O_NONBLOCK) == 0);
	for (unsigned i = 0; i < sizeof(all); i++)
		all[i] = i / 256 + i;
	for (int i = 1; i < 16; i++)
		expect(write(pipes[1], all, ATOMIC) == ATOMIC);
	expect(write(pipes[1], all, ATOMIC - 10) == ATOMIC - 10);
	refused(writev(pipes[1], out, 3), EAGAIN);
	expect(read(pipes[0], got, sizeof(got)) == sizeof(got) - 10);
	refused(readv(pipes[0], in, 2), EAGAIN);	/* not a part of it */
	expect(writev(pipes[1], out, 3) == 20);
	expect(readv(pipes[0], in, 2) == 20 && !strcmp(text, "headand its long bod"));
	expect(writev(pipes[1], large, 2) == sizeof(got));	/* a part: not atomic */
	expect(read(pipes[0], got, sizeof(got)) == sizeof(got) && !memcmp(got, all, 40000));
	expect(!memcmp(got + 40000, all + 5000, sizeof(got) - 40000));
	close(pipes[0]);
	close(pipes[1]);
}

/* Their output on Linux. */
static void formats(void)
{
	const char *volatile too_high = "%99$s";
	char *made, line[64];
	int n = 0;

#define says(text, ...)								\
	do {									\
		errno = ENOENT;							\
		expect(asprintf(&made, __VA_ARGS__) == (int)strlen(text));	\
		expect(!strcmp(made, text));					\
		free(made);							\
	} while (0)

	says("b a", "%2$s %1$s", "a", "b");
	says("9 9 9", "%1$d %1$d %1$d", 9);
	says("x: No such file or directory, 5", "%s: %m, %d", "x", 5);
	says("No such file or directory  |%m", "%-27m|%%m");
	says("1.50 7 hi 3.25 x", "%3$.2f %1$d %2$s %4$.2Lf %5$c", 7, "hi", 1.5, 3.25L, 'x');
	says("   42|42   |00042|3.142", "%1$*2$d|%1$-*2$d|%1$0*2$d|%4$.*3$f", 42, 5, 3, 3.14159);
	says("-1 18446744073709551615 255", "%1$d %2$lu %3$hhu", -1, -1ul, 255);
	/* More than there are registers, of both kinds. */
	says("1 2 3 4 5 6 7 8 1 2 3 4 5 6 7 8 9 No such file or directory",
	     "%d %d %d %d %d %d %d %ld %g %g %g %g %g %g %g %g %g %m", 1, 2, 3, 4, 5, 6, 7, 8l,
	     1., 2., 3., 4., 5., 6., 7., 8., 9.);
	expect(snprintf(line, sizeof(line), "%2$d%1$n", &n, 77) == 2 && n == 2);
	errno = 0;
	expect(snprintf(line, sizeof(line), too_high, "x") == -1 && errno == EINVAL);
	errno = EINTR;
	printf("%2$s: %1$s, %m\n", "told", "formats");
}

static void zone_is(const char *value, const char *name, int hours)
{
	time_t at = 1720000000;		/* in summer, 09:46:40 UTC */
	char text[64], wanted[64];

	if (value)
		setenv("TZ", value, 1);
	else
		unsetenv("TZ");
	tzset();
	strftime(text, sizeof(text), "%H:%M %Z %z", localtime(&at));
	sprintf(wanted, "%02d:46 %s %+03d00", 9 + hours, name, hours);
	if (strcmp(text, wanted))
		test_failure("TZ=%s is %s, not %s", value, text, wanted);
	/* And no zone leaves something for the next one. */
	if (hours != 2 || strcmp(name, "CEST"))
		zone_is("CET-1CEST,M3.5.0,M10.5.0/3", "CEST", 2);
}

static void zones(void)
{
	zone_is("CET-1", "CET", 1);
	zone_is("UTC", "UTC", 0);
	zone_is("UTC0", "UTC", 0);
	zone_is(":UTC", "UTC", 0);
	zone_is("GMT", "GMT", 0);
	zone_is("", "UTC", 0);
	zone_is("no zone!", "UTC", 0);	/* Linux: "no" */
	zone_is("<+03>-3", "+03", 3);
	zone_is(NULL, "UTC", 0);
}

static void end(const char *how)
{
	char *p;

	if (strcmp(how, "touch"))
		raise(atoi(how));
	p = mmap(NULL, 3 * getpagesize(), PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	expect(mprotect(p, getpagesize(), PROT_READ | PROT_WRITE) == 0);
	*p = 1;
	p[getpagesize()] = 1;
}

int main(int argc, char **argv)
{
	if (argc > 1)
		end(argv[1]);
	the_tree_is_read_only();
	temporary_files();
	directories();
	lines_and_names();
	signals();
	root_and_names();
	limits();
	random_numbers();
	memory_by_the_page();
	locks();
	a_vector_is_one_message();
	formats();
	zones();
	expect(ftrylockfile(stdout) == 0);
	funlockfile(stdout);
	errno = ENOENT;
	warn("%s", "warned");
	openlog("posix", LOG_PID, LOG_DAEMON);
	setlogmask(LOG_UPTO(LOG_INFO));
	syslog(LOG_ERR, "logged %d%%: %m", 7);
	syslog(LOG_DEBUG, "not this");
	test_success();
}

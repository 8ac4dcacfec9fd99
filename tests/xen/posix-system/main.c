/* SPDX-License-Identifier: ISC */
/* Functions and files that programs for Linux expect; posix/ has POSIX's basic functions. */
#define _GNU_SOURCE
#include "tests/xen/posix-system/sockets.h"
#include "tests/xen/test.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <execinfo.h>
#include <fcntl.h>
#include <glob.h>
#include <grp.h>
#include <ifaddrs.h>
#include <limits.h>
#include <net/if.h>
#include <netdb.h>
#include <pwd.h>
#include <sched.h>
#include <spawn.h>
#include <stdbool.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysinfo.h>
#include <sys/wait.h>
#include <termios.h>
#include <threads.h>
#include <time.h>
#include <unistd.h>

#define refused(call, why)						\
	do {								\
		errno = 0;						\
		expect((call) == -1);					\
		expect_equal(errno, why);				\
	} while (0)

static void processes(void)
{
	char *args[] = { "sh", NULL };
	pid_t pid;

	refused(fork(), ENOSYS);
	refused(vfork(), ENOSYS);
	refused(execv("/bin/sh", args), ENOSYS);
	refused(execlp("sh", "sh", "-c", "true", NULL), ENOSYS);
	refused(daemon(0, 0), ENOSYS);
	refused(waitpid(-1, NULL, WNOHANG), ECHILD);
	refused(wait(NULL), ECHILD);
	expect(!popen("true", "r") && errno == ENOSYS);
	expect_equal(posix_spawn(&pid, "/bin/sh", NULL, NULL, args, NULL), ENOSYS);
	expect(getpgrp() == getpid() && getsid(0) == getpid());
	refused(getpgid(77), ESRCH);
	refused(setsid(), EPERM);
}

int found_by_name(int n);
int found_by_name(int n)
{
	return n + 1;
}

static void shared_objects(void)
{
	int (*f)(int) = dlsym(RTLD_DEFAULT, "found_by_name");
	void *self = dlopen(NULL, RTLD_NOW);
	Dl_info info;

	expect(f == found_by_name && f(1) == 2);
	expect(self && dlsym(self, "found_by_name") == found_by_name && !dlerror());
	expect(!dlsym(RTLD_DEFAULT, "no_such_function") && strstr(dlerror(), "no_such_function"));
	expect(!dlerror() && !dlopen("libm.so.6", RTLD_LAZY));
	expect(strstr(dlerror(), "linked statically"));
	expect(dlclose(self) == 0 && dlclose(&info) == -1);
	expect(dladdr((char *)found_by_name + 1, &info) && !strcmp(info.dli_sname, "found_by_name"));
	expect(info.dli_saddr == found_by_name && !dladdr(&info, &info));
}

static __attribute__((noinline)) int calls_backtrace(void **to)
{
	int n = backtrace(to, 20);

	__asm__ volatile ("" ::: "memory");
	return n;
}

static void back_traces(void)
{
	void *at[20];
	int n = calls_backtrace(at);
	char **names = backtrace_symbols(at, n);

	expect(n >= 3 && names);
	expect(strstr(names[0], "(calls_backtrace+0x"));
	expect(strstr(names[n - 1], "thread") || strstr(names[n - 2], "main"));
	free(names);
	expect(backtrace(at, 2) == 2 && backtrace(at, 0) == 0);
}

static void users(void)
{
	char memory[200];
	struct passwd *p = getpwnam("web"), entry;
	struct group group, *g;
	gid_t groups[8];
	int n = 8;

	expect(p && p->pw_uid == 500 && p->pw_gid == 501 && !strcmp(p->pw_dir, "/var/www"));
	expect(!strcmp(p->pw_gecos, "The web server"));
	expect(!getpwnam("also") && !getpwnam("invalid line") && !getpwuid(33));
	expect(getpwuid_r(65534, &entry, memory, sizeof(memory), &p) == 0 && p == &entry);
	expect(!strcmp(entry.pw_name, "nobody") && !strcmp(entry.pw_shell, "/usr/sbin/nologin"));
	expect(getpwuid_r(65534, &entry, memory, 20, &p) == ERANGE && !p);
	expect(getpwnam_r("nobody else", &entry, memory, sizeof(memory), &p) == 0 && !p);
	expect(getgrnam_r("logs", &group, memory, sizeof(memory), &g) == 0 && g->gr_gid == 7);
	expect(!strcmp(g->gr_mem[0], "web") && !strcmp(g->gr_mem[1], "other") && !g->gr_mem[2]);
	expect(getgrgid_r(7, &group, memory, 10, &g) == ERANGE);
	setpwent();
	expect((p = getpwent()) && !strcmp(p->pw_name, "root"));
	expect((p = getpwent()) && !strcmp(p->pw_name, "web") && getpwent() && !getpwent());
	expect(getgrouplist("web", 501, groups, &n) == 3 && n == 3);
	expect(groups[0] == 501 && groups[1] == 7 && groups[2] == 8);
	n = 1;
	expect(getgrouplist("web", 501, groups, &n) == -1 && n == 3);
}

/* chroot() limits names, also by "..", links and absolute names. */
static void another_root(void)
{
	int outside = open("/", O_RDONLY | O_DIRECTORY);
	char path[64];

	refused(chroot("/nothing"), ENOENT);
	refused(chroot("/etc/passwd"), ENOTDIR);
	expect(symlink("/sub/inside.txt", "/tmp/link") == 0);
	expect(chroot("/jail") == 0 && chdir("/") == 0);
	expect(access("/sub/inside.txt", R_OK) == 0 && access("../sub/inside.txt", R_OK) == 0);
	refused(access("/etc/passwd", R_OK), ENOENT);
	refused(access("/../../etc/passwd", R_OK), ENOENT);
	refused(access("sub/../../etc/passwd", R_OK), ENOENT);
	refused(access("/dev/null", R_OK), ENOENT);
	expect(getcwd(path, sizeof(path)) && !strcmp(path, "/"));
	expect(chdir("sub") == 0 && getcwd(path, sizeof(path)) && !strcmp(path, "/sub"));
	expect(realpath("inside.txt", path) && !strcmp(path, "/sub/inside.txt"));
	/* A descriptor from before still leads out, as on Linux; a link does not. */
	expect(faccessat(outside, "etc/passwd", R_OK, 0) == 0);
	expect(faccessat(outside, "tmp/link", R_OK, 0) == 0);
	expect(fchdir(outside) == 0 && access("etc/passwd", R_OK) == 0);
	expect(access("../etc/passwd", R_OK) == 0);
	expect(chroot(".") == 0 && access("/etc/passwd", R_OK) == 0);
	expect(unlink("/tmp/link") == 0);
	/* On a file system with inodes. */
	expect(mkdir("/tmp/a", 0755) == 0 && mkdir("/tmp/a/b", 0755) == 0);
	expect(chroot("/tmp/a") == 0 && chdir("/b") == 0);
	expect(access("../../../a", F_OK) == -1 && access("../../b", F_OK) == 0);
	expect(getcwd(path, sizeof(path)) && !strcmp(path, "/b"));
	expect(creat("/file", 0644) >= 0 && faccessat(outside, "tmp/a/file", F_OK, 0) == 0);
	expect(fchdir(outside) == 0 && chroot(".") == 0);
	close(outside);
}

static void identity(void)
{
	uid_t r, e, s;
	gid_t groups[8];

	expect(initgroups("web", 501) == 0 && getgroups(8, groups) == 3 && groups[1] == 7);
	refused(getgroups(2, groups), EINVAL);
	expect(setgid(501) == 0 && getgid() == 501 && getegid() == 501);
	expect(setresuid(-1, 500, -1) == 0 && getuid() == 0 && geteuid() == 500);
	refused(chroot("/"), EPERM);
	refused(setgroups(0, NULL), EPERM);
	refused(setuid(7), EPERM);
	expect(seteuid(0) == 0 && setuid(500) == 0);
	expect(getresuid(&r, &e, &s) == 0 && r == 500 && e == 500 && s == 500);
	refused(setuid(0), EPERM);
	refused(seteuid(0), EPERM);
	refused(setresuid(0, 0, 0), EPERM);
	refused(setreuid(0, -1), EPERM);
	refused(setgid(0), EPERM);
	expect(setuid(500) == 0 && !strcmp(getlogin(), "web"));
	expect(getauxval(AT_UID) == 500 && getauxval(AT_PAGESZ) == 4096);
}

static void writable(const char *folder)
{
	char path[100];
	int fd;

	snprintf(path, sizeof(path), "%s/file", folder);
	fd = open(path, O_RDWR | O_CREAT | O_EXCL, 0644);
	if (fd < 0)
		test_failure("%s: %s", path, strerror(errno));
	expect(write(fd, "x", 1) == 1 && close(fd) == 0 && unlink(path) == 0);
}

/* The image has files in /var/lib, which are still there. */
static void folders(void)
{
	writable("/tmp");
	writable("/run");
	writable("/dev/shm");
	writable("/var/log");
	writable("/var/run");
	writable("/var/tmp");
	expect(access("/var/lib/site/page", R_OK) == 0);
	refused(mkdir("/var/lib/new", 0755), EROFS);
	refused(mkdir("/etc/new", 0755), EROFS);
}

static void shared_memory(void)
{
	int fd = shm_open("/one", O_RDWR | O_CREAT | O_EXCL, 0600), other;
	char *p, *q;

	expect(fd >= 0 && ftruncate(fd, 4096) == 0);
	p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	other = shm_open("/one", O_RDWR, 0);
	q = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, other, 0);
	expect(p != MAP_FAILED && q != MAP_FAILED);
	strcpy(p, "shared");
	expect(!strcmp(q, "shared"));
	refused(shm_open("/one", O_RDWR | O_CREAT | O_EXCL, 0600), EEXIST);
	refused(shm_open("/a/b", O_RDWR | O_CREAT, 0600), EINVAL);
	expect(shm_unlink("/one") == 0 && munmap(p, 4096) == 0 && munmap(q, 4096) == 0);
	refused(shm_unlink("/one"), ENOENT);
	close(fd);
	close(other);
	fd = memfd_create("anything", MFD_CLOEXEC);
	expect(fd >= 0 && write(fd, "abc", 3) == 3 && lseek(fd, 0, SEEK_END) == 3);
	close(fd);
}

static void moved_memory(void)
{
	size_t page = 4096;
	char *p = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char *q;
	unsigned char in[8];

	memset(p, 'm', 2 * page);
	expect(mremap(p, 2 * page, 8 * page, 0) == MAP_FAILED && errno == ENOMEM);
	q = mremap(p, 2 * page, 8 * page, MREMAP_MAYMOVE);
	expect(q != MAP_FAILED && q[0] == 'm' && q[2 * page - 1] == 'm' && q[2 * page] == 0);
	expect(mincore(q, 8 * page, in) == 0 && in[7] == 1);
	expect(mremap(q, 8 * page, page, 0) == q && q[0] == 'm');
	refused(mincore(q, 8 * page, in), ENOMEM);
	expect(mremap(q, 8 * page, page, 0) == MAP_FAILED && errno == EFAULT);
	expect(munmap(q, page) == 0);
	if (q != p)
		refused(munmap(p, page), EINVAL);
}

static bool file_has(const char *name, const char *text)
{
	static char all[20000];
	int fd = open(name, O_RDONLY);
	ssize_t n = fd < 0 ? -1 : read(fd, all, sizeof(all) - 1);

	if (fd >= 0)
		close(fd);
	all[n > 0 ? n : 0] = '\0';
	return strstr(all, text);
}

/* Linux's files in /proc, and files of /etc that are not in the image. */
static void files_of_the_system(void)
{
	int fd = open("/proc/self/fd/1", O_WRONLY), count = 0;
	DIR *dir = opendir("/proc/self/fd");
	struct stat st;

	expect(file_has("/proc/meminfo", "MemTotal:  ") && file_has("/proc/self/status", "Pid:\t1\n"));
	expect(file_has("/proc/cpuinfo", "vendor_id\t: ") && file_has("/proc/cpuinfo", " sse2"));
	expect(file_has("/proc/mounts", "tmpfs /tmp tmpfs rw 0 0\n") && file_has("/proc/uptime", "."));
	expect(file_has("/proc/self/maps", " r-xp ") && file_has("/proc/self/cmdline", "main"));
	expect(file_has("/proc/loadavg", "0.00") && file_has("/proc/xenolith", "{"));
	expect(file_has("/etc/hosts", "127.0.0.1\tlocalhost") && file_has("/etc/services", "http 80/tcp"));
	expect(file_has("/etc/passwd", "The web server") && stat("/etc/resolv.conf", &st) == 0);
	expect(stat("/proc/self", &st) == 0 && S_ISDIR(st.st_mode));
	refused(open("/proc/self/fd/77", O_RDONLY), ENOENT);
	refused(open("/proc/meminfo", O_WRONLY), EACCES);
	refused(open("/etc/hosts", O_WRONLY), EACCES);
	refused(open("/etc/fstab", O_RDONLY), ENOENT);
	expect(fd > 2 && isatty(fd) && close(fd) == 0);
	while (readdir(dir))
		count++;
	expect(count >= 4 && closedir(dir) == 0);
}

static void lower_limits(void)
{
	struct rlimit limit = { 20, 30 };
	int fds[40], n = 0;

	expect(setrlimit(RLIMIT_NOFILE, &limit) == 0 && sysconf(_SC_OPEN_MAX) == 20);
	expect(getdtablesize() == 20);
	while (n < 40 && (fds[n] = open("/dev/null", O_RDONLY)) >= 0)
		n++;
	expect(errno == EMFILE && fds[n - 1] == 19);
	refused(dup2(0, 20), EBADF);
	limit.rlim_cur = 25;
	expect(setrlimit(RLIMIT_NOFILE, &limit) == 0 && (fds[n++] = dup(0)) == 20);
	/* Descriptors above the limit that are closed are not free again. */
	limit.rlim_cur = 15;
	expect(setrlimit(RLIMIT_NOFILE, &limit) == 0 && close(20) == 0);
	refused(open("/dev/null", O_RDONLY), EMFILE);
	limit.rlim_cur = 25;
	expect(setrlimit(RLIMIT_NOFILE, &limit) == 0 && dup(0) == 20);
	limit.rlim_max = 31;
	refused(setrlimit(RLIMIT_NOFILE, &limit), EPERM);
	expect(close_range(fds[0], fds[n - 1], 0) == 0 && open("/dev/null", O_RDONLY) == fds[0]);
	close(fds[0]);
	limit = (struct rlimit){ 1 << 20, 1 << 21 };
	expect(setrlimit(RLIMIT_DATA, &limit) == 0);
	expect(prlimit(0, RLIMIT_DATA, NULL, &limit) == 0 && limit.rlim_max == 1 << 21);
	expect(pathconf("/tmp", _PC_NAME_MAX) == 255 && sysconf(_SC_NGROUPS_MAX) == NGROUPS_MAX);
	refused(pathconf("/nothing", _PC_NAME_MAX), ENOENT);
	expect(getpriority(PRIO_PROCESS, 0) == 0 && nice(0) == 0);
	refused(setpriority(PRIO_PROCESS, 0, 5), EACCES);
}

static void interfaces(void)
{
	struct ifaddrs *list, *lo = NULL, *lo6 = NULL;
	int fd = socket(AF_INET, SOCK_DGRAM, 0);
	struct ifreq r = { 0 }, all[8];
	struct ifconf c = { .ifc_len = sizeof(all), .ifc_req = all };
	struct sockaddr_in *in;

	expect(getifaddrs(&list) == 0);
	for (struct ifaddrs *i = list; i; i = i->ifa_next)
		if (i->ifa_flags & IFF_LOOPBACK)
			i->ifa_addr->sa_family == AF_INET ? (lo = i) : (lo6 = i);
	expect(lo && lo6 && lo->ifa_flags & IFF_UP);
	in = (struct sockaddr_in *)lo->ifa_addr;
	expect(in->sin_addr.s_addr == htonl(INADDR_LOOPBACK));
	in = (struct sockaddr_in *)lo->ifa_netmask;
	expect(in->sin_addr.s_addr == htonl(0xff000000));
	expect(((struct sockaddr_in6 *)lo6->ifa_netmask)->sin6_addr.s6_addr[15] == 255);
	strcpy(r.ifr_name, lo->ifa_name);
	expect(ioctl(fd, SIOCGIFADDR, &r) == 0);
	in = (struct sockaddr_in *)&r.ifr_addr;
	expect(in->sin_family == AF_INET && in->sin_addr.s_addr == htonl(INADDR_LOOPBACK));
	expect(ioctl(fd, SIOCGIFINDEX, &r) == 0 && r.ifr_ifindex == (int)if_nametoindex(lo->ifa_name));
	expect(ioctl(fd, SIOCGIFFLAGS, &r) == 0 && r.ifr_flags & IFF_LOOPBACK);
	expect(ioctl(fd, SIOCGIFCONF, &c) == 0 && c.ifc_len >= (int)sizeof(r));
	strcpy(r.ifr_name, "none");
	refused(ioctl(fd, SIOCGIFADDR, &r), ENODEV);
	refused(ioctl(fd, 0x8999, &r), ENOTTY);
	freeifaddrs(list);
	close(fd);
}

static void console(void)
{
	struct winsize size;
	struct termios t;
	int null = open("/dev/null", O_RDWR), tty = open("/dev/tty", O_RDWR);

	expect(tcgetattr(0, &t) == 0 && t.c_oflag & ONLCR && !(t.c_lflag & (ICANON | ECHO)));
	cfmakeraw(&t);
	expect(tcsetattr(0, TCSAFLUSH, &t) == 0 && tcgetattr(0, &t) == 0 && t.c_oflag & ONLCR);
	refused(tcsetattr(0, 9, &t), EINVAL);
	expect(ioctl(1, TIOCGWINSZ, &size) == 0 && size.ws_row == 33 && size.ws_col == 0);
	expect(isatty(tty) && !strcmp(ttyname(tty), "/dev/console"));
	refused(tcgetattr(null, &t), ENOTTY);
	refused(ioctl(null, TIOCGWINSZ, &size), ENOTTY);
	expect(close(tty) == 0 && close(null) == 0 && isatty(1));
}

static int other_thread(void *arg)
{
	mtx_lock(arg);
	mtx_unlock(arg);
	return 17;
}

static void threads_of_c(void)
{
	mtx_t mutex;
	thrd_t thread;
	int result;

	expect(mtx_init(&mutex, mtx_plain) == thrd_success && mtx_lock(&mutex) == thrd_success);
	expect(mtx_trylock(&mutex) == thrd_busy);
	expect(thrd_create(&thread, other_thread, &mutex) == thrd_success);
	thrd_yield();
	expect(mtx_unlock(&mutex) == thrd_success);
	expect(thrd_join(thread, &result) == thrd_success && result == 17);
	mtx_destroy(&mutex);
}

static void zone(const char *name, long offset, const char *abbreviation)
{
	time_t t = 1796036400;
	struct tm tm;

	setenv("TZ", name, 1);
	tzset();
	localtime_r(&t, &tm);
	expect_equal(tm.tm_gmtoff, offset);
	expect(!strcmp(tm.tm_zone, abbreviation));
}

static void times(void)
{
	struct tm tm = { .tm_year = 126, .tm_mon = 10, .tm_mday = 30, .tm_hour = 11 };
	time_t t = timegm(&tm);
	char fields[8], *text;

	expect_equal(t, 1796036400);
	expect(tm.tm_wday == 1 && tm.tm_yday == 333 && tm.tm_gmtoff == 0);
	tm = (struct tm){ .tm_year = 100, .tm_mon = 14, .tm_mday = -1, .tm_sec = -1 };
	t = timegm(&tm);		/* 2001-02-26 23:59:59 */
	expect(t == 983231999 && tm.tm_mon == 1 && tm.tm_mday == 26 && tm.tm_sec == 59);
	for (t = -70000000000; t < 300000000000; t += 86400 * 997 + 12345) {
		gmtime_r(&t, &tm);
		expect_equal(timegm(&tm), t);
	}
	tm = (struct tm){ .tm_year = INT_MAX, .tm_mon = 12, .tm_mday = 1 };
	refused(timegm(&tm), EOVERFLOW);
	text = strcpy(fields, "a::");
	expect(!strcmp(strsep(&text, ":"), "a") && !*strsep(&text, ":") && !*strsep(&text, ":"));
	expect(!text && !strsep(&text, ":"));
	setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3", 1);
	tzset();
	t = 1796036400;
	localtime_r(&t, &tm);
	expect(timezone == -3600 && daylight && tm.tm_gmtoff == 3600 && !strcmp(tm.tm_zone, "CET"));
	expect(mktime(&tm) == 1796036400 && tm.tm_gmtoff == 3600);
	zone("Test/Zone", 7200, "IST");
	zone(":Test/Zone", 7200, "IST");
	zone("Test/None", 0, "UTC");
	zone("EST5", -18000, "EST");
}

static void others(void)
{
	struct sysinfo info;
	cpu_set_t set;
	glob_t g;

	expect(sched_getaffinity(0, sizeof(set), &set) == 0 && CPU_COUNT(&set) == 1);
	CPU_CLR(0, &set);
	refused(sched_setaffinity(0, sizeof(set), &set), EINVAL);
	expect(sysinfo(&info) == 0 && info.totalram > info.freeram && get_nprocs() == 1);
	expect(!strcmp(program_invocation_short_name, "main"));
	expect(inet_network("10.1") == 0xa01 && inet_network("1.2.3.4.5") == INADDR_NONE);
	expect(!strcmp(getprotobynumber(17)->p_name, "udp"));
	expect(glob("/jail\\/s*", 0, NULL, &g) == 0 && g.gl_pathc == 1);
	globfree(&g);
	expect(glob("/jail\\/s*", GLOB_NOESCAPE, NULL, &g) == GLOB_NOMATCH);
	expect(setenv("X", "y", 1) == 0 && clearenv() == 0 && !getenv("X"));
	expect(setenv("X", "z", 1) == 0 && !strcmp(secure_getenv("X"), "z"));
}

int main(void)
{
	processes();
	shared_objects();
	back_traces();
	users();
	folders();
	another_root();
	files_of_the_system();
	shared_memory();
	moved_memory();
	lower_limits();
	interfaces();
	console();
	threads_of_c();
	times();
	local_sockets();
	others();
	identity();
	test_success();
}

/* SPDX-License-Identifier: ISC */
/*
 * Follows a guest from dom0: its console, its end, and the time of each event.
 *
 *   lab-guest watch NAME LOG|tty [unpause [TEXT]]
 *
 *     Standard output is the guest's console; standard input is sent to it.  LOG is
 *     xenconsoled's log of the console; with `tty` the terminal is read instead, if there is
 *     no log.  The guest was created paused, and is started by one hypercall: at once with
 *     `unpause`, otherwise on SIGUSR1.  With TEXT, the guest's console ring is polled until
 *     it contains TEXT, so that the time does not include dom0's wake-up.  Standard error
 *     has one line for each event, with times in seconds of the monotonic clock:
 *
 *       domid NUMBER
 *       unpaused TIME
 *       wrote TIME              TEXT was in the ring
 *       at TIME BYTES           this number of bytes was read from the console
 *       ended TIME REASON STATUS
 *
 *     REASON is poweroff, reboot, crash, watchdog, soft-reset or gone (destroyed
 *     by another program); STATUS is the domain's data/exit-status or -.
 *
 *   lab-guest gone DOMID COMMAND...
 *
 *     Runs the command and waits until the domain does not exist any more; prints the seconds
 *     that the command ran, and the seconds in total.
 *
 *   lab-guest cpu DOMID
 *
 *     Prints the CPU time of the domain so far, in seconds with nine decimals (xl shows
 *     tenths).
 *
 *   lab-guest suspend DOMID COUNT [early]
 *
 *     Asks the guest COUNT times to suspend itself, as xl does, and resumes it in place each time.
 *     Prints, for each, the seconds from the request to the suspend.  Status 3: the guest did not
 *     suspend itself within a minute.  early: each next request comes while it is suspended.
 *
 *   lab-guest destroy DOMID ADDRESS
 *
 *     Prints HOLD_SIZE bytes of the guest's memory at this virtual address, which are in one
 *     page, in hexadecimal; then runs `xl destroy`.
 *
 * Apart from TEXT, nothing polls while the guest runs: the log is watched with inotify, and the
 * domain with xenstored's @releaseDomain.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define XC_WANT_COMPAT_MAP_FOREIGN_API
#include <xenctrl.h>
#include <xenguest.h>
#include <xenstore.h>
#include <xen/io/console.h>

#define HOLD_SIZE 72	/* size of struct hold (kernel/hold.h) */

static const char *const reasons[] = {
	"poweroff", "reboot", "suspend", "crash", "watchdog", "soft-reset",
};

static xc_interface *xc;
static struct xs_handle *xs;
static uint32_t domid;
static int console = -1;	/* the log, or the terminal */
static int terminal = -1;	/* for input */
static size_t seen;		/* bytes read from the console */

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

static void fail(const char *what)
{
	fprintf(stderr, "lab-guest: %s: %s\n", what, strerror(errno));
	exit(1);
}

/* Returns the value of a key of the domain, to be freed, or NULL. */
static char *domain_key(const char *key)
{
	char path[128];
	unsigned int length;

	snprintf(path, sizeof(path), "/local/domain/%u/%s", domid, key);
	return xs_read(xs, XBT_NULL, path, &length);
}

/* Returns the reason of the domain's end, or NULL while it runs. */
static const char *how_it_ended(void)
{
	xc_domaininfo_t info;
	unsigned int reason;

	if (xc_domain_getinfolist(xc, domid, 1, &info) != 1 || info.domain != domid ||
	    (info.flags & XEN_DOMINF_dying))
		return "gone";
	if (!(info.flags & XEN_DOMINF_shutdown))
		return NULL;
	reason = (info.flags >> XEN_DOMINF_shutdownshift) & XEN_DOMINF_shutdownmask;
	return reason < sizeof(reasons) / sizeof(*reasons) ? reasons[reason] : "crash";
}

static void watch_domain(void)
{
	if (!xs_watch(xs, "@releaseDomain", "released"))
		fail("watch @releaseDomain");
}

static void take_watch_events(void)
{
	char **event;

	while ((event = xs_check_watch(xs)))
		free(event);
}

/* Prints new console output.  Returns the number of bytes. */
static size_t pass_console(void)
{
	char data[16384];
	double t = now();
	size_t got = 0;
	ssize_t n;

	while ((n = read(console, data, sizeof(data))) > 0) {
		for (ssize_t put = 0, w; put < n; put += w)
			if ((w = write(1, data + put, n - put)) < 0)
				fail("standard output");
		got += n;
	}
	if (got)
		fprintf(stderr, "at %.6f %zu\n", t, got);
	seen += got;
	return got;
}

/* xenconsoled creates the terminal soon after xl has created the domain. */
static int open_terminal(void)
{
	const struct timespec step = {.tv_nsec = 2000000};

	for (int i = 0; i < 2500; i++) {
		char *path = domain_key("console/tty");
		int fd = path && *path ? open(path, O_RDWR | O_NOCTTY | O_NONBLOCK) : -1;

		free(path);
		if (fd >= 0)
			return fd;
		nanosleep(&step, NULL);
	}
	errno = ENOENT;
	fail("the guest's console");
	return -1;
}

/* Returns the guest's console ring, or NULL. */
static volatile struct xencons_interface *map_ring(void)
{
	char *ref = domain_key("console/ring-ref");
	void *ring = ref ? xc_map_foreign_range(xc, domid, 4096, PROT_READ,
						strtoul(ref, NULL, 10)) : NULL;

	free(ref);
	return ring;
}

/*
 * The guest's last output may still be in its ring, or in xenconsoled.  The ring has the total
 * number of bytes.  Waits for them for at most 5 s, or without a ring, for half a second.
 */
static void drain_console(void)
{
	const struct timespec step = {.tv_nsec = 2000000};
	volatile struct xencons_interface *ring = console != terminal ? map_ring() : NULL;

	for (int i = 0, quiet = 0; i < (ring ? 2500 : 250) && (ring || quiet < 15); i++) {
		quiet = pass_console() ? 0 : quiet + 1;
		if (ring && (uint32_t)seen == ring->out_prod)
			break;
		/* The indexes of a restored guest begin anew. */
		if (ring && quiet > 100 && ring->out_cons == ring->out_prod)
			break;
		nanosleep(&step, NULL);
	}
	if (ring)
		munmap((void *)ring, 4096);
}

static void report_end(const char *reason)
{
	char *status = domain_key("data/exit-status");

	fprintf(stderr, "ended %.6f %s %s\n", now(), reason,
		status && *status ? status : "-");
	free(status);
}

/* Sends standard input to the guest's console, as fast as the guest reads it. */
static void pass_typed(char *typed, size_t *n, int *in, short come, short room)
{
	ssize_t w;

	if (come) {
		ssize_t got = read(*in, typed, 4096);

		if (got <= 0)
			*in = -1;
		else
			*n = got;
	} else if (room & POLLOUT) {
		w = write(terminal, typed, *n);
		if (w > 0) {
			memmove(typed, typed + w, *n - w);
			*n -= w;
		}
	}
}

/*
 * Polls the ring until it contains the text, for a minute at most.  It runs only while dom0 is
 * idle otherwise, since dom0 must run its daemons.
 */
static void look_for(const char *text, volatile struct xencons_interface *ring)
{
	const struct sched_param none = {0};
	const size_t size = sizeof(ring->out), length = strlen(text);
	size_t matched = 0;
	uint32_t at = 0, end;
	double start = now();

	sched_setscheduler(0, SCHED_IDLE, &none);
	while (matched < length && now() < start + 60) {
		end = __atomic_load_n(&ring->out_prod, __ATOMIC_ACQUIRE);
		if (end - at > size)
			at = end - size;
		for (; at != end && matched < length; at++) {
			char c = ring->out[at % size];

			matched = c == text[matched] ? matched + 1 : c == text[0];
		}
	}
	if (matched == length)
		fprintf(stderr, "wrote %.6f\n", now());
	sched_setscheduler(0, SCHED_OTHER, &none);
	munmap((void *)ring, 4096);
}

static void unpause(void)
{
	double t = now();

	if (xc_domain_unpause(xc, domid))
		fail("unpause");
	fprintf(stderr, "unpaused %.6f\n", t);
}

static void follow(int notify, int start)
{
	char typed[4096], events[4096];
	size_t ntyped = 0;
	int in = 0;
	const char *reason;

	/* A guest that is suspended continues, or is destroyed: it was saved. */
	while (!(reason = how_it_ended()) || !strcmp(reason, "suspend")) {
		struct pollfd p[] = {
			{.fd = xs_fileno(xs), .events = POLLIN},
			{.fd = notify >= 0 ? notify : console, .events = POLLIN},
			{.fd = ntyped ? -1 : in, .events = POLLIN},
			{.fd = ntyped ? terminal : -1, .events = POLLOUT},
			{.fd = start, .events = POLLIN},
		};

		if (poll(p, 5, -1) < 0 && errno != EINTR)
			fail("poll");
		if (p[1].revents) {
			if (notify >= 0)
				(void)!read(notify, events, sizeof(events));
			pass_console();
		}
		if (p[0].revents)
			take_watch_events();
		if (p[4].revents && read(start, events, sizeof(events)) > 0)
			unpause();
		pass_typed(typed, &ntyped, &in, p[2].revents, p[3].revents);
	}
	drain_console();
	report_end(reason);
}

static int open_log(const char *path)
{
	int notify = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);

	console = open(path, O_RDONLY | O_CREAT | O_CLOEXEC, 0600);
	if (console < 0 || notify < 0 || inotify_add_watch(notify, path, IN_MODIFY) < 0)
		fail(path);
	return notify;
}

static int on_start_signal(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigprocmask(SIG_BLOCK, &set, NULL);
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

static void watch(const char *log, bool at_once, const char *text)
{
	int notify = -1, start = on_start_signal();
	volatile struct xencons_interface *ring = text ? map_ring() : NULL;

	watch_domain();
	terminal = open_terminal();
	if (strcmp(log, "tty"))
		notify = open_log(log);
	else
		console = terminal;
	fprintf(stderr, "domid %u\n", domid);
	if (at_once)
		unpause();
	if (ring)
		look_for(text, ring);
	pass_console();
	follow(notify, start);
}

static void wait_until_gone(char **command)
{
	double start = now(), ran;
	int status;
	pid_t pid;
	const char *reason;

	watch_domain();
	pid = fork();
	if (pid == 0) {
		execvp(command[0], command);
		_exit(127);
	}
	waitpid(pid, &status, 0);
	ran = now() - start;
	while (!(reason = how_it_ended()) || strcmp(reason, "gone")) {
		struct pollfd p = {.fd = xs_fileno(xs), .events = POLLIN};

		poll(&p, 1, -1);
		take_watch_events();
	}
	printf("%.6f %.6f\n", ran, now() - start);
	exit(WIFEXITED(status) ? WEXITSTATUS(status) : 1);
}

static void print_cpu_time(void)
{
	xc_domaininfo_t info;

	if (xc_domain_getinfolist(xc, domid, 1, &info) != 1 || info.domain != domid)
		fail("the domain");
	printf("%.9f\n", info.cpu_time / 1e9);
	exit(0);
}

/* Prints an empty line if the guest has no page at this address. */
static void destroy(const char *address)
{
	unsigned long at = strtoul(address, NULL, 0);
	unsigned long frame = xc_translate_foreign_address(xc, domid, 0, at);
	uint8_t *page = frame ? xc_map_foreign_range(xc, domid, 4096, PROT_READ, frame) : NULL;
	char name[16];

	for (unsigned i = 0; page && i < HOLD_SIZE; i++)
		printf("%02x", page[(at + i) % 4096]);
	printf("\n");
	fflush(stdout);
	if (page)
		munmap(page, 4096);
	snprintf(name, sizeof(name), "%u", domid);
	execlp("xl", "xl", "destroy", name, NULL);
	fail("xl");
}

static void request_suspend(void)
{
	char path[64];

	snprintf(path, sizeof(path), "/local/domain/%u/control/shutdown", domid);
	if (!xs_write(xs, XBT_NULL, path, "suspend", 7))
		fail(path);
}

/* Ends the program if the guest does not suspend itself. */
static void await_suspend(void)
{
	double start = now();
	const char *how;

	while (!(how = how_it_ended())) {
		struct pollfd p = {.fd = xs_fileno(xs), .events = POLLIN};

		if (now() > start + 60) {
			printf("no suspend\n");
			exit(3);
		}
		poll(&p, 1, 10);
		take_watch_events();
	}
	if (strcmp(how, "suspend")) {
		printf("%s\n", how);
		exit(1);
	}
	printf("%.6f\n", now() - start);
	fflush(stdout);
}

static void suspend(int count, bool early)
{
	bool requested = false;

	watch_domain();
	while (count-- > 0) {
		if (!requested)
			request_suspend();
		await_suspend();
		requested = early && count;
		if (requested)
			request_suspend();
		/* Without the latter, xenstored would not tell the end. */
		if (xc_domain_resume(xc, domid, 1) || !xs_resume_domain(xs, domid))
			fail("resume");
	}
	exit(0);
}

static bool is_named(const char *name)
{
	char *its = domain_key("name");
	bool yes = its && !strcmp(its, name);

	free(its);
	return yes;
}

static void find(const char *name)
{
	unsigned int n;
	char **domains = xs_directory(xs, XBT_NULL, "/local/domain", &n);

	while (domains && n--) {
		domid = strtoul(domains[n], NULL, 10);
		if (is_named(name))
			return;
	}
	errno = ENOENT;
	fail(name);
}

int main(int argc, char **argv)
{
	if (argc < (argc > 1 && !strcmp(argv[1], "cpu") ? 3 : 4))
		return 2;
	setvbuf(stderr, NULL, _IOLBF, 1024);
	xc = xc_interface_open(NULL, NULL, 0);
	xs = xs_open(0);
	if (!xc || !xs)
		fail("open Xen's interfaces");
	domid = strtoul(argv[2], NULL, 10);
	if (!strcmp(argv[1], "cpu"))
		print_cpu_time();
	if (!strcmp(argv[1], "gone"))
		wait_until_gone(argv + 3);
	if (!strcmp(argv[1], "suspend"))
		suspend(atoi(argv[3]), argc > 4);
	if (!strcmp(argv[1], "destroy"))
		destroy(argv[3]);
	find(argv[2]);
	watch(argv[3], argc > 4 && !strcmp(argv[4], "unpause"), argc > 5 ? argv[5] : NULL);
	return 0;
}

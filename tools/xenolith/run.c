/* SPDX-License-Identifier: ISC */
/*
 * xenolith run: creates a domain from an image, with an xl.cfg that it shows.
 *
 * In the foreground, it passes the console, and destroys the domain after the end, whatever
 * ends this program except SIGKILL.  In the background, guests.c keeps how the guest ended.
 */
#define XC_WANT_COMPAT_MAP_FOREIGN_API
#include "run.h"
#include "domain.h"
#include "guests.h"
#include "warm.h"
#include "xenolith.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/signalfd.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>
#include <xen/io/console.h>

#define DETACH 0x1d			/* Ctrl-], as in xl console */
#define TTY_PATIENCE 20000		/* ms until xenconsoled has made the terminal */
#define DRAIN_PATIENCE 5000		/* ms for the last bytes of the console */
#define NO_RING_PATIENCE 300		/* ms for them if their number is not known */

static struct run_options o;
static uint8_t uuid[UUID_SIZE];
static int domid = -1;			/* the domain that this program must destroy */
static pid_t owner;			/* this program, not a child */
static struct termios saved_terminal;
static int terminal_is_raw;

static void restore_terminal(void)
{
	if (terminal_is_raw)
		tcsetattr(0, TCSANOW, &saved_terminal);
	terminal_is_raw = 0;
}

/* ---- creation */

static void unlock_console(void)
{
	char path[64];

	snprintf(path, sizeof(path), "/var/lock/xenconsole.%d", domid);
	unlink(path);
}

/* At the exit, for whatever reason. */
static void leave(void)
{
	int ours = domid;

	restore_terminal();
	if (ours < 0 || getpid() != owner)
		return;
	unlock_console();
	domid = -1;
	domain_destroy(ours);
}

/* Parses the UUID of a line of --config.  Returns 0 if no line has one. */
static int take_uuid(void)
{
	char text[40];
	int n = 0;

	for (int i = 0; i < o.nlines; i++) {
		if (sscanf(o.lines[i], " uuid = %*[\"']%37[0-9a-fA-F-]", text) != 1)
			continue;
		for (char *c = text; *c; c += *c == '-' ? 1 : 2)
			if (*c != '-' && (n == UUID_SIZE || sscanf(c, "%2hhx", &uuid[n++]) != 1 || !c[1]))
				die(USAGE, "--config %s: not a UUID", o.lines[i]);
		if (n != UUID_SIZE)
			die(USAGE, "--config %s: not a UUID", o.lines[i]);
		return 1;
	}
	return 0;
}

static void put_uuid(char text[2 * UUID_SIZE + 5])
{
	static const int groups[] = { 4, 2, 2, 2, 6 };
	const uint8_t *p = uuid;

	for (int g = 0; g < 5; g++) {
		for (int i = 0; i < groups[g]; i++)
			text += sprintf(text, "%02x", *p++);
		*text++ = '-';
	}
	text[-1] = '\0';
}

/* The UUID of --config, or a random one. */
static int make_uuid(char text[2 * UUID_SIZE + 5])
{
	int given = take_uuid();

	if (!given) {
		if (getrandom(uuid, sizeof(uuid), 0) != sizeof(uuid))
			die(FAILED, "getrandom: %s", strerror(errno));
		uuid[6] = (uuid[6] & 0xf) | 0x40;
		uuid[8] = (uuid[8] & 0x3f) | 0x80;
	}
	put_uuid(text);
	return given;
}

/*
 * The name is that of the application, with a number if a guest has it already.  A name
 * that was asked for is not changed.
 */
static void choose_name(void)
{
	static char name[80];
	const char *base = o.name;

	if (o.named) {
		domain_check_name(o.name);
		return;
	}
	for (int i = 2; domain_of_name(o.name) >= 0; i++) {
		snprintf(name, sizeof(name), "%s-%d", base, i);
		o.name = name;
	}
}

/*
 * One domain is created at a time: xl's transactions in xenstore start again when another
 * creation changes the same nodes, and with many at once some never end.
 */
static int lock_creation(void)
{
	int fd = open("/run/xenolith.lock", O_RDWR | O_CREAT | O_CLOEXEC, 0644);

	if (fd >= 0)
		flock(fd, LOCK_EX);
	return fd;
}

/*
 * Creates the domain, paused.  Signals wait meanwhile, so it is never lost half-made.  The name
 * of the file has the UUID, so lab-remove of the lab finds it and its xl.
 */
static void create(const char *text, const char *uuid_text, int given)
{
	char file[64], *words[] = { "xl", "create", "-q", "-e", "-p", file, NULL };
	int fd, status;
	FILE *f;

	snprintf(file, sizeof(file), "/tmp/xenolith-%s", uuid_text);
	fd = open(file, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	f = fd < 0 ? NULL : fdopen(fd, "w");
	if (!f || fputs(text, f) < 0 ||
	    (!given && fprintf(f, "uuid = \"%s\"\n", uuid_text) < 0) || fclose(f))
		die(FAILED, "%s: %s", file, strerror(errno));
	status = run_xl(words);
	unlink(file);
	domid = domain_of_uuid(uuid);
	if (status || domid < 0)
		die(status == 127 ? NO_PERMISSION : FAILED, "xl could not create a domain from %s",
		    o.image);
}

void run_create(const struct run_options *options)
{
	char uuid_text[2 * UUID_SIZE + 5];
	struct run_options before = o;
	int lock = lock_creation();

	o = *options;
	make_uuid(uuid_text);
	create(run_config(&o, "preserve"), uuid_text, 1);
	domid = -1;			/* it stays */
	o = before;
	close(lock);
}

/* For `xenolith list`. */
static void describe(void)
{
	char now[24];

	snprintf(now, sizeof(now), "%lld", (long long)time(NULL));
	domain_note(domid, "image", o.image);
	domain_note(domid, "started", now);
}

static void start(void)
{
	if (xc_domain_unpause(xen(), domid))
		die(FAILED, "cannot start domain %d: %s", domid, strerror(errno));
	pool_taken();
}

/* ---- the console */

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000ll + t.tv_nsec / 1000000;
}

/* Sleeps, but ends the program if there is a signal. */
static void pause_ms(int signals, int ms)
{
	struct pollfd p = { .fd = signals, .events = POLLIN };
	struct signalfd_siginfo info;

	if (poll(&p, 1, ms) > 0 && read(signals, &info, sizeof(info)) == sizeof(info))
		exit(128 + info.ssi_signo);
}

static int open_console(int signals)
{
	int64_t end = now_ms() + TTY_PATIENCE;
	int e = 0;

	while (now_ms() < end) {
		char *path = store_read("/local/domain/%d/console/tty", domid);
		int fd = path && *path ? open(path, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC) : -1;

		e = path && *path ? errno : 0;
		free(path);
		if (fd >= 0)
			return fd;
		pause_ms(signals, 2);
	}
	fprintf(stderr, e ? "xenolith: cannot open the console of domain %d: %s\n" :
		"xenolith: domain %d has no console: is xenconsoled running?\n", domid, strerror(e));
	return -1;
}

/* The lock of xenconsole(8), so that only one program reads the console. */
static void lock_console(void)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/var/lock/xenconsole.%d", domid);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
	if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB))
		close(fd);
}

static void make_terminal_raw(void)
{
	struct termios raw;

	if (tcgetattr(0, &saved_terminal))
		return;
	raw = saved_terminal;
	cfmakeraw(&raw);
	terminal_is_raw = !tcsetattr(0, TCSANOW, &raw);
}

/* Shows what is there.  Returns the number of bytes, or -1 when the console has ended. */
static ssize_t show_console(int console)
{
	char data[16384];
	ssize_t n = read(console, data, sizeof(data)), put = 0;

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	while (put < n) {
		ssize_t w = write(1, data + put, n - put);

		if (w < 0)
			return -1;
		put += w;
	}
	return n > 0 ? n : -1;
}

/* Shows the last bytes: the console's ring says how many there are in total. */
static void drain_console(int console, uint32_t seen, int signals)
{
	char *ref = store_read("/local/domain/%d/console/ring-ref", domid);
	struct xencons_interface *ring = !ref ? NULL :
		xc_map_foreign_range(xen(), domid, 4096, PROT_READ, strtoul(ref, NULL, 10));
	int64_t end;

	free(ref);
	end = now_ms() + (ring ? DRAIN_PATIENCE : NO_RING_PATIENCE);
	while (now_ms() < end) {
		ssize_t n = show_console(console);

		if (n < 0 || (seen += n, ring && seen == ring->out_prod))
			break;
		if (n == 0)
			pause_ms(signals, 5);
	}
	if (ring)
		munmap(ring, 4096);
}

/* Passes the user's keys.  Returns 0 at Ctrl-], or when there is no more input. */
static int pass_input(int console, char *typed, size_t *have)
{
	ssize_t n;

	if (!*have) {
		n = read(0, typed, 4096);
		if (n <= 0 || (terminal_is_raw && *typed == DETACH))
			return 0;
		*have = n;
	}
	n = write(console, typed, *have);
	if (n > 0) {
		memmove(typed, typed + n, *have - n);
		*have -= n;
	}
	return 1;
}

static int block_signals(void)
{
	static const int signals[] = { SIGINT, SIGTERM, SIGHUP };
	sigset_t set;

	sigemptyset(&set);
	for (int i = 0; i < 3; i++)
		sigaddset(&set, signals[i]);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

/* Passes the console until the guest ends, and returns the reason of its end. */
static const char *attend(int signals)
{
	int console, in = 0;
	int64_t deadline = o.timeout ? now_ms() + (int64_t)(atof(o.timeout) * 1000) : INT64_MAX, left;
	char typed[4096];
	size_t have = 0;
	uint32_t seen = 0;
	const char *reason;
	ssize_t n;

	console = open_console(signals);
	lock_console();
	make_terminal_raw();
	start();			/* the guest boots during the rest */
	describe();
	domain_watch();
	while (!(reason = domain_end(domid))) {
		struct pollfd p[] = {
			{ .fd = console, .events = POLLIN | (have ? POLLOUT : 0) },
			{ .fd = have ? -1 : in, .events = POLLIN },
			{ .fd = signals, .events = POLLIN },
		};

		left = deadline - now_ms();
		if (left <= 0)
			return "timeout";
		domain_poll(p, 3, o.timeout ? (int)(left < 1000 ? left : 1000) : -1);
		if (p[2].revents)
			pause_ms(signals, 0);
		if (p[0].revents & (POLLIN | POLLHUP | POLLERR)) {
			n = show_console(console);
			if (n < 0)
				console = -1;
			seen += n > 0 ? n : 0;
		}
		if ((p[1].revents || (have && p[0].revents & POLLOUT)) &&
		    !pass_input(console, typed, &have)) {
			in = -1;
			restore_terminal();
		}
	}
	if (console >= 0 && strcmp(reason, "gone"))
		drain_console(console, seen, signals);
	return reason;
}

/* ---- the command */

static void run_in_background(const char *uuid_text)
{
	struct guest g = { .started = time(NULL) };
	char path[384];
	int kept;

	guest_remove(o.name);
	snprintf(g.name, sizeof(g.name), "%s", o.name);
	snprintf(g.type, sizeof(g.type), "%s", o.type);
	snprintf(g.image, sizeof(g.image), "%s", o.image);
	for (int i = 0, at = 0; uuid_text[i]; i++)
		if (uuid_text[i] != '-')
			g.uuid[at++] = uuid_text[i];
	snprintf(g.log, sizeof(g.log), "%s", o.log ? o.log : "");
	g.log_start = guest_console_log(o.log ? o.log : o.name, path, sizeof(path));
	if (g.log_start < 0)
		g.log_start = 0;
	guest_keep(&g, domid);
	pool_taken();
	kept = domid;
	domid = -1;			/* the keeper has it now */
	printf("domain %d is %s; xenolith info %s shows it, xenolith log %s also after its end\n",
	       kept, o.name, o.name, o.name);
}

/* A new domain, or a copy of a snapshot. */
static void make_domain(void)
{
	char *text, uuid_text[2 * UUID_SIZE + 5];
	int lock, given;

	if (o.from)
		snapshot_describe(&o);
	lock = lock_creation();
	choose_name();
	given = make_uuid(uuid_text);
	if (o.from) {
		domid = snapshot_copy(&o, uuid, uuid_text);
	} else {
		text = run_config(&o, "preserve");
		if (!o.quiet)
			fputs(text, stderr);
		create(text, uuid_text, given);
	}
	close(lock);
}

static void read_uuid(char text[2 * UUID_SIZE + 5])
{
	xc_domaininfo_t info;

	if (xc_domain_getinfolist(xen(), domid, 1, &info) != 1)
		die(FAILED, "domain %d is gone", domid);
	memcpy(uuid, info.handle, sizeof(uuid));
	put_uuid(text);
}

void run(char **argv)
{
	char uuid_text[2 * UUID_SIZE + 5];
	const char *reason;
	int status, signals;

	run_parse(&o, argv);
	if (o.show) {
		fputs(run_config(&o, "destroy"), stdout);
		return;
	}
	signals = block_signals();
	owner = getpid();
	atexit(leave);
	if (o.pool)
		domid = pool_take(&o);
	else
		make_domain();
	domain_seed(domid);
	if (o.background) {
		describe();
		read_uuid(uuid_text);
		run_in_background(uuid_text);
		return;
	}
	reason = attend(signals);
	restore_terminal();
	status = domain_status(domid, reason);
	fprintf(stderr, "xenolith: %s ended by %s, status %d\n", o.name, reason, status);
	if (!strcmp(reason, "gone")) {
		unlock_console();
		domid = -1;
	}
	exit(status);
}

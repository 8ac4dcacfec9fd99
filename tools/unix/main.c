/* SPDX-License-Identifier: ISC */
/*
 * xenolith-unix: runs an image as a process (docs/unix.md).
 *
 *	xenolith-unix [options] IMAGE [--] [ARG...]
 */
#include "tender.h"
#include "monitor/monitor.h"
#include "../xenolith/quote.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/rseq.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <xen/sched.h>

#define MEMORY_MIN 4
#define STATUS_TIMEOUT 124
#define STATUS_DESTROYED 130
#define WATCHDOG_REASON 4		/* SHUTDOWN_watchdog */

extern bool monitor_fsgsbase;

struct domain domain;
const char *guest_name;

static struct {
	const char *image, *cmdline, *control;
	uint64_t memory;
	double timeout;
	int lock;
	bool no_input, raw, perf, ended_line, quiet;
} o = { .memory = 32, .cmdline = "", .lock = -1 };

static const char *reason;		/* of the end, if the tender decided it */
static bool child_ended;

/* ---- the command line */

static const char usage[] =
	"usage: xenolith-unix [options] IMAGE [--] [ARG...]\n"
	"  --memory MB              memory of the guest (default: 32)\n"
	"  --cmdline WORDS          kernel options\n"
	"  --disk FILE[:/PATH][,ro][,dev=NAME]\n"
	"                           a disk, which the guest mounts at PATH; may be repeated\n"
	"  --net yes|no|tap=NAME|LOCALPORT:GUESTPORT[,...]\n"
	"                           a network by libslirp, also with forwarded ports, none (default), or a\n"
	"                           TAP device\n"
	"  -p, --port [ADDRESS:]LOCALPORT:GUESTPORT\n"
	"                           forward a port of this machine, by libslirp; may be repeated\n"
	"  --name NAME              name of the guest (default: that of the image)\n"
	"  --control FILE           a Unix socket for xenolith ps and other commands\n"
	"  --lock NUMBER            a descriptor that is closed when the socket exists\n"
	"  --timeout SECONDS        end the guest after this time\n"
	"  --no-console-input       do not read standard input\n"
	"  --raw                    lines of the console end with CR and LF, as the guest writes them\n"
	"  --perf                   write /tmp/perf-PID.map, for perf\n"
	"  --end                    say at the end how the guest ended\n"
	"  --quiet                  with --end, only if it did not power off\n"
	"  -h, --help               show this\n";

static double number(const char *text, const char *what, double min, double max)
{
	char *end;
	double value = strtod(text, &end);

	if (!*text || *end || !(value >= min && value <= max))
		die(2, "%s %s: not a number from %g to %g", what, text, min, max);
	return value;
}

static uint64_t megabytes(const char *text)
{
	char *end;
	double unit = 1, value = strtod(text, &end);

	if (*end == 'G' || *end == 'g')
		unit = 1024;
	if (*end && strchr("GgMm", *end))
		end++;
	if (*text == 0 || *end || !(value * unit >= MEMORY_MIN && value * unit <= 1 << 20))
		die(2, "--memory %s: not a size in MB, at least %d", text, MEMORY_MIN);
	return value * unit;
}

static void parse(int argc, char **argv)
{
	static const struct option options[] = {
		{ "memory", 1, NULL, 'm' }, { "cmdline", 1, NULL, 'c' }, { "disk", 1, NULL, 'd' },
		{ "net", 1, NULL, 'n' }, { "port", 1, NULL, 'p' }, { "name", 1, NULL, 'N' },
		{ "control", 1, NULL, 'C' }, { "timeout", 1, NULL, 't' },
		{ "no-console-input", 0, NULL, 'i' }, { "perf", 0, NULL, 'P' },
		{ "end", 0, NULL, 'e' }, { "lock", 1, NULL, 'L' }, { "raw", 0, NULL, 'r' },
		{ "quiet", 0, NULL, 'q' }, { "help", 0, NULL, 'h' }, { NULL, 0, NULL, 0 },
	};
	int c;

	while ((c = getopt_long(argc, argv, "+p:h", options, NULL)) != -1)
		switch (c) {
		case 'm': o.memory = megabytes(optarg); break;
		case 'c': o.cmdline = optarg; break;
		case 'd': disk_add(optarg); break;
		case 'n': net_add(optarg); break;
		case 'p': net_forward(optarg); break;
		case 'N': guest_name = optarg; break;
		case 'C': o.control = optarg; break;
		case 't': o.timeout = number(optarg, "--timeout", 0.001, 1e7); break;
		case 'L': o.lock = number(optarg, "--lock", 3, 1e6); break;
		case 'i': o.no_input = true; break;
		case 'P': o.perf = true; break;
		case 'r': o.raw = true; break;
		case 'q': o.quiet = true; break;
		case 'e': o.ended_line = true; break;
		case 'h': fputs(usage, stdout); exit(0);
		default: fputs(usage, stderr); exit(2);
		}
	if (optind == argc)
		die(2, "missing argument IMAGE; xenolith-unix --help lists the options");
	o.image = argv[optind++];
	if (optind < argc && !strcmp(argv[optind], "--"))
		optind++;
	if (!guest_name) {
		const char *slash = strrchr(o.image, '/');

		guest_name = slash ? slash + 1 : o.image;
	}
}

static char *command_line(char **args)
{
	char *line;
	size_t len;
	FILE *f = open_memstream(&line, &len);

	fputs(o.cmdline, f);
	disk_words(f);
	if (*args)
		fputs(ftell(f) ? " --" : "--", f);
	for (; *args; args++) {
		fputc(' ', f);
		quote(f, *args);
	}
	fclose(f);
	return line;
}

/* ---- the guest's process */

/* What the child has of the tender's address space: all but the program itself and its stack. */
static void list_foreign(void)
{
	FILE *f = fopen("/proc/self/maps", "re");
	char line[4352], program[4096] = "", name[4096];
	unsigned long from, to;
	uint64_t self = (uint64_t)monitor_start;
	uint64_t keep[] = { (uint64_t)domain.ram, (uint64_t)domain.link };

	if (!f)
		die(1, "/proc/self/maps: %s", strerror(errno));
	for (int pass = 0; pass < 2; pass++, rewind(f))
		while (fgets(line, sizeof(line), f)) {
			bool kept = false;

			*name = 0;
			if (sscanf(line, "%lx-%lx %*s %*s %*s %*s %4095[^\n]", &from, &to, name) < 2)
				continue;
			if (!pass) {
				if (self >= from && self < to)
					strcpy(program, name);
				continue;
			}
			for (size_t i = 0; i < sizeof(keep) / sizeof(*keep); i++)
				kept |= keep[i] >= from && keep[i] < to;
			if (kept || !strcmp(name, "[stack]") || !strncmp(name, "[vsys", 5))
				continue;
			if (*program && !strcmp(name, program)) {
				if (!domain.self_start)
					domain.self_start = (char *)from;
				domain.self_end = (char *)to;
				continue;
			}
			/* The program's own .bss lies behind it, without a name. */
			if (!*name && domain.self_end == (char *)from) {
				domain.self_end = (char *)to;
				continue;
			}
			if (domain.nforeign == sizeof(domain.foreign) / sizeof(domain.foreign[0]))
				die(1, "too many mappings: the guest's process cannot give them up");
			domain.foreign[domain.nforeign].start = from;
			domain.foreign[domain.nforeign++].end = to;
		}
	fclose(f);
}

/* glibc's restartable sequences are in memory that the guest's process gives up: rseq(2). */
static void leave_rseq(void)
{
	char *area = (char *)__builtin_thread_pointer() + __rseq_offset;

	if (__rseq_size && syscall(SYS_rseq, area, 32, 1, RSEQ_SIG))
		syscall(SYS_rseq, area, __rseq_size, 1, RSEQ_SIG);
}

/* The guest may read the stack of its process, but not what the environment has. */
static void forget_environment(void)
{
	for (char **e = environ; *e; e++)
		memset(*e, 0, strlen(*e));
}

static void start_guest(void)
{
	pid_t tender = getpid();
	sigset_t set;
	int null;

	/* The first events wait until the monitor has its handlers. */
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigaddset(&set, SIGALRM);
	sigprocmask(SIG_BLOCK, &set, NULL);
	list_foreign();
	guest_pid = fork();
	if (guest_pid < 0) {
		guest_pid = 0;
		die(1, "fork: %s", strerror(errno));
	}
	if (guest_pid)
		return;
	/* Ctrl-C is for the tender; a tender that is killed takes its guest with it. */
	setpgid(0, 0);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != tender)
		_exit(1);
	prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY);
	prctl(PR_SET_NAME, guest_name);
	null = open("/dev/null", O_RDWR);
	dup2(null, 0);
	dup2(null, 1);
	if (dup2(domain.memory, 3) < 0 || dup2(domain.wakeup, 4) < 0)
		_exit(1);
	domain.memory = 3;
	domain.wakeup = 4;
	close_range(5, ~0u, 0);
	forget_environment();
	signal(SIGPIPE, SIG_DFL);
	leave_rseq();
	monitor_start(&domain);
}

/* ---- signals */

static void ask_to_end(void)
{
	static bool asked;

	if (asked) {
		reason = "destroyed";
		kill_guest();
		return;
	}
	asked = true;
	store_set(HOME "/control/shutdown", "poweroff");
}

static void reap(void)
{
	if (waitpid(guest_pid, &(int){ 0 }, WNOHANG) == 0)
		return;
	child_ended = true;
	guest_pid = 0; /* the number may become another process's */
}

/* Ctrl-Z: its time goes on, but that of the watchdogs does not. */
static void stop_all(void)
{
	uint64_t since = now_ns();

	terminal_restore();
	if (guest_pid)
		kill(guest_pid, SIGSTOP);
	raise(SIGSTOP);
	for (int i = 0; i < 2; i++) {
		uint64_t *dog = &domain.link->watchdog[i];
		uint64_t at = __atomic_load_n(dog, __ATOMIC_SEQ_CST);

		if (at)
			__atomic_compare_exchange_n(dog, &at, at + now_ns() - since, false,
						    __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
	}
	terminal_take();
	if (guest_pid)
		kill(guest_pid, SIGCONT);
}

static void on_signal(struct source *s)
{
	struct signalfd_siginfo i;

	if (read(s->fd, &i, sizeof(i)) != sizeof(i))
		return;
	switch (i.ssi_signo) {
	case SIGCHLD:
		reap();
		break;
	case SIGQUIT:
		__atomic_store_n(&domain.link->nmi, 1, __ATOMIC_SEQ_CST);
		interrupt_guest();
		break;
	case SIGTSTP:
		stop_all();
		break;
	case SIGCONT:
		terminal_take();
		break;
	default:
		ask_to_end();
	}
}

static void signals_init(void)
{
	static const int all[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGCHLD, SIGTSTP, SIGCONT };
	static struct source s;
	struct sigaction hangup;
	sigset_t set;

	sigemptyset(&set);
	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++)
		sigaddset(&set, all[i]);
	/* nohup: a signal that is blocked would come, although it is ignored. */
	if (!sigaction(SIGHUP, NULL, &hangup) && hangup.sa_handler == SIG_IGN)
		sigdelset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGTTOU, SIG_IGN);
	s = (struct source){
		.fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK), .events = POLLIN,
		.ready = on_signal,
	};
	source_add(&s);
}

/* ---- times */

static void time_over(struct source *s)
{
	(void)s;
	reason = "timeout";
	kill_guest();
}

/* The watchdogs of the guest, which it sets and moves by itself. */
static void bark(struct source *s)
{
	(void)s;
	for (int i = 0; i < 2; i++) {
		uint64_t at = __atomic_load_n(&domain.link->watchdog[i], __ATOMIC_SEQ_CST);

		if (at && at <= now_ns()) {
			reason = "watchdog";
			kill_guest();
		}
	}
}

static void watchdogs(struct source *s)
{
	s->at = 0;
	for (int i = 0; i < 2; i++) {
		uint64_t at = __atomic_load_n(&domain.link->watchdog[i], __ATOMIC_SEQ_CST);

		if (at && (!s->at || at < s->at))
			s->at = at;
	}
}

static void times_init(void)
{
	static struct source limit = { .fd = -1, .due = time_over };
	static struct source dogs = { .fd = -1, .due = bark, .prepare = watchdogs };

	if (o.timeout > 0) {
		limit.at = now_ns() + o.timeout * 1e9;
		source_add(&limit);
	}
	source_add(&dogs);
}

/* ---- the end */

static void woken(struct source *s)
{
	uint64_t n;

	if (read(s->fd, &n, sizeof(n)) < 0)
		return;
}

static const char *end_reason(void)
{
	static const char *const names[] = { "poweroff", "reboot", "suspend", "crash", "watchdog" };
	uint32_t r = domain.link->reason;

	if (reason)
		return reason;
	return r < sizeof(names) / sizeof(*names) ? names[r] : "killed";
}

/* As `xenolith run` has them (domain_status()). */
static int end_status(const char *why)
{
	static const struct { const char *name; int status; } fallback[] = {
		{ "poweroff", 0 }, { "timeout", STATUS_TIMEOUT }, { "reboot", 251 }, { "suspend", 252 },
		{ "watchdog", 254 }, { "crash", 255 }, { "killed", 253 },
		{ "destroyed", STATUS_DESTROYED },
	};
	long status = store_number(HOME "/data", "exit-status", -1);

	if (status >= 0 && status <= 255 && strcmp(why, "killed") && strcmp(why, "destroyed") &&
	    strcmp(why, "timeout") && strcmp(why, "watchdog"))
		return status;
	for (size_t i = 0; i < sizeof(fallback) / sizeof(*fallback); i++)
		if (!strcmp(why, fallback[i].name))
			return fallback[i].status;
	return 1;
}

static void attend(void)
{
	static struct source wakeup;

	wakeup = (struct source){ .fd = domain.wakeup, .events = POLLIN, .ready = woken };
	source_add(&wakeup);
	while (!child_ended)
		loop_once();
	dispatch_events();
	console_drain();
}

int main(int argc, char **argv)
{
	const char *why;
	char *line;

	standard_files();
	signal(SIGXFSZ, SIG_IGN);		/* a write fails instead */
	signal(SIGCHLD, SIG_DFL);		/* if it is ignored, nobody says that the guest has ended */
	domain.mono = now_ns();
	domain.tsc = __builtin_ia32_rdtsc();
	monitor_fsgsbase = getauxval(AT_HWCAP2) & 2;
	parse(argc, argv);
	line = command_line(argv + optind);
	load_image(&domain, o.image, o.memory << 20, line);
	domain.text_shared = strstr(line, "gdb=") != NULL;
	domain.wakeup = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	signals_init();
	store_init();
	ports_init();
	console_init(!o.no_input, o.raw);
	disks_start();
	net_start();
	times_init();
	if (o.control)
		control_start(o.control);
	if (o.lock >= 0)
		close(o.lock);
	terminal_wanted = !o.no_input;
	terminal_take();
	atexit(terminal_restore);
	start_guest();
	if (o.perf)
		write_perf_map(o.image, guest_pid);
	attend();
	terminal_restore();
	control_end();
	why = end_reason();
	if (o.ended_line && !(o.quiet && !strcmp(why, "poweroff")))
		tell("%s ended by %s, status %d", guest_name, why, end_status(why));
	return end_status(why);
}

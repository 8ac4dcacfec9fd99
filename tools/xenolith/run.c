/* SPDX-License-Identifier: ISC */
/*
 * xenolith run: creates a domain from an image, with an xl.cfg that it shows.
 *
 * In the foreground, the domain is preserved until its exit status has been read, and is
 * then destroyed.  With --background, and in the xl.cfg of --show, xl destroys the domain
 * when the guest ends.
 */
#include "xenolith.h"

#include <ctype.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <xenstore.h>

/*
 * The longest command lines that the guest accepts.  PV: Xen cuts the line to
 * MAX_GUEST_CMDLINE bytes including the NUL (xen/xen.h), so a line of 1,023 bytes may be
 * incomplete and is refused.  Others: COMMAND_LINE_MAX of kernel/arch.h.
 */
#define MAX_PV 1022
#define MAX_OTHER 8191

#define MOST 16

static const char usage[] = "run [OPTION...] IMAGE [-- ARG...]\n"
	"  --type pv|pvh|hvm    guest type (default: pv); hvm: IMAGE is a disk made by\n"
	"                       `xenolith ec2 image`\n"
	"  --memory MB          memory (default: 32)\n"
	"  --name NAME          name of the domain (default: the image's)\n"
	"  --disk FILE[,ro]     disk, may be repeated: xvda, xvdb, ...; hvm: xvde, ...\n"
	"  --net[=BRIDGE]       network interface\n"
	"  --cmdline WORDS      kernel options, before the arguments\n"
	"  --config LINE        additional line for the xl.cfg, may be repeated\n"
	"  --show               only show the xl.cfg\n"
	"  --background         do not wait for the guest's end";

static struct {
	const char *image, *name, *memory, *cmdline, *bridge, *type;
	const char *disks[MOST], *lines[MOST];
	int ndisks, nlines, net, show, background;
	char **args;
} o = { .memory = "32", .cmdline = "", .type = "pv" };

static int hvm(void)
{
	return !strcmp(o.type, "hvm");
}

/* ---- the command line */

/*
 * Returns the value of --NAME VALUE or --NAME=VALUE, or NULL if this is another option.
 */
static const char *value(const char *name, char **argv, int *i)
{
	size_t n = strlen(name);

	if (strncmp(argv[*i], name, n))
		return NULL;
	if (argv[*i][n] == '=')
		return argv[*i] + n + 1;
	if (argv[*i][n])
		return NULL;
	if (!argv[*i + 1])
		die(USAGE, "missing value of %s", name);
	return argv[++*i];
}

static void add(const char **list, int *n, const char *what)
{
	if (*n == MOST)
		die(USAGE, "too many options of this kind: %s", what);
	list[(*n)++] = what;
}

static void parse(char **argv)
{
	const char *v;
	int i;

	for (i = 0; argv[i]; i++) {
		if (!strcmp(argv[i], "--help") || !strcmp(argv[i], "-h")) {
			printf("usage: xenolith %s\n", usage);
			exit(0);
		}
		if (!strcmp(argv[i], "--show"))
			o.show = 1;
		else if (!strcmp(argv[i], "--background"))
			o.background = 1;
		else if (!strcmp(argv[i], "--net"))
			o.net = 1;
		else if (!strncmp(argv[i], "--net=", 6))
			o.net = 1, o.bridge = argv[i] + 6;
		else if ((v = value("--memory", argv, &i)))
			o.memory = v;
		else if ((v = value("--type", argv, &i)))
			o.type = v;
		else if ((v = value("--name", argv, &i)))
			o.name = v;
		else if ((v = value("--cmdline", argv, &i)))
			o.cmdline = v;
		else if ((v = value("--disk", argv, &i)))
			add(o.disks, &o.ndisks, v);
		else if ((v = value("--config", argv, &i)))
			add(o.lines, &o.nlines, v);
		else if (argv[i][0] == '-')
			die(USAGE, "unknown option %s\nusage: xenolith %s", argv[i], usage);
		else
			break;
	}
	o.image = argv[i];
	if (!o.image)
		die(USAGE, "missing argument IMAGE\nusage: xenolith %s", usage);
	o.args = argv + i + 1;
	if (*o.args && !strcmp(*o.args, "--"))
		o.args++;
}

static void check(void)
{
	static char name[64];
	size_t n = strspn(o.memory, "0123456789");
	FILE *f = fopen(o.image, "rb");
	char head[512] = "";
	struct stat st;

	if (!f || fread(head, 1, sizeof(head), f) < 4)
		die(FAILED, "image %s: %s", o.image, f ? "it is empty" : strerror(errno));
	fclose(f);
	if (strcmp(o.type, "pv") && strcmp(o.type, "pvh") && !hvm())
		die(USAGE, "--type %s: pv, pvh or hvm", o.type);
	if (hvm() && (*o.cmdline || *o.args))
		die(USAGE, "%s: a disk contains its kernel options and arguments", o.image);
	if (hvm() && memcmp(head + 510, "\125\252", 2))
		die(FAILED, "image %s is not a bootable disk; make one with xenolith ec2 image",
		    o.image);
	if (!hvm() && memcmp(head, "\177ELF", 4) && memcmp(head, "\037\213", 2))
		die(FAILED, "image %s is not a kernel: neither ELF nor compressed", o.image);
	if (!n || o.memory[n] || n > 7 || atoi(o.memory) < 4)
		die(USAGE, "--memory %s: not a number of MB of at least 4", o.memory);
	if (!o.name) {
		const char *base = strrchr(o.image, '/');

		snprintf(name, sizeof(name), "%s", base ? base + 1 : o.image);
		o.name = name;
	}
	for (const char *p = o.name; *p; p++)
		if (!isalnum((unsigned char)*p) && !strchr("_.-", *p))
			die(USAGE, "--name %s: a name has letters, digits, _ . -", o.name);
	for (int i = 0; i < o.ndisks; i++) {
		char *file = strndup(o.disks[i], strcspn(o.disks[i], ","));

		if (stat(file, &st))
			die(FAILED, "disk %s: %s", file, strerror(errno));
		free(file);
	}
}

/* ---- the xl.cfg */

/* Writes a string of xl.cfg(5), whose parser knows these escapes. */
static void put_string(FILE *f, const char *s)
{
	fputc('"', f);
	for (; *s; s++) {
		if (*s == '"' || *s == '\\')
			fputc('\\', f);
		if (*s == '\n')
			fputs("\\n", f);
		else
			fputc(*s, f);
	}
	fputc('"', f);
}

/* Quotes a word as for sh, since the guest splits its command line in this way. */
static void quote(FILE *f, const char *word)
{
	size_t plain = strspn(word, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "0123456789@%+=:,./_-");

	if (*word && !word[plain]) {
		fputs(word, f);
		return;
	}
	fputc('\'', f);
	for (; *word; word++)
		fputs(*word == '\'' ? "'\\''" : (char[]){ *word, 0 }, f);
	fputc('\'', f);
}

static char *command_line(void)
{
	char *line;
	size_t size, max = strcmp(o.type, "pv") ? MAX_OTHER : MAX_PV;
	FILE *f = open_memstream(&line, &size);

	fputs(o.cmdline, f);
	if (*o.args)
		fputs(*o.cmdline ? " --" : "--", f);
	for (char **a = o.args; *a; a++) {
		fputc(' ', f);
		quote(f, *a);
	}
	fclose(f);
	if (size > max)
		die(USAGE, "the guest's command line has %zu bytes; a %s guest accepts %zu", size,
		    o.type, max);
	return line;
}

static void put_file(FILE *f, const char *file, const char *vdev, int ro)
{
	char *full = realpath(file, NULL), *line;

	if (asprintf(&line, "format=raw,vdev=%s,access=%s,target=%s", vdev, ro ? "ro" : "rw",
		     full ? full : file) < 0)
		die(FAILED, "out of memory");
	put_string(f, line);
}

static void put_disk(FILE *f, int i)
{
	size_t n = strcspn(o.disks[i], ",");
	/*
	 * Xen emulates xvda to xvdd of an HVM guest, and its emulated disks are
	 * never read-only.
	 */
	char *file = strndup(o.disks[i], n), vdev[] = { 'x', 'v', 'd', (hvm() ? 'e' : 'a') + i, 0 };
	int ro = !strcmp(o.disks[i] + n, ",ro");

	if (o.disks[i][n] && !ro)
		die(USAGE, "--disk %s: FILE or FILE,ro", o.disks[i]);
	put_file(f, file, vdev, ro);
	free(file);
}

/*
 * Boot from the disk by BIOS, without other parts of a PC.  tools/lab/hvm.py has
 * the same.
 */
static void put_hvm(FILE *f)
{
	static const char lines[] =
		"\nboot        = \"c\"\nbios        = \"seabios\"\nvga         = \"none\""
		"\nvideoram    = 0\nnographic   = 1\nvnc         = 0\nusb         = 0"
		"\nserial      = \"pty\"";

	fputs(lines, f);
}

static void put_kernel(FILE *f)
{
	char *image = realpath(o.image, NULL);

	fputs("\nkernel      = ", f);
	put_string(f, image ? image : o.image);
	fputs("\nextra       = ", f);
	put_string(f, command_line());
}

static char *config(void)
{
	static const char *const ends[] = { "poweroff", "reboot", "crash", "watchdog" };
	char *text;
	size_t size;
	FILE *f = open_memstream(&text, &size);

	fputs("name        = ", f);
	put_string(f, o.name);
	fprintf(f, "\ntype        = \"%s\"", o.type);
	(hvm() ? put_hvm : put_kernel)(f);
	fprintf(f, "\nmemory      = %s\nmaxmem      = %s\nvcpus       = 1", o.memory, o.memory);
	/* No action is "restart", so a guest cannot start again and again. */
	for (int i = 0; i < 4; i++)
		fprintf(f, "\non_%-8s = \"%s\"", ends[i], o.background || o.show ? "destroy" : "preserve");
	if (o.ndisks || hvm()) {
		fputs("\ndisk        = [", f);
		if (hvm())
			put_file(f, o.image, "hda", 0);
		for (int i = 0; i < o.ndisks; i++) {
			fputs(i || hvm() ? ", " : "", f);
			put_disk(f, i);
		}
		fputs("]", f);
	}
	if (o.net)
		fprintf(f, "\nvif         = [\"%s%s%s\"]", hvm() ? "type=vif," : "",
			o.bridge ? "bridge=" : "", o.bridge ? o.bridge : "");
	for (int i = 0; i < o.nlines; i++)
		fprintf(f, "\n%s", o.lines[i]);
	fputc('\n', f);
	fclose(f);
	return text;
}

/* ---- the domain */

/*
 * Runs xl and returns its exit status as a shell does.  Its output is stored in `said`,
 * or if this is NULL, goes to standard output.
 */
static int xl(char *const *words, char *said, size_t size)
{
	int out[2], status;
	size_t len = 0;
	ssize_t n;
	pid_t child;

	if (pipe(out) || (child = fork()) < 0)
		die(FAILED, "%s", strerror(errno));
	if (child == 0) {
		if (said)
			dup2(out[1], 1);
		execvp("xl", words);
		fprintf(stderr, "xenolith: cannot run xl; run this command in dom0\n");
		_exit(127);
	}
	close(out[1]);
	while (said && (n = read(out[0], said + len, size - 1 - len)) > 0)
		len += n;
	close(out[0]);
	if (said)
		said[len] = '\0';
	while (waitpid(child, &status, 0) < 0 && errno == EINTR)
		;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static char domid[16];

/* Handler of signals that end this program: destroys the domain. */
static void leave(int signo)
{
	if (fork() == 0)
		execlp("xl", "xl", "destroy", domid, (char *)NULL);
	_exit(128 + signo);
}

/* Returns "poweroff", "crash", ..., "gone" if it was destroyed, or NULL while it runs. */
static const char *ended(void)
{
	static const char *const reasons[] = { "poweroff", "reboot", "suspend", "crash", "watchdog" };
	char said[1024], *words[] = { "xl", "list", "-v", domid, NULL }, *p;
	char state[16], why[16];
	unsigned long code;

	/* The fields after the name: ID Mem VCPUs State Time UUID Reason-Code ... */
	if (xl(words, said, sizeof(said)))
		return "gone";
	p = strchr(said, '\n');
	p = p ? strchr(p + 1, ' ') : NULL;
	if (!p || sscanf(p, "%*s %*s %*s %15s %*s %*s %15s", state, why) != 2)
		die(FAILED, "unexpected output of xl list: %s", said);
	if (!strchr(state, 's') && !strchr(state, 'c'))
		return NULL;
	code = strtoul(why, NULL, 16);
	return code < sizeof(reasons) / sizeof(reasons[0]) ? reasons[code] : "crash";
}

static int exit_status(const char *reason)
{
	struct xs_handle *xs = xs_open(0);
	char key[64], *status;
	unsigned len;

	snprintf(key, sizeof(key), "/local/domain/%s/data/exit-status", domid);
	status = xs ? xs_read(xs, XBT_NULL, key, &len) : NULL;
	if (status && *status)
		return atoi(status) & 0xff;
	return !strcmp(reason, "poweroff") ? 0 : !strcmp(reason, "crash") ? 255 : 251;
}

/* Connects to the console until the guest ends, and returns the reason of its end. */
static const char *attend(void)
{
	struct xs_handle *xs = xs_open(0);
	char *console[] = { "xl", "console", "-t", "pv", domid, NULL };
	char *unpause[] = { "xl", "unpause", domid, NULL };
	const char *reason = NULL;
	unsigned n;
	pid_t child;

	if (!xs || !xs_watch(xs, "@releaseDomain", "end"))
		die(NO_PERMISSION, "cannot connect to xenstore: %s", strerror(errno));
	signal(SIGTERM, leave);
	signal(SIGHUP, leave);
	signal(SIGINT, leave);
	child = fork();
	if (child == 0) {
		signal(SIGINT, SIG_DFL);
		execvp("xl", console);
		_exit(127);
	}
	usleep(200 * 1000);		/* otherwise the first lines may be only in the log */
	if (xl(unpause, NULL, 0))
		die(FAILED, "xl cannot unpause domain %s", domid);
	while (!reason) {
		free(xs_read_watch(xs, &n));
		reason = ended();
	}
	usleep(200 * 1000);		/* for the last lines */
	kill(child, SIGTERM);
	waitpid(child, NULL, 0);
	return reason;
}

void run(char **argv)
{
	char *text, file[] = "/tmp/xenolith-XXXXXX", *reason;
	char *create[] = { "xl", "create", "-q", "-e", "-p", file, NULL };
	char *start[] = { "xl", "create", "-q", file, NULL };
	char *id[] = { "xl", "domid", NULL, NULL }, *destroy[] = { "xl", "destroy", domid, NULL };
	int fd, status;

	parse(argv);
	check();
	text = config();
	fputs(text, o.show ? stdout : stderr);
	if (o.show)
		return;
	fd = mkstemp(file);
	if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text))
		die(FAILED, "%s: %s", file, strerror(errno));
	close(fd);
	status = xl(o.background ? start : create, NULL, 0);
	unlink(file);
	if (status)
		die(status == 127 ? NO_PERMISSION : FAILED, "xl could not create a domain from %s",
		    o.image);
	id[2] = (char *)o.name;
	if (xl(id, domid, sizeof(domid)))
		die(FAILED, "domain %s has ended", o.name);
	domid[strcspn(domid, "\n")] = '\0';
	if (o.background) {
		printf("domain %s is %s; xenolith info %s shows it\n", domid, o.name, o.name);
		return;
	}
	reason = (char *)attend();
	status = exit_status(reason);
	fprintf(stderr, "xenolith: %s ended by %s, status %d\n", o.name, reason, status);
	if (strcmp(reason, "gone"))
		xl(destroy, NULL, 0);
	exit(status);
}

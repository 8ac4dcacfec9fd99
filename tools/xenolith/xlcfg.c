/* SPDX-License-Identifier: ISC */
#include "run.h"
#include "endpoint.h"
#include "quote.h"
#include "usage.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/*
 * The longest command lines that the guest accepts.  PV: Xen cuts the line to
 * MAX_GUEST_CMDLINE bytes including the NUL (xen/xen.h), so a line of 1,023 bytes may be
 * incomplete and is refused.  Others: COMMAND_LINE_MAX of kernel/arch.h.
 */
#define MAX_PV 1022
#define MAX_OTHER 8191

static struct run_options o;

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

static void check_port(const char *text)
{
	unsigned local, guest;
	char more;

	if (sscanf(text, "%5u:%5u%c", &local, &guest, &more) != 2 || !local || local > 65535 ||
	    !guest || guest > 65535)
		die(USAGE, "-p %s: expected LOCALPORT:GUESTPORT, such as 8080:80", text);
}

static int creates_domain(const char *option)
{
	static const char *const all[] = { "-p", "--port", "--net", "--memory", "--type", "--ramdisk",
					   "--disk", "--config" };

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		if (!strncmp(option, all[i], strlen(all[i])))
			return 1;
	return 0;
}

static void parse(char **argv)
{
	const char *v;
	int i;

	for (i = 0; argv[i]; i++) {
		const char *word = argv[i];

		if (!strcmp(argv[i], "--help") || !strcmp(argv[i], "-h")) {
			fputs(USAGE_RUN, stdout);
			exit(0);
		}
		if (!strcmp(argv[i], "--show"))
			o.show = 1;
		else if (!strcmp(argv[i], "--background"))
			o.background = 1;
		else if (!strcmp(argv[i], "--quiet"))
			o.quiet = 1;
		else if (!strcmp(argv[i], "--pool"))
			o.pool = "";
		else if (!strncmp(argv[i], "--pool=", 7))
			o.pool = argv[i] + 7;
		else if ((v = value("--from", argv, &i)))
			o.from = v;
		else if ((v = value("-p", argv, &i)) || (v = value("--port", argv, &i)))
			check_port(v), o.has_net = 1;
		else if (!strcmp(argv[i], "--net"))
			o.has_net = 1;
		else if (!strncmp(argv[i], "--net=", 6))
			o.has_net = 1, o.net = argv[i] + 6;
		else if ((v = value("--memory", argv, &i)))
			o.memory = v;
		else if ((v = value("--type", argv, &i)))
			o.type = v;
		else if ((v = value("--name", argv, &i)))
			o.name = v;
		else if ((v = value("--cmdline", argv, &i)))
			o.cmdline = v;
		else if ((v = value("--timeout", argv, &i)))
			o.timeout = v;
		else if ((v = value("--ramdisk", argv, &i)))
			o.ramdisk = v;
		else if ((v = value("--disk", argv, &i)))
			add(o.disks, &o.ndisks, v);
		else if ((v = value("--config", argv, &i)))
			add(o.lines, &o.nlines, v);
		else if (argv[i][0] == '-')
			die(USAGE, "unknown option %s\n%s", argv[i], USAGE_RUN);
		else
			break;
		if (creates_domain(word))
			o.creates = word;
	}
	o.image = argv[i];
	if (o.from && o.image)
		die(USAGE, "run --from: the image and its arguments are in %s", o.from);
	if ((o.pool || o.from) && o.creates)
		die(USAGE, "run: %s was chosen when the %s was made", o.creates,
		    o.pool ? "pool" : "snapshot");
	o.args = argv + i + !!o.image;
	if (o.from)
		return;
	if (!o.image)
		die(USAGE, "missing argument IMAGE\n%s", USAGE_RUN);
	o.args = argv + i + 1;
	if (*o.args && !strcmp(*o.args, "--"))
		o.args++;
}

/* head: the first 1,024 bytes. */
static int is_kernel(const char *head)
{
	return !memcmp(head, "\177ELF", 4) || !memcmp(head, "\037\213", 2) ||
	       !memcmp(head, "BZ", 2) || !memcmp(head, "\3757", 2) ||
	       !memcmp(head + 0x202, "HdrS", 4);
}

/* A disk's words: FILE[:/PATH][,ro|,rw][,dev=NAME]; text is changed and kept. */
struct disk {
	char *file, *path;		/* path: where the guest mounts it, or NULL */
	const char *dev;
	int ro;
};

static struct disk parse_disk(int i)
{
	/*
	 * Xen emulates xvda to xvdd of an HVM guest, and its emulated disks are
	 * never read-only.
	 */
	static char names[MOST][5];
	char *rest = strdup(o.disks[i]), *word;
	struct disk d = { .file = strsep(&rest, ","), .dev = names[i] };

	snprintf(names[i], sizeof(names[i]), "xvd%c", (hvm() ? 'e' : 'a') + i % 22);
	while ((word = strsep(&rest, ",")))
		if (!strcmp(word, "ro"))
			d.ro = 1;
		else if (!strncmp(word, "dev=", 4) && word[4])
			d.dev = word + 4;
		else if (*word && strcmp(word, "rw"))
			die(USAGE, "--disk %s: expected FILE[:/PATH][,ro][,dev=NAME]", o.disks[i]);
	d.path = strstr(d.file, ":/");
	if (d.path)
		*d.path++ = '\0';
	return d;
}

#define NAME_MOST 59

static void check_name(void)
{
	if (strlen(o.name) > NAME_MOST)
		die(USAGE, "--name %s: a name has at most %d characters", o.name, NAME_MOST);
	for (const char *p = o.name; *p; p++)
		if (!isalnum((unsigned char)*p) && !strchr("_.-", *p))
			die(USAGE, "--name %s: a name has letters, digits, _ . -", o.name);
	if (o.name[strspn(o.name, "0123456789")] == '\0')
		die(USAGE, "--name %s: xl takes a name of digits for the number of a domain", o.name);
}

static void check(void)
{
	char name[NAME_MOST + 1];
	size_t n = strspn(o.memory, "0123456789");
	FILE *f = fopen(o.image, "rb");
	char head[1024] = "";
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
	if (!hvm() && !is_kernel(head))
		die(FAILED, "image %s is not a kernel: neither ELF, nor compressed, nor a bzImage",
		    o.image);
	if (o.ramdisk && stat(o.ramdisk, &st))
		die(FAILED, "ramdisk %s: %s", o.ramdisk, strerror(errno));
	if (!n || o.memory[n] || n > 7 || atoi(o.memory) < 4)
		die(USAGE, "--memory %s: not a number of MB of at least 4", o.memory);
	if (!o.name) {
		const char *base = strrchr(o.image, '/');

		snprintf(name, sizeof(name), "%s", base ? base + 1 : o.image);
		if (strlen(name) > 4 && !strcmp(name + strlen(name) - 4, ".img"))
			name[strlen(name) - 4] = '\0';
		o.name = strdup(name);	/* there may be other options: of a pool */
	}
	check_name();
	for (int i = 0; i < o.ndisks; i++) {
		struct disk d = parse_disk(i);

		if (stat(d.file, &st))
			die(FAILED, "disk %s: %s", d.file, strerror(errno));
		if (d.path && hvm())
			die(USAGE, "--disk %s: a disk to boot from contains its kernel options;"
			    " write mount= there", o.disks[i]);
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

static char *command_line(size_t max)
{
	char *line;
	size_t size;
	FILE *f = open_memstream(&line, &size);

	fputs(o.cmdline, f);
	for (int i = 0; i < o.ndisks; i++) {
		struct disk d = parse_disk(i);

		if (d.path)
			fprintf(f, "%smount=%s:%s%s", ftell(f) ? " " : "", d.dev, d.path,
				d.ro ? ",ro" : "");
	}
	if (*o.args)
		fputs(ftell(f) ? " --" : "--", f);
	for (char **a = o.args; *a; a++) {
		fputc(' ', f);
		quote(f, *a);
	}
	fclose(f);
	if (size > max)
		die(USAGE, "the guest's command line has %zu bytes; a %s guest accepts %zu", size,
		    o.pool ? "pool's" : o.type, max);
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

/* Whether an additional line sets the option, so it is not written twice. */
static int is_set(const char *key)
{
	size_t n = strlen(key);

	for (int i = 0; i < o.nlines; i++) {
		const char *line = o.lines[i] + strspn(o.lines[i], " \t");

		if (!strncmp(line, key, n) && line[n + strspn(line + n, " \t")] == '=')
			return 1;
	}
	return 0;
}

/* Begins the line of an option, unless an additional line sets it. */
static int begin(FILE *f, const char *key)
{
	return !is_set(key) && fprintf(f, "%-11s = ", key) > 0;
}

static void put_option(FILE *f, const char *key, const char *text)
{
	if (begin(f, key)) {
		put_string(f, text);
		fputc('\n', f);
	}
}

static void put_number(FILE *f, const char *key, const char *number)
{
	if (begin(f, key))
		fprintf(f, "%s\n", number);
}

/*
 * Boot from the disk by BIOS.  The unused devices of a PC are switched off, since a
 * device model is slow to emulate them.
 */
static void put_hvm(FILE *f)
{
	put_option(f, "boot", "c");
	put_option(f, "bios", "seabios");
	put_option(f, "vga", "none");
	put_number(f, "videoram", "0");
	put_number(f, "nographic", "1");
	put_number(f, "vnc", "0");
	put_number(f, "usb", "0");
	put_option(f, "serial", "pty");
}

static void put_kernel(FILE *f)
{
	char *image = realpath(o.image, NULL), *ramdisk = o.ramdisk ? realpath(o.ramdisk, NULL) : NULL;

	put_option(f, "kernel", image ? image : o.image);
	if (!is_set("extra"))
		put_option(f, "extra", command_line(strcmp(o.type, "pv") ? MAX_OTHER : MAX_PV));
	if (o.ramdisk)
		put_option(f, "ramdisk", ramdisk ? ramdisk : o.ramdisk);
}

static void put_disks(FILE *f)
{
	if (!begin(f, "disk"))
		return;
	fputc('[', f);
	if (hvm())
		put_file(f, o.image, "hda", 0);
	for (int i = 0; i < o.ndisks; i++) {
		fputs(i || hvm() ? ", " : "", f);
		struct disk d = parse_disk(i);

		put_file(f, d.file, d.dev, d.ro);
	}
	fputs("]\n", f);
}

/* --net, --net=BRIDGE, or --net=KEY=VALUE[,...] as in xl-network-configuration(5). */
static void put_net(FILE *f)
{
	char *vif;

	if (!begin(f, "vif"))
		return;
	if (asprintf(&vif, "%s%s%s%s", hvm() ? "type=vif" : "", hvm() && o.net ? "," : "",
		     o.net && !strchr(o.net, '=') ? "bridge=" : "", o.net ? o.net : "") < 0)
		die(FAILED, "out of memory");
	fputc('[', f);
	put_string(f, vif);
	fputs("]\n", f);
	free(vif);
}

char *run_line(const struct run_options *options, size_t most)
{
	o = *options;
	return command_line(most);
}

char *run_config(const struct run_options *options, const char *end)
{
	static const char *const ends[] = { "on_poweroff", "on_reboot", "on_crash", "on_watchdog" };
	char *text;
	size_t size;
	FILE *f = open_memstream(&text, &size);

	o = *options;
	put_option(f, "name", o.name);
	put_option(f, "type", o.type);
	(hvm() ? put_hvm : put_kernel)(f);
	put_number(f, "memory", o.memory);
	put_number(f, "maxmem", o.memory);
	put_number(f, "vcpus", "1");
	/* No action is "restart", so a guest cannot start again and again. */
	for (int i = 0; i < 4; i++)
		put_option(f, ends[i], end);
	if (o.ndisks || hvm())
		put_disks(f);
	if (o.has_net)
		put_net(f);
	for (int i = 0; i < o.nlines; i++)
		fprintf(f, "%s\n", o.lines[i]);
	fclose(f);
	return text;
}

void run_parse(struct run_options *options, char **argv)
{
	char *end;

	o = (struct run_options){ .memory = "32", .cmdline = "", .type = "pv" };
	parse(argv);
	if (o.timeout && (strtod(o.timeout, &end) <= 0 || *end))
		die(USAGE, "--timeout %s: not a number of seconds", o.timeout);
	o.named = !!o.name;
	if (!o.from)
		check();
	else if (o.name)
		check_name();
	*options = o;
}

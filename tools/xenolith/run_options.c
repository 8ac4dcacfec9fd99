/* SPDX-License-Identifier: ISC */
/*
 * The options of `xenolith run`: parsed and checked.  usage.h has their help; here.py and
 * process_cli.py pass them on.
 */
#include "run.h"
#include "endpoint.h"
#include "usage.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static struct run_options o;

int run_is_hvm(const struct run_options *options)
{
	return !strcmp(options->type, "hvm");
}

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
	if (o.show && (o.from || o.pool))
		die(USAGE, "run: --show has no effect on a domain that was created before; leave it out");
	if (o.from && o.pool)
		die(USAGE, "run: --from starts a copy of a snapshot, --pool a guest of a pool; choose one");
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

struct run_disk run_disk(const struct run_options *options, int i)
{
	/*
	 * Xen emulates xvda to xvdd of an HVM guest, and its emulated disks are
	 * never read-only.
	 */
	static char names[MOST][5];
	char *rest = strdup(options->disks[i]), *word;
	struct run_disk d = { .file = strsep(&rest, ","), .dev = names[i] };

	snprintf(names[i], sizeof(names[i]), "xvd%c", (run_is_hvm(options) ? 'e' : 'a') + i % 22);
	while ((word = strsep(&rest, ",")))
		if (!strcmp(word, "ro"))
			d.ro = 1;
		else if (!strncmp(word, "dev=", 4) && word[4])
			d.dev = word + 4;
		else if (*word && strcmp(word, "rw"))
			die(USAGE, "--disk %s: expected FILE[:/PATH][,ro][,dev=NAME]",
			    options->disks[i]);
	d.path = strstr(d.file, ":/");
	if (d.path)
		*d.path++ = '\0';
	return d;
}

#define NAME_MOST 59

char *run_name_of(const char *image)
{
	const char *base = strrchr(image, '/');
	char name[NAME_MOST + 1];

	snprintf(name, sizeof(name), "%s", base ? base + 1 : image);
	if (strlen(name) > 4 && !strcmp(name + strlen(name) - 4, ".img"))
		name[strlen(name) - 4] = '\0';
	return strdup(name);
}

static void check_name(void)
{
	if (*o.name == '.')		/* a record and a pool are folders of this name, which may be .. */
		die(USAGE, "--name %s: a name does not begin with a dot", o.name);
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
	size_t n = strspn(o.memory, "0123456789");
	FILE *f = fopen(o.image, "rb");
	char head[1024] = "";
	struct stat st;

	if (!f || fread(head, 1, sizeof(head), f) < 4)
		die(FAILED, "image %s: %s", o.image, f ? "it is empty" : strerror(errno));
	fclose(f);
	if (strcmp(o.type, "pv") && strcmp(o.type, "pvh") && !run_is_hvm(&o))
		die(USAGE, "--type %s: pv, pvh or hvm", o.type);
	if (run_is_hvm(&o) && (*o.cmdline || *o.args))
		die(USAGE, "%s: a disk contains its kernel options and arguments", o.image);
	if (run_is_hvm(&o) && memcmp(head + 510, "\125\252", 2))
		die(FAILED, "image %s is not a bootable disk; make one with xenolith ec2 image",
		    o.image);
	if (!run_is_hvm(&o) && !is_kernel(head))
		die(FAILED, "image %s is not a kernel: neither ELF, nor compressed, nor a bzImage",
		    o.image);
	if (o.ramdisk && stat(o.ramdisk, &st))
		die(FAILED, "ramdisk %s: %s", o.ramdisk, strerror(errno));
	if (!n || o.memory[n] || n > 7 || atoi(o.memory) < 4)
		die(USAGE, "--memory %s: not a number of MB of at least 4", o.memory);
	if (!o.name)
		o.name = run_name_of(o.image);
	check_name();
	for (int i = 0; i < o.ndisks; i++) {
		struct run_disk d = run_disk(&o, i);

		if (stat(d.file, &st))
			die(FAILED, "disk %s: %s", d.file, strerror(errno));
		if (d.path && run_is_hvm(&o))
			die(USAGE, "--disk %s: a disk to boot from contains its kernel options;"
			    " write mount= there", o.disks[i]);
	}
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

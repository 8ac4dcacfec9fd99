/* SPDX-License-Identifier: ISC */
/* The xl.cfg of `xenolith run`. */
#include "run.h"
#include "endpoint.h"
#include "quote.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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
	return run_is_hvm(&o);
}

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
		struct run_disk d = run_disk(&o, i);

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
		    o.pool ? "pool's" : o.from ? "copied" : o.type, max);
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
		struct run_disk d = run_disk(&o, i);

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

/* SPDX-License-Identifier: ISC */
/* Prints network devices, disks, file systems and rings as tables. */
#include "xenolith.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Formats 1234567 as "1.2M", in about four characters. */
static const char *amount(json_int_t n, char to[16])
{
	static const char units[] = " KMGTPE";
	double x = n;
	int i = 0;

	for (; x >= 1024; x /= 1024)
		i++;
	if (i == 0)
		snprintf(to, 16, "%" JSON_INTEGER_FORMAT, n);
	else
		snprintf(to, 16, x < 10 ? "%.1f%c" : "%.0f%c", x, units[i]);
	return to;
}

/* ---- the network */

static void direction(const char *name, json_t *d)
{
	char in_use[24], bytes[16];

	snprintf(in_use, sizeof(in_use), "%" JSON_INTEGER_FORMAT "/%" JSON_INTEGER_FORMAT,
		 number(d, "used"), number(d, "slots"));
	printf("  %-3s %9s %6" JSON_INTEGER_FORMAT " %12" JSON_INTEGER_FORMAT " %8s %7"
	       JSON_INTEGER_FORMAT " %8" JSON_INTEGER_FORMAT "\n", name, in_use, number(d, "most"),
	       number(d, "frames"), amount(number(d, "bytes"), bytes), number(d, "errors"),
	       number(d, "dropped") + number(d, "full"));
}

static void vif(json_t *d)
{
	json_t *a;
	size_t i;

	printf("%s %s, %s, mtu %" JSON_INTEGER_FORMAT "%s%s\n", text(d, "name"),
	       json_is_true(json_object_get(d, "up")) ? "up" : "down", text(d, "mac"),
	       number(d, "mtu"), *text(d, "gateway") ? ", gateway " : "", text(d, "gateway"));
	json_array_foreach(json_object_get(d, "addresses"), i, a) {
		fputs("  ", stdout);
		put_word(stdout, json_is_string(a) ? json_string_value(a) : "?");
		putchar('\n');
	}
	printf("  %-3s %9s %6s %12s %8s %7s %8s\n", "", "RING", "MOST", "FRAMES", "BYTES", "ERRORS",
	       "DROPPED");
	direction("in", json_object_get(d, "rx"));
	direction("out", json_object_get(d, "tx"));
}

/* Prints TITLE: NAME N, NAME N, ... of the counters that are not 0. */
static void counts(const char *title, json_t *object)
{
	const char *key, *comma = "";
	json_t *v;

	printf("%s:", title);
	json_object_foreach(object, key, v) {
		if (!json_integer_value(v))
			continue;
		char *name = strdup(key);

		for (char *p = name; p && *p; p++)
			*p = *p == '_' ? ' ' : *p;
		printf("%s ", comma);
		put_word(stdout, name ? name : "?");
		free(name);
		printf(" %" JSON_INTEGER_FORMAT, json_integer_value(v));
		comma = ",";
	}
	puts(*comma ? "" : " none");
}

static void connections(void)
{
	json_t *all = ask_for_list(INTERFACES "net1.Connections", "connections"), *c;
	size_t i;

	if (as_json) {
		print_json(all, 1);
		return;
	}
	printf("%-5s %-26s %-26s %-12s %8s %8s %8s\n", "", "LOCAL", "REMOTE", "STATE", "UNACKED",
	       "UNSENT", "REPEATED");
	json_array_foreach(all, i, c) {
		printf("%-5s %-26s %-26s %-12s", text(c, "protocol"), text(c, "local"),
		       text(c, "remote"), text(c, "state"));
		if (json_object_get(c, "unacked"))
			printf(" %8" JSON_INTEGER_FORMAT " %8" JSON_INTEGER_FORMAT
			       " %8" JSON_INTEGER_FORMAT, number(c, "unacked"),
			       number(c, "unsent"), number(c, "retransmissions"));
		putchar('\n');
	}
}

void net(const struct words *w)
{
	json_t *n, *d;
	size_t i;

	if (!strcmp(w->option, "-c")) {
		connections();
		return;
	}
	n = ask(INTERFACES "net1.Get", NULL);
	if (as_json) {
		print_json(n, 1);
		return;
	}
	n = json_object_get(n, "net");
	json_array_foreach(json_object_get(n, "devices"), i, d)
		vif(d);
	counts("connections", json_object_get(n, "connections"));
	counts("dropped", json_object_get(n, "dropped"));
}

/* ---- disks */

void block(const struct words *w)
{
	json_t *all = ask(INTERFACES "block1.Get", NULL), *d;
	char size[16], read[16], written[16], ring[24];
	size_t i;

	(void)w;
	if (as_json) {
		print_json(all, 1);
		return;
	}
	if (!json_array_size(json_object_get(all, "block"))) {
		puts("no disk is open: the application opens none, or the domain has none");
		return;
	}
	printf("%-8s %-10s %6s %-3s %9s %6s %9s %9s %8s %9s %8s %7s\n", "NAME", "STATE", "SIZE", "",
	       "RING", "MOST", "FLUSHES", "READS", "READ", "WRITES", "WRITTEN", "ERRORS");
	json_array_foreach(json_object_get(all, "block"), i, d) {
		json_t *r = json_object_get(d, "ring");

		snprintf(ring, sizeof(ring), "%" JSON_INTEGER_FORMAT "/%" JSON_INTEGER_FORMAT,
			 number(r, "used"), number(r, "slots"));
		printf("%-8s %-10s %6s %-3s %9s %6" JSON_INTEGER_FORMAT " %9" JSON_INTEGER_FORMAT
		       " %9" JSON_INTEGER_FORMAT " %8s %9" JSON_INTEGER_FORMAT " %8s %7"
		       JSON_INTEGER_FORMAT "\n", text(d, "name"), text(d, "state"),
		       amount(number(d, "size_bytes"), size),
		       json_is_true(json_object_get(d, "writable")) ? "rw" : "ro", ring,
		       number(r, "most"), number(d, "flushes"), number(d, "reads"),
		       amount(number(d, "read_bytes"), read), number(d, "writes"),
		       amount(number(d, "written_bytes"), written), number(d, "errors"));
	}
}

/* ---- file systems */

/* fs D freeze|thaw PATH */
static void freeze(const struct words *w)
{
	int thaw = !strcmp(w->argv[0], "thaw");

	if (!thaw && strcmp(w->argv[0], "freeze"))
		die(USAGE, "fs %s: write freeze PATH, or thaw PATH", w->argv[0]);
	if (w->argc < 2)
		die(USAGE, "missing argument PATH; usage: xenolith fs D %s PATH", w->argv[0]);
	ask_and_show(thaw ? INTERFACES "fs1.Thaw" : INTERFACES "fs1.Freeze",
		     json_pack("{s:s}", "path", w->argv[1]));
}

static void mount_line(json_t *m)
{
	char size[16], left[16], dirty[16], read[16], written[16];

	printf("%-16s %-16s %-6s %-3s %6s %6s %6s %9" JSON_INTEGER_FORMAT " %8s %8s %7"
	       JSON_INTEGER_FORMAT "%s%s\n", text(m, "name"), text(m, "source"), text(m, "type"),
	       json_is_true(json_object_get(m, "writable")) ? "rw" : "ro",
	       amount(number(m, "size_bytes"), size), amount(number(m, "free_bytes"), left),
	       amount(number(m, "dirty_bytes"), dirty), number(m, "commits"),
	       amount(number(m, "read_bytes"), read), amount(number(m, "written_bytes"), written),
	       number(m, "errors"), *text(m, "why") ? "  " : "", text(m, "why"));
}

void filesystems(const struct words *w)
{
	json_t *all, *m;
	size_t i;

	if (w->argc) {
		freeze(w);
		return;
	}
	all = ask(INTERFACES "fs1.Get", NULL);
	if (as_json) {
		print_json(all, 1);
		return;
	}
	if (!json_array_size(json_object_get(all, "fs"))) {
		puts("nothing is mounted");
		return;
	}
	printf("%-16s %-16s %-6s %-3s %6s %6s %6s %9s %8s %8s %7s\n", "PATH", "SOURCE", "TYPE", "",
	       "SIZE", "FREE", "DIRTY", "COMMITS", "READ", "WRITTEN", "ERRORS");
	json_array_foreach(json_object_get(all, "fs"), i, m)
		mount_line(m);
}

/* ---- all devices */

void devices(const struct words *w)
{
	json_t *all = ask(INTERFACES "xenbus1.Get", NULL), *d, *r;
	const char *key;
	size_t i;

	(void)w;
	if (as_json) {
		print_json(all, 1);
		return;
	}
	if (!json_array_size(json_object_get(all, "xenbus")))
		puts("no split device is connected");
	json_array_foreach(json_object_get(all, "xenbus"), i, d) {
		printf("%s: %s", text(d, "name"), text(d, "state"));
		if (*text(d, "why"))
			printf(" (%s)", text(d, "why"));
		if (*text(d, "backend"))
			printf(", domain %" JSON_INTEGER_FORMAT " %s", number(d, "domain"),
			       text(d, "backend"));
		puts("");
		json_object_foreach(json_object_get(d, "rings"), key, r) {
			fputs("  ", stdout);
			put_word(stdout, key);
			printf(": %" JSON_INTEGER_FORMAT " of %" JSON_INTEGER_FORMAT
			       " slots used, %" JSON_INTEGER_FORMAT " at most, %"
			       JSON_INTEGER_FORMAT " threads wait\n", number(r, "used"),
			       number(r, "slots"), number(r, "most"), number(r, "waiting"));
		}
	}
}

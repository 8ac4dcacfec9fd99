/* SPDX-License-Identifier: ISC */
/* The operator's command: see xenolith.1. */
#include "endpoint.h"

#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define INTERFACES "org.xenolith."

static int as_json;

static const char usage[] =
	"usage: xenolith [--json] COMMAND DOMAIN [ARGUMENT...]\n"
	"\n"
	"  info D               which image, since when, its arguments\n"
	"  ps D                 its threads: what they wait for, CPU time, stack\n"
	"  top D                the same again and again, with their share of the CPU\n"
	"  mem D                its memory\n"
	"  stats D              all statistics\n"
	"  net D, block D       those of the network, of disks\n"
	"  log [-f] D           its log; -f: and what comes\n"
	"  level D LEVEL        what its console shows: error, warning, info, debug\n"
	"  shutdown [-r|-c] D   ends it; -r: reboots, -c: crashes\n"
	"  interfaces D         what can be called\n"
	"  describe D INTERFACE how\n"
	"  call D METHOD [JSON] calls it, with parameters\n"
	"  console D            its console (xl console)\n"
	"  vcat [-l] D PATH     standard input and output on a vchan; -l: as its server\n"
	"\n"
	"DOMAIN is a number or a name.\n";

static void print_json(json_t *j, int pretty)
{
	char *text = json_dumps(j, pretty ? JSON_INDENT(2) : JSON_COMPACT);

	puts(text ? text : "null");
	free(text);
	fflush(stdout);
}

static json_int_t number(json_t *object, const char *key)
{
	return json_integer_value(json_object_get(object, key));
}

static const char *text(json_t *object, const char *key)
{
	const char *s = json_string_value(json_object_get(object, key));

	return s ? s : "";
}

/* ---- how replies are shown */

static int keep(json_t *parameters, void *arg)
{
	*(json_t **)arg = json_incref(parameters);
	return 0;
}

/* What else a thing may be: one word or line for each value. */
static void show(json_t *j, int indent)
{
	const char *key;
	size_t i;
	json_t *v;

	if (json_is_object(j)) {
		json_object_foreach(j, key, v) {
			int nested = json_is_object(v) || json_is_array(v);

			printf("%*s%s%s", indent, "", key, nested ? ":\n" : ": ");
			show(v, nested ? indent + 2 : 0);
		}
	} else if (json_is_array(j)) {
		json_array_foreach(j, i, v) {
			if (json_is_object(v)) {
				char *line = json_dumps(v, JSON_COMPACT);

				printf("%*s%s\n", indent, "", line);
				free(line);
			} else {
				show(v, indent);
			}
		}
	} else if (json_is_string(j)) {
		printf("%*s%s\n", indent, "", json_string_value(j));
	} else {
		char *line = json_dumps(j, JSON_COMPACT | JSON_ENCODE_ANY);

		printf("%*s%s\n", indent, "", line);
		free(line);
	}
}

static void complain(const char *method, const char *error, json_t *parameters)
{
	char *more = parameters ? json_dumps(parameters, JSON_COMPACT) : NULL;
	const char *name = strrchr(error, '.');

	name = name ? name + 1 : error;
	if (!strcmp(name, "InterfaceNotFound"))
		die(FAILED, "this image has no %s", method);
	if (!strcmp(name, "PermissionDenied"))
		die(NO_PERMISSION, "this guest does not permit %s (control= on its command line)",
		    method);
	die(FAILED, "%s: %s %s", method, error, more ? more : "");
}

/* One call, one reply, which is the caller's. */
static json_t *ask(const char *method, json_t *parameters)
{
	json_t *reply = NULL;
	char *error = endpoint_call(method, parameters, 0, keep, &reply);

	if (error)
		complain(method, error, reply);
	return reply;
}

static void ask_and_show(const char *method, json_t *parameters)
{
	json_t *reply = ask(method, parameters);

	if (as_json)
		print_json(reply, 1);
	else if (json_object_size(reply))
		show(reply, 0);
	json_decref(reply);
}

/* ---- threads */

static json_t *all_threads(void)
{
	json_t *all = json_array(), *next;
	json_int_t from = 0;

	do {
		json_t *r = ask(INTERFACES "threads1.List", json_pack("{s:I}", "from", from));

		json_array_extend(all, json_object_get(r, "threads"));
		next = json_object_get(r, "next");
		from = json_integer_value(next);
		json_decref(r);
	} while (next);
	return all;
}

static void thread_line(json_t *t, const char *share)
{
	printf("%5" JSON_INTEGER_FORMAT " %-15s %-6s %-9s %10.1f %7s %6" JSON_INTEGER_FORMAT
	       "/%-7" JSON_INTEGER_FORMAT " %s\n", number(t, "id"), text(t, "name"),
	       text(t, "kind"), text(t, "state"), number(t, "cpu") / 1e3, share,
	       number(t, "stack_used"), number(t, "stack"), text(t, "waits"));
}

static void heading(void)
{
	printf("%5s %-15s %-6s %-9s %10s %7s %14s %s\n", "ID", "NAME", "KIND", "STATE", "CPU ms",
	       "CPU %", "STACK (B)", "WAITS IN");
}

static void ps(void)
{
	json_t *all = all_threads(), *t;
	size_t i;

	if (as_json) {
		print_json(all, 1);
		return;
	}
	heading();
	json_array_foreach(all, i, t)
		thread_line(t, "");
}

struct before {
	json_t *threads;
	json_int_t uptime;
};

static json_int_t cpu_before(json_t *threads, json_int_t id)
{
	json_t *t;
	size_t i;

	json_array_foreach(threads, i, t)
		if (number(t, "id") == id)
			return number(t, "cpu");
	return 0;
}

static int top_reply(json_t *parameters, void *arg)
{
	struct before *b = arg;
	json_t *s = json_object_get(parameters, "stats"), *t;
	json_t *threads = json_object_get(s, "threads"), *m = json_object_get(s, "memory");
	json_int_t uptime = number(s, "uptime"), passed = uptime - b->uptime;
	size_t i;

	if (!s)
		return 1;
	if (as_json) {
		print_json(s, 0);
		return 0;
	}
	if (isatty(1))
		fputs("\033[H\033[J", stdout);
	printf("up %.1f s, memory %" JSON_INTEGER_FORMAT " KiB, %" JSON_INTEGER_FORMAT " free\n\n",
	       uptime / 1e3, number(m, "total"), number(m, "free"));
	heading();
	json_array_foreach(threads, i, t) {
		char share[16] = "";
		json_int_t used = number(t, "cpu") - cpu_before(b->threads, number(t, "id"));

		if (b->threads && passed > 0)
			snprintf(share, sizeof(share), "%.1f", used / 10.0 / passed);
		thread_line(t, share);
	}
	fflush(stdout);
	json_decref(b->threads);
	b->threads = json_incref(threads);
	b->uptime = uptime;
	return 0;
}

static void top(void)
{
	struct before b = { 0 };
	char *error = endpoint_call(INTERFACES "stats1.Get", json_pack("{s:i}", "every", 1000), 1,
				    top_reply, &b);

	if (error)
		complain("top", error, NULL);
}

/* ---- the log */

static int log_reply(json_t *parameters, void *arg)
{
	(void)arg;
	if (as_json)
		print_json(parameters, 0);
	else
		fputs(text(parameters, "text"), stdout);
	fflush(stdout);
	return 0;
}

static void show_log(int follow)
{
	char *error = endpoint_call(follow ? INTERFACES "log1.Follow" : INTERFACES "log1.Get",
				    NULL, follow, log_reply, NULL);

	if (error)
		complain("log", error, NULL);
}

/* ---- a vchan by hand */

static void write_out(const char *p, int n)
{
	while (n > 0) {
		ssize_t m = write(1, p, n);

		if (m < 0)
			die(FAILED, "standard output is closed");
		p += m;
		n -= m;
	}
}

static void vcat(int domid, const char *path, int serve)
{
	static char in[65536], out[65536];
	struct libxenvchan *c = serve ? libxenvchan_server_init(NULL, domid, path, 65536, 65536) :
				libxenvchan_client_init(NULL, domid, path);
	size_t have = 0, at = 0;
	int open = 1;

	if (!c)
		die(NO_ENDPOINT, serve ? "cannot serve domain %d at %s (modprobe xen-gntalloc?)" :
		    "domain %d does not serve at %s, or somebody else is connected", domid, path);
	c->blocking = 0;
	while (serve && libxenvchan_is_open(c) == 2)
		libxenvchan_wait(c);
	for (;;) {
		struct pollfd p = { .fd = 0, .events = POLLIN };
		int n = libxenvchan_read(c, out, sizeof(out)), m = 0;

		if (n > 0)
			write_out(out, n);
		if (open && have == at && poll(&p, 1, 0) == 1) {
			ssize_t got = read(0, in, sizeof(in));

			at = 0;
			have = got > 0 ? got : 0;
			open = got > 0;
		}
		if (at < have)
			m = libxenvchan_write(c, in + at, have - at);
		at += m > 0 ? m : 0;
		if (n < 0 || m < 0)
			break;
		if (n == 0 && m == 0)
			channel_wait(c, open && have == at);
	}
	libxenvchan_close(c);
}

/* ---- words */

static void call(int argc, char **argv)
{
	json_t *parameters = NULL, *reply = NULL;
	json_error_t why;
	char *error;

	if (argc < 1)
		die(USAGE, "call DOMAIN METHOD [JSON]");
	if (argc > 1 && !(parameters = json_loads(argv[1], 0, &why)))
		die(USAGE, "parameters are no JSON: %s", why.text);
	error = endpoint_call(argv[0], parameters, 0, keep, &reply);
	if (error)
		complain(argv[0], error, reply);
	print_json(reply, 1);
}

static void describe(int argc, char **argv)
{
	json_t *r;

	if (argc < 1)
		die(USAGE, "describe DOMAIN INTERFACE");
	r = ask("org.varlink.service.GetInterfaceDescription",
		json_pack("{s:s}", "interface", argv[0]));
	if (as_json)
		print_json(r, 1);
	else
		fputs(text(r, "description"), stdout);
}

static void interfaces(void)
{
	json_t *r = ask("org.varlink.service.GetInfo", NULL);

	if (as_json)
		print_json(r, 1);
	else
		show(json_object_get(r, "interfaces"), 0);
}

static int word(const char *command, const char *option, const char *domain, int argc, char **argv)
{
	int domid = domain_find(domain);

	if (!strcmp(command, "console")) {
		execlp("xl", "xl", "console", domain, (char *)NULL);
		die(FAILED, "there is no xl");
	}
	if (!strcmp(command, "vcat")) {
		if (argc < 1)
			die(USAGE, "vcat [-l] DOMAIN PATH");
		vcat(domid, argv[0], !strcmp(option, "-l"));
		return 0;
	}
	endpoint_open(domid);
	if (!strcmp(command, "info"))
		ask_and_show(INTERFACES "info1.Get", NULL);
	else if (!strcmp(command, "ps"))
		ps();
	else if (!strcmp(command, "top"))
		top();
	else if (!strcmp(command, "mem"))
		ask_and_show(INTERFACES "memory1.Get", NULL);
	else if (!strcmp(command, "stats"))
		ask_and_show(INTERFACES "stats1.Get", NULL);
	else if (!strcmp(command, "net"))
		ask_and_show(INTERFACES "net1.Get", NULL);
	else if (!strcmp(command, "block"))
		ask_and_show(INTERFACES "block1.Get", NULL);
	else if (!strcmp(command, "log"))
		show_log(!strcmp(option, "-f"));
	else if (!strcmp(command, "level"))
		ask_and_show(INTERFACES "log1.SetLevel",
			     json_pack("{s:s}", "level", argc ? argv[0] : ""));
	else if (!strcmp(command, "shutdown"))
		ask_and_show(INTERFACES "power1.Shutdown",
			     json_pack("{s:s}", "mode", !strcmp(option, "-r") ? "reboot" :
				       !strcmp(option, "-c") ? "crash" : "poweroff"));
	else if (!strcmp(command, "interfaces"))
		interfaces();
	else if (!strcmp(command, "describe"))
		describe(argc, argv);
	else if (!strcmp(command, "call"))
		call(argc, argv);
	else
		die(USAGE, "there is no command %s; xenolith --help", command);
	return 0;
}

int main(int argc, char **argv)
{
	const char *words[16], *option = "";
	int n = 0;

	for (int i = 1; i < argc && n < 15; i++) {
		if (!strcmp(argv[i], "--help") || !strcmp(argv[i], "-h")) {
			fputs(usage, stdout);
			return 0;
		}
		if (!strcmp(argv[i], "--json"))
			as_json = 1;
		else if (argv[i][0] == '-' && argv[i][1] && n < 2)
			option = argv[i];
		else
			words[n++] = argv[i];
	}
	words[n] = NULL;
	if (n < 2) {
		fputs(usage, stderr);
		return USAGE;
	}
	return word(words[0], option, words[1], n - 2, (char **)words + 2);
}

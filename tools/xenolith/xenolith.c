/* SPDX-License-Identifier: ISC */
/* The operator's command; xenolith.1 describes it. */
#include "xenolith.h"
#include "domain.h"
#include "usage.h"
#include "warm.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- threads */

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

static void ps(const struct words *w)
{
	json_t *all = ask_for_list(INTERFACES "threads1.List", "threads"), *t;
	size_t i;

	(void)w;
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

/*
 * Returns the previous CPU time of the thread that is now at index i, or 0 if it is new.
 * Threads that have ended meanwhile moved it to a lower index, so the search begins at i.
 */
static json_int_t cpu_before(json_t *threads, size_t i, json_int_t id)
{
	for (size_t n = 0; n < 1000 && i + n < json_array_size(threads); n++)
		if (number(json_array_get(threads, i + n), "id") == id)
			return number(json_array_get(threads, i + n), "cpu");
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
		json_int_t used = number(t, "cpu") - cpu_before(b->threads, i, number(t, "id"));

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

static void top(const struct words *w)
{
	struct before b = { 0 };
	char *error = endpoint_call(INTERFACES "stats1.Get", json_pack("{s:i}", "every", 1000), 1,
				    top_reply, &b);

	(void)w;
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
		put_lines(stdout, raw_text(parameters, "text"));
	fflush(stdout);
	return 0;
}

static void show_log(const struct words *w)
{
	int follow = !strcmp(w->option, "-f");
	char *error = endpoint_call(follow ? INTERFACES "log1.Follow" : INTERFACES "log1.Get",
				    NULL, follow, log_reply, NULL);

	if (error)
		complain("log", error, NULL);
}

/* ---- commands of one call */

static void info(const struct words *w)
{
	(void)w;
	ask_and_show(INTERFACES "info1.Get", NULL);
}

static void mem(const struct words *w)
{
	(void)w;
	ask_and_show(INTERFACES "memory1.Get", NULL);
}

static void stats(const struct words *w)
{
	(void)w;
	ask_and_show(INTERFACES "stats1.Get", NULL);
}

static int is_level(const char *word)
{
	static const char *const levels[] = {
		"error", "warning", "info", "debug", "0", "1", "2", "3"
	};

	for (size_t i = 0; i < sizeof(levels) / sizeof(levels[0]); i++)
		if (!strcmp(word, levels[i]))
			return 1;
	return 0;
}

static void level(const struct words *w)
{
	json_t *p;

	if (!w->argc) {
		ask_and_show(INTERFACES "log1.GetLevel", NULL);
		return;
	}
	if (!is_level(w->argv[0]))
		die(USAGE, "level %s: the levels are error, warning, info and debug", w->argv[0]);
	p = json_pack("{s:s}", "level", w->argv[0]);
	if (w->argc > 1)
		json_object_set_new(p, "module", json_string(w->argv[1]));
	ask_and_show(INTERFACES "log1.SetLevel", p);
}

static void setting(const char *key, json_t *of)
{
	if (json_object_get(of, "value"))
		printf("%s=%s\n", key, text(of, "value"));
	else if (json_object_get(of, "default"))
		printf("%s=%s (default)\n", key, text(of, "default"));
	else
		printf("%s: not set\n", key);
}

/* Lists all options, shows one (KEY), or sets one (KEY=VALUE). */
static void config(const struct words *w)
{
	char *equals = w->argc ? strchr(w->argv[0], '=') : NULL;
	json_t *r, *s;
	size_t i;

	if (equals) {
		*equals = '\0';
		ask_and_show(INTERFACES "config1.Set", json_pack("{s:s,s:s}", "key", w->argv[0],
								 "value", equals + 1));
		return;
	}
	r = w->argc ? ask(INTERFACES "config1.Get", json_pack("{s:s}", "key", w->argv[0])) :
		      ask(INTERFACES "config1.List", NULL);
	if (as_json)
		print_json(r, 1);
	else if (w->argc)
		setting(w->argv[0], r);
	else
		json_array_foreach(json_object_get(r, "settings"), i, s)
			setting(text(s, "key"), s);
}

static void end_guest(const struct words *w)
{
	ask_and_show(INTERFACES "power1.Shutdown",
		     json_pack("{s:s}", "mode", !strcmp(w->option, "-r") ? "reboot" :
			       !strcmp(w->option, "-c") ? "crash" : "poweroff"));
}

static void send_signal(const struct words *w)
{
	const char *name = w->argv[0];

	if (!strncmp(name, "SIG", 3))
		name += 3;
	ask_and_show(INTERFACES "power1.Signal", json_pack("{s:s}", "signal", name));
}

static void console(const struct words *w)
{
	int status;
	pid_t child = fork();

	if (child == 0) {
		execlp("xl", "xl", "console", "-t", "pv", w->domain, (char *)NULL);
		die(FAILED, "cannot run xl: %s", strerror(errno));
	}
	if (child < 0 || waitpid(child, &status, 0) < 0)
		die(FAILED, "%s", strerror(errno));
	/* xenconsole(1) exits with errno: EAGAIN if it could not lock the console. */
	if (WIFEXITED(status) && WEXITSTATUS(status) == EAGAIN)
		die(NO_ENDPOINT, "another program is connected to the console of %s: `console`, or"
		    " the `run` that created it; use xenolith log -f %s", w->domain, w->domain);
	if (!WIFEXITED(status) || WEXITSTATUS(status))
		exit(FAILED);
}

static void call(const struct words *w)
{
	json_t *parameters = NULL, *reply = NULL;
	json_error_t why;
	char *error;

	if (!strrchr(w->argv[0], '.'))
		die(USAGE, "call %s: METHOD is INTERFACE.NAME, such as " INTERFACES "info1.Get;"
		    " xenolith interfaces and xenolith describe list them", w->argv[0]);
	if (w->argc > 1 && !(parameters = json_loads(w->argv[1], 0, &why)))
		die(USAGE, "%s is invalid JSON (%s); the parameters are an object, such as"
		    " '{\"key\": \"loglevel\"}'", w->argv[1], why.text);
	error = endpoint_call(w->argv[0], parameters, 0, keep_reply, &reply);
	if (error)
		complain(w->argv[0], error, reply);
	print_json(reply, 1);
}

static void describe(const struct words *w)
{
	json_t *r;

	r = ask("org.varlink.service.GetInterfaceDescription",
		json_pack("{s:s}", "interface", w->argv[0]));
	if (as_json)
		print_json(r, 1);
	else
		put_lines(stdout, raw_text(r, "description"));
}

static void interfaces(const struct words *w)
{
	json_t *r = ask("org.varlink.service.GetInfo", NULL);

	(void)w;
	if (as_json)
		print_json(r, 1);
	else
		show(json_object_get(r, "interfaces"), 0);
}

/* ---- the command line */

static const struct word {
	const char *name;
	void (*run)(const struct words *w);
	int alone;			/* usage.h */
	const char *usage, *says;
} commands[] = {
#define COMMAND(name, run, alone, usage, says) { name, run, alone, usage, says },
	COMMANDS
#undef COMMAND
};

#define COUNT (sizeof(commands) / sizeof(commands[0]))

static void usage(FILE *to)
{
	fputs(USAGE_HEAD, to);
	for (size_t i = 0; i < COUNT; i++)
		fprintf(to, "  %-22s %s\n", commands[i].usage, commands[i].says);
	fputs(USAGE_TAIL, to);
}

static const struct word *find(const char *name)
{
	for (size_t i = 0; i < COUNT; i++)
		if (!strcmp(name, commands[i].name))
			return &commands[i];
	return NULL;
}

/* The usage text of a command defines its options and its number of arguments. */
static int takes(const struct word *c, const char *option)
{
	return strlen(option) == 2 && strstr(c->usage, option);
}

static void check_words(const struct word *c, int n)
{
	const char *p = strchr(c->usage, ' ');
	int least = 0, most = 0, optional = 0;

	for (; p; p = strchr(p, ' ')) {
		size_t length = strcspn(++p, " ");

		optional += *p == '[';
		if (strncmp(p, "[-", 2) || p[2] == '-') {	/* not an option of one letter */
			least += !optional;
			most++;
		}
		for (size_t i = 0; i < length && optional; i++)
			optional -= p[i] == ']';
	}
	if (n < 1 && c->alone < 2)
		die(USAGE, "missing argument DOMAIN; usage: xenolith %s", c->usage);
	if (n < least || (n > most && !strstr(c->usage, "...")))
		die(USAGE, "%s; usage: xenolith %s",
		    n > most ? "too many arguments" : "missing argument", c->usage);
}

int main(int argc, char **argv)
{
	struct words w = { .option = "" };
	char *words[16];
	int n = 0;
	const struct word *command = NULL;

	if (argc > 1 && !strcmp(argv[1], "run")) {
		run(argv + 2);
		return 0;
	}
	if (argc > 1 && !strcmp(argv[1], "pool")) {
		pool(argv + 2);
		return 0;
	}
	if (argc > 1 && !strcmp(argv[1], "ec2")) {
		argv[1] = "xenolith-ec2";
		execvp(argv[1], argv + 1);
		die(FAILED, "xenolith-ec2 is not installed; it is tools/ec2/ec2 of Xenolith's"
		    " sources");
	}
	if (argc > 2 && !strcmp(argv[1], "disk") && !strcmp(argv[2], "serve")) {
		disk_serve(argc - 2, argv + 2);
		return 0;
	}
	if (argc > 1 && !strcmp(argv[1], "disk")) {
		argv[1] = "xenolith-disk";
		execvp(argv[1], argv + 1);
		die(FAILED, "xenolith-disk is not installed; it is tools/xenolith/disk.py of"
		    " Xenolith's sources");
	}
	for (int i = 1; i < argc && n < 15; i++) {
		if (!strcmp(argv[i], "--help") || !strcmp(argv[i], "-h") ||
		    (!command && n == 0 && !strcmp(argv[i], "help") && !argv[i + 1])) {
			if (command)
				printf("usage: xenolith %s\n  %-22s %s\n", command->usage, "",
				       command->says);
			else
				usage(stdout);
			return 0;
		}
		if (!strcmp(argv[i], "--version")) {
			puts("xenolith " XENOLITH_VERSION);
			return 0;
		}
		if (!strcmp(argv[i], "--json")) {
			as_json = 1;
		} else if (!command && argv[i][0] != '-') {
			command = find(argv[i]);
			if (!command)
				die(USAGE, "unknown command %s; see xenolith --help", argv[i]);
		} else if (command && takes(command, argv[i])) {
			w.option = argv[i];
		} else if (argv[i][0] == '-' && argv[i][1] && n < 1) {
			die(USAGE, "unknown option %s; see xenolith --help", argv[i]);
		} else {
			words[n++] = argv[i];
		}
	}
	words[n] = NULL;
	if (!command) {
		usage(stderr);
		return USAGE;
	}
	check_words(command, n);
	if (command->alone == 2) {
		w.argc = n;
		w.argv = words;
		command->run(&w);
		return 0;
	}
	w.domain = words[0];
	if (command->run == show_log && log_of_ended(w.domain))
		return 0;
	w.domid = domain_find(w.domain);
	w.argc = n - 1;
	w.argv = words + 1;
	if (!command->alone)
		endpoint_open(w.domid);
	command->run(&w);
	return 0;
}

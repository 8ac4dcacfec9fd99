/* SPDX-License-Identifier: ISC */
/* The commands that use the records of guests: list, rm, wait, and log after the end. */
#include "guests.h"
#include "xenolith.h"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>
#include <xenstore.h>

#define ASK_MS 3000		/* for the addresses of all guests */

static const char *age(time_t since, char to[24])
{
	long long s = since ? time(NULL) - since : -1;

	if (s < 0)
		return "";
	if (s < 120)
		snprintf(to, 24, "%lld s", s);
	else if (s < 2 * 3600)
		snprintf(to, 24, "%lld min", s / 60);
	else if (s < 48 * 3600)
		snprintf(to, 24, "%lld h", s / 3600);
	else
		snprintf(to, 24, "%lld d", s / 86400);
	return to;
}

static const char *base(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

static int each_record(void (*visit)(struct guest *g, void *arg), void *arg)
{
	DIR *d = opendir(GUESTS);
	struct dirent *e;
	int n = 0;

	while (d && (e = readdir(d))) {
		struct guest g;

		if (*e->d_name == '.' || guest_load(e->d_name, &g))
			continue;
		guest_settle(&g);
		visit(&g, arg);
		n++;
	}
	if (d)
		closedir(d);
	return n;
}

static void put_row(json_t *rows, const char *name, const char *type, const char *state,
		    time_t since, const char *image, int domid)
{
	json_t *row = json_pack("{s:s,s:s,s:s,s:I,s:s,s:s}", "name", name, "type", type, "state",
				state, "since", (json_int_t)since, "image", base(image), "address",
				"");

	if (domid > 0)
		json_object_set_new(row, "domain", json_integer(domid));
	json_array_append_new(rows, row);
}

static void ended_row(struct guest *g, void *rows)
{
	char state[64];

	if (!g->ended)
		return;
	snprintf(state, sizeof(state), "%s, status %d", g->reason, g->status);
	put_row(rows, g->name, g->type, state, g->ended, g->image, 0);
}

static const char *state_of(int domid)
{
	xc_domaininfo_t i;
	const char *end = domain_end(domid);

	if (end)
		return end;
	xc_domain_getinfolist(xen(), domid, 1, &i);
	return i.flags & XEN_DOMINF_paused ? "paused" : "running";
}

static char *or_empty(char *s)
{
	return s ? s : strdup("");
}

static void domain_row(json_t *rows, int domid)
{
	char *vm = or_empty(store_read("/local/domain/%d/vm", domid));
	char *name = or_empty(store_read("/local/domain/%d/name", domid));
	char *type = or_empty(store_read("/libxl/%d/type", domid));
	char *image = domain_noted(domid, "image"), *start = domain_noted(domid, "started");

	if (!image)
		image = or_empty(store_read("%s/image/kernel", vm));
	if (!start)
		start = or_empty(store_read("%s/start_time", vm));
	put_row(rows, *name ? name : "?", type, state_of(domid), atol(start), image, domid);
	free(vm);
	free(name);
	free(type);
	free(image);
	free(start);
}

static int keep_address(json_t *parameters, void *arg)
{
	json_t *devices = json_object_get(json_object_get(parameters, "net"), "devices");
	json_t *all = json_object_get(json_array_get(devices, 0), "addresses");
	const char *first = json_string_value(json_array_get(all, 0));

	snprintf(arg, 64, "%.*s", first ? (int)strcspn(first, "/") : 0, first ? first : "");
	return 0;
}

/* A child asks a guest for its address, since a failure ends the program. */
static int ask_address(int domid)
{
	char *vif = store_read("/local/domain/%d/device/vif/0/backend", domid), *there;
	int out[2];

	there = vif ? store_read("/local/domain/%d/data/vchan/0/control/event-channel", domid) : NULL;
	free(vif);
	if (!there || pipe(out))
		return -1;
	free(there);
	if (fork() == 0) {
		char address[64] = "";
		int null = open("/dev/null", O_RDWR);

		dup2(null, 1);
		dup2(null, 2);
		domain_forked();
		endpoint_open(domid);
		endpoint_call(INTERFACES "net1.Get", NULL, 0, keep_address, address);
		(void)!write(out[1], address, strlen(address));
		_exit(0);
	}
	close(out[1]);
	return out[0];
}

static void ask_addresses(json_t *rows)
{
	size_t n = json_array_size(rows);
	int *from = calloc(n + 1, sizeof(*from)), left = ASK_MS;

	for (size_t i = 0; i < n; i++)
		from[i] = ask_address(number(json_array_get(rows, i), "domain"));
	for (size_t i = 0; i < n; i++) {
		struct pollfd p = { .fd = from[i], .events = POLLIN };
		char address[64] = "";

		if (from[i] < 0)
			continue;
		for (; left > 0 && !poll(&p, 1, 20); left -= 20)
			;
		if (p.revents && read(from[i], address, sizeof(address) - 1) > 0)
			json_object_set_new(json_array_get(rows, i), "address", json_string(address));
		close(from[i]);
	}
	free(from);
}

void list(const struct words *w)
{
	json_t *rows = json_array(), *row;
	xc_domaininfo_t all[256];
	int n = xc_domain_getinfolist(xen(), 1, 256, all);
	char since[24];
	size_t i;

	(void)w;
	each_record(ended_row, json_array());	/* settle first */
	for (int d = 0; d < n; d++)
		if (!(all[d].flags & XEN_DOMINF_dying))
			domain_row(rows, all[d].domain);
	ask_addresses(rows);
	each_record(ended_row, rows);
	if (as_json) {
		print_json(rows, 1);
		return;
	}
	if (!json_array_size(rows)) {
		puts("no guests");
		return;
	}
	printf("%-16s %-4s %-22s %-8s %-16s %s\n", "NAME", "TYPE", "STATE", "AGE", "IMAGE", "ADDRESS");
	json_array_foreach(rows, i, row)
		printf("%-16s %-4s %-22s %-8s %-16s %s\n", text(row, "name"), text(row, "type"),
		       text(row, "state"), age(number(row, "since"), since), text(row, "image"),
		       text(row, "address"));
}

/* Waits until the process that waits for the guest's end has saved it. */
static void await_keeper(const char *name)
{
	char path[384];
	int fd;

	guest_path(path, sizeof(path), name, "keeper");
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd >= 0) {
		flock(fd, LOCK_EX);
		close(fd);
	}
}

int log_of_ended(const char *name)
{
	struct guest g;
	char path[384], data[65536], since[24];
	int domid = domain_of_name(name);
	size_t n;
	FILE *f;

	if (guest_load(name, &g) || (domid >= 0 && !domain_end(domid)))
		return 0;
	await_keeper(name);
	if (guest_load(name, &g))
		return 0;
	guest_settle(&g);
	if (!g.ended)
		return 0;
	guest_path(path, sizeof(path), name, "console");
	f = fopen(path, "r");
	while (f && (n = fread(data, 1, sizeof(data) - 1, f)) > 0) {
		for (char *at = data; at < data + n; at++)
			if (!*at)
				*at = '?';
		data[n] = '\0';
		put_lines(stdout, data);
	}
	fflush(stdout);
	if (!f)
		fprintf(stderr, "xenolith: the console was not kept: xenconsoled has no --log=guest on"
			" this host\n");
	fprintf(stderr, "xenolith: %s ended by %s, status %d, %s ago\n", name, g.reason, g.status,
		age(g.ended, since));
	return 1;
}

void rm(const struct words *w)
{
	int force = !strcmp(w->option, "-f");

	for (char **names = w->argv; *names; names++) {
		struct guest g;
		int domid = domain_of_name(*names), recorded = !guest_load(*names, &g);

		if (domid > 0 && !force)
			die(FAILED, "%s is running; end it by xenolith stop %s, or type xenolith rm -f %s",
			    *names, *names, *names);
		if (domid > 0 && domain_destroy(domid))
			exit(FAILED);
		if (!recorded && domid < 0)
			die(NO_DOMAIN, "no guest is named %s%s", *names, domain_names());
		/* The keeper of a guest that was destroyed just now saves its end first. */
		for (int i = 0; recorded && !g.ended && i < 100; i++) {
			usleep(50 * 1000);
			if (guest_load(*names, &g))
				break;
			guest_settle(&g);
		}
		guest_remove(*names);
	}
}

void wait_end(const struct words *w)
{
	const char *name = w->argv[0];
	struct guest g;

	if (guest_load(name, &g))
		die(NO_DOMAIN, "no guest in the background is named %s%s", name, domain_names());
	for (;;) {
		await_keeper(name);
		if (guest_load(name, &g))
			die(NO_DOMAIN, "%s was removed", name);
		guest_settle(&g);
		if (g.ended)
			break;
		usleep(100 * 1000);
	}
	fprintf(stderr, "xenolith: %s ended by %s, status %d\n", name, g.reason, g.status);
	exit(g.status);
}

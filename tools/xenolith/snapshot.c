/* SPDX-License-Identifier: ISC */
/*
 * Copies of a snapshot: `xl restore` of the file with another name, UUID and MAC addresses in its
 * configuration, which a child writes to a pipe with the rest of the file behind it.
 */
#include "domain.h"
#include "guests.h"
#include "save.h"
#include "warm.h"
#include "xenolith.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/wait.h>
#include <unistd.h>

static json_t *config;

void snapshot_describe(struct run_options *o)
{
	json_t *info, *disk;
	size_t i;

	config = saved_config("run --from", o->from);
	json_array_foreach(json_object_get(config, "disks"), i, disk)
		if (json_integer_value(json_object_get(disk, "readwrite")))
			die(FAILED, "run --from: the guest in %s has a writable disk, to which each copy would"
			    " write what the snapshot remembers; make the snapshot with --disk FILE,ro",
			    o->from);
	info = json_object_get(config, "c_info");
	if (!o->named)
		o->name = strdup(raw_text(info, "name"));
	o->type = strdup(raw_text(info, "type"));
	o->image = strdup(raw_text(json_object_get(config, "b_info"), "kernel"));
	if (!*o->name)
		die(FAILED, "run: the guest in %s has no name", o->from);
	if (*o->name == '.' || strchr(o->name, '/'))
		die(FAILED, "run: the name of the guest in %s cannot be that of a file; choose one with --name",
		    o->from);
	o->cmdline = run_line(o, LINE_MOST);
}

/* An address of Xen's range (00:16:3e). */
static void set_mac(json_t *nic)
{
	unsigned char b[3];
	char mac[18];

	if (getrandom(b, sizeof(b), 0) != sizeof(b))
		die(FAILED, "getrandom: %s", strerror(errno));
	snprintf(mac, sizeof(mac), "00:16:3e:%02x:%02x:%02x", b[0], b[1], b[2]);
	json_object_set_new(nic, "mac", json_string(mac));
}

static void change_config(const struct run_options *o, const char *uuid_text)
{
	json_t *info = json_object_get(config, "c_info"), *nic;
	size_t i;

	json_object_set_new(info, "name", json_string(o->name));
	json_object_set_new(info, "uuid", json_string(uuid_text));
	json_array_foreach(json_object_get(config, "nics"), i, nic)
		set_mac(nic);
}

/* In a child: writes the file with the new configuration.  A reader that ends, ends it too. */
static void feed(const struct run_options *o, int to)
{
	char *text = json_dumps(config, JSON_COMPACT), data[65536];
	ssize_t n;
	int from = saved_rest(o->from, text, to);

	while (from >= 0 && (n = read(from, data, sizeof(data))) > 0)
		for (ssize_t done = 0, w; done < n; done += w)
			if ((w = write(to, data + done, n - done)) <= 0)
				_exit(1);
	_exit(from < 0);
}

int snapshot_copy(struct run_options *o, const uint8_t uuid[], const char *uuid_text)
{
	char path[32], *words[] = { "xl", "restore", "-e", "-p", path, NULL };
	int ends[2], domid, status;
	pid_t feeder;

	change_config(o, uuid_text);
	fflush(NULL);
	if (pipe(ends) || (feeder = fork()) < 0)
		die(FAILED, "%s", strerror(errno));
	if (feeder == 0) {
		close(ends[0]);
		signal(SIGPIPE, SIG_DFL);
		feed(o, ends[1]);
	}
	close(ends[1]);
	snprintf(path, sizeof(path), "/dev/fd/%d", ends[0]);
	status = run_xl(words);
	close(ends[0]);
	waitpid(feeder, NULL, 0);
	domid = domain_of_uuid(uuid);
	if (status || domid < 0)
		die(FAILED, "run: xl could not restore a copy of %s", o->from);
	domain_note(domid, "line", o->cmdline);
	return domid;
}

/* SPDX-License-Identifier: ISC */
/* The control methods of all devices: org.xenolith.xenbus1. */
#include "control/command.h"
#include "control/control_internal.h"
#include "drivers/xenbus/frontend.h"

#include <errno.h>

const char *frontend_state(const struct frontend *fe)
{
	if (fe->broken)
		return "broken";
	switch (fe->error) {
	case 0:
		return "connected";
	case -EAGAIN:
		return "connecting";
	case -ENODEV:
		return "detached";
	}
	return "failed";
}

void frontend_put_ring(struct json *j, const char *key, const struct ring *r)
{
	struct ring_use use;

	ring_use(r, &use);
	json_open(j, key, '{');
	json_number(j, "slots", use.slots);
	json_number(j, "used", use.used);
	json_number(j, "most", use.most);
	json_number(j, "waiting", use.waiting);
	json_close(j, '}');
}

static void put_ring(const char *key, const struct ring *r, void *arg)
{
	frontend_put_ring(arg, key, r);
}

static void put_device(const struct frontend *fe, void *arg)
{
	struct json *j = arg;

	json_open(j, NULL, '{');
	json_string(j, "name", fe->node);
	json_string(j, "state", frontend_state(fe));
	if (fe->broken)
		json_string(j, "why", fe->broken);
	else if (fe->error)
		json_number(j, "error", fe->error);
	if (fe->error != -ENODEV) {
		json_number(j, "domain", fe->peer);
		json_string(j, "backend", fe->backend);
	}
	json_number(j, "attached", fe->attached);
	json_open(j, "rings", '{');
	frontend_rings(fe, put_ring, j);
	json_close(j, '}');
	json_close(j, '}');
}

static void xenbus_stats(struct json *j, const char *key)
{
	json_open(j, key, '[');
	frontend_each(NULL, put_device, j);
	json_close(j, ']');
}

void frontend_methods_add(void)
{
	static struct interface xenbus = {
		.name = "org.xenolith.xenbus1",
		.description =
		"# Split devices.  `attached`: how often it was attached; `why`: why it is broken,\n"
		"# until it is attached again.  Rings: `used` slots wait for the backend, `most` is\n"
		"# the maximum so far, `waiting` threads wait for slots.\n"
		"interface org.xenolith.xenbus1\n"
		"type Ring (slots: int, used: int, most: int, waiting: int)\n"
		"type Device (name: string,\n"
		"  state: (connected, connecting, detached, broken, failed), why: ?string,\n"
		"  error: ?int, domain: ?int, backend: ?string, attached: int, rings: [string]Ring)\n"
		"method Get() -> (xenbus: []Device)\n",
		.key = "xenbus", .stats = xenbus_stats,
	};

	command_add(&xenbus);
	trace_methods_add();
}

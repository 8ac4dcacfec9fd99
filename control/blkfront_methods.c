/* SPDX-License-Identifier: ISC */
/* The control methods of disks (drivers/blkfront.h): org.xenolith.block1. */
#include "control/command.h"
#include "control/control_internal.h"
#include "drivers/blkfront.h"
#include "drivers/xenbus/frontend.h"

static void put_disk(const struct frontend *fe, void *arg)
{
	struct blkfront_stats s;
	struct json *j = arg;
	char name[16];

	blkfront_stats(fe, &s);
	blkfront_name(fe->id, name, sizeof(name));
	json_open(j, NULL, '{');
	json_string(j, "name", name);
	json_number(j, "number", fe->id);
	json_string(j, "state", frontend_state(fe));
	json_number(j, "size_bytes", s.info.size);
	json_number(j, "sector_bytes", s.info.sector_size);
	json_bool(j, "writable", s.info.writable);
	json_number(j, "reads", s.reads);
	json_number(j, "writes", s.writes);
	json_number(j, "flushes", s.flushes);
	json_number(j, "discards", s.discards);
	json_number(j, "read_bytes", s.read_bytes);
	json_number(j, "written_bytes", s.written_bytes);
	json_number(j, "errors", s.errors);
	frontend_put_ring(j, "ring", s.ring);
	json_open(j, "pages", '{');
	json_number(j, "limit", s.pool->max);
	json_number(j, "granted", s.pool->granted);
	json_number(j, "used", s.pool->lent);
	json_close(j, '}');
	json_close(j, '}');
}

static void put_disks(struct json *j, const char *key)
{
	json_open(j, key, '[');
	blkfront_each(put_disk, j);
	json_close(j, ']');
}

static struct interface block = {
	.name = "org.xenolith.block1",
	.description =
	"# Disks.  Requests are counted as sent to the backend: one read may be several.\n"
	"# `pages`: buffers for data.\n"
	"interface org.xenolith.block1\n"
	"type Ring (slots: int, used: int, most: int, waiting: int)\n"
	"type Pages (limit: int, granted: int, used: int)\n"
	"type Disk (name: string, number: int, state: string, size_bytes: int,\n"
	"  sector_bytes: int, writable: bool, reads: int, writes: int, flushes: int,\n"
	"  discards: int, read_bytes: int, written_bytes: int, errors: int, ring: Ring,\n"
	"  pages: Pages)\n"
	"method Get() -> (block: []Disk)\n",
	.key = "block", .stats = put_disks,
};

void blkfront_methods_add(void)
{
	command_add(&block);
}

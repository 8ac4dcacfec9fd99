/* SPDX-License-Identifier: ISC */
#include "tests/fs/op.h"

#include "fs/fs.h"
#include "tests/fs/sim.h"

#include <stdio.h>
#include <string.h>

const char *const op_names[OP_KINDS] = {
	"create", "mkdir", "symlink", "mknod", "tmpfile", "link", "unlink", "rmdir", "rename",
	"noreplace", "exchange", "write", "append", "truncate", "allocate", "allocate_keep",
	"punch", "zero", "chmod", "chown", "utime", "xset", "xremove",
	"open", "close", "lookup", "read", "readlink", "readdir", "seek", "xget", "xlist",
	"statfs", "page",
	"fsync", "fdatasync", "sync", "write_range", "freeze",
	"wait", "drop", "remount",
};

static const char *shortened(const char *s)
{
	static char text[2][40];
	static unsigned turn;
	char *t = text[turn++ % 2];

	if (!s)
		return "";
	if (strlen(s) < 30)
		return s;
	snprintf(t, sizeof(text[0]), "%.12s...(%zu)", s, strlen(s));
	return t;
}

void op_print(const struct op *op, char *to, size_t size)
{
	int n = snprintf(to, size, "%s %s", op_names[op->kind], shortened(op->a));

	if (op->b && n < (int)size)
		n += snprintf(to + n, size - n, " %s", shortened(op->b));
	if ((op->at || op->len) && n < (int)size)
		n += snprintf(to + n, size - n, " at %llu len %llu", (unsigned long long)op->at,
			      (unsigned long long)op->len);
	if (op->mode && n < (int)size)
		n += snprintf(to + n, size - n, " mode %#o", op->mode);
	if ((op->kind == OP_OPEN || op->kind == OP_CLOSE || op->kind == OP_TMPFILE) &&
	    n < (int)size)
		snprintf(to + n, size - n, " slot %u", op->slot);
}

/* ---- Random operations. */

#define A50 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define NAME255 A50 A50 A50 A50 A50 "aaaaa"
#define ONE(list) ((list)[sim_below(COUNT_OF(list))])

static const char *const names[] = {
	"a", "b", "d", "d/a", "d/b", "d/e", "d/e/a", "e", "e/d", "a", "b", "d/a", "d/b", "c",
};
static const char *const odd_names[] = {
	".", "..", "d/.", "d/..", "a/x", "d/a/b", "d/e/..", NAME255, NAME255 "a", "d/" NAME255,
	"d/" NAME255 "b", "c c", "\xff\xfe", "d/\n", "none/x", "@0/.", "@1/..",
};
static const char *const slot_names[] = {
	"@0", "@1", "@2", "@3", "@0/a", "@1/b", "@0/d", "@1/d",
};
static const char *const attributes[] = {
	"user.a", "user.b", ("user.long" A50), "user.c", "user.", "bogus.a", "user.a",
};
static const uint64_t sizes[] = {
	0, 1, 100, 511, 512, 1000, 1023, 1024, 1025, 2048, 3000, 4095, 4096, 4097, 5000, 8192,
	10000, 12288, 16383, 20000, 40000, 65536,
};

static uint64_t size_of(const struct gen *g)
{
	uint64_t max = g->size_max ? g->size_max : 65536;

	if (!sim_chance(3))
		return ONE(sizes) % (max + 1);
	return sim_random() % (max + 1);
}

static const char *path_of(const struct gen *g)
{
	if (!g->small && sim_chance(25))
		return ONE(odd_names);
	if (!g->no_slots && sim_chance(8))
		return ONE(slot_names);
	return ONE(names);
}

static const char *target_of(void)
{
	static char targets[5][4200];
	static const unsigned lengths[] = { 1, 59, 60, 1000, 4095 };
	static const char *const other[] = { "", "d/a", "../x" };
	unsigned n = sim_below(5);

	if (sim_chance(2))
		return ONE(other);
	memset(targets[n], 'a' + n, lengths[n]);
	targets[n][lengths[n]] = '\0';
	return targets[n];
}

static const struct {
	enum op_kind kind;
	unsigned weight;
} weights[] = {
	{ OP_CREATE, 12 }, { OP_MKDIR, 6 }, { OP_SYMLINK, 4 }, { OP_MKNOD, 2 }, { OP_TMPFILE, 2 },
	{ OP_LINK, 5 }, { OP_UNLINK, 8 }, { OP_RMDIR, 4 }, { OP_RENAME, 9 }, { OP_NOREPLACE, 2 },
	{ OP_EXCHANGE, 3 }, { OP_WRITE, 16 }, { OP_APPEND, 8 }, { OP_TRUNCATE, 8 },
	{ OP_ALLOCATE, 3 }, { OP_ALLOCATE_KEEP, 3 }, { OP_PUNCH, 4 }, { OP_ZERO, 1 },
	{ OP_CHMOD, 2 }, { OP_CHOWN, 2 }, { OP_UTIME, 2 }, { OP_XSET, 4 }, { OP_XREMOVE, 2 },
	{ OP_OPEN, 6 }, { OP_CLOSE, 4 }, { OP_LOOKUP, 3 }, { OP_READ, 10 }, { OP_READLINK, 2 },
	{ OP_READDIR, 3 }, { OP_SEEK, 5 }, { OP_XGET, 2 }, { OP_XLIST, 1 }, { OP_STATFS, 1 },
	{ OP_PAGE, 2 }, { OP_FSYNC, 4 }, { OP_FDATASYNC, 3 }, { OP_SYNC, 2 },
	{ OP_WRITE_RANGE, 1 }, { OP_FREEZE, 1 }, { OP_WAIT, 3 }, { OP_DROP, 2 },
	{ OP_REMOUNT, 1 },
};

static enum op_kind kind_of(void)
{
	static unsigned total;
	unsigned n;

	for (size_t i = 0; !total && i < 1; i++)
		for (size_t j = 0; j < COUNT_OF(weights); j++)
			total += weights[j].weight;
	n = sim_below(total);
	for (size_t i = 0;; i++) {
		if (n < weights[i].weight)
			return weights[i].kind;
		n -= weights[i].weight;
	}
}

void gen_random(const struct gen *g, struct op *op)
{
	static uint8_t fill;

	*op = (struct op){ .kind = kind_of(), .fill = ++fill };
	op->a = path_of(g);
	op->slot = sim_below(SLOTS);
	switch (op->kind) {
	case OP_SYMLINK:
		op->b = target_of();
		break;
	case OP_MKNOD:
		op->mode = (const unsigned[]){ FS_IFIFO, FS_IFSOCK, FS_IFCHR, FS_IFBLK,
					       FS_IFDIR }[sim_below(5)] | 0644;
		if ((op->mode & FS_IFMT) == FS_IFIFO || (op->mode & FS_IFMT) == FS_IFSOCK)
			break;
		op->at = sim_chance(2) ? (UINT64_C(5) << 32 | 1) : (UINT64_C(300) << 32 | 70000);
		break;
	case OP_LINK:
	case OP_RENAME:
	case OP_NOREPLACE:
	case OP_EXCHANGE:
		op->b = path_of(g);
		break;
	case OP_CREATE:
	case OP_MKDIR:
	case OP_TMPFILE:
		op->mode = sim_chance(8) ? 02755 : 0640;
		break;
	case OP_CHMOD:
		op->mode = sim_chance(4) ? 02777 : 0600 + sim_below(64);
		break;
	case OP_CHOWN:
		op->at = sim_chance(2) ? sim_below(70000) : UINT32_C(4000000000);
		op->len = sim_below(70000);
		break;
	case OP_UTIME:
		op->at = sim_random() % (UINT64_C(15000000000) * SECOND);
		op->len = sim_random() % (UINT64_C(4000000000) * SECOND);
		break;
	case OP_XSET:
	case OP_XREMOVE:
	case OP_XGET:
		op->b = ONE(attributes);
		op->len = sim_chance(4) ? sim_below(3000) : sim_below(60);
		op->mode = sim_chance(4) ? 1 + sim_below(2) : 0;
		break;
	case OP_WAIT:
		op->at = 1 + sim_below(40);
		break;
	case OP_REMOUNT:
		if (g->no_remount)
			op->kind = OP_SYNC;
		break;
	default:
		op->at = size_of(g);
		op->len = size_of(g);
		if (op->kind == OP_TRUNCATE || op->kind == OP_APPEND)
			op->at = 0;
	}
}

/* ---- The alphabet of crash tests. */

#define NAMES(k, first, second) { .kind = k, .a = first, .b = second }
#define RANGE(k, path, from, bytes) { .kind = k, .a = path, .at = from, .len = bytes }

const struct op gen_setup[] = {
	{ .kind = OP_MKDIR, .a = "d", .mode = 0755 },
	{ .kind = OP_CREATE, .a = "a", .mode = 0644 },
	RANGE(OP_WRITE, "a", 0, 5000),
	{ .kind = OP_CREATE, .a = "d/b", .mode = 0600 },
	RANGE(OP_WRITE, "d/b", 0, 1500),
	{ .kind = OP_MKDIR, .a = "e", .mode = 0755 },
	{ .kind = OP_SYMLINK, .a = "l", .b = "d/b" },
	{ .kind = OP_SYNC },
};
const unsigned gen_setup_count = COUNT_OF(gen_setup);

const struct op gen_alphabet[] = {
	{ .kind = OP_CREATE, .a = "c", .mode = 0644 },
	{ .kind = OP_CREATE, .a = "d/c", .mode = 0644 },
	{ .kind = OP_MKDIR, .a = "d/f", .mode = 0755 },
	{ .kind = OP_MKDIR, .a = "f", .mode = 0755 },
	NAMES(OP_SYMLINK, "d/s", "target"),
	NAMES(OP_SYMLINK, "s", "a/target/that/is/longer/than/the/sixty/bytes/of/an/inode/so/has/a/block"),
	{ .kind = OP_MKNOD, .a = "p", .mode = FS_IFIFO | 0600 },
	NAMES(OP_LINK, "a", "c"),
	NAMES(OP_LINK, "d/b", "e/b"),
	{ .kind = OP_UNLINK, .a = "a" },
	{ .kind = OP_UNLINK, .a = "d/b" },
	{ .kind = OP_UNLINK, .a = "c" },
	{ .kind = OP_UNLINK, .a = "l" },
	{ .kind = OP_RMDIR, .a = "e" },
	{ .kind = OP_RMDIR, .a = "f" },
	NAMES(OP_RENAME, "a", "c"),
	NAMES(OP_RENAME, "a", "d/b"),
	NAMES(OP_RENAME, "d/b", "a"),
	NAMES(OP_RENAME, "c", "a"),
	NAMES(OP_RENAME, "d", "e"),
	NAMES(OP_RENAME, "d", "f"),
	NAMES(OP_RENAME, "e", "d/e"),
	NAMES(OP_NOREPLACE, "a", "g"),
	NAMES(OP_EXCHANGE, "a", "d/b"),
	NAMES(OP_EXCHANGE, "a", "e"),
	RANGE(OP_WRITE, "a", 0, 1000),
	RANGE(OP_WRITE, "a", 2000, 6000),
	RANGE(OP_WRITE, "c", 0, 5000),
	RANGE(OP_WRITE, "c", 0, 12288),
	RANGE(OP_WRITE, "d/b", 20000, 1000),
	RANGE(OP_WRITE, "d/c", 0, 700),
	RANGE(OP_APPEND, "a", 0, 3000),
	RANGE(OP_APPEND, "d/b", 0, 100),
	RANGE(OP_TRUNCATE, "a", 0, 0),
	RANGE(OP_TRUNCATE, "a", 0, 3000),
	RANGE(OP_TRUNCATE, "a", 0, 9000),
	RANGE(OP_TRUNCATE, "d/b", 0, 1024),
	RANGE(OP_ALLOCATE, "a", 4000, 9000),
	RANGE(OP_ALLOCATE, "c", 0, 6000),
	RANGE(OP_ALLOCATE_KEEP, "a", 0, 20000),
	RANGE(OP_PUNCH, "a", 1000, 3500),
	RANGE(OP_PUNCH, "a", 0, 4096),
	RANGE(OP_PUNCH, "d/b", 0, 1500),
	{ .kind = OP_CHMOD, .a = "a", .mode = 0400 },
	{ .kind = OP_CHMOD, .a = "d", .mode = 0700 },
	{ .kind = OP_CHOWN, .a = "d/b", .at = 7, .len = 70000 },
	{ .kind = OP_XSET, .a = "a", .b = "user.a", .len = 20 },
	{ .kind = OP_XSET, .a = "d", .b = "user.b", .len = 600 },
	{ .kind = OP_XREMOVE, .a = "a", .b = "user.a" },
	{ .kind = OP_OPEN, .a = "a", .slot = 0 },
	{ .kind = OP_OPEN, .a = "d/b", .slot = 1 },
	RANGE(OP_WRITE, "@0", 4000, 2000),
	{ .kind = OP_CLOSE, .slot = 0 },
	{ .kind = OP_TMPFILE, .a = "d", .mode = 0644, .slot = 1 },
	NAMES(OP_LINK, "@1", "d/t"),
	RANGE(OP_WRITE, "@1", 0, 2500),
	{ .kind = OP_WAIT, .at = 6 },
	{ .kind = OP_WAIT, .at = 40 },
	{ .kind = OP_FREEZE },
	{ .kind = OP_REMOUNT },
};
const unsigned gen_alphabet_count = COUNT_OF(gen_alphabet);

uint64_t gen_sequences(unsigned count)
{
	uint64_t n = 1;

	while (count--)
		n *= gen_alphabet_count * GEN_SYNCS;
	return n;
}

unsigned gen_sequence(uint64_t number, unsigned count, struct op *ops)
{
	unsigned n = 0;

	for (unsigned i = 0; i < count; i++) {
		struct op op = gen_alphabet[number % gen_alphabet_count];
		unsigned sync = (number /= gen_alphabet_count) % GEN_SYNCS;

		number /= GEN_SYNCS;
		op.fill = 10 + i;
		ops[n++] = op;
		if (!sync)
			continue;
		ops[n] = (struct op){ .kind = sync == 1 ? OP_FSYNC :
					      sync == 2 ? OP_FDATASYNC : OP_SYNC };
		/* Of what the operation was about, by the name that it has now. */
		if (sync < 3) {
			bool moved = op.kind == OP_RENAME || op.kind == OP_NOREPLACE ||
				     op.kind == OP_LINK;

			if (!op.a || op.kind >= OP_WAIT)
				ops[n].kind = OP_SYNC;
			ops[n].a = moved ? op.b : op.a;
			if (op.kind == OP_UNLINK || op.kind == OP_RMDIR)
				ops[n].a = op.a[0] == 'd' ? "d" : "";
		}
		n++;
	}
	return n;
}

/* SPDX-License-Identifier: ISC */
/*
 * Random file calls have the same results, errors and effects as on Linux.
 *
 *	files_linux_test [SEED]
 *
 * Names are of few letters, with ., .., slashes and symbolic links, so that most of them meet
 * others.  Both trees begin empty, as the root; in one run the image's files are below ours.
 */
#include "tests/files/op.h"
#include "tests/files/world.h"

#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define OPS 60000

static char long_path[PATH_MAX];

#include "tests/files/op_do.h"

static const char *const call_names[] = {
	"write", "read", "hold", "release", "mkdir", "rmdir", "unlink", "rename", "link", "symlink",
	"readlink", "stat", "lstat", "truncate", "mknod", "access", "list", "chdir", "fchdir",
	"getcwd", "realpath",
};

static unsigned long seed;

static unsigned some(unsigned n)
{
	seed = seed * 6364136223846793005 + 1442695040888963407;
	return (seed >> 33) % n;
}

static void random_name(char *to)
{
	static const char *const parts[] = { "a", "b", "c", "d", "a", "b", ".", "..", "long-name" };
	unsigned n = 1 + some(4);

	*to = '\0';
	if (some(60) == 0)
		return;
	if (some(6) == 0)
		strcat(to, "/");
	for (unsigned i = 0; i < n; i++) {
		strcat(to, parts[some(i && some(3) ? 6 : 9)]);
		if (i + 1 < n || some(8) == 0)
			strcat(to, some(20) ? "/" : "//");
	}
}

static void random_op(struct op *op)
{
	/* Those that make something are more frequent. */
	static const enum call often[] = { OPEN_WRITE, MKDIR, SYMLINK, RENAME, LINK, HOLD, LSTAT };

	*op = (struct op){ .call = some(2) ? often[some(7)] : some(CALLS), .slot = SLOTS };
	if (some(4) == 0)
		op->slot = some(SLOTS);
	op->flags = op->call == OPEN_WRITE ? some(128) : op->call == RENAME ? some(3) : some(2);
	op->size = some(40);
	random_name(op->a);
	random_name(op->b);
	/* Linux before 6.4 made a file of this. */
	if (op->call == OPEN_WRITE && op->flags & F_CREAT)
		op->flags &= ~F_DIRECTORY;
	if (op->call == OPEN_WRITE && !(op->flags & F_CREAT))
		op->flags &= ~F_EXCL;
}

/*
 * In a directory that was removed, .. exists on Linux only; and rename() and link() have several
 * errors, of which either may come first.
 */
static bool differs(const struct op *op)
{
	struct stat here, there;

	if (!strstr(op->a, "..") && !strstr(op->b, "..") && op->call != RENAME && op->call != LINK)
		return false;
	return (!fstatat(AT_FDCWD, ".", &here, 0) && !here.st_nlink) ||
	       (!fstatat(dir_of(op), ".", &there, 0) && !there.st_nlink);
}

static void compare(const struct op *op, const struct answer *ours, const struct answer *linux,
		    unsigned n, unsigned long first)
{
	if (ours->result == linux->result && !strcmp(ours->text, linux->text))
		return;
	die("seed %lu, call %u: %s(\"%s\", \"%s\") flags %u slot %u size %u: %ld \"%s\", Linux: "
	    "%ld \"%s\"", first, n, call_names[op->call], op->a, op->b, op->flags, op->slot, op->size,
	    ours->result, ours->text, linux->result, linux->text);
}

static unsigned sequence(unsigned count)
{
	struct answer ours, linux;
	unsigned long first = seed;
	unsigned good = 0;
	struct op op;

	for (unsigned n = 0; n < count; n++) {
		random_op(&op);
		if (differs(&op))
			continue;
		do_call(&op, &ours);
		linux_do(&op, &linux);
		compare(&op, &ours, &linux, n, first);
		good += ours.result >= 0;
	}
	return good;
}

int main(int argc, char **argv)
{
	unsigned long first = argc > 1 ? strtoul(argv[1], NULL, 10) : outside_seed();
	unsigned good;

	for (unsigned run = 0; run < 2 * KINDS; run++) {
		enum kind kind = run / 2;
		bool alone = run % 2;

		seed = first;
		world_begin(kind);
		world_root(true);
		world_root_alone(alone);
		CHECK(!chdir("/"));
		if (linux_begin()) {
			say("ok     not compared with Linux: this user may not have a root of its own\n");
			return 0;
		}
		good = sequence(outside_part(OPS));
		linux_end();
		for (unsigned i = 0; i < SLOTS; i++) {
			if (slots[i] >= 0)
				close(slots[i]);
			slots[i] = -1;
		}
		world_root_alone(false);
		CHECK(!chdir("/t"));
		world_root(false);
		world_end("random calls");
		say("ok     %u calls over %s%s are as on Linux; %u succeeded (seed %lu)\n",
		    outside_part(OPS), kind_names[kind], alone ? "" : " and the image below it", good,
		    first);
	}
	return 0;
}

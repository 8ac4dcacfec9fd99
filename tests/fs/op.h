/* SPDX-License-Identifier: ISC */
/*
 * Operations, and sequences of them: random ones, and all of a small alphabet.
 *
 * A path is names with slashes from the root; "@2" is what slot 2 holds, and "@2/a" a name
 * in it.  Strings are not owned: they live as long as the program.
 */
#ifndef TESTS_FS_OP_H
#define TESTS_FS_OP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SLOTS 4

enum op_kind {
	OP_CREATE, OP_MKDIR, OP_SYMLINK, OP_MKNOD, OP_TMPFILE, OP_LINK, OP_UNLINK, OP_RMDIR,
	OP_RENAME, OP_NOREPLACE, OP_EXCHANGE, OP_WRITE, OP_APPEND, OP_TRUNCATE, OP_ALLOCATE,
	OP_ALLOCATE_KEEP, OP_PUNCH, OP_ZERO, OP_CHMOD, OP_CHOWN, OP_UTIME, OP_XSET, OP_XREMOVE,
	/* These leave the tree as it is. */
	OP_OPEN, OP_CLOSE, OP_LOOKUP, OP_READ, OP_READLINK, OP_READDIR, OP_SEEK, OP_XGET,
	OP_XLIST, OP_STATFS, OP_PAGE,
	/* Durability. */
	OP_FSYNC, OP_FDATASYNC, OP_SYNC, OP_WRITE_RANGE, OP_FREEZE,
	/* Events around it. */
	OP_WAIT,			/* `at` seconds pass, with write-back in the background */
	OP_DROP,			/* clean pages of `a` or of everything are dropped */
	OP_REMOUNT,			/* unmount, mount */
	OP_KINDS
};

struct op {
	enum op_kind kind;
	const char *a, *b;		/* paths; b: target of a link, name of an attribute */
	uint64_t at, len;
	unsigned mode;
	unsigned slot;
	uint8_t fill;			/* what is written: op_byte(fill, offset) */
};

extern const char *const op_names[OP_KINDS];

/* Never 0, and different for each fill and for neighbouring offsets. */
static inline uint8_t op_byte(uint8_t fill, uint64_t offset)
{
	return 1 + (fill * 101 + offset + (offset >> 9) * 7) % 255;
}

/* One line, without its end. */
void op_print(const struct op *op, char *to, size_t size);

/* ---- Random operations. */

struct gen {
	bool small;			/* few names and small sizes, as for crash states */
	uint64_t size_max;		/* offsets and sizes stay below; 0: 64 KiB */
	bool no_remount;
	bool no_slots;
};
void gen_random(const struct gen *g, struct op *op);

/* ---- All sequences of the alphabet of crash tests. */

/* The objects that exist and are durable before a sequence. */
extern const struct op gen_setup[];
extern const unsigned gen_setup_count;
/* The alphabet; and what may follow each operation: nothing, a kind of synchronisation. */
extern const struct op gen_alphabet[];
extern const unsigned gen_alphabet_count;
#define GEN_SYNCS 4
/*
 * The sequence of this number, of `count` operations of the alphabet each with a way to
 * synchronise; returns how many operations it has (at most 2 * count).
 */
uint64_t gen_sequences(unsigned count);
unsigned gen_sequence(uint64_t number, unsigned count, struct op *ops);

#endif

/* SPDX-License-Identifier: ISC */
/* ext4: directories at their limits. */
#include "tests/fs/ext4_host.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MOST 70000

static char (*names)[256];
static bool *made;

/* Long names in random order: a leaf of 1 KiB has two to four. */
static void make_names(void)
{
	names = calloc(MOST, sizeof(*names));
	made = calloc(MOST, 1);
	srandom(7);
	for (unsigned k = 0; k < MOST; k++) {
		unsigned len = 200 + random() % 56;

		memset(names[k], 'a' + random() % 26, len);
		snprintf(names[k], 200, "%08x", k);
		names[k][8] = '.';
	}
}

static bool has_name(struct fs *fs, struct inode *dir, const char *name)
{
	struct inode *i;
	int rc = fs->ops->lookup(dir, name, strlen(name), &i);

	CHECK(!rc || rc == -ENOENT);
	if (!rc)
		inode_put(i);
	return !rc;
}

/* More names than fit; what is refused changes nothing. */
static void indexes_are_full(void)
{
	unsigned refused = 0, links = 0;
	struct inode *dir, *target = NULL;
	struct disk d;
	struct fs *fs;

	make_names();
	disk_make(&d, "-b 1024 -J size=4", 65536);
	fs = mount_disk(&d);
	make_dir(fs, "dir");
	dir = at_path(fs, "dir");
	for (unsigned k = 0; k < MOST; k++) {
		int rc;

		if (links++ % 60000 == 0) {
			char path[16];

			if (target)
				inode_put(target);
			snprintf(path, sizeof(path), "target-%u", k);
			target = make_file(fs, path);
		}
		rc = fs->ops->link(dir, names[k], strlen(names[k]), target);
		CHECK(!rc || rc == -ENOSPC);
		made[k] = !rc;
		refused += rc != 0;
		CHECK(!fs->read_only);
	}
	CHECK(refused > 1000);
	inode_put(target);
	inode_put(dir);
	unmount_disk(fs);
	fs = mount_disk(&d);
	dir = at_path(fs, "dir");
	for (unsigned k = 0; k < MOST; k++)
		CHECK(has_name(fs, dir, names[k]) == made[k]);
	inode_put(dir);
	unmount_disk(fs);
	disk_check(&d, "a full index");
	disk_free(&d);
	free(names);
	free(made);
}

/* ---- Numbers of links. */

#define LINK_MAX 65000

static uint8_t *record(struct disk *d, uint32_t ino)
{
	uint32_t table;

	memcpy(&table, d->data + 2 * 1024 + 8, 4);
	return d->data + (size_t)table * 1024 + (ino - 1) * 256;
}

static void links_have_a_limit(void)
{
	const uint16_t most = LINK_MAX;
	struct inode *dir, *i;
	uint64_t ino;
	struct disk d;
	struct fs *fs;

	disk_make(&d, "-b 1024 -N 64 -O ^64bit,^metadata_csum,^dir_nlink", 4096);
	fs = mount_disk(&d);
	make_dir(fs, "full");
	make_dir(fs, "full/there");
	make_dir(fs, "other");
	inode_put(make_file(fs, "full/file"));
	dir = at_path(fs, "full");
	ino = dir->ino;
	inode_put(dir);
	unmount_disk(fs);
	memcpy(record(&d, ino) + 26, &most, 2);
	fs = mount_disk(&d);
	dir = at_path(fs, "full");
	CHECK(dir->nlink == LINK_MAX);
	FAILS(EEXIST, fs->ops->mkdir(dir, "there", 5, 0755, 0, 0, &i));
	FAILS(EMLINK, fs->ops->mkdir(dir, "new", 3, 0755, 0, 0, &i));
	FAILS(EMLINK, rename_file(fs, "other", "full/other", 0));
	FAILS(EMLINK, rename_file(fs, "other", "full/file", FS_RENAME_EXCHANGE));
	FAILS(EMLINK, rename_file(fs, "full/file", "other", FS_RENAME_EXCHANGE));
	OK(rename_file(fs, "other", "full/there", FS_RENAME_EXCHANGE));
	CHECK(!fs->read_only && dir->nlink == LINK_MAX);
	inode_put(dir);
	unmount_disk(fs);
	disk_free(&d);
}

int main(int argc, char **argv)
{
	static const struct claim claims[] = {
		{ "a directory whose index is full refuses names, and is whole", indexes_are_full },
		{ "a directory with the most links takes no other directory", links_have_a_limit },
	};

	return run_claims(argc, argv, claims, sizeof(claims) / sizeof(*claims));
}

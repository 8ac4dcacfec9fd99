/* SPDX-License-Identifier: ISC */
/* Mounts of disks and of memory; those of the command line, before main(). */
#include "kernel/clock.h"
#include "kernel/log.h"
#include "kernel/param.h"
#include "kernel/sched.h"
#include "kernel/shutdown.h"
#include "lib/file/mount.h"
#include "lib/file/mounts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <xen/sched.h>

/* A source that is mounted, or is being mounted. */
struct source {
	struct source *next;
	struct block *block;		/* NULL: memory */
	struct fs *fs;			/* NULL: not yet */
	char name[MOUNTS_SOURCE];
};

static struct source *sources;
static unsigned detaching;		/* calls of mount_detach() in progress */

static void drop(struct source *s)
{
	struct source **p = &sources;

	while (*p != s)
		p = &(*p)->next;
	*p = s->next;
	if (s->block)
		mount_disk_close(s->block);
	free(s);
}

static bool attached(const struct fs *fs)
{
	for (const struct mount *m = mounts; m; m = m->next)
		if (m->fs == fs)
			return true;
	return false;
}

static int disk_is_free(const struct source *s, char why[MOUNTS_WHY])
{
	for (const struct source *o = sources; o; o = o->next)
		if (o != s && o->block &&
		    mount_disk_number(o->block) == mount_disk_number(s->block)) {
			format(why, MOUNTS_WHY, "disk %s is mounted already", s->block->name);
			return -EBUSY;
		}
	return 0;
}

/* The file system of a disk; s has the disk, also after an error. */
static int open_disk(struct source *s, struct fs_options *o, char why[MOUNTS_WHY])
{
	int rc = mount_disk_open(s->name, &s->block, why);

	if (!rc)
		rc = disk_is_free(s, why);
	if (rc)
		return rc;
	mounts_end_in_order();
	rc = ext4_mount(s->block, o, &s->fs);
	if (rc)
		format(why, MOUNTS_WHY, "disk %s: %s%s", s->block->name, o->reason,
		       rc == -EINVAL ? "; mkfs.ext4 makes one" : "");
	else if (s->fs->read_only && !o->read_only)
		log_warning("%s: mounted read-only%s", s->block->name,
			    s->block->read_only ? ", because the host attached the disk read-only" : "");
	return rc;
}

static int open_memory(struct source *s, struct fs_options *o, char why[MOUNTS_WHY])
{
	int rc = tmpfs_mount(o, &s->fs);

	if (rc)
		format(why, MOUNTS_WHY, "%s",
		       o->reason[0] ? o->reason : "there is not enough memory");
	return rc;
}

static const char *attach_error(int rc)
{
	switch (rc) {
	case -ENOENT:
		return "this folder does not exist";
	case -ENOTDIR:
		return "it is not a folder";
	case -EBUSY:
		return "files below it are open";
	case -ENOMEM:
		return "there is not enough memory";
	}
	return "it cannot be a mount point";
}

static int attach(struct source *s, const char *at, char why[MOUNTS_WHY])
{
	struct fs *fs = s->fs;
	int rc;

	s->fs = NULL;			/* until it is in the table */
	rc = mount_attach(fs, s->name, at);
	if (rc) {
		format(why, MOUNTS_WHY, "%s: %s", at, attach_error(rc));
		fs->ops->unmount(fs);
		return rc;
	}
	s->fs = fs;
	mounts_methods_add();
	return 0;
}

int mounts_add(const char *source, const char *at, const char *type,
	       const struct fs_options *options, char why[MOUNTS_WHY])
{
	bool memory = strcmp(type ? type : source, "tmpfs") == 0;
	struct fs_options o = *options;
	struct source *s;
	int rc;

	if (type && !memory && strcmp(type, "ext4")) {
		format(why, MOUNTS_WHY, "the type is ext4 or tmpfs");
		return -ENODEV;
	}
	s = strlen(source) < sizeof(s->name) ? calloc(1, sizeof(*s)) : NULL;
	if (!s) {
		format(why, MOUNTS_WHY, "the name of the disk is too long, or memory is short");
		return strlen(source) < sizeof(s->name) ? -ENOMEM : -ENAMETOOLONG;
	}
	strcpy(s->name, source);
	s->next = sources;
	sources = s;
	rc = memory ? open_memory(s, &o, why) : open_disk(s, &o, why);
	if (!rc)
		rc = attach(s, at, why);
	if (rc)
		drop(s);
	return rc;
}

int mounts_remove(const char *at)
{
	int rc;

	detaching++;
	rc = mount_detach(at);
	/* While another call writes, its file system is in no table, but has its disk. */
	if (--detaching)
		return rc;
	for (struct source *s = sources, *next; s; s = next) {
		next = s->next;
		if (s->fs && !attached(s->fs))
			drop(s);
	}
	return rc;
}

/* ---- The command line. */

/* A mount= or the words of mount(2), with `at` in it. */
struct request {
	char source[MOUNTS_SOURCE];
	const char *at;			/* in text */
	struct fs_options options;
	unsigned wait;			/* s, until the disk is there */
	char text[512];
};

#define MOST_WAIT 3600			/* s */
#define LOOK_AGAIN (100 * NSEC_PER_MSEC)

static const char *one_option(const char *word, struct fs_options *o)
{
	uint64_t size;

	if (strcmp(word, "ro") == 0)
		o->read_only = true;
	else if (strcmp(word, "rw") == 0)
		o->read_only = false;
	else if (strcmp(word, "sync") == 0)
		o->sync = true;
	else if (strncmp(word, "size=", 5) == 0 && param_parse_size(word + 5, &size) && size)
		o->size_limit = size;
	else if (strncmp(word, "size=", 5) == 0)
		return "a size is a number with K, M or G";
	else
		return "the options are ro, rw, sync, and size=SIZE of a tmpfs";
	return NULL;
}

const char *mounts_options(const char *words, struct fs_options *o)
{
	char word[32];

	for (size_t n; *words; words += n + (words[n] == ',')) {
		const char *wrong;

		n = strcspn(words, ",");
		if (!n)
			continue;
		if (n >= sizeof(word))
			return "the options are ro, rw, sync, and size=SIZE of a tmpfs";
		memcpy(word, words, n);
		word[n] = '\0';
		wrong = one_option(word, o);
		if (wrong)
			return wrong;
	}
	return NULL;
}

/* Removes wait=SECONDS from the options. */
static const char *take_wait(char *words, unsigned *wait)
{
	char *word = words, *end;
	unsigned long n;

	while (strncmp(word, "wait=", 5)) {
		word += strcspn(word, ",");
		if (!*word++)
			return NULL;
	}
	n = word[5] >= '0' && word[5] <= '9' ? strtoul(word + 5, &end, 10) : 0;
	if (!n || n > MOST_WAIT || (*end && *end != ','))
		return "wait= is a number of seconds, at most 3600";
	*wait = n;
	memmove(word, end, strlen(end) + 1);
	return NULL;
}

/* Takes SOURCE:/PATH,... apart: NULL, or what is wrong. */
static const char *parse(const char *value, struct request *r)
{
	const char *path = strstr(value, ":/"), *wrong;
	size_t n = path ? (size_t)(path - value) : 0;
	char *words;

	memset(r, 0, sizeof(*r));
	if (!n)
		return "write SOURCE:/PATH, such as xvda:/data";
	if (n >= sizeof(r->source) || strlen(path) > sizeof(r->text))
		return "it is too long";
	memcpy(r->source, value, n);
	strcpy(r->text, path + 1);
	r->at = r->text;
	words = strchr(r->text, ',');
	if (words)
		*words++ = '\0';
	wrong = words ? take_wait(words, &r->wait) : NULL;
	if (!wrong && words)
		wrong = mounts_options(words, &r->options);
	if (!wrong && r->options.size_limit && strcmp(r->source, "tmpfs"))
		wrong = "size= is for tmpfs; a disk has its size";
	return wrong;
}

/* Called for each mount= before main. */
static const char *wrong_mount(const char *value)
{
	static struct request r;

	return parse(value, &r);
}
PARAM_CHECKED(mount, "mount=SOURCE:/PATH[,ro][,sync][,size=SIZE][,wait=SECONDS]", wrong_mount);

/*
 * Folders that programs write to: memory, unless the command line mounts something there or on "/",
 * or the image has files there.  Of /var, also its usual folders.
 */
static const char *const in_memory[] = { "/tmp", "/dev/shm", "/run", "/var" };
static const char *const in_var[] = { "/var/cache", "/var/lib", "/var/log", "/var/run", "/var/spool",
				      "/var/tmp" };
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static bool root_now, has_root;
static unsigned has;			/* of in_memory: a bit for each that is mounted */

/* mounts_add(), which waits for a disk that is not attached yet, if wanted. */
static int add(const struct request *r, char why[MOUNTS_WHY])
{
	uint64_t end = clock_now() + r->wait * NSEC_PER_SEC;
	int rc = mounts_add(r->source, r->at, NULL, &r->options, why);

	if (rc == -ENXIO && r->wait)
		log_info("mount of %s: waiting for the disk: %s", r->at, why);
	while (rc == -ENXIO && clock_now() < end) {
		thread_sleep(clock_now() + LOOK_AGAIN);
		rc = mounts_add(r->source, r->at, NULL, &r->options, why);
	}
	return rc;
}

static void mount_word(const char *rest, const char *value)
{
	struct request *r;
	char why[MOUNTS_WHY], sentence[2 * MOUNTS_WHY];
	bool is_root;

	if (*rest || !value)
		return;
	r = malloc(sizeof(*r));
	if (!r || parse(value, r))
		panic("mount=: no memory");
	is_root = r->at[strspn(r->at, "/")] == '\0';
	has_root |= is_root;
	for (unsigned i = 0; i < COUNT(in_memory); i++)
		has |= (strcmp(r->at, in_memory[i]) == 0) << i;
	if (is_root == root_now && add(r, why)) {
		format(sentence, sizeof(sentence), "mount=%s: %s", value, why);
		shutdown_guest(SHUTDOWN_poweroff, STATUS_USAGE, sentence);
	}
	free(r);
}

static bool in_image(const char *at)
{
	struct stat st;

	return romfs_mount.stat && romfs_mount.stat(at + 1, &st) == 0;
}

static bool mount_memory(const char *at, unsigned mode)
{
	struct fs_options options = { .root_mode = mode };
	char why[MOUNTS_WHY];

	if (in_image(at))
		return false;
	if (!mounts_add("tmpfs", at, NULL, &options, why))
		return true;
	log_warning("%s is missing: %s", at, why);
	return false;
}

/* A folder of /var, which is the last that was mounted. */
static void make_folder(const char *at)
{
	const char *name = strrchr(at, '/') + 1;
	struct fs *fs = sources ? sources->fs : NULL;
	struct inode *made;

	if (fs && !fs->ops->mkdir(fs->root, name, strlen(name), FS_IFDIR | 0755, 0, 0, &made))
		inode_put(made);
}

/* A root of the command line has its own /run and /var. */
static void mount_writable(void)
{
	bool made_var = false;

	for (unsigned i = 0; i < COUNT(in_memory); i++)
		if (!(has >> i & 1) && (!has_root || i < 2))
			made_var = mount_memory(in_memory[i], i < 2 ? 0 : 0755) && i == 3;
	for (unsigned i = 0; i < COUNT(in_var); i++)
		if (made_var)
			make_folder(in_var[i]);
		else if (!has_root && !(has >> 3 & 1) && in_image("/var"))
			mount_memory(in_var[i], 0755);
}

void mounts_start(void)
{
	kernel_enter();
	root_now = true;
	param_each("mount", mount_word);
	root_now = false;
	param_each("mount", mount_word);
	mount_writable();
	files_methods_add();
	kernel_leave();
}

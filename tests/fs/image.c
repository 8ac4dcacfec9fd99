/* SPDX-License-Identifier: ISC */
#include "tests/fs/image.h"

#include "tests/fs/sim.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define GARBAGE 0xdb

static char output[20000];

int image_run(const char *fmt, ...)
{
	char command[2000];
	size_t len = 0, n;
	va_list ap;
	FILE *f;
	int status;

	len = snprintf(command, sizeof(command), "exec 2>&1; PATH=$PATH:/usr/sbin:/sbin; ");
	va_start(ap, fmt);
	vsnprintf(command + len, sizeof(command) - len, fmt, ap);
	va_end(ap);
	len = 0;
	f = popen(command, "r");
	if (!f)
		sim_fail("cannot run %s", command);
	while ((n = fread(output + len, 1, sizeof(output) - 1 - len, f)) > 0)
		len += n;
	output[len] = '\0';
	status = pclose(f);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

const char *image_output(void)
{
	return output;
}

/* ---- Files. */

static char folder[200];
static pid_t owner;

static void remove_folder(void)
{
	if (owner == getpid())
		image_run("rm -rf '%s'", folder);
}

const char *image_file(const char *name)
{
	static char path[4][300];
	static unsigned turn;
	char *to = path[turn++ % 4];

	if (owner != getpid()) {
		const char *tmp = access("/dev/shm", W_OK) ? getenv("TMPDIR") : "/dev/shm";

		snprintf(folder, sizeof(folder), "%s/fs-test-XXXXXX", tmp ? tmp : "/tmp");
		if (!mkdtemp(folder))
			sim_fail("cannot make a folder like %s", folder);
		owner = getpid();
		atexit(remove_folder);
	}
	snprintf(to, sizeof(path[0]), "%s/%s", folder, name);
	return to;
}

void image_write(const struct image *i, const char *path)
{
	int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	if (fd < 0 || ftruncate(fd, i->size))
		sim_fail("cannot write %s", path);
	for (uint64_t at = 0; at < i->size;) {
		ssize_t n = pwrite(fd, i->data + at, i->size - at, at);

		if (n <= 0)
			sim_fail("cannot write %s", path);
		at += n;
	}
	close(fd);
}

void image_read(struct image *i, const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat s;

	if (fd < 0 || fstat(fd, &s))
		sim_fail("cannot read %s", path);
	i->size = s.st_size;
	i->data = aligned_alloc(4096, (i->size + 4095) / 4096 * 4096);
	for (uint64_t at = 0; at < i->size;) {
		ssize_t n = pread(fd, i->data + at, i->size - at, at);

		if (n <= 0)
			sim_fail("cannot read %s", path);
		at += n;
	}
	close(fd);
}

void image_free(struct image *i)
{
	free(i->data);
	*i = (struct image){ 0 };
}

/* ---- mkfs.ext4, e2fsck. */

/* Blocks of 4096 bytes, as all but tiny disks have, if the options do not say it.  Run by a
   shell, quoted for it: what is between the options is ours. */
void image_make(struct image *i, uint64_t size, const char *options)
{
	const char *path = image_file("new");

	*i = (struct image){ aligned_alloc(4096, size), size };
	memset(i->data, GARBAGE, size);
	image_write(i, path);
	free(i->data);
	if (image_run("mkfs.ext4 -q -F -U 00112233-4455-6677-8899-aabbccddeeff "
		      "-E nodiscard,lazy_itable_init=0,lazy_journal_init=0,"
		      "hash_seed=01234567-89ab-cdef-0123-456789abcdef %s %s '%s'",
		      strstr(options, "-b ") ? "" : "-b 4096", options, path))
		sim_fail("mkfs.ext4 %s: %s", options, output);
	image_read(i, path);
	unlink(path);
}

void image_check(const struct image *i, const char *when)
{
	const char *path = image_file("check");
	int status;

	image_write(i, path);
	status = image_run("e2fsck -fn '%s'", path);
	if (status) {
		sim_fail("%s: e2fsck -fn returns %d:\n%s", when, status, output);
	}
	unlink(path);
}

int image_repair(struct image *i)
{
	const char *path = image_file("repair");
	int status;

	image_write(i, path);
	status = image_run("e2fsck -fy '%s'", path);
	image_free(i);
	image_read(i, path);
	unlink(path);
	return status;
}

/* SPDX-License-Identifier: ISC */
/* The files of pools (pool.h). */
#include "pool.h"
#include "endpoint.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define IMAGE_MOST (1l << 30)

char *pool_path(const char *name, const char *folder, const char *file)
{
	char *path;

	if (asprintf(&path, POOLS "/%s/%s%s", name, folder, file) < 0)
		die(FAILED, "out of memory");
	return path;
}

char *pool_read(const char *path, size_t *size)
{
	FILE *f = fopen(path, "rbe");
	struct stat st;
	char *text = NULL;

	if (f && !fstat(fileno(f), &st) && st.st_size < IMAGE_MOST)
		text = malloc(st.st_size + 1);
	*size = text ? fread(text, 1, st.st_size, f) : 0;
	if (text)
		text[*size] = '\0';
	if (f)
		fclose(f);
	return text;
}

/* Only the process that has the lock writes, so one temporary name is enough. */
void pool_write(const char *pool, const char *folder, const char *file, const char *text, size_t size)
{
	char *new = pool_path(pool, "", "new"), *path = pool_path(pool, folder, file);
	FILE *f = fopen(new, "wbe");

	if (!f || fwrite(text, 1, size, f) != size || fclose(f) || rename(new, path))
		die(FAILED, "%s: %s", path, strerror(errno));
	free(new);
	free(path);
}

int pool_has(const char *path)
{
	struct stat st;

	return !stat(path, &st);
}

/* Returns a descriptor, or -1.  The file may be removed, or be another one, after a wait. */
int pool_lock(const char *path, int how)
{
	struct stat locked, there;
	int fd;

	while ((fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600)) >= 0) {
		if (flock(fd, how)) {
			close(fd);
			return -1;
		}
		if (!fstat(fd, &locked) && !stat(path, &there) && locked.st_dev == there.st_dev &&
		    locked.st_ino == there.st_ino)
			break;
		close(fd);
	}
	return fd;
}

int pool_is_name(const char *name)
{
	return *name && *name != '.' && !strchr(name, '/');
}

int pool_load(const char *name, struct pool *p)
{
	size_t size, line_size;
	char *options = pool_read(pool_path(name, "", "options"), &size), *line, **words;
	int n = 0;

	if (!options || !size)
		return -1;
	words = calloc(4 * MOST, sizeof(*words));	/* they stay: options.args points to the last */
	if (!words)
		die(FAILED, "out of memory");
	snprintf(p->name, sizeof(p->name), "%s", name);
	p->size = atoi(options);
	for (char *w = options + strlen(options) + 1; w < options + size && n < 4 * MOST - 2;
	     w += strlen(w) + 1)
		words[n++] = w;
	words[n++] = pool_path(name, "", "image");
	words[n] = NULL;
	run_parse(&p->options, words);
	line = pool_read(pool_path(name, "", "line"), &line_size);
	p->options.cmdline = line ? line : "";
	return 0;
}

_Noreturn void pool_missing(const char *name)
{
	die(FAILED, "there is no pool %s; type: xenolith pool IMAGE -n 8", name);
}

void pool_load_or_die(const char *name, struct pool *p)
{
	if (!pool_is_name(name) || pool_load(name, p))
		pool_missing(name);
}

int pool_each(const char *name, const char *folder, void (*visit)(const char *path, const char *id))
{
	DIR *d = opendir(pool_path(name, folder, ""));
	struct dirent *e;
	int n = 0;

	while (d && (e = readdir(d)))
		if (*e->d_name != '.') {
			n++;
			if (visit)
				visit(pool_path(name, folder, e->d_name), e->d_name);
		}
	if (d)
		closedir(d);
	return n;
}

int pool_domain(const char *id)
{
	uint8_t uuid[UUID_SIZE];
	xc_domaininfo_t info;
	int domid, n = 0;

	for (const char *p = id; *p && n < UUID_SIZE; p += *p == '-' ? 1 : 2)
		if (*p != '-' && sscanf(p, "%2hhx", &uuid[n++]) != 1)
			return -1;
	domid = n == UUID_SIZE ? domain_of_uuid(uuid) : -1;
	if (domid < 0 || xc_domain_getinfolist(xen(), domid, 1, &info) != 1 ||
	    (int)info.domain != domid || !(info.flags & XEN_DOMINF_paused) || info.cpu_time ||
	    info.flags & XEN_DOMINF_dying)
		return -1;
	return domid;
}

/* SPDX-License-Identifier: ISC */
/* /tmp/perf-PID.map: the names of functions for perf, since the guest's text has no file. */
#include "tender.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* The symbols are in the image, or in the file IMAGE.elf that the build keeps. */
static const uint8_t *map_file(const char *path, size_t *size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;
	void *p = MAP_FAILED;

	if (fd >= 0 && !fstat(fd, &st) && st.st_size > (off_t)sizeof(Elf64_Ehdr)) {
		*size = st.st_size;
		p = mmap(NULL, *size, PROT_READ, MAP_PRIVATE, fd, 0);
	}
	if (fd >= 0)
		close(fd);
	return p == MAP_FAILED ? NULL : p;
}

static const Elf64_Shdr *sections(const uint8_t *data, size_t size, unsigned *n)
{
	const Elf64_Ehdr *e = (const void *)data;

	if (e->e_shentsize != sizeof(Elf64_Shdr) || e->e_shoff > size || e->e_shoff % 8 ||
	    e->e_shnum > (size - e->e_shoff) / sizeof(Elf64_Shdr))
		return NULL;
	*n = e->e_shnum;
	return (const void *)(data + e->e_shoff);
}

static bool inside(const Elf64_Shdr *s, size_t size)
{
	return s->sh_offset <= size && s->sh_size <= size - s->sh_offset;
}

static bool write_symbols(FILE *f, const char *path)
{
	size_t size = 0;
	const uint8_t *data = map_file(path, &size);
	unsigned n = 0;
	const Elf64_Shdr *s = data ? sections(data, size, &n) : NULL;
	bool any = false;

	for (unsigned i = 0; s && i < n; i++) {
		const Elf64_Shdr *names;
		const Elf64_Sym *y;

		if (s[i].sh_type != SHT_SYMTAB || s[i].sh_link >= n)
			continue;
		names = &s[s[i].sh_link];
		if (!inside(&s[i], size) || !inside(names, size) || !names->sh_size ||
		    s[i].sh_offset % 8 || data[names->sh_offset + names->sh_size - 1])
			continue;
		y = (const void *)(data + s[i].sh_offset);
		for (uint64_t k = 0; k < s[i].sh_size / sizeof(*y); k++) {
			const char *name =
				(const char *)data + names->sh_offset + y[k].st_name;

			if (ELF64_ST_TYPE(y[k].st_info) != STT_FUNC ||
			    y[k].st_name >= names->sh_size ||
			    y[k].st_value < domain.text_start ||
			    y[k].st_value >= domain.text_end)
				continue;
			if (!strncmp(name, "xenolith_", 9))
				name += 9;
			fprintf(f, "%lx %lx %s\n", y[k].st_value, y[k].st_size, name);
			any = true;
		}
	}
	if (data)
		munmap((void *)data, size);
	return any;
}

void write_perf_map(const char *image, pid_t pid)
{
	char path[64], elf[4096];
	FILE *f;
	int fd;

	snprintf(path, sizeof(path), "/tmp/perf-%d.map", pid);
	unlink(path); /* of an earlier process with this number */
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
	f = fd < 0 ? NULL : fdopen(fd, "w");
	if (!f) {
		warn("%s: %s", path, strerror(errno));
		return;
	}
	snprintf(elf, sizeof(elf), "%s.elf", image);
	if (!write_symbols(f, image) && !write_symbols(f, elf))
		warn("--perf: %s has no symbols, and there is no %s", image, elf);
	fclose(f);
}

/* SPDX-License-Identifier: ISC */
/*
 * From an image to a domain in memory, as Xen's builder makes it for a PV guest (xen/xen.h, "Start
 * of day structure for PV guests"):
 *
 *	image | table of frames | start_info | console | xenstore | page tables | stack | free
 */
#include "tender.h"
#include "monitor/monitor.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xen/elfnote.h>

#define PTE_RO 0x25ul	   /* present, user, accessed */
#define PTE_RW 0x67ul	   /* and writable, written */
#define SLACK (512 * 1024) /* mapped behind the builder's data */
#define CHUNK (PTES * PAGE)
#define IMAGE_MAX (1ul << 30)

struct image {
	const char *path;
	const uint8_t *data;
	size_t size;
};

static _Noreturn void bad(const struct image *i, const char *why)
{
	die(2, "%s: %s", i->path, why);
}

static struct image read_image(const char *path)
{
	struct image i = { .path = path };
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;

	if (fd < 0 || fstat(fd, &st))
		die(2, "%s: %s", path, strerror(errno));
	if (!S_ISREG(st.st_mode) || st.st_size < (off_t)sizeof(Elf64_Ehdr) ||
	    st.st_size > (off_t)IMAGE_MAX)
		bad(&i, "not an image");
	i.size = st.st_size;
	i.data = mmap(NULL, i.size, PROT_READ, MAP_PRIVATE, fd, 0);
	close(fd);
	if (i.data == MAP_FAILED)
		die(2, "%s: %s", path, strerror(errno));
	return i;
}

static const Elf64_Phdr *headers(const struct image *i, unsigned *n)
{
	const Elf64_Ehdr *e = (const void *)i->data;

	if (memcmp(e->e_ident, ELFMAG, SELFMAG) || e->e_ident[EI_CLASS] != ELFCLASS64 ||
	    e->e_machine != EM_X86_64 || e->e_type != ET_EXEC)
		bad(i, "not a Xenolith image: not a 64-bit ELF file");
	if (e->e_phentsize != sizeof(Elf64_Phdr) || e->e_phoff > i->size ||
	    e->e_phoff % 8 || e->e_phnum > (i->size - e->e_phoff) / sizeof(Elf64_Phdr))
		bad(i, "invalid ELF headers");
	*n = e->e_phnum;
	return (const void *)(i->data + e->e_phoff);
}

/* The value of a number in a note of "Xen", or 0. */
static uint64_t note(const struct image *i, const Elf64_Phdr *p, uint32_t type)
{
	uint64_t at = p->p_offset, end = p->p_offset + p->p_filesz, value = 0;

	while (end - at >= sizeof(Elf64_Nhdr)) {
		Elf64_Nhdr n;
		uint64_t name = at + sizeof(n), desc, next;

		memcpy(&n, i->data + at, sizeof(n));
		desc = name + (((uint64_t)n.n_namesz + 3) & ~3ull);
		next = desc + (((uint64_t)n.n_descsz + 3) & ~3ull);
		if (next > end)
			break;
		if (n.n_type == type && n.n_namesz == 4 &&
		    !memcmp(i->data + name, "Xen", 4) && n.n_descsz == sizeof(value))
			memcpy(&value, i->data + desc, sizeof(value));
		at = next;
	}
	return value;
}

/* Finds out what the image needs; copies nothing. */
static void examine(struct domain *d, const struct image *i)
{
	unsigned n;
	const Elf64_Phdr *p = headers(i, &n);

	for (const Elf64_Phdr *h = p; h < p + n; h++) {
		if (h->p_type != PT_LOAD && h->p_type != PT_NOTE)
			continue;
		if (h->p_offset > i->size || h->p_filesz > i->size - h->p_offset ||
		    h->p_filesz > h->p_memsz)
			bad(i, "truncated");
		if (h->p_type == PT_NOTE && !d->m2p) {
			d->base = note(i, h, XEN_ELFNOTE_VIRT_BASE);
			d->entry = note(i, h, XEN_ELFNOTE_ENTRY);
			d->hypercall_page = note(i, h, XEN_ELFNOTE_HYPERCALL_PAGE);
			d->m2p = note(i, h, UNIX_NOTE);
		}
		if (h->p_type == PT_LOAD && h->p_memsz) {
			if (h->p_vaddr + h->p_memsz > d->image_end)
				d->image_end = h->p_vaddr + h->p_memsz;
			if (h->p_flags & PF_X) {
				d->text_start = h->p_vaddr;
				d->text_end = h->p_vaddr + h->p_memsz;
			}
		}
	}
	if (!d->m2p)
		bad(i, "cannot run as a process: built by another version of Xenolith");
	for (const Elf64_Phdr *h = p; h < p + n; h++)
		if (h->p_type == PT_LOAD &&
		    (h->p_vaddr < d->base || h->p_vaddr - d->base > IMAGE_MAX ||
		     h->p_memsz > IMAGE_MAX || (h->p_flags & PF_X && h->p_flags & PF_W)))
			bad(i, "invalid segments");
	d->image_end = (d->image_end + PAGE - 1) & ~(PAGE - 1);
	d->text_end = (d->text_end + PAGE - 1) & ~(PAGE - 1);
	if (!d->base || d->base % CHUNK || d->base > 1ul << 38 || d->text_start % PAGE ||
	    d->entry < d->text_start || d->entry >= d->text_end ||
	    d->hypercall_page % PAGE || d->hypercall_page < d->base ||
	    d->hypercall_page > d->image_end - PAGE || d->m2p < d->base ||
	    d->m2p > d->image_end - 8 || d->m2p % 8)
		bad(i, "invalid notes");
}

static void *at(const struct domain *d, uint64_t address)
{
	return d->ram + (address - d->base);
}

static void copy_segments(struct domain *d, const struct image *i)
{
	unsigned n;
	const Elf64_Phdr *p = headers(i, &n);

	for (; n--; p++)
		if (p->p_type == PT_LOAD)
			memcpy(at(d, p->p_vaddr), i->data + p->p_offset, p->p_filesz);
}

/* Each hypercall is a jump to the monitor with its number; its slot has 32 bytes. */
static void fill_hypercall_page(struct domain *d)
{
	uint8_t *slot = at(d, d->hypercall_page);

	for (unsigned nr = 0; nr < PAGE / 32; nr++, slot += 32) {
		uint64_t to = (uint64_t)(nr == __HYPERVISOR_iret ? iret_entry :
								   hypercall_entry);
		uint8_t *p = slot;

		memset(slot, 0xcc, 32);
		if (nr != __HYPERVISOR_iret) {
			*p++ = 0xb8; /* mov $nr, %eax */
			memcpy(p, &(uint32_t){ nr }, 4);
			p += 4;
		}
		memcpy(p, "\xff\x25\0\0\0\0", 6); /* jmp *0(%rip) */
		memcpy(p + 6, &to, 8);
	}
}

/* All tables lie one behind the other: levels 4, 3, 2, and those of level 1. */
static void make_tables(struct domain *d, unsigned ntables)
{
	uint64_t first = (d->tables - d->base) / PAGE, *top = at(d, d->tables);
	uint64_t *level3 = top + PTES, *level2 = level3 + PTES, *level1 = level2 + PTES;

	d->top_table = first;
	top[d->base >> 39] = (first + 1) * PAGE | PTE_RW;
	level3[d->base >> 30 & (PTES - 1)] = (first + 2) * PAGE | PTE_RW;
	for (unsigned i = 0; i < ntables; i++)
		level2[(d->base >> 21 & (PTES - 1)) + i] =
			(first + 3 + i) * PAGE | PTE_RW;
	for (uint64_t f = 0; f < ntables * PTES && f < d->frames; f++) {
		uint64_t address = d->base + f * PAGE;
		bool ro = (address >= d->text_start && address < d->text_end) ||
			  address == d->hypercall_page ||
			  (f >= first && f < first + 3 + ntables);

		level1[f] = f * PAGE | (ro ? PTE_RO : PTE_RW);
	}
	d->mapped_end = d->base +
			(ntables * PTES < d->frames ? ntables * PTES : d->frames) * PAGE;
}

static void fill_start_info(struct domain *d, unsigned ntables, uint64_t list,
			    const char *line)
{
	struct start_info *s = at(d, d->start_info);

	strcpy(s->magic, "xen-3.0-x86_64");
	s->nr_pages = d->frames;
	s->shared_info = d->shared_frame * PAGE;
	s->store_mfn = d->store_frame;
	s->store_evtchn = XENSTORE_PORT;
	s->console.domU.mfn = d->console_frame;
	s->console.domU.evtchn = CONSOLE_PORT;
	s->pt_base = d->tables;
	s->nr_pt_frames = 3 + ntables;
	s->mfn_list = list;
	strcpy((char *)s->cmd_line, line);
}

static void build(struct domain *d, const char *line)
{
	uint64_t list = d->image_end, next, used;
	uint64_t *frames = at(d, list);
	unsigned ntables = 0;

	next = list + ((d->frames * 8 + PAGE - 1) & ~(PAGE - 1));
	d->start_info = next;
	d->console_frame = (next - d->base) / PAGE + 1;
	d->store_frame = d->console_frame + 1;
	d->tables = next + 3 * PAGE;
	do {
		ntables++;
		d->stack = d->tables + (3 + ntables + 1) * PAGE;
		used = d->stack + SLACK - d->base;
	} while (ntables * CHUNK < used);
	if (d->stack + 32 * PAGE > d->base + d->frames * PAGE || ntables > PTES)
		die(2, "the image does not fit into the memory");
	for (uint64_t i = 0; i < d->frames; i++)
		frames[i] = i;
	memcpy(at(d, d->m2p), &list, sizeof(list));
	make_tables(d, ntables);
	fill_start_info(d, ntables, list, line);
}

static void make_memory(struct domain *d, uint64_t memory)
{
	uint64_t size;

	d->frames = memory / PAGE;
	d->shared_frame = d->frames;
	d->grant_frame = d->frames + 1;
	d->all_frames = d->grant_frame + GRANT_FRAMES;
	size = d->all_frames * PAGE;
	d->memory = memfd_create("xenolith", MFD_CLOEXEC);
	if (d->memory < 0 || ftruncate(d->memory, size))
		die(1, "cannot make memory of %lu MB: %s", memory >> 20, strerror(errno));
	d->ram = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE,
		      d->memory, 0);
	d->link = mmap(NULL, sizeof(*d->link), PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (d->ram == MAP_FAILED || d->link == MAP_FAILED)
		die(1, "cannot map memory of %lu MB: %s", memory >> 20, strerror(errno));
	d->shared = (void *)(d->ram + d->shared_frame * PAGE);
	d->link->reason = NO_REASON;
}

void load_image(struct domain *d, const char *path, uint64_t memory, const char *line)
{
	struct image i = read_image(path);

	if (strlen(line) > MAX_GUEST_CMDLINE - 2)
		die(2, "the guest's command line has %zu bytes; a guest accepts %d",
		    strlen(line), MAX_GUEST_CMDLINE - 2);
	examine(d, &i);
	make_memory(d, memory);
	if (d->image_end - d->base > memory / 2 * 2 ||
	    d->image_end - d->base + PAGE > memory)
		die(2, "%s: it does not fit into %lu MB", path, memory >> 20);
	copy_segments(d, &i);
	fill_hypercall_page(d);
	build(d, line);
	d->shared->vcpu_info[0].evtchn_upcall_mask = 1;
	munmap((void *)i.data, i.size);
	if (getrandom(d->uuid, sizeof(d->uuid), 0) != sizeof(d->uuid))
		die(1, "getrandom: %s", strerror(errno));
	d->uuid[6] = (d->uuid[6] & 0xf) | 0x40;
	d->uuid[8] = (d->uuid[8] & 0x3f) | 0x80;
}

/* SPDX-License-Identifier: ISC */
/*
 * The grant table (xen/grant_table.h): entries that Xen reads, and a note for each.  An
 * entry is free, in use, or in quarantine: its user has revoked it, but the peer still
 * has the page mapped.
 */
#include "kernel/arch.h"
#include "kernel/clock.h"
#include "kernel/gnttab.h"
#include "kernel/log.h"
#include "kernel/page.h"
#include "kernel/sched.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#define PER_FRAME (PAGE_SIZE / sizeof(struct grant_entry_v1))
#define FRAMES_MAX 128u			/* twice Xen's default */
#define CHECK_AT_ONCE 32u		/* entries of the quarantine, at a time */
#define FIRST_PAUSE (100 * NSEC_PER_MSEC)
#define LONGEST_PAUSE (30 * NSEC_PER_SEC)

#define END 0u				/* end of a list: ref 0 is reserved, and in none */
#define IN_USE UINT32_MAX

struct note {
	uint32_t next;			/* ref in the same list, END, or IN_USE */
	uint32_t page;			/* in quarantine: the page to be freed, counted from 1; or 0 */
};

static struct grant_entry_v1 *entries[FRAMES_MAX];
static struct note *notes[FRAMES_MAX];	/* a page of them for each frame */
static unsigned long numbers[FRAMES_MAX];	/* of frames, as Xen gives them */
static unsigned frames, max_frames;
static uint32_t free_list;
static uint32_t quarantine, quarantine_last;
static struct gnttab_stats stats;
static bool janitor_runs;

static struct grant_entry_v1 *entry(grant_ref_t ref)
{
	return &entries[ref / PER_FRAME][ref % PER_FRAME];
}

static struct note *note(grant_ref_t ref)
{
	return &notes[ref / PER_FRAME][ref % PER_FRAME];
}

static void put_free(grant_ref_t ref)
{
	note(ref)->next = free_list;
	free_list = ref;
	stats.free++;
}

/* Revokes the access, unless the peer has the page mapped: Xen sets those flags. */
static bool take_back(grant_ref_t ref)
{
	uint16_t *flags = &entry(ref)->flags;
	uint16_t seen = __atomic_load_n(flags, __ATOMIC_SEQ_CST);

	do {
		if (seen & (GTF_reading | GTF_writing))
			return false;
	} while (!__atomic_compare_exchange_n(flags, &seen, 0, false, __ATOMIC_SEQ_CST,
					      __ATOMIC_SEQ_CST));
	return true;
}

static uint32_t page_number(const void *page)
{
	return ((uintptr_t)page - boot_info.memory_start) / PAGE_SIZE + 1;
}

static void *page_address(uint32_t page)
{
	return (void *)(boot_info.memory_start + (page - 1) * PAGE_SIZE);
}

static void quarantine_append(grant_ref_t ref)
{
	note(ref)->next = END;
	if (quarantine)
		note(quarantine_last)->next = ref;
	else
		quarantine = ref;
	quarantine_last = ref;
	stats.quarantined++;
}

/*
 * Frees entries whose pages are not mapped any more; checks a limited number each time.
 */
static void quarantine_check(void)
{
	unsigned n = stats.quarantined < CHECK_AT_ONCE ? stats.quarantined : CHECK_AT_ONCE;

	while (n--) {
		grant_ref_t ref = quarantine;
		uint32_t page = note(ref)->page;

		quarantine = note(ref)->next;
		stats.quarantined--;
		if (!take_back(ref)) {
			quarantine_append(ref);
			continue;
		}
		if (page)
			page_free(page_address(page), 1);
		put_free(ref);
	}
}

/*
 * A thread that exists while the quarantine is not empty.  A peer that never unmaps a
 * page costs one check each half a minute.
 */
static void janitor(void *arg)
{
	uint64_t pause = FIRST_PAUSE;

	(void)arg;
	while (stats.quarantined) {
		unsigned before = stats.quarantined;

		thread_sleep(clock_now() + pause);
		quarantine_check();
		pause = stats.quarantined < before ? FIRST_PAUSE : pause * 2;
		if (pause > LONGEST_PAUSE)
			pause = LONGEST_PAUSE;
	}
	janitor_runs = false;
}

/* Without memory for the thread, later grants check, too. */
static void quarantine_add(grant_ref_t ref, uint32_t page)
{
	note(ref)->page = page;
	quarantine_append(ref);
	if (!janitor_runs)
		janitor_runs = thread_start("gnttab", THREAD_KERNEL, STACK_KERNEL,
					    janitor, NULL, NULL);
}

/*
 * The table may have been used before: PV-GRUB sets it up, and may have left a page
 * granted that is in the guest's memory now.
 */
static void adopt(unsigned frame)
{
	unsigned mapped = 0;

	for (unsigned i = PER_FRAME; i-- > 0;) {
		grant_ref_t ref = frame * PER_FRAME + i;

		note(ref)->next = IN_USE;
		if (ref < GNTTAB_NR_RESERVED_ENTRIES)
			continue;	/* the domain builder's: console, xenstore, ... */
		if (take_back(ref)) {
			put_free(ref);
		} else {
			quarantine_add(ref, 0);
			mapped++;
		}
	}
	if (mapped)
		log_warning("gnttab: %u grants of a previous kernel are still mapped", mapped);
}

/* Adds a frame. */
static int grow(void)
{
	void *new_notes, *new_entries;
	int rc;

	if (frames >= max_frames)
		return -ENOSPC;
	new_notes = page_alloc(1);
	if (!new_notes)
		return -ENOMEM;
	rc = xen_grant_setup(frames + 1, numbers);
	new_entries = rc ? NULL : arch_map_frames(&numbers[frames], 1);
	if (!new_entries) {
		page_free(new_notes, 1);
		return rc ? rc : -ENOMEM;
	}
	notes[frames] = new_notes;
	entries[frames] = new_entries;
	memset(new_notes, 0, PAGE_SIZE);
	adopt(frames++);
	return 0;
}

int gnttab_attach(void)
{
	int rc = frames ? xen_grant_setup(frames, numbers) : 0;

	for (unsigned i = 0; rc == 0 && i < frames; i++)
		arch_map_frame(entries[i], numbers[i]);
	return rc;
}

static void (*detach_maps)(void), (*attach_maps)(bool restored);	/* in images that map pages */

void gnttab_detach(void)
{
	for (unsigned i = 0; i < frames; i++)
		arch_hide_frame(entries[i]);
	if (detach_maps)
		detach_maps();
}

void gnttab_map_again(bool restored)
{
	if (attach_maps)
		attach_maps(restored);
}

int gnttab_init(void)
{
	_Static_assert(sizeof(struct note) * PER_FRAME == PAGE_SIZE, "a page of notes");

	if (frames)
		return 0;
	if (xen_grant_max_frames(&max_frames))
		max_frames = 1;
	if (max_frames > FRAMES_MAX)
		max_frames = FRAMES_MAX;
	return grow();
}

int gnttab_grant(domid_t to, const void *page, bool readonly)
{
	unsigned long frame = arch_frame(page);
	grant_ref_t ref;

	if (frame > UINT32_MAX)		/* does not fit into an entry of version 1 */
		return -ENOSPC;
	if (stats.quarantined && (!free_list || !janitor_runs))
		quarantine_check();
	if (!free_list && grow())
		return -ENOSPC;
	ref = free_list;
	free_list = note(ref)->next;
	note(ref)->next = IN_USE;
	stats.free--;
	stats.used++;

	entry(ref)->domid = to;
	entry(ref)->frame = frame;
	/* Valid only from now on. */
	__atomic_store_n(&entry(ref)->flags,
			 GTF_permit_access | (readonly ? GTF_readonly : 0),
			 __ATOMIC_RELEASE);
	return ref;
}

int gnttab_grant_zeroed(domid_t to, void *page, bool readonly)
{
	memset(page, 0, PAGE_SIZE);
	return gnttab_grant(to, page, readonly);
}

static void check_used(grant_ref_t ref)
{
	assert(ref >= GNTTAB_NR_RESERVED_ENTRIES && ref / PER_FRAME < frames);
	assert(note(ref)->next == IN_USE);
}

int gnttab_revoke(grant_ref_t ref)
{
	check_used(ref);
	if (!take_back(ref))
		return -EBUSY;
	stats.used--;
	put_free(ref);
	return 0;
}

bool gnttab_revoke_and_free(grant_ref_t ref, void *page)
{
	if (gnttab_revoke(ref) == 0) {
		if (page)
			page_free(page, 1);
		return true;
	}
	stats.used--;
	quarantine_add(ref, page ? page_number(page) : 0);
	return false;
}

void gnttab_stats(struct gnttab_stats *to)
{
	stats.frames = frames;
	stats.max_frames = max_frames;
	*to = stats;
}

/*
 * ---- Mapping pages of other domains, in batches, since the operations are on the
 * stack.
 */

#define BATCH 16u
#define INVALID UINT32_MAX		/* no handle */
#define EAGAIN_FIRST NSEC_PER_MSEC
#define EAGAIN_LONGEST (512 * NSEC_PER_MSEC)

static struct gnttab_map *maps;

/* The size of the handles, and of the refs behind them. */
static size_t handle_pages(unsigned n)
{
	return (n * (sizeof(grant_handle_t) + sizeof(grant_ref_t)) + PAGE_SIZE - 1) / PAGE_SIZE;
}

static unsigned batch(const struct gnttab_map *map, unsigned first)
{
	return map->n - first < BATCH ? map->n - first : BATCH;
}

static uint64_t where(const struct gnttab_map *map, unsigned i)
{
	return arch_map_where((char *)map->addr + i * PAGE_SIZE);
}

/* GNTST_eagain: the page is paged out, and the peer's pager fetches it now. */
static void map_again(struct gnttab_map_grant_ref *op)
{
	for (uint64_t pause = EAGAIN_FIRST;
	     op->status == GNTST_eagain && pause <= EAGAIN_LONGEST; pause *= 2) {
		thread_sleep(clock_now() + pause);
		if (xen_grant_map(op, 1))
			op->status = GNTST_general_error;
	}
}

/* Returns whether all were mapped.  Each has its handle or INVALID. */
static bool map_batch(struct gnttab_map *map, unsigned first)
{
	struct gnttab_map_grant_ref ops[BATCH];
	unsigned n = batch(map, first);
	bool all = true;
	int rc;

	for (unsigned i = 0; i < n; i++)
		ops[i] = (struct gnttab_map_grant_ref){
			.host_addr = where(map, first + i),
			.flags = GNTMAP_host_map | (map->readonly ? GNTMAP_readonly : 0),
			.ref = map->refs[first + i],
			.dom = map->from,
			.status = GNTST_general_error,
		};
	rc = xen_grant_map(ops, n);
	for (unsigned i = 0; i < n; i++) {
		if (rc == 0 && !map->detached)
			map_again(&ops[i]);
		if (rc == 0 && ops[i].status == GNTST_okay) {
			map->handles[first + i] = ops[i].handle;
			stats.mapped++;
		} else {
			all = false;
		}
	}
	return all;
}

/* Returns whether none of these is mapped any more. */
static bool unmap_batch(const struct gnttab_map *map, unsigned first)
{
	struct gnttab_unmap_grant_ref ops[BATCH];
	unsigned used = 0, left;

	for (unsigned i = first; i < first + batch(map, first); i++)
		if (map->handles[i] != INVALID)
			ops[used++] = (struct gnttab_unmap_grant_ref){
				.host_addr = where(map, i), .handle = map->handles[i],
			};
	left = used;
	if (used == 0)
		return true;
	if (xen_grant_unmap(ops, used))
		return false;
	for (unsigned i = 0; i < used; i++)
		left -= ops[i].status == GNTST_okay;
	stats.mapped -= used - left;
	return left == 0;
}

static bool map_all(struct gnttab_map *map)
{
	bool all = true;

	for (unsigned i = 0; i < map->n; i++)
		map->handles[i] = INVALID;
	for (unsigned i = 0; i < map->n && all; i += BATCH)
		all = map_batch(map, i);
	return all;
}

static bool unmap_all(const struct gnttab_map *map)
{
	bool all = true;

	for (unsigned i = 0; i < map->n; i += BATCH)
		all = unmap_batch(map, i) && all;
	return all;
}

static void show_own(struct gnttab_map *map)
{
	for (unsigned i = 0; i < map->n; i++)
		arch_unguard((char *)map->addr + i * PAGE_SIZE);
	memset(map->addr, 0, map->n * PAGE_SIZE);
}

/* A page that cannot be unmapped stays; then a PV guest cannot be saved. */
static void detach_all(void)
{
	for (struct gnttab_map *map = maps; map; map = map->next) {
		map->detached = !map->lost && unmap_all(map);
		if (map->detached)
			show_own(map);
	}
}

static bool map_same(struct gnttab_map *map)
{
	for (unsigned i = 0; i < map->n; i++)
		arch_empty((char *)map->addr + i * PAGE_SIZE);
	if (map_all(map))
		return true;
	unmap_all(map);
	show_own(map);
	return false;
}

static void attach_all(bool restored)
{
	for (struct gnttab_map *map = maps; map; map = map->next) {
		map->lost |= restored || (map->detached && !map_same(map));
		for (unsigned i = 0; map->lost && i < map->n; i++)
			map->handles[i] = INVALID;
	}
}

int gnttab_map(struct gnttab_map *map, domid_t from, const grant_ref_t *refs, unsigned n,
	       bool readonly)
{
	assert(n);
	*map = (struct gnttab_map){
		.n = n, .addr = arch_reserve(n), .from = from, .readonly = readonly,
	};
	if (!map->addr)
		return -ENOMEM;
	map->handles = page_alloc(handle_pages(n));
	if (!map->handles) {
		arch_unreserve(map->addr, n);
		return -ENOMEM;
	}
	map->refs = (grant_ref_t *)map->handles + n;
	memcpy(map->refs, refs, n * sizeof(*refs));
	map->next = maps;
	maps = map;
	detach_maps = detach_all;
	attach_maps = attach_all;
	if (map_all(map) && !map->detached)
		return 0;
	gnttab_unmap(map);
	return -EACCES;
}

void gnttab_unmap(struct gnttab_map *map)
{
	struct gnttab_map **p = &maps;

	while (*p && *p != map)
		p = &(*p)->next;
	if (*p)
		*p = map->next;
	if (unmap_all(map))
		arch_unreserve(map->addr, map->n);
	else		/* never used again: another domain's page is there */
		log_error("gnttab: cannot unmap foreign pages; their addresses are not used again");
	page_free(map->handles, handle_pages(map->n));
	*map = (struct gnttab_map){ 0 };
}

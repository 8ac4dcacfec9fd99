/* SPDX-License-Identifier: ISC */
/* kernel/gnttab.c against the grant tables of tests/host/xen.c. */
#include "kernel/arch.h"
#include "kernel/clock.h"
#include "kernel/gnttab.h"
#include "kernel/page.h"
#include "kernel/sched.h"
#include "tests/host/host.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#define PEER 1
#define STRANGER 2

/*
 * For tests that leave grants on purpose: leaks of a guest that is down are not reported.
 */
static void end_here(void)
{
	host_xen.shutdown = SHUTDOWN_poweroff;
}

static void *page(void)
{
	void *p = page_alloc(1);

	assert(p);
	return memset(p, 0, PAGE_SIZE);
}

static void peer_only(void)
{
	char *p, *seen;
	int ref, readonly;

	host_boot();
	p = page();
	ref = gnttab_grant(PEER, p, false);
	readonly = gnttab_grant(PEER, p, true);
	assert(ref >= GNTTAB_NR_RESERVED_ENTRIES && readonly > 0 && readonly != ref);

	assert(!host_map(STRANGER, ref, true) && !host_map(STRANGER, ref, false));
	seen = host_map(PEER, ref, true);
	assert(seen);
	strcpy(seen, "written by the peer");
	assert(strcmp(p, seen) == 0);
	assert(!host_map(PEER, readonly, true));
	assert(host_map(PEER, readonly, false) == (void *)seen);

	assert(gnttab_revoke(ref) == -EBUSY && gnttab_revoke(readonly) == -EBUSY);
	host_unmap(PEER, ref, true);
	host_unmap(PEER, readonly, false);
	assert(gnttab_revoke(ref) == 0 && gnttab_revoke(readonly) == 0);
	assert(!host_map(PEER, ref, true) && !host_map(PEER, ref, false));
	page_free(p, 1);
}

static bool quarantined(void)
{
	struct gnttab_stats s;

	gnttab_stats(&s);
	return s.quarantined;
}

/* A page that the peer still has mapped is not reused until the peer unmaps it. */
static void quarantine(void)
{
	void *p, *other;
	struct page_stats before, after;
	unsigned threads;
	int ref;

	host_set_memory(4 << 20);
	host_boot();
	threads = thread_count();
	p = page();
	ref = gnttab_grant(PEER, p, false);
	assert(host_map(PEER, ref, true));
	gnttab_revoke_and_free(ref, p);
	page_stats(&before);
	while ((other = page_alloc(1)))		/* to the last one */
		assert(other != p);
	assert(gnttab_grant(PEER, p, false) != ref);	/* p stands for any page */

	thread_sleep(clock_now() + host_below(2000000000));
	assert(host_xen.timer);			/* it will be checked again */
	host_unmap(PEER, ref, true);
	while (quarantined())
		thread_sleep(clock_now() + 100 * NSEC_PER_MSEC);
	page_stats(&after);
	assert(after.free >= 1 && page_alloc(1));
	while (thread_count() > threads)
		thread_sleep(clock_now() + NSEC_PER_MSEC);
	end_here();			/* all pages are taken */
}

static void no_timer_for_nothing(void)
{
	unsigned threads;
	void *p;
	int ref;

	host_boot();
	threads = thread_count();
	p = page();
	ref = gnttab_grant(PEER, p, false);
	gnttab_revoke_and_free(ref, p);
	assert(thread_count() == threads && !quarantined());
}

/* All that Xen allows, and then again. */
static void table_grows(void)
{
	static int refs[8 * 512];
	unsigned n, room;
	void *p;

	host.grant_frames = 1 + host_below(8);
	host_boot();
	p = page();
	room = host.grant_frames * 512 - GNTTAB_NR_RESERVED_ENTRIES;
	for (int round = 0; round < 2; round++) {
		for (n = 0; (refs[n] = gnttab_grant(PEER, p, false)) >= 0; n++)
			assert(n < room);
		assert(refs[n] == -ENOSPC && n == room);
		assert(gnttab_grant(PEER, p, true) == -ENOSPC);
		for (unsigned i = 0; i < n; i++)
			if (host_map(PEER, refs[i], false)) {
				host_unmap(PEER, refs[i], false);
				assert(gnttab_revoke(refs[i]) == 0);
			}
	}
	end_here();			/* the table stays as big as it is */
}

/* The table that PV-GRUB leaves: set up, and with entries that mean something. */
static void second_hand_table(void)
{
	unsigned long frames[2];
	struct grant_entry_v1 *table;
	bool mapped[1024] = { 0 };
	struct gnttab_stats s;
	unsigned still = 0;
	void *p;

	assert(xen_grant_setup(2, frames) == 0);
	table = arch_map_frames(frames, 2);
	for (unsigned i = 0; i < 1024; i++) {
		if (i >= 8 && host_chance(2))
			continue;
		table[i] = (struct grant_entry_v1){
			.flags = GTF_permit_access, .domid = PEER, .frame = frames[0],
		};
		if (i >= 8 && i < 512 && host_chance(8)) {
			mapped[i] = host_map(PEER, i, true);
			still += mapped[i];
		}
	}
	host_boot();
	for (unsigned i = 8; i < 512; i++)
		if (!mapped[i])
			assert(table[i].flags == 0);
	for (unsigned i = 0; i < 8; i++)
		assert(table[i].flags == GTF_permit_access);	/* the builder's */
	gnttab_stats(&s);
	assert(s.quarantined == still && s.used == 0);
	p = page();
	for (unsigned i = 0; i < 504 - still; i++) {
		int ref = gnttab_grant(PEER, p, false);

		assert(ref >= 8 && ref < 512 && !mapped[ref]);
	}
	for (unsigned i = 0; i < 512; i++)
		if (mapped[i])
			host_unmap(PEER, i, true);
	while (quarantined())
		thread_sleep(clock_now() + NSEC_PER_SEC);
	while (thread_count() > 1)
		thread_sleep(clock_now() + NSEC_PER_MSEC);
	end_here();			/* the builder's entries belong to the guest */
}

/* ---- any order of things */

#define PAGES 24

static struct lent {
	void *page;
	int ref;
	unsigned mapped;		/* by the peer */
	bool readonly;
} lent[PAGES];

/* The peer maps and unmaps granted pages at any moment. */
static bool peer(void *arg)
{
	struct lent *l = &lent[host_below(PAGES)];

	(void)arg;
	if (!l->ref)
		return false;
	if (l->mapped && host_chance(2)) {
		host_unmap(PEER, l->ref, !l->readonly);
		l->mapped--;
	} else if (l->mapped < 3 && host_map(PEER, l->ref, !l->readonly)) {
		l->mapped++;
	}
	return true;
}

static void lend(struct lent *l)
{
	l->page = page();
	l->readonly = host_chance(2);
	l->mapped = 0;
	l->ref = gnttab_grant(PEER, l->page, l->readonly);
	assert(l->ref > 0);
}

static void never_both(void)
{
	host_boot();
	host_actor("peer", peer, NULL);
	host.accesses = 1 + host_below(8);
	for (int k = 0; k < 300; k++) {
		struct lent *l = &lent[host_below(PAGES)];
		int ref = l->ref;

		if (!ref) {
			lend(l);
			continue;
		}
		if (gnttab_revoke(ref) == -EBUSY)
			continue;
		assert(l->mapped == 0);		/* whatever ran in between */
		assert(!host_map(PEER, ref, false));
		l->ref = 0;
		page_free(l->page, 1);
	}
	host.accesses = 0;
	for (int i = 0; i < PAGES; i++) {
		struct lent l = lent[i];

		lent[i].ref = 0;		/* the peer forgets it */
		for (; l.mapped > 0 && host_chance(2); l.mapped--)
			host_unmap(PEER, l.ref, !l.readonly);
		if (l.ref)
			gnttab_revoke_and_free(l.ref, l.page);
		lent[i] = l;
	}
	for (int i = 0; i < PAGES; i++) {
		for (; lent[i].mapped; lent[i].mapped--)
			host_unmap(PEER, lent[i].ref, !lent[i].readonly);
		lent[i].ref = 0;
	}
	while (quarantined() || thread_count() > 1)
		thread_sleep(clock_now() + 100 * NSEC_PER_MSEC);
}

/* ---- mapping */

static void maps_in_a_row(void)
{
	unsigned n = 1 + host_below(100);
	struct gnttab_map map;
	grant_ref_t refs[100];
	char *pages[100];

	host_boot();
	for (unsigned i = 0; i < n; i++) {
		pages[i] = host_page();
		refs[i] = host_grant(PEER, pages[i], false);
		pages[i][5] = i;
	}
	assert(gnttab_map(&map, PEER, refs, n, false) == 0 && map.n == n);
	for (unsigned i = 0; i < n; i++) {
		char *at = (char *)map.addr + i * PAGE_SIZE;

		assert(at[5] == (char)i && host_mapped_by_guest(refs[i]) == 1);
		at[6] = 'x';
		assert(pages[i][6] == 'x');
	}
	gnttab_unmap(&map);
	for (unsigned i = 0; i < n; i++)
		assert(host_mapped_by_guest(refs[i]) == 0);
}

static void all_or_none(void)
{
	unsigned n = 1 + host_below(60), bad = host_below(n);
	struct gnttab_map map;
	struct gnttab_stats s;
	grant_ref_t refs[60];

	host_boot();
	for (unsigned i = 0; i < n; i++)
		refs[i] = host_grant(i == bad ? STRANGER : PEER, host_page(), false);
	assert(gnttab_map(&map, PEER, refs, n, false) == -EACCES);
	for (unsigned i = 0; i < n; i++)
		assert(host_mapped_by_guest(refs[i]) == 0);
	gnttab_stats(&s);
	assert(s.mapped == 0);
	refs[bad] = host_grant(PEER, host_page(), true);
	assert(gnttab_map(&map, PEER, refs, n, false) == -EACCES);
	assert(gnttab_map(&map, PEER, refs, n, true) == 0);
	gnttab_stats(&s);
	assert(s.mapped == n);
	gnttab_unmap(&map);
	assert(gnttab_map(&map, PEER, refs, 1000000, true) == -ENOMEM);
}

/* ---- what Xen sees */

static struct grant_entry_v1 *table;
static void *granted;

/* Xen may read an entry at any moment: if it has flags, all other fields are valid. */
static void look(const void *address, size_t size, bool write)
{
	(void)address;
	(void)size;
	(void)write;
	for (unsigned i = 8; i < 512; i++)
		if (table[i].flags)
			assert(table[i].domid == PEER &&
			       table[i].frame == arch_frame(granted));
}

static void valid_when_complete(void)
{
	unsigned long frame;
	int ref;

	host_boot();
	assert(xen_grant_setup(1, &frame) == 0);
	table = arch_map_frames(&frame, 1);
	granted = page();
	host_on_access = look;
	ref = gnttab_grant(PEER, granted, false);
	assert(gnttab_revoke(ref) == 0);
	host_on_access = NULL;
	page_free(granted, 1);
}

/* A resume: the table is a new one, with the builder's entries only. */
static void a_resume_has_a_new_table(void)
{
	unsigned long frame;
	struct gnttab_stats s;
	int old, new;

	host_boot();
	granted = page();
	old = gnttab_grant(PEER, granted, false);
	assert(old > 0 && xen_grant_setup(1, &frame) == 0);
	memset((void *)(frame * PAGE_SIZE), 0, PAGE_SIZE);
	assert(gnttab_attach() == 0);
	assert(!host_map(PEER, old, false));
	new = gnttab_grant(PEER, granted, false);
	assert(new > 0 && new != old && host_map(PEER, new, true));
	host_unmap(PEER, new, true);
	assert(gnttab_revoke(old) == 0 && gnttab_revoke(new) == 0);
	gnttab_stats(&s);
	assert(s.used == 0);
	page_free(granted, 1);
}

int main(int argc, char **argv)
{
	static const struct host_claim claims[] = {
		{ "a grant gives one domain access to one page", peer_only, 20 },
		{ "a page that is still mapped is not used again", quarantine, 30 },
		{ "an empty quarantine costs nothing", no_timer_for_nothing, 1 },
		{ "the table grows up to Xen's limit", table_grows, 10 },
		{ "unmapped grants of an earlier kernel are revoked", second_hand_table, 100 },
		{ "a revoked grant cannot be mapped, in any order of events",
		  never_both, 2000 },
		{ "an entry is valid only when it is complete", valid_when_complete, 3 },
		{ "foreign pages are mapped at consecutive addresses",
		  maps_in_a_row, 100 },
		{ "either all pages are mapped or none", all_or_none, 100 },
		{ "after a resume the table is empty and works", a_resume_has_a_new_table, 5 },
	};

	return host_main(argc, argv, claims, HOST_COUNT(claims));
}

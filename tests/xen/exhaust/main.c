/* SPDX-License-Identifier: ISC */
/*
 * Uses all ports, grants and pages: each time an error is returned, and the
 * guest works on.
 */
#include "kernel/arch.h"
#include "kernel/evtchn.h"
#include "kernel/gnttab.h"
#include "kernel/page.h"
#include "tests/xen/test.h"

#include <errno.h>
#include <stdlib.h>

#define MANY 70000

static struct evtchn ports[5000];
static grant_ref_t grants[MANY];

static void all_ports(void)
{
	unsigned n = 0;
	int rc = 0;

	while (n < 5000 && !(rc = evtchn_listen(&ports[n], "test", 0)))
		n++;
	printf("ports: %u, then %d\n", n, rc);
	if (rc >= 0 || n < 100)
		test_failure("ports end with %d after %u", rc, n);
	for (unsigned i = 0; i < n; i++)
		evtchn_close(&ports[i]);
	rc = evtchn_listen(&ports[0], "test", 0);
	if (rc)
		test_failure("a port after all were closed: %d", rc);
	evtchn_close(&ports[0]);
}

static void all_grants(void)
{
	void *page = page_alloc(1);
	unsigned n = 0;
	int rc = 0;

	while (n < MANY && (rc = gnttab_grant(0, page, true)) >= 0)
		grants[n++] = rc;
	printf("grants: %u, then %d\n", n, rc);
	if (rc != -ENOSPC || n < 1000)
		test_failure("grants end with %d after %u", rc, n);
	for (unsigned i = 0; i < n; i++)
		if (gnttab_revoke(grants[i]))
			test_failure("grant %u cannot be revoked", grants[i]);
	rc = gnttab_grant(0, page, true);
	if (rc < 0)
		test_failure("a grant after all were revoked: %d", rc);
	gnttab_revoke_and_free(rc, page);
}

struct chain {
	struct chain *next;
};

static void all_pages(void)
{
	struct chain *all = NULL, *page;
	struct page_stats before, after;
	size_t tables, n = 0;

	page_reserve(0);		/* also the reserve of kernel threads */
	page_stats(&before);
	tables = before.free / 512 + 16;	/* pages that map the others, and stay */
	while ((page = page_alloc(1))) {
		page->next = all;
		all = page;
		n++;
	}
	printf("pages: %zu\n", n);
	if (malloc(1 << 20))
		test_failure("malloc finds memory where there is none");
	while ((page = all)) {
		all = page->next;
		page_free(page, 1);
	}
	page_stats(&after);
	if (after.free + tables < before.free)
		test_failure("%zu pages were free, now %zu", before.free, after.free);
	if (n < before.free - tables)
		test_failure("%zu of %zu pages could be had", n, before.free);
}

int main(void)
{
	void *p;

	kernel_enter();
	expect_equal(gnttab_init(), 0);
	all_ports();
	all_grants();
	all_pages();
	kernel_leave();
	p = malloc(1 << 20);
	if (!p)
		test_failure("no memory after all was freed");
	free(p);
	test_success();
}

/* SPDX-License-Identifier: ISC */
/* Setup and end of a channel: grants, ports, and a path in xenstore. */
#include "drivers/vchan.h"
#include "drivers/xenbus/xenstore.h"
#include "kernel/arch.h"
#include "kernel/clock.h"
#include "kernel/log.h"
#include "kernel/page.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <xen/io/libxenvchan.h>

#define PATIENCE (10 * NSEC_PER_SEC)	/* limit for xenstored */
/*
 * Limit of the wait until a dismissed client has unmapped the rings; checked each PAUSE.
 */
#define PARTING (2 * NSEC_PER_SEC)
#define PAUSE (10 * NSEC_PER_MSEC)

#define PAGE_ORDER 12

static unsigned ring_pages(unsigned order)
{
	return order < PAGE_ORDER ? 0 : 1u << (order - PAGE_ORDER);
}

/* The offset of a ring within the page. */
static size_t ring_offset(unsigned order)
{
	return 1u << order;
}

/*
 * Whether both orders are in range, and nothing in the page overlaps: rings of orders 10
 * and 11, and the refs of larger ones.
 */
static bool orders_valid(unsigned read, unsigned write)
{
	unsigned small = read < write ? read : write;
	size_t refs, room;

	if (small < VCHAN_ORDER_MIN || read > VCHAN_ORDER_MAX || write > VCHAN_ORDER_MAX)
		return false;
	if (read == write && small < PAGE_ORDER)
		return false;
	refs = (ring_pages(read) + ring_pages(write)) * sizeof(grant_ref_t);
	room = small < PAGE_ORDER ? ring_offset(small) : PAGE_SIZE;
	return sizeof(struct vchan_interface) + refs <= room;
}

static struct vchan *channels;

static int set_path(struct vchan *v, domid_t peer, const char *path)
{
	*v = (struct vchan){ .peer = peer };
	if (strlen(path) >= sizeof(v->path))
		return -ENAMETOOLONG;
	strcpy(v->path, path);
	v->next = channels;
	channels = v;
	return 0;
}

static void forget(struct vchan *v)
{
	struct vchan **p = &channels;

	while (*p && *p != v)
		p = &(*p)->next;
	if (*p)
		*p = v->next;
}

void vchan_release(bool restored)
{
	for (struct vchan *v = channels; v; v = v->next) {
		bool lost = restored || v->maps[0].lost || v->maps[1].lost || v->maps[2].lost;

		if (!lost || !v->our_live)
			continue;
		if (!v->error)
			v->error = -ECONNRESET;
		v->port.count++;
		wake(&v->port.waiters);
	}
}

/* The path of a key of this channel. */
static const char *key(const struct vchan *v, const char *name, char to[VCHAN_PATH_MAX + 20])
{
	format(to, VCHAN_PATH_MAX + 20, "%s/%s", v->path, name);
	return to;
}

/* ---- the server */

static unsigned pages_of(const struct vchan *v, unsigned i)
{
	return i == 0 ? 1 : ring_pages(i == 1 ? v->read_order : v->write_order);
}

/* Allocates and grants the i-th piece of memory. */
static int lend(struct vchan *v, unsigned i)
{
	unsigned n = pages_of(v, i);

	if (n == 0)
		return 0;
	v->pages[i] = page_alloc(n);
	if (!v->pages[i])
		return -ENOMEM;
	for (unsigned k = 0; k < n; k++) {
		char *page = (char *)v->pages[i] + k * PAGE_SIZE;
		int ref = gnttab_grant_zeroed(v->peer, page, false);

		if (ref < 0) {
			page_free(page, n - k);
			return ref;
		}
		v->refs[v->nrefs++] = ref;
	}
	return 0;
}

/*
 * Revokes all grants.  Pages that are still mapped are freed when the peer unmaps them.
 */
static void take_back(struct vchan *v)
{
	unsigned ref = 0;

	for (unsigned i = 0; i < 3; i++)
		for (unsigned k = 0; k < pages_of(v, i) && ref < v->nrefs; k++, ref++)
			gnttab_revoke_and_free(v->refs[ref],
					       (char *)v->pages[i] + k * PAGE_SIZE);
	free(v->refs);
	v->refs = NULL;
	v->nrefs = 0;
	memset(v->pages, 0, sizeof(v->pages));
}

static int lend_all(struct vchan *v)
{
	unsigned n = 1 + ring_pages(v->read_order) + ring_pages(v->write_order);
	int rc = gnttab_init();

	v->refs = calloc(n, sizeof(*v->refs));
	if (!v->refs)
		rc = -ENOMEM;
	for (unsigned i = 0; i < 3 && rc == 0; i++)
		rc = lend(v, i);
	return rc;
}

/* The server's ring i: the i-th piece of memory, or a part of the first. */
static uint8_t __shared *own_ring(const struct vchan *v, unsigned i, unsigned order)
{
	return ring_pages(order) ? (uint8_t __shared *)v->pages[i] :
	       (uint8_t __shared *)v->pages[0] + ring_offset(order);
}

/* Writes the page as a client expects it. */
static void write_page(struct vchan *v)
{
	struct vchan_interface header = {
		.left_order = v->read_order, .right_order = v->write_order,
		.cli_live = 2, .srv_live = 1, .cli_notify = VCHAN_NOTIFY_WRITE,
	};

	v->page = (struct vchan_interface __shared *)v->pages[0];
	shared_put(v->page, &header, sizeof(header));
	shared_put(v->page->grants, v->refs + 1, (v->nrefs - 1) * sizeof(*v->refs));
	vchan_begin(v, own_ring(v, 1, v->read_order), own_ring(v, 2, v->write_order));
}

static int publish_key(struct vchan *v, const struct xs_tx *tx, const char *name, unsigned value)
{
	struct xs_perm perms[2] = { { 0, 'n' }, { v->peer, 'r' } };
	char path[VCHAN_PATH_MAX + 20];
	int self = xs_domid(), rc;

	if (self < 0)
		return self;
	perms[0].domid = self;
	rc = xs_printf(tx, key(v, name, path), "%u", value);
	return rc ? rc : xs_set_perms(tx, path, perms, 2);
}

static int publish(const struct xs_tx *tx, void *arg)
{
	struct vchan *v = arg;
	int rc = publish_key(v, tx, "ring-ref", v->refs[0]);

	return rc ? rc : publish_key(v, tx, "event-channel", v->port.port);
}

/*
 * Publishes the channel.  Its memory was granted after xs_domid(), which sleeps: in a restored domain
 * older grants are void.  (A transaction must not call it first: a suspend waits for its end.)  The port
 * is published last: it may have the number of the previous one, and the domain that connects to it is
 * the client.
 */
static int serve(struct vchan *v)
{
	int rc;

	write_page(v);
	rc = evtchn_listen(&v->port, "vchan", v->peer);
	if (rc)
		return rc;
	return xs_transaction(clock_now() + PATIENCE, publish, v);
}

int vchan_serve(struct vchan *v, domid_t peer, const char *path, unsigned read_order,
		 unsigned write_order)
{
	int rc = set_path(v, peer, path);

	if (!rc && !orders_valid(read_order, write_order)) {
		forget(v);
		rc = -EINVAL;
	}
	if (rc)
		return rc;
	v->server = true;
	v->read_order = read_order;
	v->write_order = write_order;
	rc = xs_init();
	if (!rc)
		rc = xs_domid();
	if (rc >= 0)
		rc = lend_all(v);
	if (!rc)
		rc = serve(v);
	if (rc)
		vchan_close(v);
	return rc;
}

static void disconnect_peer(struct vchan *v)
{
	if (v->our_live)
		shared_byte_store(v->our_live, 0);
	evtchn_notify(&v->port);
	evtchn_close(&v->port);
}

/*
 * Grants again what the peer does not have mapped: in a restored domain the old grants are void.
 */
static void grant_again(struct vchan *v)
{
	unsigned n = 0;

	for (unsigned i = 0; i < 3; i++)
		for (unsigned k = 0; k < pages_of(v, i) && n < v->nrefs; k++, n++)
			if (gnttab_revoke(v->refs[n]) == 0)
				v->refs[n] = gnttab_grant(v->peer, (char *)v->pages[i] + k * PAGE_SIZE,
							  false);
}

/*
 * Uses the same memory: a peer may keep it mapped as long as it likes, and then each new
 * channel would need more.  A correct peer unmaps it when it sees srv_live 0, and must
 * have seen this before it is overwritten.
 */
int vchan_renew(struct vchan *v)
{
	uint64_t deadline = clock_now() + PARTING;
	int rc;

	assert(v->server);
	v->session++;			/* a writer of the last one must not continue */
	disconnect_peer(v);
	while ((rc = gnttab_revoke(v->refs[0])) && clock_now() < deadline)
		thread_sleep(clock_now() + PAUSE);
	if (rc == 0)
		v->refs[0] = gnttab_grant(v->peer, v->pages[0], false);
	rc = xs_domid();
	if (rc < 0)
		return rc;
	grant_again(v);
	return serve(v);
}

int vchan_dismiss(struct vchan *v)
{
	char rest[64];

	if (v->error || v->state != VCHAN_ENDED)
		return vchan_renew(v);
	while (vchan_try_read(v, rest, sizeof(rest)) > 0)
		;
	return 0;
}

/* ---- the client */

/* The values that the server wrote, read once. */
struct offer {
	uint16_t left_order, right_order;
};

static uint8_t __shared *mapped_ring(const struct vchan *v, unsigned i, unsigned order)
{
	return ring_pages(order) ? (uint8_t __shared *)v->maps[i].addr :
	       (uint8_t __shared *)v->page + ring_offset(order);
}

static int map(struct vchan *v, unsigned i, const grant_ref_t *refs, unsigned n, bool readonly)
{
	int rc = n ? gnttab_map(&v->maps[i], v->peer, refs, n, readonly) : 0;

	if (rc)
		v->maps[i].addr = NULL;
	return rc;
}

static int map_rings(struct vchan *v)
{
	unsigned left = ring_pages(v->write_order), right = ring_pages(v->read_order);
	int rc;

	v->refs = calloc(left + right + 1, sizeof(*v->refs));
	if (!v->refs)
		return -ENOMEM;
	shared_get(v->refs, v->page->grants, (left + right) * sizeof(*v->refs));
	rc = map(v, 1, v->refs, left, false);
	if (rc == 0)
		rc = map(v, 2, v->refs + left, right, true);
	free(v->refs);
	v->refs = NULL;
	return rc;
}

static int map_all(struct vchan *v, grant_ref_t ref)
{
	struct offer offer;
	int rc = map(v, 0, &ref, 1, false);

	if (rc)
		return rc;
	v->page = (struct vchan_interface __shared *)v->maps[0].addr;
	shared_get(&offer.left_order, &v->page->left_order, sizeof(offer.left_order));
	shared_get(&offer.right_order, &v->page->right_order, sizeof(offer.right_order));
	if (!orders_valid(offer.left_order, offer.right_order))
		return -EPROTO;
	v->write_order = offer.left_order;
	v->read_order = offer.right_order;
	return map_rings(v);
}

static void unmap_all(struct vchan *v)
{
	for (unsigned i = 0; i < 3; i++)
		if (v->maps[i].addr)
			gnttab_unmap(&v->maps[i]);
}

static int connect_to(struct vchan *v)
{
	struct xs_tx soon = { .deadline = clock_now() + PATIENCE };
	char path[VCHAN_PATH_MAX + 20];
	uint64_t ref, port;
	int rc = xs_read_number(&soon, key(v, "ring-ref", path), 1, UINT32_MAX, &ref);

	if (!rc)
		rc = xs_read_number(&soon, key(v, "event-channel", path), 1, UINT32_MAX, &port);
	if (rc)
		return rc;
	/*
	 * First the port, of which there is only one: if another client has it, no ring
	 * is mapped.
	 */
	rc = evtchn_connect(&v->port, "vchan", v->peer, port);
	if (rc)
		return rc == -EINVAL ? -EBUSY : rc;
	rc = map_all(v, ref);
	if (rc)
		return rc;
	vchan_begin(v, mapped_ring(v, 1, v->write_order), mapped_ring(v, 2, v->read_order));
	shared_byte_store(v->our_live, 1);
	/* As libxenvchan does: an earlier client may have requested any notifications. */
	shared_byte_store(v->our_notify, VCHAN_NOTIFY_WRITE);
	evtchn_notify(&v->port);
	return 0;
}

int vchan_join(struct vchan *v, domid_t peer, const char *path)
{
	int rc = set_path(v, peer, path);

	if (!rc)
		rc = xs_init();
	if (!rc)
		rc = connect_to(v);
	if (rc)
		vchan_close(v);
	return rc;
}

/* ---- both */

void vchan_close(struct vchan *v)
{
	forget(v);
	disconnect_peer(v);
	if (v->server && v->state != VCHAN_NONE) {
		struct xs_tx soon = { .deadline = clock_now() + PATIENCE };
		int rc = xs_rm(&soon, v->path);

		if (rc)
			log_warning("vchan: cannot remove %s (error %d)", v->path, rc);
	}
	if (v->server)
		take_back(v);
	else
		unmap_all(v);
	*v = (struct vchan){ .state = VCHAN_NONE };
}

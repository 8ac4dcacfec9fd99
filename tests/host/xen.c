/* SPDX-License-Identifier: ISC */
/*
 * kernel/hypercall.h: a small Xen, and what the other domains can do with it.
 *
 * It follows xen/common/event_channel.c, event_2l.c and grant_table.c in what a guest
 * can see: states of a port, which bits are set in which order, which errors.
 *
 * Over 500 lines: it implements one header, with one state of ports and grants.
 */
#include "tests/host/inside.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <xen/vcpu.h>

#define MAX_PORTS 4096u			/* the limit of the two-level ABI */
#define REFS_PER_FRAME (PAGE_SIZE / sizeof(grant_entry_v1_t))
#define MAX_REFS (HOST_FRAMES_MAX * REFS_PER_FRAME)
#define MAX_FOREIGN 8192u
#define MAX_MAPPINGS 8192u

struct host_machine host;
struct host_xen host_xen;
evtchn_port_t host_console_port, host_xenstore_port;

#define PERIOD 10000000			/* ns: of the timer that a PV guest begins with */

enum port_state { FREE, UNBOUND, BOUND, LOOP, VIRQ };

struct port {				/* the guest's */
	enum port_state state;
	domid_t remote;
	evtchn_port_t other;		/* BOUND: a far[], LOOP: a port[] */
	unsigned virq;
};

struct far {				/* another domain's */
	enum port_state state;
	domid_t owner;
	evtchn_port_t port;		/* BOUND: of the guest */
	bool rung;
};

struct active {				/* a grant of the guest's that is mapped */
	unsigned readers, writers;
	uint32_t frame;
};

struct foreign {			/* a grant of another domain's, to the guest */
	bool valid, readonly;
	domid_t owner;
	void *page;
	unsigned mapped;
};

struct mapping {			/* made by the guest */
	bool used, readonly;
	domid_t domain;
	grant_ref_t ref;
	uintptr_t where;
};

static struct port port[MAX_PORTS];
static struct far far[MAX_PORTS];
static unsigned ports_used, far_used;	/* entries above this are free */

static unsigned frames;			/* of the guest's grant table */
static struct active active[MAX_REFS];
static struct foreign foreign[MAX_FOREIGN];
static struct mapping mapping[MAX_MAPPINGS];
static unsigned foreign_used, mappings_used, peer_pages;

static char console[64 * 1024];
static size_t console_len;

static void hypercall(const char *name)
{
	if (!host_in_kernel())
		host_fail("%s with upcalls unmasked", name);
	host_step();
}

static bool peer_exists(domid_t domain)
{
	return domain < HOST_PEERS && domain != HOST_SELF;
}

static bool is_self(domid_t domain)
{
	return domain == DOMID_SELF || domain == HOST_SELF;
}

/* ---- event channels */

static uint64_t or_bit(void *words, unsigned bit)
{
	return __atomic_fetch_or((uint64_t *)words + bit / 64, 1ull << bit % 64,
				 __ATOMIC_SEQ_CST) & 1ull << bit % 64;
}

static bool test_bit(const void *words, unsigned bit)
{
	const uint64_t *word = (const uint64_t *)words + bit / 64;

	return __atomic_load_n(word, __ATOMIC_SEQ_CST) >> bit % 64 & 1;
}

/*
 * evtchn_2l_set_pending(); and what a PVH guest's upcall does while masked, which leaves
 * pending_sel alone to tell (arch/x86_64/hvm/entry.S).
 */
static void set_pending(evtchn_port_t p)
{
	struct vcpu_info *vcpu = &arch_shared_info.vcpu_info[0];

	host_trace("port %u rings", p);
	if (or_bit(arch_shared_info.evtchn_pending, p))
		return;
	if (!test_bit(arch_shared_info.evtchn_mask, p) &&
	    !or_bit(&vcpu->evtchn_pending_sel, p / 64))
		__atomic_store_n(&vcpu->evtchn_upcall_pending,
				 !vcpu->evtchn_upcall_mask || host_chance(2), __ATOMIC_SEQ_CST);
}

static int port_get(evtchn_port_t *p)
{
	unsigned n;

	for (n = 1; n < ports_used && port[n].state != FREE; n++)
		;
	if (n > host.ports || n == MAX_PORTS)
		return -ENOSPC;
	if (n >= ports_used)
		ports_used = n + 1;
	host_xen.ports++;
	*p = n;
	return 0;
}

static bool port_exists(evtchn_port_t p)
{
	return p < ports_used && port[p].state != FREE;
}

int xen_evtchn_alloc(domid_t remote, evtchn_port_t *p)
{
	int rc;

	hypercall("EVTCHNOP_alloc_unbound");
	if (!is_self(remote) && !peer_exists(remote))
		return -ESRCH;
	rc = port_get(p);
	if (!rc)
		port[*p] = (struct port){
			.state = UNBOUND, .remote = is_self(remote) ? HOST_SELF : remote,
		};
	return rc;
}

static int bind_self(evtchn_port_t theirs, evtchn_port_t *p)
{
	int rc;

	if (!port_exists(theirs) || port[theirs].state != UNBOUND ||
	    port[theirs].remote != HOST_SELF)
		return -EINVAL;
	rc = port_get(p);
	if (rc)
		return rc;
	port[*p] = (struct port){ .state = LOOP, .remote = HOST_SELF, .other = theirs };
	port[theirs].state = LOOP;
	port[theirs].other = *p;
	set_pending(*p);
	return 0;
}

int xen_evtchn_bind(domid_t remote, evtchn_port_t theirs, evtchn_port_t *p)
{
	int rc;

	hypercall("EVTCHNOP_bind_interdomain");
	if (is_self(remote))
		return bind_self(theirs, p);
	if (!peer_exists(remote))
		return -ESRCH;
	if (theirs >= far_used || far[theirs].state != UNBOUND ||
	    far[theirs].owner != remote)
		return -EINVAL;
	rc = port_get(p);
	if (rc)
		return rc;
	port[*p] = (struct port){ .state = BOUND, .remote = remote, .other = theirs };
	far[theirs].state = BOUND;
	far[theirs].port = *p;
	set_pending(*p);		/* an event may have come before */
	return 0;
}

static evtchn_port_t virq_port(unsigned virq)
{
	for (unsigned n = 1; n < ports_used; n++)
		if (port[n].state == VIRQ && port[n].virq == virq)
			return n;
	return 0;
}

int xen_evtchn_bind_virq(unsigned virq, evtchn_port_t *p)
{
	int rc;

	hypercall("EVTCHNOP_bind_virq");
	if (virq >= NR_VIRQS)
		return -EINVAL;
	if (virq_port(virq))
		return -EEXIST;
	rc = port_get(p);
	if (!rc)
		port[*p] = (struct port){ .state = VIRQ, .virq = virq };
	return rc;
}

int xen_evtchn_send(evtchn_port_t p)
{
	hypercall("EVTCHNOP_send");
	host_xen.sends++;
	if (!port_exists(p) || port[p].state == VIRQ)
		return -EINVAL;
	if (port[p].state == BOUND)
		far[port[p].other].rung = true;
	else if (port[p].state == LOOP)
		set_pending(port[p].other);
	return 0;
}

int xen_evtchn_close(evtchn_port_t p)
{
	hypercall("EVTCHNOP_close");
	if (!port_exists(p))
		return -EINVAL;
	if (port[p].state == BOUND)
		far[port[p].other].state = UNBOUND;
	if (port[p].state == LOOP)
		port[port[p].other].state = UNBOUND;
	port[p].state = FREE;
	__atomic_fetch_and(&arch_shared_info.evtchn_pending[p / 64], ~(1ull << p % 64),
			   __ATOMIC_SEQ_CST);
	host_xen.ports--;
	return 0;
}

static evtchn_port_t far_new(domid_t owner)
{
	unsigned n;

	if (!peer_exists(owner))
		host_fail("there is no domain %u", owner);
	for (n = 1; n < far_used && far[n].state != FREE; n++)
		;
	if (n == MAX_PORTS)
		return 0;
	if (n >= far_used)
		far_used = n + 1;
	far[n] = (struct far){ .state = UNBOUND, .owner = owner };
	return n;
}

evtchn_port_t host_listen(domid_t peer)
{
	return far_new(peer);
}

evtchn_port_t host_connect(domid_t peer, evtchn_port_t p)
{
	evtchn_port_t f;

	if (!port_exists(p) || port[p].state != UNBOUND || port[p].remote != peer)
		return 0;
	f = far_new(peer);
	if (f) {
		far[f] = (struct far){
			.state = BOUND, .owner = peer, .port = p, .rung = true,
		};
		port[p].state = BOUND;
		port[p].other = f;
	}
	return f;
}

void host_notify(evtchn_port_t f)
{
	if (f < far_used && far[f].state == BOUND)
		set_pending(far[f].port);
}

bool host_rung(evtchn_port_t f)
{
	bool rung = f < far_used && far[f].rung;

	if (rung)
		far[f].rung = false;
	return rung;
}

void host_close(evtchn_port_t f)
{
	if (f >= far_used)
		return;
	if (far[f].state == BOUND)
		port[far[f].port].state = UNBOUND;
	far[f].state = FREE;
}

void host_virq(unsigned virq)
{
	evtchn_port_t p = virq_port(virq);

	if (p)
		set_pending(p);
}

/* ---- scheduling */

int xen_sched_yield(void)
{
	hypercall("SCHEDOP_yield");
	host_actors_step();
	return 0;
}

int xen_sched_shutdown(unsigned reason)
{
	host_trace("shutdown, reason %u", reason);
	host_xen.shutdown = reason;
	if (host_down)
		host_leave_to_main();
	host_fail("the guest shuts down, reason %u", reason);
}

int xen_sched_watchdog(uint32_t *id, uint32_t timeout)
{
	hypercall("SCHEDOP_watchdog");
	if (host.no_watchdog)
		return -ENOSYS;
	if (*id == 0 ? timeout == 0 : *id != 1)
		return -EINVAL;
	if (*id == 0 && host_xen.watchdog)
		return -ENOSPC;		/* Xen has two watchdogs; one is enough here */
	*id = 1;
	host_xen.watchdog = timeout ? host_now() + timeout * 1000000000ull : 0;
	return 0;
}

int xen_set_timer(uint64_t deadline)
{
	hypercall("set_timer_op");
	/* As do_set_timer_op() of Xen has it: that far ahead is a mistake. */
	if (deadline >> 63 || (deadline > host_now() && (deadline - host_now()) >> 50))
		deadline = host_now() + 100000000;
	host_xen.timer = deadline;
	host_timers();
	return 0;
}

int xen_register_runstate(const struct vcpu_register_runstate_memory_area *area)
{
	hypercall("VCPUOP_register_runstate_memory_area");
	host_xen.runstate = area->addr.v;
	return 0;
}

int xen_stop_periodic_timer(void)
{
	hypercall("VCPUOP_stop_periodic_timer");
	host_xen.periodic = 0;
	return 0;
}

void host_timers(void)
{
	if (host_xen.periodic && host_xen.periodic <= host_now()) {
		host_xen.periodic = host_now() + PERIOD;
		host_virq(VIRQ_TIMER);
	}
	if (host_xen.timer && host_xen.timer <= host_now()) {
		host_xen.timer = 0;
		host_virq(VIRQ_TIMER);
	}
	if (host_xen.watchdog && host_xen.watchdog <= host_now() && !host_outside()) {
		host_xen.watchdog = 0;
		xen_sched_shutdown(SHUTDOWN_watchdog);
	}
}

uint64_t host_next_timer(uint64_t deadline)
{
	uint64_t due[] = {
		deadline, host_xen.timer, host_xen.watchdog, host_actors_due(),
	};
	uint64_t first = 0;

	for (unsigned i = 0; i < HOST_COUNT(due); i++)
		if (due[i] && (!first || due[i] < first))
			first = due[i];
	return first;
}

/* ---- grants the guest makes */

int xen_grant_max_frames(unsigned *max)
{
	hypercall("GNTTABOP_query_size");
	*max = host.grant_frames;
	return 0;
}

int xen_grant_setup(unsigned n, unsigned long *list)
{
	hypercall("GNTTABOP_setup_table");
	if (n > host.grant_frames || n > HOST_FRAMES_MAX)
		return -ENOMEM;
	if (n > frames) {
		mprotect((void *)HOST_FRAMES_BASE, n * PAGE_SIZE, PROT_READ | PROT_WRITE);
		frames = n;
	}
	for (unsigned i = 0; i < n; i++)
		list[i] = HOST_FRAMES_BASE / PAGE_SIZE + i;
	return 0;
}

static grant_entry_v1_t *entry(grant_ref_t ref)
{
	if (ref >= frames * REFS_PER_FRAME)
		return NULL;
	return (grant_entry_v1_t *)HOST_FRAMES_BASE + ref;
}

/* Grants that are not invalid; those a builder makes are not made here. */
static unsigned count_grants(void)
{
	unsigned n = 0;

	for (grant_ref_t ref = 0; entry(ref); ref++)
		n += entry(ref)->flags != 0;
	return n;
}

/*
 * Xen takes the flags and the domain as one word, and sets its bits by cmpxchg.  Here
 * the guest does not run meanwhile.
 */
static grant_entry_v1_t *take(domid_t who, grant_ref_t ref, bool write)
{
	grant_entry_v1_t *e = entry(ref);
	uint16_t flags, want;

	if (!e)
		return NULL;
	flags = __atomic_load_n(&e->flags, __ATOMIC_SEQ_CST);
	want = flags | GTF_reading | (write ? GTF_writing : 0);
	if ((flags & GTF_type_mask) != GTF_permit_access || e->domid != who ||
	    (write && flags & GTF_readonly))
		return NULL;
	__atomic_store_n(&e->flags, want, __ATOMIC_SEQ_CST);
	if (!active[ref].readers && !active[ref].writers)
		active[ref].frame = e->frame;
	if (write)
		active[ref].writers++;
	else
		active[ref].readers++;
	return e;
}

static void let_go(grant_ref_t ref, bool write)
{
	grant_entry_v1_t *e = entry(ref);
	struct active *a = &active[ref];

	if (!e || (write ? a->writers == 0 : a->readers == 0))
		host_fail("grant %u is not mapped", ref);
	if (write)
		a->writers--;
	else
		a->readers--;
	if (!a->writers)
		__atomic_fetch_and(&e->flags, (uint16_t)~GTF_writing, __ATOMIC_SEQ_CST);
	if (!a->writers && !a->readers)
		__atomic_fetch_and(&e->flags, (uint16_t)~GTF_reading, __ATOMIC_SEQ_CST);
}

void *host_map(domid_t peer, grant_ref_t ref, bool write)
{
	return take(peer, ref, write) ? (void *)(active[ref].frame * PAGE_SIZE) : NULL;
}

void host_unmap(domid_t peer, grant_ref_t ref, bool write)
{
	(void)peer;
	let_go(ref, write);
}

/* ---- grants to the guest */

void *host_page(void)
{
	char *page = (char *)HOST_PEER_BASE + peer_pages * PAGE_SIZE;

	if (peer_pages++ == HOST_PEER_PAGES)
		host_fail("the other domains have no page left");
	mprotect(page, PAGE_SIZE, PROT_READ | PROT_WRITE);
	return page;
}

grant_ref_t host_grant(domid_t peer, void *page, bool readonly)
{
	grant_ref_t ref = foreign_used++;

	if (ref == MAX_FOREIGN)
		host_fail("the other domains have no grant left");
	foreign[ref] = (struct foreign){
		.valid = true, .readonly = readonly, .owner = peer, .page = page,
	};
	return ref;
}

unsigned host_mapped_by_guest(grant_ref_t ref)
{
	return foreign[ref].mapped;
}

void host_revoke(grant_ref_t ref)
{
	foreign[ref].valid = false;
}

/* The address at which the guest's page tables have room for a foreign page: arch_reserve()'s. */
static bool may_map_at(uintptr_t where)
{
	if (where % PAGE_SIZE || where < boot_info.memory_start ||
	    where >= boot_info.memory_end)
		return false;
	if (host_touchable((void *)where))
		host_fail("a foreign page is mapped over a page in use: %lx", where);
	return true;
}

static int find_page(const struct gnttab_map_grant_ref *op, uintptr_t *page)
{
	bool write = !(op->flags & GNTMAP_readonly);
	struct foreign *f;

	if (is_self(op->dom)) {
		if (!take(HOST_SELF, op->ref, write))
			return GNTST_bad_gntref;
		*page = active[op->ref].frame * PAGE_SIZE;
		return GNTST_okay;
	}
	if (!peer_exists(op->dom))
		return GNTST_bad_domain;
	if (op->ref >= foreign_used)
		return GNTST_bad_gntref;
	f = &foreign[op->ref];
	if (!f->valid || f->owner != op->dom || (write && f->readonly))
		return GNTST_bad_gntref;
	f->mapped++;
	*page = (uintptr_t)f->page;
	return GNTST_okay;
}

static void show(uintptr_t where, uintptr_t page, int how)
{
	void *at = mmap((void *)where, PAGE_SIZE, how, MAP_SHARED | MAP_FIXED,
			host_memory_file(), page - HOST_BASE);

	if (at == MAP_FAILED)
		host_fail("mmap: %s", strerror(errno));
}

static int map_one(struct gnttab_map_grant_ref *op)
{
	unsigned handle;
	uintptr_t page;
	int status;

	if (!(op->flags & GNTMAP_host_map))
		return GNTST_bad_gntref;
	if (!may_map_at(op->host_addr))
		return GNTST_bad_virt_addr;
	for (handle = 0; handle < mappings_used && mapping[handle].used; handle++)
		;
	if (handle == MAX_MAPPINGS)
		return GNTST_no_space;
	status = find_page(op, &page);
	if (status)
		return status;
	if (handle == mappings_used)
		mappings_used++;
	mapping[handle] = (struct mapping){
		.used = true, .readonly = op->flags & GNTMAP_readonly, .domain = op->dom,
		.ref = op->ref, .where = op->host_addr,
	};
	op->handle = handle;
	show(op->host_addr, page,
	     op->flags & GNTMAP_readonly ? PROT_READ : PROT_READ | PROT_WRITE);
	host_xen.mapped++;
	return GNTST_okay;
}

int xen_grant_map(struct gnttab_map_grant_ref *ops, unsigned n)
{
	hypercall("GNTTABOP_map_grant_ref");
	for (unsigned i = 0; i < n; i++)
		ops[i].status = map_one(&ops[i]);
	return 0;
}

static int unmap_one(struct gnttab_unmap_grant_ref *op)
{
	struct mapping *m = &mapping[op->handle];

	if (op->handle >= mappings_used || !m->used)
		return GNTST_bad_handle;
	if (op->host_addr != m->where)
		return GNTST_bad_virt_addr;
	show(m->where, m->where, PROT_NONE);
	m->used = false;
	if (is_self(m->domain))
		let_go(m->ref, !m->readonly);
	else
		foreign[m->ref].mapped--;
	host_xen.mapped--;
	return GNTST_okay;
}

int xen_grant_unmap(struct gnttab_unmap_grant_ref *ops, unsigned n)
{
	hypercall("GNTTABOP_unmap_grant_ref");
	for (unsigned i = 0; i < n; i++)
		ops[i].status = unmap_one(&ops[i]);
	return 0;
}

/* ---- the rest */

int xen_version(unsigned *major, unsigned *minor, char extra[16])
{
	*major = 4;
	*minor = 17;
	strcpy(extra, ".fake");
	return 0;
}

void xen_domain_handle(uint8_t handle[16])
{
	for (unsigned i = 0; i < 16; i++)
		handle[i] = host_random();
}

int xen_console_write(const char *text, size_t len)
{
	if (host_verbose)
		fprintf(stderr, "%.*s", (int)len, text);
	if (len > sizeof(console) - 1 - console_len)
		len = sizeof(console) - 1 - console_len;
	memcpy(console + console_len, text, len);
	console_len += len;
	return 0;
}

void host_console_clear(void)
{
	console_len = 0;
}

const char *host_console(void)
{
	console[console_len] = '\0';
	return console;
}

void host_count_grants(void)
{
	host_xen.grants = count_grants();
}

/* A port of the builder's making: both ends bound, to dom0. */
static evtchn_port_t built(evtchn_port_t *far_end)
{
	evtchn_port_t p;

	port_get(&p);
	*far_end = far_new(0);
	port[p] = (struct port){ .state = BOUND, .remote = 0, .other = *far_end };
	far[*far_end].state = BOUND;
	far[*far_end].port = p;
	return p;
}

void host_xen_restored(void)
{
	for (evtchn_port_t p = 1; p < ports_used; p++)
		if (port_exists(p))
			xen_evtchn_close(p);
	for (grant_ref_t ref = 0; entry(ref); ref++)
		entry(ref)->flags = 0;
	boot_info.xenstore_port = built(&host_xenstore_port);
	boot_info.console_port = built(&host_console_port);
}

void host_xen_reset(void)
{
	memset(port, 0, ports_used * sizeof(*port));
	memset(active, 0, frames * REFS_PER_FRAME * sizeof(*active));
	memset(mapping, 0, mappings_used * sizeof(*mapping));
	memset(far, 0, far_used * sizeof(*far));
	ports_used = far_used = 1;	/* port 0 is invalid */
	frames = mappings_used = peer_pages = 0;
	foreign_used = 8;
	console_len = 0;
	host_xen = (struct host_xen){ .shutdown = -1, .periodic = PERIOD };
	boot_info.xenstore_port = built(&host_xenstore_port);
	boot_info.console_port = built(&host_console_port);
}

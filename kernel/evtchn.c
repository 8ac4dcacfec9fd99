/* SPDX-License-Identifier: ISC */
#include "kernel/arch.h"
#include "kernel/evtchn.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define WORD_BITS 64u
#define WORDS 64u			/* the two-level ABI: 64 words of 64 ports */

/* The owners of ports.  A word's table is allocated with its first port. */
static struct evtchn **table[WORDS];
static unsigned last_word;		/* the word that was handled last */
uint64_t evtchn_deferred;

static uint64_t *mask_word(evtchn_port_t port)
{
	return (uint64_t *)&arch_shared_info.evtchn_mask[port / WORD_BITS];
}

static uint64_t *pending_word(evtchn_port_t port)
{
	return (uint64_t *)&arch_shared_info.evtchn_pending[port / WORD_BITS];
}

static uint64_t bit(evtchn_port_t port)
{
	return 1ull << (port % WORD_BITS);
}

static struct evtchn *lookup(evtchn_port_t port)
{
	struct evtchn **word = table[port / WORD_BITS];

	return word ? word[port % WORD_BITS] : NULL;
}

static void mask(evtchn_port_t port)
{
	__atomic_fetch_or(mask_word(port), bit(port), __ATOMIC_SEQ_CST);
}

/*
 * An event that came while the port was masked only set its pending bit.  Xen's further
 * steps are done here, so that it is handled when the kernel is left.
 */
static void unmask(evtchn_port_t port)
{
	struct vcpu_info *vcpu = &arch_shared_info.vcpu_info[0];

	__atomic_fetch_and(mask_word(port), ~bit(port), __ATOMIC_SEQ_CST);
	if (!(__atomic_load_n(pending_word(port), __ATOMIC_SEQ_CST) & bit(port)))
		return;
	__atomic_fetch_or((uint64_t *)&vcpu->evtchn_pending_sel, 1ull << (port / WORD_BITS),
			  __ATOMIC_SEQ_CST);
	__atomic_store_n(&vcpu->evtchn_upcall_pending, 1, __ATOMIC_SEQ_CST);
}

static void forget_all(struct evtchn **word)
{
	for (unsigned i = 0; i < WORD_BITS; i++)
		if (word[i])
			word[i]->port = 0;
	memset(word, 0, WORD_BITS * sizeof(*word));
}

void evtchn_attach(void)
{
	for (unsigned i = 0; i < WORDS; i++) {
		arch_shared_info.evtchn_mask[i] = ~0ul;
		if (table[i])
			forget_all(table[i]);
	}
	evtchn_deferred = 0;
}

static int attach(struct evtchn *e, const char *name, evtchn_port_t port, bool adopted)
{
	struct evtchn **word;

	if (port == 0 || port >= WORDS * WORD_BITS)
		return -EINVAL;
	word = table[port / WORD_BITS];
	if (!word)
		word = table[port / WORD_BITS] = calloc(WORD_BITS, sizeof(*word));
	if (!word)
		return -ENOMEM;
	assert(!word[port % WORD_BITS]);
	*e = (struct evtchn){
		.port = port, .name = name, .adopted = adopted, .waiters = e->waiters,
	};
	word[port % WORD_BITS] = e;
	unmask(port);
	return 0;
}

int evtchn_adopt(struct evtchn *e, const char *name, evtchn_port_t port)
{
	return attach(e, name, port, true);
}

static int bound(struct evtchn *e, const char *name, int rc, evtchn_port_t port)
{
	if (rc)
		return rc;
	rc = attach(e, name, port, false);
	if (rc)
		xen_evtchn_close(port);
	return rc;
}

int evtchn_listen(struct evtchn *e, const char *name, domid_t remote)
{
	evtchn_port_t port = 0;
	int rc = xen_evtchn_alloc(remote, &port);

	return bound(e, name, rc, port);
}

int evtchn_connect(struct evtchn *e, const char *name, domid_t remote, evtchn_port_t theirs)
{
	evtchn_port_t port = 0;
	int rc = xen_evtchn_bind(remote, theirs, &port);

	return bound(e, name, rc, port);
}

int evtchn_virq(struct evtchn *e, const char *name, unsigned virq)
{
	evtchn_port_t port = 0;
	int rc = xen_evtchn_bind_virq(virq, &port);

	return bound(e, name, rc, port);
}

void evtchn_notify(struct evtchn *e)
{
	if (e->port)
		xen_evtchn_send(e->port);
}

bool evtchn_take(struct evtchn *e)
{
	bool signalled = e->signalled;

	e->signalled = false;
	if (e->masked) {
		e->masked = false;
		unmask(e->port);
	}
	return signalled;
}

void evtchn_wait(struct evtchn *e)
{
	wait_until(&e->waiters, evtchn_take(e) || !e->port);
}

void evtchn_close(struct evtchn *e)
{
	if (!e->port)
		return;
	mask(e->port);
	table[e->port / WORD_BITS][e->port % WORD_BITS] = NULL;
	if (!e->adopted) {
		xen_evtchn_close(e->port);
		/* The number may be bound again, and must not begin with this event. */
		__atomic_fetch_and(pending_word(e->port), ~bit(e->port), __ATOMIC_SEQ_CST);
	}
	e->port = 0;
	e->masked = false;
	wake(e->wakes ? e->wakes : &e->waiters);
}

static void handle(evtchn_port_t port)
{
	struct evtchn *e = lookup(port);

	if (!e || e->signalled) {	/* without owner, or not taken since the last one */
		mask(port);
		if (e)
			e->masked = true;
		else
			return;
	}
	/* A masked port keeps its pending bit for unmask(). */
	if (!e->masked)
		__atomic_fetch_and(pending_word(port), ~bit(port), __ATOMIC_SEQ_CST);
	e->signalled = true;
	e->count++;
	wake(e->wakes ? e->wakes : &e->waiters);
}

static uint64_t ready(unsigned word)
{
	return __atomic_load_n((uint64_t *)&arch_shared_info.evtchn_pending[word],
			       __ATOMIC_SEQ_CST) &
	       ~__atomic_load_n((uint64_t *)&arch_shared_info.evtchn_mask[word],
				__ATOMIC_SEQ_CST);
}

/* Each pending port is handled once, so no port can keep the CPU here. */
bool evtchn_dispatch(void)
{
	struct vcpu_info *vcpu = &arch_shared_info.vcpu_info[0];
	uint64_t words, bits;
	bool any = false;

	__atomic_store_n(&vcpu->evtchn_upcall_pending, 0, __ATOMIC_SEQ_CST);
	words = __atomic_exchange_n((uint64_t *)&vcpu->evtchn_pending_sel, 0, __ATOMIC_SEQ_CST);
	words |= __atomic_exchange_n(&evtchn_deferred, 0, __ATOMIC_SEQ_CST);
	while (words) {
		/* the first word behind the last one handled, round robin */
		uint64_t behind = last_word < 63 ? words & (~0ull << (last_word + 1)) : 0;
		unsigned w = __builtin_ctzll(behind ? behind : words);

		words &= ~(1ull << w);
		last_word = w;
		for (bits = ready(w); bits; bits &= bits - 1) {
			handle(w * WORD_BITS + __builtin_ctzll(bits));
			any = true;
		}
	}
	return any;
}

/*
 * While a bit of evtchn_pending_sel is set, Xen makes no upcall for other ports of its
 * word.
 */
bool evtchn_defer(const struct evtchn *e)
{
	struct vcpu_info *vcpu = &arch_shared_info.vcpu_info[0];

	__atomic_store_n(&vcpu->evtchn_upcall_pending, 0, __ATOMIC_SEQ_CST);
	__atomic_fetch_or(&evtchn_deferred,
			  __atomic_exchange_n((uint64_t *)&vcpu->evtchn_pending_sel, 0,
					      __ATOMIC_SEQ_CST), __ATOMIC_SEQ_CST);
	return __atomic_fetch_and(pending_word(e->port), ~bit(e->port), __ATOMIC_SEQ_CST) &
	       bit(e->port);
}

void evtchn_list(void (*visit)(const struct evtchn *e, void *arg), void *arg)
{
	for (unsigned port = 0; port < WORDS * WORD_BITS; port++) {
		struct evtchn *e = lookup(port);

		if (e)
			visit(e, arg);
	}
}

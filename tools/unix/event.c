/* SPDX-License-Identifier: ISC */
/* Event channels and grants of the guest, as the backends of the tender see them. */
#include "tender.h"

#include <linux/futex.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

pid_t guest_pid;

static struct {
	void (*handler)(void *arg);
	void *arg;
} handlers[PORTS];

bool port_bind(unsigned port, void (*handler)(void *arg), void *arg)
{
	uint8_t unbound = PORT_UNBOUND;

	if (port >= PORTS || handlers[port].handler)
		return false;
	if (!__atomic_compare_exchange_n(&domain.link->ports[port], &unbound, PORT_TENDER,
					 false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
		return false;
	handlers[port].handler = handler;
	handlers[port].arg = arg;
	return true;
}

void port_unbind(unsigned port)
{
	uint8_t bound = PORT_TENDER;

	handlers[port].handler = NULL;
	__atomic_compare_exchange_n(&domain.link->ports[port], &bound, PORT_UNBOUND,
				    false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
}

bool port_open(unsigned port)
{
	return __atomic_load_n(&domain.link->ports[port], __ATOMIC_SEQ_CST) ==
	       PORT_TENDER;
}

void ports_init(void)
{
	handlers[XENSTORE_PORT].handler = store_event;
	handlers[CONSOLE_PORT].handler = console_event;
	domain.link->ports[XENSTORE_PORT] = domain.link->ports[CONSOLE_PORT] =
		PORT_TENDER;
}

/* It sleeps in a futex, or it runs and gets a signal, one at a time. */
void interrupt_guest(void)
{
	struct link *l = domain.link;

	if (!guest_pid)
		return;
	if (__atomic_exchange_n(&l->sleeping, 0, __ATOMIC_SEQ_CST))
		syscall(SYS_futex, &l->sleeping, FUTEX_WAKE, 1, NULL, NULL, 0);
	else if (!__atomic_exchange_n(&l->signalled, 1, __ATOMIC_SEQ_CST))
		kill(guest_pid, SIGUSR1);
}

void kill_guest(void)
{
	if (guest_pid)
		kill(guest_pid, SIGKILL);
}

void port_notify(unsigned port)
{
	if (port_open(port) && set_pending(domain.shared, port))
		interrupt_guest();
}

void port_again(unsigned port)
{
	__atomic_fetch_or(&domain.link->sent[port / 64], 1ull << port % 64,
			  __ATOMIC_SEQ_CST);
}

bool dispatch_events(void)
{
	bool any = false;

	for (unsigned w = 0; w < PORTS / 64; w++) {
		uint64_t bits = domain.link->sent[w] ?
					__atomic_exchange_n(&domain.link->sent[w], 0,
							    __ATOMIC_SEQ_CST) :
					0;

		for (; bits; bits &= bits - 1) {
			unsigned port = w * 64 + __builtin_ctzll(bits);

			any = true;
			if (handlers[port].handler)
				handlers[port].handler(handlers[port].arg);
		}
	}
	return any;
}

void *frame_page(uint64_t frame)
{
	return frame < domain.frames ? domain.ram + frame * PAGE : NULL;
}

/* ---- grants (xen/grant_table.h, version 1) */

#define ENTRIES (GRANT_FRAMES * PAGE / sizeof(struct grant_entry_v1))

static uint16_t readers[ENTRIES], writers[ENTRIES]; /* of each grant, here */

static struct grant_entry_v1 *entry(grant_ref_t ref)
{
	return (struct grant_entry_v1 *)(domain.ram + domain.grant_frame * PAGE) + ref;
}

static bool exists(grant_ref_t ref)
{
	return ref < ENTRIES &&
	       ref / (PAGE / sizeof(struct grant_entry_v1)) <
		       __atomic_load_n(&domain.link->grant_frames, __ATOMIC_SEQ_CST);
}

void *grant_begin(grant_ref_t ref, bool write)
{
	struct grant_entry_v1 *e = entry(ref);
	uint32_t old, new, *word = (uint32_t *)e; /* flags, and the domain above them */
	void *page;

	if (!exists(ref) || readers[ref] == UINT16_MAX || writers[ref] == UINT16_MAX)
		return NULL;
	old = __atomic_load_n(word, __ATOMIC_SEQ_CST);
	do {
		if ((old & GTF_type_mask) != GTF_permit_access || old >> 16 != 0 ||
		    (write && old & GTF_readonly))
			return NULL;
		page = frame_page(__atomic_load_n(&e->frame, __ATOMIC_SEQ_CST));
		if (!page)
			return NULL;
		new = old | GTF_reading | (write ? GTF_writing : 0);
	} while (!__atomic_compare_exchange_n(word, &old, new, false, __ATOMIC_SEQ_CST,
					      __ATOMIC_SEQ_CST));
	readers[ref]++;
	writers[ref] += write;
	return page;
}

/* The guest may have changed all that it can write meanwhile, also the size of the table. */
void grant_end(grant_ref_t ref, bool write)
{
	struct grant_entry_v1 *e = entry(ref);
	uint16_t clear = 0;

	writers[ref] -= write;
	readers[ref]--;
	if (!writers[ref])
		clear |= GTF_writing;
	if (!readers[ref])
		clear |= GTF_reading;
	__atomic_fetch_and(&e->flags, ~clear, __ATOMIC_SEQ_CST);
}

/* SPDX-License-Identifier: ISC */
/*
 * The congestion window: CUBIC, RFC 9438, with windows in bytes and times in ms. The numbers of
 * sections are those of the RFC.
 */
#include "net/tcp_internal.h"

#define CWND_MOST (1u << 30)
#define T_MOST 100000			/* ms: beyond it a cube would not fit in 64 bits */
#define INITIAL_SEGMENTS 10		/* RFC 6928 */
#define INITIAL_BYTES 14600u

uint32_t tcp_initial_window(uint16_t mss)
{
	return LWIP_MIN((uint32_t)INITIAL_SEGMENTS * mss, LWIP_MAX(2u * mss, INITIAL_BYTES));
}

/* The largest r with r * r * r <= v. */
static uint32_t cube_root(uint64_t v)
{
	uint64_t r = 0;

	for (uint64_t bit = 1 << 21; bit; bit >>= 1)
		if ((r + bit) * (r + bit) * (r + bit) <= v)
			r += bit;
	return r;
}

/* 4.6, and fast convergence (4.7). */
void cubic_reduce(struct tcp_pcb *pcb)
{
	struct tcp_extra *x = &pcb->x;
	uint32_t cwnd = pcb->cwnd;

	x->epoch = false;
	x->w_max = cwnd < x->w_last_max ? (uint64_t)cwnd * 17 / 20 : cwnd;
	x->w_last_max = cwnd;
	pcb->ssthresh = LWIP_MAX((uint32_t)((uint64_t)cwnd * 7 / 10), 2u * pcb->mss);
}

/* 4.9: the reduction was a mistake. */
void cubic_undo(struct tcp_pcb *pcb)
{
	struct tcp_extra *x = &pcb->x;

	pcb->cwnd = LWIP_MAX(pcb->cwnd, x->undo_cwnd);
	pcb->ssthresh = LWIP_MAX(pcb->ssthresh, x->undo_ssthresh);
	x->w_max = x->w_last_max = pcb->cwnd;
	x->epoch = false;
}

static void begin_epoch(struct tcp_pcb *pcb)
{
	struct tcp_extra *x = &pcb->x;

	x->epoch = true;
	x->epoch_ms = sys_now();
	x->w_est = pcb->cwnd;
	x->credit = x->est_credit = 0;
	x->w_max = LWIP_MAX(x->w_max, pcb->cwnd);
	/* K in ms, with C = 0.4: the cube root of (W_max - cwnd) / MSS / C * 1000^3 */
	x->k_ms = cube_root((uint64_t)(x->w_max - pcb->cwnd) * 2500000 / pcb->mss * 1000);
}

/* W_cubic(t), between cwnd and 1.5 cwnd (4.2). */
static uint32_t target(const struct tcp_pcb *pcb, uint32_t t)
{
	const struct tcp_extra *x = &pcb->x;
	int64_t d = (int64_t)t - x->k_ms, w;

	d = d > T_MOST ? T_MOST : d < -T_MOST ? -T_MOST : d;
	w = x->w_max + d * d * d / 1000000 * 4 * pcb->mss / 10000;
	if (w < (int64_t)pcb->cwnd)
		return pcb->cwnd;
	return w < (int64_t)pcb->cwnd * 3 / 2 ? w : pcb->cwnd + pcb->cwnd / 2;
}

/* 4.3: the window of a Reno with the same reductions. Its growth for each round trip is 9/17 of a
   segment, and a whole one above W_max. */
static uint32_t reno(struct tcp_pcb *pcb, uint32_t delivered)
{
	struct tcp_extra *x = &pcb->x;
	uint64_t each = (uint64_t)pcb->mss * (x->w_est < x->w_max ? 9 : 17) / 17;

	x->est_credit += delivered * each;
	x->w_est += x->est_credit / pcb->cwnd;
	x->est_credit %= pcb->cwnd;
	return x->w_est;
}

static void avoid_congestion(struct tcp_pcb *pcb, uint32_t delivered)
{
	struct tcp_extra *x = &pcb->x;
	uint32_t to, friendly;

	if (!x->epoch)
		begin_epoch(pcb);
	to = target(pcb, sys_now() - x->epoch_ms + x->srtt / MS);
	x->credit += (uint64_t)delivered * (to - pcb->cwnd);
	friendly = reno(pcb, delivered);
	to = pcb->cwnd + x->credit / pcb->cwnd;
	x->credit %= pcb->cwnd;
	pcb->cwnd = LWIP_MIN(LWIP_MAX(to, friendly), CWND_MOST);
}

/*
 * flight: bytes in the network before the acknowledgement. A window that is not used does not
 * grow (5.8).
 */
void cubic_grow(struct tcp_pcb *pcb, uint32_t delivered, uint32_t flight)
{
	if (pcb->cwnd < pcb->ssthresh) {
		if (flight >= pcb->cwnd / 2)
			pcb->cwnd += LWIP_MIN(delivered, pcb->ssthresh - pcb->cwnd);
		return;
	}
	if (flight + pcb->cwnd / 8 + 2u * pcb->mss >= pcb->cwnd)
		avoid_congestion(pcb, delivered);
	else
		pcb->x.epoch = false;
}

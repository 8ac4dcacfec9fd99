/* SPDX-License-Identifier: ISC */
/* TCP_INFO of Linux: what lwIP knows about a connection. */
#include "lib/socket/socket_tcp.h"
#include "net/tcp.h"

#include <lwip/priv/tcp_priv.h>
#include <netinet/tcp.h>

static uint8_t state_of(const struct tcp_pcb *pcb)
{
	static const uint8_t states[] = {
		[CLOSED] = TCP_CLOSE, [LISTEN] = TCP_LISTEN, [SYN_SENT] = TCP_SYN_SENT,
		[SYN_RCVD] = TCP_SYN_RECV, [ESTABLISHED] = TCP_ESTABLISHED,
		[FIN_WAIT_1] = TCP_FIN_WAIT1, [FIN_WAIT_2] = TCP_FIN_WAIT2,
		[CLOSE_WAIT] = TCP_CLOSE_WAIT, [CLOSING] = TCP_CLOSING, [LAST_ACK] = TCP_LAST_ACK,
		[TIME_WAIT] = TCP_TIME_WAIT,
	};

	return pcb ? states[pcb->state] : TCP_CLOSE;
}

void tcp_socket_info(struct socket *s, struct tcp_info *to)
{
	const struct tcp_pcb *pcb = tcp_of(s)->pcb;
	unsigned mss;

	*to = (struct tcp_info){ .tcpi_state = state_of(pcb) };
	if (!pcb || pcb->state == LISTEN || pcb->state == CLOSED)
		return;
	mss = tcp_mss(pcb);
	to->tcpi_retransmits = pcb->nrtx;
	to->tcpi_probes = pcb->persist_probe;
	to->tcpi_snd_wscale = pcb->snd_scale;
	to->tcpi_rcv_wscale = pcb->rcv_scale;
	to->tcpi_rto = tcp_rto(pcb);
	to->tcpi_snd_mss = to->tcpi_rcv_mss = to->tcpi_advmss = mss;
	to->tcpi_unacked = (pcb->snd_nxt - pcb->lastack + mss - 1) / mss;
	to->tcpi_rtt = pcb->x.srtt;
	to->tcpi_rttvar = pcb->x.rttvar;
	to->tcpi_snd_ssthresh = pcb->ssthresh / mss;
	to->tcpi_snd_cwnd = pcb->cwnd / mss;
	to->tcpi_rcv_space = pcb->rcv_wnd;
	to->tcpi_pmtu = mss + 40;
}

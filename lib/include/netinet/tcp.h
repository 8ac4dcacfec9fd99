/* SPDX-License-Identifier: ISC */
/* Options and states of TCP, with Linux's values, and its header (RFC 9293). */
#ifndef XENOLITH_NETINET_TCP_H
#define XENOLITH_NETINET_TCP_H

#include <stdint.h>
#include <sys/types.h>

#define TCP_NODELAY		1
#define TCP_MAXSEG		2	/* read-only */
#define TCP_CORK		3
#define TCP_KEEPIDLE		4	/* seconds */
#define TCP_KEEPINTVL		5
#define TCP_KEEPCNT		6
/* This and the next ones but TCP_INFO: ENOPROTOOPT unless the value is 0 */
#define TCP_DEFER_ACCEPT	9
#define TCP_INFO		11	/* struct tcp_info, read-only */
#define TCP_QUICKACK		12
#define TCP_USER_TIMEOUT	18
#define TCP_FASTOPEN		23

#define SOL_TCP			6

enum {
	TCP_ESTABLISHED = 1, TCP_SYN_SENT, TCP_SYN_RECV, TCP_FIN_WAIT1, TCP_FIN_WAIT2,
	TCP_TIME_WAIT, TCP_CLOSE, TCP_CLOSE_WAIT, TCP_LAST_ACK, TCP_LISTEN, TCP_CLOSING,
};

/* Fields that are not known are 0. */
struct tcp_info {
	uint8_t tcpi_state;		/* TCP_ESTABLISHED ... */
	uint8_t tcpi_ca_state, tcpi_retransmits, tcpi_probes, tcpi_backoff, tcpi_options;
	uint8_t tcpi_snd_wscale : 4, tcpi_rcv_wscale : 4;
	uint32_t tcpi_rto, tcpi_ato;	/* microseconds */
	uint32_t tcpi_snd_mss, tcpi_rcv_mss;	/* bytes */
	uint32_t tcpi_unacked, tcpi_sacked, tcpi_lost, tcpi_retrans, tcpi_fackets;
	uint32_t tcpi_last_data_sent, tcpi_last_ack_sent, tcpi_last_data_recv, tcpi_last_ack_recv;
	uint32_t tcpi_pmtu, tcpi_rcv_ssthresh;
	uint32_t tcpi_rtt, tcpi_rttvar;	/* microseconds */
	uint32_t tcpi_snd_ssthresh, tcpi_snd_cwnd, tcpi_advmss, tcpi_reordering;
	uint32_t tcpi_rcv_rtt, tcpi_rcv_space, tcpi_total_retrans;
};

/* Numbers are in network byte order. */
struct tcphdr {
	union {
		struct {
			uint16_t th_sport, th_dport;
			uint32_t th_seq, th_ack;
			uint8_t th_x2 : 4, th_off : 4, th_flags;
			uint16_t th_win, th_sum, th_urp;
		};
		struct {
			uint16_t source, dest;
			uint32_t seq, ack_seq;
			uint16_t res1 : 4, doff : 4, fin : 1, syn : 1, rst : 1, psh : 1, ack : 1,
				 urg : 1, res2 : 2;
			uint16_t window, check, urg_ptr;
		};
	};
};
#define TH_FIN	0x01
#define TH_SYN	0x02
#define TH_RST	0x04
#define TH_PUSH	0x08
#define TH_ACK	0x10
#define TH_URG	0x20

#endif

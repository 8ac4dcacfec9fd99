/* SPDX-License-Identifier: ISC */
/* For lwip_fuzz.c: sockets as lib/socket/ uses lwIP. */
#ifndef TESTS_FUZZ_LWIP_SOCKETS_H
#define TESTS_FUZZ_LWIP_SOCKETS_H

#include "net/tcp.h"
#include "tests/fuzz/lwip_packet.h"

/* ---- sockets, as lib/socket/socket_tcp*.c has them */

static struct sock {
	struct tcp_pcb *pcb;
	struct sendbuf out;
	size_t unacked;
	bool used, listens, connecting, connected, eof, shut_wr, orphan, lazy, refuses;
	unsigned backlog;
	struct pbuf *unread[UNREAD];
	unsigned n;
} socks[SOCKETS];

static inline void failed(void *arg, err_t err);

static inline struct sock *sock_new(void)
{
	for (struct sock *s = socks; s < socks + SOCKETS; s++)
		if (!s->used) {
			memset(s, 0, sizeof(*s));
			s->used = true;
			return s;
		}
	return NULL;
}

static inline void sock_free(struct sock *s)
{
	while (s->n)
		pbuf_free(s->unread[--s->n]);
	sendbuf_free(&s->out);
	s->used = false;
}

static inline void detach(struct sock *s)
{
	tcp_arg(s->pcb, NULL);
	tcp_recv(s->pcb, NULL);
	tcp_sent(s->pcb, NULL);
	tcp_err(s->pcb, NULL);
	s->pcb = NULL;
}

static inline void over(struct sock *s)
{
	if (s->pcb && s->eof && s->shut_wr && !s->unacked) {
		tcp_orphan_begin(s->pcb);
		detach(s);
	}
}

static inline err_t got(void *arg, struct tcp_pcb *p, struct pbuf *q, err_t err)
{
	struct sock *s = arg;

	(void)err;
	if (!q) {
		s->eof = true;
		over(s);
		return ERR_OK;
	}
	if ((s->refuses || s->n == UNREAD) && p->state != TIME_WAIT)
		return ERR_MEM;
	if (s->lazy && s->n < UNREAD) {
		s->unread[s->n++] = q;
	} else {
		tcp_read(p, q->tot_len);
		pbuf_free(q);
	}
	return ERR_OK;
}

static inline err_t sent(void *arg, struct tcp_pcb *p, u16_t n)
{
	struct sock *s = arg;

	(void)p;
	s->unacked -= n < s->unacked ? n : s->unacked;
	sendbuf_acked(&s->out, n);
	if (s->orphan) {
		if (!s->unacked) {
			detach(s);
			sock_free(s);
		}
		return ERR_OK;
	}
	over(s);
	return ERR_OK;
}

static inline void attach(struct sock *s, struct tcp_pcb *pcb)
{
	s->pcb = pcb;
	tcp_arg(pcb, s);
	tcp_recv(pcb, got);
	tcp_sent(pcb, sent);
	tcp_err(pcb, failed);
}

static inline void failed(void *arg, err_t err)
{
	struct sock *s = arg;

	(void)err;
	s->pcb = NULL;
	s->eof = true;
	s->unacked = 0;
	sendbuf_free(&s->out);
	if (s->orphan)
		sock_free(s);
}

static inline void icmp_error(struct tcp_pcb *pcb, int error, bool hard)
{
	(void)error, (void)hard;
	if (pcb->errf == failed && pcb->state == SYN_SENT)
		tcp_abandon(pcb, 0);
}

static inline void established(struct sock *s)
{
	s->connecting = false;
	s->connected = true;
	tcp_established(s->pcb, s->lazy ? 65535 : TCP_WND);
}

static inline err_t connected(void *arg, struct tcp_pcb *pcb, err_t err)
{
	(void)pcb, (void)err;
	established(arg);
	return ERR_OK;
}

static inline err_t accepted(void *arg, struct tcp_pcb *pcb, err_t err)
{
	struct sock *l = arg, *s;

	if (!l || !pcb || err != ERR_OK)
		return ERR_VAL;
	s = sock_new();
	if (!s) {
		tcp_abort(pcb);
		return ERR_ABRT;
	}
	s->lazy = l->lazy;
	attach(s, pcb);
	established(s);
	return ERR_OK;
}

static inline err_t syn(u8_t id, struct tcp_pcb_listen *listener, struct tcp_pcb *pcb)
{
	struct tcp_pcb *oldest = NULL;

	(void)id;
	if (listener->accepts_pending < listener->backlog)
		return ERR_OK;
	for (struct tcp_pcb *p = tcp_active_pcbs; p; p = p->next)
		if (p->state == SYN_RCVD && p->listener == listener && p != pcb)
			oldest = p;
	if (oldest && tcp_ticks - oldest->tmr < 2)
		return ERR_MEM;
	if (oldest)
		tcp_abandon(oldest, 0);
	return ERR_OK;
}

static inline void do_listen(uint8_t b)
{
	static const struct tcp_ext_arg_callbacks callbacks = { .passive_open = syn };
	struct sock *s = sock_new();
	struct tcp_pcb *pcb, *l = NULL;

	if (!s)
		return;
	pcb = tcp_new_ip_type(IPADDR_TYPE_ANY);
	if (pcb && tcp_bind(pcb, IP_ANY_TYPE, PORT + (b & 1)) == ERR_OK) {
		tcp_ext_arg_set_callbacks(pcb, 0, &callbacks);
		l = tcp_listen_with_backlog(pcb, 1);
	}
	if (!l) {
		if (pcb)
			tcp_abort(pcb);
		s->used = false;
		return;
	}
	s->pcb = l;
	s->listens = true;
	s->lazy = b & 2;
	((struct tcp_pcb_listen *)l)->backlog = b & 4 ? 255 : b >> 4;
	tcp_arg(l, s);
	tcp_accept(l, accepted);
}

/* As in lib/: the address "any" means the guest itself. */
static inline void any_address(ip_addr_t *to, bool v6, uint8_t which)
{
	uint8_t a[16];

	if (v6) {
		any6(a, which);
		ip_addr_set_zero_ip6(to);
		memcpy(ip_2_ip6(to)->addr, a, 16);
		ip6_addr_assign_zone(ip_2_ip6(to), IP6_UNKNOWN, &vifs->netif);
	} else {
		any4(a, which);
		ip_addr_set_zero_ip4(to);
		memcpy(ip_2_ip4(to), a, 4);
	}
	if (ip_addr_isany(to))
		ip_addr_set_loopback(v6, to);
}

static inline void do_connect(uint8_t b)
{
	struct sock *s = sock_new();
	struct tcp_pcb *pcb;
	ip_addr_t to;

	if (!s)
		return;
	pcb = tcp_new_ip_type(b & 1 ? IPADDR_TYPE_V6 : IPADDR_TYPE_V4);
	if (!pcb) {
		s->used = false;
		return;
	}
	any_address(&to, b & 1, b & 2 ? byte() : b >> 4);
	attach(s, pcb);
	s->lazy = b & 8;
	if (ip_addr_ismulticast(&to) ||
	    tcp_connect(pcb, &to, b & 4 ? PORT : PEER_PORT, connected) != ERR_OK) {
		detach(s);
		tcp_abort(pcb);
		sock_free(s);
		return;
	}
	s->connecting = true;
}

static inline void do_write(struct sock *s, uint8_t b)
{
	static const uint8_t bytes[65000];
	size_t n = b & 8 ? 1 + byte() : (1 + byte()) * 250, done, room;

	if (!s->pcb || !s->connected || s->shut_wr)
		return;
	room = s->pcb->snd_buf;
	n = n < room ? n : room;
	if (!n || s->pcb->snd_queuelen >= TCP_SND_QUEUELEN - 64)
		return;
	if (b & 32) {
		done = sendbuf_refer(&s->out, s->pcb, bytes, n, b & 16 ? TCP_WRITE_FLAG_MORE : 0) ==
		       ERR_OK ? n : 0;
	} else {
		sendbuf_write(&s->out, s->pcb, bytes, n, b & 16 ? TCP_WRITE_FLAG_MORE : 0, &done);
	}
	s->unacked += done;
	if (!(b & 64))
		tcp_output(s->pcb);
}

static inline void do_read(struct sock *s, unsigned most)
{
	while (s->n && most--) {
		struct pbuf *q = s->unread[0];
		size_t n = q->tot_len;

		memmove(s->unread, s->unread + 1, --s->n * sizeof(*s->unread));
		pbuf_free(q);
		if (s->pcb && s->connected)
			tcp_read(s->pcb, n);
	}
	if (s->pcb && s->connected && s->pcb->refused_data)
		tcp_process_refused_data(s->pcb);
}

static inline void do_close(struct sock *s, bool reset)
{
	struct tcp_pcb *pcb = s->pcb;

	if (s->listens) {
		tcp_arg(pcb, NULL);
		tcp_close(pcb);
	} else if (pcb && (reset || !s->connected || s->n || pcb->refused_data)) {
		detach(s);
		tcp_abort(pcb);
	} else if (pcb) {
		pcb->rcv_wnd = TCP_WND_MAX(pcb);
		tcp_orphan_begin(pcb);
		if (s->unacked) {
			s->orphan = true;
			tcp_recv(pcb, NULL);
			tcp_close(pcb);
			return;
		}
		detach(s);
		tcp_close(pcb);
	}
	sock_free(s);
}

static inline void one_call(uint8_t what)
{
	uint8_t b = byte();
	struct sock *s = &socks[b % SOCKETS];

	if (what % 16 < 2) {
		do_connect(byte());
		return;
	}
	if (what % 16 == 2) {
		do_listen(byte());
		return;
	}
	if (!s->used || s->orphan)
		return;
	if (what % 16 == 3 || what % 16 == 4) {
		do_close(s, b & 128);
		return;
	}
	if (s->listens) {
		((struct tcp_pcb_listen *)s->pcb)->backlog = byte();
		return;
	}
	switch (what % 16) {
	case 5:
	case 6:
	case 7:
	case 8:
		do_write(s, byte());
		break;
	case 9:
		if (s->pcb && s->connected && !s->shut_wr) {
			s->shut_wr = true;
			tcp_shutdown(s->pcb, 0, 1);
		}
		break;
	case 10:
		do_read(s, 1 + b / 16);
		break;
	case 11:
		s->lazy = !s->lazy;
		break;
	case 12:
		s->refuses = !s->refuses;
		break;
	case 13:
		if (s->pcb && b & 128)
			tcp_nagle_disable(s->pcb);
		else if (s->pcb)
			tcp_nagle_enable(s->pcb);
		break;
	case 14:
		if (s->pcb) {
			s->pcb->so_options ^= SOF_KEEPALIVE;
			s->pcb->keep_idle = (1 + b) * 1000;
			s->pcb->keep_intvl = 1000;
			s->pcb->keep_cnt = 1 + (b & 7);
		}
		break;
	case 15:
		if (s->pcb && s->connected)
			tcp_output(s->pcb);
		break;
	}
}

#endif

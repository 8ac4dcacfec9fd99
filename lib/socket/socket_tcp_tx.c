/* SPDX-License-Identifier: ISC */
/*
 * The sending half of TCP sockets.
 *
 * Data is copied once, into memory that the backends can read (net/sendbuf.h). Data that
 * never changes is not copied.
 */
#include "kernel/arch.h"
#include "kernel/page.h"
#include "lib/socket/socket_tcp.h"
#include "lib/thread/signals.h"
#include "net/net.h"

#include <errno.h>
#include <fcntl.h>
#include <lwip/priv/tcp_priv.h>

#define SHARE 4	/* divisor: memory for unacknowledged data of all sockets */
#define MOST 65535			/* bytes per call of tcp_write() */

static size_t tx_total;
static struct waitq all_acked;		/* woken when tx_total is 0 */

static size_t limit(void)
{
	static size_t limit;
	struct page_stats memory;

	if (!limit) {
		page_stats(&memory);
		limit = memory.total * PAGE_SIZE / SHARE;
	}
	return limit;
}

void tcp_socket_add_unacked(struct tcp_socket *t, size_t n)
{
	t->unacked += n;
	tx_total += n;
}

void tcp_socket_remove_unacked(struct tcp_socket *t, size_t n)
{
	n = n < t->unacked ? n : t->unacked;
	t->unacked -= n;
	tx_total -= n;
	if (!tx_total)
		wake(&all_acked);
}

bool tcp_socket_all_acked(uint64_t deadline)
{
	return wait_until_deadline(&all_acked, deadline, !tx_total);
}

bool tcp_socket_memory_full(void)
{
	return tx_total > limit();
}

err_t tcp_socket_sent(void *arg, struct tcp_pcb *pcb, u16_t len)
{
	struct tcp_socket *t = arg;

	(void)pcb;
	t->soft_error = 0;
	tcp_socket_remove_unacked(t, len);
	sendbuf_acked(&t->out, len);
	if (t->orphan) {
		if (!t->unacked)
			tcp_socket_orphan_over(t);
		return ERR_OK;
	}
	tcp_socket_finish(t);
	if (t->s.writers.first && (!t->unacked || tcp_socket_writable(t)))
		wake(&t->s.writers);
	if (t->was_full) {
		t->was_full = false;
		if (tcp_socket_writable(t))
			file_changed(&t->s.file);
	}
	return ERR_OK;
}

/* more: more data will follow immediately, so a partial segment may wait for it. */
static void flush(struct tcp_socket *t, bool more)
{
	struct tcp_pcb *pcb = t->pcb;

	if (pcb && (!more || pcb->snd_lbb - pcb->snd_nxt >= pcb->mss))
		tcp_output(pcb);
}

static bool cannot_send_now(const struct tcp_socket *t)
{
	return t->s.error || t->shut_wr || !t->pcb || !(t->connected || t->connecting);
}

/* Returns 0 if the socket can send, otherwise -errno. */
static int cannot_send(struct tcp_socket *t)
{
	if (!cannot_send_now(t))
		return 0;
	return t->s.error ? socket_error(&t->s) : -EPIPE;
}

/* Sleeps until want bytes can be sent, or a useful part of them. Returns 0 or -errno. */
static int wait_for_room(struct tcp_socket *t, size_t want, bool may_sleep, uint64_t deadline)
{
	int rc = cannot_send(t);

	if (rc || (t->connected && tcp_socket_room(t)))
		return rc;
	t->was_full = true;
	if (!may_sleep)
		return -EAGAIN;
	flush(t, false);
	net_push();
	rc = wait_or_signal(&t->s.writers, deadline, signal_way(deadline),
			    cannot_send_now(t) ||
			    (t->connected && (tcp_socket_room(t) >= want ||
					      tcp_socket_writable(t))));
	if (rc <= 0)
		return rc ? rc : -EAGAIN;
	return cannot_send(t);
}

/*
 * tcp_write() failed because lwIP's memory or queue is full. Sleeps until an
 * acknowledgment arrives. Without unacknowledged data none will.
 */
static int no_room(struct tcp_socket *t, bool may_sleep, uint64_t deadline)
{
	size_t before = t->unacked;
	int rc;

	if (!before)
		return -ENOBUFS;
	t->was_full = true;
	if (!may_sleep)
		return -EAGAIN;
	flush(t, false);
	net_push();
	rc = wait_or_signal(&t->s.writers, deadline, signal_way(deadline),
			    cannot_send_now(t) || t->unacked < before);
	if (rc <= 0)
		return rc ? rc : -EAGAIN;
	return cannot_send(t);
}

static bool begin(struct tcp_socket *t, bool may_sleep, uint64_t deadline)
{
	return may_sleep ? mutex_lock(&t->sending, deadline) : mutex_trylock(&t->sending);
}

static ssize_t send_all(struct tcp_socket *t, const struct message *m, uint64_t deadline)
{
	bool more = m->flags & MSG_MORE || t->s.o.cork;
	const struct iovec *v = m->iov;
	size_t done = 0, at = 0, n, sent;
	int rc = cannot_send(t);

	while (!rc && done < m->size) {
		if (at == v->iov_len) {
			v++;
			at = 0;
			continue;
		}
		rc = wait_for_room(t, m->size - done, m->may_sleep, deadline);
		if (rc)
			break;
		n = v->iov_len - at;
		if (n > tcp_socket_room(t))
			n = tcp_socket_room(t);
		sendbuf_write(&t->out, t->pcb, (const char *)v->iov_base + at, n,
			      more || done + n < m->size ? TCP_WRITE_FLAG_MORE : 0, &sent);
		tcp_socket_add_unacked(t, sent);
		done += sent;
		at += sent;
		if (!sent)
			rc = no_room(t, m->may_sleep, deadline);
	}
	flush(t, more);
	return done ? (ssize_t)done : rc;
}

ssize_t tcp_socket_send(struct socket *s, struct message *m)
{
	struct tcp_socket *t = tcp_of(s);
	uint64_t deadline = m->may_sleep ? socket_deadline(s->o.snd_timeout) : 0;
	ssize_t rc;

	if (!begin(t, m->may_sleep, deadline))
		return -EAGAIN;
	rc = send_all(t, m, deadline);
	mutex_unlock(&t->sending);
	return rc;
}

/* ---- sendfile() */

ssize_t tcp_socket_send_bytes(struct socket *s, const void *from, size_t len)
{
	struct tcp_socket *t = tcp_of(s);
	bool may_sleep = !(s->file.flags & O_NONBLOCK);
	uint64_t deadline = may_sleep ? socket_deadline(s->o.snd_timeout) : 0;
	size_t n;
	ssize_t rc;
	err_t err;

	if (!begin(t, may_sleep, deadline))
		return -EAGAIN;
	do {
		rc = wait_for_room(t, len, may_sleep, deadline);
		if (rc)
			break;
		n = tcp_socket_room(t) < MOST ? tcp_socket_room(t) : MOST;
		n = n < len ? n : len;
		err = sendbuf_refer(&t->out, t->pcb, from, n,
				    n < len || s->o.cork ? TCP_WRITE_FLAG_MORE : 0);
		if (err == ERR_OK) {
			tcp_socket_add_unacked(t, n);
			rc = n;
			flush(t, n < len || s->o.cork);
		} else {
			rc = no_room(t, may_sleep, deadline);
		}
	} while (!rc);
	mutex_unlock(&t->sending);
	return rc;
}

/*
 * pread() may sleep, and the connection may end meanwhile: `filling` keeps its memory
 * until then.
 */
static ssize_t fill(struct tcp_socket *t, struct file *f, off_t at, size_t len, bool may_sleep,
		    uint64_t deadline)
{
	size_t n = tcp_socket_room(t) < len ? tcp_socket_room(t) : len;
	bool more;
	ssize_t rc;
	err_t err;
	void *to;

	sendbuf_route(&t->out, t->pcb);
	to = sendbuf_reserve(&t->out, n, &n);
	more = n < len || t->s.o.cork;

	if (!to)
		return -ENOMEM;
	t->filling = true;
	rc = f->ops->pread(f, to, n, at);
	t->filling = false;
	if (!t->pcb) {
		sendbuf_free(&t->out);
		return cannot_send(t);
	}
	if (rc <= 0)
		return rc;
	n = rc;
	do {
		if (cannot_send_now(t))
			return cannot_send(t);
		err = sendbuf_commit(&t->out, t->pcb, n, more ? TCP_WRITE_FLAG_MORE : 0);
		rc = err == ERR_OK ? 0 : no_room(t, may_sleep, deadline);
	} while (err != ERR_OK && !rc);
	if (rc)
		return rc;
	tcp_socket_add_unacked(t, n);
	flush(t, more);
	return n;
}

ssize_t tcp_socket_send_file(struct socket *s, struct file *f, off_t at, size_t len)
{
	struct tcp_socket *t = tcp_of(s);
	bool may_sleep = !(s->file.flags & O_NONBLOCK);
	uint64_t deadline = may_sleep ? socket_deadline(s->o.snd_timeout) : 0;
	ssize_t rc;

	if (!begin(t, may_sleep, deadline))
		return -EAGAIN;
	rc = wait_for_room(t, len, may_sleep, deadline);
	if (!rc)
		rc = fill(t, f, at, len, may_sleep, deadline);
	mutex_unlock(&t->sending);
	return rc;
}

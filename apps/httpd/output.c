/* SPDX-License-Identifier: ISC */
#include "apps/httpd/output.h"

#include "apps/httpd/log.h"
#include "apps/httpd/stream.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/uio.h>

struct parts {
	struct reply reply;
	unsigned next;
};

char output_buffer[OUTPUT_SIZE];
static struct text out = { output_buffer, output_buffer, output_buffer + OUTPUT_SIZE };
static size_t turn;			/* bytes sent in this turn; server.share is the maximum */

/*
 * Responses in the buffer that are neither counted nor logged yet: they may be discarded.
 */
static struct answer {
	const char *text_end;
	size_t input_end;
	struct span line;
	int status;
	uint64_t length;
} answers[INPUT_SIZE / 16];		/* a request has more than 16 bytes */
static unsigned nanswers;
static bool discardable;			/* not all of their text is sent yet */

size_t output_len(void)
{
	return text_len(&out);
}

bool output_is_whole(void)
{
	return text_whole(&out);
}

void output_clear(void)
{
	out = text_in(output_buffer, sizeof(output_buffer));
}

void output_begin_turn(void)
{
	turn = 0;
}

void output_count(size_t n)
{
	turn += n;
}

bool output_turn_is_over(void)
{
	return turn >= server.share;
}

unsigned output_answers(void)
{
	return nanswers;
}

void output_set_input_end(size_t at)
{
	answers[nanswers - 1].input_end = at;
}

void output_free(struct connection *c)
{
	if (c->own)
		representation_free(c->own);
	free(c->parts);
	free(c->text);
	c->own = NULL;
	c->parts = NULL;
	c->text = NULL;
	c->what = NULL;
	c->at = c->to = 0;
}

/* ---- sending */

static struct span pending_text(const struct connection *c)
{
	if (c->text)
		return (struct span){ c->text + c->text_at, c->text_len - c->text_at };
	return (struct span){ out.start, text_len(&out) };
}

/* Counts n bytes that were sent: first the text, then the body. */
static void consume(struct connection *c, size_t n)
{
	struct span text = pending_text(c);
	size_t of_text = n < text.len ? n : text.len;

	server.count.sent += n;
	c->sent += c->tls ? 0 : n;
	c->at += n - of_text;
	if (c->text) {
		c->text_at += of_text;
		if (of_text == text.len) {
			free(c->text);
			c->text = NULL;
		}
	} else if (of_text == text.len) {
		output_clear();
		discardable = false;
	} else {
		out.start += of_text;
	}
}

/*
 * One call: the text, with at most `most` bytes of the body behind it if that is in
 * memory, or part of a file.
 */
static ssize_t send_some(struct connection *c, size_t most, size_t *wanted)
{
	struct span text = pending_text(c);
	bool file = c->at < c->to && !c->what->body.data;
	bool cut = (size_t)(c->to - c->at) > most;
	size_t left = cut ? most : (size_t)(c->to - c->at);
	off_t at;
	int flags;

	if (c->tls) {
		*wanted = 0;			/* how much more it takes is not known */
		return stream_send(c, text, c->at < c->to ? &c->what->body : NULL, c->at, left);
	}
	if (file && !text.len) {
		*wanted = left;
		at = c->what->body.at + c->at;
		return sendfile(c->fd, c->what->body.fd, &at, *wanted);
	}
	*wanted = text.len + (file ? 0 : left);
	/* The rest of the body, or of the next turn, may join it. */
	flags = MSG_NOSIGNAL | (file || cut || c->closing ? MSG_MORE : 0);
	if (file || !left)
		return send(c->fd, text.at, text.len, flags);
	struct iovec pieces[2] = {
		{ (char *)text.at, text.len },
		{ (char *)c->what->body.data + c->at, left },
	};
	struct msghdr m = { .msg_iov = pieces, .msg_iovlen = 2 };

	return sendmsg(c->fd, &m, flags);
}

bool connection_acked(struct connection *c)
{
	int waiting;
	uint64_t acked = c->sent;

	if (ioctl(c->fd, TIOCOUTQ, &waiting) == 0)
		acked -= waiting;
	if (acked - c->acked < OUTPUT_PROGRESS)
		return false;
	c->acked = acked;
	return true;
}

/* Begins the next of several ranges. Returns false if there is none. */
static bool next_part(struct connection *c)
{
	struct parts *p = c->parts;

	if (!p || p->next > p->reply.nranges)
		return false;
	reply_part(&p->reply, &out, p->next);
	if (p->next < p->reply.nranges) {
		c->what = p->reply.what;
		c->at = p->reply.ranges[p->next].from;
		c->to = p->reply.ranges[p->next].to;
	}
	p->next++;
	return true;
}

/* Discards responses beyond OUTPUT_HELD bytes: connection.c keeps their requests. */
static void discard_responses(struct connection *c)
{
	unsigned kept = nanswers;

	while (discardable && kept > 1 && answers[kept - 1].text_end - out.start > OUTPUT_HELD &&
	       answers[kept - 2].text_end > out.start)
		kept--;
	if (kept == nanswers)
		return;
	nanswers = kept;
	out.at = output_buffer + (answers[kept - 1].text_end - output_buffer);
	output_free(c);
	c->closing = c->linger = false;
}

void output_block(struct connection *c)
{
	discard_responses(c);
	if (text_len(&out)) {
		c->text_at = 0;
		c->text_len = text_len(&out);
		c->text = connection_alloc(c, c->text_len);
		if (!c->text) {
			connection_close(c);
			output_clear();
			return;
		}
		memcpy(c->text, out.start, c->text_len);
		output_clear();
	}
	if (connection_acked(c) || c->phase != SEND)
		connection_phase(c, SEND);
	connection_wait(c, EPOLLOUT);
}

bool output_push(struct connection *c)
{
	for (;;) {
		size_t wanted;
		ssize_t n;

		if (c->at == c->to && !pending_text(c).len && !next_part(c)) {
			int flushed = stream_flush(c);

			if (flushed > 0) {
				output_free(c);
				return true;
			}
			if (!flushed)
				break;
			connection_close(c);
			return false;
		}
		if (output_turn_is_over())
			break;
		n = send_some(c, server.share - turn, &wanted);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
			break;
		if (n <= 0) {
			output_clear();
			connection_close(c);
			return false;
		}
		consume(c, n);
		turn += n;
		if ((size_t)n < wanted)
			break;
	}
	output_block(c);
	return false;
}

/* ---- responses */

static void start_body(struct connection *c, const struct reply *reply)
{
	const struct body *b = &reply->what->body;
	struct range r = reply->ranges[0];

	if (reply->nranges > 1) {
		c->parts = connection_alloc(c, sizeof(*c->parts));
		if (c->parts) {
			c->parts->reply = *reply;
			c->parts->next = 0;
		} else {
			c->closing = true;	/* shorter than announced */
		}
	} else if (b->data && r.to - r.from <= OUTPUT_SMALL && out.end - out.at >= OUTPUT_SMALL) {
		put(&out, b->data + r.from, r.to - r.from);
	} else {
		c->what = reply->what;
		c->at = r.from;
		c->to = r.to;
	}
}

void output_response(struct connection *c, const struct reply *reply, const struct request *r,
		     bool keep)
{
	reply_head(reply, &out, server.date, keep, r, c->tls ? server.options.hsts : 0);
	if (reply->has_body && reply->length)
		start_body(c, reply);
	if (c->own && !c->what && !c->parts) {
		representation_free(c->own);
		c->own = NULL;
	}
	c->closing |= !keep;
	answers[nanswers++] = (struct answer){
		.text_end = out.at,
		.line = r->line.at ? r->line : (struct span){ "-", 1 },
		.status = reply->status,
		.length = reply->has_body ? reply->length : 0,
	};
	discardable = true;
}

void output_count_answers(struct connection *c)
{
	for (const struct answer *a = answers; a < answers + nanswers; a++) {
		server.count.requests++;
		server.count.status[a->status]++;
		if (server.options.log)
			log_request(&c->client, server.log_date, a->line, a->status, a->length);
	}
	nanswers = 0;
}

bool output_push_answers(struct connection *c, size_t *at)
{
	bool sent = output_push(c);

	*at = answers[nanswers - 1].input_end;
	output_count_answers(c);
	return sent;
}

void output_interim(void)
{
	put_literal(&out, "HTTP/1.1 100 Continue\r\n\r\n");
}

void output_send_once(struct connection *c)
{
	stream_send_once(c, (struct span){ out.start, text_len(&out) });
	output_clear();
}

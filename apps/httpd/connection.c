/* SPDX-License-Identifier: ISC */
/*
 * A connection: requests in, responses out, in order.
 *
 * All that is read in a turn is answered before it is sent, so that pipelined requests
 * share one call.  While a response does not fit the socket nothing more is read: a client
 * that does not take its answers cannot ask for more.  Of the answers that do not fit only
 * HELD are kept; for the others it is the requests that wait, and are answered again.  A
 * connection that waits between requests holds no buffer.
 */
#include "apps/httpd/server.h"
#include "apps/httpd/log.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/uio.h>

#define SMALL 4096			/* bodies up to this are copied behind their header */
#define PROGRESS 4096			/* what a slow reader takes at least in its time */
#define DRAIN_MAX (1 << 20)
#define HELD 8192			/* of text that waits, or one response's */

struct parts {
	struct reply reply;
	unsigned next;
};

/* Those of the connection whose turn it is; empty in between. */
static char input[INPUT_SIZE], output[OUTPUT_SIZE];
static struct text out = { output, output, output + sizeof(output) };
static struct request request;
static struct reply reply;
static size_t turn;			/* bytes sent: server.share ends the turn */

/* What is in output, and neither counted nor logged yet: it may be taken back. */
static struct answer {
	const char *text_end;
	size_t input_end;
	struct span line;
	int status;
	uint64_t length;
} answers[INPUT_SIZE / 16];		/* no request is as short as that */
static unsigned nanswers;
static bool takeable;			/* nobody has all of their text yet */

static void clear_output(void)
{
	out = text_in(output, sizeof(output));
}

static void forget_response(struct connection *c)
{
	if (c->own) {
		free((char *)c->own->body.data);
		representation_free(c->own);
	}
	free(c->parts);
	free(c->text);
	c->own = NULL;
	c->parts = NULL;
	c->text = NULL;
	c->what = NULL;
	c->at = c->to = 0;
}

void connection_empty(struct connection *c)
{
	forget_response(c);
	free(c->in);
	c->in = NULL;
}

void connection_free(struct connection *c)
{
	connection_empty(c);
	free(c);
}

/* ---- out */

static struct span pending_text(const struct connection *c)
{
	if (c->text)
		return (struct span){ c->text + c->text_at, c->text_len - c->text_at };
	return (struct span){ out.start, text_len(&out) };
}

/* What was sent is done with: the text first. */
static void consume(struct connection *c, size_t n)
{
	struct span text = pending_text(c);
	size_t of_text = n < text.len ? n : text.len;

	server.count.sent += n;
	c->given += n;
	c->at += n - of_text;
	if (c->text) {
		c->text_at += of_text;
		if (of_text == text.len) {
			free(c->text);
			c->text = NULL;
		}
	} else if (of_text == text.len) {
		clear_output();
		takeable = false;
	} else {
		out.start += of_text;
	}
}

/*
 * One call: the text, with at most `most` bytes of what follows it if that is in memory too,
 * or from a file.
 */
static ssize_t send_some(struct connection *c, size_t most, size_t *wanted)
{
	struct span text = pending_text(c);
	bool file = c->at < c->to && !c->what->body.data;
	bool cut = (size_t)(c->to - c->at) > most;
	size_t left = cut ? most : (size_t)(c->to - c->at);
	off_t at;
	int flags;

	if (file && !text.len) {
		*wanted = left;
		at = c->what->body.at + c->at;
		return sendfile(c->fd, c->what->body.fd, &at, *wanted);
	}
	*wanted = text.len + (file ? 0 : left);
	/* The end, or what the next turn sends, may join it. */
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

bool connection_took(struct connection *c)
{
	int waiting;
	uint64_t taken = c->given;

	if (ioctl(c->fd, TIOCOUTQ, &waiting) == 0)
		taken -= waiting;
	if (taken - c->taken < PROGRESS)
		return false;
	c->taken = taken;
	return true;
}

/* The next of several ranges; false: there is none. */
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

/* Answers that would be held beyond HELD are none: process() keeps their requests. */
static void take_back(struct connection *c)
{
	unsigned kept = nanswers;

	while (takeable && kept > 1 && answers[kept - 1].text_end - out.start > HELD &&
	       answers[kept - 2].text_end > out.start)
		kept--;
	if (kept == nanswers)
		return;
	nanswers = kept;
	out.at = output + (answers[kept - 1].text_end - output);
	forget_response(c);
	c->closing = c->linger = false;
}

/* The rest waits until there is room in the socket. */
static void block(struct connection *c)
{
	take_back(c);
	if (text_len(&out)) {
		c->text_at = 0;
		c->text_len = text_len(&out);
		c->text = connection_alloc(c, c->text_len);
		if (!c->text) {
			connection_close(c);
			clear_output();
			return;
		}
		memcpy(c->text, out.start, c->text_len);
		clear_output();
	}
	if (connection_took(c) || c->phase != SEND)
		connection_phase(c, SEND);
	connection_wait(c, EPOLLOUT);
}

/* true: all is out; false: it will go on when there is room, or the connection is closed. */
static bool push(struct connection *c)
{
	for (;;) {
		size_t wanted;
		ssize_t n;

		if (c->at == c->to && !pending_text(c).len && !next_part(c)) {
			forget_response(c);
			return true;
		}
		if (turn >= server.share)
			break;
		n = send_some(c, server.share - turn, &wanted);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
			break;
		if (n <= 0) {
			clear_output();
			connection_close(c);
			return false;
		}
		consume(c, n);
		turn += n;
		if ((size_t)n < wanted)
			break;
	}
	block(c);
	return false;
}

/* ---- one request */

static void start_body(struct connection *c)
{
	const struct body *b = &reply.what->body;
	struct range r = reply.ranges[0];

	if (reply.nranges > 1) {
		c->parts = connection_alloc(c, sizeof(*c->parts));
		if (c->parts) {
			c->parts->reply = reply;
			c->parts->next = 0;
		} else {
			c->closing = true;	/* short of what was announced */
		}
	} else if (b->data && r.to - r.from <= SMALL && out.end - out.at >= SMALL) {
		put(&out, b->data + r.from, r.to - r.from);
	} else {
		c->what = reply.what;
		c->at = r.from;
		c->to = r.to;
	}
}

/* Of a header of len bytes; or status is why it is none. */
static void respond(struct connection *c, const char *data, size_t len, int status)
{
	bool keep;

	if (status)
		memset(&request, 0, offsetof(struct request, path));
	else
		status = request_parse(&request, data, len);
	/* What refuses a request that was understood leaves the next one's place known. */
	keep = (!status || status == 405 || status == 417) && request.keep_alive &&
	       !request.has_body;
	respond_with(c, &reply, &request, status);
	reply_head(&reply, &out, server.date, keep, &request);
	if (reply.has_body && reply.length)
		start_body(c);
	if (c->own && !c->what) {
		free((char *)c->own->body.data);
		representation_free(c->own);
		c->own = NULL;
	}
	c->closing |= !keep;
	c->linger |= request.has_body || (status && status != 405 && status != 417);
	answers[nanswers++] = (struct answer){
		.text_end = out.at,
		.line = request.line.at ? request.line : (struct span){ "-", 1 },
		.status = reply.status,
		.length = reply.has_body ? reply.length : 0,
	};
	takeable = true;
}

static void count_answers(struct connection *c)
{
	for (const struct answer *a = answers; a < answers + nanswers; a++) {
		server.count.requests++;
		server.count.status[a->status]++;
		if (server.options.log)
			log_request(&c->client, server.log_date, a->line, a->status, a->length);
	}
	nanswers = 0;
}

/* ---- in */

/* What is left of the input waits for the rest. */
static void keep_input(struct connection *c, const char *from, size_t len)
{
	c->in_len = len;
	if (!len) {
		free(c->in);
		c->in = NULL;
		return;
	}
	if (!c->in)
		c->in = connection_alloc(c, INPUT_SIZE);
	if (c->in)
		memmove(c->in, from, len);
	else
		connection_close(c);
}

static void finish(struct connection *c)
{
	/* Closed with input unread, it would be reset, and the response with it. */
	if (!c->linger || shutdown(c->fd, SHUT_WR) < 0) {
		connection_close(c);
		return;
	}
	connection_phase(c, LINGER);
	connection_wait(c, EPOLLIN);
}

/* Whatever comes next: the length of a request answered; 0: it is not all here. */
static size_t answer_next(struct connection *c, const char *data, size_t len)
{
	ssize_t end = request_end(data, len, &c->in_scanned);

	if (!end && len == INPUT_SIZE)
		end = c->in_scanned ? -431 : -414;
	else if (!end && *data != '\r' && (*data < 'A' || *data > 'Z'))
		end = -400;		/* TLS, for one: let it not wait for its time */
	if (!end)
		return 0;
	respond(c, data, end < 0 ? 0 : end, end < 0 ? -end : 0);
	c->in_scanned = 0;
	return end < 0 ? len : (size_t)end;
}

/* As push(); *at is where the first request is that has no answer. */
static bool push_answers(struct connection *c, size_t *at)
{
	bool sent = push(c);

	*at = answers[nanswers - 1].input_end;
	count_answers(c);
	return sent;
}

static void process(struct connection *c, const char *data, size_t len)
{
	bool answered = false, sent = true;
	/* Who had no room has little: what is taken back costs time. */
	size_t at = 0, n, most = c->phase == SEND ? HELD / 2 : OUTPUT_SIZE - HEAD_MAX - SMALL;

	while (sent && !c->closing && turn < server.share) {
		while (!c->in_scanned && len - at >= 2 && data[at] == '\r' && data[at + 1] == '\n')
			at += 2;	/* empty lines in front: RFC 9112, 2.2 */
		n = at < len ? answer_next(c, data + at, len - at) : 0;
		if (!n)
			break;
		at += n;
		answers[nanswers - 1].input_end = at;
		answered = true;
		if (!text_whole(&out)) {
			clear_output();
			connection_close(c);
			break;
		}
		if (c->at < c->to || c->parts || text_len(&out) > most) {
			sent = push_answers(c, &at);
			most = OUTPUT_SIZE - HEAD_MAX - SMALL;
		}
	}
	if (sent && text_len(&out))
		sent = push_answers(c, &at);
	count_answers(c);
	if (c->fd < 0)
		return;
	c->linger |= c->closing && at < len;
	keep_input(c, data + at, c->closing ? 0 : len - at);
	if (!sent || c->fd < 0)
		return;
	if (c->closing) {
		finish(c);
		return;
	}
	if (c->in_len && turn >= server.share) {
		block(c);		/* more may be answered in the next turn */
		return;
	}
	if (!c->in_len)
		connection_phase(c, IDLE);
	else if (answered || c->phase != HEADER)
		connection_phase(c, HEADER);
	connection_wait(c, EPOLLIN);
}

static void drain(struct connection *c)
{
	ssize_t n = recv(c->fd, input, sizeof(input), 0);

	if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR))
		return;
	c->drained += n > 0 ? n : 0;
	if (n <= 0 || c->drained > DRAIN_MAX)
		connection_close(c);
}

void connection_readable(struct connection *c)
{
	char *to = c->in ?: input;
	ssize_t n;

	turn = 0;
	if (c->phase == LINGER) {
		drain(c);
		return;
	}
	n = recv(c->fd, to + c->in_len, INPUT_SIZE - c->in_len, 0);
	if (n > 0) {
		server.count.received += n;
		process(c, to, c->in_len + n);
	} else if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)) {
		connection_wait(c, EPOLLIN);
	} else {
		connection_close(c);
	}
}

void connection_writable(struct connection *c)
{
	turn = 0;
	if (!push(c))
		return;
	if (c->closing)
		finish(c);
	else
		process(c, c->in ?: input, c->in_len);
}

void connection_timed_out(struct connection *c)
{
	if (c->phase == HEADER && c->in) {
		respond(c, NULL, 0, 408);
		count_answers(c);
		send(c->fd, out.start, text_len(&out), MSG_NOSIGNAL);
		clear_output();
	}
	connection_close(c);
}

/* SPDX-License-Identifier: ISC */
/*
 * A connection: requests in, responses out, in order.
 *
 * All requests that were read in a turn are answered before the responses are sent, so
 * that pipelined requests share one call. While a response does not fit into the socket,
 * nothing more is read: a client that does not read responses cannot send requests. At
 * most HELD bytes of responses are kept; further responses are discarded, and made again
 * from their requests, which are kept. A connection that waits between requests holds no
 * buffer.
 *
 * An upload begins when all responses before it are sent. Its body is written to the disk as
 * it arrives, and it is the last request of its connection.
 */
#include "apps/httpd/log.h"
#include "apps/httpd/server.h"
#include "apps/httpd/upload.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/uio.h>

#define SMALL 4096			/* bytes: shorter bodies are copied behind their header */
#define PROGRESS 4096	/* bytes that must be taken or sent before the timeout */
#define DRAIN_MAX (1 << 20)
#define HELD 8192	/* bytes of text that waits, or the text of one response */

struct parts {
	struct reply reply;
	unsigned next;
};

/*
 * For the connection that is being processed; empty otherwise. `output` is also the buffer for
 * the body of an upload, when no text waits.
 */
static char input[INPUT_SIZE], output[OUTPUT_SIZE];
static struct text out = { output, output, output + sizeof(output) };
static struct request request;
static struct reply reply;
static size_t turn;			/* bytes sent in this turn; server.share is the maximum */

/*
 * Responses in `output` that are neither counted nor logged yet: they may be discarded.
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

static void clear_output(void)
{
	out = text_in(output, sizeof(output));
}

static void free_response(struct connection *c)
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

void connection_empty(struct connection *c)
{
	free_response(c);
	upload_free(c->upload);
	c->upload = NULL;
	free(c->in);
	c->in = NULL;
}

void connection_free(struct connection *c)
{
	connection_empty(c);
	free(c);
}

/* ---- output */

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
	c->sent += n;
	c->at += n - of_text;
	if (c->text) {
		c->text_at += of_text;
		if (of_text == text.len) {
			free(c->text);
			c->text = NULL;
		}
	} else if (of_text == text.len) {
		clear_output();
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
	if (acked - c->acked < PROGRESS)
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

/* Discards responses beyond HELD bytes: process() keeps their requests. */
static void discard_responses(struct connection *c)
{
	unsigned kept = nanswers;

	while (discardable && kept > 1 && answers[kept - 1].text_end - out.start > HELD &&
	       answers[kept - 2].text_end > out.start)
		kept--;
	if (kept == nanswers)
		return;
	nanswers = kept;
	out.at = output + (answers[kept - 1].text_end - output);
	free_response(c);
	c->closing = c->linger = false;
}

/* Keeps the rest until the socket has space. */
static void block(struct connection *c)
{
	discard_responses(c);
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
	if (connection_acked(c) || c->phase != SEND)
		connection_phase(c, SEND);
	connection_wait(c, EPOLLOUT);
}

/*
 * Returns true if all is sent; false if it waits for space in the socket, or the
 * connection is closed.
 */
static bool push(struct connection *c)
{
	for (;;) {
		size_t wanted;
		ssize_t n;

		if (c->at == c->to && !pending_text(c).len && !next_part(c)) {
			free_response(c);
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
			c->closing = true;	/* shorter than announced */
		}
	} else if (b->data && r.to - r.from <= SMALL && out.end - out.at >= SMALL) {
		put(&out, b->data + r.from, r.to - r.from);
	} else {
		c->what = reply.what;
		c->at = r.from;
		c->to = r.to;
	}
}

/* Writes the response that `reply` has. */
static void write_response(struct connection *c, bool keep)
{
	reply_head(&reply, &out, server.date, keep, &request);
	if (reply.has_body && reply.length)
		start_body(c);
	if (c->own && !c->what && !c->parts) {
		representation_free(c->own);
		c->own = NULL;
	}
	c->closing |= !keep;
	answers[nanswers++] = (struct answer){
		.text_end = out.at,
		.line = request.line.at ? request.line : (struct span){ "-", 1 },
		.status = reply.status,
		.length = reply.has_body ? reply.length : 0,
	};
	discardable = true;
}

/*
 * Answers a request with a header of len bytes, or begins the upload that it asks for; status:
 * the error if there is no valid header.
 */
static void respond(struct connection *c, const char *data, size_t len, int status)
{
	bool keep;

	if (status)
		memset(&request, 0, offsetof(struct request, path));
	else
		status = request_parse(&request, data, len);
	if (!status && request.method == METHOD_PUT &&
	    upload_covers(request.path, request.path_len)) {
		assert(!nanswers);	/* process() has sent them */
		status = upload_begin(&c->upload, &request);
		if (!status)
			return;
	}
	/* After these errors the beginning of the next request is known. */
	keep = (!status || status == 405 || status == 417) && request.keep_alive &&
	       !request.has_body;
	respond_with(c, &reply, &request, status);
	c->linger |= request.has_body || (status && status != 405 && status != 417);
	write_response(c, keep);
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

/* ---- input */

/* Keeps the rest of the input for the next turn. */
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
	/*
	 * Closing with unread input would reset the connection, and the response would be
	 * lost.
	 */
	if (!c->linger || shutdown(c->fd, SHUT_WR) < 0) {
		connection_close(c);
		return;
	}
	connection_phase(c, LINGER);
	connection_wait(c, EPOLLIN);
}

/* ---- uploads */

/* Answers the request of an upload, which is stored, or failed. */
static void end_upload(struct connection *c, int status)
{
	struct upload *u = c->upload;
	bool sent;

	memset(&request, 0, offsetof(struct request, path));
	request.method = METHOD_PUT;
	request.path_len = 0;
	request.line = upload_line(u);
	if (status == 201 || status == 204) {
		c->own = upload_validators(u);
		reply_stored(&reply, status, c->own);
	} else {
		respond_with(c, &reply, &request, status);
	}
	clear_output();
	c->linger = true;
	write_response(c, false);
	c->upload = NULL;
	sent = push(c);
	count_answers(c);
	upload_free(u);
	if (sent && c->fd >= 0)
		finish(c);
}

/* Waits for more of the body. */
static void await_body(struct connection *c)
{
	if (c->phase != UPLOAD || upload_size(c->upload) - c->stored >= PROGRESS) {
		c->stored = upload_size(c->upload);
		connection_phase(c, UPLOAD);
	}
	connection_wait(c, EPOLLIN);
}

/* Begins to receive a body; len bytes of it have arrived with the header. */
static void start_upload(struct connection *c, const char *data, size_t len)
{
	int status = upload_take(c->upload, data, len);

	free(c->in);
	c->in = NULL;
	c->in_len = 0;
	if (status) {
		end_upload(c, status);
		return;
	}
	if (!len && request.expects_continue) {
		put_literal(&out, "HTTP/1.1 100 Continue\r\n\r\n");
		if (!push(c))
			return;		/* connection_writable() continues */
	}
	await_body(c);
}

static void receive_body(struct connection *c)
{
	int status = 0;

	while (!status && turn < server.share) {
		ssize_t n = recv(c->fd, output, sizeof(output), 0);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
			break;
		if (n <= 0) {
			connection_close(c);
			return;
		}
		turn += n;
		server.count.received += n;
		status = upload_take(c->upload, output, n);
	}
	if (status)
		end_upload(c, status);
	else
		await_body(c);
}

/* Answers the next request. Returns its length; 0 if it is incomplete. */
static size_t answer_next(struct connection *c, const char *data, size_t len)
{
	ssize_t end = request_end(data, len, &c->in_scanned);

	if (!end && len == INPUT_SIZE)
		end = c->in_scanned ? -431 : -414;
	else if (!end && *data != '\r' && (*data < 'A' || *data > 'Z'))
		end = -400;		/* TLS, for example: no need to wait for a timeout */
	if (!end)
		return 0;
	respond(c, data, end < 0 ? 0 : end, end < 0 ? -end : 0);
	c->in_scanned = 0;
	return end < 0 ? len : (size_t)end;
}

/* As push(). Sets *at to the first request without a response. */
static bool push_answers(struct connection *c, size_t *at)
{
	bool sent = push(c);

	*at = answers[nanswers - 1].input_end;
	count_answers(c);
	return sent;
}

static bool is_put(const char *data, size_t len)
{
	return len >= 4 && !memcmp(data, "PUT ", 4);
}

static void process(struct connection *c, const char *data, size_t len)
{
	bool answered = false, sent = true;
	/*
	 * A connection that had no space has little now, and discarded responses cost
	 * time.
	 */
	size_t at = 0, n, most = c->phase == SEND ? HELD / 2 : OUTPUT_SIZE - HEAD_MAX - SMALL;

	while (sent && !c->closing && turn < server.share) {
		while (!c->in_scanned && len - at >= 2 && data[at] == '\r' && data[at + 1] == '\n')
			at += 2;	/* empty lines before a request: RFC 9112, 2.2 */
		/* A response that was discarded would be made, and an upload begun, again. */
		if (text_len(&out) && is_put(data + at, len - at)) {
			sent = push_answers(c, &at);
			continue;
		}
		n = at < len ? answer_next(c, data + at, len - at) : 0;
		if (!n)
			break;
		at += n;
		if (c->upload) {
			start_upload(c, data + at, len - at);
			return;
		}
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
		block(c);		/* continued in the next turn */
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
	if (c->upload) {
		receive_body(c);
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
	if (c->upload)
		await_body(c);
	else if (c->closing)
		finish(c);
	else
		process(c, c->in ?: input, c->in_len);
}

void connection_timed_out(struct connection *c)
{
	if (c->phase == UPLOAD) {
		turn = 0;
		end_upload(c, 408);
		return;
	}
	if (c->phase == HEADER && c->in) {
		respond(c, NULL, 0, 408);
		count_answers(c);
		send(c->fd, out.start, text_len(&out), MSG_NOSIGNAL);
		clear_output();
	}
	connection_close(c);
}

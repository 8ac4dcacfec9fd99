/* SPDX-License-Identifier: ISC */
/*
 * A connection: requests in, responses out, in order.
 *
 * All requests that were read in a turn are answered before the responses are sent
 * (output.c). While a response does not fit into the socket, nothing more is read: a client
 * that does not read responses cannot send requests. Requests whose responses are discarded
 * are kept. A connection that waits between requests holds no buffer.
 *
 * An upload begins when all responses before it are sent. Its body is written to the disk as
 * it arrives, and it is the last request of its connection.
 */
#include "apps/httpd/output.h"
#include "apps/httpd/stream.h"
#include "apps/httpd/upload.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#define DRAIN_MAX (1 << 20)
#define TEXT_MOST (OUTPUT_SIZE - HEAD_MAX - OUTPUT_SMALL)	/* one more response fits */

/* For the connection that is being processed. */
static char input[INPUT_SIZE];
static struct request request;
static struct reply reply;

void connection_empty(struct connection *c)
{
	output_free(c);
	stream_free(c);
	place_leave(c);
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

/* ---- one request */

/* A place is taken last, so that a request that is refused ends no other upload. */
static int begin_upload(struct connection *c)
{
	int status = upload_begin(&c->upload, &request);

	if (status || place_take(c))
		return status;
	upload_free(c->upload);
	c->upload = NULL;
	return 503;
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
		assert(!output_answers());	/* process() has sent them */
		status = begin_upload(c);
		if (!status)
			return;
	}
	/* After these errors the beginning of the next request is known. */
	keep = (!status || status == 405 || status == 417) && request.keep_alive &&
	       !request.has_body;
	respond_with(c, &reply, &request, status);
	c->linger |= request.has_body || (status && status != 405 && status != 417);
	output_response(c, &reply, &request, keep);
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
	int ended = stream_end(c);

	if (!ended) {
		output_block(c);		/* connection_writable() comes here again */
		return;
	}
	/*
	 * Closing with unread input would reset the connection, and the response would be
	 * lost.
	 */
	if (ended < 0 || !c->linger || shutdown(c->fd, SHUT_WR) < 0) {
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
	output_clear();
	c->linger = true;
	output_response(c, &reply, &request, false);
	place_leave(c);
	c->upload = NULL;
	sent = output_push(c);
	output_count_answers(c);
	upload_free(u);
	if (sent && c->fd >= 0)
		finish(c);
}

/* Waits for more of the body. */
static void await_body(struct connection *c)
{
	if (c->phase != UPLOAD || upload_size(c->upload) - c->stored >= OUTPUT_PROGRESS) {
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
		output_interim();
		if (!output_push(c))
			return;		/* connection_writable() continues */
	}
	await_body(c);
}

static void receive_body(struct connection *c)
{
	int status = 0;

	while (!status && !output_turn_is_over()) {
		ssize_t n = stream_recv(c, output_buffer, sizeof(output_buffer));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
			break;
		if (n <= 0) {
			connection_close(c);
			return;
		}
		output_count(n);
		server.count.received += n;
		status = upload_take(c->upload, output_buffer, n);
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
	size_t at = 0, n, most = c->phase == SEND ? OUTPUT_HELD / 2 : TEXT_MOST;

	while (sent && !c->closing && !output_turn_is_over()) {
		while (!c->in_scanned && len - at >= 2 && data[at] == '\r' && data[at + 1] == '\n')
			at += 2;	/* empty lines before a request: RFC 9112, 2.2 */
		/* A response that was discarded would be made, and an upload begun, again. */
		if (output_len() && is_put(data + at, len - at)) {
			sent = output_push_answers(c, &at);
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
		output_set_input_end(at);
		answered = true;
		if (!output_is_whole()) {
			output_clear();
			connection_close(c);
			break;
		}
		if (c->at < c->to || c->parts || output_len() > most) {
			sent = output_push_answers(c, &at);
			most = TEXT_MOST;
		}
	}
	if (sent && output_len())
		sent = output_push_answers(c, &at);
	output_count_answers(c);
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
	if (c->in_len && output_turn_is_over()) {
		output_block(c);		/* continued in the next turn */
		return;
	}
	if (!c->in_len)
		connection_phase(c, IDLE);
	else if (answered || c->phase != HEADER)
		connection_phase(c, HEADER);
	connection_wait(c, EPOLLIN);
}

/* Received data is dropped, also that of TLS. */
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

	output_begin_turn();
	if (c->phase == LINGER) {
		drain(c);
		return;
	}
	if (c->upload) {
		receive_body(c);
		return;
	}
	n = stream_recv(c, to + c->in_len, INPUT_SIZE - c->in_len);
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
	output_begin_turn();
	if (!output_push(c))
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
		output_begin_turn();
		end_upload(c, 408);
		return;
	}
	if (c->phase == HEADER && c->in) {
		respond(c, NULL, 0, 408);
		output_count_answers(c);
		output_send_once(c);
	} else if (c->phase == IDLE) {
		stream_end(c);
	}
	connection_close(c);
}

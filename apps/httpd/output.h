/* SPDX-License-Identifier: ISC */
/*
 * Output of the connection that is being processed.
 *
 * Responses are collected in a buffer, so that those of pipelined requests share one call. While
 * a response does not fit into the socket, at most OUTPUT_HELD bytes of responses are kept with
 * the connection; further responses are discarded, and made again from their requests. A
 * response is counted and logged when it cannot be discarded any more.
 *
 * The buffer is empty between connections, after output_push() or output_clear().
 */
#ifndef HTTPD_OUTPUT_H
#define HTTPD_OUTPUT_H

#include "apps/httpd/server.h"

#define OUTPUT_SMALL 4096		/* bytes: shorter bodies are copied behind their header */
#define OUTPUT_HELD 8192	/* bytes of text that waits, or the text of one response */
#define OUTPUT_PROGRESS 4096	/* bytes that must be taken or sent before the timeout */

/* The buffer. While no text waits in it, it may be used for the body of an upload. */
extern char output_buffer[OUTPUT_SIZE];

size_t output_len(void);		/* bytes of text */
bool output_is_whole(void);		/* false: text did not fit */
void output_clear(void);

/* In one turn a connection sends, or receives of an upload, server.share bytes. */
void output_begin_turn(void);
void output_count(size_t n);		/* bytes received */
bool output_turn_is_over(void);

/*
 * Writes the response that `reply` has, which takes reply's body from c->own if that is set.
 * keep: the connection stays open.
 */
void output_response(struct connection *c, const struct reply *reply, const struct request *r,
		     bool keep);
void output_interim(void);		/* 100 Continue */

/* Responses that are neither counted nor logged; where the last one's request ends. */
unsigned output_answers(void);
void output_set_input_end(size_t at);

/*
 * Sends. Returns true if all is sent; false if it waits for space in the socket, or the
 * connection is closed.
 */
bool output_push(struct connection *c);

/*
 * The same, of at least one response, which is counted. Sets *at to the end of the last request
 * whose response is not discarded.
 */
bool output_push_answers(struct connection *c, size_t *at);

/* Waits for space in the socket, or for the next turn. */
void output_block(struct connection *c);

void output_send_once(struct connection *c);	/* what the socket takes; the rest is lost */
void output_count_answers(struct connection *c);
void output_free(struct connection *c);	/* the response that is being sent */

#endif

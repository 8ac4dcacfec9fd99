/* SPDX-License-Identifier: ISC */
#include "apps/httpd/incoming.h"

static int on_body(llhttp_t *p, const char *at, size_t len)
{
	struct incoming *in = p->data;

	in->error = in->sink(in->arg, at, len);
	return in->error ? -1 : 0;
}

static int on_complete(llhttp_t *p)
{
	((struct incoming *)p->data)->complete = true;
	return HPE_PAUSED;
}

static const llhttp_settings_t settings = {
	.on_body = on_body, .on_message_complete = on_complete,
};

void incoming_begin(struct incoming *in, bool chunked, uint64_t length, incoming_sink *sink,
		    void *arg)
{
	/* request.c has parsed the header; this brings the parser to the beginning of chunks. */
	static const char header[] = "PUT / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n";

	*in = (struct incoming){ .chunked = chunked, .left = length, .sink = sink, .arg = arg };
	if (!chunked)
		return;
	llhttp_init(&in->parser, HTTP_REQUEST, &settings);
	in->parser.data = in;
	llhttp_execute(&in->parser, header, sizeof(header) - 1);
}

static int take_chunks(struct incoming *in, const char *data, size_t len)
{
	int rc = llhttp_execute(&in->parser, data, len);

	if (in->complete)
		return 1;
	return in->error ? in->error : rc == HPE_OK ? 0 : -400;
}

int incoming_take(struct incoming *in, const char *data, size_t len)
{
	int rc = 0;

	if (in->chunked)
		return take_chunks(in, data, len);
	if (len > in->left)
		len = in->left;
	if (len)
		rc = in->sink(in->arg, data, len);
	in->left -= len;
	return rc ? rc : !in->left;
}

/* SPDX-License-Identifier: ISC */
/*
 * The fuzzer is the peer of a channel: between calls it writes to the page, mostly
 * indexes and states near the current ones.
 */
#include "drivers/vchan.h"
#include "kernel/log.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <xen/io/libxenvchan.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static union {
	struct vchan_interface header;
	uint8_t bytes[4096];
} page;
static uint8_t guard[4096];		/* behind it; ASan sees the rest */

static void check(const struct vchan *v, ssize_t n, size_t len)
{
	if (n > (ssize_t)len || (v->error && n != v->error))
		abort();
	if (n < 0 && n != -EPROTO && n != -ECONNRESET && n != -EPIPE && n != -EAGAIN &&
	    n != -ENOTCONN)
		abort();
}

/* Only a writer gets -ENOTCONN, and only if there is no peer; a reader waits. */
static void check_client(const struct vchan *v, ssize_t n, bool write)
{
	bool nobody = n < 0 && !v->error && v->state == VCHAN_WAITING;

	if ((n == -ENOTCONN) != (write && nobody))
		abort();
}

/* Four bytes of input, one thing the peer does. */
static void disturb(struct vchan *v, const uint8_t *data)
{
	struct vchan_interface *p = &page.header;
	struct ring_shared *in = v->server ? &p->left : &p->right;
	struct ring_shared *out = v->server ? &p->right : &p->left;

	switch (data[0] % 6) {
	case 0:
		in->prod = v->in.at + data[1] * 9u;
		break;
	case 1:
		out->cons = v->out.at - data[1] * 9u;
		break;
	case 2:
		*(v->server ? &p->cli_live : &p->srv_live) = data[1] % 5;
		break;
	case 3:
		p->cli_notify = data[1];
		p->srv_notify = data[2];
		break;
	case 4:
		memcpy(page.bytes + (data[1] | data[2] << 8) % (sizeof(page) - 4), data, 4);
		break;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t buf[5000];
	struct vchan v = { 0 };

	if (size < 17)
		return 0;
	log_level = LOG_ERROR;
	memset(&page, 0, sizeof(page));
	memcpy(&page, data + 1, 16);
	v.server = data[0] & 1;
	v.read_order = data[0] & 2 ? 10 : 11;
	v.write_order = data[0] & 2 ? 11 : 10;
	page.header.srv_live = 1;
	page.header.cli_live = v.server ? 2 : 1;
	v.page = (struct vchan_interface __shared *)&page.header;
	vchan_begin(&v, page.bytes + (1 << (v.server ? v.read_order : v.write_order)),
		    page.bytes + (1 << (v.server ? v.write_order : v.read_order)));
	for (data += 17, size -= 17; size >= 8; data += 8, size -= 8) {
		uint32_t in = v.in.at, out = v.out.at;
		size_t len = (data[4] | data[5] << 8) % sizeof(buf);
		ssize_t n;

		disturb(&v, data);
		n = v.error;
		if (len)
			n = data[6] & 1 ? vchan_try_read(&v, buf, len) :
			    vchan_try_write(&v, buf, len);
		check(&v, n, len);
		check_client(&v, n, !(data[6] & 1));
		if (v.in.at - in > 1u << v.read_order ||
		    (v.out.at - out > 1u << v.write_order && !v.server))
			abort();
		if (data[6] & 2)
			vchan_ready(&v);
		if (v.error && v.server) {
			page.header.cli_live = 2;
			vchan_begin(&v, page.bytes + (1 << v.read_order),
				    page.bytes + (1 << v.write_order));
		}
	}
	for (size_t i = 0; i < sizeof(guard); i++)
		if (guard[i])
			abort();
	return 0;
}

/* SPDX-License-Identifier: ISC */
/* A connection's TLS: an SSL of OpenSSL between two buffers in memory. */
#include "apps/httpsd/session.h"

#include "apps/httpsd/certificates.h"
#include "apps/httpsd/tickets.h"

#include <openssl/err.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

struct tls {
	SSL *ssl;
	BIO *in, *out;
	bool broken;			/* after an error of the protocol nothing more is possible */
};

/* An image without random numbers would make keys that others can guess. */
static bool start(const struct options *o)
{
	unsigned char byte;

	if (RAND_bytes(&byte, 1) != 1 || !tickets_start()) {
		fprintf(stderr, "httpd: tls=: there are no random numbers: this CPU has no RDRAND, and the "
			"command line no seed=\n");
		return false;
	}
	return certificates_load(o->cert, o->key);
}

static struct tls *session_open(void)
{
	struct tls *t = calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	t->ssl = SSL_new(certificates_first());
	t->in = BIO_new(BIO_s_mem());
	t->out = BIO_new(BIO_s_mem());
	if (!t->ssl || !t->in || !t->out) {
		SSL_free(t->ssl);
		BIO_free(t->in);
		BIO_free(t->out);
		free(t);
		ERR_clear_error();
		return NULL;
	}
	BIO_set_mem_eof_return(t->in, -1);	/* empty is not the end */
	SSL_set_bio(t->ssl, t->in, t->out);
	SSL_set_accept_state(t->ssl);
	return t;
}

static void session_free(struct tls *t)
{
	SSL_free(t->ssl);		/* and both buffers */
	free(t);
}

static int feed(struct tls *t, const void *data, size_t len)
{
	return BIO_write(t->in, data, len) == (int)len ? 0 : -ENOMEM;
}

/* The meaning of a result <= 0. OpenSSL's queue of errors is emptied: it is one for all connections. */
static int error_of(struct tls *t, int rc)
{
	int what = SSL_get_error(t->ssl, rc);

	ERR_clear_error();
	if (what == SSL_ERROR_WANT_READ || what == SSL_ERROR_WANT_WRITE)
		return -EAGAIN;
	if (what == SSL_ERROR_ZERO_RETURN)
		return 0;
	t->broken = true;
	return -EPROTO;
}

static ssize_t session_read(struct tls *t, void *to, size_t len)
{
	int rc;

	if (t->broken)
		return -EPROTO;
	rc = SSL_read(t->ssl, to, len);
	return rc > 0 ? rc : error_of(t, rc);
}

static int session_write(struct tls *t, const void *data, size_t len)
{
	int rc;

	if (t->broken)
		return -EPROTO;
	if (!SSL_is_init_finished(t->ssl))
		return -EAGAIN;
	rc = SSL_write(t->ssl, data, len);
	return rc > 0 ? 0 : error_of(t, rc) ?: -EPROTO;
}

static bool has_text(struct tls *t)
{
	return !t->broken && (SSL_pending(t->ssl) > 0 || BIO_pending(t->in) > 0);
}

static void session_end(struct tls *t)
{
	if (!t->broken && SSL_is_init_finished(t->ssl))
		SSL_shutdown(t->ssl);
	ERR_clear_error();
}

static size_t pending(struct tls *t, const char **at)
{
	char *data;
	long n = BIO_get_mem_data(t->out, &data);

	*at = data;
	return n > 0 ? n : 0;
}

static void sent(struct tls *t, size_t n)
{
	char dropped[4096];

	while (n > 0) {
		int rc = BIO_read(t->out, dropped, n < sizeof(dropped) ? n : sizeof(dropped));

		if (rc <= 0)
			return;
		n -= rc;
	}
}

const struct tls_methods openssl_methods = {
	.start = start,
	.reload = certificates_reload,
	.open = session_open,
	.free = session_free,
	.feed = feed,
	.read = session_read,
	.write = session_write,
	.has_text = has_text,
	.end = session_end,
	.pending = pending,
	.sent = sent,
};

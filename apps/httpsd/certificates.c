/* SPDX-License-Identifier: ISC */
#include "apps/httpsd/certificates.h"

#include "apps/httpsd/tickets.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define CERTIFICATES 64
#define SUITES "ECDHE+AESGCM:ECDHE+CHACHA20"	/* of TLS 1.2; those of 1.3 are OpenSSL's */
#define GROUPS "X25519:P-256:P-384"

struct certificate {
	char *cert, *key;		/* files */
	SSL_CTX *context;
};

static struct certificate certificates[CERTIFICATES];
static int count;
static struct stat seen[2 * CERTIFICATES];	/* the files, when they were read last */

static bool explain(const char *file, const char *what)
{
	unsigned long e = ERR_peek_last_error();
	const char *reason = e ? ERR_reason_error_string(e) : NULL;

	fprintf(stderr, "httpd: %s: %s%s%s\n", file, what, reason ? ": " : "", reason ?: "");
	ERR_clear_error();
	return false;
}

/* ---- the name that a client asks for */

/* The first certificate with the name; a client without a known name gets the first one. */
static int choose(SSL *ssl, int *alert, void *arg)
{
	const char *name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);

	(void)alert, (void)arg;
	for (int i = 0; name && i < count; i++)
		if (X509_check_host(SSL_CTX_get0_certificate(certificates[i].context), name, 0, 0, NULL) == 1) {
			SSL_set_SSL_CTX(ssl, certificates[i].context);
			return SSL_TLSEXT_ERR_OK;
		}
	return SSL_TLSEXT_ERR_OK;
}

/* ALPN: the protocol is HTTP/1.1; a client that offers only others gets an alert (RFC 7301, 3.2). */
static int protocol(SSL *ssl, const unsigned char **out, unsigned char *len,
		    const unsigned char *offered, unsigned n, void *arg)
{
	static const unsigned char http[] = "\x08http/1.1";

	(void)ssl, (void)arg;
	if (SSL_select_next_proto((unsigned char **)out, len, http, sizeof(http) - 1, offered, n) !=
	    OPENSSL_NPN_NEGOTIATED)
		return SSL_TLSEXT_ERR_ALERT_FATAL;
	return SSL_TLSEXT_ERR_OK;
}

/* ---- files */

static int no_password(char *buffer, int size, int writing, void *arg)
{
	(void)buffer, (void)size, (void)writing, (void)arg;
	return -1;			/* OpenSSL would ask on the console */
}

static SSL_CTX *context_new(void)
{
	SSL_CTX *c = SSL_CTX_new(TLS_server_method());

	if (!c || !SSL_CTX_set_min_proto_version(c, TLS1_2_VERSION) ||
	    !SSL_CTX_set_cipher_list(c, SUITES) || !SSL_CTX_set1_groups_list(c, GROUPS)) {
		SSL_CTX_free(c);
		return NULL;
	}
	SSL_CTX_set_options(c, SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA |
			       SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
	SSL_CTX_set_mode(c, SSL_MODE_RELEASE_BUFFERS);
	SSL_CTX_set_session_cache_mode(c, SSL_SESS_CACHE_OFF);	/* tickets need no memory */
	SSL_CTX_set_num_tickets(c, 1);
	SSL_CTX_set_session_id_context(c, (const unsigned char *)"httpd", 5);
	SSL_CTX_set_tlsext_servername_callback(c, choose);
	SSL_CTX_set_alpn_select_cb(c, protocol, NULL);
	SSL_CTX_set_default_passwd_cb(c, no_password);
	tickets_use(c);
	return c;
}

static bool load_one(const struct certificate *from, SSL_CTX **made)
{
	SSL_CTX *c = context_new();
	bool ok;

	if (!c)
		return explain(from->cert, "TLS cannot be set up");
	if (SSL_CTX_use_certificate_chain_file(c, from->cert) != 1)
		ok = explain(from->cert, "it has no certificate in PEM");
	else if (SSL_CTX_use_PrivateKey_file(c, from->key, SSL_FILETYPE_PEM) != 1)
		ok = explain(from->key, "it has no key in PEM that belongs to the certificate");
	else
		ok = SSL_CTX_check_private_key(c) == 1 || explain(from->key, "the key is of another certificate");
	if (ok)
		*made = c;
	else
		SSL_CTX_free(c);
	return ok;
}

/* All, or none: the old ones stay. */
static bool load_all(void)
{
	SSL_CTX *made[CERTIFICATES];
	int n = 0;

	while (n < count && load_one(&certificates[n], &made[n]))
		n++;
	for (int i = 0; i < n; i++)
		if (n < count) {
			SSL_CTX_free(made[i]);
		} else {
			SSL_CTX_free(certificates[i].context);	/* connections have their own reference */
			certificates[i].context = made[i];
		}
	return n == count;
}

/* Whether a file is another one than when this was called last. */
static bool have_changed(void)
{
	bool changed = false;

	for (int i = 0; i < 2 * count; i++) {
		const char *file = i % 2 ? certificates[i / 2].key : certificates[i / 2].cert;
		struct stat s;

		if (stat(file, &s) < 0)
			memset(&s, 0, sizeof(s));
		changed |= s.st_ino != seen[i].st_ino || s.st_size != seen[i].st_size ||
			   s.st_dev != seen[i].st_dev || s.st_mtim.tv_sec != seen[i].st_mtim.tv_sec ||
			   s.st_mtim.tv_nsec != seen[i].st_mtim.tv_nsec;
		seen[i] = s;
	}
	return changed;
}

void certificates_reload(bool now)
{
	if (!have_changed() && !now)
		return;
	if (load_all())
		printf("httpd: %d certificate%s read again\n", count, count == 1 ? "" : "s");
	else
		printf("httpd: keeping the previous certificates\n");
	fflush(stdout);
}

/* ---- the start */

/* Splits a list of files; returns their number, or -1 after a message. */
static int split(const char *list, size_t at)
{
	char *copy = strdup(list), *left = copy, *word;
	int n = 0;

	while (copy && (word = strsep(&left, ",")))
		if (!*word || n == CERTIFICATES) {
			fprintf(stderr, "httpd: %s: 1 to %d files, separated by commas\n", list, CERTIFICATES);
			return -1;
		} else {
			*(char **)((char *)&certificates[n++] + at) = word;
		}
	return n;
}

bool certificates_load(const char *cert, const char *key)
{
	int keys;

	count = split(cert, offsetof(struct certificate, cert));
	keys = split(key ?: cert, offsetof(struct certificate, key));
	if (count <= 0 || keys < 0)
		return false;
	if (keys != count) {
		fprintf(stderr, "httpd: cert= has %d files, key= has %d\n", count, keys);
		return false;
	}
	have_changed();
	return load_all();
}

SSL_CTX *certificates_first(void)
{
	return certificates[0].context;
}

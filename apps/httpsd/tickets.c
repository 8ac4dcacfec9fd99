/* SPDX-License-Identifier: ISC */
#include "apps/httpsd/tickets.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/rand.h>

#include <string.h>
#include <time.h>
#ifdef __xenolith__
#include <xenolith/resume.h>
#endif

#define AGE (12 * 3600)			/* seconds for which new tickets get the same key */

struct key {
	unsigned char name[16], secret[32], mac[32];
};

static struct key keys[2];		/* the current one, and that before */
static time_t made;
static unsigned copies;			/* of this guest, when they were made */

#ifndef __xenolith__
static unsigned xenolith_copies(void)
{
	return 0;
}
#endif

static time_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec;
}

static bool fresh(void)
{
	struct key k;

	if (RAND_bytes((unsigned char *)&k, sizeof(k)) != 1)
		return false;
	keys[1] = keys[0];
	keys[0] = k;
	made = now();
	return true;
}

bool tickets_start(void)
{
	copies = xenolith_copies();
	return fresh() && fresh();
}

static int set_up(const struct key *k, unsigned char *iv, EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac,
		  int encrypt)
{
	OSSL_PARAM of_mac[] = {
		OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, (void *)k->mac, sizeof(k->mac)),
		OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, (char *)"SHA256", 0),
		OSSL_PARAM_construct_end(),
	};

	return EVP_CipherInit_ex(cipher, EVP_aes_256_cbc(), NULL, k->secret, iv, encrypt) == 1 &&
	       EVP_MAC_CTX_set_params(mac, of_mac) == 1;
}

/* OpenSSL's SSL_CTX_set_tlsext_ticket_key_evp_cb(3): 1: the key is known; 2: and make a new ticket. */
static int use_key(SSL *ssl, unsigned char *name, unsigned char *iv, EVP_CIPHER_CTX *cipher,
		   EVP_MAC_CTX *mac, int encrypt)
{
	(void)ssl;
	/* The keys of a snapshot are those of all its copies. */
	if (copies != xenolith_copies() && !tickets_start())
		return -1;
	if (now() - made >= AGE && !fresh())
		return -1;
	if (encrypt) {
		memcpy(name, keys[0].name, sizeof(keys[0].name));
		if (RAND_bytes(iv, EVP_CIPHER_get_iv_length(EVP_aes_256_cbc())) != 1)
			return -1;
		return set_up(&keys[0], iv, cipher, mac, 1) ? 1 : -1;
	}
	for (int i = 0; i < 2; i++)
		if (!memcmp(name, keys[i].name, sizeof(keys[i].name)))
			return set_up(&keys[i], iv, cipher, mac, 0) ? 1 + i : -1;
	return 0;
}

void tickets_use(SSL_CTX *c)
{
	SSL_CTX_set_tlsext_ticket_key_evp_cb(c, use_key);
}

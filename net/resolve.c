/* SPDX-License-Identifier: ISC */
#include "net/resolve.h"

#include "kernel/sched.h"
#include "net/net.h"

#include <lwip/dns.h>

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/*
 * A question to lwIP, which calls back in any case, but maybe after who asked has lost
 * patience: whoever is the last to know frees it.
 */
struct question {
	struct waitq *answered;		/* NULL: nobody waits any more */
	bool done, found;
	ip_addr_t address;
};

static unsigned pending;

unsigned resolve_pending(void)
{
	return pending;
}

static void answer(const char *name, const ip_addr_t *address, void *arg)
{
	struct question *q = arg;

	(void)name;
	pending--;
	if (!q->answered) {
		free(q);
		return;
	}
	q->done = true;
	q->found = address;
	if (address)
		q->address = *address;
	wake(q->answered);
}

/* NULL: no memory, or *err. */
static struct question *ask(const char *name, unsigned version, struct waitq *answered, int *err)
{
	struct question *q = calloc(1, sizeof(*q));
	err_t e;

	*err = -ENOMEM;
	if (!q)
		return NULL;
	q->answered = answered;
	pending++;
	e = dns_gethostbyname_addrtype(name, &q->address, answer, q, version == 6 ?
				       LWIP_DNS_ADDRTYPE_IPV6 : LWIP_DNS_ADDRTYPE_IPV4);
	*err = 0;
	if (e == ERR_INPROGRESS)
		return q;
	pending--;
	if (e == ERR_OK) {
		q->done = q->found = true;
		return q;
	}
	*err = e == ERR_MEM ? -ENOMEM : e == ERR_VAL ? -EAGAIN : -EINVAL;
	free(q);
	return NULL;
}

static void take(struct question *q, ip_addr_t *to, int *n)
{
	if (!q)
		return;
	if (q->done && q->found)
		to[(*n)++] = q->address;
	if (q->done)
		free(q);
	else
		q->answered = NULL;
}

int resolve(const char *name, unsigned version, ip_addr_t *to, uint64_t deadline)
{
	struct waitq answered = { 0 };
	struct question *q6 = NULL, *q4 = NULL;
	int n = 0, err6 = 0, err4 = 0;
	bool silent;

	if (ipaddr_aton(name, to))
		return version == 0 || IP_IS_V6(to) == (version == 6) ? 1 : -ENOENT;
	net_wait_up(0, deadline);
	if (version != 4)
		q6 = ask(name, 6, &answered, &err6);
	if (version != 6)
		q4 = ask(name, 4, &answered, &err4);
	net_push();
	silent = !wait_until_deadline(&answered, deadline,
				      (!q6 || q6->done) && (!q4 || q4->done));
	take(q6, to, &n);
	take(q4, to, &n);
	if (n)
		return n;
	if (err6 || err4)
		return err6 ? err6 : err4;
	return silent ? -EAGAIN : -ENOENT;
}

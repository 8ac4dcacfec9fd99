/* SPDX-License-Identifier: ISC */
/* Over 500 lines: one server; its requests, watches and transactions share the tree. */
#include "tests/host/xenstored.h"
#include "tests/host/host.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xen/io/xs_wire.h>

#define HOME "/local/domain/5"		/* HOST_SELF's */
#define MAX_NODES 2048
#define MAX_TRANSACTIONS 16
#define MAX_ACCESSED 64
#define MAX_WATCHES 256
#define DIRECTORY_MAX (256 * 1024)
#define PATH_SIZE (XENSTORE_ABS_PATH_MAX + 64)

struct store store;

static struct xenstore_domain_interface *ring;
static bool awake;			/* the guest sent an event, and there may be more to do */

/* ---- memory: objects live until the next seed */

static char arena[64 << 20] HOST_KEEP;
static size_t arena_used;

static void *make(size_t size)
{
	void *p = arena + arena_used;

	arena_used += (size + 15) & ~15ul;
	if (arena_used > sizeof(arena))
		host_fail("xenstored: out of memory");
	return memset(p, 0, size);
}

static char *copy(const void *from, size_t len)
{
	char *to = make(len + 1);

	memcpy(to, from, len);
	return to;
}

/* ---- the tree: nodes never change, they are replaced */

struct node {
	const char *path;
	const char *value;
	size_t len;
	const char *perms;		/* strings, each with its NUL */
	size_t perms_len;
	uint64_t generation;
};

struct tree {
	unsigned n;
	struct node *node[MAX_NODES];
};

static struct tree base HOST_KEEP;
static uint64_t generation;

static void copy_tree(struct tree *to, const struct tree *from)
{
	to->n = from->n;
	memcpy(to->node, from->node, from->n * sizeof(from->node[0]));
}

static struct node **find(struct tree *t, const char *path)
{
	for (unsigned i = 0; i < t->n; i++)
		if (strcmp(t->node[i]->path, path) == 0)
			return &t->node[i];
	return NULL;
}

static bool below(const char *path, const char *parent)
{
	size_t n = strlen(parent);

	if (strcmp(parent, "/") == 0)
		return path[0] == '/';
	return strncmp(path, parent, n) == 0 && (path[n] == '/' || path[n] == '\0');
}

static void set_node(struct tree *t, struct node *node)
{
	struct node **at = find(t, node->path);

	node->generation = ++generation;
	if (at)
		*at = node;
	else if (t->n == MAX_NODES)
		host_fail("xenstored: too many nodes");
	else
		t->node[t->n++] = node;
}

static void parent_of(char *to, const char *path)
{
	char *slash;

	strcpy(to, path);
	slash = strrchr(to, '/');
	slash[slash == to] = '\0';
}

/* The directory itself counts as changed when it gets or loses a child. */
static void touch(struct tree *t, const char *path)
{
	struct node **at = find(t, path), *n;

	if (!at)
		return;
	n = make(sizeof(*n));
	*n = **at;
	set_node(t, n);
}

static void put(struct tree *t, const char *path, const char *value, size_t len)
{
	struct node **old = find(t, path), *n;
	char parent[PATH_SIZE];

	parent_of(parent, path);
	if (!old && strcmp(path, "/") != 0) {
		if (find(t, parent))
			touch(t, parent);
		else
			put(t, parent, "", 0);
		old = NULL;
	}
	n = make(sizeof(*n));
	if (old)
		*n = **old;
	n->path = copy(path, strlen(path));
	n->value = copy(value, len);
	n->len = len;
	if (!n->perms) {
		n->perms = copy("n5", 3);
		n->perms_len = 3;
	}
	set_node(t, n);
}

static void take_out(struct tree *t, const char *path)
{
	char parent[PATH_SIZE];
	unsigned kept = 0;

	for (unsigned i = 0; i < t->n; i++)
		if (!below(t->node[i]->path, path))
			t->node[kept++] = t->node[i];
	t->n = kept;
	parent_of(parent, path);
	touch(t, parent);
}

/* Names of the children, each with its NUL. */
static size_t children(struct tree *t, const char *path, char *to)
{
	size_t n = strcmp(path, "/") == 0 ? 0 : strlen(path), len = 0;

	for (unsigned i = 0; i < t->n; i++) {
		const char *p = t->node[i]->path;

		if (strcmp(p, "/") == 0 || strncmp(p, path, n) != 0 || p[n] != '/' ||
		    strchr(p + n + 1, '/'))
			continue;
		strcpy(to + len, p + n + 1);
		len += strlen(to + len) + 1;
	}
	return len;
}

/* ---- messages to the guest */

struct message {
	struct message *next;
	size_t sent, size;
	struct xsd_sockmsg hdr;
	char payload[];
};

static struct message *out;

static struct message *send_message(uint32_t type, uint32_t req_id, uint32_t tx_id,
				    const void *payload, size_t len)
{
	struct message *m = make(sizeof(*m) + len), **p = &out;

	m->hdr = (struct xsd_sockmsg){ type, req_id, tx_id, len };
	m->size = sizeof(m->hdr) + len;
	memcpy(m->payload, payload, len);
	while (*p)
		p = &(*p)->next;
	/* Events keep their order; a reply may overtake messages of which no byte was sent. */
	if (store.unordered && type != XS_WATCH_EVENT && host_chance(2))
		for (p = &out; *p && ((*p)->sent || host_chance(2)); p = &(*p)->next)
			;
	m->next = *p;
	*p = m;
	return m;
}

/* ---- watches */

static struct watch {
	const char *path, *token;	/* absolute */
	size_t skip;			/* of the path, where it was relative */
} watches[MAX_WATCHES];

/* An event equal to a queued one is omitted, as by send_event() in core.c. */
static void send_event(const struct watch *w, const char *path)
{
	char payload[PATH_SIZE + 64];
	size_t len;

	strcpy(payload, path + w->skip);
	len = strlen(payload) + 1;
	strcpy(payload + len, w->token);
	len += strlen(w->token) + 1;
	for (struct message *m = out; m; m = m->next)
		if (m->hdr.type == XS_WATCH_EVENT && m->hdr.len == len &&
		    memcmp(m->payload, payload, len) == 0 && !m->sent)
			return;
	store.events++;
	send_message(XS_WATCH_EVENT, 0, 0, payload, len);
}

/* Removing a node also removes the nodes below it. */
static void fire(const char *path, bool removed)
{
	for (unsigned i = 0; i < store.watches; i++) {
		if (below(path, watches[i].path))
			send_event(&watches[i], path);
		else if (removed && below(watches[i].path, path))
			send_event(&watches[i], watches[i].path);
	}
}

/* ---- transactions */

static struct transaction {
	uint32_t id;
	unsigned naccessed;
	struct {
		const char *path;
		const struct node *seen;	/* NULL: it did not exist */
		bool changed, removed;
	} accessed[MAX_ACCESSED];
} transactions[MAX_TRANSACTIONS];
/* Its tree now, and the tree with which it began. */
static struct tree copies[MAX_TRANSACTIONS] HOST_KEEP, begun[MAX_TRANSACTIONS] HOST_KEEP;
static uint32_t next_transaction;

static struct transaction *transaction(uint32_t id)
{
	for (unsigned i = 0; i < MAX_TRANSACTIONS; i++)
		if (transactions[i].id == id)
			return &transactions[i];
	return NULL;
}

static struct tree *tree_of(struct transaction *t)
{
	return t ? &copies[t - transactions] : &base;
}

static void note_access(struct transaction *t, const char *path, bool changed,
			bool removed)
{
	struct node **at = find(&begun[t - transactions], path);
	unsigned i;

	for (i = 0; i < t->naccessed && strcmp(t->accessed[i].path, path) != 0; i++)
		;
	if (i == MAX_ACCESSED)
		host_fail("xenstored: a transaction of too much");
	if (i == t->naccessed) {
		t->accessed[i].path = copy(path, strlen(path));
		t->accessed[i].seen = at ? *at : NULL;
		t->naccessed++;
	}
	t->accessed[i].changed |= changed;
	t->accessed[i].removed = changed ? removed : t->accessed[i].removed;
}

static bool conflict(const struct transaction *t)
{
	for (unsigned i = 0; i < t->naccessed; i++) {
		struct node **at = find(&base, t->accessed[i].path);

		if ((at ? *at : NULL) != t->accessed[i].seen)
			return true;
	}
	return store.conflicts && host_chance(store.conflicts);
}

static void commit(struct transaction *t)
{
	for (unsigned i = 0; i < t->naccessed; i++) {
		const char *path = t->accessed[i].path;
		struct node **at = find(tree_of(t), path);

		if (!t->accessed[i].changed)
			continue;
		if (!at) {
			take_out(&base, path);
		} else {
			put(&base, path, (*at)->value, (*at)->len);
			(*find(&base, path))->perms = (*at)->perms;
			(*find(&base, path))->perms_len = (*at)->perms_len;
		}
		fire(path, !at);
	}
}

/* ---- requests */

static struct {
	size_t got;
	struct xsd_sockmsg hdr;
	char payload[XENSTORE_PAYLOAD_MAX + 1];
} in;

static void answer(const void *payload, size_t len)
{
	store.answers++;
	send_message(in.hdr.type, in.hdr.req_id, in.hdr.tx_id, payload, len);
}

static void refuse(int error)
{
	const char *name = "EINVAL";

	for (size_t i = 0; i < HOST_COUNT(xsd_errors); i++)
		if (xsd_errors[i].errnum == error)
			name = xsd_errors[i].errstring;
	store.answers++;
	send_message(XS_ERROR, in.hdr.req_id, in.hdr.tx_id, name, strlen(name) + 1);
}

/* As canonicalize() in core.c; 0 or an errno. */
static int absolute(char *to, const char *path, size_t size)
{
	size_t len = strnlen(path, size);
	const char *allowed = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
			      "0123456789-/_@";

	if (len == size || len == 0 || strspn(path, allowed) != len ||
	    len > (path[0] == '/' ? XENSTORE_ABS_PATH_MAX : XENSTORE_REL_PATH_MAX) ||
	    (len > 1 && path[len - 1] == '/') || strstr(path, "//"))
		return EINVAL;
	strcpy(to, path[0] == '/' || path[0] == '@' ? "" : HOME "/");
	strcat(to, path);
	return 0;
}

/* A guest may read everything, and write below its own directory except for secret/. */
static bool may_write(const char *path)
{
	return below(path, HOME) && !below(path, HOME "/secret");
}

static void do_watch(const char *path, const char *token)
{
	struct watch *w = &watches[store.watches];

	for (unsigned i = 0; i < store.watches; i++)
		if (strcmp(watches[i].path, path) == 0 &&
		    strcmp(watches[i].token, token) == 0) {
			refuse(EEXIST);
			return;
		}
	if (store.watches == store.max_watches) {
		refuse(ENOSPC);
		return;
	}
	store.watches++;
	w->path = copy(path, strlen(path));
	w->token = copy(token, strlen(token));
	w->skip = in.payload[0] == '/' || in.payload[0] == '@' ? 0 : sizeof(HOME);
	answer("OK", 3);
	send_event(w, path);
}

static void do_unwatch(const char *path, const char *token)
{
	for (unsigned i = 0; i < store.watches; i++) {
		if (strcmp(watches[i].path, path) != 0 ||
		    strcmp(watches[i].token, token) != 0)
			continue;
		store.watches--;
		memmove(&watches[i], &watches[i + 1],
			(store.watches - i) * sizeof(watches[0]));
		answer("OK", 3);
		return;
	}
	refuse(ENOENT);
}

static void do_start(void)
{
	struct transaction *t = transaction(0);
	char id[16];

	if (in.hdr.tx_id) {
		refuse(EBUSY);
	} else if (!t || store.transactions >= store.max_transactions) {
		refuse(ENOSPC);
	} else {
		store.transactions++;
		*t = (struct transaction){ .id = ++next_transaction };
		copy_tree(tree_of(t), &base);
		copy_tree(&begun[t - transactions], &base);
		answer(id, sprintf(id, "%u", t->id) + 1);
	}
}

static void do_end(struct transaction *t)
{
	bool ok;

	if (!t) {
		refuse(ENOENT);
		return;
	}
	ok = in.payload[0] == 'F' || !conflict(t);
	if (in.payload[0] == 'T' && ok)
		commit(t);
	t->id = 0;
	store.transactions--;
	if (ok)
		answer("OK", 3);
	else
		refuse(EAGAIN);
}

static void do_directory(struct tree *t, const struct node *n, size_t size)
{
	static char names[DIRECTORY_MAX] HOST_KEEP;
	static char reply[XENSTORE_PAYLOAD_MAX];
	size_t len = children(t, n->path, names), at, fit = 0, head;

	if (in.hdr.type == XS_DIRECTORY) {
		if (len > XENSTORE_PAYLOAD_MAX)
			refuse(E2BIG);
		else
			answer(names, len);
		return;
	}
	at = strtoul(in.payload + size, NULL, 10);
	head = sprintf(reply, "%llu", (unsigned long long)n->generation) + 1;
	while (at + fit < len) {
		size_t one = strlen(names + at + fit) + 1;

		if (head + fit + one >= sizeof(reply))
			break;
		memcpy(reply + head + fit, names + at + fit, one);
		fit += one;
	}
	if (at + fit >= len)
		reply[head + fit++] = '\0';
	answer(reply, head + fit);
}

/* Requests for a path. */
static const char *denied;

void store_deny(const char *path)
{
	denied = path;
}

static void do_path(struct transaction *tx)
{
	size_t size = strnlen(in.payload, in.hdr.len) + 1;
	const char *more = in.payload + size;
	char path[PATH_SIZE];
	struct tree *t = tree_of(tx);
	bool writes = in.hdr.type == XS_WRITE || in.hdr.type == XS_MKDIR ||
		      in.hdr.type == XS_RM || in.hdr.type == XS_SET_PERMS;
	int rc = absolute(path, in.payload, in.hdr.len);
	struct node **at, *n;

	if (!rc && path[0] == '@' && in.hdr.type != XS_WATCH && in.hdr.type != XS_UNWATCH)
		rc = EINVAL;
	if (rc) {
		refuse(rc);
		return;
	}
	if (in.hdr.type == XS_WATCH || in.hdr.type == XS_UNWATCH) {
		if (size >= in.hdr.len || size + strlen(more) + 1 != in.hdr.len)
			refuse(EINVAL);
		else if (in.hdr.type == XS_WATCH)
			do_watch(path, more);
		else
			do_unwatch(path, more);
		return;
	}
	at = find(t, path);
	if ((writes && !may_write(path)) || (denied && below(path, denied))) {
		refuse(EACCES);
		return;
	}
	if (!at && in.hdr.type != XS_WRITE && in.hdr.type != XS_MKDIR) {
		char parent[sizeof(path)];

		if (tx)
			note_access(tx, path, false, false);
		parent_of(parent, path);
		if (in.hdr.type == XS_RM && find(t, parent))
			answer("OK", 3);
		else
			refuse(ENOENT);
		return;
	}
	if (tx)
		note_access(tx, path, writes && !(at && in.hdr.type == XS_MKDIR),
			    in.hdr.type == XS_RM);
	switch (in.hdr.type) {
	case XS_READ:
		answer((*at)->value, (*at)->len);
		return;
	case XS_DIRECTORY:
	case XS_DIRECTORY_PART:
		do_directory(t, *at, size);
		return;
	case XS_GET_PERMS:
		answer((*at)->perms, (*at)->perms_len);
		return;
	case XS_WRITE:
		put(t, path, more, in.hdr.len - size);
		break;
	case XS_MKDIR:
		if (at) {
			answer("OK", 3);
			return;
		}
		put(t, path, "", 0);
		break;
	case XS_RM:
		take_out(t, path);
		break;
	case XS_SET_PERMS:
		n = make(sizeof(*n));
		*n = **at;
		n->perms = copy(more, in.hdr.len - size);
		n->perms_len = in.hdr.len - size;
		set_node(t, n);
		break;
	}
	answer("OK", 3);
	if (!tx)
		fire(path, in.hdr.type == XS_RM);
}

/* ---- invalid replies */

static char random_bytes[XENSTORE_PAYLOAD_MAX];

static size_t fill_random(void)
{
	size_t len = host_below(host_chance(4) ? sizeof(random_bytes) + 1 : 32);

	for (size_t i = 0; i < len; i++)
		random_bytes[i] = host_chance(4) ? '\0' : host_random();
	return len;
}

/* Sends the guest an invalid reply. */
static void answer_madly(void)
{
	uint32_t id = in.hdr.req_id, tx = in.hdr.tx_id, type = in.hdr.type;

	store.mad++;
	switch (store.mistyped ? 0 : host_below(6)) {
	case 0:			/* to another request */
		do
			type = host_chance(4) ? host_random() : host_below(XS_SET_TARGET);
		while (type == XS_WATCH_EVENT || type == XS_ERROR || type == in.hdr.type);
		send_message(type, id, tx, random_bytes, fill_random());
		return;
	case 1:
		send_message(XS_ERROR, id, tx, "EWHATEVER", 10);
		return;
	case 2:
		send_message(XS_ERROR, id, tx, "ENOENT", 6);	/* without its NUL */
		return;
	case 3:
		send_message(XS_ERROR, id, tx, "", 0);
		return;
	case 4:
		send_message(type, id, tx, "", 0);
		return;
	default:
		send_message(type, id, tx, random_bytes, fill_random());
	}
}

/* Also sends replies without requests. */
static void make_noise(void)
{
	const struct watch *w = &watches[store.watches ? host_below(store.watches) : 0];
	char event[128];
	size_t len;

	store.mad++;
	switch (host_below(6)) {
	case 0:
		send_message(host_below(XS_DIRECTORY_PART + 3), host_random(), 0,
			     random_bytes, fill_random());
		return;
	case 1:
		send_message(XS_WATCH_EVENT, 0, 0, random_bytes, fill_random());
		return;
	case 2:
		send_message(XS_WATCH_EVENT, 0, 0, "no/token", 9);
		return;
	case 3:
		send_message(XS_WATCH_EVENT, 0, 0, "", 0);
		return;
	case 4:
		send_message(XS_WATCH_EVENT, 0, 0, "a\0b", 3);	/* no NUL */
		return;
	default:		/* of a watch, but not below it */
		if (!store.watches)
			return;
		len = sprintf(event, "/some/where/else") + 1;
		len += sprintf(event + len, "%s", w->token) + 1;
		send_message(XS_WATCH_EVENT, 0, 0, event, len);
	}
}

static void handle(void)
{
	struct transaction *tx = in.hdr.tx_id ? transaction(in.hdr.tx_id) : NULL;

	store.requests++;
	if (store.silent)
		return;
	if (store.noise && host_chance(store.noise))
		make_noise();
	if (store.nasty && host_chance(store.nasty)) {
		answer_madly();
		return;
	}
	if (in.hdr.tx_id && !tx && in.hdr.type != XS_WATCH && in.hdr.type != XS_UNWATCH) {
		refuse(ENOENT);
		return;
	}
	switch (in.hdr.type) {
	case XS_DIRECTORY_PART:
		if (store.old) {
			refuse(EINVAL);
			return;
		}
		/* fall through */
	case XS_DIRECTORY:
	case XS_READ:
	case XS_GET_PERMS:
	case XS_WRITE:
	case XS_MKDIR:
	case XS_RM:
	case XS_SET_PERMS:
	case XS_WATCH:
	case XS_UNWATCH:
		do_path(tx);
		return;
	case XS_TRANSACTION_START:
		do_start();
		return;
	case XS_TRANSACTION_END:
		do_end(tx);
		return;
	case XS_RESET_WATCHES:
		if (store.old)
			host_fail("an old xenstored is asked for RESET_WATCHES");
		store.resets++;
		store.watches = store.transactions = 0;
		memset(transactions, 0, sizeof(transactions));
		answer("OK", 3);
		return;
	default:
		refuse(ENOSYS);
	}
}

/* ---- the ring */

static bool consistent(uint32_t prod, uint32_t cons)
{
	store.lost |= prod - cons > XENSTORE_RING_SIZE;
	return !store.lost;
}

/* How many of n bytes from an index on to move now: in one piece, maybe fewer. */
static size_t some(uint32_t index, size_t n)
{
	size_t piece = XENSTORE_RING_SIZE - MASK_XENSTORE_IDX(index);

	if (n > piece)
		n = piece;
	if (store.chunk && n > store.chunk)
		n = store.chunk;
	return n > 1 && host_chance(4) ? 1 + host_below(n) : n;
}

/* Returns the number of missing bytes of the request; 0 if it is complete. */
static size_t missing(void)
{
	if (in.got < sizeof(in.hdr))
		return sizeof(in.hdr) - in.got;
	return sizeof(in.hdr) + in.hdr.len - in.got;
}

static bool read_some(void)
{
	uint32_t cons = ring->req_cons;
	uint32_t prod = __atomic_load_n(&ring->req_prod, __ATOMIC_SEQ_CST);
	size_t n = missing();

	if (store.deaf || prod == cons || !consistent(prod, cons))
		return false;
	if (n > prod - cons)
		n = prod - cons;
	n = some(cons, n);
	memcpy((char *)&in.hdr + in.got, ring->req + MASK_XENSTORE_IDX(cons), n);
	memset(ring->req + MASK_XENSTORE_IDX(cons), 0xcc, n);
	__atomic_store_n(&ring->req_cons, cons + n, __ATOMIC_SEQ_CST);
	host_notify(host_xenstore_port);
	in.got += n;
	if (in.got == sizeof(in.hdr) && in.hdr.len > XENSTORE_PAYLOAD_MAX)
		store.lost = true;
	else if (in.got >= sizeof(in.hdr) && missing() == 0) {
		in.payload[in.hdr.len] = '\0';
		handle();
		in.got = 0;
	}
	return true;
}

static bool write_some(void)
{
	uint32_t cons = __atomic_load_n(&ring->rsp_cons, __ATOMIC_SEQ_CST);
	uint32_t prod = ring->rsp_prod;
	struct message *m = out;
	size_t n;

	if (!m || !consistent(prod, cons) || prod - cons == XENSTORE_RING_SIZE)
		return false;
	n = m->size - m->sent;
	if (n > XENSTORE_RING_SIZE - (prod - cons))
		n = XENSTORE_RING_SIZE - (prod - cons);
	n = some(prod, n);
	memcpy(ring->rsp + MASK_XENSTORE_IDX(prod), (char *)&m->hdr + m->sent, n);
	__atomic_store_n(&ring->rsp_prod, prod + n, __ATOMIC_SEQ_CST);
	host_notify(host_xenstore_port);
	m->sent += n;
	store.bytes += n;
	if (m->sent == m->size)
		out = m->next;
	return true;
}

/*
 * As xenstored's quota of outstanding requests: it continues when the guest
 * reads replies.
 */
static bool too_many_answers(void)
{
	unsigned n = 0;

	for (struct message *m = out; m; m = m->next)
		n += m->hdr.type != XS_WATCH_EVENT;
	return n > 20;
}

/* "The ring reconnection feature": all state of the connection is removed. */
static void reconnect(void)
{
	out = NULL;
	in.got = 0;
	store.watches = store.transactions = 0;
	memset(transactions, 0, sizeof(transactions));
	store.lost = false;
	ring->req_cons = ring->req_prod = host_random();
	ring->rsp_cons = ring->rsp_prod = host_random();
	ring->error = XENSTORE_ERROR_NONE;
	ring->connection = XENSTORE_CONNECTED;
	host_notify(host_xenstore_port);
}

static bool xenstored(void *arg)
{
	static uint64_t asleep_until;
	uint64_t now = arch_clock();

	(void)arg;
	if (host_rung(host_xenstore_port))
		awake = true;
	if (awake && store.reconnects && ring->connection == XENSTORE_RECONNECT)
		reconnect();
	if (store.lost || !awake)
		return false;
	if (now < asleep_until) {
		host_at(asleep_until);
		return false;
	}
	if (store.lazy && host_chance(store.lazy)) {
		asleep_until = now + 1 + host_below(2000000);
		host_at(asleep_until);
		return true;
	}
	if (host_chance(2) ? (!too_many_answers() && read_some()) || write_some() :
			     write_some() || read_some())
		return true;
	awake = false;		/* until an event from the guest, or another actor's step */
	return false;
}

/* ---- for tests */

void store_write(const char *path, const char *value)
{
	put(&base, path, value, strlen(value));
	fire(path, false);
	awake = true;
}

void store_rm(const char *path)
{
	take_out(&base, path);
	fire(path, true);
	awake = true;
}

void store_stray_event(const char *path)
{
	for (unsigned i = 0; i < store.watches; i++) {
		struct watch w = watches[i];

		w.skip = 0;
		send_event(&w, path);
	}
	awake = true;
}

void store_raw_event(const void *payload, size_t len)
{
	send_message(XS_WATCH_EVENT, 0, 0, payload, len);
	awake = true;
}

const char *store_read(const char *path)
{
	struct node **at = find(&base, path);

	return at ? (*at)->value : NULL;
}

void store_start(void)
{
	uint32_t at = host_chance(2) ? -host_below(3000) : host_random();

	arena_used = 0;
	base.n = 0;
	next_transaction = host_random() & 0xffff;
	store = (struct store){ .max_transactions = 10, .max_watches = 128 };
	ring = host_page();
	*ring = (struct xenstore_domain_interface){
		.req_cons = at, .req_prod = at, .rsp_cons = at + 77, .rsp_prod = at + 77,
	};
	memset(ring->req, 0xcc, sizeof(ring->req));
	memset(ring->rsp, 0xcc, sizeof(ring->rsp));
	boot_info.xenstore_ring = ring;
	host_actor("xenstored", xenstored, NULL);
	store_write(HOME "/domid", "5");
	store_write(HOME "/name", "guest");
	store_write(HOME "/control/platform-feature-xs_reset_watches", "1");
	store_write(HOME "/control/shutdown", "");
	store_write(HOME "/secret", "");
	store_write(HOME "/data", "");
}

void store_left_over(void)
{
	send_message(XS_READ, 0, 0, "yours", 5);
	send_message(XS_ERROR, 1, 0, "ENOENT", 7);
	send_message(XS_WATCH_EVENT, 0, 0, "device\0old", 11);
	while (write_some())
		;
}

bool store_in_reply_ring(const void *address)
{
	const char *at = address;

	return at >= ring->rsp && at < ring->rsp + sizeof(ring->rsp);
}

void store_end(enum store_end how)
{
	awake = store.ended = true;
	switch (how) {
	case STORE_TOO_LONG:
		send_message(host_below(XS_DIRECTORY_PART), host_random(), 0, "", 0)
			->hdr.len = XENSTORE_PAYLOAD_MAX + 1 + host_below(1u << 30);
		return;
	case STORE_BAD_REPLY_INDEX:
		ring->rsp_prod = ring->rsp_cons + XENSTORE_RING_SIZE + 1 +
				 host_below(1 << 30);
		break;
	case STORE_BAD_REQUEST_INDEX:
		ring->req_cons = ring->req_prod + 1 + host_below(1 << 30);
		break;
	default:
		ring->server_features |= XENSTORE_SERVER_FEATURE_ERROR;
		ring->error = XENSTORE_ERROR_COMM;
	}
	store.lost = true;
	if (store.reconnects)
		ring->server_features |= XENSTORE_SERVER_FEATURE_RECONNECTION;
	/* The guest can detect this one by itself, when it writes. */
	if (how != STORE_BAD_REQUEST_INDEX || host_chance(2))
		host_notify(host_xenstore_port);
}

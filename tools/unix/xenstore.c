/* SPDX-License-Identifier: ISC */
/*
 * Over 500 lines: one server; its requests, watches and transactions share the tree.
 *
 * A xenstore for one guest and the tender (docs/misc/xenstore.txt and xenstore-ring.txt of Xen).
 *
 * Nodes are in one array, each with its absolute path.  A transaction works on a copy of the array,
 * which replaces the array at the end unless something else has changed meanwhile (EAGAIN).
 */
#include "tender.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xen/io/xs_wire.h>

#define NODES_MAX 4000
#define WATCHES_MAX 256
#define TRANSACTIONS_MAX 10
#define CHANGES_MAX 4000 /* in a transaction */
#define HEADER sizeof(struct xsd_sockmsg)
#define QUEUE_FULL (64 * 1024)	/* no further request is read */
#define QUEUE_MAX (1024 * 1024) /* no further event is sent */

struct node {
	char *path, *value, *perms;
	size_t len, perms_len;
};

struct tree {
	struct node *nodes;
	unsigned n;
	uint64_t generation; /* of the true tree, when this one was copied */
	uint32_t id;	     /* 0: free, or the true tree */
	char **changed;	     /* paths, in a transaction */
	unsigned nchanged;
};

static struct tree base, transactions[TRANSACTIONS_MAX];
static uint64_t generation;
static struct {
	char *path, *token;
	bool relative;
} watches[WATCHES_MAX];
static struct {
	const char *prefix;
	void (*changed)(const char *path);
} own[64];
static unsigned nown;
static struct xenstore_domain_interface *ring;
static bool broken; /* the guest's requests make no sense */

static void *must(void *p)
{
	if (!p)
		die(1, "out of memory");
	return p;
}

static void *copy_of(const void *from, size_t len)
{
	char *to = must(malloc(len + 1));

	memcpy(to, from, len);
	to[len] = 0;
	return to;
}

/* ---- the tree */

static struct node *find(const struct tree *t, const char *path)
{
	for (unsigned i = 0; i < t->n; i++)
		if (!strcmp(t->nodes[i].path, path))
			return &t->nodes[i];
	return NULL;
}

static bool below(const char *path, const char *top)
{
	size_t n = strlen(top);

	return !strncmp(path, top, n) &&
	       (path[n] == '/' || !path[n] || !strcmp(top, "/"));
}

static void free_node(struct node *n)
{
	free(n->path);
	free(n->value);
	free(n->perms);
}

static void free_tree(struct tree *t)
{
	for (unsigned i = 0; i < t->n; i++)
		free_node(&t->nodes[i]);
	for (unsigned i = 0; i < t->nchanged; i++)
		free(t->changed[i]);
	free(t->nodes);
	free(t->changed);
	*t = (struct tree){ 0 };
}

static void copy_tree(struct tree *to, const struct tree *from)
{
	to->nodes = must(malloc((from->n + 1) * sizeof(*to->nodes)));
	to->n = from->n;
	for (unsigned i = 0; i < from->n; i++) {
		const struct node *f = &from->nodes[i];

		to->nodes[i] = (struct node){
			.path = copy_of(f->path, strlen(f->path)),
			.value = copy_of(f->value, f->len),
			.len = f->len,
			.perms = copy_of(f->perms, f->perms_len),
			.perms_len = f->perms_len,
		};
	}
}

/* Makes a node and those above it. */
static struct node *make(struct tree *t, const char *path)
{
	struct node *n = find(t, path);
	char *slash;

	if (n)
		return n;
	if (t->n >= NODES_MAX)
		return NULL;
	slash = strrchr(path, '/');
	if (slash && slash != path) {
		char *above = copy_of(path, slash - path);
		bool made = make(t, above);

		free(above);
		if (!made)
			return NULL;
	}
	t->nodes = must(realloc(t->nodes, (t->n + 1) * sizeof(*t->nodes)));
	n = &t->nodes[t->n++];
	*n = (struct node){
		.path = copy_of(path, strlen(path)),
		.value = copy_of("", 0),
		.perms = copy_of("b1", 3),
		.perms_len = 3,
	};
	return n;
}

/* ---- messages to the guest */

static char *queue;
static size_t queued, queue_size;

static void flush(void)
{
	uint32_t prod = ring->rsp_prod,
		 cons = __atomic_load_n(&ring->rsp_cons, __ATOMIC_SEQ_CST);
	size_t i = 0;

	if (!queued || prod - cons > XENSTORE_RING_SIZE)
		return;
	for (; i < queued && prod - cons < XENSTORE_RING_SIZE; i++)
		ring->rsp[MASK_XENSTORE_IDX(prod++)] = queue[i];
	__atomic_store_n(&ring->rsp_prod, prod, __ATOMIC_SEQ_CST);
	memmove(queue, queue + i, queued - i);
	queued -= i;
	if (i)
		port_notify(XENSTORE_PORT);
}

static void send_message(struct xsd_sockmsg m, const char *data)
{
	if (queued + HEADER + m.len > queue_size) {
		queue_size = queued + HEADER + m.len + 4096;
		queue = must(realloc(queue, queue_size));
	}
	memcpy(queue + queued, &m, HEADER);
	memcpy(queue + queued + HEADER, data, m.len);
	queued += HEADER + m.len;
}

static void fire_one(unsigned i, const char *path)
{
	char data[2 * XENSTORE_ABS_PATH_MAX + 64];
	int n;

	if (watches[i].relative && below(path, HOME) && strlen(path) > strlen(HOME))
		path += sizeof(HOME);
	n = snprintf(data, sizeof(data), "%s%c%s", path, 0, watches[i].token) + 1;
	if (n <= (int)sizeof(data) && queued < QUEUE_MAX)
		send_message((struct xsd_sockmsg){ .type = XS_WATCH_EVENT, .len = n },
			     data);
}

static void fire(const char *path, bool by_guest)
{
	for (unsigned i = 0; i < WATCHES_MAX; i++)
		if (watches[i].path && below(path, watches[i].path))
			fire_one(i, path);
	for (unsigned i = 0; by_guest && i < nown; i++)
		if (below(path, own[i].prefix))
			own[i].changed(path);
}

static void note_change(struct tree *t, const char *path)
{
	if (!t->id) {
		generation++;
		fire(path, true);
		return;
	}
	if (t->nchanged && !strcmp(t->changed[t->nchanged - 1], path))
		return;
	t->changed = must(realloc(t->changed, (t->nchanged + 1) * sizeof(*t->changed)));
	t->changed[t->nchanged++] = copy_of(path, strlen(path));
}

/* ---- the tender's own access */

void store_set(const char *path, const char *fmt, ...)
{
	char value[512];
	struct node *n = make(&base, path);
	va_list args;

	va_start(args, fmt);
	vsnprintf(value, sizeof(value), fmt, args);
	va_end(args);
	if (!n)
		return;
	free(n->value);
	n->len = strlen(value);
	n->value = copy_of(value, n->len);
	generation++;
	if (ring) {
		fire(path, false);
		flush();
	}
}

const char *store_get(const char *fmt, ...)
{
	char path[512];
	const struct node *n;
	va_list args;

	va_start(args, fmt);
	vsnprintf(path, sizeof(path), fmt, args);
	va_end(args);
	n = find(&base, path);
	return n ? n->value : NULL;
}

long store_number(const char *path, const char *key, long fallback)
{
	const char *text = store_get("%s/%s", path, key);
	char *end;
	long value;

	if (!text || !*text || *text == '-')
		return fallback;
	errno = 0;
	value = strtol(text, &end, 10);
	return *end || errno ? fallback : value;
}

void store_watch(const char *prefix, void (*changed)(const char *path))
{
	if (nown == sizeof(own) / sizeof(*own))
		die(1, "too many devices");
	own[nown].prefix = prefix;
	own[nown++].changed = changed;
}

/* ---- requests */

struct request {
	struct xsd_sockmsg m;
	struct tree *tree;
	char *path;	  /* absolute */
	char *data;	  /* all of the message; a NUL follows */
	const char *rest; /* behind the path and its NUL */
	size_t rest_len;
};

static void reply(const struct request *r, const char *data, size_t len)
{
	struct xsd_sockmsg m = r->m;

	m.len = len;
	send_message(m, data);
}

static void ok(const struct request *r)
{
	reply(r, "OK", 3);
}

static void refuse(const struct request *r, int error)
{
	struct xsd_sockmsg m = r->m;
	const char *name = "EINVAL";

	for (size_t i = 0; i < sizeof(xsd_errors) / sizeof(xsd_errors[0]); i++)
		if (xsd_errors[i].errnum == error)
			name = xsd_errors[i].errstring;
	m.type = XS_ERROR;
	m.len = strlen(name) + 1;
	send_message(m, name);
}

static bool valid(const char *path)
{
	size_t n = strlen(path);

	if (n == 0 || n > XENSTORE_ABS_PATH_MAX || strstr(path, "//") ||
	    (n > 1 && path[n - 1] == '/'))
		return false;
	return strspn(path,
		      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-/_@") ==
	       n;
}

/* Whether this is refused: a transaction has an end. */
static bool full(const struct request *r)
{
	if (r->tree->nchanged < CHANGES_MAX)
		return false;
	refuse(r, ENOSPC);
	return true;
}

/* The paths that a guest may write. */
static bool may_write(const char *path)
{
	static const char *const tops[] = {
		HOME "/data", HOME "/control", HOME "/device",	 HOME "/drivers",
		HOME "/attr", HOME "/error",   HOME "/messages",
	};

	for (size_t i = 0; i < sizeof(tops) / sizeof(tops[0]); i++)
		if (below(path, tops[i]))
			return true;
	return false;
}

static void write_value(struct request *r)
{
	struct node *n;

	if (!may_write(r->path)) {
		refuse(r, EACCES);
		return;
	}
	if (full(r))
		return;
	n = make(r->tree, r->path);
	if (!n) {
		refuse(r, ENOSPC);
		return;
	}
	if (r->m.type == XS_WRITE) {
		free(n->value);
		n->value = copy_of(r->rest, r->rest_len);
		n->len = r->rest_len;
	}
	ok(r);
	note_change(r->tree, r->path);
}

static void remove_all(struct request *r)
{
	bool any = false;

	if (!may_write(r->path)) {
		refuse(r, EACCES);
		return;
	}
	if (full(r))
		return;
	ok(r);
	for (unsigned i = 0; i < r->tree->n;) {
		struct node n = r->tree->nodes[i];

		if (!below(n.path, r->path)) {
			i++;
			continue;
		}
		any = true;
		r->tree->nodes[i] = r->tree->nodes[--r->tree->n];
		note_change(r->tree, n.path);
		free_node(&n);
	}
	if (!any)
		note_change(r->tree, r->path);
}

/* The names of a directory, as strings.  Returns their size, or -1. */
static ssize_t list(const struct request *r, char **names)
{
	size_t n = strlen(r->path), len = 0;
	char *to = NULL;

	if (!find(r->tree, r->path))
		return -1;
	for (unsigned i = 0; i < r->tree->n; i++) {
		const char *p = r->tree->nodes[i].path;

		if (!below(p, r->path) || !p[n] || strchr(p + n + 1, '/'))
			continue;
		to = must(realloc(to, len + strlen(p + n)));
		strcpy(to + len, p + n + 1);
		len += strlen(p + n);
	}
	*names = to;
	return len;
}

char *store_list(const char *path, size_t *len)
{
	struct request r = { .tree = &base, .path = (char *)path };
	char *names = NULL;
	ssize_t n = list(&r, &names);

	*len = n > 0 ? n : 0;
	return n == 0 ? copy_of("", 0) : names;
}

static void directory(struct request *r)
{
	char *names = NULL;
	ssize_t len = list(r, &names);

	if (len < 0)
		refuse(r, ENOENT);
	else if (len > XENSTORE_PAYLOAD_MAX)
		refuse(r, E2BIG);
	else
		reply(r, names ? names : "", len);
	free(names);
}

static void directory_part(struct request *r)
{
	char *names = NULL, part[XENSTORE_PAYLOAD_MAX];
	ssize_t len = list(r, &names);
	size_t from = strtoul(r->rest, NULL, 10), n, head;

	if (len < 0 || from > (size_t)len) {
		refuse(r, len < 0 ? ENOENT : EINVAL);
		free(names);
		return;
	}
	head = snprintf(part, sizeof(part), "%llu", (unsigned long long)generation) + 1;
	n = len - from;
	if (n > sizeof(part) - head - 1) {
		for (n = sizeof(part) - head - 1; n && names[from + n - 1]; n--)
			;
	}
	if (n)
		memcpy(part + head, names + from, n);
	if (from + n == (size_t)len)
		part[head + n++] = 0; /* the end of the list */
	reply(r, part, head + n);
	free(names);
}

static void set_perms(struct request *r)
{
	struct node *n = find(r->tree, r->path);

	if (!n || !may_write(r->path)) {
		refuse(r, n ? EACCES : ENOENT);
		return;
	}
	if (full(r))
		return;
	free(n->perms);
	n->perms = copy_of(r->rest, r->rest_len);
	n->perms_len = r->rest_len;
	ok(r);
	note_change(r->tree, r->path);
}

static void watch(struct request *r, bool relative)
{
	unsigned i = 0;

	for (unsigned k = 0; k < WATCHES_MAX; k++)
		if (watches[k].path && !strcmp(watches[k].path, r->path) &&
		    !strcmp(watches[k].token, r->rest)) {
			refuse(r, EEXIST);
			return;
		}
	while (i < WATCHES_MAX && watches[i].path)
		i++;
	if (i == WATCHES_MAX || r->rest_len > 256) {
		refuse(r, E2BIG);
		return;
	}
	watches[i].path = copy_of(r->path, strlen(r->path));
	watches[i].token = copy_of(r->rest, strlen(r->rest));
	watches[i].relative = relative;
	ok(r);
	fire_one(i, r->path);
}

static void forget_watch(unsigned i)
{
	free(watches[i].path);
	free(watches[i].token);
	watches[i].path = watches[i].token = NULL;
}

static void unwatch(struct request *r)
{
	for (unsigned i = 0; i < WATCHES_MAX; i++)
		if (watches[i].path && !strcmp(watches[i].path, r->path) &&
		    !strcmp(watches[i].token, r->rest)) {
			forget_watch(i);
			ok(r);
			return;
		}
	refuse(r, ENOENT);
}

static void begin(struct request *r)
{
	static uint32_t last;
	char id[16];

	for (unsigned i = 0; i < TRANSACTIONS_MAX; i++) {
		struct tree *t = &transactions[i];

		if (t->id)
			continue;
		copy_tree(t, &base);
		t->id = ++last ? last : ++last;
		t->generation = generation;
		reply(r, id, snprintf(id, sizeof(id), "%u", t->id) + 1);
		return;
	}
	refuse(r, ENOSPC);
}

static void end(struct request *r)
{
	struct tree *t = r->tree, old;

	if (!t->id) {
		refuse(r, ENOENT);
		return;
	}
	if (r->data[0] != 'T') {
		ok(r);
	} else if (t->generation != generation) {
		refuse(r, EAGAIN);
	} else {
		ok(r);
		old = base;
		base = *t;
		base.id = 0;
		base.changed = NULL;
		base.nchanged = 0;
		t->nodes = old.nodes;
		t->n = old.n;
		for (unsigned i = 0; i < t->nchanged; i++)
			note_change(&base, t->changed[i]);
	}
	free_tree(t);
}

static void reset_watches(struct request *r)
{
	for (unsigned i = 0; i < WATCHES_MAX; i++)
		if (watches[i].path)
			forget_watch(i);
	for (unsigned i = 0; i < TRANSACTIONS_MAX; i++)
		free_tree(&transactions[i]);
	ok(r);
}

static void domain_path(struct request *r)
{
	char path[64];

	reply(r, path,
	      snprintf(path, sizeof(path), "/local/domain/%ld",
		       strtol(r->data, NULL, 10)) +
		      1);
}

/* A request with a path. */
static void on_path(struct request *r)
{
	char absolute[XENSTORE_ABS_PATH_MAX + 64];
	size_t len = strlen(r->data);
	bool relative = r->data[0] != '/' && r->data[0] != '@';
	const struct node *n;

	if (!valid(r->data)) {
		refuse(r, EINVAL);
		return;
	}
	snprintf(absolute, sizeof(absolute), "%s%s", relative ? HOME "/" : "", r->data);
	r->path = absolute;
	r->rest = len < r->m.len ? r->data + len + 1 : r->data + len;
	r->rest_len = len < r->m.len ? r->m.len - len - 1 : 0;
	n = find(r->tree, r->path);
	switch (r->m.type) {
	case XS_READ:
		n ? reply(r, n->value, n->len) : refuse(r, ENOENT);
		return;
	case XS_GET_PERMS:
		n ? reply(r, n->perms, n->perms_len) : refuse(r, ENOENT);
		return;
	case XS_DIRECTORY:
		directory(r);
		return;
	case XS_DIRECTORY_PART:
		directory_part(r);
		return;
	case XS_WRITE:
	case XS_MKDIR:
		write_value(r);
		return;
	case XS_RM:
		remove_all(r);
		return;
	case XS_SET_PERMS:
		set_perms(r);
		return;
	case XS_WATCH:
		watch(r, relative);
		return;
	case XS_UNWATCH:
		unwatch(r);
		return;
	default:
		refuse(r, ENOSYS);
	}
}

static void serve(struct xsd_sockmsg m, char *data)
{
	struct request r = { .m = m, .data = data, .tree = &base };

	if (m.tx_id) {
		r.tree = NULL;
		for (unsigned i = 0; i < TRANSACTIONS_MAX; i++)
			if (transactions[i].id == m.tx_id)
				r.tree = &transactions[i];
	}
	if (!r.tree)
		refuse(&r, ENOENT);
	else if (m.type == XS_TRANSACTION_START)
		begin(&r);
	else if (m.type == XS_TRANSACTION_END)
		end(&r);
	else if (m.type == XS_RESET_WATCHES)
		reset_watches(&r);
	else if (m.type == XS_GET_DOMAIN_PATH)
		domain_path(&r);
	else
		on_path(&r);
}

/* ---- the ring */

static char request[HEADER + XENSTORE_PAYLOAD_MAX + 1];
static size_t received;

/* Takes up to n bytes of a request in all; returns whether they are there. */
static bool receive(size_t n)
{
	uint32_t cons = ring->req_cons,
		 prod = __atomic_load_n(&ring->req_prod, __ATOMIC_SEQ_CST);
	uint32_t before = cons;

	if (prod - cons > XENSTORE_RING_SIZE) {
		broken = true;
		return false;
	}
	while (received < n && cons != prod)
		request[received++] = ring->req[MASK_XENSTORE_IDX(cons++)];
	__atomic_store_n(&ring->req_cons, cons, __ATOMIC_SEQ_CST);
	if (cons != before)
		port_notify(XENSTORE_PORT);
	return received >= n;
}

void store_event(void *arg)
{
	struct xsd_sockmsg m;

	(void)arg;
	flush();
	for (int i = 0; !broken && queued < QUEUE_FULL && receive(HEADER); i++) {
		if (i == AT_ONCE) {
			port_again(XENSTORE_PORT);
			break;
		}
		memcpy(&m, request, HEADER);
		if (m.len > XENSTORE_PAYLOAD_MAX) {
			warn("the guest's connection to xenstore is broken");
			broken = true;
			break;
		}
		if (!receive(HEADER + m.len))
			break;
		request[HEADER + m.len] = 0;
		received = 0;
		serve(m, request + HEADER);
		flush();
	}
}

void store_init(void)
{
	static const char *const directories[] = { "data", "control", "device",
						   "drivers" };
	char path[64];

	make(&base, "/");
	for (size_t i = 0; i < sizeof(directories) / sizeof(directories[0]); i++) {
		snprintf(path, sizeof(path), HOME "/%s", directories[i]);
		make(&base, path);
	}
	store_set(HOME "/domid", "%d", GUEST_DOMID);
	store_set(HOME "/name", "%s", guest_name);
	store_set(HOME "/control/shutdown", "%s", "");
	store_set(HOME "/control/sysrq", "%s", "");
	ring = frame_page(domain.store_frame);
}

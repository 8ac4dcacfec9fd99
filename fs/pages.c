/* SPDX-License-Identifier: ISC */
/* A radix tree of 64 slots a node.  Pages that are idle are dropped by the cache. */
#include "fs/pages.h"

#include <assert.h>

#define BITS 6

size_t pages_dirty;

static unsigned slot_of(uint64_t index, unsigned level)
{
	return index >> BITS * level & (PAGES_FAN - 1);
}

/* Whether a tree of this height has such an index. */
static bool fits(unsigned height, uint64_t index)
{
	return BITS * height >= 64 || !(index >> BITS * height);
}

static void *find(struct pages *ps, uint64_t index)
{
	void *p = ps->root;

	if (!fits(ps->height, index))
		return NULL;
	for (unsigned level = ps->height; level-- && p;)
		p = ((struct pages_node *)p)->slots[slot_of(index, level)];
	return p;
}

static void hold(struct page *p)
{
	cache_busy(&p->cached);
	p->pins++;
}

struct page *pages_find(struct pages *ps, uint64_t index)
{
	struct page *p = find(ps, index);

	if (p)
		hold(p);
	return p;
}

static struct pages_node *node_alloc(void)
{
	return cache_alloc(sizeof(struct pages_node));
}

static void node_free(struct pages_node *n)
{
	cache_free(n, sizeof(*n));
}

/* Take an empty path away, and levels that only lead to index 0. */
static void shrink(struct pages *ps)
{
	while (ps->height) {
		struct pages_node *n = ps->root;

		if (n->used > (n->slots[0] ? 1 : 0))
			return;
		ps->root = n->slots[0];
		ps->root_dirty = n->dirty & 1;
		ps->height--;
		node_free(n);
	}
}

/* Free the nodes on the way to an index that have nothing in them. */
static void prune(struct pages *ps, uint64_t index)
{
	struct pages_node *path[12] = { NULL };
	void *p = ps->root;
	unsigned level = ps->height;

	if (!level)
		return;
	while (level && p) {
		path[--level] = p;
		p = path[level]->slots[slot_of(index, level)];
	}
	for (; level < ps->height && (!path[level] || !path[level]->used); level++) {
		if (level + 1 == ps->height) {
			node_free(path[level]);
			ps->root = NULL;
			ps->root_dirty = false;
			ps->height = 0;
			return;
		}
		if (path[level]) {
			node_free(path[level]);
			path[level + 1]->slots[slot_of(index, level + 1)] = NULL;
			path[level + 1]->used--;
		}
	}
	shrink(ps);
}

static void remove(struct pages *ps, uint64_t index)
{
	struct pages_node *n = ps->root;

	if (!ps->height) {
		ps->root = NULL;
		ps->root_dirty = false;
		return;
	}
	for (unsigned level = ps->height; --level;)
		n = n->slots[slot_of(index, level)];
	n->slots[slot_of(index, 0)] = NULL;
	n->used--;
	prune(ps, index);
}

static void mark(struct pages *ps, uint64_t index, bool dirty)
{
	struct pages_node *path[12];
	void *p = ps->root;

	if (!ps->height) {
		ps->root_dirty = dirty;
		return;
	}
	for (unsigned level = ps->height; level--;) {
		path[level] = p;
		p = path[level]->slots[slot_of(index, level)];
	}
	for (unsigned level = 0; level < ps->height; level++) {
		uint64_t bit = 1ull << slot_of(index, level);

		if (dirty)
			path[level]->dirty |= bit;
		else
			path[level]->dirty &= ~bit;
		if (!dirty && path[level]->dirty)
			return;
	}
}

void page_set_dirty(struct page *p, unsigned bits)
{
	if (!p->dirty != !bits && p->pages) {
		mark(p->pages, p->index, bits);
		p->pages->dirty += bits ? 1 : -1;
		pages_dirty += bits ? OS_PAGE : -OS_PAGE;
	}
	p->dirty = bits;
}

static void free_page(struct page *p)
{
	cache_page_free(p->page.data);
	cache_free(p, sizeof(*p));
}

void page_detach(struct page *p)
{
	if (!p->pages)
		return;
	page_set_dirty(p, 0);
	remove(p->pages, p->index);
	p->pages->count--;
	p->pages = NULL;
	if (!p->pins) {
		cache_busy(&p->cached);
		free_page(p);
	}
}

static void drop(struct cached *c)
{
	page_detach((struct page *)c);
}

/* The tree, which does not fit, becomes the first slot of a new root. */
static void grow(struct pages *ps, struct pages_node *n)
{
	n->slots[0] = ps->root;
	n->used = ps->root ? 1 : 0;
	if (ps->height ? ((struct pages_node *)ps->root)->dirty != 0 : ps->root_dirty)
		n->dirty = 1;
	ps->root = n;
	ps->root_dirty = false;
	ps->height++;
}

static bool insert(struct pages *ps, struct page *p)
{
	struct pages_node *spare = NULL, *parent;
	void **slot;

	/* Getting memory may drop idle pages of this very tree: then begin again. */
again:
	while (!fits(ps->height, p->index)) {
		if (!spare && !(spare = node_alloc()))
			return false;
		if (fits(ps->height, p->index))
			break;
		grow(ps, spare);
		spare = NULL;
	}
	slot = &ps->root;
	parent = NULL;
	for (unsigned level = ps->height; level--;) {
		if (!*slot) {
			if (!spare) {
				spare = node_alloc();
				if (!spare) {
					prune(ps, p->index);
					return false;
				}
				goto again;
			}
			*slot = spare;
			spare = NULL;
			if (parent)
				parent->used++;
		}
		parent = *slot;
		slot = &parent->slots[slot_of(p->index, level)];
	}
	*slot = p;
	if (parent)
		parent->used++;
	if (spare)
		node_free(spare);
	return true;
}

struct page *pages_get(struct pages *ps, uint64_t index)
{
	struct page *p = pages_find(ps, index);

	if (p)
		return p;
	p = cache_alloc(sizeof(*p));
	if (!p)
		return NULL;
	p->page.data = cache_page_alloc();
	p->cached.size = sizeof(*p) + OS_PAGE;
	p->cached.drop = drop;
	p->index = index;
	p->pins = 1;
	if (!p->page.data || !insert(ps, p)) {
		free_page(p);
		return NULL;
	}
	p->pages = ps;
	ps->count++;
	return p;
}

void page_put(struct page *p)
{
	if (!p)
		return;
	assert(p->pins);
	if (--p->pins)
		return;
	if (!p->pages)
		free_page(p);
	else if (!p->valid && !p->dirty)
		page_detach(p);
	else if (!p->dirty && !p->writing)
		cache_idle(&p->cached);
}

/* The first slot of a node from `from` on that counts; PAGES_FAN: none. */
static unsigned next_slot(const struct pages_node *n, unsigned from, bool dirty)
{
	for (unsigned i = from; i < PAGES_FAN; i++)
		if (dirty ? n->dirty >> i & 1 : n->slots[i] != NULL)
			return i;
	return PAGES_FAN;
}

static struct page *next(void *p, unsigned height, uint64_t index, bool dirty)
{
	struct pages_node *n = p;
	unsigned from, first;

	if (!height)
		return p;
	from = first = slot_of(index, height - 1);
	for (;;) {
		uint64_t below = from == first ? index : 0;
		struct page *found;

		from = next_slot(n, from, dirty);
		if (from == PAGES_FAN)
			return NULL;
		if (from != first)
			below = 0;
		found = next(n->slots[from], height - 1, below, dirty);
		if (found)
			return found;
		from++;
	}
}

struct page *pages_next(struct pages *ps, uint64_t index, bool dirty)
{
	struct page *p;

	if (!ps->root || !fits(ps->height, index) || (dirty && !ps->dirty))
		return NULL;
	p = next(ps->root, ps->height, index, dirty);
	if (p)
		hold(p);
	return p;
}

/* SPDX-License-Identifier: ISC */
/*
 * A flame graph (Brendan Gregg): each bar is a function.  Its width is the share of
 * samples in the function and in the functions that it called, whose bars are above it.
 * A click on a bar enlarges it to the whole width.  The frames in which a thread starts
 * are not drawn.  The script fits the graph to the window; without scripts it is shown
 * WIDTH wide.
 */
#include "profile.h"
#include "records.h"

#include <stdlib.h>
#include <string.h>

#define WIDTH 1200.0
#define HEIGHT 17			/* height of a bar */
#define MARGIN 10
#define HEAD 148			/* for the title, the summary, the legend, the search, details */
#define LETTER 7.3			/* width of a letter */
#define LETTERS_LEAST 6			/* fewer letters of a longer name are not shown */
#define LEAST 0.2			/* narrower bars are omitted */

#define XEN "#8fb4e8"
#define THREAD "#d3cdc3"
#define IDLE "#b9bec4"

static const char style[] =
	"svg { background: #fffdf8; } text { font: 12px ui-monospace, monospace; fill: #2a2621; }\n"
	"text.title { font: bold 17px system-ui, sans-serif; }\n"
	"text.plain, div { font: 13px system-ui, sans-serif; }\n"
	"g.bar { cursor: pointer; } g.bar text { pointer-events: none; fill: #201c18; }\n"
	"g.bar:hover rect { stroke: #2a2621; } g.hit rect { fill: #b07cf0; }\n"
	"g.below rect { opacity: 0.45; }\n"
	"div { display: flex; flex-wrap: wrap; gap: 4px 8px; align-items: baseline; color: #2a2621; }\n"
	"input { flex: 0 1 11em; min-width: 5em; } input::placeholder { color: inherit; opacity: 0.75; }\n"
	"span { flex: 1 0 100%; overflow: hidden; white-space: nowrap; text-overflow: ellipsis; }\n"
	"input, button { font: inherit; color: inherit; background: none; padding: 1px 6px;"
	" border: 1px solid #8b8378; border-radius: 4px; } button[hidden] { display: none; }\n"
	"@media (prefers-color-scheme: dark) {\n"
	"  svg { background: #171613; color-scheme: dark; } rect.ground { fill: #171613; }\n"
	"  text, div { fill: #ece6da; color: #ece6da; } g.bar rect { filter: brightness(0.85); }\n"
	"  g.bar:hover rect { stroke: #ece6da; }\n"
	"  g.below rect { opacity: 0.3; } g.below text { fill: #ece6da; }\n"
	"}\n";

/* Positions in the data are those of a graph that is WIDTH wide. */
static const char script[] =
	"var svg = document.documentElement, alone = svg.localName === 'svg', full = 1200, e = 0.001,\n"
	"  letter = 7.3, bars = Array.from(document.querySelectorAll('g.bar')),\n"
	"  head = document.querySelector('g.head'), search = document.querySelector('input'),\n"
	"  reset = document.querySelector('button'), says = document.querySelector('span'),\n"
	"  zoomed = null, found = '', view = { x: 0, w: full, l: 0 };\n"
	"svg = alone ? svg : head.parentNode;\n"
	"bars = bars.map(function (g) {\n"
	"  return { g: g, x: +g.dataset.x, w: +g.dataset.w, l: +g.dataset.l, name: g.dataset.n,\n"
	"    label: g.dataset.k + g.dataset.n, rect: g.querySelector('rect'), text: g.querySelector('text'),\n"
	"    title: g.querySelector('title').textContent };\n"
	"});\n"
	"function fit(b, x, w, y, h) {\n"
	"  var room = Math.floor((w - 4) / letter), l = b.label.length <= room ? b.label : b.name;\n"
	"  b.rect.setAttribute('x', 10 + x); b.rect.setAttribute('width', Math.max(w - 0.5, 0.1));\n"
	"  b.rect.setAttribute('y', y); b.rect.setAttribute('height', h - 1);\n"
	"  b.text.setAttribute('x', 13 + x); b.text.setAttribute('y', y + h / 2 + 3.5);\n"
	"  b.text.textContent = l.length <= room ? l : room > 6 ? l.slice(0, room - 1) + '\\u2026' : '';\n"
	"}\n"
	/* Bars are higher on a small screen, for fingers. */
	"function layout() {\n"
	"  var all = Math.max(alone ? svg.clientWidth - 20 : full, 200), h = all < 600 ? 23 : 17,\n"
	"    depth = Math.max.apply(null, [0].concat(bars.map(function (b) { return b.l + 1; }))),\n"
	"    height = 148 + depth * h + 10;\n"
	"  svg.setAttribute('width', all + 20); svg.setAttribute('height', height);\n"
	"  svg.setAttribute('viewBox', '0 0 ' + (all + 20) + ' ' + height);\n"
	"  document.querySelector('foreignObject').setAttribute('width', all);\n"
	"  bars.forEach(function (b) {\n"
	"    var inside = b.l >= view.l && b.x >= view.x - e && b.x + b.w <= view.x + view.w + e,\n"
	"      below = b.l < view.l && b.x <= view.x + e && b.x + b.w >= view.x + view.w - e,\n"
	"      y = height - 10 - (b.l + 1) * h;\n"
	"    b.g.style.display = inside || below ? '' : 'none';\n"
	"    b.g.classList.toggle('below', below);\n"
	"    if (below) fit(b, 0, all, y, h);\n"
	"    if (inside) fit(b, (b.x - view.x) * all / view.w, b.w * all / view.w, y, h);\n"
	"  });\n"
	"  reset.hidden = !zoomed;\n"
	"}\n"
	"function zoom(b) {\n"
	"  zoomed = b && b.w < full - e ? b : null; view = zoomed || { x: 0, w: full, l: 0 };\n"
	"  layout(); find();\n"
	"}\n"
	/* Bars are in the document before their callees: a hit in a hit is not counted twice. */
	"function find() {\n"
	"  var word = search.value.toLowerCase(), end = -1, sum = 0, seen = 0, hits = 0;\n"
	"  function share(n, of) { return (100 * n / of).toFixed(1) + ' % of '; }\n"
	"  bars.forEach(function (b) {\n"
	"    var hit = !!word && b.l > 1 && b.name.toLowerCase().indexOf(word) >= 0;\n"
	"    b.g.classList.toggle('hit', hit);\n"
	"    hits += hit;\n"
	"    if (!hit || b.x < end - e) return;\n"
	"    end = b.x + b.w; sum += b.w;\n"
	"    seen += Math.max(0, Math.min(end, view.x + view.w) - Math.max(b.x, view.x));\n"
	"  });\n"
	"  found = !word ? '' : !hits ? 'no function has this in its name' : 'in these functions: ' +\n"
	"    share(sum, full) + 'all' + (zoomed ? ', ' + share(seen, view.w) + 'this view' : '');\n"
	"  says.textContent = found;\n"
	"}\n"
	/* The head stays in view. */
	"function scrolled() { head.setAttribute('transform', 'translate(0 ' + window.scrollY + ')'); }\n"
	"bars.forEach(function (b) {\n"
	"  b.g.addEventListener('click', function () { zoom(b); says.textContent = b.title; });\n"
	"  b.g.addEventListener('mouseenter', function () { says.textContent = b.title; });\n"
	"  b.g.addEventListener('mouseleave', function () { says.textContent = found; });\n"
	"});\n"
	"search.addEventListener('input', find);\n"
	"reset.addEventListener('click', function () { zoom(null); });\n"
	"window.addEventListener('keydown', function (e) { if (e.key === 'Escape') zoom(null); });\n"
	"window.addEventListener('resize', layout);\n"
	"layout();\n"
	"if (alone) {\n"
	"  window.addEventListener('scroll', scrolled);\n"
	"  window.scrollTo(0, svg.getAttribute('height')); layout(); scrolled();\n"
	"}\n";

/* ---- the tree without the frames in which threads start */

static int starts_thread(const char *name)
{
	static const char *const names[] = { "thread_first", "thread_main", "main_thread" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (!strcmp(name, names[i]))
			return 1;
	return 0;
}

static void merge_callees(struct node *to, const struct node *from);

/* Adds a copy of a callee and of its callees; one of the same name becomes larger. */
static void merge(struct node *to, const struct node *callee)
{
	struct node **p = &to->callees, *n;

	while (*p && strcmp((*p)->name, callee->name) < 0)
		p = &(*p)->next;
	if (!*p || strcmp((*p)->name, callee->name)) {
		n = grow(NULL, sizeof(*n));
		*n = (struct node){ .name = callee->name, .next = *p };
		*p = n;
	}
	n = *p;
	n->self += callee->self;
	n->total += callee->total;
	merge_callees(n, callee);
}

static void merge_callees(struct node *to, const struct node *from)
{
	for (const struct node *c = from->callees; c; c = c->next)
		merge(to, c);
}

/* Adds what the thread `from` calls; a frame of its start is replaced by its callees. */
static void merge_thread(struct node *to, const struct node *from)
{
	for (const struct node *c = from->callees; c; c = c->next)
		if (starts_thread(c->name)) {
			to->self += c->self;
			merge_thread(to, c);
		} else {
			merge(to, c);
		}
}

static struct node without_starts(const struct node *root)
{
	struct node all = { .name = root->name, .self = root->self, .total = root->total };
	struct node **end = &all.callees;

	for (const struct node *t = root->callees; t; t = t->next, end = &(*end)->next) {
		*end = grow(NULL, sizeof(**end));
		**end = (struct node){ .name = t->name, .self = t->self, .total = t->total };
		merge_thread(*end, t);
	}
	return all;
}

static void free_callees(struct node *n)
{
	for (struct node *c = n->callees, *next; c; c = next) {
		next = c->next;
		free_callees(c);
		free(c);
	}
}

/* ---- drawing */

static int is_idle(const struct node *n, unsigned level)
{
	return level == 1 && !strcmp(n->name, "idle");
}

static unsigned depth_of(const struct node *n)
{
	unsigned deepest = 0;

	for (const struct node *c = n->callees; c; c = c->next) {
		unsigned d = depth_of(c);

		if (d > deepest)
			deepest = d;
	}
	return deepest + 1;
}

static void put_text(FILE *to, const char *s, size_t len)
{
	for (; *s && len; s++, len--) {
		const char *entity = *s == '<' ? "&lt;" : *s == '>' ? "&gt;" : *s == '&' ? "&amp;" :
				     *s == '"' ? "&quot;" : NULL;

		if (entity)
			fputs(entity, to);
		else
			fputc((unsigned char)*s < ' ' ? '?' : *s, to);
	}
}

/* Like the script's fit(): without its kind, or cut, if there is no room. */
static void put_label(FILE *to, const char *kind, const char *name, int room)
{
	int len = strnlen(name, 1000);

	if ((int)strlen(kind) + len <= room)
		fputs(kind, to);
	if (len <= room) {
		put_text(to, name, len);
	} else if (room > LETTERS_LEAST) {
		for (room--; (name[room] & 0xc0) == 0x80; room--)
			;		/* not in the middle of a character */
		put_text(to, name, room);
		fputs("\xe2\x80\xa6", to);
	}
}

/* A function has the same colour in every graph. */
static void put_colour(FILE *to, const struct node *n, unsigned level)
{
	unsigned hash = 2166136261u;	/* FNV-1a */

	if (level < 2 || !strncmp(n->name, "[Xen", 4)) {
		fputs(is_idle(n, level) ? IDLE : level < 2 ? THREAD : XEN, to);
		return;
	}
	for (const char *s = n->name; *s; s++)
		hash = (hash ^ (unsigned char)*s) * 16777619;
	hash ^= hash >> 15;
	fprintf(to, "#%02x%02x%02x", 215 + hash % 41, 110 + (hash >> 8) % 110,
		60 + (hash >> 16) % 50);
}

static void draw(FILE *to, const struct node *n, double x, double scale, unsigned level,
		 unsigned height, unsigned long all)
{
	double w = n->total * scale;
	unsigned y = height - MARGIN - (level + 1) * HEIGHT;
	const char *kind = level != 1 ? "" : is_idle(n, level) ? "CPU " : "thread ";

	if (w < LEAST)
		return;
	fprintf(to, "<g class=\"bar\" data-x=\"%.3f\" data-w=\"%.3f\" data-l=\"%u\" data-k=\"%s\""
		" data-n=\"", x, w, level, kind);
	put_text(to, n->name, SIZE_MAX);
	fprintf(to, "\"><title>%.2f %% (itself %.2f %%) %s", 100.0 * n->total / all,
		100.0 * n->self / all, kind);
	put_text(to, n->name, SIZE_MAX);
	fprintf(to, ", %lu samples</title><rect x=\"%.2f\" y=\"%u\" width=\"%.2f\" height=\"%d\""
		" fill=\"", n->total, MARGIN + x, y, w > 0.6 ? w - 0.5 : 0.1, HEIGHT - 1);
	put_colour(to, n, level);
	fprintf(to, "\"/><text x=\"%.2f\" y=\"%u\">", MARGIN + x + 3, y + 12);
	put_label(to, kind, n->name, (w - 4) / LETTER);
	fputs("</text></g>\n", to);
	for (const struct node *c = n->callees; c; c = c->next) {
		draw(to, c, x, scale, level + 1, height, all);
		x += c->total * scale;
	}
}

static void put_legend(FILE *to, unsigned y)
{
	static const struct {
		const char *colour, *text;
		int width;
	} legend[] = {
		{ THREAD, "thread", 72 }, { "#f0a050", "function", 84 }, { XEN, "call of Xen", 0 },
	};
	int x = MARGIN;

	for (size_t i = 0; i < sizeof(legend) / sizeof(legend[0]); i++) {
		fprintf(to, "<rect x=\"%d\" y=\"%u\" width=\"11\" height=\"11\" rx=\"2\""
			" fill=\"%s\"/><text class=\"plain\" x=\"%d\" y=\"%u\">%s</text>\n", x, y - 10,
			legend[i].colour, x + 16, y, legend[i].text);
		x += legend[i].width;
	}
}

static void put_head(FILE *to, const struct node *root, const char *title, const char *summary)
{
	const char *cpu = "of the busy CPU";

	for (const struct node *t = root->callees; t; t = t->next)
		if (is_idle(t, 1))
			cpu = "of the busy and the idle CPU";
	fprintf(to, "<g class=\"head\"><rect class=\"ground\" width=\"100%%\" height=\"%d\""
		" fill=\"#fffdf8\"/>\n<text class=\"title\" x=\"%d\" y=\"25\">", HEAD - 4, MARGIN);
	put_text(to, title, SIZE_MAX);
	fprintf(to, "</text>\n<text class=\"plain\" x=\"%d\" y=\"45\">", MARGIN);
	put_text(to, summary, SIZE_MAX);
	fprintf(to, "</text>\n<text class=\"plain\" x=\"%d\" y=\"63\">100 %% = %lu samples %s</text>\n",
		MARGIN, root->total, cpu);
	put_legend(to, 81);
	fprintf(to, "<foreignObject x=\"%d\" y=\"92\" width=\"%d\" height=\"50\">"
		"<div xmlns=\"http://www.w3.org/1999/xhtml\"><input type=\"search\""
		" placeholder=\"search functions\" aria-label=\"search functions\"/><button hidden=\"\">"
		"whole graph</button><span></span></div></foreignObject></g>\n", MARGIN, (int)WIDTH);
}

void flame_draw(FILE *to, const struct node *root, const char *title, const char *summary)
{
	struct node all = without_starts(root);
	unsigned height = HEAD + depth_of(&all) * HEIGHT + MARGIN;
	int width = WIDTH + 2 * MARGIN;

	fprintf(to, "<?xml version=\"1.0\"?>\n<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\""
		" height=\"%u\" viewBox=\"0 0 %d %u\">\n<title>", width, height, width, height);
	put_text(to, title, SIZE_MAX);
	fprintf(to, "</title>\n<style>%s</style>\n"
		"<rect class=\"ground\" width=\"100%%\" height=\"100%%\" fill=\"#fffdf8\"/>\n", style);
	if (all.total)
		draw(to, &all, 0, WIDTH / all.total, 0, height, all.total);
	put_head(to, &all, title, summary);
	fprintf(to, "<script><![CDATA[\n%s]]></script>\n</svg>\n", script);
	free_callees(&all);
}

/* SPDX-License-Identifier: ISC */
/*
 * A flame graph (Brendan Gregg): each bar is a function.  Its width is the share of
 * samples in the function and in the functions that it called, whose bars are above it.
 * A click on a bar enlarges it to the whole width; a click on the lowest bar resets the
 * view.  Without scripts the graph is still shown.
 */
#include "profile.h"

#include <string.h>

#define WIDTH 1200.0
#define HEIGHT 17			/* height of a bar */
#define MARGIN 10
#define HEAD 40				/* for the title */
#define LETTER 7.0			/* width of a letter */
#define LEAST 0.2			/* narrower bars are omitted */

static const char script[] =
	"var bars = document.querySelectorAll('g.bar'), letter = 7, all = 1200;\n"
	"function fit(g, x, w) {\n"
	"  var r = g.querySelector('rect'), t = g.querySelector('text'), name = g.dataset.n,\n"
	"    room = Math.floor((w - 4) / letter);\n"
	"  r.setAttribute('x', 10 + x); r.setAttribute('width', Math.max(w - 0.5, 0.1));\n"
	"  t.setAttribute('x', 13 + x);\n"
	"  t.textContent = room < 3 ? '' : name.length <= room ? name : name.slice(0, room - 2) + '..';\n"
	"}\n"
	"bars.forEach(function (g) { g.addEventListener('click', function () {\n"
	"  var x0 = +g.dataset.x, w0 = +g.dataset.w;\n"
	"  bars.forEach(function (b) {\n"
	"    var x = +b.dataset.x, w = +b.dataset.w, e = 0.001,\n"
	"      inside = x >= x0 - e && x + w <= x0 + w0 + e && +b.dataset.l >= +g.dataset.l,\n"
	"      below = +b.dataset.l < +g.dataset.l && x <= x0 + e && x + w >= x0 + w0 - e;\n"
	"    b.style.display = inside || below ? '' : 'none';\n"
	"    b.style.opacity = below ? 0.5 : 1;\n"
	"    if (below) fit(b, 0, all);\n"
	"    if (inside) fit(b, (x - x0) * all / w0, w * all / w0);\n"
	"  });\n"
	"}); });\n";

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

/* A function has the same colour in every graph; Xen is blue, the idle CPU is grey. */
static void put_colour(FILE *to, const char *name)
{
	unsigned hash = 2166136261u;	/* FNV-1a */

	if (!strncmp(name, "[Xen", 4)) {
		fputs("#8fb4e8", to);
		return;
	}
	if (!strcmp(name, "idle")) {
		fputs("#c8c8c8", to);
		return;
	}
	for (; *name; name++)
		hash = (hash ^ (unsigned char)*name) * 16777619;
	hash ^= hash >> 15;
	fprintf(to, "#%02x%02x%02x", 215 + hash % 41, 110 + (hash >> 8) % 110,
		60 + (hash >> 16) % 50);
}

static void draw(FILE *to, const struct node *n, double x, double scale, unsigned level,
		 unsigned height, unsigned long all)
{
	double w = n->total * scale;
	unsigned y = height - MARGIN - (level + 1) * HEIGHT;
	int room = (w - 4) / LETTER;
	size_t len = strlen(n->name);

	if (w < LEAST)
		return;
	fprintf(to, "<g class=\"bar\" data-x=\"%.3f\" data-w=\"%.3f\" data-l=\"%u\" data-n=\"", x, w,
		level);
	put_text(to, n->name, len);
	fputs("\"><title>", to);
	put_text(to, n->name, len);
	fprintf(to, " (%lu samples, %.2f %%, itself %.2f %%)</title>", n->total,
		100.0 * n->total / all, 100.0 * n->self / all);
	fprintf(to, "<rect x=\"%.2f\" y=\"%u\" width=\"%.2f\" height=\"%d\" fill=\"", MARGIN + x, y,
		w > 0.6 ? w - 0.5 : 0.1, HEIGHT - 1);
	put_colour(to, n->name);
	fprintf(to, "\"/><text x=\"%.2f\" y=\"%u\">", MARGIN + x + 3, y + 12);
	if (room >= 3 && len <= (size_t)room)
		put_text(to, n->name, len);
	else if (room >= 3) {
		put_text(to, n->name, room - 2);
		fputs("..", to);
	}
	fputs("</text></g>\n", to);
	for (const struct node *c = n->callees; c; c = c->next) {
		draw(to, c, x, scale, level + 1, height, all);
		x += c->total * scale;
	}
}

void flame_draw(FILE *to, const struct node *root, const char *title)
{
	unsigned height = HEAD + depth_of(root) * HEIGHT + MARGIN;

	fprintf(to, "<?xml version=\"1.0\"?>\n<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\""
		" height=\"%u\" viewBox=\"0 0 %d %u\">\n<style>text { font: 12px monospace; }"
		" g.bar { cursor: pointer; } g.bar:hover rect { stroke: black; }</style>\n"
		"<rect width=\"100%%\" height=\"100%%\" fill=\"#fffdf8\"/>\n"
		"<text x=\"%d\" y=\"24\">", (int)WIDTH + 2 * MARGIN, height,
		(int)WIDTH + 2 * MARGIN, height, MARGIN);
	put_text(to, title, strlen(title));
	fputs("</text>\n", to);
	if (root->total)
		draw(to, root, 0, WIDTH / root->total, 0, height, root->total);
	fprintf(to, "<script><![CDATA[\n%s]]></script>\n</svg>\n", script);
}

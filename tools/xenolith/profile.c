/* SPDX-License-Identifier: ISC */
#include "domain.h"
#include "profile.h"
#include "records.h"
#include "xenolith.h"

#include <errno.h>
#include <search.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define PROFILE INTERFACES "profile1."
#define HEAD 6				/* words of a sample before its addresses */
#define DEPTH 64
#define IDLE UINT32_MAX
#define SECONDS_MAX 3600

struct options {
	int seconds, hz, idle;
	const char *flame, *perf, *folded;	/* files; "-": standard output */
};

/* ---- names */

static struct symbol {
	uint32_t start;
	char *name;
} *symbols;
static size_t symbols_count;

static int by_start(const void *a, const void *b)
{
	const struct symbol *x = a, *y = b;

	return x->start < y->start ? -1 : x->start > y->start;
}

static void get_symbols(void)
{
	json_t *all = ask_for_list(PROFILE "Symbols", "symbols"), *s;
	size_t i;

	symbols = grow(symbols, (json_array_size(all) + 1) * sizeof(*symbols));
	json_array_foreach(all, i, s)
		symbols[symbols_count++] = (struct symbol){ number(s, "address"),
							    copy(text(s, "name")) };
	json_decref(all);
	qsort(symbols, symbols_count, sizeof(*symbols), by_start);
}

static const struct symbol *symbol_at(uint32_t pc)
{
	size_t low = 0, high = symbols_count;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (symbols[middle].start <= pc)
			low = middle + 1;
		else
			high = middle;
	}
	return low && *symbols[low - 1].name ? &symbols[low - 1] : NULL;
}

/*
 * An address outside the image is in the hypercall page: 32 bytes for each number
 * (xen/xen.h).
 */
static const char *hypercall_at(uint32_t pc)
{
	static const char *const names[128] = {
		[1] = "mmu_update", [12] = "memory_op", [13] = "multicall",
		[14] = "update_va_mapping", [15] = "set_timer_op", [17] = "xen_version",
		[18] = "console_io", [20] = "grant_table_op", [23] = "iret", [24] = "vcpu_op",
		[25] = "set_segment_base", [26] = "mmuext_op", [29] = "sched_op",
		[32] = "event_channel_op", [33] = "physdev_op", [34] = "hvm_op",
	};
	static char *made[128];
	unsigned nr = (pc & 4095) / 32;
	char name[48];

	if (!made[nr]) {
		snprintf(name, sizeof(name), "[Xen: %s]", names[nr] ? names[nr] : "hypercall");
		made[nr] = copy(name);
	}
	return made[nr];
}

static const char *name_at(uint32_t pc)
{
	const struct symbol *s = symbol_at(pc);

	return s ? s->name : hypercall_at(pc);
}

/* ---- samples */

static const char *sampled(uint32_t thread)
{
	return thread == IDLE ? "idle" : thread_name(thread);
}

struct sample {
	uint64_t us;
	uint32_t thread;
	unsigned n;
	uint32_t pc[DEPTH + 1];		/* innermost first */
};

/*
 * Whether this is a frame of the profiler itself: upcalls were masked, the
 * sample is late.
 */
static int is_ours(const char *name)
{
	static const char *const ours[] = {
		"sample", "tick", "handle_event", "timer_dispatch", "timer_defer", "dispatch"
	};

	for (size_t i = 0; i < sizeof(ours) / sizeof(ours[0]); i++)
		if (!strcmp(name, ours[i]))
			return 1;
	return 0;
}

/*
 * Returns an address inside the function: a return address may be the first byte
 * after it.
 */
static uint32_t inside(const struct sample *s, unsigned i)
{
	return s->pc[i] - (i > 0);
}

static void strip(struct sample *s)
{
	unsigned i = 0;

	if (s->n > 1 && !strcmp(name_at(s->pc[0]), "sample"))
		i = 1;
	else if (s->n < 2 || strcmp(name_at(s->pc[0]), "tick"))
		return;
	while (i < s->n - 1 && is_ours(name_at(inside(s, i))))
		i++;
	s->n -= i;
	memmove(s->pc, s->pc + i, s->n * sizeof(s->pc[0]));
}

/* Whether pc is in the function that begins at `to`, or in this hypercall of the page. */
static int calls(uint32_t to, uint32_t pc)
{
	const struct symbol *s = symbol_at(to);

	if (!to || symbol_at(pc) != s)
		return 0;
	return s ? s->start == to : to / 32 == pc / 32;
}

/*
 * Reads the sample at records[*at] and advances *at.  Returns 0 if there is no
 * valid sample.
 */
static int next_sample(size_t *at, struct sample *s)
{
	const uint32_t *w = records ? records + *at : NULL;

	if (*at + HEAD > records_count || w[0] < HEAD || w[0] > HEAD + DEPTH ||
	    *at + w[0] > records_count)
		return 0;
	*at += w[0];
	s->us = w[2] | (uint64_t)w[3] << 32;
	s->thread = w[1];
	s->n = 0;
	for (uint32_t i = 0; i < w[0] - HEAD; i++) {
		s->pc[s->n++] = w[HEAD + i];
		if (i == 0 && calls(w[5], w[HEAD]))
			s->pc[s->n++] = w[4];
	}
	strip(s);
	return 1;
}

/* ---- the tree of calls */

static struct node *callee(struct node *of, const char *name)
{
	struct node **p = &of->callees, *new;

	while (*p && strcmp((*p)->name, name) < 0)
		p = &(*p)->next;
	if (*p && !strcmp((*p)->name, name))
		return *p;
	new = grow(NULL, sizeof(*new));
	*new = (struct node){ .name = name, .next = *p };
	return *p = new;
}

static void add(struct node *root, const struct sample *s)
{
	struct node *n = callee(root, sampled(s->thread));

	root->total++;
	n->total++;
	for (unsigned i = s->n; i-- > 0; ) {
		n = callee(n, name_at(inside(s, i)));
		n->total++;
	}
	n->self++;
}

/* ---- output */

static void print_folded(FILE *to, const struct node *n, char *stack, size_t len)
{
	for (const struct node *c = n->callees; c; c = c->next) {
		size_t l = snprintf(stack + len, 16384 - len, "%s%s", len ? ";" : "", c->name);

		if (len + l >= 16384)
			continue;
		if (c->self)
			fprintf(to, "%s %lu\n", stack, c->self);
		print_folded(to, c, stack, len + l);
	}
}

/* Prints the samples in the format of `perf script`. */
static void print_perf(FILE *to, int idle)
{
	struct sample s;

	for (size_t at = 0; next_sample(&at, &s); ) {
		if (s.thread == IDLE && !idle)
			continue;
		fprintf(to, "%s %u %llu.%06llu: 1 cpu-clock: \n", sampled(s.thread), s.thread,
			(unsigned long long)s.us / 1000000, (unsigned long long)s.us % 1000000);
		for (unsigned i = 0; i < s.n; i++) {
			const struct symbol *f = symbol_at(inside(&s, i));

			fprintf(to, "\t%16x %s+0x%x (%s)\n", s.pc[i], name_at(inside(&s, i)),
				f ? s.pc[i] - f->start : s.pc[i] % 32, f ? "image" : "Xen");
		}
		fputc('\n', to);
	}
}

struct line {
	const char *name;
	unsigned long self, total;
	int within;			/* depth of recursion: a recursive call counts once */
};

struct named_line {			/* element of the search tree in line_of() */
	const char *name;
	size_t line;
};

static struct line *lines;
static size_t lines_count;

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct named_line *)a)->name, ((const struct named_line *)b)->name);
}

static size_t line_of(const char *name)
{
	static void *tree;
	struct named_line *e = grow(NULL, sizeof(*e)), **found;

	*e = (struct named_line){ name, lines_count };
	found = tsearch(e, &tree, by_name);
	if (!found)
		die(FAILED, "out of memory");
	if (*found != e) {
		free(e);
		return (*found)->line;
	}
	lines = grow(lines, (lines_count + 1) * sizeof(*lines));
	lines[lines_count++] = (struct line){ .name = name };
	return e->line;
}

static void sum(const struct node *n)
{
	for (const struct node *c = n->callees; c; c = c->next) {
		size_t i = line_of(c->name);

		lines[i].self += c->self;
		lines[i].total += lines[i].within ? 0 : c->total;
		lines[i].within++;
		sum(c);
		lines[i].within--;
	}
}

static int by_self(const void *a, const void *b)
{
	const struct line *x = a, *y = b;

	if (x->self != y->self)
		return x->self > y->self ? -1 : 1;
	return x->total > y->total ? -1 : x->total < y->total;
}

static void print_lines(const struct node *root)
{
	for (const struct node *thread = root->callees; thread; thread = thread->next)
		sum(thread);
	if (lines_count)		/* otherwise lines is NULL */
		qsort(lines, lines_count, sizeof(*lines), by_self);
	printf("%7s %7s  %s\n", "SELF %", "ALL %", "FUNCTION");
	for (size_t i = 0; i < lines_count && i < 40 && root->total; i++)
		printf("%7.2f %7.2f  %s\n", 100.0 * lines[i].self / root->total,
		       100.0 * lines[i].total / root->total, lines[i].name);
}

static void print_functions(const struct node *root, const char *summary)
{
	json_t *list = json_array(), *all;

	for (const struct node *thread = root->callees; thread; thread = thread->next)
		sum(thread);
	if (lines_count)		/* otherwise lines is NULL */
		qsort(lines, lines_count, sizeof(*lines), by_self);
	for (size_t i = 0; i < lines_count; i++)
		json_array_append_new(list, json_pack("{s:s,s:I,s:I}", "function", lines[i].name,
			"self", (json_int_t)lines[i].self, "all", (json_int_t)lines[i].total));
	all = json_pack("{s:s,s:I,s:I,s:o}", "summary", summary, "samples",
			(json_int_t)root->total, "lost", records_lost, "functions", list);
	print_json(all, 1);
	json_decref(all);
}

static FILE *out(const char *name)
{
	FILE *f = strcmp(name, "-") ? fopen(name, "w") : stdout;

	if (!f)
		die(FAILED, "%s: %s", name, strerror(errno));
	return f;
}

static void done(FILE *f, const char *name)
{
	if (fflush(f) || ferror(f) || (f != stdout && fclose(f)))
		die(FAILED, "%s: %s", name, strerror(errno));
}

static void draw(const struct options *o, const struct words *w)
{
	static char stack[16384];
	struct node root = { .name = "all" };
	unsigned long all = 0, idle = 0;
	struct sample s;
	char summary[160], title[100];
	FILE *f;

	for (size_t at = 0; next_sample(&at, &s); all++) {
		if (all > 2ul * o->seconds * o->hz + 1000)
			die(FAILED, "the guest sent more samples than requested");
		idle += s.thread == IDLE;
		if (s.thread != IDLE || o->idle)
			add(&root, &s);
	}
	snprintf(summary, sizeof(summary), "domain %d: %lu samples in %d s, %.1f %% idle, %"
		 JSON_INTEGER_FORMAT " lost", w->domid, all, o->seconds, all ? 100.0 * idle / all : 0,
		 records_lost);
	if (o->flame) {
		char *name = store_read("/local/domain/%d/name", w->domid);

		if (name)
			snprintf(title, sizeof(title), "%s", name);
		else
			snprintf(title, sizeof(title), "domain %d", w->domid);
		free(name);
		flame_draw(f = out(o->flame), &root, title, summary);
		done(f, o->flame);
	}
	if (o->perf) {
		print_perf(f = out(o->perf), o->idle);
		done(f, o->perf);
	}
	if (o->folded) {
		print_folded(f = out(o->folded), &root, stack, 0);
		done(f, o->folded);
	}
	if (as_json) {
		print_functions(&root, summary);
		return;
	}
	fprintf(o->perf || o->folded || (o->flame && !strcmp(o->flame, "-")) ? stderr : stdout,
		"%s\n", summary);
	if (!o->flame && !o->perf && !o->folded)
		print_lines(&root);
}

/* ---- the command line */

static const char usage[] = "usage: xenolith profile DOMAIN [--seconds N] [--hz N]"
	" [--flame FILE.svg]"
	" [--perf[=FILE]] [--folded[=FILE]] [--idle]";

static int count(const char *value, int max)
{
	char *end;
	long n = value ? strtol(value, &end, 10) : 0;

	if (!value || *end || n < 1 || n > max)
		die(USAGE, "%s is not a number from 1 to %d; %s", value ? value : "(nothing)", max,
		    usage);
	return n;
}

static struct options parse(int argc, char **argv)
{
	struct options o = { .seconds = 10, .hz = 1000 };

	for (int i = 0; i < argc; i++) {
		const char *equals = strchr(argv[i], '=');
		size_t len = equals ? (size_t)(equals - argv[i]) : strlen(argv[i]);
		const char *value = equals ? equals + 1 : NULL;

#define IS(word) (len == strlen(word) && !strncmp(argv[i], word, len))
		if (IS("--perf"))
			o.perf = value ? value : "-";
		else if (IS("--folded"))
			o.folded = value ? value : "-";
		else if (IS("--idle") && !value)
			o.idle = 1;
		else if (!value && i + 1 == argc)
			die(USAGE, "%s", usage);
		else if (IS("--seconds"))
			o.seconds = count(value ? value : argv[++i], SECONDS_MAX);
		else if (IS("--hz"))
			o.hz = count(value ? value : argv[++i], 10000);
		else if (IS("--flame"))
			o.flame = value ? value : argv[++i];
		else
			die(USAGE, "%s", usage);
#undef IS
	}
	return o;
}

void profile(const struct words *w)
{
	struct options o = parse(w->argc, w->argv);

	get_symbols();
	get_threads();
	get_records(PROFILE "Sample", json_pack("{s:i,s:I}", "hz", o.hz, "ms",
						(json_int_t)o.seconds * 1000), o.seconds);
	get_threads();
	draw(&o, w);
}

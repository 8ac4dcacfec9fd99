/* SPDX-License-Identifier: ISC */
#include "kernel/arch.h"
#include "kernel/clock.h"
#include "kernel/log.h"
#include "kernel/param.h"
#include "kernel/sched.h"
#include "kernel/symbols.h"

#include <errno.h>
#include <string.h>

#define MINUTE (60 * NSEC_PER_SEC)

enum log_level log_level = LOG_INFO;
struct log_module log_modules[LOG_MODULES];
const char *const log_level_names[] = { "error", "warning", "info", "debug" };
bool panicking;

static void to_xen(const char *text, size_t len, bool urgent)
{
	(void)urgent;
	xen_console_write(text, len);
}

static void __attribute__((noreturn)) crash(void)
{
	for (;;)
		xen_sched_shutdown(SHUTDOWN_crash);
}

void (*log_sink)(const char *text, size_t len, bool urgent) = to_xen;
void (*panic_end)(void) __attribute__((noreturn)) = crash;

static char ring[LOG_RING];
static uint64_t said;			/* bytes since boot */

static void keep(const char *text, size_t len)
{
	while (len--)
		ring[said++ % LOG_RING] = *text++;
}

size_t log_read(uint64_t *at, char *to, size_t size)
{
	size_t n = 0;

	if (said - *at > LOG_RING)
		*at = said - LOG_RING;
	while (n < size && *at < said)
		to[n++] = ring[(*at)++ % LOG_RING];
	return n;
}

static void emit(const char *line, size_t len, bool show)
{
	keep(line, len);
	if (show)
		log_sink(line, len, panicking);
}

/*
 * A line may contain text of a peer, a backend or a user.  Its control characters, C0,
 * DEL and C1, must not reach the reader's terminal; which bytes from 0x80 on are C1
 * depends on the terminal's encoding.  So all bytes that are not printable ASCII become
 * \xNN, except newlines if they are the caller's.  Returns the length in `to`, which ends
 * with a NUL.
 */
static size_t escape(char *to, size_t size, const char *from, bool newlines)
{
	size_t n = 0;

	for (; *from && n + sizeof("\\xNN") <= size; from++) {
		if ((*from >= ' ' && *from < 0x7f) || (*from == '\n' && newlines))
			to[n++] = *from;
		else
			n += format(to + n, size - n, "\\x%02x", (unsigned char)*from);
	}
	to[n] = '\0';
	return n;
}

/* ---- levels */

int log_level_of(const char *text)
{
	for (int i = 0; i <= LOG_DEBUG; i++)
		if (!strcmp(text, log_level_names[i]) || (text[0] == '0' + i && !text[1]))
			return i;
	return -EINVAL;
}

int log_set_module(const char *name, enum log_level level)
{
	struct log_module *m = log_modules;

	if (!*name || strlen(name) >= sizeof(m->name))
		return -EINVAL;
	while (m < log_modules + LOG_MODULES && *m->name && strcmp(m->name, name))
		m++;
	if (m == log_modules + LOG_MODULES)
		return -ENOSPC;
	strcpy(m->name, name);
	m->level = level;
	return 0;
}

/* Parses LEVEL or MODULE=LEVEL. */
static int set_one(char *word)
{
	char *equals = strchr(word, '=');
	int level = log_level_of(equals ? equals + 1 : word);

	if (level < 0)
		return level;
	if (!equals) {
		log_level = level;
		return 0;
	}
	*equals = '\0';
	return log_set_module(word, level);
}

/* Sets all of it, or nothing. */
static int set_levels(const char *text)
{
	enum log_level was = log_level;
	struct log_module before[LOG_MODULES];
	char word[48];
	int rc = 0;

	memcpy(before, log_modules, sizeof(before));
	memset(log_modules, 0, sizeof(log_modules));
	log_level = LOG_INFO;
	while (!rc && *text) {
		size_t n = strcspn(text, ",");

		if (n >= sizeof(word))
			rc = -EINVAL;
		if (rc)
			break;
		memcpy(word, text, n);
		word[n] = '\0';
		rc = set_one(word);
		text += n + (text[n] == ',');
	}
	if (rc) {
		log_level = was;
		memcpy(log_modules, before, sizeof(before));
	}
	return rc ? -EINVAL : 0;
}

static const char *wrong_levels(const char *text)
{
	return set_levels(text) ? "levels are error, warning, info, debug or 0 to 3; then "
				  "MODULE=LEVEL, separated by commas" : NULL;
}
PARAM_CHECKED(loglevel, "loglevel=LEVEL[,MODULE=LEVEL]...", wrong_levels);

void log_init(void)
{
	static struct setting setting = { .key = "loglevel", .set = set_levels, .initial = "info" };
	const char *text = param("loglevel");

	param_setting(&setting);
	if (text)
		set_levels(text);	/* param_check() reports an error */
}

/* The level of lines that begin like this: that of the longest matching module. */
static enum log_level limit(const char *line)
{
	enum log_level level = log_level;
	size_t longest = 0;

	for (const struct log_module *m = log_modules;
	     m < log_modules + LOG_MODULES && *m->name; m++) {
		size_t n = format_length(m->name);

		if (n > longest && !strncmp(line, m->name, n) &&
		    (line[n] == ':' || line[n] == '/' || (line[n] >= '0' && line[n] <= '9'))) {
			longest = n;
			level = m->level;
		}
	}
	return level;
}

static void write_line(enum log_level level, uint64_t now, unsigned left_out, const char *fmt,
		va_list args)
{
	static const char *const names[] = { "error: ", "warning: ", "", "" };
	char text[256], line[256];
	size_t len;
	int end, start;

	start = end = format(text, sizeof(text), "[%5u.%06u] %s", (unsigned)(now / NSEC_PER_SEC),
			     (unsigned)(now % NSEC_PER_SEC / 1000), names[level]);
	end += vformat(text + end, sizeof(text) - end, fmt, args);
	if (left_out && (size_t)end < sizeof(text))
		format(text + end, sizeof(text) - end, " (%u lines left out)", left_out);
	len = escape(line, sizeof(line) - 1, text, false);
	line[len++] = '\n';
	emit(line, len, level <= limit(text + start));
}

void log_at(enum log_level level, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	write_line(level, clock_now(), 0, fmt, args);
	va_end(args);
}

void log_some(struct log_some *some, enum log_level level, const char *fmt, ...)
{
	uint64_t now = clock_now();
	va_list args;

	if (now >= some->minute_ends) {
		some->minute_ends = now + MINUTE;
		some->logged = 0;
	}
	if (some->logged == LOG_SOME) {
		some->left_out++;
		return;
	}
	some->logged++;
	va_start(args, fmt);
	write_line(level, now, some->left_out, fmt, args);
	va_end(args);
	some->left_out = 0;
}

void log_unwritten(void)
{
	static bool done;
	const char *text;
	size_t len = !done && stdio_unwritten ? stdio_unwritten(&text) : 0;

	done = true;
	if (len) {
		log_sink(text, len, true);
		log_sink("\n", 1, true);
	}
}

void print(const char *fmt, ...)
{
	char text[256], line[256];
	va_list args;

	va_start(args, fmt);
	vformat(text, sizeof(text), fmt, args);
	va_end(args);
	emit(line, escape(line, sizeof(line), text, true), true);
}

static void print_address(unsigned long pc, unsigned long within)
{
	uintptr_t start;
	const char *name = symbol_lookup(within, &start);

	if (name)
		print("    %016lx %s+0x%lx\n", pc, name, pc - start);
	else
		print("    %016lx\n", pc);
}

void print_pc(unsigned long pc)
{
	print_address(pc, pc);
}

void print_caller(uintptr_t pc)
{
	print_address(pc, pc - 1);
}

void print_backtrace(void)
{
	print("  backtrace:\n");
	arch_backtrace(print_caller);
}

static _Noreturn void end(const char *fmt, va_list args, bool where)
{
	char why[160];

	if (panicking)
		panic_end();
	log_unwritten();
	panicking = true;
	vformat(why, sizeof(why), fmt, args);
	print("panic: %s, in thread %s\n", why, current->name);
	if (where)
		print_backtrace();
	if (heap_report)
		heap_report();
	panic_end();
}

_Noreturn void panic(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	end(fmt, args, true);
}

_Noreturn void panic_reported(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	end(fmt, args, false);
}

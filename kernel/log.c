/* SPDX-License-Identifier: ISC */
#include "kernel/arch.h"
#include "kernel/clock.h"
#include "kernel/log.h"
#include "kernel/sched.h"
#include "kernel/symbols.h"

enum log_level log_level = LOG_INFO;
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

static void emit(char *line, size_t size, int len, bool show)
{
	if ((size_t)len >= size)
		len = size - 1;
	keep(line, len);
	if (show)
		log_sink(line, len, panicking);
}

void log_at(enum log_level level, const char *fmt, ...)
{
	static const char *const names[] = { "error: ", "warning: ", "", "" };
	uint64_t now = clock_now();
	char line[256];
	va_list args;
	int len;

	len = format(line, sizeof(line) - 1, "[%5u.%06u] %s", (unsigned)(now / NSEC_PER_SEC),
		     (unsigned)(now % NSEC_PER_SEC / 1000), names[level]);
	va_start(args, fmt);
	len += vformat(line + len, sizeof(line) - 1 - len, fmt, args);
	va_end(args);
	if ((size_t)len > sizeof(line) - 2)
		len = sizeof(line) - 2;
	line[len++] = '\n';
	emit(line, sizeof(line), len, level <= log_level);
}

void print(const char *fmt, ...)
{
	char line[256];
	va_list args;
	int len;

	va_start(args, fmt);
	len = vformat(line, sizeof(line), fmt, args);
	va_end(args);
	emit(line, sizeof(line), len, true);
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
	panicking = true;
	vformat(why, sizeof(why), fmt, args);
	print("panic: %s, in thread %s\n", why, current->name);
	if (where)
		print_backtrace();
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

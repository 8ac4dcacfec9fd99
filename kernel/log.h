/* SPDX-License-Identifier: ISC */
/*
 * The kernel's log and its end.
 *
 * Formats: %s %c %d %i %u %x %p %%, with l, ll and z, a width and 0 or -; nothing
 * else.  None of these allocate, sleep or use the C library.
 */
#ifndef KERNEL_LOG_H
#define KERNEL_LOG_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* As snprintf: always terminated, returns the length it would have had. */
int format(char *to, size_t size, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
int vformat(char *to, size_t size, const char *fmt, va_list args);

enum log_level { LOG_ERROR, LOG_WARNING, LOG_INFO, LOG_DEBUG };

/*
 * What is shown on the console; the rest is kept in the ring only.
 *
 *	loglevel=LEVEL[,MODULE=LEVEL]...	error, warning, info (the default), debug, or 0 ... 3
 *
 * The module of a line is what it begins with, up to a colon: `control`, `vif0`,
 * `device/vbd/51712`; `vif` and `device/vbd` stand for all of them.
 */
#define LOG_MODULES 8			/* with a level of their own */
extern enum log_level log_level;	/* of the others */

struct log_module {
	char name[24];
	enum log_level level;
};
extern struct log_module log_modules[LOG_MODULES];	/* until one without a name */
extern const char *const log_level_names[LOG_DEBUG + 1];

/* From here on as the command line has it, and as param_set() will. */
void log_init(void);

/* A level by its name or number: -EINVAL, it is none. */
int log_level_of(const char *text);

/* Of one module from now on: 0; -ENOSPC: too many; -EINVAL: too long a name, or none. */
int log_set_module(const char *name, enum log_level level);

/*
 * What is not printable ASCII, such as control characters in text from outside, is written as
 * \xNN, here and by print(), which leaves newlines.
 */
void log_at(enum log_level level, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#define log_error(...) log_at(LOG_ERROR, __VA_ARGS__)
#define log_warning(...) log_at(LOG_WARNING, __VA_ARGS__)
#define log_info(...) log_at(LOG_INFO, __VA_ARGS__)
#define log_debug(...) log_at(LOG_DEBUG, __VA_ARGS__)

/*
 * For lines that somebody else can cause as often as they like: of those with one struct
 * log_some, which begins zeroed, LOG_SOME in a minute.  The next line after that says how
 * many were left out; left_out is how many since.
 */
#define LOG_SOME 20
struct log_some {
	uint64_t minute_ends;
	unsigned said, left_out;
};
void log_some(struct log_some *some, enum log_level level, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* Text on the console as it is, without a prefix; for reports of several lines. */
void print(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/*
 * What was said last is kept, whatever the level.  Read on from *at, which begins with 0
 * and moves; bytes that were overwritten meanwhile are skipped: how many, 0: no more yet.
 */
#define LOG_RING 8192
size_t log_read(uint64_t *at, char *to, size_t size);

/*
 * Where text goes: must not sleep, and must get everything out itself if `urgent`
 * (we are about to go).  Until the console sets it: Xen's own log.
 */
extern void (*log_sink)(const char *text, size_t len, bool urgent);

/* The guest cannot go on: say why and where, then as the panic policy has it. */
_Noreturn void panic(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* The same for who has said where already. */
_Noreturn void panic_reported(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/*
 * The C library's part of each report, if there is one: whether the heap is damaged.  Called
 * when anything may be out of order.
 */
void heap_report(void) __attribute__((weak));

/* How panic() ends, after its report.  Until set: SHUTDOWN_crash. */
extern void (*panic_end)(void) __attribute__((noreturn));

/* A report in progress: panic() within it goes straight to the end. */
extern bool panicking;

/* Lines of a backtrace.  A return address may be just behind the function that called. */
void print_pc(unsigned long pc);
void print_caller(uintptr_t return_address);
void print_backtrace(void);

#endif

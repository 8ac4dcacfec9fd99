/* SPDX-License-Identifier: ISC */
/*
 * The kernel's log, and panic().
 *
 * Formats: %s %c %d %i %u %x %p %%, with l, ll and z, a width and 0 or -; nothing else.
 * None of these functions allocate, sleep or use the C library.
 */
#ifndef KERNEL_LOG_H
#define KERNEL_LOG_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * As snprintf(): always terminates the text, and returns the length without truncation.
 */
int format(char *to, size_t size, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
int vformat(char *to, size_t size, const char *fmt, va_list args);

/* As strlen(), which changes the FPU's registers: messages are also written in upcalls. */
size_t format_length(const char *text);

enum log_level { LOG_ERROR, LOG_WARNING, LOG_INFO, LOG_DEBUG };

/*
 * The level of lines that the console shows.  The others are kept in the ring only.
 *
 *	loglevel=LEVEL[,MODULE=LEVEL]...	error, warning, info (the default), debug, or 0 ... 3
 *
 * The module of a line is the text before its first colon: `control`, `vif0`,
 * `device/vbd/51712`; `vif` and `device/vbd` stand for all of them.
 */
#define LOG_MODULES 8			/* that can have a level of their own */
extern enum log_level log_level;	/* of all other modules */

struct log_module {
	char name[24];
	enum log_level level;
};
extern struct log_module log_modules[LOG_MODULES];	/* ends with an empty name */
extern const char *const log_level_names[LOG_DEBUG + 1];

/* Applies loglevel= of the command line, and registers it for param_set(). */
void log_init(void);

/* Returns the level of this name or number, or -EINVAL. */
int log_level_of(const char *text);

/*
 * Sets the level of a module.  Returns 0; -ENOSPC if there are LOG_MODULES already;
 * -EINVAL if the name is empty or too long.
 */
int log_set_module(const char *name, enum log_level level);

/*
 * Bytes that are not printable ASCII, such as control characters in text from outside,
 * are written as \xNN, here and by print(). print() keeps newlines.
 */
void log_at(enum log_level level, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#define log_error(...) log_at(LOG_ERROR, __VA_ARGS__)
#define log_warning(...) log_at(LOG_WARNING, __VA_ARGS__)
#define log_info(...) log_at(LOG_INFO, __VA_ARGS__)
#define log_debug(...) log_at(LOG_DEBUG, __VA_ARGS__)

/*
 * For lines that a peer can cause any number of times.  At most LOG_SOME lines with the
 * same struct log_some, which begins zeroed, are logged in a minute.  The first line
 * after that minute states how many were left out; left_out counts them.
 */
#define LOG_SOME 20
struct log_some {
	uint64_t minute_ends;
	unsigned logged, left_out;
};
void log_some(struct log_some *some, enum log_level level, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* Writes text to the console without a prefix, for reports of several lines. */
void print(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/*
 * Copies text that was logged, whatever its level.  *at begins with 0 and is moved on;
 * bytes that were overwritten in the meantime are skipped.  Returns the number of bytes;
 * 0 if there are no more.
 */
#define LOG_RING 8192
size_t log_read(uint64_t *at, char *to, size_t size);

/*
 * The output function.  It must not sleep, and if `urgent` (the guest is about to end) it
 * must write everything before it returns.  Until the console sets it: Xen's own log.
 */
extern void (*log_sink)(const char *text, size_t len, bool urgent);

/*
 * Ends a guest that cannot continue: reports why and where, then does what onpanic= says.
 */
_Noreturn void panic(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* The same without a backtrace: the caller has printed the location. */
_Noreturn void panic_reported(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/*
 * The C library's part of a report, if it is linked: whether the heap is damaged.  Called
 * in any state.
 */
void heap_report(void) __attribute__((weak));

/*
 * The application's text that the C library holds, an incomplete line; returns its length.
 * Called in any state.
 */
size_t stdio_unwritten(const char **text) __attribute__((weak));

/* Writes this text to the console, once: before a report, and before the end. */
void log_unwritten(void);

/* The function that panic() calls after its report; NULL: SHUTDOWN_crash. */
extern void (*panic_end)(void) __attribute__((noreturn));

/* A report is in progress.  A panic() within it only calls panic_end(). */
extern bool panicking;

/*
 * Print lines of a backtrace.  A return address may lie just behind the end of the
 * calling function.
 */
void print_pc(unsigned long pc);
void print_caller(uintptr_t return_address);
void print_backtrace(void);

#endif

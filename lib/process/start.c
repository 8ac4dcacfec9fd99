/* SPDX-License-Identifier: ISC */
/*
 * From kernel_main(), the list of what is started, to main(), and the end.
 *
 * The boot thread initialises the kernel and creates the thread that runs main(), since
 * its own stack is too small for an application. Then it becomes the control thread.
 */
#include "control/toolstack.h"
#include "control/gdb/gdb.h"
#include "control/shell.h"
#include "drivers/console.h"
#include "drivers/xenbus/xenstore.h"
#include "kernel/arch.h"
#include "kernel/clock.h"
#include "kernel/hold.h"
#include "kernel/log.h"
#include "kernel/page.h"
#include "kernel/param.h"
#include "kernel/sched.h"
#include "kernel/shutdown.h"
#include "kernel/suspend.h"
#include "kernel/watchdog.h"
#include "lib/file/file.h"
#include "lib/thread/tls.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define STACK_MIN (64 * 1024)
#define STACK_MAX (1024 * 1024)

/*
 * xenstored's replies take time, and requests keep dom0 from reading the console. So
 * xenstore is connected this time after the start of main, or when main ends.
 */
#define HEAD_START (10 * NSEC_PER_MSEC)
#define RESERVE 24			/* pages: for xenstore and the control endpoint */

int main(int argc, char **argv, char **envp);

/* In the order of an ELF system; fini_array is processed from its end. */
extern void (*preinit_array_start[])(int, char **, char **);
extern void (*init_array_start[])(int, char **, char **);
extern void (*init_array_end[])(int, char **, char **);
extern void (*fini_array_start[])(void);
extern void (*fini_array_end[])(void);
void run_init(void), run_fini(void);	/* arch/x86_64/fragments.S */

extern char **environ;

/* lib/file/mounts.c, in images that open files */
void mounts_start(void) __attribute__((weak));

static void run_destructors(void)
{
	for (size_t i = fini_array_end - fini_array_start; i > 0; i--)
		fini_array_start[i - 1]();
	run_fini();
}

static void run_constructors(int argc, char **argv)
{
	for (size_t i = 0; i < (size_t)(init_array_start - preinit_array_start); i++)
		preinit_array_start[i](argc, argv, environ);
	run_init();
	for (size_t i = 0; i < (size_t)(init_array_end - init_array_start); i++)
		init_array_start[i](argc, argv, environ);
}

static void set_variable(const char *name, const char *value)
{
	setenv(name, value, 1);
}

PARAM(env, "env.NAME=VALUE");

size_t stdio_unwritten(const char **text)
{
	const struct __sFILE *f = stdout;
	size_t n = f->_p - f->_bf._base;

	if (!(f->_flags & __SLBF) || !(f->_flags & __SWR) || n > (size_t)f->_bf._size)
		return 0;
	*text = (const char *)f->_bf._base;
	return n;
}

static void main_thread(void *arg)
{
	int argc = param_argc();
	char **argv = param_argv();

	(void)arg;
	if (gdb_start)
		gdb_start();
	param_each("env.", set_variable);
	if (mounts_start)
		mounts_start();
	atexit(run_destructors);
	run_constructors(argc, argv);
	exit(main(argc, argv, environ));
}

PARAM(stack, "stack=SIZE");

/* A part of memory, within limits; set by `stack=`. */
static size_t stack_size(void)
{
	struct page_stats memory;
	size_t share;

	page_stats(&memory);
	share = memory.total / 64 * PAGE_SIZE;
	if (share < STACK_MIN)
		share = STACK_MIN;
	if (share > STACK_MAX)
		share = STACK_MAX;
	return param_size("stack", share);
}

static void log_version(void)
{
	unsigned major = 0, minor = 0;
	char extra[16] = "";
	struct page_stats memory;

	page_stats(&memory);
	xen_version(&major, &minor, extra);
	log_info("Xenolith " XENOLITH_VERSION " on Xen %u.%u%s, %zu KiB free", major, minor, extra,
		 memory.free * PAGE_SIZE / 1024);
}

/* Hosts give console=hvc0 and the like to each guest: other values have no effect. */
PARAM(console, "console=shell|NAME");

static void start_shell(void)
{
	const char *word = param("console");

	if (word && strcmp(word, "shell") == 0 && shell_start)
		shell_start();
	else if (word && strcmp(word, "shell") == 0)
		log_warning("console=shell has no effect: this image has no shell");
}

static void start_main(void)
{
	struct thread *t = thread_start("main", THREAD_APP, stack_size(), main_thread, NULL,
					NULL);

	if (!t || tls_new(&t->tls))
		panic("not enough memory for main's thread");
}

PARAM(pool, "pool=NAME");

/* A guest of a pool was created before its command line was known (docs/warm.md). */
static int take_line_of_pool(void)
{
	char *line;
	int rc = xs_init();

	if (!rc)
		rc = xs_read(NULL, "xenolith/line", &line);
	return rc < 0 ? -ENOENT : param_init(line);
}

/*
 * A command line that is incomplete or invalid ends the guest before main; rc is the result
 * of param_init(), or -ENOENT.
 */
static void check_command_line(size_t length, int rc)
{
	char why[200];
	const char *wrong;

	if (length > boot_info.command_line_max)
		format(why, sizeof(why), "the command line may be cut: it has at least %zu bytes, "
		       "and the limit is %u", length, boot_info.command_line_max);
	else if (rc)
		format(why, sizeof(why), "the command line %s", rc == -E2BIG ?
		       "has too many words" : rc == -ENOENT ? "is not in xenstore" :
		       "has a quote that is not closed");
	else if ((wrong = param_check()))
		format(why, sizeof(why), "%s", wrong);
	else
		return;
	shutdown_guest(SHUTDOWN_poweroff, STATUS_USAGE, why);
}

_Noreturn void kernel_main(void)
{
	size_t length = strlen(boot_info.command_line);
	int rc, no_xenstore;

	page_init();
	kernel_attach();
	console_attach();
	arch_init();
	sched_init("control", THREAD_KERNEL);
	shutdown_init();
	console_init();
	rc = param_init(boot_info.command_line);
	no_xenstore = toolstack_init();
	if (!rc && param("pool"))
		rc = take_line_of_pool();
	log_init();
	log_version();
	/*
	 * Without xenstore the guest runs, but has no control endpoint and cannot report
	 * its exit status there.
	 */
	if (no_xenstore)
		log_warning("xenstore is not available: no disks, network or control endpoint");
	check_command_line(length, rc);
	watchdog_init();
	shutdown_limits();
	file_init();
	page_reserve(RESERVE);
	start_shell();
	start_main();
	hold_init();		/* until here there was no other thread */
	thread_sleep(clock_now() + HEAD_START);
	console_notify();
	console_start();	/* its stack takes time that main has first */
	toolstack_run();
	thread_exit();
}

_Noreturn void _exit(int status)
{
	kernel_enter();
	shutdown_exit(status);
}

_Noreturn void abort(void)
{
	kernel_enter();
	panic("abort");
}

/* For <assert.h>, of Xenolith and of the application. */
_Noreturn void __assert_func(const char *file, int line, const char *function,
			     const char *what);
_Noreturn void __assert_func(const char *file, int line, const char *function,
			     const char *what)
{
	kernel_enter();
	panic("assertion failed: %s (%s:%d, %s)", what, file, line, function);
}

/* SPDX-License-Identifier: ISC */
/*
 * From the platform to main() and out again: kernel_main() is the list of what is started.
 *
 * The boot flow brings the kernel up and makes the thread that runs main(), since its own
 * small stack is no place for an application; then it is the control thread.
 */
#include "control/control.h"
#include "control/gdb/gdb.h"
#include "control/shell.h"
#include "drivers/console.h"
#include "kernel/arch.h"
#include "kernel/clock.h"
#include "kernel/evtchn.h"
#include "kernel/hold.h"
#include "kernel/log.h"
#include "kernel/page.h"
#include "kernel/param.h"
#include "kernel/sched.h"
#include "kernel/shutdown.h"
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
 * xenstored's answers take their time, and what we ask it keeps dom0 from reading our
 * console.  So main comes first: we ask when it has had a moment, or ends.
 */
#define HEAD_START (10 * NSEC_PER_MSEC)
#define RESERVE 24			/* pages: xenstore, and the control endpoint */

int main(int argc, char **argv, char **envp);

/* In the order in which an ELF system has them; those of fini_array from its end on. */
extern void (*preinit_array_start[])(int, char **, char **);
extern void (*init_array_start[])(int, char **, char **);
extern void (*init_array_end[])(int, char **, char **);
extern void (*fini_array_start[])(void);
extern void (*fini_array_end[])(void);
void run_init(void), run_fini(void);	/* arch/x86_64/fragments.S */

extern char **environ;

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

static void main_thread(void *arg)
{
	int argc = param_argc();
	char **argv = param_argv();

	(void)arg;
	if (gdb_start)
		gdb_start();
	setvbuf(stdout, NULL, _IOLBF, BUFSIZ);
	param_each("env.", set_variable);
	atexit(run_destructors);
	run_constructors(argc, argv);
	exit(main(argc, argv, environ));
}

/* A share of memory, within reason; `stack=` says otherwise. */
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

static void greet(void)
{
	unsigned major = 0, minor = 0;
	char extra[16] = "";
	struct page_stats memory;

	page_stats(&memory);
	xen_version(&major, &minor, extra);
	log_info("Xenolith on Xen %u.%u%s, %zu KiB free", major, minor, extra,
		 memory.free * PAGE_SIZE / 1024);
}

static void start_shell(void)
{
	const char *word = param("console");

	if (word && strcmp(word, "shell") == 0 && shell_start)
		shell_start();
	else if (word)
		log_warning("console=%s: this image has no such thing (control/shell.h)", word);
}

static void start_main(void)
{
	struct thread *t = thread_start("main", THREAD_APP, stack_size(), main_thread, NULL,
					NULL);

	if (!t || tls_new(&t->tls))
		panic("too little memory: none for main's thread");
}

/* A command line that is not all there is not obeyed: rc is param_init()'s. */
static void check_command_line(size_t length, int rc)
{
	char why[100];

	if (length > boot_info.command_line_max)
		format(why, sizeof(why), "the command line may be cut: it has %zu bytes or more, "
		       "and the limit is %u", length, boot_info.command_line_max);
	else if (rc)
		format(why, sizeof(why), "the command line has %s", rc == -E2BIG ?
		       "too many words" : "a quote that is not closed");
	else
		return;
	shutdown_guest(SHUTDOWN_poweroff, STATUS_USAGE, why);
}

_Noreturn void kernel_main(void)
{
	size_t length = strlen(boot_info.command_line);
	int rc;

	clock_init();
	page_init();
	evtchn_init();
	sched_init("control", THREAD_KERNEL);
	shutdown_init();
	console_init();
	console_start();
	rc = param_init(boot_info.command_line);
	log_init();
	greet();
	/* A guest without xenstore runs; it only cannot be asked, nor say how it ended. */
	if (control_init())
		log_warning("xenstore: none");
	check_command_line(length, rc);
	watchdog_init();
	shutdown_limits();
	file_init();
	page_reserve(RESERVE);
	start_shell();
	start_main();
	hold_init();		/* until here nobody else could have run */
	thread_sleep(clock_now() + HEAD_START);
	console_tell();
	control_run();
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

/* <assert.h>, ours and the application's. */
_Noreturn void __assert_func(const char *file, int line, const char *function,
			     const char *what);
_Noreturn void __assert_func(const char *file, int line, const char *function,
			     const char *what)
{
	kernel_enter();
	panic("assertion failed: %s (%s:%d, %s)", what, file, line, function);
}

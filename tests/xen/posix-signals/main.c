/* SPDX-License-Identifier: ISC */
/*
 * Signals between threads, as servers use them (POSIX.1-2017, 2.4).  The program also
 * runs on Linux, with the same results.
 */
#define _GNU_SOURCE
#include "help.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdbool.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <time.h>
#include <unistd.h>

volatile int came, came_in_other;
pthread_t main_thread;

static void handler(int sig)
{
	came += sig;
	if (!pthread_equal(pthread_self(), main_thread))
		came_in_other++;
}

void handle(int sig, int flags)
{
	struct sigaction act = { .sa_handler = handler, .sa_flags = flags };

	came = came_in_other = 0;
	expect(!sigaction(sig, &act, NULL));
}

sigset_t set_of(int sig)
{
	sigset_t set;

	sigemptyset(&set);
	if (sig)
		sigaddset(&set, sig);
	return set;
}

void block(int how, int sig)
{
	sigset_t set = set_of(sig);

	expect(!pthread_sigmask(how, &set, NULL));
}

static bool is_pending(int sig)
{
	sigset_t set;

	expect(!sigpending(&set));
	return sigismember(&set, sig);
}

/* ---- a thread that waits for SIGTERM, and main, that blocks it */

static void *wait_for_term(void *arg)
{
	sigset_t set = set_of(SIGTERM);
	int sig = 0;

	expect(!sigwait(&set, &sig));
	*(int *)arg = sig;
	return NULL;
}

static void a_thread_waits_for_the_end(void)
{
	pthread_t t;
	int got = 0;

	block(SIG_BLOCK, SIGTERM);	/* the new thread has main's mask */
	expect(!pthread_create(&t, NULL, wait_for_term, &got));
	usleep(20 * MS);
	expect(!kill(getpid(), SIGTERM));
	expect(!pthread_join(t, NULL) && got == SIGTERM);
	/* The other order: it is pending until a thread waits. */
	got = 0;
	expect(!kill(getpid(), SIGTERM) && is_pending(SIGTERM));
	expect(!pthread_create(&t, NULL, wait_for_term, &got));
	expect(!pthread_join(t, NULL) && got == SIGTERM && !is_pending(SIGTERM));
	/* And one for the thread is not for others. */
	got = 0;
	expect(!pthread_create(&t, NULL, wait_for_term, &got));
	expect(!pthread_kill(t, SIGTERM));
	expect(!pthread_join(t, NULL) && got == SIGTERM && !is_pending(SIGTERM));
	block(SIG_UNBLOCK, SIGTERM);
}

static void *mask_of_a_new_thread(void *arg)
{
	expect(!pthread_sigmask(SIG_BLOCK, NULL, arg));
	expect(!is_pending(SIGUSR1));	/* which is pending for main */
	return NULL;
}

static void a_mask_is_inherited(void)
{
	sigset_t got;
	pthread_t t;

	handle(SIGUSR1, 0);
	block(SIG_BLOCK, SIGUSR1);
	expect(!raise(SIGUSR1) && is_pending(SIGUSR1));
	expect(!pthread_create(&t, NULL, mask_of_a_new_thread, &got));
	expect(!pthread_join(t, NULL));
	expect(sigismember(&got, SIGUSR1) && !sigismember(&got, SIGUSR2));
	expect(!came);
	block(SIG_UNBLOCK, SIGUSR1);
	expect(came == SIGUSR1 && !is_pending(SIGUSR1));
}

/* ---- a handler that sets a flag */

static void *kill_the_process(void *arg)
{
	usleep(20 * MS);
	block(SIG_BLOCK, SIGTERM);
	expect(!kill(getpid(), SIGTERM));
	return arg;
}

static void main_handles_what_others_block(void)
{
	pthread_t t;

	handle(SIGTERM, 0);
	expect(!pthread_create(&t, NULL, kill_the_process, NULL));
	while (!came)
		expect(poll(NULL, 0, LONG * 1000) == -1 && errno == EINTR);
	expect(came == SIGTERM && !came_in_other);
	expect(!pthread_join(t, NULL));
	/* In pthread_join(), which it does not end. */
	handle(SIGTERM, 0);
	expect(!pthread_create(&t, NULL, kill_the_process, NULL));
	expect(!pthread_join(t, NULL) && came == SIGTERM && !came_in_other);
}

static void *pause_once(void *arg)
{
	sem_post(arg);
	expect(pause() == -1 && errno == EINTR);
	return arg;
}

static void one_thread_pauses(void)
{
	pthread_t t;
	sem_t there;

	sem_init(&there, 0, 0);
	handle(SIGUSR1, SA_RESTART);
	expect(!pthread_create(&t, NULL, pause_once, &there));
	sem_wait(&there);
	usleep(20 * MS);
	expect(!pthread_kill(t, 0) && !came);
	expect(!pthread_kill(t, SIGUSR1));
	expect(!pthread_join(t, NULL) && came == SIGUSR1 && came_in_other == 1);
	expect(pthread_kill(pthread_self(), 99) == EINVAL);
	expect(!pthread_kill(pthread_self(), SIGUSR1) && came == 2 * SIGUSR1);
}

/* ---- a call that sleeps ends with EINTR, or goes on */
/* ---- masks of ppoll() and others; ignored signals; flags */

static void *interrupt_main(void *arg)
{
	usleep(20 * MS);
	expect(!pthread_kill(main_thread, SIGUSR1));
	return arg;
}

static int masked_ppoll(const sigset_t *mask)
{
	struct timespec time = { .tv_sec = LONG };

	return ppoll(NULL, 0, &time, mask);
}

static int masked_pselect(const sigset_t *mask)
{
	struct timespec time = { .tv_sec = LONG };

	return pselect(0, NULL, NULL, NULL, &time, mask);
}

static int masked_epoll(const sigset_t *mask)
{
	struct epoll_event e;
	int set = epoll_create1(0), rc = epoll_pwait(set, &e, 1, LONG * 1000, mask);

	close(set);
	return rc;
}

static void a_call_takes_its_mask(int (*call)(const sigset_t *mask))
{
	sigset_t none = set_of(0), usr1 = set_of(SIGUSR1);
	pthread_t t;

	handle(SIGUSR1, SA_RESTART);
	block(SIG_BLOCK, SIGUSR1);
	/* Pending before: no signal is missed between the check of a flag and the wait. */
	expect(!raise(SIGUSR1) && !came);
	expect(call(&none) == -1 && errno == EINTR && came == SIGUSR1);
	/* During the wait. */
	expect(!pthread_create(&t, NULL, interrupt_main, NULL));
	expect(call(&none) == -1 && errno == EINTR && came == 2 * SIGUSR1);
	expect(!pthread_join(t, NULL));
	expect(!raise(SIGUSR1) && came == 2 * SIGUSR1 && is_pending(SIGUSR1));
	block(SIG_UNBLOCK, SIGUSR1);
	expect(came == 3 * SIGUSR1);
	/* A mask may also block. */
	handle(SIGUSR2, 0);
	expect(!pthread_create(&t, NULL, interrupt_main, NULL));
	sigaddset(&usr1, SIGUSR2);
	expect(poll(NULL, 0, 0) == 0);
	expect(ppoll(NULL, 0, &(struct timespec){ .tv_nsec = 200 * 1000000 }, &usr1) == 0);
	expect(!pthread_join(t, NULL) && came == SIGUSR1);	/* after the mask is restored */
}

static void sigsuspend_waits(void)
{
	sigset_t none = set_of(0);
	pthread_t t;

	handle(SIGUSR1, SA_RESTART);
	block(SIG_BLOCK, SIGUSR1);
	expect(!pthread_create(&t, NULL, interrupt_main, NULL));
	expect(sigsuspend(&none) == -1 && errno == EINTR && came == SIGUSR1);
	expect(!pthread_join(t, NULL));
	expect(!raise(SIGUSR1) && came == SIGUSR1);
	expect(sigsuspend(&none) == -1 && errno == EINTR && came == 2 * SIGUSR1);
	block(SIG_UNBLOCK, SIGUSR1);
}

static void sigtimedwait_waits(void)
{
	struct timespec time = { .tv_nsec = 50 * 1000000 }, none = { 0 }, bad = { .tv_nsec = -1 };
	sigset_t set = set_of(SIGUSR2);
	siginfo_t info;

	block(SIG_BLOCK, SIGUSR2);
	expect(sigtimedwait(&set, &info, &time) == -1 && errno == EAGAIN);
	expect(sigtimedwait(&set, &info, &none) == -1 && errno == EAGAIN);
	expect(sigtimedwait(&set, &info, &bad) == -1 && errno == EINVAL);
	expect(!kill(getpid(), SIGUSR2) && !kill(getpid(), SIGUSR2));
	expect(sigwaitinfo(&set, &info) == SIGUSR2 && info.si_signo == SIGUSR2);
	expect(sigtimedwait(&set, NULL, &none) == -1 && errno == EAGAIN);	/* not two */
	block(SIG_UNBLOCK, SIGUSR2);
}

static void what_is_ignored_interrupts_nothing(void)
{
	struct timespec time = { .tv_nsec = 100 * 1000000 };
	pthread_t t;

	expect(signal(SIGUSR1, SIG_IGN) != SIG_ERR);
	expect(!pthread_create(&t, NULL, interrupt_main, NULL));
	expect(!nanosleep(&time, NULL));
	expect(!pthread_join(t, NULL));
	block(SIG_BLOCK, SIGUSR1);
	expect(!raise(SIGUSR1));
	handle(SIGUSR1, 0);
	block(SIG_UNBLOCK, SIGUSR1);
	expect(signal(SIGUSR1, SIG_DFL) == handler);
	expect(!raise(SIGCHLD) && !raise(SIGURG));
}

static int depth, deepest, nested;

static void nest(int sig)
{
	deepest = ++depth > deepest ? depth : deepest;
	if (!nested++)
		raise(sig);
	depth--;
}

static int other_first;

static void note_mask(int sig)
{
	(void)sig;
	raise(SIGUSR2);
	other_first = came == SIGUSR2;
}

static void flags_and_masks_of_a_handler(void)
{
	struct sigaction act = { .sa_handler = nest }, old;

	expect(!sigaction(SIGUSR1, &act, NULL) && !raise(SIGUSR1) && deepest == 1);
	deepest = nested = 0;
	act.sa_flags = SA_NODEFER;
	expect(!sigaction(SIGUSR1, &act, NULL) && !raise(SIGUSR1) && deepest == 2);
	/* sa_mask: SIGUSR2 is handled after the handler of SIGUSR1. */
	handle(SIGUSR2, 0);
	act = (struct sigaction){ .sa_handler = note_mask, .sa_mask = set_of(SIGUSR2) };
	expect(!sigaction(SIGUSR1, &act, NULL) && !raise(SIGUSR1));
	expect(!other_first && came == SIGUSR2);
	act.sa_mask = set_of(0);
	came = 0;
	expect(!sigaction(SIGUSR1, &act, NULL) && !raise(SIGUSR1) && other_first);
	handle(SIGUSR1, SA_RESETHAND);
	expect(!raise(SIGUSR1) && came == SIGUSR1);
	expect(!sigaction(SIGUSR1, NULL, &old) && old.sa_handler == SIG_DFL);
	expect(sigaction(SIGKILL, &act, NULL) == -1 && errno == EINVAL);
	expect(sigaction(SIGSTOP, &act, NULL) == -1 && errno == EINVAL);
	expect(sigaction(99, &act, NULL) == -1 && errno == EINVAL);
	/* Blocking a signal that cannot be blocked has no effect, and is not an error. */
	block(SIG_BLOCK, SIGKILL);
	expect(!pthread_sigmask(SIG_BLOCK, NULL, &act.sa_mask));
	expect(!sigismember(&act.sa_mask, SIGKILL));
}

/* Handlers while threads wait for each other: no wake-up is lost. */
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
static int turn;

static void *take_turns(void *arg)
{
	int me = (long)arg;

	pthread_mutex_lock(&mutex);
	for (int i = 0; i < 200; i++) {
		while (turn != me)
			pthread_cond_wait(&cond, &mutex);
		turn = !me;
		pthread_cond_broadcast(&cond);
	}
	pthread_mutex_unlock(&mutex);
	return NULL;
}

static void a_storm_loses_no_wake_up(void)
{
	pthread_t t[2];

	handle(SIGUSR1, 0);
	for (long i = 0; i < 2; i++)
		expect(!pthread_create(&t[i], NULL, take_turns, (void *)i));
	for (int i = 0; i < 200; i++) {
		pthread_kill(t[i % 2], SIGUSR1);
		if (i % 10 == 0)
			usleep(MS);
	}
	expect(!pthread_join(t[0], NULL) && !pthread_join(t[1], NULL));
}

int main(int argc, char **argv)
{
	main_thread = pthread_self();
	if (argc > 1) {			/* another thread ends the program */
		pthread_t t;
		sem_t there;

		sem_init(&there, 0, 0);
		pthread_create(&t, NULL, pause_once, &there);
		sem_wait(&there);
		pthread_kill(t, atoi(argv[1]));
		pause();
	}
	a_thread_waits_for_the_end();
	a_mask_is_inherited();
	main_handles_what_others_block();
	one_thread_pauses();
	test_interrupted_calls();
	a_call_takes_its_mask(masked_ppoll);
	a_call_takes_its_mask(masked_pselect);
	a_call_takes_its_mask(masked_epoll);
	sigsuspend_waits();
	sigtimedwait_waits();
	what_is_ignored_interrupts_nothing();
	flags_and_masks_of_a_handler();
	test_timers();
	test_cancel();
	a_storm_loses_no_wake_up();
	test_success();
}

/* SPDX-License-Identifier: ISC */
/* Timers, queued signals, and handlers in a thread that computes. */
#define _GNU_SOURCE
#include "help.h"

#include <errno.h>
#include <malloc.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/signalfd.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#define NS 1000000000L

static volatile int values[8], n_values, code;
static void *volatile context;
static sigjmp_buf back;

static void note(int sig, siginfo_t *info, void *unused)
{
	(void)sig;
	context = unused;
	code = info->si_code;
	if (n_values < 8)
		values[n_values++] = info->si_value.sival_int;
}

static void handle_info(int sig)
{
	struct sigaction act = { .sa_sigaction = note, .sa_flags = SA_SIGINFO };

	n_values = 0;
	expect(!sigaction(sig, &act, NULL));
}

static void signals_are_queued(void)
{
	siginfo_t info;
	sigset_t set = set_of(SIGRTMIN + 1);

	sigaddset(&set, SIGRTMIN);
	handle_info(SIGRTMIN);
	handle_info(SIGRTMIN + 1);
	expect(!sigprocmask(SIG_BLOCK, &set, NULL));
	for (int i = 0; i < 3; i++)
		expect(!sigqueue(getpid(), SIGRTMIN + 1, (union sigval){ .sival_int = i }));
	expect(!sigqueue(getpid(), SIGRTMIN, (union sigval){ .sival_int = 9 }));
	expect(!n_values);
	expect(sigwaitinfo(&set, &info) == SIGRTMIN && info.si_value.sival_int == 9);
	expect(info.si_code == SI_QUEUE && info.si_pid == getpid());
	expect(sigwaitinfo(&set, &info) == SIGRTMIN + 1 && info.si_value.sival_int == 0);
	expect(!sigprocmask(SIG_UNBLOCK, &set, NULL));	/* handlers take the rest, in order */
	expect(n_values == 2 && values[0] == 1 && values[1] == 2 && code == SI_QUEUE);
	expect(sigqueue(getpid(), 99, (union sigval){ 0 }) == -1 && errno == EINVAL);
	handle_info(SIGUSR1);		/* this one is pending once */
	block(SIG_BLOCK, SIGUSR1);
	expect(!kill(getpid(), SIGUSR1) && !kill(getpid(), SIGUSR1));
	block(SIG_UNBLOCK, SIGUSR1);
	expect(n_values == 1 && code == SI_USER);
}

/* No call, so only an upcall can interrupt it. */
static void compute_until_a_signal(void)
{
	while (!came)
		__asm__ volatile("" : : : "memory");
}

static void a_thread_that_computes_is_interrupted(void)
{
	double x = 1.5, y;

	handle(SIGALRM, 0);
	expect(ualarm(20000, 0) == 0);
	__asm__ volatile("" : "+x"(x));
	compute_until_a_signal();
	y = x;
	expect(came == SIGALRM && y == 1.5);
}

static void jump(int sig)
{
	(void)sig;
	siglongjmp(back, 5);
}

static void a_handler_jumps_out(void)
{
	struct sigaction act = { .sa_handler = jump };
	sigset_t set;

	expect(!sigaction(SIGALRM, &act, NULL));
	for (volatile int i = 0; i < 3; i++) {
		int rc = sigsetjmp(back, 1);

		expect(rc == 0 || rc == 5);
		if (rc)
			continue;
		came = 0;
		ualarm(10000, 0);
		if (i == 1)
			pause();
		compute_until_a_signal();
	}
	expect(!sigprocmask(SIG_BLOCK, NULL, &set) && !sigismember(&set, SIGALRM));
}

/* A handler that leaves read() or write() leaves no reference of the file. */
static void a_handler_leaves_a_call(void)
{
	struct sigaction act = { .sa_handler = jump, .sa_flags = SA_RESTART };
	char c[9000] = "";
	int ends[2];

	expect(!sigaction(SIGALRM, &act, NULL) && !pipe(ends));
	if (!sigsetjmp(back, 1)) {
		ualarm(10000, 0);
		read(ends[0], c, 1);
		expect(false);
	}
	close(ends[0]);
	signal(SIGPIPE, SIG_IGN);
	errno = 0;
	expect(write(ends[1], "x", 1) == -1 && errno == EPIPE);	/* the reader is gone */
	close(ends[1]);
	expect(!pipe(ends));
	if (!sigsetjmp(back, 1)) {
		ualarm(10000, 0);
		for (;;)
			write(ends[1], c, sizeof(c));
	}
	close(ends[1]);
	while (read(ends[0], c, sizeof(c)) > 0)
		;			/* it ends: the writer is gone */
	close(ends[0]);
}

static void poll_many(void)
{
	static struct pollfd fds[1000];

	for (int i = 0; i < 1000; i++)
		fds[i].fd = -1;
	poll(fds, 1000, -1);
}

static void select_many(void)
{
	fd_set none;

	FD_ZERO(&none);
	select(1000, &none, NULL, NULL, NULL);
}

/* A handler that leaves poll() or select() leaves no memory. */
static void a_handler_leaves_a_call_with_memory(void (*call)(void))
{
	volatile size_t before = mallinfo().uordblks;

	for (volatile int i = 0; i < 20; i++) {
		if (sigsetjmp(back, 1))
			continue;
		ualarm(2000, 0);
		call();
		expect(false);
	}
	expect(mallinfo().uordblks < before + 100000);
}

static void nested_pselect(int sig)
{
	sigset_t some = set_of(SIGUSR2);

	came += sig;
	expect(!pselect(0, NULL, NULL, NULL, &(struct timespec){ 0 }, &some));
}

static void the_mask_is_the_outer_one_again(void)
{
	struct sigaction act = { .sa_handler = nested_pselect };
	sigset_t none = set_of(0), after;

	expect(!sigaction(SIGUSR1, &act, NULL));
	came = 0;
	block(SIG_BLOCK, SIGUSR1);
	block(SIG_BLOCK, SIGTERM);
	expect(!raise(SIGUSR1));
	expect(ppoll(NULL, 0, NULL, &none) == -1 && errno == EINTR && came == SIGUSR1);
	expect(!sigprocmask(SIG_BLOCK, NULL, &after));
	expect(sigismember(&after, SIGUSR1) && sigismember(&after, SIGTERM));
	expect(!sigismember(&after, SIGUSR2));
	block(SIG_UNBLOCK, SIGTERM);
	block(SIG_UNBLOCK, SIGUSR1);
}

/* A thread that waits for a mutex, which main has, handles signals meanwhile. */
static pthread_mutex_t normal = PTHREAD_MUTEX_INITIALIZER, robust;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
static volatile bool waits;

static void *lock_in_time(void *m)
{
	struct timespec when;

	clock_gettime(CLOCK_REALTIME, &when);
	when.tv_sec += LONG;
	waits = true;
	expect(!pthread_mutex_timedlock(m, &when) && !pthread_mutex_unlock(m));
	return NULL;
}

static void *lock_after_a_wait(void *m)
{
	expect(!pthread_mutex_lock(m));
	waits = true;
	expect(!pthread_cond_wait(&cond, m) && !pthread_mutex_unlock(m));
	return NULL;
}

static void a_thread_waits_for(pthread_mutex_t *m, void *(*run)(void *))
{
	pthread_t t;

	waits = false;
	handle(SIGUSR1, 0);
	if (run == lock_in_time)
		expect(!pthread_mutex_lock(m));
	expect(!pthread_create(&t, NULL, run, m));
	while (!waits)
		usleep(MS);
	if (run == lock_after_a_wait)
		expect(!pthread_mutex_lock(m) && !pthread_cond_signal(&cond));
	usleep(20 * MS);
	expect(!pthread_kill(t, SIGUSR1));
	for (int i = 0; !came_in_other && i < LONG / 2 * 1000; i++)
		usleep(MS);
	expect(came_in_other == 1);
	expect(!pthread_mutex_unlock(m) && !pthread_join(t, NULL));
	expect(!pthread_mutex_lock(m) && !pthread_mutex_unlock(m));
}

static void locks_handle_signals(void)
{
	pthread_mutexattr_t attr;

	expect(!pthread_mutexattr_init(&attr));
	expect(!pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST));
	expect(!pthread_mutex_init(&robust, &attr));
	a_thread_waits_for(&normal, lock_in_time);
	a_thread_waits_for(&robust, lock_in_time);
	a_thread_waits_for(&normal, lock_after_a_wait);
	a_thread_waits_for(&robust, lock_after_a_wait);
}

static void interval_timers(void)
{
	struct itimerval to = { { 0, 5000 }, { 0, 5000 } }, left;

	handle(SIGALRM, SA_RESTART);
	expect(!setitimer(ITIMER_REAL, &to, NULL));
	while (came < 3 * SIGALRM)
		pause();
	expect(!getitimer(ITIMER_REAL, &left) && left.it_interval.tv_usec == 5000);
	to = (struct itimerval){ 0 };
	expect(!setitimer(ITIMER_REAL, &to, &left) && !left.it_value.tv_sec);
	expect(left.it_value.tv_usec > 0 && left.it_value.tv_usec <= 5000);
	expect(alarm(1000) == 0 && alarm(0) >= 999);
	handle(SIGPROF, 0);		/* counts only CPU time */
	to.it_value.tv_usec = 10000;
	expect(!setitimer(ITIMER_PROF, &to, NULL));
	compute_until_a_signal();
	expect(came == SIGPROF);
	expect(setitimer(7, &to, NULL) == -1 && errno == EINVAL);
	to.it_value.tv_usec = 1000000;
	expect(setitimer(ITIMER_REAL, &to, NULL) == -1 && errno == EINVAL);
}

static volatile int calls, call_value;
static pthread_t volatile caller;

static void called(union sigval value)
{
	call_value = value.sival_int;
	caller = pthread_self();
	calls++;
}

static void timers_of_posix(void)
{
	struct sigevent event = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGRTMIN };
	struct itimerspec to = { .it_value.tv_nsec = 1000000, .it_interval.tv_nsec = 1000000 };
	struct itimerspec left, stopped = { 0 };
	timer_t t, u;

	event.sigev_value.sival_int = 77;
	handle_info(SIGRTMIN);
	expect(!timer_create(CLOCK_MONOTONIC, &event, &t));
	block(SIG_BLOCK, SIGRTMIN);
	expect(!timer_settime(t, 0, &to, NULL));
	usleep(20000);
	block(SIG_UNBLOCK, SIGRTMIN);	/* one signal for all that have expired */
	expect(n_values == 1 && values[0] == 77 && code == SI_TIMER);
	expect(timer_getoverrun(t) >= 3);
	expect(!timer_gettime(t, &left) && left.it_interval.tv_nsec == 1000000);
	expect(left.it_value.tv_sec == 0 && left.it_value.tv_nsec <= 1000000);
	expect(!timer_settime(t, 0, &stopped, NULL) && !timer_delete(t));
	expect(timer_delete(t) == -1 && errno == EINVAL);
	expect(timer_create(12345, NULL, &t) == -1 && errno == EINVAL);

	event = (struct sigevent){ .sigev_notify = SIGEV_THREAD, .sigev_notify_function = called };
	event.sigev_value.sival_int = 8;
	expect(!timer_create(CLOCK_REALTIME, &event, &t));
	expect(!clock_gettime(CLOCK_REALTIME, &to.it_value));
	to.it_value.tv_nsec += 5000000;
	if (to.it_value.tv_nsec >= NS)
		to.it_value.tv_sec++, to.it_value.tv_nsec -= NS;
	to.it_interval = (struct timespec){ 0 };
	expect(!timer_settime(t, TIMER_ABSTIME, &to, NULL));
	while (!calls)
		usleep(1000);
	expect(call_value == 8 && !pthread_equal(caller, pthread_self()));
	expect(!timer_delete(t));

	event.sigev_notify = SIGEV_NONE;
	to.it_value = (struct timespec){ .tv_sec = 1000 };
	expect(!timer_create(CLOCK_MONOTONIC, &event, &u) && !timer_settime(u, 0, &to, NULL));
	expect(!timer_gettime(u, &left) && left.it_value.tv_sec >= 998 && !timer_delete(u));
}

static void timers_as_files(void)
{
	struct itimerspec to = { .it_value.tv_nsec = 2000000, .it_interval.tv_nsec = 2000000 };
	int fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
	struct pollfd p = { .fd = fd, .events = POLLIN };
	uint64_t n = 0;

	expect(fd >= 0 && read(fd, &n, 8) == -1 && errno == EAGAIN);
	expect(!timerfd_settime(fd, 0, &to, NULL));
	expect(poll(&p, 1, LONG * 1000) == 1 && p.revents == POLLIN);
	usleep(20000);
	expect(read(fd, &n, 8) == 8 && n >= 3);
	expect(!timerfd_gettime(fd, &to) && to.it_interval.tv_nsec == 2000000);
	close(fd);
	fd = timerfd_create(CLOCK_REALTIME, 0);
	to.it_interval = (struct timespec){ 0 };
	to.it_value = (struct timespec){ .tv_sec = 1 };		/* long ago */
	expect(!timerfd_settime(fd, TFD_TIMER_ABSTIME, &to, NULL));
	expect(read(fd, &n, 8) == 8 && n == 1 && read(fd, &n, 4) == -1 && errno == EINVAL);
	close(fd);
	expect(timerfd_create(999, 0) == -1 && errno == EINVAL);
	expect(timerfd_settime(999, 0, &to, NULL) == -1 && errno == EBADF);
}

static void signals_as_files(void)
{
	sigset_t set = set_of(SIGUSR1);
	struct signalfd_siginfo got[2];
	struct pollfd p = { .events = POLLIN };
	int fd;

	handle(SIGUSR1, 0);
	sigaddset(&set, SIGRTMIN);
	expect(!sigprocmask(SIG_BLOCK, &set, NULL));
	fd = p.fd = signalfd(-1, &set, SFD_NONBLOCK);
	expect(fd >= 0 && read(fd, got, sizeof(got)) == -1 && errno == EAGAIN);
	expect(poll(&p, 1, 0) == 0);
	expect(!kill(getpid(), SIGUSR1));
	expect(!sigqueue(getpid(), SIGRTMIN, (union sigval){ .sival_int = 4 }));
	expect(poll(&p, 1, 0) == 1 && read(fd, got, sizeof(got)) == sizeof(got));
	expect(got[0].ssi_signo == SIGUSR1 && got[1].ssi_signo == (unsigned)SIGRTMIN &&
	       got[1].ssi_int == 4 && !came);
	expect(poll(&p, 1, 0) == 0 && !close(fd));
	expect(!sigprocmask(SIG_UNBLOCK, &set, NULL) && !came);
}

/* The timer's thread sends the signal to a thread that waits. */
static void signals_as_files_wake_a_waiter(void)
{
	struct itimerval soon = { .it_value.tv_usec = 20000 };
	struct epoll_event e = { .events = EPOLLIN };
	struct signalfd_siginfo got;
	sigset_t set = set_of(SIGALRM);
	struct pollfd p = { .events = POLLIN };
	int ep = epoll_create1(0);

	expect(!sigprocmask(SIG_BLOCK, &set, NULL));
	p.fd = signalfd(-1, &set, 0);
	expect(p.fd >= 0 && !epoll_ctl(ep, EPOLL_CTL_ADD, p.fd, &e));
	expect(!setitimer(ITIMER_REAL, &soon, NULL));
	expect(poll(&p, 1, LONG * 1000) == 1 && read(p.fd, &got, sizeof(got)) == sizeof(got));
	expect(!setitimer(ITIMER_REAL, &soon, NULL));
	expect(epoll_wait(ep, &e, 1, LONG * 1000) == 1);
	expect(read(p.fd, &got, sizeof(got)) == sizeof(got) && got.ssi_signo == SIGALRM);
	expect(epoll_wait(ep, &e, 1, 0) == 0);
	expect(!close(ep) && !close(p.fd) && !sigprocmask(SIG_UNBLOCK, &set, NULL));
}

/* Its second expiry is further away than any time. */
static void a_huge_interval(void)
{
	struct itimerspec to = { .it_value.tv_nsec = 1000000, .it_interval.tv_sec = INT64_MAX };
	int fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
	struct pollfd p = { .fd = fd, .events = POLLIN };
	uint64_t n;

	expect(!timerfd_settime(fd, 0, &to, NULL));
	expect(poll(&p, 1, LONG * 1000) == 1 && read(fd, &n, 8) == 8 && n == 1);
	expect(poll(&p, 1, 20) == 0);
	expect(!close(fd));
}

void test_timers(void)
{
	signals_are_queued();
	a_thread_that_computes_is_interrupted();
	a_handler_jumps_out();
	a_handler_leaves_a_call();
	a_handler_leaves_a_call_with_memory(poll_many);
	a_handler_leaves_a_call_with_memory(select_many);
	the_mask_is_the_outer_one_again();
	locks_handle_signals();
	interval_timers();
	timers_of_posix();
	timers_as_files();
	signals_as_files();
	signals_as_files_wake_a_waiter();
	a_huge_interval();
}

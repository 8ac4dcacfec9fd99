/* SPDX-License-Identifier: ISC */
/*
 * Signals between threads, as servers use them (POSIX.1-2017, 2.4).  The program also
 * runs on Linux, with the same results.
 */
#define _GNU_SOURCE
#include "../test.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdbool.h>
#include <stdint.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define MS 1000
#define LONG 20				/* seconds: longer than any wait of a passing test */

static volatile int came, came_in_other;
static pthread_t main_thread;

static void handler(int sig)
{
	came += sig;
	if (!pthread_equal(pthread_self(), main_thread))
		came_in_other++;
}

static void handle(int sig, int flags)
{
	struct sigaction act = { .sa_handler = handler, .sa_flags = flags };

	came = came_in_other = 0;
	expect(!sigaction(sig, &act, NULL));
}

static sigset_t set_of(int sig)
{
	sigset_t set;

	sigemptyset(&set);
	if (sig)
		sigaddset(&set, sig);
	return set;
}

static void block(int how, int sig)
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

static int tcp[2], udp, pair[2], ends[2], full[2], listener, event, set;

static int in_read(void) { char c; return read(ends[0], &c, 1); }
static int in_write(void) { char c[9000] = ""; return write(full[1], c, sizeof(c)); }
static int in_recv(void) { char c; return recv(tcp[0], &c, 1, 0); }
static int in_recvfrom(void) { char c; return recvfrom(udp, &c, 1, 0, NULL, NULL); }
static int in_pair(void) { char c; return recv(pair[0], &c, 1, 0); }
static int in_accept(void) { return accept(listener, NULL, NULL); }
static int in_eventfd(void) { uint64_t n; return read(event, &n, sizeof(n)); }
static sem_t sem;
static int in_sem(void) { return sem_wait(&sem); }

static int in_poll(void)
{
	struct pollfd fd = { .fd = ends[0], .events = POLLIN };

	return poll(&fd, 1, LONG * 1000);
}

static int in_select(void)
{
	struct timeval time = { .tv_sec = LONG };
	fd_set fds;

	FD_ZERO(&fds);
	FD_SET(ends[0], &fds);
	return select(ends[0] + 1, &fds, NULL, NULL, &time);
}

static int in_epoll(void)
{
	struct epoll_event e;

	return epoll_wait(set, &e, 1, LONG * 1000);
}

static int in_nanosleep(void)
{
	struct timespec time = { .tv_sec = LONG }, remain = { 0 };
	int rc = nanosleep(&time, &remain);

	expect(remain.tv_sec < LONG && remain.tv_sec >= LONG - 15);
	return rc;
}

static int in_usleep(void)
{
	int rc = usleep(900 * MS);

	return rc ? rc : usleep(900 * MS);
}

static int in_sleep(void)
{
	int rest = sleep(LONG);

	expect(rest > LONG - 15);
	errno = EINTR;
	return rest ? -1 : 0;
}

static int in_clock_nanosleep(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	time.tv_sec += LONG;
	errno = clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &time, NULL);
	return errno ? -1 : 0;
}

static int in_sigtimedwait(void)
{
	struct timespec time = { .tv_sec = LONG };
	sigset_t usr2 = set_of(SIGUSR2);

	return sigtimedwait(&usr2, NULL, &time);
}

static int in_recv_with_timeout(void)
{
	struct timeval time = { .tv_sec = LONG }, none = { 0 };
	int rc, error;

	expect(!setsockopt(tcp[0], SOL_SOCKET, SO_RCVTIMEO, &time, sizeof(time)));
	rc = in_recv();
	error = errno;
	expect(!setsockopt(tcp[0], SOL_SOCKET, SO_RCVTIMEO, &none, sizeof(none)));
	errno = error;
	return rc;
}

static void feed_read(void) { expect(write(ends[1], "x", 1) == 1); }
static void feed_write(void) { char c[20000]; read(full[0], c, sizeof(c)); }
static void feed_recv(void) { expect(send(tcp[1], "x", 1, 0) == 1); }
static void feed_pair(void) { expect(send(pair[1], "x", 1, 0) == 1); }
static void feed_eventfd(void) { uint64_t n = 1; expect(write(event, &n, sizeof(n)) == 8); }
static void feed_sem(void) { sem_post(&sem); }

static void feed_recvfrom(void)
{
	struct sockaddr_in to;
	socklen_t len = sizeof(to);

	expect(!getsockname(udp, (void *)&to, &len));
	expect(sendto(udp, "x", 1, 0, (void *)&to, len) == 1);
}

static void feed_accept(void)
{
	struct sockaddr_in to;
	socklen_t len = sizeof(to);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	expect(!getsockname(listener, (void *)&to, &len));
	expect(!connect(fd, (void *)&to, len));
	close(fd);
}

static const struct wait {
	const char *name;
	int (*call)(void);
	void (*feed)(void);		/* it restarts with SA_RESTART, and this ends it; NULL: not */
} waits[] = {
	{ "read", in_read, feed_read },
	{ "write", in_write, feed_write },
	{ "recv", in_recv, feed_recv },
	{ "recvfrom", in_recvfrom, feed_recvfrom },
	{ "socketpair", in_pair, feed_pair },
	{ "accept", in_accept, feed_accept },
	{ "eventfd", in_eventfd, feed_eventfd },
	{ "sem_wait", in_sem, feed_sem },
	{ "poll", in_poll, NULL },
	{ "select", in_select, NULL },
	{ "epoll_wait", in_epoll, NULL },
	{ "nanosleep", in_nanosleep, NULL },
	{ "usleep", in_usleep, NULL },
	{ "sleep", in_sleep, NULL },
	{ "clock_nanosleep", in_clock_nanosleep, NULL },
	{ "sigtimedwait", in_sigtimedwait, NULL },
	{ "SO_RCVTIMEO", in_recv_with_timeout, NULL },
};

struct run {
	const struct wait *wait;
	sem_t there;
	int rc, error;
	volatile bool done;
};

static void *run(void *arg)
{
	struct run *r = arg;

	sem_post(&r->there);
	r->rc = r->wait->call();
	r->error = errno;
	r->done = true;
	return NULL;
}

static void interrupt(const struct wait *w, bool restart)
{
	struct run r = { .wait = w };
	pthread_t t;

	sem_init(&r.there, 0, 0);
	handle(SIGUSR1, restart ? SA_RESTART : 0);
	expect(!pthread_create(&t, NULL, run, &r));
	sem_wait(&r.there);
	usleep(30 * MS);
	expect(!r.done && !pthread_kill(t, SIGUSR1));
	if (restart && w->feed) {
		for (int i = 0; !came_in_other && i < 1000; i++)
			usleep(MS);
		usleep(10 * MS);
		if (r.done)
			test_failure("%s does not restart: %d, %d", w->name, r.rc, r.error);
		w->feed();
		expect(!pthread_join(t, NULL));
		if (r.rc < 0)
			test_failure("%s, restarted, gives %d, %d", w->name, r.rc, r.error);
	} else {
		expect(!pthread_join(t, NULL));
		if (r.rc != -1 || r.error != EINTR)
			test_failure("%s gives %d, %d, not EINTR", w->name, r.rc, r.error);
	}
	if (came != SIGUSR1 || came_in_other != 1)
		test_failure("%s: %d, and in the thread %d times", w->name, came, came_in_other);
}

static void make_files(void)
{
	struct sockaddr_in to = { .sin_family = AF_INET,
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct epoll_event e = { .events = EPOLLIN };
	socklen_t len = sizeof(to);
	char c[4096] = "";

	listener = socket(AF_INET, SOCK_STREAM, 0);
	expect(!bind(listener, (void *)&to, len) && !listen(listener, 5));
	expect(!getsockname(listener, (void *)&to, &len));
	tcp[1] = socket(AF_INET, SOCK_STREAM, 0);
	expect(!connect(tcp[1], (void *)&to, len));
	tcp[0] = accept(listener, NULL, NULL);
	expect(tcp[0] >= 0);
	to.sin_port = 0;
	udp = socket(AF_INET, SOCK_DGRAM, 0);
	expect(!bind(udp, (void *)&to, len));
	expect(!socketpair(AF_UNIX, SOCK_STREAM, 0, pair) && !pipe(ends) && !pipe(full));
	fcntl(full[1], F_SETFL, O_NONBLOCK);
	while (write(full[1], c, sizeof(c)) > 0)
		;
	fcntl(full[1], F_SETFL, 0);
	event = eventfd(0, 0);
	set = epoll_create1(0);
	e.data.fd = ends[0];
	expect(!epoll_ctl(set, EPOLL_CTL_ADD, ends[0], &e));
	sem_init(&sem, 0, 0);
}

/* ---- masks of ppoll() and others; what is ignored; flags */

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

	return epoll_pwait(set, &e, 1, LONG * 1000, mask);
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
	expect(!pthread_join(t, NULL) && came == SIGUSR1);	/* after the mask is gone */
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
	/* sa_mask: SIGUSR2 comes after the handler of SIGUSR1. */
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
	make_files();
	a_thread_waits_for_the_end();
	a_mask_is_inherited();
	main_handles_what_others_block();
	one_thread_pauses();
	for (unsigned i = 0; i < sizeof(waits) / sizeof(*waits); i++) {
		interrupt(&waits[i], false);
		interrupt(&waits[i], true);
	}
	a_call_takes_its_mask(masked_ppoll);
	a_call_takes_its_mask(masked_pselect);
	a_call_takes_its_mask(masked_epoll);
	sigsuspend_waits();
	sigtimedwait_waits();
	what_is_ignored_interrupts_nothing();
	flags_and_masks_of_a_handler();
	a_storm_loses_no_wake_up();
	test_success();
}

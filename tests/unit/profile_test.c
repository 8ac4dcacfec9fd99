/* SPDX-License-Identifier: ISC */
/*
 * kernel/profile.c, control/profile_methods.c, and kernel/sched.c's upcalls in kernel code
 * that they need.
 */
#include "control/command.h"
#include "control/control_internal.h"
#include "kernel/clock.h"
#include "kernel/param.h"
#include "kernel/sched.h"
#include "tests/host/host.h"
#include "tests/unit/operator.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define IDLE UINT32_MAX
#define HEAD 6

static uint64_t samples, last_time;
static uint64_t by_thread[16], idle;	/* samples */

static size_t read_record(const uint32_t *w, size_t words)
{
	uint64_t time = w[2] | (uint64_t)w[3] << 32;
	uint32_t n = w[0] - HEAD;

	assert(words >= HEAD && words >= w[0] && w[0] >= HEAD && n <= 64);
	assert(time >= last_time && time <= clock_now() / 1000);
	last_time = time;
	if (w[1] == IDLE) {
		assert(n == 0);
		idle++;
	} else {
		assert(w[1] < 16 && n >= 1);
		by_thread[w[1]]++;
		for (uint32_t i = 1; i < n; i++)
			assert(w[HEAD + i] == w[HEAD] + i);
	}
	samples++;
	return w[0];
}

static void up(void)
{
	static char none[1];

	host.profiled = false;
	host_boot();
	assert(param_init(none) == 0);
	if (!reply)
		reply = malloc(COMMAND_MAX);
	profile_methods_add();
}

static void down(void)
{
	free(reply);
	reply = NULL;
	assert(arch_shared_info.vcpu_info[0].evtchn_upcall_mask);
}

static void profile(unsigned hz, unsigned ms)
{
	char message[160];

	snprintf(message, sizeof(message), "{\"method\":\"org.xenolith.profile1.Sample\",\"more\":"
		 "true,\"parameters\":{\"hz\":%u,\"ms\":%u}}", hz, ms);
	ask(message);
}

/* ---- what is sampled */

static bool stop;
static uint64_t used[16];		/* ns of CPU time, by the scheduler's account */

/* Kernel code which is busy for some 100 us, as it counts, and sleeps as long. */
static void work_in_kernel(void *arg)
{
	volatile uint64_t turns = 0;

	(void)arg;
	while (!stop) {
		for (unsigned i = host_below(200); i; i--) {
			host_advance(1000);
			turns++;	/* where an upcall is possible */
		}
		thread_sleep(clock_now() + host_below(200000));
	}
}

static void work_in_application(void *arg)
{
	(void)arg;
	while (!__atomic_load_n(&stop, __ATOMIC_RELAXED)) {
		for (unsigned i = host_below(200); i; i--) {
			host_advance(1000);
			host_preempt();
		}
		kernel_enter();
		thread_sleep(clock_now() + host_below(300000));
		kernel_leave();
	}
	kernel_enter();
}

static void join(unsigned threads)
{
	stop = true;
	while (thread_count() > threads)
		thread_sleep(clock_now() + NSEC_PER_MSEC);
}

static void look_at(const struct thread *t, void *arg)
{
	(void)arg;
	used[t->id] = t->cpu_time - used[t->id];
}

static void expect_share(uint64_t got, uint64_t work, uint64_t all)
{
	double is = (double)got / samples, should = (double)work / all;

	if (is < should - 0.07 || is > should + 0.07)
		host_fail("%.3f of the samples for %.3f of the time", is, should);
}

static void shares_are_those_of_time(void)
{
	uint64_t start;

	up();
	host.accesses = 16;
	for (unsigned i = 0; i < 2; i++)
		thread_start("kernel", THREAD_KERNEL, STACK_KERNEL, work_in_kernel, NULL, NULL);
	thread_start("app", THREAD_APP, STACK_KERNEL, work_in_application, NULL, NULL);
	thread_list(look_at, NULL);
	start = clock_now();
	profile(1000, 1000);
	start = clock_now() - start;
	thread_list(look_at, NULL);
	assert(ended && !error && !lost && samples == taken);
	assert(samples > 900 && samples < 1100);
	for (unsigned i = 1; i < 4; i++)
		expect_share(by_thread[i], used[i], start);
	join(1);
	down();
}

/* Samples at the same pace would all meet it, or none would. */
static void work_each_ms(void *arg)
{
	volatile uint64_t turns = 0;
	uint64_t next = clock_now();

	(void)arg;
	while (!stop) {
		for (unsigned i = 300; i; i--) {
			host_advance(700);
			turns++;
		}
		thread_sleep(next += NSEC_PER_MSEC);
	}
}

static void rhythm_is_no_matter(void)
{
	uint64_t start;

	up();
	host.accesses = 16;
	thread_start("rhythm", THREAD_KERNEL, STACK_KERNEL, work_each_ms, NULL, NULL);
	thread_list(look_at, NULL);
	start = clock_now();
	profile(1000, 1000);
	start = clock_now() - start;
	thread_list(look_at, NULL);
	expect_share(by_thread[1], used[1], start);
	join(1);
	down();
}

static void rate_and_time_are_as_asked(void)
{
	unsigned hz = 10 + host_below(2000), ms = 100 + host_below(3000);
	uint64_t start;

	up();
	start = clock_now();
	profile(hz, ms);
	assert(ended && !error && lost == 0 && samples == taken);
	assert(clock_now() - start >= ms * NSEC_PER_MSEC);
	assert(clock_now() - start < (ms + ms / 10 + 20) * NSEC_PER_MSEC);
	assert(samples * 1000 < (hz * 13 / 10 + 1) * ms + 3000);
	assert((samples + 3) * 1000 > hz * 7 / 10 * ms);
	assert(idle > samples / 2);
	down();
}

static void who_is_slow_loses_and_is_told(void)
{
	uint64_t start;

	up();
	start = clock_now();
	slow = 500 * NSEC_PER_MSEC;
	thread_start("kernel", THREAD_KERNEL, STACK_KERNEL, work_in_kernel, NULL, NULL);
	profile(10000, 3000);
	assert(ended && !error && lost && taken == samples);
	assert(taken + lost > 10000 && taken + lost < 36000);
	assert(clock_now() - start < 60 * NSEC_PER_SEC);
	join(1);
	down();
}

static void ends_with_the_operator(void)
{
	uint64_t idles;

	up();
	stay = 1 + host_below(5);
	profile(1000, 3600 * 1000);
	assert(replies == stay + 1);	/* the last one had no receiver */
	thread_sleep(clock_now() + 10 * NSEC_PER_MSEC);
	idles = sched_stats.idles;
	thread_sleep(clock_now() + 3600 * NSEC_PER_SEC);
	assert(sched_stats.idles - idles < 200);
	down();
}

static void begins_anew_each_time(void)
{
	up();
	for (unsigned i = 0; i < 3; i++) {
		samples = 0;
		profile(1000, 300);
		assert(ended && !error && samples == taken && lost == 0);
	}
	down();
}

static void refuses(void)
{
	static const char *const bad[] = {
		"{\"method\":\"org.xenolith.profile1.Sample\"}",
		"{\"method\":\"org.xenolith.profile1.Sample\",\"more\":true,"
		"\"parameters\":{\"hz\":0}}",
		"{\"method\":\"org.xenolith.profile1.Sample\",\"more\":true,"
		"\"parameters\":{\"hz\":100000}}",
		"{\"method\":\"org.xenolith.profile1.Sample\",\"more\":true,"
		"\"parameters\":{\"ms\":-1}}",
		"{\"method\":\"org.xenolith.profile1.Symbols\",\"parameters\":{\"from\":\"x\"}}",
	};

	up();
	for (unsigned i = 0; i < HOST_COUNT(bad); i++) {
		ask(bad[i]);
		assert(error && ended && replies == 1);
	}
	down();
}

static void no_memory_is_an_error(void)
{
	host_set_memory(256 << 10);
	up();
	profile(1000, 1000);
	assert(error && ended && replies == 1);
	down();
}

int main(int argc, char **argv)
{
	static const struct host_claim claims[] = {
		{ "kernel, application and idle get samples by their time",
		  shares_are_those_of_time, 6 },
		{ "code that runs at the pace of the samples is not missed",
		  rhythm_is_no_matter, 6 },
		{ "the rate and the duration are as requested",
		  rate_and_time_are_as_asked, 20 },
		{ "records that are not read are lost and counted",
		  who_is_slow_loses_and_is_told, 5 },
		{ "the profile and its timer end when the operator disconnects",
		  ends_with_the_operator, 40 },
		{ "each profile begins anew", begins_anew_each_time, 10 },
		{ "a lack of memory is an error", no_memory_is_an_error, 1 },
		{ "invalid parameters are refused", refuses, 5 },
	};

	return host_main(argc, argv, claims, HOST_COUNT(claims));
}

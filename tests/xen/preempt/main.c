/* SPDX-License-Identifier: ISC */
/*
 * Threads compute with x87, SSE and AVX, each with its own rounding mode, while events
 * preempt them for argv[1] seconds (default: 5).  The results equal those of an
 * undisturbed run.
 */
#include "kernel/clock.h"
#include "kernel/sched.h"
#include "tests/xen/test.h"

#include <immintrin.h>
#include <math.h>
#include <pthread.h>
#include <stdbool.h>
#include <time.h>
#include <unistd.h>

#define ROUNDS 4000

struct work {
	const char *name;
	void (*compute)(double result[8]);
	unsigned mxcsr;			/* with which rounding */
	double expected[8];
	unsigned long runs;
};

static volatile bool enough;

/*
 * The logistic map, x = rx(1 - x): a single lost bit, or another rounding, at any time
 * changes the result.  It uses ten of sixteen registers.
 */
#define R 3.99

static void sse(double result[8])
{
	const __m128d r = _mm_set1_pd(R), one = _mm_set1_pd(1);
	__m128d v[8];

	for (int i = 0; i < 8; i++)
		v[i] = _mm_set_pd(1.0 / (i + 3), 0.1 * i + 0.05);
	for (int n = 0; n < ROUNDS; n++)
		for (int i = 0; i < 8; i++)
			v[i] = _mm_mul_pd(r, _mm_mul_pd(v[i], _mm_sub_pd(one, v[i])));
	for (int i = 0; i < 8; i++)
		result[i] = v[i][0] - v[i][1] / 3;
}

__attribute__((target("avx2"))) static void avx(double result[8])
{
	const __m256d r = _mm256_set1_pd(R), one = _mm256_set1_pd(1);
	__m256d v[8];

	for (int i = 0; i < 8; i++)
		v[i] = _mm256_set_pd(1.0 / (i + 3), 0.1 * i + 0.05, 0.9 / (i + 2), 0.7 / (i + 1));
	for (int n = 0; n < ROUNDS; n++)
		for (int i = 0; i < 8; i++)
			v[i] = _mm256_mul_pd(r, _mm256_mul_pd(v[i], _mm256_sub_pd(one, v[i])));
	for (int i = 0; i < 8; i++)
		result[i] = v[i][0] - v[i][1] / 3 + v[i][2] / 5 - v[i][3] / 7;
	_mm256_zeroupper();
}

static void x87(double result[8])
{
	long double a = 0.1L, b = 0.2L, c = 0.3L, d = 0.4L;

	for (int n = 0; n < ROUNDS; n++) {
		a = (long double)R * a * (1 - a);
		b = (long double)R * b * (1 - b);
		c = (long double)R * c * (1 - c);
		d = (long double)R * d * (1 - d);
	}
	for (int i = 0; i < 8; i++)
		result[i] = (i & 1 ? a : b) + (i & 2 ? c : d) / (i + 1);
}

/* CPUID: AVX and OSXSAVE, AVX2; XGETBV: whether Xen saves its registers. */
static bool have_avx(void)
{
	unsigned a = 1, b, c = 0, d;

	__asm__("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d));
	if ((c >> 27 & 3) != 3)
		return false;
	a = 7;
	c = 0;
	__asm__("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d));
	if (!(b >> 5 & 1))
		return false;
	__asm__("xgetbv" : "=a"(a), "=d"(d) : "c"(0));
	return (a & 6) == 6;
}

static void run(struct work *w, double result[8])
{
	_mm_setcsr(w->mxcsr);
	w->compute(result);
	expect_equal(_mm_getcsr() & 0x6000, w->mxcsr & 0x6000);
}

static void *worker(void *arg)
{
	struct work *w = arg;
	double result[8];

	while (!enough) {
		run(w, result);
		for (int i = 0; i < 8; i++) {
			double got = result[i], want = w->expected[i];

			if (got != want)
				test_failure("%s, run %lu, value %d: %.17g, not %.17g",
					     w->name, w->runs, i, got, want);
		}
		w->runs++;
	}
	return NULL;
}

__attribute__((target("avx"))) static void overwrite_avx(void)
{
	_mm256_zeroall();
}

/*
 * A kernel thread that wakes all the time: each time an event interrupts a worker, and
 * the registers it computes in are overwritten.
 */
static void disturb(void *arg)
{
	bool avx_too = have_avx();

	while (!enough) {
		thread_sleep(clock_now() + 200000);
		__asm__ volatile("pxor %%xmm0, %%xmm0; movaps %%xmm0, %%xmm1\n"
				 "movaps %%xmm0, %%xmm2; movaps %%xmm0, %%xmm7\n"
				 "movaps %%xmm0, %%xmm8; movaps %%xmm0, %%xmm15\n"
				 "fninit" : : : "memory");
		if (avx_too)
			overwrite_avx();
		*(unsigned long *)arg += 1;
	}
	*(unsigned long *)arg |= 1ul << 63;
}

int main(int argc, char **argv)
{
	struct work work[] = {
		{ .name = "sse", sse, 0x1f80 },
		{ .name = "sse, rounding up", sse, 0x5f80 },
		{ .name = "x87", x87, 0x1f80 },
		{ .name = "avx", avx, 0x1f80 },
		{ .name = "avx, rounding down", avx, 0x3f80 },
	};
	unsigned n = have_avx() ? 5 : 3, seconds = argc > 1 ? atoi(argv[1]) : 5;
	unsigned long before = sched_stats.preemptions;
	static volatile unsigned long disturbed;
	pthread_t threads[5];

	for (unsigned i = 0; i < n; i++) {
		run(&work[i], work[i].expected);
		for (int k = 0; k < 8; k++)
			expect(isfinite(work[i].expected[k]));
	}
	_mm_setcsr(0x1f80);
	expect(work[0].expected[0] != work[1].expected[0]);
	for (unsigned i = 0; i < n; i++)
		expect_equal(pthread_create(&threads[i], NULL, worker, &work[i]), 0);
	kernel_enter();
	expect(thread_start("disturb", THREAD_KERNEL, STACK_KERNEL, disturb,
			    (void *)&disturbed, NULL));
	kernel_leave();
	sleep(seconds);
	enough = true;
	for (unsigned i = 0; i < n; i++) {
		pthread_join(threads[i], NULL);
		printf("%s: %lu runs\n", work[i].name, work[i].runs);
		expect(work[i].runs > 0);
	}
	while (!(disturbed >> 63))
		usleep(1000);
	before = sched_stats.preemptions - before;
	printf("%lu preemptions%s\n", before, n < 5 ? "; no AVX here" : "");
	if (before < seconds * 10)
		test_error("only %lu preemptions", before);
	test_success();
}

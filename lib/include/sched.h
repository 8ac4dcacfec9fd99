/* SPDX-License-Identifier: ISC */
/* newlib's <sched.h>, and sets of CPUs as on Linux. There is one CPU, number 0. */
#ifndef XENOLITH_SCHED_H
#define XENOLITH_SCHED_H

#include_next <sched.h>

#if __GNU_VISIBLE
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

#define CPU_SETSIZE	1024
#define __NCPUBITS	64

typedef unsigned long __cpu_mask;
typedef struct {
	__cpu_mask __bits[CPU_SETSIZE / __NCPUBITS];
} cpu_set_t;

#define __CPU_WORD(cpu, set)	(((__cpu_mask *)(set))[(size_t)(cpu) / __NCPUBITS])
#define __CPU_BIT(cpu)		(1ul << (cpu) % __NCPUBITS)
#define CPU_ALLOC_SIZE(n)	(((n) + __NCPUBITS - 1) / __NCPUBITS * sizeof(__cpu_mask))
#define CPU_ALLOC(n)		((cpu_set_t *)__builtin_calloc(1, CPU_ALLOC_SIZE(n)))
#define CPU_FREE(set)		__builtin_free(set)

#define CPU_ZERO_S(size, set)	((void)__builtin_memset(set, 0, size))
#define CPU_SET_S(cpu, size, set) \
	((size_t)(cpu) / 8 < (size) ? (void)(__CPU_WORD(cpu, set) |= __CPU_BIT(cpu)) : (void)0)
#define CPU_CLR_S(cpu, size, set) \
	((size_t)(cpu) / 8 < (size) ? (void)(__CPU_WORD(cpu, set) &= ~__CPU_BIT(cpu)) : (void)0)
#define CPU_ISSET_S(cpu, size, set) \
	((size_t)(cpu) / 8 < (size) && (__CPU_WORD(cpu, set) & __CPU_BIT(cpu)) != 0)
#define CPU_COUNT_S(size, set)	__sched_cpucount(size, set)
#define CPU_EQUAL_S(size, a, b)	(__builtin_memcmp(a, b, size) == 0)

#define CPU_ZERO(set)		CPU_ZERO_S(sizeof(cpu_set_t), set)
#define CPU_SET(cpu, set)	CPU_SET_S(cpu, sizeof(cpu_set_t), set)
#define CPU_CLR(cpu, set)	CPU_CLR_S(cpu, sizeof(cpu_set_t), set)
#define CPU_ISSET(cpu, set)	CPU_ISSET_S(cpu, sizeof(cpu_set_t), set)
#define CPU_COUNT(set)		CPU_COUNT_S(sizeof(cpu_set_t), set)
#define CPU_EQUAL(a, b)		CPU_EQUAL_S(sizeof(cpu_set_t), a, b)

static inline int __sched_cpucount(size_t size, const cpu_set_t *set)
{
	int count = 0;

	for (size_t i = 0; i < size / sizeof(__cpu_mask); i++)
		count += __builtin_popcountl(set->__bits[i]);
	return count;
}

/* pid: 0, or that of the process.  Setting: EINVAL if the set does not have CPU 0. */
int sched_getaffinity(pid_t pid, size_t size, cpu_set_t *set);
int sched_setaffinity(pid_t pid, size_t size, const cpu_set_t *set);

#ifdef __cplusplus
}
#endif
#endif

#endif

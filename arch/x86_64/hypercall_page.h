/* SPDX-License-Identifier: ISC */
/*
 * The call into Xen by the hypercall page, which Xen fills in: arguments in rdi, rsi,
 * rdx, r10, r8, the result in rax.
 */
#ifndef ARCH_X86_64_HYPERCALL_PAGE_H
#define ARCH_X86_64_HYPERCALL_PAGE_H

#include <stdint.h>
#include <xen/xen.h>

#define HYPERCALL(nr, a, b, c, d)						\
	({									\
		unsigned long a_ = (unsigned long)(a), b_ = (unsigned long)(b),	\
			      c_ = (unsigned long)(c);				\
		register unsigned long d_ __asm__("r10") = (unsigned long)(d);	\
		long rc_;							\
		__asm__ volatile("call hypercall_page + %c[n] * 32"		\
				 : "=a"(rc_), "+D"(a_), "+S"(b_), "+d"(c_), "+r"(d_) \
				 : [n] "i"(nr)					\
				 : "memory", "rcx", "r8", "r11");		\
		rc_;								\
	})

#define hypercall1(nr, a) HYPERCALL(nr, a, 0, 0, 0)
#define hypercall2(nr, a, b) HYPERCALL(nr, a, b, 0, 0)
#define hypercall3(nr, a, b, c) HYPERCALL(nr, a, b, c, 0)
#define hypercall4(nr, a, b, c, d) HYPERCALL(nr, a, b, c, d)

#endif

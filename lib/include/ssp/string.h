/* SPDX-License-Identifier: ISC */
/*
 * What <string.h> adds with _FORTIFY_SOURCE: a call whose destination is too small, as far as the
 * compiler knows its size, ends the program (__chk_fail()). As in glibc these are inline
 * functions: newlib's are macros, which break members and arguments that have commas, and C++.
 * Source: gcc's manual, Object Size Checking Builtins.
 */
#include <sys/features.h>

#if __SSP_FORTIFY_LEVEL == 0 || defined(__clang__)
#include_next <ssp/string.h>
#elif !defined(XENOLITH_SSP_STRING_H)
#define XENOLITH_SSP_STRING_H

#include <ssp/ssp.h>

#define __SSP_CHECKED3(type, name, to, from, bos) \
	__ssp_inline type name(to __d, from __s, size_t __n) \
	{ \
		return __builtin___ ## name ## _chk(__d, __s, __n, bos(__d)); \
	}
#define __SSP_CHECKED2(name) \
	__ssp_inline char *name(char *__restrict __d, const char *__restrict __s) \
	{ \
		return __builtin___ ## name ## _chk(__d, __s, __ssp_bos(__d)); \
	}

__BEGIN_DECLS
__SSP_CHECKED3(void *, memcpy, void *__restrict, const void *__restrict, __ssp_bos0)
__SSP_CHECKED3(void *, memmove, void *, const void *, __ssp_bos0)
__SSP_CHECKED3(void *, memset, void *, int, __ssp_bos0)
__SSP_CHECKED3(char *, strncpy, char *__restrict, const char *__restrict, __ssp_bos)
__SSP_CHECKED3(char *, strncat, char *__restrict, const char *__restrict, __ssp_bos)
__SSP_CHECKED2(strcpy)
__SSP_CHECKED2(strcat)
#if __GNU_VISIBLE
__SSP_CHECKED3(void *, mempcpy, void *__restrict, const void *__restrict, __ssp_bos0)
#endif
#if __POSIX_VISIBLE >= 200809
__SSP_CHECKED2(stpcpy)
__SSP_CHECKED3(char *, stpncpy, char *__restrict, const char *__restrict, __ssp_bos)
#endif
__END_DECLS

#undef __SSP_CHECKED2
#undef __SSP_CHECKED3
#endif

/* SPDX-License-Identifier: ISC */
/* What <stdio.h> adds with _FORTIFY_SOURCE, as inline functions: see <ssp/string.h>. */
#include <sys/features.h>

#if __SSP_FORTIFY_LEVEL == 0 || defined(__clang__)
#include_next <ssp/stdio.h>
#elif !defined(XENOLITH_SSP_STDIO_H)
#define XENOLITH_SSP_STDIO_H

#include <ssp/ssp.h>

__BEGIN_DECLS
__ssp_inline int sprintf(char *__restrict __d, const char *__restrict __format, ...)
{
	return __builtin___sprintf_chk(__d, 0, __ssp_bos(__d), __format, __builtin_va_arg_pack());
}
__ssp_inline int vsprintf(char *__restrict __d, const char *__restrict __format, __VALIST __list)
{
	return __builtin___vsprintf_chk(__d, 0, __ssp_bos(__d), __format, __list);
}
#if __ISO_C_VISIBLE >= 1999
__ssp_inline int snprintf(char *__restrict __d, size_t __n, const char *__restrict __format, ...)
{
	return __builtin___snprintf_chk(__d, __n, 0, __ssp_bos(__d), __format,
					__builtin_va_arg_pack());
}
__ssp_inline int vsnprintf(char *__restrict __d, size_t __n, const char *__restrict __format,
			   __VALIST __list)
{
	return __builtin___vsnprintf_chk(__d, __n, 0, __ssp_bos(__d), __format, __list);
}
#endif

/* fgets(), fread() and those without a lock. */
#define __SSP_FGETS(name) \
	__ssp_decl(char *, name, (char *__restrict __buf, int __len, FILE *__restrict __file)) \
	{ \
		if (__len > 0) \
			__ssp_check(__buf, (size_t)__len, __ssp_bos); \
		return __ssp_real(name)(__buf, __len, __file); \
	}
#define __SSP_FREAD(name) \
	__ssp_decl(size_t, name, (void *__restrict __buf, size_t __size, size_t __n, \
				  FILE *__restrict __file)) \
	{ \
		if (__ssp_bos_known(__buf) && __size && __n > __ssp_bos0(__buf) / __size) \
			__chk_fail(); \
		return __ssp_real(name)(__buf, __size, __n, __file); \
	}
__SSP_FGETS(fgets)
__SSP_FREAD(fread)
#if __GNU_VISIBLE
__SSP_FGETS(fgets_unlocked)
#endif
#if __MISC_VISIBLE
__SSP_FREAD(fread_unlocked)
#endif
__END_DECLS

#undef __SSP_FGETS
#undef __SSP_FREAD
#endif

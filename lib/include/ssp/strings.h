/* SPDX-License-Identifier: ISC */
/* What <strings.h> adds with _FORTIFY_SOURCE, as inline functions: see <ssp/string.h>. */
#include <sys/features.h>

#if __SSP_FORTIFY_LEVEL == 0 || defined(__clang__)
#include_next <ssp/strings.h>
#elif !defined(XENOLITH_SSP_STRINGS_H)
#define XENOLITH_SSP_STRINGS_H

#include <ssp/ssp.h>

__BEGIN_DECLS
#if __BSD_VISIBLE || __POSIX_VISIBLE <= 200112
__ssp_inline void bcopy(const void *__s, void *__d, size_t __n)
{
	(void)__builtin___memmove_chk(__d, __s, __n, __ssp_bos0(__d));
}
__ssp_inline void bzero(void *__d, size_t __n)
{
	(void)__builtin___memset_chk(__d, 0, __n, __ssp_bos0(__d));
}
#endif
#if __BSD_VISIBLE
__ssp_redirect0(void, explicit_bzero, (void *__buf, size_t __len), (__buf, __len))
#endif
__END_DECLS
#endif

/* SPDX-License-Identifier: ISC */
/* Options of AddressSanitizer with which the tests take half of their time.  They count the
   memory of fs/ themselves, so leaks need not be searched for. */
const char *__asan_default_options(void);

const char *__asan_default_options(void)
{
	return "quarantine_size_mb=8:malloc_context_size=6:detect_leaks=0";
}

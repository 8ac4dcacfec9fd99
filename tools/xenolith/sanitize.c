/* SPDX-License-Identifier: ISC */
/* Options of AddressSanitizer: a command that ends at once need not free its memory; a server must. */
const char *__asan_default_options(void);
const char *__lsan_default_suppressions(void);

const char *__asan_default_options(void)
{
	return "detect_leaks=0";
}

/*
 * A thread that is cancelled in xs_read_watch() of the static libxenstore, which is built without threads,
 * loses the message that it waits for: 40 bytes for each disk that was detached.  The shared one frees it.
 */
const char *__lsan_default_suppressions(void)
{
	return "leak:read_message\n";
}

/* SPDX-License-Identifier: ISC */
/* String functions of lib/libc that read blocks, beside loops over bytes, at ends of pages. */
#include <stddef.h>

size_t our_strlen(const char *s);
void *our_memchr(const void *s, int byte, size_t n);
int our_memcmp(const void *first, const void *second, size_t n);
int our_strcmp(const char *a, const char *b);
int our_strncmp(const char *a, const char *b, size_t n);
char *our_strchr(const char *s, int byte);
char *our_strchrnul(const char *s, int byte);
char *our_strrchr(const char *s, int byte);
size_t our_strnlen(const char *s, size_t n);
size_t our_strspn(const char *s, const char *accept);
size_t our_strcspn(const char *s, const char *reject);
char *our_strpbrk(const char *s, const char *accept);
char *our_strcpy(char *restrict to, const char *restrict from);
char *our_stpcpy(char *restrict to, const char *restrict from);
char *our_strcat(char *restrict to, const char *restrict from);

#define strlen our_strlen
#define memchr our_memchr
#define memcmp our_memcmp
#define strcmp our_strcmp
#define strncmp our_strncmp
#define strchr our_strchr
#define strchrnul our_strchrnul
#define strrchr our_strrchr
#define strnlen our_strnlen
#define strspn our_strspn
#define strcspn our_strcspn
#define strpbrk our_strpbrk
#define strcpy our_strcpy
#define stpcpy our_stpcpy
#define strcat our_strcat
#include "lib/libc/memchr.c"
#include "lib/libc/memcmp.c"
#include "lib/libc/strcmp.c"
#include "lib/libc/strlen.c"
#include "lib/libc/strncmp.c"
#include "lib/libc/strchr.c"
#include "lib/libc/strspn.c"
#include "lib/libc/strrchr.c"
#include "lib/libc/strnlen.c"
#include "lib/libc/strcpy.c"
#undef strlen
#undef memchr
#undef memcmp
#undef strcmp
#undef strncmp
#undef strchr
#undef strchrnul
#undef strrchr
#undef strnlen
#undef strspn
#undef strcspn
#undef strpbrk
#undef strcpy
#undef stpcpy
#undef strcat

#include "tests/host/host.h"

#include <assert.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

#define AREA (3 * PAGE)			/* between two pages without access */

/* Two such areas: strings that end where `end` is cannot be read beyond it. */
static char *begin[2], *end[2];

static void map(void)
{
	for (int i = 0; i < 2; i++) {
		char *p = mmap(NULL, AREA + 2 * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		assert(p != MAP_FAILED);
		begin[i] = p + PAGE;
		end[i] = begin[i] + AREA;
		assert(!mprotect(begin[i], AREA, PROT_READ | PROT_WRITE));
	}
}

static void unmap(void)
{
	for (int i = 0; i < 2; i++)
		munmap(begin[i] - PAGE, AREA + 2 * PAGE);
}

/* Few values, so that equal bytes are frequent; also those beyond 127. */
static void fill(char *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		p[i] = "\1\177\200\377"[host_random() % 4];
}

static size_t plain_strlen(const char *s)
{
	size_t n = 0;

	while (s[n])
		n++;
	return n;
}

static const void *plain_memchr(const void *s, int byte, size_t n)
{
	const unsigned char *p = s;

	for (; n; n--, p++)
		if (*p == (unsigned char)byte)
			return p;
	return NULL;
}

static int plain_compare(const char *first, const char *second, size_t n, bool text)
{
	const unsigned char *a = (const void *)first, *b = (const void *)second;

	for (; n && *a == *b && !(text && !*a); n--)
		a++, b++;
	return n ? (*a > *b) - (*a < *b) : 0;
}

static int sign(int n)
{
	return (n > 0) - (n < 0);
}

/* Places of n bytes that end at a page without access, or `back` bytes before. */
static char *place(int area, size_t n, size_t back)
{
	return end[area] - back - n;
}

static void length(size_t n, size_t back)
{
	char *s = place(0, n + 1, back);

	fill(s, n);
	s[n] = 0;
	assert(our_strlen(s) == n && plain_strlen(s) == n);
}

/* The first or the last place of a byte, the 0 at the end included. */
static void search_string(size_t n, size_t back)
{
	char *s = place(0, n + 1, back), *first = s + n, *last = NULL;
	int byte = "\1\200x"[host_random() % 3];

	fill(s, n);
	s[n] = 0;
	if (s > begin[0])
		s[-1] = (char)byte;
	if (back)
		s[n + 1] = (char)byte;
	if (n)
		s[host_random() % n] = (char)byte;
	for (char *p = s; *p; p++)
		if (*p == (char)byte) {
			first = last ? first : p;
			last = p;
		}
	assert(our_strchrnul(s, byte) == first && our_strchr(s, byte | 256) == (n ? first : NULL));
	assert(our_strrchr(s, byte) == last);
	assert(our_strchr(s, 'y') == NULL && our_strrchr(s, 'y') == NULL);
	assert(our_strchr(s, 0) == s + n && our_strrchr(s, 0) == s + n);
	assert(our_strnlen(s, n + 1) == n && our_strnlen(s, n / 2) == n / 2 && our_strnlen(s, SIZE_MAX) == n);
}

/* The first bytes that are of a set, or are not. */
static void span(size_t n, size_t back)
{
	static const char *const sets[] = { "", "\377", "\1\200", "x\177y", "\177\1\200\377", "abc\200\1\177" };
	char *s = place(0, n + 1, back);

	fill(s, n);
	s[n] = 0;
	for (unsigned i = 0; i < sizeof(sets) / sizeof(sets[0]); i++) {
		const char *set = sets[i];
		size_t in = 0, out = 0, len = plain_strlen(set);

		while (in < n && plain_memchr(set, s[in], len))
			in++;
		while (out < n && !plain_memchr(set, s[out], len))
			out++;
		assert(our_strspn(s, set) == in && our_strcspn(s, set) == out);
		assert(our_strpbrk(s, set) == (out < n ? s + out : NULL));
	}
	for (char *p = s; p < s + n; p++)
		*p = 'k';
	assert(our_strcspn(s, "xyz") == n && our_strcspn(s, "vwxyz") == n && our_strspn(s, "k") == n);
}

/* Copies between two areas; only the bytes of the copy are written. */
static void copy(size_t n, size_t back, size_t back2)
{
	size_t half = n / 2;
	char *from = place(0, n + 1, back), *to = place(1, n + 1, back2);

	fill(from, n);
	from[n] = 0;
	if (to > begin[1])
		to[-1] = 'a';
	if (back2)
		to[n + 1] = 'z';
	memset(to, 'x', n + 1);
	assert(our_stpcpy(to, from) == to + n && !plain_compare(to, from, n + 1, false));
	memset(to, 'x', n + 1);
	assert(our_strcpy(to, from) == to && !plain_compare(to, from, n + 1, false));
	to[half] = 0;
	assert(our_strcat(to, from + half) == to && !plain_compare(to, from, n + 1, false));
	assert((to == begin[1] || to[-1] == 'a') && (!back2 || to[n + 1] == 'z'));
}

static void search(size_t n, size_t back)
{
	char *s = place(0, n, back);
	size_t at = n ? host_random() % n : 0;

	fill(s, n);
	assert(our_memchr(s, 'x', n) == plain_memchr(s, 'x', n));
	if (s > begin[0])
		s[-1] = 'x';
	if (back)
		s[n] = 'x';
	assert(!our_memchr(s, 'x', n));
	if (!n)
		return;
	s[at] = 'x';
	s[n - 1] = 'x';
	assert(our_memchr(s, 'x' | 256, n) == s + at);
	assert(our_memchr(s, 'x', at) == NULL);
	assert(our_memchr(s, 'x', SIZE_MAX) == s + at);	/* more than there is */
	assert(our_memchr(s, 'x', n + 100) == s + at);
}

static void compare(size_t n, size_t back, size_t back2)
{
	char *a = place(0, n, back), *b = place(1, n, back2);
	size_t at = n ? host_random() % n : 0;

	fill(a, n);
	memcpy(b, a, n);
	assert(our_memcmp(a, b, n) == 0);
	if (!n)
		return;
	for (int i = 0; i < 2; i++) {	/* one difference, then two */
		fill(b + at, 1);
		assert(sign(our_memcmp(a, b, n)) == plain_compare(a, b, n, false));
		assert(sign(our_memcmp(b, a, n)) == plain_compare(b, a, n, false));
		at = n - 1;
	}
}

static void compare_strings(size_t n, size_t back, size_t back2)
{
	char *a = place(0, n + 1, back), *b = place(1, n + 1, back2);

	fill(a, n);
	a[n] = 0;
	memcpy(b, a, n + 1);
	assert(our_strcmp(a, b) == 0);
	if (back)
		a[n + 1] = 'x';		/* what follows the end does not count */
	assert(our_strcmp(a, b) == 0);
	if (!n)
		return;
	fill(b + host_random() % n, 1);
	assert(sign(our_strcmp(a, b)) == plain_compare(a, b, SIZE_MAX, true));
	for (int i = 0; i < 4; i++) {
		size_t most = host_random() % (n + 20);

		assert(sign(our_strncmp(a, b, most)) == plain_compare(a, b, most, true));
	}
	b[host_random() % n] = 0;	/* a shorter one */
	assert(sign(our_strncmp(a, b, SIZE_MAX)) == plain_compare(a, b, SIZE_MAX, true));
	assert(sign(our_strcmp(a, b)) == plain_compare(a, b, SIZE_MAX, true));
	assert(sign(our_strcmp(b, a)) == plain_compare(b, a, SIZE_MAX, true));
}

static void all(size_t n, size_t back, size_t back2)
{
	length(n, back);
	search(n, back);
	search_string(n, back);
	span(n, back);
	copy(n, back, back2);
	compare(n, back, back2);
	compare_strings(n, back, back2);
}

static void short_ones(void)
{
	map();
	for (size_t n = 0; n < 200; n++)
		for (int i = 0; i < 8; i++)
			all(n, host_random() % 70, host_random() % 70);
	unmap();
}

/* A block would cross a page in one string before it does in the other. */
static void across_pages(void)
{
	map();
	for (int i = 0; i < 50; i++)
		all(host_random() % (2 * PAGE - 1), host_random() % PAGE, host_random() % PAGE);
	unmap();
}

int main(int argc, char **argv)
{
	static const struct host_claim claims[] = {
		{ "short strings, up to the end of a page", short_ones, 20 },
		{ "long strings, across pages", across_pages, 20 },
	};

	return host_main(argc, argv, claims, HOST_COUNT(claims));
}

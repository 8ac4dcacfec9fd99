# SPDX-License-Identifier: ISC
"""Claims of tests/sdk/run about _FORTIFY_SOURCE, which optimized code gets by default.  Images run as processes."""

import os
import subprocess

from folders import ROOT

TARGET = "x86_64-xenolith-elf"
# A block of 8 bytes has 24 in this libc, so nothing else is damaged.
OVERFLOW = """#include <stdio.h>
#include <stdlib.h>
#include <string.h>
volatile size_t many = 16;
char text[32] = "fifteen letters";
int main(void) { char *p = (char *)malloc(8); memcpy(p, text, many); puts(p); return 0; }
"""
# What macros in place of functions would break, and a caller of each that has a check.
USES = """#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <stdlib.h>
#include <unistd.h>
#include <wchar.h>
struct pair { int a, b; };
struct calls { void *(*memcpy)(void *, const void *, size_t); int (*snprintf)(char *, size_t, const char *, ...); };
#define COMMAS "%d", 1
static char b[64], c[64];
static wchar_t w[64];
int main(int n, char **v)
{
	struct calls f = { memcpy, snprintf };
	struct pair p;
	FILE *null = fopen("/dev/null", "r");
#ifndef __cplusplus
	memcpy(&p, &(struct pair){ n, n }, sizeof(p));
#endif
	memset(&p, 1, sizeof(p)), memmove(b, c, 9), strncpy(b, v[0], sizeof(b)), strcpy(c, b), strcat(c, "x");
	strncat(c, "yz", 2), bzero(b, sizeof(b)), bcopy(c, b, 3), f.memcpy(b, c, 4);
	f.snprintf(b, sizeof(b), COMMAS), sprintf(b, COMMAS), snprintf(b, sizeof(b), COMMAS);
	stpcpy(b, c), stpncpy(b, c, sizeof(b)), mbstowcs(w, c, 60), wmemcpy(w, w + 32, 9);
	(void)n;
	return fread(b, 1, sizeof(b), null) + !!fgets(b, sizeof(b), null) + read(0, b, 0) + !getcwd(c, sizeof(c));
}
"""

claims = []


def claim(function):
    claims.append(function)
    return function


def ran(here, image):
    """The finished process: both outputs are in stdout."""
    env = {**os.environ, "PATH": f"{ROOT}:{os.environ['PATH']}", "XENOLITH_RUN": ""}
    return subprocess.run([here.root / f"bin/{TARGET}-run", image], cwd=here.folder, env=env, text=True, errors="replace",
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


def compilers(here):
    return ["gcc", *(["g++"] if (here.root / TARGET / "lib/libstdc++.a").exists() else [])]


@claim
def an_overflow_of_a_buffer_of_known_size_ends_with_a_report(here):
    here.write(over_c=OVERFLOW, over_cc=OVERFLOW, options="-Os\n")
    (here.folder / "off").write_text("-U_FORTIFY_SOURCE\n")
    for compiler in compilers(here):
        source = "over.cc" if compiler == "g++" else "over.c"
        for options, ends in ((("-O2",), True), (("-O2", "-D_FORTIFY_SOURCE=3"), True), (("@options",), True),
                              (("-O2", "-U_FORTIFY_SOURCE"), False), (("-O2", "@off"), False),
                              (("-O2", "-D", "_FORTIFY_SOURCE=0"), False), (("-O2", "-O0"), False)):
            assert not here.said(compiler, "-Werror", *options, source, "-o", "over"), options
            done = ran(here, "over")
            assert ("buffer overflow detected" in done.stdout) == ends, f"{options}: {done.stdout}"
            assert ("backtrace:" in done.stdout) == ends and ("fifteen" in done.stdout) != ends, f"{options}: {done.stdout}"
            assert (done.returncode != 0) == ends, (options, done.returncode)


@claim
def only_optimized_code_has_it_and_what_the_user_says_holds(here):
    for words, value in (("-O2", "2"), ("-O", "2"), ("-Os", "2"), ("-Og", "2"), ("", None), ("-O0", None),
                         ("-O2 -U_FORTIFY_SOURCE", None), ("-O2 -Wp,-U_FORTIFY_SOURCE", None),
                         ("-U_FORTIFY_SOURCE -O2", None), ("-O3 -D_FORTIFY_SOURCE=1", "1"), ("-O3 -D _FORTIFY_SOURCE=3", "3"),
                         ("-O0 -D_FORTIFY_SOURCE=2", "2")):
        said = here.gcc("-Werror", "-dM", "-E", "-x", "c", *words.split(), "/dev/null").splitlines()
        found = [line for line in said if "_FORTIFY_SOURCE" in line]
        assert found == [f"#define _FORTIFY_SOURCE {value}"] * (value is not None), (words, found)


@claim
def what_is_checked_compiles_as_before_and_passes(here):
    here.write(uses_c=USES, uses_cc=USES)
    for compiler in compilers(here):
        source = "uses.cc" if compiler == "g++" else "uses.c"
        for options in "-O2 -Wall -Wextra", "-O1 -fno-inline", "-O3 -D_FORTIFY_SOURCE=3", "-Os -flto":
            # The compiler sees that some calls truncate.
            said = here.said(compiler, *options.split(), "-Wno-stringop-truncation", source, "-o", "uses")
            assert not said, said
            done = ran(here, "uses")
            assert (done.returncode, done.stdout) == (0, ""), f"{options}: {done.stdout}"

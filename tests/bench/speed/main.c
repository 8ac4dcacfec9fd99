/* SPDX-License-Identifier: ISC */
/* SQLite's test/speedtest1.c, as it is: tests/bench/unix.py builds it for Linux, too. */
#include <speedtest1.c>

/* SPDX-License-Identifier: ISC */
/* SQLite's own programs, whose main functions have these names here. */
#ifndef OWN_H
#define OWN_H

int threadtest3_main(int argc, char **argv);
int speedtest1_main(int argc, char **argv);
int kvtest_main(int argc, char **argv);

/* I/O errors in each place of a transaction; how many there were. */
unsigned io_errors(const char *journal);

#endif

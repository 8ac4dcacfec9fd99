/* SPDX-License-Identifier: ISC */
/* For newlib's regcomp(), fnmatch() and glob(): there is no locale's order but C's. */
extern int __collate_load_error;
int __collate_load_error = 1;

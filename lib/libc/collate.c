/* SPDX-License-Identifier: ISC */
/*
 * For newlib's regcomp(), fnmatch() and glob(): the only collation order is that of the C
 * locale.
 */
extern int __collate_load_error;
int __collate_load_error = 1;

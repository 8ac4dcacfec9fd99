/* SPDX-License-Identifier: ISC */
/* An archive of an application (APP_LIBS), whose code calls functions of libgcc. */
__int128 archive_quotient(__int128 n, __int128 d);
__int128 archive_rest(__int128 n, __int128 d);
unsigned __int128 archive_unsigned_quotient(unsigned __int128 n, unsigned __int128 d);
unsigned __int128 archive_unsigned_rest(unsigned __int128 n, unsigned __int128 d);
float _Complex archive_float(float _Complex a, float _Complex b, int divide);
long double _Complex archive_long(long double _Complex a, long double _Complex b, int divide);
long double archive_value(__int128 n, int is_unsigned);

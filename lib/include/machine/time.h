/* SPDX-License-Identifier: ISC */
/*
 * Definitions that newlib leaves to the machine: the unit of clock(), which is 1 us in
 * POSIX.
 */
#ifndef XENOLITH_MACHINE_TIME_H
#define XENOLITH_MACHINE_TIME_H

#define _CLOCKS_PER_SEC_ 1000000

#endif

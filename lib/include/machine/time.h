/* SPDX-License-Identifier: ISC */
/* What newlib leaves to the machine: the unit of clock(), which POSIX sets to 1 us. */
#ifndef XENOLITH_MACHINE_TIME_H
#define XENOLITH_MACHINE_TIME_H

#define _CLOCKS_PER_SEC_ 1000000

#endif

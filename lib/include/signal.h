/* SPDX-License-Identifier: ISC */
/* newlib's <signal.h>, and flags of sigaction() that programs use. */
#ifndef XENOLITH_SIGNAL_H
#define XENOLITH_SIGNAL_H

#include_next <signal.h>

#ifndef SA_RESTART
#define SA_RESTART	0x10000000
#define SA_RESETHAND	0x80000000
#define SA_NODEFER	0x40000000
#define SA_ONSTACK	0x08000000
#define SA_NOCLDWAIT	0x00000002
#endif

#endif

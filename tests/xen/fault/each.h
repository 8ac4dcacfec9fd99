/* SPDX-License-Identifier: ISC */
#ifndef TESTS_XEN_FAULT_EACH_H
#define TESTS_XEN_FAULT_EACH_H

void each(void);			/* all cases of each.c, then the guest's end */

#endif

/* SPDX-License-Identifier: ISC */
/*
 * Attaches Xen's resources (the shared page, entries, ports, grant frames), at boot and after a
 * suspend.  control/suspend.h describes all of a suspend.  None of these functions sleep.
 */
#ifndef KERNEL_SUSPEND_H
#define KERNEL_SUSPEND_H

/* Attaches all of it at boot.  Panics if Xen refuses some of it. */
void kernel_attach(void);

/*
 * Suspends the domain; kernel_suspend() is called when nothing is in use that cannot be saved.
 * Returns 0 in a restored domain, which has none of the old ports, grants and maps; 1 if the
 * suspend was cancelled, and all of them are as before; -errno, and the same, if Xen refuses.
 */
int kernel_suspend(void);

#endif

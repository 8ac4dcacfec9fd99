/* SPDX-License-Identifier: ISC */
/* What the files of drivers/control share among themselves. */
#ifndef DRIVERS_CONTROL_INSIDE_H
#define DRIVERS_CONTROL_INSIDE_H

/* The kernel's own interfaces join the table (control_methods.c). */
void control_methods_add(void);

/* Serve the operator, unless `control=off`; xenstore is there (control_endpoint.c). */
void control_endpoint_start(void);

#endif

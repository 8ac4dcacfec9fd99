/* SPDX-License-Identifier: ISC */
#ifndef LIB_FILE_TTY_H
#define LIB_FILE_TTY_H

#include "lib/file/file.h"

/* ioctl() of the console: in images that call it (lib/file/ioctl.c). */
int tty_ioctl(struct file *f, unsigned long request, void *arg);

#endif

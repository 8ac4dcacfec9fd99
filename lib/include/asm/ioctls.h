/* SPDX-License-Identifier: ISC */
#include <sys/ioctl.h>

/* SPDX-License-Identifier: ISC */
#include <sys/statfs.h>

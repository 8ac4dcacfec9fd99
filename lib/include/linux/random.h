/* SPDX-License-Identifier: ISC */
#include <sys/random.h>

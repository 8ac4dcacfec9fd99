/* SPDX-License-Identifier: ISC */
#include <limits.h>

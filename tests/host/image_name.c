/* SPDX-License-Identifier: ISC */
/* The names that tools/symbols makes for an image. */
#include "kernel/symbols.h"

const char image_name[] = "host", image_build[] = "0123456789ab";

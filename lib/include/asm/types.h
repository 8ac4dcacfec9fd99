/* SPDX-License-Identifier: ISC */
#include <linux/types.h>

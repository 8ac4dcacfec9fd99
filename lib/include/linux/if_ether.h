/* SPDX-License-Identifier: ISC */
#include <net/ethernet.h>

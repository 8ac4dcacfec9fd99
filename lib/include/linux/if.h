/* SPDX-License-Identifier: ISC */
#include <net/if.h>

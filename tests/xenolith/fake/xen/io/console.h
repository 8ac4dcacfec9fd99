/* SPDX-License-Identifier: ISC */
#include <stdint.h>

struct xencons_interface {
	uint32_t out_prod;
};

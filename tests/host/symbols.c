/* SPDX-License-Identifier: ISC */
/* What tools/symbols makes for an image: here, a table without an entry. */
#include <stdint.h>

extern const uint8_t symbol_table[514];
const uint8_t symbol_table[514];

/* SPDX-License-Identifier: ISC */
/* dom0_test.c under ThreadSanitizer (backend.mk). */
#include "tests/backend/dom0_test.c"

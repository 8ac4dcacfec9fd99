/* SPDX-License-Identifier: ISC */
#include "kernel/random.h"

#include <xenolith/resume.h>

unsigned xenolith_copies(void)
{
	return random_copies;
}

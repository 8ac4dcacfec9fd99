/* SPDX-License-Identifier: ISC */
/* The rules of backend/store_faults_rule.c: any text is a valid rule or an error with a sentence. */
#include "backend/store_faults.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int domain_thread(void (*main)(void *arg), void *arg)
{
	(void)main, (void)arg;
	return -ENOSYS;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);		/* so that a byte too far is seen */
	const char *why = NULL;
	struct fault_rule r;
	unsigned flags = 0;

	memcpy(text, data, size);
	text[size] = '\0';
	if (fault_parse(text, &r, &flags, &why)) {
		if (!why || !*why || flags)
			abort();
	} else if (!r.ops == !flags || (r.ranged && r.first >= r.last) || r.numerator > r.denominator) {
		abort();
	}
	free(text);
	return 0;
}

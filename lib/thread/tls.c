/* SPDX-License-Identifier: ISC */
/*
 * Blocks of thread-local storage, laid out as the compiler expects (ELF Handling For
 * Thread-Local Storage, variant II; x86-64 psABI):
 *
 *	           the image's data, aligned at its end     thread pointer
 *	                                                   |
 *	[padding ][.tdata copied ][.tbss zero ............][struct tcb]
 *	|
 *	start of the block of malloc()
 */
#include "kernel/arch.h"
#include "lib/thread/tls.h"

#include <errno.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>

/* Defined by the linker script; the values of the last three are their addresses. */
extern char __tls_image_start[];
extern char __tls_image_size[], __tls_size[], __tls_align[];

static size_t value(const char *symbol)
{
	return (uintptr_t)symbol;
}

static size_t alignment(void)
{
	return value(__tls_align) > _Alignof(struct tcb) ? value(__tls_align)
							 : _Alignof(struct tcb);
}

static size_t data_size(void)
{
	return (value(__tls_size) + alignment() - 1) & ~(alignment() - 1);
}

int tls_new(uintptr_t *tls)
{
	size_t size = data_size();
	struct tcb *tcb;
	char *block;

	*tls = 0;
	if (!size)
		return 0;
	block = memalign(alignment(), size + sizeof(*tcb));
	if (!block)
		return -ENOMEM;
	tcb = (struct tcb *)(block + size);
	memset(block, 0, size + sizeof(*tcb));
	memcpy((char *)tcb - data_size(), __tls_image_start, value(__tls_image_size));
	tcb->self = tcb;
	*tls = (uintptr_t)tcb;
	return 0;
}

void tls_free(uintptr_t tls)
{
	if (tls)
		free((char *)tls - data_size());
}

/* SPDX-License-Identifier: ISC */
/*
 * The tables of the unwinder of C++ (libgcc_eh.a of gcc 12): _dl_find_object(3) of
 * glibc 2.35. Only images linked with libstdc++ have tables (sdk/unwind.lds).
 */
#include <stdint.h>
#include <string.h>

struct dl_find_object {
	unsigned long long dlfo_flags;
	void *dlfo_map_start, *dlfo_map_end;
	void *dlfo_link_map;
	void *dlfo_eh_frame;		/* the index: .eh_frame_hdr */
	unsigned long long reserved[7];
};

/* Defined by the linker script. */
extern char __eh_frame_hdr[];
extern char image_start[], text_end[];

void *__dso_handle;	/* of the only object; for __cxa_atexit() */

int _dl_find_object(void *pc, struct dl_find_object *result);

/* Returns 0, or -1 if no code of the image is at this address. */
int _dl_find_object(void *pc, struct dl_find_object *result)
{
	uintptr_t at = (uintptr_t)pc;

	if (at < (uintptr_t)image_start || at >= (uintptr_t)text_end)
		return -1;
	memset(result, 0, sizeof(*result));
	result->dlfo_map_start = image_start;
	result->dlfo_map_end = text_end;
	result->dlfo_eh_frame = __eh_frame_hdr;
	return 0;
}

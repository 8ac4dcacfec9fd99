/* SPDX-License-Identifier: ISC */
/* For newlib's arc4random(), which seeds itself again in each copy of a guest. */
unsigned xenolith_copies(void);

#define _ARC4RANDOM_FORKDETECT()						\
	do {									\
		static unsigned copies;						\
		unsigned now = xenolith_copies();				\
										\
		if (now != copies)						\
			_arc4random_data.rs.rs_count = 0;			\
		copies = now;							\
	} while (0)

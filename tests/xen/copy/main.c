/* SPDX-License-Identifier: ISC */
/*
 * Waits for each file of its arguments and prints its size, mode and sum; test.py copies them in.
 * Then it sleeps, until the guest is shut down.  With `spin` as the first word it computes all
 * the time.
 */
#include "tests/xen/test.h"

#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void report(const char *path)
{
	static unsigned char data[32768];
	uint64_t sum = 0, size = 0;
	struct stat st;
	ssize_t n;
	int fd;

	while ((fd = open(path, O_RDONLY)) < 0)
		usleep(10000);
	while ((n = read(fd, data, sizeof(data))) > 0) {
		for (ssize_t i = 0; i < n; i++)
			sum = sum * 31 + data[i];
		size += n;
	}
	expect_equal(n, 0);
	expect_equal(fstat(fd, &st), 0);
	expect_equal((uint64_t)st.st_size, size);
	expect_equal(close(fd), 0);
	printf("%s: %llu bytes, mode %04o, sum %016llx\n", path, (unsigned long long)size,
	       (unsigned)st.st_mode & 07777, (unsigned long long)sum);
}

int main(int argc, char **argv)
{
	int spin = argc > 1 && strcmp(argv[1], "spin") == 0;

	printf("up\n");
	for (int i = 1 + spin; i < argc; i++)
		report(argv[i]);
	for (volatile unsigned n = 0; spin; n++)
		;
	for (;;)
		sleep(1000);
}

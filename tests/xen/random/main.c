/* SPDX-License-Identifier: ISC */
/* Random numbers for keys: they are available, or every call for them fails. */
#include "tests/xen/test.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

static bool zero(const unsigned char *bytes, size_t len)
{
	while (len--)
		if (bytes[len])
			return false;
	return true;
}

/* Names are no keys, so they also differ if there are no random numbers for keys. */
static void names_differ(void)
{
	char name[] = "/tmp/XXXXXX", before[sizeof(name)] = "";

	for (int i = 0; i < 8; i++) {
		int fd = mkstemp(strcpy(name, "/tmp/XXXXXX"));

		expect(fd >= 0 && strcmp(name, before));
		strcpy(before, name);
		expect(close(fd) == 0 && unlink(name) == 0);
	}
}

int main(void)
{
	static const char *const files[] = { "/dev/urandom", "/dev/random" };
	static unsigned char bytes[100000];
	bool given = getrandom(bytes, 32, 0) == 32;

	printf("%02x%02x%02x%02x%02x%02x%02x%02x\n", bytes[0], bytes[1], bytes[2], bytes[3],
	       bytes[4], bytes[5], bytes[6], bytes[7]);
	expect(given || (errno == EIO && zero(bytes, 32)));
	for (int i = 0; i < 2; i++) {
		int fd = open(files[i], O_RDONLY);

		expect(fd >= 0);
		errno = 0;
		expect(read(fd, bytes, 32) == (given ? 32 : -1) && (given || errno == EIO));
		expect(close(fd) == 0);
	}
	errno = 0;
	expect(getentropy(bytes, 32) == (given ? 0 : -1) && (given || errno == EIO));
	expect(getentropy(bytes, 257) == -1 && errno == EIO);
	expect(getrandom(bytes, 32, GRND_NONBLOCK) == (given ? 32 : -1));
	expect(getrandom(bytes, 32, 8) == -1 && errno == EINVAL);
	expect(getrandom(bytes, 32, GRND_RANDOM | GRND_INSECURE) == -1 && errno == EINVAL);
	expect_equal(getrandom(bytes, sizeof(bytes), GRND_INSECURE), sizeof(bytes));
	expect(!zero(bytes + sizeof(bytes) - 32, 32));
	names_differ();
	printf("%s\n", given ? "random numbers" : "no random numbers");
	test_success();
}

/* SPDX-License-Identifier: ISC */
/*
 * Prints EC2's data of the instance, and the contents of the disk X_DISK; exits with
 * X_STATUS.  With X_KEYS also the keys of its role.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <xenolith/ec2.h>

/* The magic number of ext2, or of an MBR. */
static void look_at(const char *disk)
{
	unsigned char block[2048];
	int fd = open(disk, O_RDWR);

	if (fd < 0 || read(fd, block, sizeof(block)) != sizeof(block))
		printf("%s: errno %d\n", disk, errno);
	else
		printf("%s: magic %02x%02x %02x%02x\n", disk, block[1080], block[1081],
		       block[510], block[511]);
}

/* Twice, so that what is kept is seen, and how often the service was asked. */
static void show_keys(void)
{
	struct ec2_credentials c;

	for (int i = 0; i < 2; i++)
		if (ec2_credentials(&c))
			printf("keys: errno %d\n", errno);
		else
			printf("keys: <%s> <%s> <%s> until %lld\n", c.key, c.secret, c.token, (long long)c.expires);
}

int main(int argc, char **argv)
{
	static char text[EC2_USER_DATA + 1];

	for (int i = 1; i < argc; i++) {
		ssize_t n = ec2_metadata(argv[i], text, sizeof(text));

		if (n < 0)
			printf("%s: errno %d\n", argv[i], errno);
		else
			printf("%s: <%s>\n", argv[i], text);
	}
	if (gethostname(text, sizeof(text)) == 0)
		printf("host name: <%s>\n", text);
	if (getenv("X_KEYS"))
		show_keys();
	if (getenv("X_DISK"))
		look_at(getenv("X_DISK"));
	if (getenv("X_SLEEP"))
		sleep(1000);
	return getenv("X_STATUS") ? atoi(getenv("X_STATUS")) : 99;
}

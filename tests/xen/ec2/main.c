/* SPDX-License-Identifier: ISC */
/* Says what EC2 says of the instance, and ends as X_STATUS says. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <xenolith/ec2.h>

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
	if (getenv("X_SLEEP"))
		sleep(1000);
	return getenv("X_STATUS") ? atoi(getenv("X_STATUS")) : 99;
}

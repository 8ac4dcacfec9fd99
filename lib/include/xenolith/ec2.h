/* SPDX-License-Identifier: ISC */
/*
 * What Amazon EC2 tells an instance about itself: its metadata service, IMDSv2, at
 * 169.254.169.254.
 *
 * An application that calls this, or has `APP_LIBS := -u ec2_metadata` in its app.mk, reads
 * the instance's user data before main() if the word `ec2` is on the command line:
 *
 *	lifetime=30m	as on the command line; the sooner of the two counts
 *	env.NAME=VALUE	a variable of the environment
 *	hostname=NAME	what gethostname() says, unless the command line has said it; else
 *			that is EC2's name for it
 *
 * Words are separated by blanks and lines, and what begins with # goes to the end of its
 * line; all other words are the application's business.  Keys for ssh are not used: there
 * is nobody to log in to.
 */
#ifndef XENOLITH_EC2_H
#define XENOLITH_EC2_H

#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif

#define EC2_USER_DATA 16384		/* bytes: the most there are */

/*
 * Read "user-data", "meta-data/instance-id", "meta-data/local-hostname",
 * "meta-data/local-ipv4", "meta-data/placement/region" ... into to, with a NUL behind it:
 * its length, or -1 and errno: ENOENT (there is none), EMSGSIZE (longer than size - 1),
 * EPROTO (no metadata service, or a broken one), ETIMEDOUT, or a socket's.
 */
ssize_t ec2_metadata(const char *path, char *to, size_t size);

#ifdef __cplusplus
}
#endif
#endif

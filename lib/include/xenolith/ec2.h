/* SPDX-License-Identifier: ISC */
/*
 * The metadata of an Amazon EC2 instance: the metadata service IMDSv2 at 169.254.169.254
 * (AWS, EC2 User Guide, "Use the Instance Metadata Service").
 *
 * If an application calls ec2_metadata(), or has `APP_LIBS := -u ec2_metadata` in its app.mk,
 * and the word `ec2` is on the command line, these words of the user data are read before
 * main():
 *
 *	lifetime=30m	as on the command line; the shorter one applies
 *	env.NAME=VALUE	an environment variable
 *	hostname=NAME	for gethostname(), unless it is on the command line; default: the
 *			instance's host name
 *
 * Words are separated by blanks or line ends; # begins a comment until the line end. Other
 * words are left to the application.  SSH keys are ignored: the guest has no login.
 */
#ifndef XENOLITH_EC2_H
#define XENOLITH_EC2_H

#include <stdint.h>
#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif

#define EC2_USER_DATA 16384		/* bytes: the maximum */

/*
 * Reads an item of the metadata - "user-data", "meta-data/instance-id",
 * "meta-data/local-hostname", "meta-data/local-ipv4", "meta-data/placement/region" ... -
 * into to, with a terminating NUL. Sleeps, at most 5 s for each reply. Returns its
 * length, or -1 with errno: ENOENT (no such item), EMSGSIZE (longer than size - 1),
 * EPROTO (no metadata service, or an invalid reply), ETIMEDOUT, or a socket's error.
 */
ssize_t ec2_metadata(const char *path, char *to, size_t size);

/* The keys of the role of the instance, for signed calls of AWS. */
struct ec2_credentials {
	char key[132], secret[132], token[2048];	/* texts */
	int64_t expires;				/* seconds of the epoch, UTC */
};

/*
 * Returns 0 and the current keys, which are requested from the metadata service, kept, and requested again
 * from five minutes before their end on. If that fails, the old ones are returned until their end. May be
 * called from any thread. Sleeps, as ec2_metadata() does. Returns -1 with errno: ENOENT (the
 * instance has no role), EPROTO (the reply has no keys, or keys that have expired), and those of ec2_metadata().
 */
int ec2_credentials(struct ec2_credentials *c);

#ifdef __cplusplus
}
#endif
#endif

/* SPDX-License-Identifier: ISC */
/* nginx includes this header. The function does not exist; without auth_basic nothing calls it. */
#ifndef CRYPT_H
#define CRYPT_H

char *crypt(const char *key, const char *salt);

#endif

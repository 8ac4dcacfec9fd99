/* SPDX-License-Identifier: ISC */
#ifndef LIB_FILE_USERS_TEXT_H
#define LIB_FILE_USERS_TEXT_H

/* The users and groups where there is no /etc/passwd and /etc/group. */
extern const char users_text[], groups_text[];

#endif

/* SPDX-License-Identifier: ISC */
/* nginx includes this header. A guest has no system calls: functions of libc are used. */

/* SPDX-License-Identifier: ISC */
void local_sockets(void);

/* SPDX-License-Identifier: ISC */
#ifndef FIFO_H
#define FIFO_H

void fifos(void);

#endif

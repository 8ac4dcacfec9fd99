#ifndef CAPITAL_H
#define CAPITAL_H

#include <stddef.h>

/* Changes the letters of text, which has length bytes, to capital ones. */
void capital(char *text, size_t length);

#endif

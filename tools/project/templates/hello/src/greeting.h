#ifndef GREETING_H
#define GREETING_H

#include <stddef.h>

/* Writes a greeting into text, which has size bytes, and returns it; a long one is cut. */
const char *greeting(char *text, size_t size, const char *name);

#endif

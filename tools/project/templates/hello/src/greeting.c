#include "greeting.h"

#include <stdio.h>

const char *greeting(char *text, size_t size, const char *name)
{
	snprintf(text, size, "Hello, %s!", name);
	return text;
}

#include "capital.h"

#include <ctype.h>

void capital(char *text, size_t length)
{
	for (size_t i = 0; i < length; i++)
		text[i] = toupper((unsigned char)text[i]);
}

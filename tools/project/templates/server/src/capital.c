#include "capital.h"

#include <ctype.h>

void capital(char *text)
{
	for (; *text; text++)
		*text = toupper((unsigned char)*text);
}

/* A test is a program: it passes if its exit status is 0. */
#undef NDEBUG
#include "../src/capital.h"

#include <assert.h>
#include <string.h>

int main(void)
{
	char text[] = "one two 3";

	capital(text, 5);
	assert(strcmp(text, "ONE Two 3") == 0);
	return 0;
}

/* A test is a program: it passes if its exit status is 0. */
#undef NDEBUG
#include "../src/greeting.h"

#include <assert.h>
#include <string.h>

int main(void)
{
	char text[12];

	assert(strcmp(greeting(text, sizeof(text), "Ann"), "Hello, Ann!") == 0);
	assert(strcmp(greeting(text, sizeof(text), "Annabel"), "Hello, Anna") == 0);
	return 0;
}

#include "greeting.h"

#include <stdio.h>

int main(int argc, char **argv)
{
	char text[80];

	puts(greeting(text, sizeof(text), argc > 1 ? argv[1] : "you"));
	return 0;
}

/* SPDX-License-Identifier: ISC */
#include "llhttp.h"
int main(void)
{
	llhttp_t p;
	llhttp_init(&p, HTTP_REQUEST, 0);
	return llhttp_execute(&p, "GET / HTTP/1.1\r\n\r\n", 18);
}

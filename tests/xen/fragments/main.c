/* SPDX-License-Identifier: ISC */
/*
 * Code that runs before and after main(): the fragments in .init and .fini of two objects
 * and of an archive's member, constructors and destructors with and without a priority,
 * and those of old objects (.ctors, .dtors).  Each prints its name; test.py knows the
 * order.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

void say(const char *what);
void archived(void);

/* Called with the stack as a compiler may assume it: its frame is aligned to 16. */
void say(const char *what)
{
	printf("%s%s\n", what, (uintptr_t)__builtin_frame_address(0) % 16 ? ": misaligned" : "");
}

#define SAYS(name, attribute) attribute static void name(void) { say(#name); }

SAYS(constructor_300, __attribute__((constructor(300))))
SAYS(constructor_200, __attribute__((constructor(200))))
SAYS(constructor, __attribute__((constructor)))
SAYS(destructor_300, __attribute__((destructor(300))))
SAYS(destructor_200, __attribute__((destructor(200))))
SAYS(destructor, __attribute__((destructor)))
SAYS(at_exit, )
SAYS(old_constructor, __attribute__((used)))
SAYS(old_destructor, __attribute__((used)))
SAYS(preinit, __attribute__((used)))

__asm__(".section .preinit_array, \"aw\"; .quad preinit; .previous");
__asm__(".section .ctors.65285, \"aw\"; .quad old_constructor; .previous");	/* 250 */
__asm__(".section .dtors.65285, \"aw\"; .quad old_destructor; .previous");
__asm__(".section .init, \"ax\"; mov $init_name, %edi; call say; .previous");
__asm__(".section .fini, \"ax\"; mov $fini_name, %edi; call say; .previous");
__asm__(".section .rodata.names; init_name: .string \"init of main\"; "
	"fini_name: .string \"fini of main\"; .previous");

int main(void)
{
	atexit(at_exit);
	archived();
	say("main");
	return 0;
}

/* base/embed.h: a file as a text in the program. The headers that embed.py makes have one for each file, and the array of them. */
#ifndef BASE_EMBED_H
#define BASE_EMBED_H

#define EMBED(symbol, path) \
	__asm__(".section .rodata\n.global " #symbol "\n" #symbol ":\n.incbin \"" path "\"\n.byte 0\n.previous\n"); \
	extern const char symbol[];

#endif

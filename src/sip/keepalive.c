#include "sip/keepalive.h"
#include <string.h>

void sip_move_line_ends(char *text, size_t len)
{
	size_t ends = 0, word;
	while (ends < len && (text[ends] == '\r' || text[ends] == '\n'))
		ends++;
	if (!ends || !memchr(text + ends, '\n', len - ends))
		return;
	for (word = ends; word < len && text[word] != ' '; word++)
		if (text[word] == '\r' || text[word] == '\n')
			return;
	memmove(text, text + ends, word - ends);
	memset(text + word - ends, ' ', ends);
}

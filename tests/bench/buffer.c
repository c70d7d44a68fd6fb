/* buffer.c -- bytes that grow: see buffer.h. */
#include "buffer.h"

#include <stdlib.h>
#include <string.h>

/* realloc() that does not fail. */
void *
allocate(void *old, size_t size)
{
	void	   *fresh = realloc(old, size);

	if (fresh == NULL)
		abort();
	return fresh;
}

/* Makes room for so many bytes more. */
void
reserve(Buffer *buffer, size_t more)
{
	if (buffer->length + more <= buffer->capacity)
		return;
	while (buffer->length + more > buffer->capacity)
		buffer->capacity = buffer->capacity == 0 ? 65536 : buffer->capacity * 2;
	buffer->data = allocate(buffer->data, buffer->capacity);
}

void
append(Buffer *buffer, const char *bytes, size_t length)
{
	reserve(buffer, length);
	memcpy(buffer->data + buffer->length, bytes, length);
	buffer->length += length;
}

void
append_text(Buffer *buffer, const char *text)
{
	append(buffer, text, strlen(text));
}

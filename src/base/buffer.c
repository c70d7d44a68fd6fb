/*-------------------------------------------------------------------------
 *
 * buffer.c
 *	  Bytes that a library's callback collects.
 *
 * Nothing here throws, pallocs or logs, so it may run where an ERROR would
 * leave a library in the middle of its work. Whoever has a CmBuffer frees it,
 * also after an ERROR: see own.c.
 *
 *-------------------------------------------------------------------------
 */
#include "base/base.h"

/* Append bytes, and a NUL that is not counted. False: out of memory. */
bool
cm_buffer_append(CmBuffer *buffer, const void *bytes, size_t length)
{
	size_t		needed = buffer->length + length + 1;

	if (needed > buffer->capacity)
	{
		size_t		capacity = Max(needed, 2 * buffer->capacity);
		char	   *larger = realloc(buffer->data, capacity);

		if (larger == NULL)
			return false;
		buffer->data = larger;
		buffer->capacity = capacity;
	}
	memcpy(buffer->data + buffer->length, bytes, length);
	buffer->length += length;
	buffer->data[buffer->length] = '\0';
	return true;
}

/* Empty the buffer; its memory is kept for what comes next. */
void
cm_buffer_reset(CmBuffer *buffer)
{
	buffer->length = 0;
	if (buffer->data != NULL)
		buffer->data[0] = '\0';
}

/* Give the memory back; the buffer is empty, and may be used again. */
void
cm_buffer_free(CmBuffer *buffer)
{
	free(buffer->data);
	*buffer = (CmBuffer) {0};
}

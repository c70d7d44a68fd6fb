/*
 * buffer.h -- bytes that grow. What does not fit into memory ends the program.
 */
#ifndef BUFFER_H
#define BUFFER_H

#include <stddef.h>

typedef struct Buffer
{
	char	   *data;
	size_t		length;
	size_t		capacity;
} Buffer;

extern void *allocate(void *old, size_t size);
extern void reserve(Buffer *buffer, size_t more);
extern void append(Buffer *buffer, const char *bytes, size_t length);
extern void append_text(Buffer *buffer, const char *text);

#endif

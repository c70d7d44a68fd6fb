/*-------------------------------------------------------------------------
 *
 * server.c
 *	  The few functions of the server that the fuzzed files need.
 *
 * Memory is malloc's, so that AddressSanitizer sees each chunk by itself, and
 * is freed together after each input, as a row's memory context is.
 *
 *-------------------------------------------------------------------------
 */
#include "value/value.h"

#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/builtins.h"

#include "fuzz.h"

typedef struct Chunk
{
	struct Chunk *next;
	struct Chunk *previous;
} Chunk;

static Chunk chunks = {&chunks, &chunks};

static void *
link_chunk(Chunk *chunk)
{
	if (chunk == NULL)
		abort();
	chunk->next = chunks.next;
	chunk->previous = &chunks;
	chunk->next->previous = chunk;
	chunks.next = chunk;
	return chunk + 1;
}

static Chunk *
unlink_chunk(void *pointer)
{
	Chunk	   *chunk = (Chunk *) pointer - 1;

	chunk->next->previous = chunk->previous;
	chunk->previous->next = chunk->next;
	return chunk;
}

void *
palloc(Size size)
{
	return link_chunk(malloc(sizeof(Chunk) + size));
}

void *
palloc0(Size size)
{
	return link_chunk(calloc(1, sizeof(Chunk) + size));
}

void *
repalloc(void *pointer, Size size)
{
	return link_chunk(realloc(unlink_chunk(pointer), sizeof(Chunk) + size));
}

void
pfree(void *pointer)
{
	free(unlink_chunk(pointer));
}

/* Free all that was palloc'd. */
void
free_all(void)
{
	while (chunks.next != &chunks)
		pfree(chunks.next + 1);
}

char *
pnstrdup(const char *text, Size length)
{
	Size		real = strnlen(text, length);
	char	   *copy = memcpy(palloc(real + 1), text, real);

	copy[real] = '\0';
	return copy;
}

char *
pstrdup(const char *text)
{
	return pnstrdup(text, strlen(text));
}

int
pg_lltoa(int64 value, char *text)
{
	return sprintf(text, INT64_FORMAT, value);
}

int
GetDatabaseEncoding(void)
{
	return PG_UTF8;
}

/* Nothing that is fuzzed cuts a text of the database's. */
int
pg_mbcliplen(const char *text pg_attribute_unused(),
			 int length pg_attribute_unused(),
			 int limit pg_attribute_unused())
{
	abort();
}

bool
stack_is_too_deep(void)
{
	return false;
}

/* Only for databases in other encodings. */
const char *
cm_utf8_from_database(const char *text pg_attribute_unused(),
		   int *length pg_attribute_unused())
{
	abort();
}

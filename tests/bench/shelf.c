/*
 * shelf.c -- documents that were written into files beforehand, a Convex
 * table each, and are answered by the page. A page is a piece of such a file
 * that is copied, so that whoever asks for it is the slower one.
 *
 * A file is called as its table and has a line for each document, in the
 * order of keys: an element of a page as "range" answers it, which begins with
 * {"supabaseId":"…". The cursor of a page is the number of a line.
 *
 * Of a call it reads what it needs by looking for names of arguments. Inside a
 * JSON string those cannot stand, as their quotes would be escaped.
 */
#define _GNU_SOURCE
#include "shelf.h"
#include "buffer.h"

#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KEY_START "{\"supabaseId\":\""
#define MAX_TABLES 16

typedef struct Table
{
	char		name[100];
	char	   *text;			/* lines, with commas between them */
	long	   *lines;			/* where each begins; one more: the end */
	long		count;
} Table;

static Table tables[MAX_TABLES];
static int	table_count;
static Buffer calls, page;

static void
fail(const char *why, const char *what)
{
	fprintf(stderr, "sink: %s: %s\n", why, what);
	exit(1);
}

/* Reads the file of a table, TABLE.json. */
void
shelf_open(const char *file)
{
	Table	   *table = &tables[table_count++];
	FILE	   *in = fopen(file, "rb");
	char	   *name = strdup(file);
	size_t		size;
	long		capacity = 0;

	if (in == NULL || table_count > MAX_TABLES)
		fail("no file, or one too many", file);
	snprintf(table->name, sizeof(table->name), "%s", basename(name));
	free(name);
	*strchrnul(table->name, '.') = '\0';
	fseek(in, 0, SEEK_END);
	size = ftell(in);
	rewind(in);
	table->text = allocate(NULL, size + 1);
	if (fread(table->text, 1, size, in) != size)
		fail("cannot be read", file);
	table->text[size] = '\0';
	fclose(in);
	for (char *line = table->text; line < table->text + size; line = strchr(line, '\n') + 1)
	{
		if (table->count > 0)
			line[-1] = ',';
		if (table->count + 1 >= capacity)
		{
			capacity = capacity == 0 ? 65536 : 2 * capacity;
			table->lines = allocate(table->lines, capacity * sizeof(long));
		}
		table->lines[table->count++] = line - table->text;
	}
	if (table->lines == NULL)
		fail("has no lines", file);
	table->lines[table->count] = size;
}

/* What the argument is: the text behind its name, up to the end of the body. */
static const char *
argument(const char *body, size_t length, const char *name)
{
	const char *at = memmem(body, length, name, strlen(name));

	return at == NULL ? NULL : at + strlen(name);
}

/* The number of the first line whose key is greater than the text at the quote. */
static long
line_behind(const Table *table, const char *quoted)
{
	size_t		length = strcspn(quoted + 1, "\"");
	long		low = 0;
	long		high = table->count;

	while (low < high)
	{
		long		middle = (low + high) / 2;
		const char *key = table->text + table->lines[middle] + strlen(KEY_START);
		size_t		key_length = strcspn(key, "\"");
		int			order = memcmp(key, quoted + 1, key_length < length ? key_length : length);

		if (order > 0 || (order == 0 && key_length > length))
			high = middle;
		else
			low = middle + 1;
	}
	return low;
}

/* Keeps the call for shelf_calls(). */
static void
keep(const char *body, size_t length)
{
	append(&calls, body, length);
	append_text(&calls, "\n");
}

/* The table that a call asks for; NULL: none of these. */
static Table *
table_of(const char *body, size_t length)
{
	const char *name = argument(body, length, "\"table\":\"");

	for (int i = 0; name != NULL && i < table_count; i++)
	{
		size_t		name_length = strcspn(name, "\"");

		if (strlen(tables[i].name) == name_length && strncmp(tables[i].name, name, name_length) == 0)
			return &tables[i];
	}
	return NULL;
}

/* The answer to a call of "range" with this body; it holds until the next. False:
 * it is no such call. */
bool
shelf_answer(const char *body, size_t length, char **answer, size_t *answer_length)
{
	const Table *table = table_of(body, length);
	const char *after = argument(body, length, "\"after\":");
	const char *up_to = argument(body, length, "\"upTo\":");
	const char *cursor = argument(body, length, "\"cursor\":");
	const char *items = argument(body, length, "\"numItems\":");
	const char *bytes = argument(body, length, "\"numBytes\":");

	if (!table || !after || !up_to || !cursor || !items || !bytes)
		return false;
	keep(body, length);
	long		first = *cursor == '"' ? atol(cursor + 1) : *after == '"' ? line_behind(table, after) : 0;
	long		end = *up_to == '"' ? line_behind(table, up_to) : table->count;
	long		last = first;
	long		most = table->lines[first] + atol(bytes);

	while (last < end && last - first < atol(items) && (last == first || table->lines[last + 1] <= most))
		last++;
	size_t		size = table->lines[last] - table->lines[first];
	char		end_of_page[100];

	page.length = 0;
	append_text(&page, "{\"status\":\"success\",\"value\":{\"page\":[");
	append(&page, table->text + table->lines[first], size > 0 ? size - 1 : 0);	/* without the comma or line break */
	sprintf(end_of_page, "],\"isDone\":%s,\"continueCursor\":\"%ld\"}}", last == end ? "true" : "false", last);
	append_text(&page, end_of_page);
	*answer = page.data;
	*answer_length = page.length;
	return true;
}

/* The bodies of all calls since the last time, each with a line break. */
const char *
shelf_calls(size_t *length)
{
	*length = calls.length;
	calls.length = 0;
	return calls.data;
}

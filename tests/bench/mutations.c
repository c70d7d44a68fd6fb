/*
 * mutations.c -- the records of a mutation, and the ids that they are given.
 *
 * It does not parse records: it looks for the text that begins one, {"id":".
 * Inside a JSON string that text cannot stand, as its quotes would be escaped;
 * a nested object that begins so would be taken for a record, and the sender
 * would say that it never sent it.
 */
#define _GNU_SOURCE
#include "sink.h"
#include "timers.h"

#include <stdio.h>
#include <string.h>

#define RECORD_START "{\"id\":\""
/* Besides the JSON of a document and its key: the system fields, and the
 * entries of the document, of by_id, by_creation_time and by_supabaseId. */
#define DOCUMENT_OVERHEAD 380

static Buffer largest;
static unsigned long long ids_given;

/* The mutation is done: answers with the pairs of key and id that a migrate function returns. */
void
commit(Connection *c)
{
	const char *end = c->in.data + c->whole;
	const char *at = c->in.data + c->head;
	size_t		start;
	char		length[21];

	note_commit(now(), c->bytes);
	stats.records += c->records;
	c->out.length = 0;
	/* the length is filled in when it is known */
	append_text(&c->out, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: ");
	size_t		length_at = c->out.length;

	append_text(&c->out, "0000000000\r\n\r\n");
	start = c->out.length;
	append_text(&c->out, "{\"status\":\"success\",\"value\":[");
	for (size_t i = 0; i < c->records; i++)
	{
		const char *key = (const char *) memmem(at, end - at, RECORD_START, sizeof(RECORD_START) - 1)
			+ sizeof(RECORD_START) - 2;

		for (at = key + 1; *at != '"'; at++)
			if (*at == '\\')
				at++;
		at++;
		if (i > 0)
			append(&c->out, ",", 1);
		append_text(&c->out, "{\"supabaseId\":");
		append(&c->out, key, at - key);
		reserve(&c->out, 100);
		c->out.length += sprintf(c->out.data + c->out.length, ",\"convexId\":\"jn7%029llu\"}", ++ids_given);
	}
	append_text(&c->out, "]}");
	sprintf(length, "%010zu", c->out.length - start);
	memcpy(c->out.data + length_at, length, 10);
	deliver(c);
}

/* A mutation has come. */
void
begin_mutation(Connection *c)
{
	const char *body = c->in.data + c->head;
	size_t		length = c->whole - c->head;

	c->failures = 0;
	c->records = 0;
	for (const char *at = body; (at = memmem(at, body + length - at, RECORD_START, sizeof(RECORD_START) - 1)) != NULL;
		 at += sizeof(RECORD_START) - 1)
		c->records++;
	c->bytes = length + (double) c->records * DOCUMENT_OVERHEAD;
	if (stats.mutations++ == 0)
		stats.began = now();
	stats.body_bytes += length;
	if (length > largest.length)
	{
		largest.length = 0;
		append(&largest, body, length);
	}
	attempt(c);
}

/* The body of the largest that has come. */
const Buffer *
largest_mutation(void)
{
	return &largest;
}

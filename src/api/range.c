/*-------------------------------------------------------------------------
 *
 * range.c
 *	  Pages of a Convex table: calls of the generated query "range", and what it
 *	  answers.
 *
 * Documents come in Convex's own encoding (format convex_encoded_json), in which an
 * Int64 is no Float64 and -0 is no 0 (crates/value/src/json/mod.rs). They are not
 * made into a tree, which would take twenty times their size, and of numbers no more
 * than doubles: a document is left as the text that it is, for value/canonical.c.
 *
 * Protocol: cm_range_request(); when it was answered cm_range_read(); while it
 * succeeded cm_range_next() for one document after the other, before
 * cm_http_release().
 *
 *-------------------------------------------------------------------------
 */
#include "api/json.h"

/* Bytes in an answer for a byte of a document in Convex's measure: a character that
 * is escaped has six. */
#define CM_ANSWER_PER_BYTE	6

/* What else an answer may have: keys and ids, a page that is longer than was asked
 * for by its last document. */
#define CM_ANSWER_REST		(8 * 1024 * 1024)

/* Append a text in UTF-8, or null, as the value of an argument. */
static void
append_text(StringInfo body, const char *name, const char *text)
{
	appendStringInfo(body, ",\"%s\":", name);
	if (text == NULL)
		appendStringInfoString(body, "null");
	else
		cm_writer_append_string(body, text, strlen(text));
}

/* The request for a page of the range; its body, which is appended to an empty
 * buffer, must stay until it is released. */
CmRequest
cm_range_request(const CmRange *range, StringInfo body)
{
	CmRequest	request;

	appendStringInfoString(body, "{\"path\":");
	cm_writer_append_string(body, range->path, strlen(range->path));
	appendStringInfoString(body, ",\"format\":\"convex_encoded_json\",\"args\":{\"table\":");
	cm_writer_append_string(body, range->table, strlen(range->table));
	append_text(body, "after", range->after);
	append_text(body, "upTo", range->up_to);
	appendStringInfo(body, ",\"cursor\":%s,\"numItems\":%d,\"numBytes\":%d,\"keysOnly\":%s}}",
					 range->cursor ? range->cursor : "null", range->items, range->bytes,
					 range->keys_only ? "true" : "false");
	request = cm_call_request(CM_ROUTE_QUERY, body);
	request.answer_limit = CM_ANSWER_REST + (size_t) range->bytes * CM_ANSWER_PER_BYTE;
	return request;
}

/* Whether the field that was read is called so. */
static bool
is_called(const char *name, int length, const char *wanted)
{
	return length == (int) strlen(wanted) && memcmp(name, wanted, length) == 0;
}

/* Read the result of the query: where its documents are, whether it is the last page
 * of the range, and the cursor of the next one. False: it is none. */
static bool
read_value(CmWalk *walk, CmPage *page)
{
	bool		first;
	bool		has_page = false;
	bool		has_end = false;

	if (!cm_walk_enter(walk, '{', &first))
		return false;
	while (cm_walk_next(walk, '}', &first))
	{
		const char *name;
		const char *text;
		int			length = cm_walk_field(walk, &name);

		if (length < 0)
			return false;
		if (is_called(name, length, "page"))
		{
			page->walk = *walk;
			has_page = cm_walk_peek(walk) == '[';
		}
		else if (is_called(name, length, "isDone"))
		{
			page->is_last = cm_walk_peek(walk) == 't';
			has_end = true;
		}
		else if (is_called(name, length, "continueCursor"))
		{
			CmWalk		at = *walk;
			int			size = cm_walk_string(&at, &text);

			/* as it is written, quotation marks and all: so it goes back */
			if (size >= 0)
				page->cursor = pnstrdup(text - 1, size + 2);
		}
		if (!cm_walk_skip(walk))
			return false;
	}
	return !walk->bad && has_page && has_end && (page->is_last || page->cursor != NULL);
}

/* Read the answer of a function that succeeded; false: it is not one of "range". */
static bool
read_page(CmWalk *walk, CmPage *page)
{
	bool		first;
	bool		read = false;

	if (!cm_walk_enter(walk, '{', &first))
		return false;
	while (cm_walk_next(walk, '}', &first))
	{
		const char *name;
		int			length = cm_walk_field(walk, &name);

		if (length < 0)
			return false;
		if (!is_called(name, length, "value"))
		{
			if (!cm_walk_skip(walk))
				return false;
			continue;
		}
		if (!read_value(walk, page))
			return false;
		read = true;
	}
	return read && !walk->bad && cm_walk_enter(&page->walk, '[', &page->first);
}

/* Whether the answer says that the function succeeded. */
static bool
is_success(const CmRequest *request)
{
	CmWalk		walk = {request->answer, request->answer + request->answer_length, false};
	bool		first;

	if (!cm_walk_enter(&walk, '{', &first))
		return false;
	while (cm_walk_next(&walk, '}', &first))
	{
		const char *name;
		const char *text;
		int			length = cm_walk_field(&walk, &name);

		if (length < 0)
			return false;
		if (is_called(name, length, "status"))
		{
			length = cm_walk_string(&walk, &text);
			return is_called(text, length, "success");
		}
		if (!cm_walk_skip(&walk))
			return false;
	}
	return false;
}

/*
 * What came of a request for a page: *answer, and after CM_OUTCOME_SUCCESS the page.
 * An answer that is none of "range" is CM_OUTCOME_FATAL.
 */
void
cm_range_read(const CmRequest *request, CmAnswer *answer, CmPage *page)
{
	CmWalk		walk = {request->answer, NULL, false};

	memset(page, 0, sizeof(CmPage));
	cm_answer_read(request, answer);
	if (answer->outcome != CM_OUTCOME_SUCCESS)
		return;
	if (!is_success(request))
	{
		cm_answer_read_result(request, answer);
		return;
	}
	walk.end = request->answer + request->answer_length;
	if (!read_page(&walk, page))
		cm_error_set_protocol(answer, "The answer is no page of documents.");
}

/* Read the key, which may be one that no row can have. */
static void
read_key(CmWalk *walk, CmDocument *document)
{
	int			length;

	document->key = cm_walk_text(walk, &length);
	/* with a NUL in it it is no text of PostgreSQL */
	document->has_odd_key = document->key == NULL;
}

/*
 * The next document of the page, in the current memory context and in the answer;
 * false: there is none, or *answer says what is wrong with the page.
 */
bool
cm_range_next(CmPage *page, CmDocument *document, CmAnswer *answer)
{
	CmWalk	   *walk = &page->walk;
	bool		first;

	memset(document, 0, sizeof(CmDocument));
	if (!cm_walk_next(walk, ']', &page->first))
	{
		if (walk->bad)
			cm_error_set_protocol(answer, "The answer is no page of documents.");
		return false;
	}
	if (cm_walk_enter(walk, '{', &first))
	{
		while (cm_walk_next(walk, '}', &first))
		{
			const char *name;
			int			length = cm_walk_field(walk, &name);

			if (length < 0)
				break;
			if (is_called(name, length, "supabaseId"))
				read_key(walk, document);
			else if (is_called(name, length, "convexId"))
				document->convex_id = cm_walk_text(walk, &length);
			else
			{
				const char *start;

				(void) cm_walk_peek(walk);
				start = walk->p;
				if (!cm_walk_skip(walk))
					break;
				if (is_called(name, length, "document"))
				{
					document->json = start;
					document->length = walk->p - start;
				}
			}
		}
	}
	if (!walk->bad && document->convex_id != NULL && *document->convex_id != '\0')
		return true;
	cm_error_set_protocol(answer, "An element of the page is no document.");
	return false;
}

/*
 * The _creationTime that the document has, or 0. It is no field of a row, so no
 * canonical form has it.
 */
double
cm_range_creation_time(const CmDocument *document)
{
	CmWalk		walk = {document->json, document->json + document->length, false};
	bool		first;

	if (!cm_walk_enter(&walk, '{', &first))
		return 0;
	while (cm_walk_next(&walk, '}', &first))
	{
		const char *text;
		int			length = cm_walk_field(&walk, &text);

		if (length >= 0 && is_called(text, length, "_creationTime"))
			return cm_walk_word(&walk, &text) > 0 ? strtod(text, NULL) : 0;
		if (length < 0 || !cm_walk_skip(&walk))
			return 0;
	}
	return 0;
}

/*
 * The key of a document as the database has it, palloc'd or its own; NULL: it has
 * none that a row can have, because the encoding of the database lacks a character.
 */
char *
cm_range_key(const CmDocument *document)
{
	char	   *key = document->key;
	const char *again;
	int			length;

	if (key == NULL)
		return NULL;
	key = cm_utf8_to_database(key);
	if (key == document->key)
		return key;
	length = strlen(key);
	again = cm_utf8_from_database(key, &length);
	return again != NULL && strcmp(again, document->key) == 0 ? key : NULL;
}

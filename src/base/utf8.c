/*-------------------------------------------------------------------------
 *
 * utf8.c
 *	  Between the encoding of the database and UTF-8, which Convex speaks.
 *
 * A database in UTF-8 needs nothing of this. One in SQL_ASCII holds bytes
 * that nobody looked at: they are sent if they happen to be UTF-8. For all
 * others PostgreSQL's own conversion is used, and never throws here: what
 * cannot be converted is for the caller to report by row and column.
 *
 *-------------------------------------------------------------------------
 */
#include "base/base.h"
#include "base/compat.h"

#include "catalog/namespace.h"
#include "mb/pg_wchar.h"

/*
 * Bytes per call to the converter, on the way to the database. After a
 * character that the database's encoding lacks, the rest of the piece is
 * converted again, so pieces are short.
 */
#define CM_PIECE 1024

/*
 * Convert *length bytes, palloc'd and NUL-terminated, *length becoming that of
 * the result. Returns how many bytes could be converted from the beginning.
 */
static int
convert(const char *text, int *length, int from, int to, char **result)
{
	/* the encoding of the database stays, and its conversions are PostgreSQL's
	 * own: search_path is pinned to begin with pg_catalog */
	static Oid	procedures[2] = {InvalidOid, InvalidOid};
	Oid			procedure = procedures[to == PG_UTF8];
	int			room = *length * MAX_CONVERSION_GROWTH + 1;
	int			converted;

	if (!OidIsValid(procedure))
		procedure = FindDefaultConversionProc(from, to);
	if (!OidIsValid(procedure))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_FUNCTION),
				 errmsg("default conversion function for encoding \"%s\" to \"%s\" does not exist",
						pg_encoding_to_char(from), pg_encoding_to_char(to))));
	procedures[to == PG_UTF8] = procedure;
	*result = palloc(room);
	converted = pg_do_encoding_conversion_buf(procedure, from, to,
											  (unsigned char *) unconstify(char *, text),
											  *length,
											  (unsigned char *) *result, room,
											  true);
	*length = strlen(*result);
	return converted;
}

/*
 * A text of the database in UTF-8, *length becoming that of the result; NULL
 * when it is no such text. The result is the text itself or palloc'd.
 */
const char *
cm_utf8_from_database(const char *text, int *length)
{
	int			encoding = GetDatabaseEncoding();
	int			original = *length;
	char	   *result;

	if (encoding == PG_UTF8 && CM_TEXTS_ARE_VALID)
		return text;
	if (encoding == PG_UTF8 || encoding == PG_SQL_ASCII)
		return pg_verify_mbstr(PG_UTF8, text, *length, true) ? text : NULL;
	return convert(text, length, encoding, PG_UTF8, &result) == original ?
		result : NULL;
}

/* A copy of a text with a question mark for each byte that is not UTF-8. */
static char *
clean_utf8(const char *text)
{
	char	   *copy = palloc(strlen(text) + 1);
	char	   *to = copy;

	while (*text)
	{
		int			length = Min(pg_utf_mblen((const unsigned char *) text),
								 (int) strnlen(text, MAX_MULTIBYTE_CHAR_LEN));

		if (!pg_verify_mbstr(PG_UTF8, text, length, true))
			length = 1;
		memcpy(to, text, length);
		if (length == 1 && IS_HIGHBIT_SET(*text))
			*to = '?';
		to += length;
		text += length;
	}
	*to = '\0';
	return copy;
}

/* Append the escape of JSON for the character, which is in UTF-8. */
static void
append_escape(StringInfo out, const char *character)
{
	pg_wchar	code = utf8_to_unicode((const unsigned char *) character);

	if (code > 0xffff)
		appendStringInfo(out, "\\u%04x\\u%04x", 0xd7c0 + (code >> 10),
						 0xdc00 + (code & 0x3ff));
	else
		appendStringInfo(out, "\\u%04x", code);
}

/*
 * A text in UTF-8 in the encoding of the database. A character that this lacks
 * is escaped if the text is JSON, else it becomes a question mark. The result
 * is the text itself or palloc'd.
 */
static char *
to_database(char *text, bool is_json)
{
	int			encoding = GetDatabaseEncoding();
	StringInfoData whole;

	if (encoding == PG_UTF8 || encoding == PG_SQL_ASCII)
		return text;
	initStringInfo(&whole);
	while (*text)
	{
		int			size = pg_encoding_mbcliplen(PG_UTF8, text,
												 strnlen(text, CM_PIECE), CM_PIECE);
		int			length = size;
		char	   *part;
		int			converted = convert(text, &length, PG_UTF8, encoding, &part);

		appendBinaryStringInfo(&whole, part, length);
		pfree(part);
		text += converted;
		if (converted == size)
			continue;
		if (is_json)
			append_escape(&whole, text);
		else
			appendStringInfoChar(&whole, '?');
		text += pg_utf_mblen((const unsigned char *) text);
	}
	return whole.data;
}

/*
 * A text that came from Convex, in the encoding of the database; a question
 * mark stands for each character that this lacks, and for each byte that is
 * not UTF-8. For messages and for what is compared with names. The result is
 * the text itself or palloc'd.
 */
char *
cm_utf8_to_database(char *text)
{
	if (!pg_verify_mbstr(PG_UTF8, text, strlen(text), true))
		text = clean_utf8(text);
	return to_database(text, false);
}

/* JSON of ours in the encoding of the database: the same JSON. */
char *
cm_utf8_json_to_database(char *json)
{
	return to_database(json, true);
}

/*
 * A text of the database in a form that every client can read. One that cannot
 * be converted to UTF-8, which a client that asks for UTF-8 would not get, has
 * \xHH in place of each byte that is not ASCII. The result is the text itself
 * or palloc'd.
 */
const char *
cm_utf8_readable(const char *text)
{
	int			length = strlen(text);
	StringInfoData readable;

	if (cm_utf8_from_database(text, &length) != NULL)
		return text;
	initStringInfo(&readable);
	for (; *text; text++)
	{
		if (IS_HIGHBIT_SET(*text))
			appendStringInfo(&readable, "\\x%02x", (unsigned char) *text);
		else
			appendStringInfoChar(&readable, *text);
	}
	return readable.data;
}

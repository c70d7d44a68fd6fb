/*-------------------------------------------------------------------------
 *
 * typescript.c
 *	  TypeScript as prettier would leave it: comments, strings, lists.
 *
 * Lines have 80 columns, indentation is two spaces, strings are in double
 * quotes. Validators and fields, which are broken over lines, are in
 * validators.c.
 *
 * Names and texts come from catalogs that anybody may have written to: in
 * strings everything is escaped, and a comment never gets a line break of its
 * own, one of JavaScript's included.
 *
 *-------------------------------------------------------------------------
 */
#include "generate/generate.h"

#include "mb/pg_wchar.h"

/* Columns that a text fills on the screen. */
static int
width_of(const char *text)
{
	int			width = 0;

	for (const char *p = text; *p; p += pg_mblen(p))
		width += Max(pg_dsplen(p), 0);
	return width;
}

/* What JavaScript calls the length of a text: its units of UTF-16. */
int
cm_typescript_length(const char *text)
{
	int			length = 0;

	for (const char *p = text; *p; p += pg_mblen(p))
		length += GetDatabaseEncoding() == PG_UTF8 && pg_mblen(p) == 4 ? 2 : 1;
	return length;
}

/* Whether the text and a comma fit on the line from this column on. */
bool
cm_typescript_fits(int column, const char *text)
{
	return column + width_of(text) + 1 <= CM_LINE_WIDTH;
}

/*
 * Length of the line break of JavaScript (ECMAScript, LineTerminator) that the
 * text begins with, or 0.
 */
static int
line_break(const char *text)
{
	if (*text == '\r' && text[1] == '\n')
		return 2;
	if (*text == '\n' || *text == '\r')
		return 1;
	/* in SQL_ASCII the bytes are whatever the client makes of them */
	if ((GetDatabaseEncoding() == PG_UTF8 ||
		 GetDatabaseEncoding() == PG_SQL_ASCII) &&
		(strncmp(text, "\u2028", 3) == 0 || strncmp(text, "\u2029", 3) == 0))
		return 3;
	return 0;
}

/* Print a text as comment lines. */
void
cm_typescript_comment(StringInfo out, int indent, const char *text)
{
	for (bool more = true; more;)
	{
		int			length = 0;
		int			trimmed;

		while (text[length] && line_break(text + length) == 0)
			length++;
		for (trimmed = length; trimmed > 0 && text[trimmed - 1] == ' ';)
			trimmed--;
		appendStringInfoSpaces(out, indent);
		appendStringInfo(out, "//%s%.*s\n", trimmed > 0 ? " " : "", trimmed, text);
		text += length;
		more = *text != '\0';
		text += line_break(text);
	}
}

/*
 * Print a text as a string: in double quotes, or in single ones where that
 * saves escapes.
 */
void
cm_typescript_string(StringInfo out, const char *text)
{
	int			singles = 0;
	int			doubles = 0;
	char		quote;

	for (const char *p = text; *p; p++)
	{
		singles += *p == '\'';
		doubles += *p == '"';
	}
	quote = doubles > singles ? '\'' : '"';
	appendStringInfoChar(out, quote);
	for (const char *p = text; *p; p++)
	{
		int			length = line_break(p);

		if (*p == quote || *p == '\\')
			appendStringInfo(out, "\\%c", *p);
		else if (length == 3)
		{
			appendStringInfo(out, "\\u20%02x", (unsigned char) p[2] - 0x80);
			p += 2;
		}
		else if (*p == '\n' || *p == '\r' || *p == '\t')
			appendStringInfo(out, "\\%c", *p == '\n' ? 'n' : *p == '\r' ? 'r' : 't');
		else if ((unsigned char) *p < ' ' || *p == 0x7f)
			appendStringInfo(out, "\\u%04x", *p);
		else
			appendStringInfoChar(out, *p);
	}
	appendStringInfoChar(out, quote);
}

/*
 * Print a line that begins with the head, has names (char *) as strings in
 * brackets and ends with the tail; where that is too long, a line for each name.
 */
void
cm_typescript_list(StringInfo out, int indent, const char *head, const List *names,
				   const char *tail)
{
	StringInfoData items;
	ListCell   *lc;

	initStringInfo(&items);
	foreach(lc, names)
	{
		if (lc != list_head(names))
			appendStringInfoString(&items, ", ");
		cm_typescript_string(&items, lfirst(lc));
	}
	appendStringInfoSpaces(out, indent);
	appendStringInfo(out, "%s[", head);
	if (indent + strlen(head) + items.len + strlen(tail) + 2 <= CM_LINE_WIDTH)
		appendStringInfoString(out, items.data);
	else
	{
		appendStringInfoChar(out, '\n');
		foreach(lc, names)
		{
			appendStringInfoSpaces(out, indent + CM_INDENT);
			cm_typescript_string(out, lfirst(lc));
			appendStringInfoString(out, ",\n");
		}
		appendStringInfoSpaces(out, indent);
	}
	appendStringInfo(out, "]%s\n", tail);
}

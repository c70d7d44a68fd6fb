/*-------------------------------------------------------------------------
 *
 * typescript.c
 *	  TypeScript as prettier would leave it: validators, texts, comments.
 *
 * Lines have 80 columns, indentation is two spaces, texts are in double
 * quotes. What does not fit on a line is broken at its outermost parenthesis,
 * an argument a line; objects always are, a field a line.
 *
 * Names and texts come from catalogs that anybody may have written to: in
 * texts everything is escaped, and a comment never gets a line break of its
 * own, one of JavaScript's included.
 *
 *-------------------------------------------------------------------------
 */
#include "generate/generate.h"

#include "mb/pg_wchar.h"

#define CM_LINE_WIDTH 80
#define CM_INDENT 2

/* Length of a text for which prettier does not break a call: a quarter of the
 * line, in units of UTF-16, quotes counted. */
#define CM_SHORT_TEXT 20

static void print_validator(StringInfo out, const CmValidator *validator,
							bool optional, int indent, int column);

/* Columns that a text takes. */
static int
width_of(const char *text)
{
	int			width = 0;

	for (const char *p = text; *p; p += pg_mblen(p))
		width += Max(pg_dsplen(p), 0);
	return width;
}

/* Units of UTF-16 that a text takes: what JavaScript calls its length. */
static int
length_of(const char *text)
{
	int			length = 0;

	for (const char *p = text; *p; p += pg_mblen(p))
		length += GetDatabaseEncoding() == PG_UTF8 && pg_mblen(p) == 4 ? 2 : 1;
	return length;
}

/* Whether the text and a comma fit on the line from this column on. */
static bool
fits(int column, const char *text)
{
	return column + width_of(text) + 1 <= CM_LINE_WIDTH;
}

static void
print_indent(StringInfo out, int indent)
{
	appendStringInfoSpaces(out, indent);
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
		print_indent(out, indent);
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

/* The name of the function that makes a kind of validator. */
static const char *
maker(CmValidatorKind kind)
{
	static const char *const makers[] = {
		[CM_VALIDATOR_ANY] = "v.any",
		[CM_VALIDATOR_NULL] = "v.null",
		[CM_VALIDATOR_NUMBER] = "v.number",
		[CM_VALIDATOR_INT64] = "v.int64",
		[CM_VALIDATOR_BOOLEAN] = "v.boolean",
		[CM_VALIDATOR_STRING] = "v.string",
		[CM_VALIDATOR_BYTES] = "v.bytes",
		[CM_VALIDATOR_ID] = "v.id",
		[CM_VALIDATOR_LITERAL] = "v.literal",
		[CM_VALIDATOR_ARRAY] = "v.array",
		[CM_VALIDATOR_RECORD] = "v.record",
		[CM_VALIDATOR_OBJECT] = "v.object",
		[CM_VALIDATOR_UNION] = "v.union",
	};

	return makers[kind];
}

static void append_flat(StringInfo out, const CmValidator *validator);

/* Append an object's fields, with their brackets, on one line. */
static void
append_flat_fields(StringInfo out, const List *fields)
{
	ListCell   *lc;

	appendStringInfoChar(out, '{');
	foreach(lc, fields)
	{
		CmField    *field = lfirst(lc);

		appendStringInfo(out, "%s %s: %s", lc == list_head(fields) ? "" : ",",
						 field->name, field->optional ? "v.optional(" : "");
		append_flat(out, field->validator);
		if (field->optional)
			appendStringInfoChar(out, ')');
	}
	appendStringInfoString(out, fields == NIL ? "}" : " }");
}

/* Append the validator on one line. */
static void
append_flat(StringInfo out, const CmValidator *validator)
{
	ListCell   *lc;

	appendStringInfo(out, "%s(", maker(validator->kind));
	if (validator->kind == CM_VALIDATOR_ID ||
		(validator->kind == CM_VALIDATOR_LITERAL && validator->is_string))
		cm_typescript_string(out, validator->text);
	else if (validator->kind == CM_VALIDATOR_LITERAL)
		appendStringInfoString(out, validator->text);
	else if (validator->kind == CM_VALIDATOR_OBJECT)
		append_flat_fields(out, validator->fields);
	foreach(lc, validator->members)
	{
		if (lc != list_head(validator->members))
			appendStringInfoString(out, ", ");
		append_flat(out, lfirst(lc));
	}
	appendStringInfoChar(out, ')');
}

/* Whether there is an object with fields in it, which takes several lines. */
static bool
has_fields(const CmValidator *validator)
{
	ListCell   *lc;

	foreach(lc, validator->members)
	{
		if (has_fields(lfirst(lc)))
			return true;
	}
	return validator->fields != NIL;
}

/* The validator on one line. */
char *
cm_typescript_validator(const CmValidator *validator, bool optional)
{
	StringInfoData text;

	initStringInfo(&text);
	if (optional)
		appendStringInfoString(&text, "v.optional(");
	append_flat(&text, validator);
	if (optional)
		appendStringInfoChar(&text, ')');
	return text.data;
}

/* The same, or NULL when it takes several lines. */
static char *
flat_validator(const CmValidator *validator, bool optional)
{
	return has_fields(validator) ? NULL : cm_typescript_validator(validator, optional);
}

/* The text that is the only argument, as it is printed; NULL if it is none, or
 * so short that prettier does not break the call for it. */
static char *
long_text(const CmValidator *validator)
{
	StringInfoData text;

	if (validator->kind != CM_VALIDATOR_ID &&
		(validator->kind != CM_VALIDATOR_LITERAL || !validator->is_string))
		return NULL;
	initStringInfo(&text);
	cm_typescript_string(&text, validator->text);
	return length_of(text.data) > CM_SHORT_TEXT ? text.data : NULL;
}

/* Whether there is something to break a line at. */
static bool
can_break(const CmValidator *validator, bool optional)
{
	return optional || validator->members != NIL || long_text(validator) != NULL;
}

/* Print one argument of a broken call on lines of its own. */
static void
print_argument(StringInfo out, const CmValidator *argument, int indent)
{
	appendStringInfoChar(out, '\n');
	print_indent(out, indent);
	print_validator(out, argument, false, indent, indent);
	appendStringInfoChar(out, ',');
}

/* Print the fields of an object and its brackets. */
static void
print_object(StringInfo out, const CmValidator *object, int indent)
{
	ListCell   *lc;

	appendStringInfoString(out, "v.object({\n");
	foreach(lc, object->fields)
		cm_typescript_field(out, lfirst(lc), indent + CM_INDENT);
	print_indent(out, indent);
	appendStringInfoString(out, "})");
}

/* Print a validator that begins at the column of a line of the indentation. */
static void
print_validator(StringInfo out, const CmValidator *validator, bool optional,
				int indent, int column)
{
	char	   *flat = flat_validator(validator, optional);
	ListCell   *lc;

	if (flat != NULL && (fits(column, flat) || !can_break(validator, optional)))
	{
		appendStringInfoString(out, flat);
		return;
	}
	if (!optional && validator->kind == CM_VALIDATOR_OBJECT)
	{
		print_object(out, validator, indent);
		return;
	}
	appendStringInfo(out, "%s(", optional ? "v.optional" : maker(validator->kind));
	if (optional)
		print_argument(out, validator, indent + CM_INDENT);
	else if (validator->members == NIL)
		appendStringInfo(out, "\n%*s%s,", indent + CM_INDENT, "",
						 long_text(validator));
	else
	{
		foreach(lc, validator->members)
			print_argument(out, lfirst(lc), indent + CM_INDENT);
	}
	appendStringInfoChar(out, '\n');
	print_indent(out, indent);
	appendStringInfoChar(out, ')');
}

/*
 * Whether a field's validator goes to the line below its name: it has nothing
 * to break in, or not even its parenthesis fits.
 */
static bool
goes_below(const CmField *field, int column, const char *flat)
{
	const CmValidator *validator = field->validator;

	if (flat != NULL && fits(column, flat))
		return false;
	return (flat != NULL && !can_break(validator, field->optional)) ||
		column + strlen(field->optional ? "v.optional" : maker(validator->kind)) + 1 >
		CM_LINE_WIDTH;
}

/* Print a field of an object as a line, or more where it takes more. */
void
cm_typescript_field(StringInfo out, const CmField *field, int indent)
{
	int			column = indent + strlen(field->name) + strlen(": ");
	bool		below = goes_below(field, column,
								   flat_validator(field->validator, field->optional));

	if (field->comment != NULL)
		cm_typescript_comment(out, indent, field->comment);
	print_indent(out, indent);
	appendStringInfo(out, "%s:%s", field->name, below ? "\n" : " ");
	if (below)
	{
		indent += CM_INDENT;
		print_indent(out, indent);
	}
	print_validator(out, field->validator, field->optional, indent,
					below ? indent : column);
	appendStringInfoString(out, ",\n");
}

/*
 * Print a line that begins with the head, has names in brackets and ends with
 * the tail; or a line for each name.
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
	print_indent(out, indent);
	appendStringInfo(out, "%s[", head);
	if (indent + strlen(head) + items.len + strlen(tail) + 2 <= CM_LINE_WIDTH)
		appendStringInfoString(out, items.data);
	else
	{
		appendStringInfoChar(out, '\n');
		foreach(lc, names)
		{
			print_indent(out, indent + CM_INDENT);
			cm_typescript_string(out, lfirst(lc));
			appendStringInfoString(out, ",\n");
		}
		print_indent(out, indent);
	}
	appendStringInfo(out, "]%s\n", tail);
}

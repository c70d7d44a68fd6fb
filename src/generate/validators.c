/*-------------------------------------------------------------------------
 *
 * validators.c
 *	  Validators and fields in TypeScript, as prettier would leave them.
 *
 * A validator stands on one line where it fits. Otherwise it is broken at its
 * outermost parenthesis, an argument a line; an object with fields always is, a
 * field a line. A validator with nothing to break at is printed on the line
 * below the name of its field, or runs over the end of the line.
 *
 *-------------------------------------------------------------------------
 */
#include "generate/generate.h"

/* The longest only argument, a text or a name, for which prettier does not break
 * a call: a quarter of the line, in JavaScript's units of length, quotes counted. */
#define CM_SHORT_TEXT 20

static void append_flat(StringInfo out, const CmValidator *validator);
static void print_validator(StringInfo out, const CmValidator *validator,
							bool optional, int indent, int column);

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

/* The members of a validator as they are printed: a union in a union, unless it
 * is a constant, as its own members. */
static List *
printed_members(const CmValidator *validator)
{
	List	   *members = NIL;
	ListCell   *lc;

	if (validator->kind != CM_VALIDATOR_UNION)
		return validator->members;
	foreach(lc, validator->members)
	{
		CmValidator *member = lfirst(lc);

		if (member->kind == CM_VALIDATOR_UNION && member->constant == NULL)
			members = list_concat(members, printed_members(member));
		else
			members = lappend(members, member);
	}
	return members;
}

/* Append the validator on one line. */
static void
append_flat(StringInfo out, const CmValidator *validator)
{
	List	   *members;
	ListCell   *lc;

	if (validator->constant != NULL)
	{
		appendStringInfoString(out, validator->constant);
		return;
	}
	appendStringInfo(out, "%s(", maker(validator->kind));
	if (validator->kind == CM_VALIDATOR_ID ||
		(validator->kind == CM_VALIDATOR_LITERAL && validator->is_string))
		cm_typescript_string(out, validator->text);
	else if (validator->kind == CM_VALIDATOR_LITERAL)
		appendStringInfoString(out, validator->text);
	else if (validator->kind == CM_VALIDATOR_OBJECT)
		append_flat_fields(out, validator->fields);
	members = printed_members(validator);
	foreach(lc, members)
	{
		if (lc != list_head(members))
			appendStringInfoString(out, ", ");
		append_flat(out, lfirst(lc));
	}
	appendStringInfoChar(out, ')');
}

/* Whether there is an object with fields in it, which is always broken. */
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

/* The validator on one line, "v.string()"; palloc'd. */
char *
cm_validators_text(const CmValidator *validator, bool optional)
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

/* The same, or NULL when it is always broken. */
static char *
flat_validator(const CmValidator *validator, bool optional)
{
	return has_fields(validator) ? NULL : cm_validators_text(validator, optional);
}

/* The string that is the only argument, as it is printed; NULL when there is
 * none, or it is so short that prettier does not break the call for it. */
static char *
long_text(const CmValidator *validator)
{
	StringInfoData text;

	if (validator->kind != CM_VALIDATOR_ID &&
		(validator->kind != CM_VALIDATOR_LITERAL || !validator->is_string))
		return NULL;
	initStringInfo(&text);
	cm_typescript_string(&text, validator->text);
	return cm_typescript_length(text.data) > CM_SHORT_TEXT ? text.data : NULL;
}

/* Whether the validator, as the only argument, is one for which prettier does
 * not break a call: a short name. */
static bool
is_short_name(const CmValidator *validator)
{
	return validator->constant != NULL && strlen(validator->constant) <= CM_SHORT_TEXT;
}

/* Whether there is something to break a line at. */
static bool
can_break(const CmValidator *validator, bool optional)
{
	if (optional)
		return !is_short_name(validator);
	if (validator->constant != NULL)
		return false;
	if (list_length(validator->members) == 1)
		return !is_short_name(linitial(validator->members));
	return validator->members != NIL || long_text(validator) != NULL;
}

/* Print one argument of a broken call on lines of its own. */
static void
print_argument(StringInfo out, const CmValidator *argument, int indent)
{
	appendStringInfoChar(out, '\n');
	appendStringInfoSpaces(out, indent);
	print_validator(out, argument, false, indent, indent);
	appendStringInfoChar(out, ',');
}

/* Print an object with a line, or more, for each field. */
static void
print_object(StringInfo out, const CmValidator *object, int indent)
{
	ListCell   *lc;

	appendStringInfoString(out, "v.object({\n");
	foreach(lc, object->fields)
		cm_validators_print_field(out, lfirst(lc), indent + CM_INDENT);
	appendStringInfoSpaces(out, indent);
	appendStringInfoString(out, "})");
}

/* Print a validator that begins at this column of a line that has this
 * indentation. */
static void
print_validator(StringInfo out, const CmValidator *validator, bool optional,
				int indent, int column)
{
	char	   *flat = flat_validator(validator, optional);
	ListCell   *lc;

	if (flat != NULL && (cm_typescript_fits(column, flat) || !can_break(validator, optional)))
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
		foreach(lc, printed_members(validator))
			print_argument(out, lfirst(lc), indent + CM_INDENT);
	}
	appendStringInfoChar(out, '\n');
	appendStringInfoSpaces(out, indent);
	appendStringInfoChar(out, ')');
}

/*
 * Whether a field's validator is printed on the line below its name: it has
 * nothing to break at, or not even its parenthesis fits. flat: on one line, or
 * NULL.
 */
static bool
is_below(const CmField *field, int column, const char *flat)
{
	const CmValidator *validator = field->validator;

	if (flat != NULL && cm_typescript_fits(column, flat))
		return false;
	return (flat != NULL && !can_break(validator, field->optional)) ||
		column + strlen(field->optional ? "v.optional" : maker(validator->kind)) + 1 >
		CM_LINE_WIDTH;
}

/* Print a constant that is the validator. */
void
cm_validators_print_constant(StringInfo out, const char *name,
							 const CmValidator *validator)
{
	char	   *head = psprintf("export const %s = ", name);

	appendStringInfoString(out, head);
	print_validator(out, validator, false, 0, strlen(head));
	appendStringInfoString(out, ";\n\n");
}

/* Print a field of an object, with its comment, as a line or more. */
void
cm_validators_print_field(StringInfo out, const CmField *field, int indent)
{
	int			column = indent + strlen(field->name) + strlen(": ");
	bool		below = is_below(field, column,
								 flat_validator(field->validator, field->optional));

	if (field->comment != NULL)
		cm_typescript_comment(out, indent, field->comment);
	appendStringInfoSpaces(out, indent);
	appendStringInfo(out, "%s:%s", field->name, below ? "\n" : " ");
	if (below)
	{
		indent += CM_INDENT;
		appendStringInfoSpaces(out, indent);
	}
	print_validator(out, field->validator, field->optional, indent,
					below ? indent : column);
	appendStringInfo(out, ",%s%s\n", field->note ? " // " : "",
					 field->note ? field->note : "");
}


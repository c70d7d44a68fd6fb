/*-------------------------------------------------------------------------
 *
 * conforms.c
 *	  Whether a document, written as a line of an import file, is one that the
 *	  validator of a deployment accepts.
 *
 * An import is all or nothing: one document that the schema refuses would spoil it
 * after everything was uploaded. What is read here was written by writer.c, so it is
 * known to be JSON without spaces: nothing looks for mistakes in it.
 *
 * Protocol: cm_conforms_prepare() for a validator that was read; then
 * cm_conforms_document() for each line.
 *
 * How Convex validates: crates/common/src/schemas/validator.rs; how it reads the
 * line: crates/value/src/export.rs.
 *
 *-------------------------------------------------------------------------
 */
#include "value/value.h"

#include "miscadmin.h"

/* Characters of an id of a document, at most. */
#define CM_ID_TEXT 37

/* Where a line is read. */
typedef struct CmReading
{
	const char *at;
	CmReason   *reason;			/* why it does not conform; NULL: nobody asks */
	bool		document;		/* the object that comes is the document */
} CmReading;

static bool conforms(CmReading *reading, const CmValidator *validator);

/* Pass over a JSON string. */
static const char *
behind_string(const char *at)
{
	for (at++; *at != '"'; at++)
	{
		if (*at == '\\')
			at++;
	}
	return at + 1;
}

/* Pass over a value. */
static const char *
behind_value(const char *at)
{
	int			depth = 0;

	do
	{
		if (*at == '"')
		{
			at = behind_string(at);
			continue;
		}
		depth += (*at == '{' || *at == '[') - (*at == '}' || *at == ']');
		at++;
	} while (depth > 0);
	/* the rest of a number or a word */
	return at[-1] == '"' || at[-1] == '}' || at[-1] == ']' ? at :
		at + strcspn(at, ",]}\n");
}

/* Whether the value is an object of one field with this name, which stands for a value
 * of another type. */
static bool
is_special(const char *at, const char *name)
{
	size_t		length = strlen(name);

	return at[0] == '{' && at[1] == '"' && strncmp(at + 2, name, length) == 0 &&
		at[2 + length] == '"';
}

/* Whether the value is a number with a point or an exponent, which is a Float64, or one
 * that is not finite. */
static bool
is_float(const char *at)
{
	size_t		length = strcspn(at, ",]}\n");

	if (is_special(at, "$float"))
		return true;
	if (*at != '-' && (*at < '0' || *at > '9'))
		return false;
	for (size_t i = 0; i < length; i++)
	{
		if (strchr(".eE", at[i]) != NULL)
			return true;
	}
	return false;
}

/* Whether the value is a whole number, which is an Int64. */
static bool
is_int64(const char *at)
{
	return (*at == '-' || (*at >= '0' && *at <= '9')) && !is_float(at);
}

/* Whether the value is the literal. */
static bool
is_literal(const char *at, const CmValidator *validator)
{
	const char *token = validator->token;
	size_t		length = strlen(token);

	if (!validator->is_string && is_float(at) && *at != '{' && is_float(token))
		return strtod(at, NULL) == strtod(token, NULL);
	return strncmp(at, token, length) == 0 &&
		(validator->is_string || strchr(",]}", at[length]) != NULL);
}

/* Whether the value is an id of the validator's table. */
static bool
is_id(const char *at, const CmValidator *validator)
{
	char		text[CM_ID_TEXT + 1];
	uint8		own[CM_DOCID_BYTES];
	uint32		number;
	size_t		length;

	if (*at != '"')
		return false;
	length = strcspn(at + 1, "\"\\");
	if (length > CM_ID_TEXT)
		return false;
	memcpy(text, at + 1, length);
	text[length] = '\0';
	return cm_docid_read(text, &number, own) && number == validator->number;
}

/* Whether the value, which has no others in it, is one that the validator accepts. */
static bool
scalar_conforms(const char *at, const CmValidator *validator)
{
	switch (validator->kind)
	{
		case CM_VALIDATOR_NULL:
			return *at == 'n';
		case CM_VALIDATOR_NUMBER:
			return is_float(at);
		case CM_VALIDATOR_INT64:
			return is_int64(at);
		case CM_VALIDATOR_BOOLEAN:
			return *at == 't' || *at == 'f';
		case CM_VALIDATOR_STRING:
			return *at == '"';
		case CM_VALIDATOR_BYTES:
			return is_special(at, "$bytes");
		case CM_VALIDATOR_ID:
			return is_id(at, validator);
		case CM_VALIDATOR_LITERAL:
			return is_literal(at, validator);
		default:
			return false;
	}
}

/* Name of what a validator accepts, for people. */
static const char *
name_of(const CmValidator *validator)
{
	static const char *const names[] = {
		[CM_VALIDATOR_ANY] = "v.any()",
		[CM_VALIDATOR_NULL] = "v.null()",
		[CM_VALIDATOR_NUMBER] = "v.number()",
		[CM_VALIDATOR_INT64] = "v.int64()",
		[CM_VALIDATOR_BOOLEAN] = "v.boolean()",
		[CM_VALIDATOR_STRING] = "v.string()",
		[CM_VALIDATOR_BYTES] = "v.bytes()",
		[CM_VALIDATOR_ARRAY] = "v.array()",
		[CM_VALIDATOR_RECORD] = "v.record()",
		[CM_VALIDATOR_OBJECT] = "v.object()",
		[CM_VALIDATOR_UNION] = "v.union()"
	};

	if (validator->kind == CM_VALIDATOR_ID)
		return psprintf("v.id(\"%s\")", validator->text);
	if (validator->kind == CM_VALIDATOR_LITERAL)
		return psprintf("v.literal(%s)", validator->token);
	return names[validator->kind];
}

/* The value is not what the validator accepts. */
static bool
refuse(CmReading *reading, const CmValidator *validator)
{
	if (reading->reason != NULL)
		cm_reason_set(reading->reason, "schema_mismatch",
					  "the deployed schema accepts only %s", name_of(validator));
	return false;
}

/* The value does not conform, for the reason that is set, which is within a member of
 * this name. */
static bool
refuse_within(CmReading *reading, const char *name, int length)
{
	if (reading->reason != NULL)
		cm_reason_within(reading->reason, pnstrdup(name, length));
	return false;
}

/* An array. */
static bool
array_conforms(CmReading *reading, const CmValidator *validator)
{
	int			element = 0;

	if (*reading->at != '[')
		return refuse(reading, validator);
	reading->at++;
	while (*reading->at != ']')
	{
		if (*reading->at == ',')
			reading->at++;
		if (!conforms(reading, linitial(validator->members)))
		{
			if (reading->reason != NULL)
				cm_reason_within_element(reading->reason, element);
			return false;
		}
		element++;
	}
	reading->at++;
	return true;
}

/* The name of a member, of which *length bytes; the reading is behind its colon then. An
 * escape in it makes it another one than any that a validator can name. */
static const char *
read_name(CmReading *reading, int *length)
{
	const char *name;

	if (*reading->at == ',')
		reading->at++;
	name = reading->at + 1;
	reading->at = behind_string(reading->at) + 1;
	*length = reading->at - name - 2;
	return name;
}

/* A record. */
static bool
record_conforms(CmReading *reading, const CmValidator *validator)
{
	if (*reading->at != '{' || is_special(reading->at, "$bytes") ||
		is_special(reading->at, "$float"))
		return refuse(reading, validator);
	reading->at++;
	while (*reading->at != '}')
	{
		int			length;
		const char *name = read_name(reading, &length);
		const char *value = reading->at;

		reading->at = name - 1;
		if (!conforms(reading, linitial(validator->members)))
			return refuse(reading, validator);
		reading->at = value;
		if (!conforms(reading, lsecond(validator->members)))
			return refuse_within(reading, name, length);
	}
	reading->at++;
	return true;
}

/* The field with this name, where fields come in the order of the list more often than
 * not; or NULL. */
static CmField *
find_field(const List *fields, const char *name, int length, int *next)
{
	int			count = list_length(fields);

	for (int i = 0; i < count; i++)
	{
		CmField    *field = list_nth(fields, (*next + i) % count);

		if (strncmp(field->name, name, length) == 0 && field->name[length] == '\0')
		{
			*next = (*next + i + 1) % count;
			return field;
		}
	}
	return NULL;
}

/* A field that every document must have and that the value, an object, has not; NULL:
 * there is none. */
static CmField *
missing_field(const List *fields, const char *at)
{
	ListCell   *lc;

	foreach(lc, fields)
	{
		CmField    *field = lfirst(lc);
		CmReading	reading = {.at = at + 1};
		bool		found = field->optional;

		while (!found && *reading.at != '}')
		{
			int			length;
			const char *name = read_name(&reading, &length);

			found = strncmp(field->name, name, length) == 0 &&
				field->name[length] == '\0';
			reading.at = behind_value(reading.at);
		}
		if (!found)
			return field;
	}
	return NULL;
}

/* How many fields every document must have. */
static int
count_required(const List *fields)
{
	int			count = 0;
	ListCell   *lc;

	foreach(lc, fields)
		count += !((CmField *) lfirst(lc))->optional;
	return count;
}

/* A member of the object. */
static bool
member_conforms(CmReading *reading, const CmValidator *validator, int *next,
				int *required)
{
	int			length;
	const char *name = read_name(reading, &length);
	CmField    *field = find_field(validator->fields, name, length, next);

	if (field != NULL && conforms(reading, field->validator))
	{
		*required -= !field->optional;
		return true;
	}
	if (field == NULL && reading->reason != NULL)
		cm_reason_set(reading->reason, "schema_mismatch",
					  "the deployed schema has no such field");
	return refuse_within(reading, name, length);
}

/* An object, which has no other fields than the validator names. The document has _id
 * and _creationTime beside them. */
static bool
object_conforms(CmReading *reading, const CmValidator *validator)
{
	bool		document = reading->document;
	const char *begin = reading->at;
	int			required = count_required(validator->fields);
	int			next = 0;

	reading->document = false;
	if (*begin != '{' || is_special(begin, "$bytes") || is_special(begin, "$float"))
		return refuse(reading, validator);
	reading->at++;
	while (*reading->at != '}')
	{
		const char *name = reading->at + (*reading->at == ',');

		if (document && name[1] == '_')
			reading->at = behind_value(behind_string(name) + 1);
		else if (!member_conforms(reading, validator, &next, &required))
			return false;
	}
	reading->at++;
	if (required > 0 && reading->reason != NULL)
	{
		cm_reason_set(reading->reason, "schema_mismatch",
					  "the deployed schema requires the field");
		cm_reason_within(reading->reason,
						 missing_field(validator->fields, begin)->name);
	}
	return required == 0;
}

/* One of the union's members accepts it. */
static bool
union_conforms(CmReading *reading, const CmValidator *validator)
{
	const char *begin = reading->at;
	bool		document = reading->document;
	ListCell   *lc;

	foreach(lc, validator->members)
	{
		CmReading	attempt = {
			.at = begin,
			.document = document
		};

		if (conforms(&attempt, lfirst(lc)))
		{
			reading->at = attempt.at;
			return true;
		}
	}
	return refuse(reading, validator);
}

/* Whether the validator accepts the value that is read, and read it. */
static bool
conforms(CmReading *reading, const CmValidator *validator)
{
	check_stack_depth();
	switch (validator->kind)
	{
		case CM_VALIDATOR_ANY:
			break;
		case CM_VALIDATOR_ARRAY:
			return array_conforms(reading, validator);
		case CM_VALIDATOR_RECORD:
			return record_conforms(reading, validator);
		case CM_VALIDATOR_OBJECT:
			return object_conforms(reading, validator);
		case CM_VALIDATOR_UNION:
			return union_conforms(reading, validator);
		default:
			if (!scalar_conforms(reading->at, validator))
				return refuse(reading, validator);
			break;
	}
	reading->at = behind_value(reading->at);
	return true;
}

/*
 * Whether the line, an object that writer.c has written and that ends in a NUL, is a
 * document that the validator, which was prepared, accepts. Else the reason says why not.
 */
bool
cm_conforms_document(const CmValidator *validator, const char *line,
					 CmReason *reason)
{
	CmReading	reading = {.at = line,.reason = reason,.document = true};

	return conforms(&reading, validator);
}

/*
 * Prepare the validator, and all in it: ids are of the table with the number that
 * number_of tells (0: there is none), strings that are literals are as they are written.
 */
void
cm_conforms_prepare(CmValidator *validator,
					uint32 (*number_of) (const void *arg, const char *table),
					const void *arg)
{
	ListCell   *lc;

	check_stack_depth();
	if (validator->kind == CM_VALIDATOR_ID)
		validator->number = number_of(arg, validator->text);
	else if (validator->kind == CM_VALIDATOR_LITERAL && validator->is_string)
	{
		int			length = strlen(validator->text);
		const char *text = cm_utf8_from_database(validator->text, &length);
		StringInfoData token;

		initStringInfo(&token);
		cm_writer_append_string(&token, text, length);
		validator->token = token.data;
	}
	foreach(lc, validator->members)
		cm_conforms_prepare(lfirst(lc), number_of, arg);
	foreach(lc, validator->fields)
		cm_conforms_prepare(((CmField *) lfirst(lc))->validator, number_of, arg);
}

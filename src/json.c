/*-------------------------------------------------------------------------
 *
 * json.c
 *	  JSON as Convex takes it in function arguments: strings, numbers, and
 *	  whole json and jsonb values.
 *
 * In this dialect (crates/value/src/json/mod.rs) a bare number is a Float64,
 * NaN, the infinities and -0 are {"$float": base64}, and a key that begins
 * with "$" is not data. What Convex cannot hold is a CmReason, never an ERROR
 * and never a silent change. Output goes straight into the request buffer;
 * on failure it is left incomplete, and the caller cuts it off.
 *
 *-------------------------------------------------------------------------
 */
#include "convex_migrate.h"

#include <math.h>

#include "common/shortest_dec.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"
#include "utils/numeric.h"

#include "compat.h"

/* crates/convex/sync_types/src/identifier.rs */
#define CM_MAX_KEY_LENGTH	1024

/*
 * A number text of at most this many digits, and an exponent of at most this
 * size, is the shortest text of a double: reading it loses nothing.
 */
#define CM_EXACT_DIGITS		15
#define CM_EXACT_EXPONENT	290

/* One open array or object while a json value is written. */
typedef struct CmLevel
{
	bool		is_array;
	int			count;			/* elements or fields so far */
	char	   *key;			/* of the field at hand */
	List	   *keys;			/* so far, where they may come twice */
} CmLevel;

/* A json value being written. */
typedef struct CmJsonWriter
{
	StringInfo	out;
	int			outer_depth;	/* nesting of what the value is in */
	int			depth;			/* of open levels */
	CmLevel		levels[CM_MAX_NESTING + 1];
	bool		may_repeat;		/* json keeps a key that comes twice */
	CmReason   *reason;
	bool		failed;			/* reason is set; write nothing more */
} CmJsonWriter;

/*
 * Note why a row cannot go. Returns false, so that an encoder can return the
 * result. Texts hold facts and limits, no row data.
 */
bool
cm_reason(CmReason *reason, const char *code, const char *format,...)
{
	StringInfoData text;
	va_list		args;

	initStringInfo(&text);
	for (;;)
	{
		int			needed;

		va_start(args, format);
		needed = appendStringInfoVA(&text, format, args);
		va_end(args);
		if (needed == 0)
			break;
		enlargeStringInfo(&text, needed);
	}
	reason->code = code;
	reason->path = NULL;
	reason->text = text.data;
	return false;
}

/* Put a step ("field" or "[3]") in front of the reason's path. */
void
cm_reason_within(CmReason *reason, const char *step)
{
	if (reason->path == NULL)
		reason->path = pstrdup(step);
	else
		reason->path = psprintf("%s%s%s", step,
								reason->path[0] == '[' ? "" : ".",
								reason->path);
}

/* Append a text as a JSON string. */
void
cm_json_string(StringInfo out, const char *text, int length)
{
	static const char hex[] = "0123456789abcdef";
	const char *end = text + length;
	const char *plain = text;	/* begin of what goes as it is */

	enlargeStringInfo(out, length + 2);
	appendStringInfoCharMacro(out, '"');
	for (const char *p = text; p < end; p++)
	{
		unsigned char c = *p;
		char		escape;

		if (c >= ' ' && c != '"' && c != '\\')
			continue;
		appendBinaryStringInfo(out, plain, p - plain);
		plain = p + 1;
		escape = c == '"' || c == '\\' ? c : c == '\n' ? 'n' :
			c == '\t' ? 't' : c == '\r' ? 'r' : 'u';
		appendStringInfoCharMacro(out, '\\');
		appendStringInfoCharMacro(out, escape);
		if (escape == 'u')
		{
			appendBinaryStringInfo(out, "00", 2);
			appendStringInfoCharMacro(out, hex[c >> 4]);
			appendStringInfoCharMacro(out, hex[c & 15]);
		}
	}
	appendBinaryStringInfo(out, plain, end - plain);
	appendStringInfoCharMacro(out, '"');
}

/* Append a Float64: by its shortest exact text, or as {"$float": ...}. */
void
cm_json_double(StringInfo out, double value)
{
	char		text[DOUBLE_SHORTEST_DECIMAL_LEN];

	/* base64 of the eight bytes, little-endian */
	if (isnan(value))
		appendStringInfoString(out, "{\"$float\":\"AAAAAAAA+H8=\"}");
	else if (isinf(value))
		appendStringInfoString(out, value > 0 ?
							   "{\"$float\":\"AAAAAAAA8H8=\"}" :
							   "{\"$float\":\"AAAAAAAA8P8=\"}");
	else if (value == 0 && signbit(value))
		appendStringInfoString(out, "{\"$float\":\"AAAAAAAAAIA=\"}");
	else
		appendBinaryStringInfo(out, text,
							   double_to_shortest_decimal_buf(value, text));
}

/* Whether two decimal texts are the same number. */
static bool
same_number(const char *a, const char *b)
{
	Datum		left = DirectFunctionCall3(numeric_in, CStringGetDatum(a),
										   ObjectIdGetDatum(InvalidOid),
										   Int32GetDatum(-1));
	Datum		right = DirectFunctionCall3(numeric_in, CStringGetDatum(b),
											ObjectIdGetDatum(InvalidOid),
											Int32GetDatum(-1));

	return DatumGetBool(DirectFunctionCall2(numeric_eq, left, right));
}

/*
 * Whether a finite decimal text, as numeric or JSON have it, comes back as
 * the same number after it was a double.
 */
bool
cm_number_is_exact(const char *text)
{
	int			digits = 0;		/* from the first to the last that is not 0 */
	int			zeros = 0;		/* trailing, of those seen so far */
	int			size = 0;		/* all digits: bounds the exponent */
	long		exponent = 0;
	double		value;
	char		shortest[DOUBLE_SHORTEST_DECIMAL_LEN + 1];

	for (const char *p = text; *p; p++)
	{
		if (*p == 'e' || *p == 'E')
		{
			/* beyond int: it saturates, and is far out of range anyway */
			exponent = strtol(p + 1, NULL, 10);
			exponent = Max(Min(exponent, PG_INT32_MAX), -PG_INT32_MAX);
			break;
		}
		if (*p < '0' || *p > '9')
			continue;
		size++;
		if (*p == '0')
			zeros += digits > 0;
		else
		{
			digits += zeros + 1;
			zeros = 0;
		}
	}
	if (digits == 0)
		return true;
	if (digits <= CM_EXACT_DIGITS &&
		labs(exponent) + size <= CM_EXACT_EXPONENT)
		return true;

	value = strtod(text, NULL);
	if (isinf(value) || value == 0)
		return false;
	shortest[double_to_shortest_decimal_bufn(value, shortest)] = '\0';
	return same_number(text, shortest);
}

/* The reason of a failed value, with the path to where it is. */
static void
writer_failed(CmJsonWriter *writer)
{
	for (int i = writer->depth - 1; i >= 0; i--)
	{
		CmLevel    *level = &writer->levels[i];

		if (level->is_array)
			cm_reason_within(writer->reason,
							 psprintf("[%d]", Max(level->count - 1, 0)));
		else if (level->key != NULL)
			cm_reason_within(writer->reason, level->key);
	}
	writer->failed = true;
}

/* A value begins: in an array it may need a comma. */
static bool
begin_value(CmJsonWriter *writer)
{
	CmLevel    *level;

	if (writer->failed)
		return false;
	if (writer->depth == 0)
		return true;
	level = &writer->levels[writer->depth - 1];
	if (!level->is_array)
		return true;
	if (level->count++ > 0)
		appendStringInfoChar(writer->out, ',');
	if (level->count > CM_MAX_ARRAY)
	{
		cm_reason(writer->reason, "array_too_long",
				  "more than %d elements", CM_MAX_ARRAY);
		writer->depth--;		/* the path is that of the array */
		writer_failed(writer);
		return false;
	}
	return true;
}

/* An array or object begins. */
static void
open_level(CmJsonWriter *writer, bool is_array)
{
	CmLevel    *level;

	if (!begin_value(writer))
		return;
	if (writer->outer_depth + writer->depth + 1 > CM_MAX_NESTING)
	{
		cm_reason(writer->reason, "nested_too_deeply",
				  "more than %d levels, counting the document itself",
				  CM_MAX_NESTING);
		writer_failed(writer);
		return;
	}
	appendStringInfoChar(writer->out, is_array ? '[' : '{');
	level = &writer->levels[writer->depth++];
	level->is_array = is_array;
	level->count = 0;
	level->key = NULL;
	level->keys = NIL;
}

/* The array or object at hand ends. */
static void
close_level(CmJsonWriter *writer)
{
	if (writer->failed)
		return;
	writer->depth--;
	appendStringInfoChar(writer->out,
						 writer->levels[writer->depth].is_array ? ']' : '}');
}

/* What is wrong with a nested key, or NULL. */
static const char *
key_problem(const char *key, int length)
{
	if (length > CM_MAX_KEY_LENGTH)
		return "a key is longer than 1,024 bytes";
	if (length > 0 && key[0] == '$')
		return "a key begins with \"$\"";
	if (length == 9 && memcmp(key, "__proto__", 9) == 0)
		return "the key \"__proto__\" would be lost in JavaScript";
	for (int i = 0; i < length; i++)
	{
		if (key[i] < ' ' || key[i] > '~')
			return "a key has a character that is not printable ASCII";
	}
	return NULL;
}

/* Whether the object at hand has the key already; notes it. */
static bool
is_repeated(CmJsonWriter *writer, CmLevel *level, const char *key)
{
	ListCell   *lc;

	if (!writer->may_repeat)
		return false;
	foreach(lc, level->keys)
	{
		if (strcmp(lfirst(lc), key) == 0)
			return true;
	}
	level->keys = lappend(level->keys, pstrdup(key));
	return false;
}

/* A field of the object at hand begins. */
static void
write_key(CmJsonWriter *writer, const char *key, int length)
{
	CmLevel    *level;
	const char *problem;

	if (writer->failed)
		return;
	level = &writer->levels[writer->depth - 1];
	problem = key_problem(key, length);
	if (problem == NULL && ++level->count > CM_MAX_FIELDS)
		problem = "an object has more than 1,024 fields";
	if (problem == NULL && is_repeated(writer, level, key))
		problem = "an object has a key twice";
	if (problem != NULL)
	{
		level->key = NULL;
		cm_reason(writer->reason, "illegal_json", "%s", problem);
		writer_failed(writer);
		return;
	}
	level->key = pnstrdup(key, length);
	if (level->count > 1)
		appendStringInfoChar(writer->out, ',');
	cm_json_string(writer->out, key, length);
	appendStringInfoChar(writer->out, ':');
}

/* true, false, null */
static void
write_word(CmJsonWriter *writer, const char *word)
{
	if (begin_value(writer))
		appendStringInfoString(writer->out, word);
}

static void
write_string(CmJsonWriter *writer, const char *text, int length)
{
	if (begin_value(writer))
		cm_json_string(writer->out, text, length);
}

static void
write_number(CmJsonWriter *writer, const char *text)
{
	if (!begin_value(writer))
		return;
	if (!cm_number_is_exact(text))
	{
		cm_reason(writer->reason, "number_not_exact",
				  "a number cannot be carried exactly as a Convex number");
		writer_failed(writer);
	}
	else if (text[0] == '-' && strtod(text, NULL) == 0)
		cm_json_double(writer->out, -0.0);
	else
		appendStringInfoString(writer->out, text);
}

/* A scalar of a jsonb value. */
static void
write_jsonb_scalar(CmJsonWriter *writer, JsonbValue *value)
{
	switch (value->type)
	{
		case jbvNull:
			write_word(writer, "null");
			break;
		case jbvBool:
			write_word(writer, value->val.boolean ? "true" : "false");
			break;
		case jbvString:
			write_string(writer, value->val.string.val, value->val.string.len);
			break;
		case jbvNumeric:
			write_number(writer,
						 DatumGetCString(DirectFunctionCall1(numeric_out,
															 NumericGetDatum(value->val.numeric))));
			break;
		default:
			elog(ERROR, "unexpected jsonb scalar of type %d", (int) value->type);
	}
}

/*
 * Append a jsonb value. depth is the nesting of what it stands in. False with
 * a reason when Convex cannot hold it.
 */
bool
cm_json_from_jsonb(StringInfo out, Jsonb *jsonb, int depth, CmReason *reason)
{
	CmJsonWriter writer = {.out = out,.outer_depth = depth,.reason = reason};
	JsonbIterator *it = JsonbIteratorInit(&jsonb->root);
	JsonbValue	value;
	JsonbIteratorToken token;
	bool		raw_scalar = false;

	while (!writer.failed &&
		   (token = JsonbIteratorNext(&it, &value, false)) != WJB_DONE)
	{
		switch (token)
		{
			case WJB_BEGIN_ARRAY:
				/* a lone scalar is stored in an array of its own */
				raw_scalar = value.val.array.rawScalar;
				if (!raw_scalar)
					open_level(&writer, true);
				break;
			case WJB_BEGIN_OBJECT:
				open_level(&writer, false);
				break;
			case WJB_KEY:
				write_key(&writer, value.val.string.val, value.val.string.len);
				break;
			case WJB_ELEM:
			case WJB_VALUE:
				write_jsonb_scalar(&writer, &value);
				break;
			default:
				if (!raw_scalar || writer.depth > 0)
					close_level(&writer);
		}
	}
	return !writer.failed;
}

/* Semantic actions over a json text. */
static CM_JSON_ACTION
on_object_start(void *state)
{
	open_level(state, false);
	CM_JSON_GO_ON;
}

static CM_JSON_ACTION
on_array_start(void *state)
{
	open_level(state, true);
	CM_JSON_GO_ON;
}

static CM_JSON_ACTION
on_end(void *state)
{
	close_level(state);
	CM_JSON_GO_ON;
}

static CM_JSON_ACTION
on_field(void *state, char *name, bool isnull pg_attribute_unused())
{
	write_key(state, name, strlen(name));
	CM_JSON_GO_ON;
}

static CM_JSON_ACTION
on_scalar(void *state, char *token, JsonTokenType type)
{
	if (type == JSON_TOKEN_STRING)
		write_string(state, token, strlen(token));
	else if (type == JSON_TOKEN_NUMBER)
		write_number(state, token);
	else
		write_word(state, token);
	CM_JSON_GO_ON;
}

/*
 * Append a json value, given as its text, NUL-terminated. As
 * cm_json_from_jsonb(); \u0000 and lone surrogates, which json stores
 * unexamined, are reasons too.
 */
bool
cm_json_from_text(StringInfo out, char *json, int length, int depth,
				  CmReason *reason)
{
	CmJsonWriter writer = {.out = out,.outer_depth = depth,
	.may_repeat = true,.reason = reason};
	JsonSemAction actions = {0};

	actions.semstate = &writer;
	actions.object_start = on_object_start;
	actions.object_end = on_end;
	actions.array_start = on_array_start;
	actions.array_end = on_end;
	actions.object_field_start = on_field;
	actions.scalar = on_scalar;
	if (pg_parse_json(cm_json_lexer(json, length), &actions) != JSON_SUCCESS &&
		!writer.failed)
	{
		cm_reason(reason, "illegal_json",
				  "a text has \\u0000 or half of a surrogate pair");
		writer_failed(&writer);
	}
	return !writer.failed;
}

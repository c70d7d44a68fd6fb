/*-------------------------------------------------------------------------
 *
 * jsontext.c
 *	  A json value, which PostgreSQL keeps as its text, as a value of Convex.
 *
 * PostgreSQL has seen to it that the text is JSON, so this walks along it and
 * does not judge its syntax; it stays inside the text all the same, whatever
 * it is given. What JSON allows and Convex or JavaScript do not is a reason:
 * keys (see cm_limits_key_fits), numbers that no double holds, \u0000 and
 * halves of surrogate pairs, a key that an object has twice. Each function
 * begins at CmJsonText.p and leaves it behind what it has read; false means
 * that the reason is set.
 *
 * Recursion ends with the nesting that cm_writer_open() allows. Text is UTF-8.
 * Needs little of PostgreSQL, so that a fuzzer can drive it.
 *
 *-------------------------------------------------------------------------
 */
#include "value/value.h"

/* A walk along a text. */
typedef struct CmJsonText
{
	const char *p;				/* what comes next */
	const char *end;			/* of the text, where its NUL is */
	CmWriter   *writer;
	char	   *decoded;		/* room for any string without its escapes;
								 * NULL: not needed yet */
} CmJsonText;

/* A string, in the text itself or in CmJsonText.decoded. */
typedef struct CmJsonString
{
	const char *text;
	int			length;			/* bytes */
} CmJsonString;

static bool write_value(CmJsonText *json);

/* Set the reason for JSON that cannot be sent. */
static bool
illegal(CmJsonText *json, const char *what)
{
	return cm_reason_set(json->writer->reason, "illegal_json", "%s", what);
}

/* Go over white space (RFC 8259, section 2). */
static void
skip_space(CmJsonText *json)
{
	while (json->p < json->end &&
		   (*json->p == ' ' || *json->p == '\t' || *json->p == '\n' ||
			*json->p == '\r'))
		json->p++;
}

/* Go over the character, and the white space around it, if it comes next. */
static bool
accept_char(CmJsonText *json, char c)
{
	skip_space(json);
	if (json->p >= json->end || *json->p != c)
		return false;
	json->p++;
	skip_space(json);
	return true;
}

/*
 * Read the string that begins here. One without escapes, as nearly all are, is
 * not copied; one with escapes is valid until the next is read.
 */
static bool
read_string(CmJsonText *json, CmJsonString *string)
{
	const char *begin = ++json->p;
	bool		has_escape = false;

	for (; json->p < json->end && *json->p != '"'; json->p++)
	{
		if (*json->p == '\\')
		{
			has_escape = true;
			json->p++;
		}
	}
	if (json->p >= json->end)
		return illegal(json, "a text does not end");
	string->text = begin;
	string->length = json->p++ - begin;
	if (!has_escape)
		return true;
	if (json->decoded == NULL)
		json->decoded = palloc(json->end - begin + 1);
	string->text = json->decoded;
	string->length = cm_unescape_string(begin, begin + string->length,
										json->decoded);
	return string->length >= 0 ||
		illegal(json, "a text has \\u0000 or half of a surrogate pair");
}

/* Write the string that begins here. */
static bool
write_string(CmJsonText *json)
{
	CmJsonString string;

	if (!read_string(json, &string))
		return false;
	cm_writer_put_utf8(json->writer, string.text, string.length);
	return true;
}

/* Write the number that begins here, if one does: what begins no other value
 * is taken for one. */
static bool
write_number(CmJsonText *json)
{
	const char *begin = json->p;
	int			length = strspn(begin, "+-.0123456789eE");

	json->p += length;
	if (length == 0)
		return illegal(json, "it is not JSON");
	if (!cm_writer_decimal_fits(json->writer, begin, length))
		return cm_reason_set(json->writer->reason, "number_not_exact",
							 "a number cannot be carried exactly as a Convex number");
	/* JSON text keeps -0 as it is, and -1e-400 is another number there */
	if (*begin == '-' && json->writer->dialect != CM_DIALECT_JSON &&
		strtod(begin, NULL) == 0)
		cm_writer_put_double(json->writer, -0.0);
	else
		cm_writer_put_decimal(json->writer, begin, length);
	return true;
}

/* Go over the word, which must come next. */
static bool
read_word(CmJsonText *json, const char *word)
{
	size_t		length = strlen(word);

	if (json->end - json->p < (ptrdiff_t) length ||
		memcmp(json->p, word, length) != 0)
		return illegal(json, "it is not JSON");
	json->p += length;
	return true;
}

/* Write the array that begins here. */
static bool
write_array(CmJsonText *json)
{
	CmWriter   *writer = json->writer;
	int64		count = 0;

	json->p++;
	if (!cm_writer_open(writer, '['))
		return false;
	skip_space(json);
	if (!accept_char(json, ']'))
	{
		do
		{
			if (count > 0)
				appendStringInfoCharMacro(writer->out, ',');
			skip_space(json);
			if (!write_value(json))
			{
				cm_reason_within_element(writer->reason, count);
				return false;
			}
			count++;
		} while (accept_char(json, ','));
		if (!accept_char(json, ']'))
			return illegal(json, "an array does not end");
	}
	cm_writer_close(writer, ']');
	/* only now is it known how many there are */
	return cm_limits_array_fits(writer, count);
}

/* Order of keys: any will do that brings the same ones together. */
static int
compare_keys(const void *a, const void *b)
{
	const CmJsonString *left = a;
	const CmJsonString *right = b;

	if (left->length != right->length)
		return left->length < right->length ? -1 : 1;
	return memcmp(left->text, right->text, left->length);
}

/* The keys of an object so far, copied. */
typedef struct CmJsonKeys
{
	CmJsonString *keys;
	int			count;
	int			room;			/* keys that there is memory for */
} CmJsonKeys;

/*
 * Keep a copy of the key: whether it comes twice is looked at when the object
 * ends, and the room for decoded strings has been used again by then. The copy
 * ends in a NUL, for cm_reason_within().
 */
static void
note_key(CmJsonKeys *keys, const CmJsonString *key)
{
	if (keys->count == keys->room)
	{
		keys->room = keys->room == 0 ? 16 : 2 * keys->room;
		keys->keys = keys->keys == NULL ?
			palloc(keys->room * sizeof(CmJsonString)) :
			repalloc(keys->keys, keys->room * sizeof(CmJsonString));
	}
	keys->keys[keys->count].text = pnstrdup(key->text, key->length);
	keys->keys[keys->count++].length = key->length;
}

/* Whether a key comes twice. Sorts them: comparing each with all others would
 * take minutes for a large object of JSON text, which has no limit. */
static bool
has_repeated(CmJsonKeys *keys)
{
	if (keys->count > 1)
		qsort(keys->keys, keys->count, sizeof(CmJsonString), compare_keys);
	for (int i = 1; i < keys->count; i++)
	{
		if (compare_keys(&keys->keys[i - 1], &keys->keys[i]) == 0)
			return true;
	}
	return false;
}

/* Write the field of an object that begins here. */
static bool
write_field(CmJsonText *json, CmJsonKeys *keys)
{
	CmWriter   *writer = json->writer;
	CmJsonString key;

	skip_space(json);
	if (json->p >= json->end || *json->p != '"')
		return illegal(json, "it is not JSON");
	if (!read_string(json, &key) ||
		!cm_writer_put_key(writer, key.text, key.length))
		return false;
	note_key(keys, &key);
	if (!accept_char(json, ':'))
		return illegal(json, "it is not JSON");
	if (!write_value(json))
	{
		cm_reason_within(writer->reason, keys->keys[keys->count - 1].text);
		return false;
	}
	return true;
}

/* Write the object that begins here. */
static bool
write_object(CmJsonText *json)
{
	CmWriter   *writer = json->writer;
	CmJsonKeys	keys = {0};

	json->p++;
	if (!cm_writer_open(writer, '{'))
		return false;
	if (!accept_char(json, '}'))
	{
		do
		{
			if (keys.count > 0)
				appendStringInfoCharMacro(writer->out, ',');
			if (!write_field(json, &keys))
				return false;
		} while (accept_char(json, ','));
		if (!accept_char(json, '}'))
			return illegal(json, "an object does not end");
	}
	cm_writer_close(writer, '}');
	if (!cm_limits_object_fits(writer, keys.count))
		return false;
	return !has_repeated(&keys) || illegal(json, "an object has a key twice");
}

/* Write the value that begins here. */
static bool
write_value(CmJsonText *json)
{
	switch (json->p < json->end ? *json->p : '\0')
	{
		case '{':
			return write_object(json);
		case '[':
			return write_array(json);
		case '"':
			return write_string(json);
		case 't':
			if (!read_word(json, "true"))
				return false;
			cm_writer_put_boolean(json->writer, true);
			return true;
		case 'f':
			if (!read_word(json, "false"))
				return false;
			cm_writer_put_boolean(json->writer, false);
			return true;
		case 'n':
			if (!read_word(json, "null"))
				return false;
			cm_writer_put_null(json->writer);
			return true;
		default:
			return write_number(json);
	}
}

/*
 * Append a json value, given as its text in UTF-8, which must be followed by a
 * NUL. False with a reason when Convex cannot hold it.
 */
bool
cm_jsontext_write(CmWriter *writer, const char *text, int length)
{
	CmJsonText	json = {.p = text,.end = text + length,.writer = writer};

	skip_space(&json);
	if (!write_value(&json))
		return false;
	skip_space(&json);
	return json.p == json.end || illegal(&json, "it is not JSON");
}

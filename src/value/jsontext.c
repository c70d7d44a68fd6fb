/*-------------------------------------------------------------------------
 *
 * jsontext.c
 *	  A json value, which PostgreSQL keeps as its text, as a value of Convex.
 *
 * The server has seen to it that the text is JSON, so this is a walk along it
 * and no judge of syntax; it stays inside the text all the same, whatever it
 * is given. What JSON allows and Convex or JavaScript do not is a reason: keys
 * (see cm_writer_put_key), numbers that no double holds, \u0000 and halves of
 * surrogate pairs, a key that comes twice in an object.
 *
 * Recursion ends with the nesting that cm_writer_open() allows. Text is UTF-8 here.
 * Needs little of the server, so that a fuzzer can drive it.
 *
 *-------------------------------------------------------------------------
 */
#include "value/value.h"

#include "mb/pg_wchar.h"

typedef struct CmJsonText
{
	const char *p;				/* where we are */
	const char *end;
	CmWriter   *writer;
	char	   *decoded;		/* room for a string without its escapes */
} CmJsonText;

/* A string, in the text itself or in CmJsonText.decoded. */
typedef struct CmJsonString
{
	const char *text;
	int			length;
} CmJsonString;

static bool write_value(CmJsonText *json);

static bool
illegal(CmJsonText *json, const char *what)
{
	return cm_reason_set(json->writer->reason, "illegal_json", "%s", what);
}

static void
skip_space(CmJsonText *json)
{
	while (json->p < json->end &&
		   (*json->p == ' ' || *json->p == '\t' || *json->p == '\n' ||
			*json->p == '\r'))
		json->p++;
}

/* Go over the character, and the space around it, if it is there. */
static bool
accept(CmJsonText *json, char c)
{
	skip_space(json);
	if (json->p >= json->end || *json->p != c)
		return false;
	json->p++;
	skip_space(json);
	return true;
}

/* Four hexadecimal digits from p on, or -1. */
static int
read_hex(const char *p, const char *end)
{
	int			code = 0;

	if (end - p < 4)
		return -1;
	for (int i = 0; i < 4; i++)
	{
		char		c = p[i];

		if (c >= '0' && c <= '9')
			code = code * 16 + (c - '0');
		else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
			code = code * 16 + ((c | 0x20) - 'a' + 10);
		else
			return -1;
	}
	return code;
}

/*
 * Read the \u escape, or two of a surrogate pair, whose digits begin at *p,
 * and go behind. Returns the character, or -1: there is none.
 */
static int
read_unicode_escape(const char **p, const char *end)
{
	int			code = read_hex(*p, end);

	*p += 4;
	if (code <= 0 || is_utf16_surrogate_second(code))
		return -1;
	if (is_utf16_surrogate_first(code))
	{
		int			second;

		if (end - *p < 6 || (*p)[0] != '\\' || (*p)[1] != 'u')
			return -1;
		second = read_hex(*p + 2, end);
		*p += 6;
		if (second < 0 || !is_utf16_surrogate_second(second))
			return -1;
		return surrogate_pair_to_codepoint(code, second);
	}
	return code;
}

/* What a backslash and this letter stand for, or 0. */
static char
plain_escape(char c)
{
	switch (c)
	{
		case 'b':
			return '\b';
		case 'f':
			return '\f';
		case 'n':
			return '\n';
		case 'r':
			return '\r';
		case 't':
			return '\t';
		case '"':
		case '\\':
		case '/':
			return c;
		default:
			return 0;
	}
}

/* Decode the string between p and end, escapes and all. */
static bool
decode_string(CmJsonText *json, const char *p, const char *end,
			  CmJsonString *string)
{
	char	   *to;

	if (json->decoded == NULL)
		json->decoded = palloc(json->end - p + 1);
	to = json->decoded;
	while (p < end)
	{
		char		plain;

		if (*p != '\\')
		{
			*to++ = *p++;
			continue;
		}
		if (end - p < 2)
			return illegal(json, "a text ends in a backslash");
		plain = plain_escape(p[1]);
		if (plain != 0)
			*to++ = plain;
		p += 2;
		if (plain == 0)
		{
			int			code = p[-1] == 'u' ? read_unicode_escape(&p, end) : -1;

			if (code < 0)
				return illegal(json, "a text has \\u0000 or half of a surrogate pair");
			unicode_to_utf8(code, (unsigned char *) to);
			to += pg_utf_mblen((unsigned char *) to);
		}
	}
	string->text = json->decoded;
	string->length = to - json->decoded;
	return true;
}

/* Read the string that begins here. */
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
	return !has_escape || decode_string(json, begin, begin + string->length,
										string);
}

static bool
write_string(CmJsonText *json)
{
	CmJsonString string;

	if (!read_string(json, &string))
		return false;
	cm_writer_put_utf8(json->writer, string.text, string.length);
	return true;
}

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
	/* JSON text has -0 as it is, and -1e-400 is another number there */
	if (*begin == '-' && json->writer->dialect != CM_DIALECT_JSON &&
		strtod(begin, NULL) == 0)
		cm_writer_put_double(json->writer, -0.0);
	else
		cm_writer_put_decimal(json->writer, begin, length);
	return true;
}

/* Go over the word, if it is here. */
static bool
accept_word(CmJsonText *json, const char *word)
{
	size_t		length = strlen(word);

	if (json->end - json->p < (ptrdiff_t) length ||
		memcmp(json->p, word, length) != 0)
		return false;
	json->p += length;
	return true;
}

static bool
write_array(CmJsonText *json)
{
	CmWriter   *writer = json->writer;
	int64		count = 0;

	json->p++;
	if (!cm_writer_open(writer, '['))
		return false;
	skip_space(json);
	if (!accept(json, ']'))
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
		} while (accept(json, ','));
		if (!accept(json, ']'))
			return illegal(json, "an array does not end");
	}
	cm_writer_close(writer, ']');
	/* only now is it known how many there are */
	return cm_writer_array_fits(writer, count);
}

static int
compare_keys(const void *a, const void *b)
{
	const CmJsonString *left = a;
	const CmJsonString *right = b;

	if (left->length != right->length)
		return left->length < right->length ? -1 : 1;
	return memcmp(left->text, right->text, left->length);
}

/* The keys of an object so far. */
typedef struct CmJsonKeys
{
	CmJsonString *keys;
	int			count;
	int			room;
} CmJsonKeys;

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

/* Whether a key comes twice. Sorts them. */
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

/* One field of an object. */
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
	if (!accept(json, ':'))
		return illegal(json, "it is not JSON");
	if (!write_value(json))
	{
		cm_reason_within(writer->reason, keys->keys[keys->count - 1].text);
		return false;
	}
	return true;
}

static bool
write_object(CmJsonText *json)
{
	CmWriter   *writer = json->writer;
	CmJsonKeys	keys = {0};

	json->p++;
	if (!cm_writer_open(writer, '{'))
		return false;
	if (!accept(json, '}'))
	{
		do
		{
			if (keys.count > 0)
				appendStringInfoCharMacro(writer->out, ',');
			if (!write_field(json, &keys))
				return false;
		} while (accept(json, ','));
		if (!accept(json, '}'))
			return illegal(json, "an object does not end");
	}
	cm_writer_close(writer, '}');
	if (!cm_writer_object_fits(writer, keys.count))
		return false;
	return !has_repeated(&keys) || illegal(json, "an object has a key twice");
}

/* The value that begins here. */
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
		case 'f':
			if (!accept_word(json, "true") && !accept_word(json, "false"))
				return illegal(json, "it is not JSON");
			cm_writer_put_boolean(json->writer, json->p[-2] == 'u');
			return true;
		case 'n':
			if (!accept_word(json, "null"))
				return illegal(json, "it is not JSON");
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

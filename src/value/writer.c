/*-------------------------------------------------------------------------
 *
 * writer.c
 *	  Values of Convex as JSON, in each of its dialects, measured as Convex
 *	  measures them.
 *
 * Function arguments (crates/value/src/json/mod.rs): a bare number is a
 * Float64, an Int64 is {"$integer": base64}, bytes {"$bytes": base64}, and
 * NaN, the infinities and -0 {"$float": base64}. Import files (crates/value/
 * src/export.rs): a bare whole number is an Int64, a Float64 has a point or an
 * exponent, -0 as well, and only NaN and the infinities are {"$float": ...}.
 * Plain JSON, for a value that is sent as its JSON text: what JSON does not
 * have is a string.
 *
 * Sizes in bytes (crates/value/src/size.rs and lib.rs): null and booleans 1,
 * numbers 9, strings and bytes their length and 2, arrays and objects 2 and
 * what is in them, a field its name and 1.
 *
 * Output is written straight into the body of the request. What Convex cannot
 * hold is a CmReason and false, never an ERROR; the buffer is then incomplete,
 * and the caller truncates it. Limits are in limits.c.
 *
 *-------------------------------------------------------------------------
 */
#include "value/value.h"

#include <math.h>

#include "common/base64.h"
#include "common/shortest_dec.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"

/* Sizes in Convex's measure. */
#define CM_SIZE_WORD		1
#define CM_SIZE_NUMBER		9

static const char hex[] = "0123456789abcdef";

/* Eight bytes at a time: whether one of them has to be escaped. */
static inline bool
has_special(uint64 word)
{
	const uint64 ones = UINT64CONST(0x0101010101010101);
	const uint64 tops = UINT64CONST(0x8080808080808080);
	uint64		quotes = word ^ (ones * '"');
	uint64		slashes = word ^ (ones * '\\');
	uint64		controls = (word - ones * ' ') & ~word;

	/* exact as to whether there is such a byte, not as to which one */
	return ((controls | ((quotes - ones) & ~quotes) |
			 ((slashes - ones) & ~slashes)) & tops) != 0;
}

/* The first byte from p on that has to be escaped, or end. */
static inline const char *
skip_plain(const char *p, const char *end)
{
	uint64		word;

	while (end - p >= (ptrdiff_t) sizeof(word))
	{
		memcpy(&word, p, sizeof(word));
		if (has_special(word))
			break;
		p += sizeof(word);
	}
	while (p < end && (unsigned char) *p >= ' ' && *p != '"' && *p != '\\')
		p++;
	return p;
}

/* Append the escape for a character that needs one. */
static void
append_escape(StringInfo out, unsigned char c)
{
	char		escape[6] = {'\\', 'u', '0', '0', hex[c >> 4], hex[c & 15]};

	switch (c)
	{
		case '"':
		case '\\':
			escape[1] = c;
			break;
		case '\n':
			escape[1] = 'n';
			break;
		case '\t':
			escape[1] = 't';
			break;
		case '\r':
			escape[1] = 'r';
			break;
		default:
			appendBinaryStringInfo(out, escape, 6);
			return;
	}
	appendBinaryStringInfo(out, escape, 2);
}

/* Append a text, in UTF-8 already, as a JSON string. */
void
cm_writer_append_string(StringInfo out, const char *text, int length)
{
	const char *end = text + length;

	cm_writer_make_room(out, length + 2);
	out->data[out->len++] = '"';
	for (;;)
	{
		const char *special = skip_plain(text, end);

		/* an escape is longer than the byte that there was room for */
		cm_writer_make_room(out, end - text + 1);
		cm_writer_append(out, text, special - text);
		if (special == end)
			break;
		append_escape(out, *special);
		text = special + 1;
	}
	appendStringInfoCharMacro(out, '"');
}

/* A null. */
void
cm_writer_put_null(CmWriter *writer)
{
	appendBinaryStringInfo(writer->out, "null", 4);
	writer->size += CM_SIZE_WORD;
}

/* A boolean. */
void
cm_writer_put_boolean(CmWriter *writer, bool value)
{
	appendStringInfoString(writer->out, value ? "true" : "false");
	writer->size += CM_SIZE_WORD;
}

/* A text in UTF-8. */
void
cm_writer_put_utf8(CmWriter *writer, const char *text, int length)
{
	cm_writer_append_string(writer->out, text, length);
	writer->size += length + CM_SIZE_AROUND;
}

/* A text without anything to escape. */
void
cm_writer_put_plain(CmWriter *writer, const char *text, int length)
{
	StringInfo	out = writer->out;

	cm_writer_make_room(out, length + 2);
	out->data[out->len++] = '"';
	memcpy(out->data + out->len, text, length);
	out->len += length;
	appendStringInfoCharMacro(out, '"');
	writer->size += length + CM_SIZE_AROUND;
}

/* Set the reason for a text that cannot be converted to UTF-8. */
bool
cm_writer_not_utf8(CmWriter *writer)
{
	return cm_reason_set(writer->reason, "not_utf8",
						 "a text has bytes that are no character of Unicode");
}

/* A text in the encoding of the database. */
bool
cm_writer_put_string(CmWriter *writer, const char *text, int length)
{
	if (length > CM_MAX_RECORD_BYTES)
		return cm_limits_record_too_large(writer);
	if (GetDatabaseEncoding() != PG_UTF8)
	{
		text = cm_utf8_from_database(text, &length);
		if (text == NULL)
			return cm_writer_not_utf8(writer);
	}
	cm_writer_put_utf8(writer, text, length);
	return true;
}

/* {"$...": base64}: a value that Convex has and JSON has not. opening: all of it
 * that comes before the base64. */
static void
write_special(StringInfo out, const char *opening, const void *bytes,
			  int length)
{
	int			room = pg_b64_enc_len(length);
	int			written;

	appendStringInfoString(out, opening);
	enlargeStringInfo(out, room + 1);
	written = pg_b64_encode(bytes, length,
							out->data + out->len, room);
	Assert(written >= 0);
	out->len += written;
	appendStringInfoString(out, "\"}");
}

/* The eight bytes of an Int64 or Float64, little-endian. */
static void
write_eight(StringInfo out, const char *opening, uint64 bits)
{
	unsigned char bytes[sizeof(bits)];

	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (bits >> (8 * i)) & 0xff;
	write_special(out, opening, bytes, sizeof(bytes));
}

/* Bytes; in plain JSON as PostgreSQL prints them. */
void
cm_writer_put_bytes(CmWriter *writer, const void *bytes, int length)
{
	const unsigned char *p = bytes;

	if (writer->dialect != CM_DIALECT_JSON)
		write_special(writer->out, "{\"$bytes\":\"", bytes, length);
	else
	{
		appendStringInfoString(writer->out, "\"\\\\x");
		for (int i = 0; i < length; i++)
		{
			appendStringInfoCharMacro(writer->out, hex[p[i] >> 4]);
			appendStringInfoCharMacro(writer->out, hex[p[i] & 15]);
		}
		appendStringInfoCharMacro(writer->out, '"');
	}
	writer->size += length + CM_SIZE_AROUND;
}

/* An Int64. */
void
cm_writer_put_int64(CmWriter *writer, int64 value)
{
	char		text[MAXINT8LEN + 1];

	if (writer->dialect == CM_DIALECT_ARGUMENTS)
		write_eight(writer->out, "{\"$integer\":\"", (uint64) value);
	else
		appendBinaryStringInfo(writer->out, text, pg_lltoa(value, text));
	writer->size += CM_SIZE_NUMBER;
}

/* Whether it is the text of a Float64 to an import. Looks no further than the
 * number: a long text may follow it. */
static bool
has_point_or_exponent(const char *text, int length)
{
	for (int i = 0; i < length; i++)
	{
		if (text[i] == '.' || text[i] == 'e' || text[i] == 'E')
			return true;
	}
	return false;
}

/* Whether a decimal text can be written: JSON text can hold any number, a
 * Float64 cannot. See cm_number_is_exact() for what must follow the text. */
bool
cm_writer_decimal_fits(CmWriter *writer, const char *text, int length)
{
	return writer->dialect == CM_DIALECT_JSON ||
		cm_number_is_exact(text, length);
}

/*
 * A Float64 given as a decimal text, which the caller knows to be exact, in
 * the form of JSON.
 */
void
cm_writer_put_decimal(CmWriter *writer, const char *text, int length)
{
	cm_writer_append(writer->out, text, length);
	if (writer->dialect == CM_DIALECT_IMPORT &&
		!has_point_or_exponent(text, length))
		appendBinaryStringInfo(writer->out, ".0", 2);
	writer->size += CM_SIZE_NUMBER;
}

/* A Float64 that is a whole number. */
void
cm_writer_put_integer(CmWriter *writer, int64 value)
{
	char		text[MAXINT8LEN + 1];

	cm_writer_put_decimal(writer, text, pg_lltoa(value, text));
}

/* A Float64 that has no decimal text, or -0. */
static void
write_special_double(CmWriter *writer, double value)
{
	uint64		bits;

	if (writer->dialect == CM_DIALECT_JSON && value != 0)
		appendStringInfoString(writer->out, isnan(value) ? "\"NaN\"" :
							   value > 0 ? "\"Infinity\"" : "\"-Infinity\"");
	else if (writer->dialect != CM_DIALECT_ARGUMENTS && value == 0)
		appendStringInfoString(writer->out, "-0.0");
	else
	{
		/* there are many NaNs: one of them, JavaScript's */
		if (isnan(value))
			bits = UINT64CONST(0x7ff8000000000000);
		else
			memcpy(&bits, &value, sizeof(bits));
		write_eight(writer->out, "{\"$float\":\"", bits);
	}
	writer->size += CM_SIZE_NUMBER;
}

/* A Float64 by its shortest exact text. */
void
cm_writer_put_double(CmWriter *writer, double value)
{
	char		text[DOUBLE_SHORTEST_DECIMAL_LEN + 1];

	if (isnan(value) || isinf(value) || (value == 0 && signbit(value)))
	{
		write_special_double(writer, value);
		return;
	}
	cm_writer_put_decimal(writer, text, double_to_shortest_decimal_buf(value, text));
}

/* A Float64 by the shortest text of the float4 that it was: 0.1 stays 0.1. */
void
cm_writer_put_float(CmWriter *writer, float4 value)
{
	char		text[FLOAT_SHORTEST_DECIMAL_LEN + 1];

	if (isnan(value) || isinf(value) || (value == 0 && signbit(value)))
	{
		write_special_double(writer, value);
		return;
	}
	cm_writer_put_decimal(writer, text, float_to_shortest_decimal_buf(value, text));
}

/*
 * An array ('[') or object ('{') begins; false when it would be nested too
 * deeply, or too much is written already. The caller writes the commas, and
 * ends it by cm_writer_close().
 */
bool
cm_writer_open(CmWriter *writer, char bracket)
{
	if (!cm_limits_nesting_fits(writer) || !cm_limits_record_fits(writer))
		return false;
	writer->depth++;
	writer->size += CM_SIZE_AROUND;
	appendStringInfoCharMacro(writer->out, bracket);
	return true;
}

/* The array (']') or object ('}') ends. */
void
cm_writer_close(CmWriter *writer, char bracket)
{
	writer->depth--;
	appendStringInfoCharMacro(writer->out, bracket);
}

/*
 * A field of the object that is open begins, with a name in UTF-8 that comes
 * from data; false when Convex does not allow the name. Its value comes next.
 */
bool
cm_writer_put_key(CmWriter *writer, const char *key, int length)
{
	if (!cm_limits_key_fits(writer, key, length))
		return false;
	cm_writer_put_utf8(writer, key, length);
	appendStringInfoCharMacro(writer->out, ':');
	/* a name counts 1 more than its length, where a string counts 2 */
	writer->size--;
	return true;
}

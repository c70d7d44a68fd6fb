/*-------------------------------------------------------------------------
 *
 * canonical.c
 *	  The one form of a value of Convex, by which two are compared.
 *
 * Records that are made of rows and documents that Convex shows are written in the
 * same JSON (convex_encoded_json, writer.c: CM_DIALECT_ARGUMENTS), but not by the
 * same program: fields come in another order, numbers are printed otherwise,
 * characters escaped or not. The canonical form of two values is the same, byte
 * by byte, if and only if Convex would say that they are:
 *
 *	n t f			null, true, false
 *	d + 8 bytes		a Float64, the highest byte first; of all NaNs one
 *	i + 8 bytes		an Int64, as $integer has it
 *	b + length		bytes
 *	s + length		a string in UTF-8
 *	r + length		a string that PostgreSQL has none for, as it is written
 *	[ + length		an array: its elements
 *	{ + length		an object: of each field the length of its name, the name,
 *					its value; in the order of names, byte by byte
 *
 * A length is four bytes, the highest first, and is followed by as many.
 *
 *-------------------------------------------------------------------------
 */
#include "value/value.h"

#include <math.h>

#include "common/base64.h"
#include "common/hmac.h"
#include "common/sha2.h"
#include "miscadmin.h"
#include "utils/float.h"

/* Fields of an object of which the places are on the stack. */
#define CM_FEW_FIELDS 32

/* A field in a canonical form that is being written. */
typedef struct CmPlaced
{
	int			offset;			/* in the buffer, of the length of its name */
	int			length;			/* of all of it */
	int			name_length;
	int			order;			/* which came first */
	const char *base;			/* of the buffer, while fields are sorted */
} CmPlaced;

/* Four bytes, the highest first. */
static void
put_length(char *to, uint32 length)
{
	for (int i = 0; i < CM_CANONICAL_LENGTH; i++)
		to[i] = (char) (length >> (8 * (3 - i)));
}

/* The same, read. */
uint32
cm_canonical_length(const char *from)
{
	uint32		length = 0;

	for (int i = 0; i < CM_CANONICAL_LENGTH; i++)
		length = length << 8 | (unsigned char) from[i];
	return length;
}

/* Append a tag and room for a length; returns where that is. */
static int
open_sized(StringInfo out, char tag)
{
	cm_writer_make_room(out, 1 + CM_CANONICAL_LENGTH);
	out->data[out->len++] = tag;
	out->len += CM_CANONICAL_LENGTH;
	return out->len - CM_CANONICAL_LENGTH;
}

/* All that was appended since belongs to what was opened there. */
static void
close_sized(StringInfo out, int place)
{
	put_length(out->data + place, out->len - place - CM_CANONICAL_LENGTH);
}

/* Append a string as it is to be compared. */
static bool
append_string(StringInfo out, CmWalk *walk)
{
	const char *raw;
	int			raw_length = cm_walk_string(walk, &raw);
	int			place;
	int			length;

	if (raw_length < 0)
		return false;
	place = open_sized(out, 's');
	cm_writer_make_room(out, raw_length);
	if (memchr(raw, '\\', raw_length) == NULL)
	{
		cm_writer_append(out, raw, raw_length);
		close_sized(out, place);
		return true;
	}
	length = cm_unescape_string(raw, raw + raw_length, out->data + out->len);
	if (length >= 0)
		out->len += length;
	else
	{
		out->data[place - 1] = 'r';
		cm_writer_append(out, raw, raw_length);
	}
	close_sized(out, place);
	return true;
}

/* Append a Float64. */
static void
append_double(StringInfo out, double value)
{
	uint64		bits;
	char		bytes[1 + sizeof(bits)] = {'d'};

	if (isnan(value))
		value = get_float8_nan();
	memcpy(&bits, &value, sizeof(bits));
	for (size_t i = 0; i < sizeof(bits); i++)
		bytes[1 + i] = (char) (bits >> (8 * (sizeof(bits) - 1 - i)));
	cm_writer_append(out, bytes, sizeof(bytes));
}

/* The number that a text of JSON is, which more text or a NUL follows. */
static bool
read_number(const char *text, int length, double *value)
{
	char	   *end;

	if (strspn(text, "-+.eE0123456789") < (size_t) length)
		return false;
	*value = strtod(text, &end);
	return end == text + length;
}

/* Append a number or one of the three words. */
static bool
append_word(StringInfo out, CmWalk *walk)
{
	const char *text;
	int			length = cm_walk_word(walk, &text);
	double		value;

	if (length == 0)
		return false;
	if ((length == 4 && memcmp(text, "null", 4) == 0) ||
		(length == 4 && memcmp(text, "true", 4) == 0) ||
		(length == 5 && memcmp(text, "false", 5) == 0))
		cm_writer_append(out, text, 1);
	else if (read_number(text, length, &value))
		append_double(out, value);
	else
		return false;
	return true;
}

/* Append the value whose base64 comes: of {"$integer": ...} and its like. */
static bool
append_special(StringInfo out, CmWalk *walk, const char *name, int name_length)
{
	const char *text;
	int			length = cm_walk_string(walk, &text);
	char	   *bytes;
	bool		done = true;

	if (length < 0)
		return false;
	bytes = palloc(pg_b64_dec_len(length) + 1);
	length = pg_b64_decode(text, length, (void *) bytes, pg_b64_dec_len(length));
	if (length < 0)
		done = false;
	else if (name_length == 6 && memcmp(name, "$bytes", 6) == 0)
	{
		int			place = open_sized(out, 'b');

		cm_writer_append(out, bytes, length);
		close_sized(out, place);
	}
	else if (name_length == 8 && memcmp(name, "$integer", 8) == 0 && length == 8)
	{
		appendStringInfoCharMacro(out, 'i');
		cm_writer_append(out, bytes, length);
	}
	else if (name_length == 6 && memcmp(name, "$float", 6) == 0 && length == 8)
	{
		uint64		bits = 0;
		double		value;

		for (int i = 7; i >= 0; i--)
			bits = bits << 8 | (unsigned char) bytes[i];
		memcpy(&value, &bits, sizeof(value));
		append_double(out, value);
	}
	else
		done = false;
	pfree(bytes);
	return done;
}

/* Order of two fields of an object by name. */
static int
compare_names(const CmPlaced *a, const CmPlaced *b)
{
	int			difference = memcmp(a->base + a->offset + CM_CANONICAL_LENGTH,
									b->base + b->offset + CM_CANONICAL_LENGTH,
									Min(a->name_length, b->name_length));

	return difference != 0 ? difference : a->name_length - b->name_length;
}

/* The same, and of equal names by their places. */
static int
compare_fields(const void *a, const void *b)
{
	int			difference = compare_names(a, b);

	return difference != 0 ? difference :
		((const CmPlaced *) a)->order - ((const CmPlaced *) b)->order;
}

/* Put the fields, all that stands from start on, into the order of their names. Of
 * a name that comes twice the last counts, as for JSON.parse(). */
static void
sort_fields(StringInfo out, int start, CmPlaced *fields, int count)
{
	bool		sorted = true;
	char	   *copy;
	int			length = out->len - start;

	for (int i = 0; i < count; i++)
		fields[i].base = out->data;
	for (int i = 1; i < count && sorted; i++)
		sorted = compare_names(&fields[i - 1], &fields[i]) < 0;
	if (sorted)
		return;
	qsort(fields, count, sizeof(CmPlaced), compare_fields);
	copy = palloc(length);
	out->len = start;
	for (int i = 0, to = 0; i < count; i++)
	{
		if (i + 1 < count && compare_names(&fields[i], &fields[i + 1]) == 0)
			continue;
		memcpy(copy + to, out->data + fields[i].offset, fields[i].length);
		to += fields[i].length;
		out->len = start + to;
	}
	memcpy(out->data + start, copy, out->len - start);
	pfree(copy);
}

/* Append the name of a field, whose escapes are gone in the canonical form. */
static bool
append_name(StringInfo out, const char *name, int length)
{
	int			place = out->len;

	cm_writer_make_room(out, CM_CANONICAL_LENGTH + length);
	out->len += CM_CANONICAL_LENGTH;
	length = cm_unescape_string(name, name + length, out->data + out->len);
	if (length < 0)
		return false;
	out->len += length;
	close_sized(out, place);
	return true;
}

/* Whether the name is one of those that count. */
static bool
is_wanted(const CmNames *only, const char *name, int length)
{
	for (int low = 0, high = only->count - 1; low <= high;)
	{
		int			middle = (low + high) / 2;
		int			difference = strncmp(only->names[middle], name, length);

		if (difference == 0 && only->names[middle][length] != '\0')
			difference = 1;
		if (difference == 0)
			return true;
		if (difference < 0)
			low = middle + 1;
		else
			high = middle - 1;
	}
	return false;
}

static bool append_value(StringInfo out, CmWalk *walk);

/* Append the fields of an object that was entered, and whose first name, if it has
 * any, was not read yet. */
static bool
append_fields(StringInfo out, CmWalk *walk, const CmNames *only, bool first)
{
	CmPlaced	few[CM_FEW_FIELDS];
	CmPlaced   *fields = few;
	int			room = CM_FEW_FIELDS;
	int			count = 0;
	int			place = open_sized(out, '{');

	while (cm_walk_next(walk, '}', &first))
	{
		const char *name;
		int			length = cm_walk_field(walk, &name);
		int			offset = out->len;

		if (length < 0)
			return false;
		if (only != NULL && !is_wanted(only, name, length))
		{
			if (!cm_walk_skip(walk))
				return false;
			continue;
		}
		if (count == 0 && only == NULL && length > 0 && *name == '$')
		{
			/* not an object, after all */
			out->len = place - 1;
			return append_special(out, walk, name, length) &&
				!cm_walk_next(walk, '}', &first) && !walk->bad;
		}
		if (count == room)
		{
			CmPlaced   *more = palloc(2 * room * sizeof(CmPlaced));

			memcpy(more, fields, count * sizeof(CmPlaced));
			if (fields != few)
				pfree(fields);
			fields = more;
			room *= 2;
		}
		if (!append_name(out, name, length))
			return false;
		fields[count] = (CmPlaced) {.offset = offset,.order = count,
		.name_length = out->len - offset - CM_CANONICAL_LENGTH};
		if (!append_value(out, walk))
			return false;
		fields[count].length = out->len - offset;
		count++;
	}
	sort_fields(out, place + CM_CANONICAL_LENGTH, fields, count);
	close_sized(out, place);
	if (fields != few)
		pfree(fields);
	return !walk->bad;
}

/* Append an array that was entered. */
static bool
append_elements(StringInfo out, CmWalk *walk, bool first)
{
	int			place = open_sized(out, '[');

	while (cm_walk_next(walk, ']', &first))
	{
		if (!append_value(out, walk))
			return false;
	}
	close_sized(out, place);
	return !walk->bad;
}

/* Append the value that comes; false: it is none. */
static bool
append_value(StringInfo out, CmWalk *walk)
{
	bool		first;

	check_stack_depth();
	switch (cm_walk_peek(walk))
	{
		case '"':
			return append_string(out, walk);
		case '[':
			(void) cm_walk_enter(walk, '[', &first);
			return append_elements(out, walk, first);
		case '{':
			(void) cm_walk_enter(walk, '{', &first);
			return append_fields(out, walk, NULL, first);
		default:
			return append_word(out, walk);
	}
}

/*
 * Append the canonical form of a document, of which only these fields count; their
 * names are in the order of strcmp(). False: the text is no object, and what was
 * appended means nothing.
 */
bool
cm_canonical_document(StringInfo out, const char *json, int length,
					  const CmNames *only)
{
	CmWalk		walk = {json, json + length, false};
	bool		first;

	return cm_walk_enter(&walk, '{', &first) &&
		append_fields(out, &walk, only, first) && cm_walk_peek(&walk) == '\0';
}

/*
 * The hash of a canonical form: the first half of HMAC-SHA-256. With a key that is
 * random and of one use nobody can make a document that is taken for another, and
 * 128 bits are enough that none is by chance.
 */
void
cm_canonical_hash(const uint8 *key, const char *canonical, int length, uint8 *hash)
{
	uint8		whole[PG_SHA256_DIGEST_LENGTH];
	pg_hmac_ctx *context = pg_hmac_create(PG_SHA256);
	bool		done = context != NULL &&
		pg_hmac_init(context, key, CM_HASH_KEY_BYTES) >= 0 &&
		pg_hmac_update(context, (const uint8 *) canonical, length) >= 0 &&
		pg_hmac_final(context, whole, sizeof(whole)) >= 0;

	pg_hmac_free(context);
	if (!done)
		ereport(ERROR,
				(errcode(ERRCODE_OUT_OF_MEMORY),
				 errmsg("could not compute the hash of a document")));
	memcpy(hash, whole, CM_HASH_BYTES);
}

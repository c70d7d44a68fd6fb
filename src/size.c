/*-------------------------------------------------------------------------
 *
 * size.c
 *	  The size of a record in Convex's own measure.
 *
 * Rules: crates/value/src/size.rs and lib.rs of convex-backend: null and
 * booleans 1, numbers 9, strings and bytes their length and 2, arrays and
 * objects 2 and what is in them, a field its name and 1. The document has two
 * fields of its own, _id and _creationTime.
 *
 *-------------------------------------------------------------------------
 */
#include "convex_migrate.h"

/* "_id": 3 + 1 + 34, "_creationTime": 13 + 1 + 9 */
#define CM_SYSTEM_FIELDS_SIZE 61

/* Bytes of UTF-8 that a JSON string stands for; *p goes behind it. */
static int64
string_length(const char **p)
{
	int64		length = 0;

	for (++*p; **p != '"'; ++*p)
	{
		length++;
		/* our own encoder escapes one ASCII character at a time */
		if (**p == '\\')
			*p += (*p)[1] == 'u' ? 5 : 1;
	}
	++*p;
	return length;
}

static int64 value_size(const char **p);

/* Size of an array or object; *p goes behind it. */
static int64
container_size(const char **p)
{
	bool		is_object = **p == '{';
	int64		size = 2;

	for (++*p; **p != '}' && **p != ']';)
	{
		if (is_object)
		{
			size += string_length(p) + 1;
			++*p;				/* the colon */
		}
		size += value_size(p);
		if (**p == ',')
			++*p;
	}
	++*p;
	return size;
}

/* {"$float": ...}, {"$integer": ...} or {"$bytes": ...}: *p goes behind it. */
static int64
special_size(const char **p)
{
	bool		is_bytes = strncmp(*p, "{\"$bytes\":", 10) == 0;
	int64		length;
	int			padding = 0;

	*p = strchr(*p, ':') + 1;
	length = string_length(p);
	if (is_bytes && length > 0)
		padding = ((*p)[-2] == '=') + ((*p)[-3] == '=');
	++*p;						/* the brace */
	return is_bytes ? length / 4 * 3 - padding + 2 : 9;
}

/* Size of a value; *p goes behind it. */
static int64
value_size(const char **p)
{
	switch (**p)
	{
		case '"':
			return string_length(p) + 2;
		case '{':
			return (*p)[1] == '"' && (*p)[2] == '$' ? special_size(p) :
				container_size(p);
		case '[':
			return container_size(p);
		case 't':
		case 'n':
			*p += 4;
			return 1;
		case 'f':
			*p += 5;
			return 1;
		default:
			*p += strspn(*p, "+-.0123456789eE");
			return 9;
	}
}

/*
 * Size of the document that a record becomes, in bytes, when its function
 * stores it as it is: the key in the field of the given name instead of "id".
 * The record is one that cm_encode_row() wrote.
 */
int64
cm_document_size(const char *record, const char *key_field)
{
	return value_size(&record) - strlen("id") + strlen(key_field) +
		CM_SYSTEM_FIELDS_SIZE;
}

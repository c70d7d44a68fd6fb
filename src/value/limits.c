/*-------------------------------------------------------------------------
 *
 * limits.c
 *	  What a value may be in Convex: sizes, levels, names of fields in data.
 *
 * Each function is asked by whoever is about to write, or has just counted,
 * and returns true, or false with a reason. Plain JSON (CM_DIALECT_JSON),
 * which is stored as a string, has no limit but that of the request and the
 * stack.
 *
 * The numbers are in value.h, and where they come from. The size of a whole
 * document is looked at when all of its fields are there: see row/record.c.
 *
 *-------------------------------------------------------------------------
 */
#include "value/value.h"

#include "miscadmin.h"

/* Bytes of a field's name in data (crates/convex/sync_types/src/
 * identifier.rs). */
#define CM_MAX_KEY_LENGTH	1024

/* Set the reason for a record that is larger than a request can be. */
bool
cm_limits_record_too_large(CmWriter *writer)
{
	return cm_reason_set(writer->reason, "record_too_large",
						 "more than %s bytes of JSON, the most in one request",
						 cm_text_figure(CM_MAX_RECORD_BYTES));
}

/*
 * Whether what was written of the record so far fits into a request. Asked all
 * along: an array of composites can become a hundred times as large as what is
 * stored of it.
 */
bool
cm_limits_record_fits(CmWriter *writer)
{
	return writer->out->len - writer->start <= CM_MAX_RECORD_BYTES ||
		cm_limits_record_too_large(writer);
}

/* Whether another array or object may begin here. */
bool
cm_limits_nesting_fits(CmWriter *writer)
{
	if (writer->depth >= CM_MAX_NESTING && writer->dialect != CM_DIALECT_JSON)
		return cm_reason_set(writer->reason, "nested_too_deeply",
							 "more than %d levels, counting the document itself",
							 CM_MAX_NESTING);
	/* JSON text has no such limit, but the functions that write it recurse */
	if (stack_is_too_deep())
		return cm_reason_set(writer->reason, "nested_too_deeply",
							 "more levels than \"max_stack_depth\" of the server allows");
	return true;
}

/* Whether an array may have that many elements. */
bool
cm_limits_array_fits(CmWriter *writer, int64 elements)
{
	if (elements <= CM_MAX_ARRAY || writer->dialect == CM_DIALECT_JSON)
		return true;
	return cm_reason_set(writer->reason, "array_too_long",
						 "%s elements, at most %s", cm_text_figure(elements),
						 cm_text_figure(CM_MAX_ARRAY));
}

/* Whether an object may have that many fields. */
bool
cm_limits_object_fits(CmWriter *writer, int64 fields)
{
	if (fields <= CM_MAX_FIELDS || writer->dialect == CM_DIALECT_JSON)
		return true;
	return cm_reason_set(writer->reason, "too_many_fields",
						 "%s fields, at most %s", cm_text_figure(fields),
						 cm_text_figure(CM_MAX_FIELDS));
}

/*
 * What is wrong with a field's name in data, or NULL. Not all of it is
 * Convex's rule: its client decodes arguments by assigning to out[key], which
 * loses a key "__proto__" (npm-packages/convex, src/values/value.ts).
 */
static const char *
key_problem(const char *key, int length)
{
	if (length > CM_MAX_KEY_LENGTH)
		return psprintf("a key of %s bytes, at most %s", cm_text_figure(length),
						cm_text_figure(CM_MAX_KEY_LENGTH));
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

/* Whether an object may have a field of this name, in UTF-8. */
bool
cm_limits_key_fits(CmWriter *writer, const char *key, int length)
{
	const char *problem = writer->dialect == CM_DIALECT_JSON ? NULL :
		key_problem(key, length);

	return problem == NULL ||
		cm_reason_set(writer->reason, "illegal_key", "%s", problem);
}

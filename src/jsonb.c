/*-------------------------------------------------------------------------
 *
 * jsonb.c
 *	  A jsonb value as a value of Convex.
 *
 * Recursion ends with the nesting that cm_open() allows.
 *
 *-------------------------------------------------------------------------
 */
#include "convex_migrate.h"

#include "utils/builtins.h"
#include "utils/jsonb.h"
#include "utils/numeric.h"

static bool write_value(CmWriter *writer, JsonbValue *value);

static bool
write_number(CmWriter *writer, Numeric number)
{
	char	   *text = DatumGetCString(DirectFunctionCall1(numeric_out,
														   NumericGetDatum(number)));
	int			length = strlen(text);

	if (!cm_number_is_exact(text, length))
		return cm_reason(writer->reason, "number_not_exact",
						 "a number cannot be carried exactly as a Convex number");
	cm_write_decimal(writer, text, length);
	return true;
}

static bool
write_array(CmWriter *writer, JsonbIterator **it)
{
	JsonbValue	value;
	int			count = 0;

	if (!cm_open(writer, '['))
		return false;
	while (JsonbIteratorNext(it, &value, true) == WJB_ELEM)
	{
		if (count > 0)
			appendStringInfoCharMacro(writer->out, ',');
		if (!write_value(writer, &value))
		{
			cm_reason_within_element(writer->reason, count);
			return false;
		}
		count++;
	}
	cm_close(writer, ']');
	return true;
}

/* A field begins, whose name is in the encoding of the database. */
static bool
write_key(CmWriter *writer, const JsonbValue *key)
{
	int			length = key->val.string.len;
	const char *utf8 = cm_to_utf8(key->val.string.val, &length);

	return utf8 != NULL ? cm_write_key(writer, utf8, length) :
		cm_not_utf8(writer);
}

static bool
write_object(CmWriter *writer, JsonbIterator **it)
{
	JsonbValue	key;
	JsonbValue	value;
	bool		first = true;

	if (!cm_open(writer, '{'))
		return false;
	while (JsonbIteratorNext(it, &key, true) == WJB_KEY)
	{
		if (!first)
			appendStringInfoCharMacro(writer->out, ',');
		first = false;
		(void) JsonbIteratorNext(it, &value, true);
		if (!write_key(writer, &key))
			return false;
		if (!write_value(writer, &value))
		{
			cm_reason_within(writer->reason,
							 pnstrdup(key.val.string.val, key.val.string.len));
			return false;
		}
	}
	cm_close(writer, '}');
	return true;
}

/* An array or object, or the array of one that a lone scalar is stored in. */
static bool
write_container(CmWriter *writer, JsonbContainer *container)
{
	JsonbIterator *it = JsonbIteratorInit(container);
	JsonbValue	value;

	if (JsonbIteratorNext(&it, &value, true) == WJB_BEGIN_OBJECT)
		return cm_object_fits(writer, value.val.object.nPairs) &&
			write_object(writer, &it);
	if (value.val.array.rawScalar)
	{
		(void) JsonbIteratorNext(&it, &value, true);
		return write_value(writer, &value);
	}
	return cm_array_fits(writer, value.val.array.nElems) &&
		write_array(writer, &it);
}

static bool
write_value(CmWriter *writer, JsonbValue *value)
{
	switch (value->type)
	{
		case jbvNull:
			cm_write_null(writer);
			return true;
		case jbvBool:
			cm_write_boolean(writer, value->val.boolean);
			return true;
		case jbvString:
			return cm_write_string(writer, value->val.string.val,
								   value->val.string.len);
		case jbvNumeric:
			return write_number(writer, value->val.numeric);
		case jbvBinary:
			return write_container(writer, value->val.binary.data);
		default:
			elog(ERROR, "unexpected jsonb value of type %d", (int) value->type);
	}
}

/* Append a jsonb value. False with a reason when Convex cannot hold it. */
bool
cm_write_jsonb(CmWriter *writer, Jsonb *jsonb)
{
	return write_container(writer, &jsonb->root);
}

/*-------------------------------------------------------------------------
 *
 * jsonb.c
 *	  A jsonb value as a value of Convex.
 *
 * Walks the stored form itself (utils/jsonb.h): PostgreSQL's iterator copies
 * what it passes and allocates for every level. Recursion ends with the
 * nesting that cm_writer_open() allows. Texts are in the encoding of the
 * database.
 *
 *-------------------------------------------------------------------------
 */
#include "value/value.h"

#include "utils/builtins.h"
#include "utils/jsonb.h"
#include "utils/numeric.h"

/*
 * Children of an array or object, in the order in which they are stored: an
 * entry for each, then the data of all.
 */
typedef struct CmChildren
{
	JEntry	   *next;			/* entry of the next child */
	char	   *base;			/* where the data begins */
	uint32		offset;			/* of the next child's data, in bytes */
} CmChildren;

/* A child: its entry, and where its data begins if it has any. */
typedef struct CmChild
{
	JEntry		entry;
	char	   *base;			/* where the data of all children begins */
	uint32		offset;			/* of its own, in bytes */
	int			length;			/* bytes, with those that align it */
} CmChild;

static bool write_container(CmWriter *writer, JsonbContainer *container);

/* The children of the container from this one on; an object has its keys and
 * then its values. */
static CmChildren
children_from(JsonbContainer *container, int first)
{
	int			count = JsonContainerSize(container);

	if (JsonContainerIsObject(container))
		count *= 2;
	return (CmChildren) {
		.next = container->children + first,
		.base = (char *) (container->children + count),
		.offset = first == 0 ? 0 : getJsonbOffset(container, first)
	};
}

/*
 * The next child. An entry holds either the length of its data or, every so
 * often, the offset of its end; JBE_ADVANCE_OFFSET knows both, so going
 * through all children in order needs no search for where one begins.
 */
static CmChild
next_child(CmChildren *children)
{
	CmChild		child = {*children->next++, children->base, children->offset, 0};

	JBE_ADVANCE_OFFSET(children->offset, child.entry);
	child.length = children->offset - child.offset;
	return child;
}

/* A number, where a double gives it back. */
static bool
write_number(CmWriter *writer, Numeric number)
{
	char	   *text = DatumGetCString(DirectFunctionCall1(numeric_out,
														   NumericGetDatum(number)));
	int			length = strlen(text);

	if (!cm_writer_decimal_fits(writer, text, length))
		return cm_reason_set(writer->reason, "number_not_exact",
							 "a number cannot be carried exactly as a Convex number");
	cm_writer_put_decimal(writer, text, length);
	return true;
}

/* What the child is. */
static bool
write_child(CmWriter *writer, CmChild child)
{
	/* numbers and containers are aligned, which their length includes */
	char	   *aligned = child.base + INTALIGN(child.offset);

	if (JBE_ISSTRING(child.entry))
		return cm_writer_put_string(writer, child.base + child.offset,
									child.length);
	if (JBE_ISNUMERIC(child.entry))
		return write_number(writer, (Numeric) aligned);
	if (JBE_ISCONTAINER(child.entry))
		return write_container(writer, (JsonbContainer *) aligned);
	if (JBE_ISNULL(child.entry))
		cm_writer_put_null(writer);
	else
		cm_writer_put_boolean(writer, JBE_ISBOOL_TRUE(child.entry));
	return true;
}

/* An array with its elements. */
static bool
write_array(CmWriter *writer, JsonbContainer *container)
{
	int			count = JsonContainerSize(container);
	CmChildren	elements = children_from(container, 0);

	if (!cm_limits_array_fits(writer, count) || !cm_writer_open(writer, '['))
		return false;
	for (int i = 0; i < count; i++)
	{
		if (i > 0)
			appendStringInfoCharMacro(writer->out, ',');
		if (!write_child(writer, next_child(&elements)))
		{
			cm_reason_within_element(writer->reason, i);
			return false;
		}
	}
	cm_writer_close(writer, ']');
	return true;
}

/* The name of a field, with which it begins. */
static bool
write_key(CmWriter *writer, const char *name, int length)
{
	const char *utf8 = cm_utf8_from_database(name, &length);

	return utf8 != NULL ? cm_writer_put_key(writer, utf8, length) :
		cm_writer_not_utf8(writer);
}

/* An object with its fields. Keys are unique, and all of them are stored
 * before the values. */
static bool
write_object(CmWriter *writer, JsonbContainer *container)
{
	int			count = JsonContainerSize(container);
	CmChildren	keys = children_from(container, 0);
	CmChildren	values = children_from(container, count);

	if (!cm_limits_object_fits(writer, count) || !cm_writer_open(writer, '{'))
		return false;
	for (int i = 0; i < count; i++)
	{
		CmChild		key = next_child(&keys);
		char	   *name = key.base + key.offset;

		if (i > 0)
			appendStringInfoCharMacro(writer->out, ',');
		if (!write_key(writer, name, key.length))
			return false;
		if (!write_child(writer, next_child(&values)))
		{
			cm_reason_within(writer->reason, pnstrdup(name, key.length));
			return false;
		}
	}
	cm_writer_close(writer, '}');
	return true;
}

/* An array or an object, or a scalar that stands alone: that is stored in an
 * array of one. */
static bool
write_container(CmWriter *writer, JsonbContainer *container)
{
	CmChildren	children;

	if (JsonContainerIsObject(container))
		return write_object(writer, container);
	if (!JsonContainerIsScalar(container))
		return write_array(writer, container);
	children = children_from(container, 0);
	return write_child(writer, next_child(&children));
}

/* Append a jsonb value. False with a reason when Convex cannot hold it. */
bool
cm_jsonb_write(CmWriter *writer, Jsonb *jsonb)
{
	return write_container(writer, &jsonb->root);
}

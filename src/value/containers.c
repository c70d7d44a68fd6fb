/*-------------------------------------------------------------------------
 *
 * containers.c
 *	  Types made of others: arrays, composites, hstore, the vectors of
 *	  pgvector, and any value that is sent as its JSON text.
 *
 * Each of the functions that are declared in value.h is one of the writers of
 * value.c; elements and attributes are written by that table in turn.
 *
 *-------------------------------------------------------------------------
 */
#include "value/value.h"

#include <math.h>

#include "access/htup_details.h"
#include "fmgr.h"
#include "port/pg_bswap.h"
#include "utils/array.h"
#include "utils/jsonb.h"

#include "base/compat.h"

/* The elements of an array, to be written in order. */
typedef struct CmElements
{
	const CmMapping *mapping;	/* of the array */
	CmWriter   *writer;
	Datum	   *values;
	bool	   *nulls;
	int			next;			/* index of the next one */
} CmElements;

/* The next element, with all that is in it. */
static bool
write_element(CmElements *elements)
{
	int			i = elements->next++;

	if (!elements->nulls[i])
		return cm_value_write(elements->mapping->element, elements->values[i],
							  elements->writer);
	if (!elements->mapping->nullable &&
		elements->writer->dialect != CM_DIALECT_JSON)
		return cm_reason_set(elements->writer->reason, "null_element",
							 "an array element is NULL");
	if (!cm_limits_record_fits(elements->writer))
		return false;
	cm_writer_put_null(elements->writer);
	return true;
}

/* An array of the first dimension, and of those in it. */
static bool
write_dimension(CmElements *elements, int ndim, const int *dims)
{
	CmWriter   *writer = elements->writer;

	if (!cm_limits_array_fits(writer, dims[0]) || !cm_writer_open(writer, '['))
		return false;
	for (int i = 0; i < dims[0]; i++)
	{
		bool		written;

		if (i > 0)
			appendStringInfoCharMacro(writer->out, ',');
		if (ndim > 1)
			written = write_dimension(elements, ndim - 1, dims + 1);
		else
			written = write_element(elements);
		if (!written)
		{
			cm_reason_within_element(writer->reason, i);
			return false;
		}
	}
	cm_writer_close(writer, ']');
	return true;
}

/* Least bytes of an element in JSON, with its comma. */
#define CM_LEAST_ELEMENT 2

/*
 * An array. The catalogs do not say whether there are NULLs in it, nor how
 * many dimensions it has: more than one, and NULLs, are sent only where the
 * column's choice allows them, and in JSON text, which can hold all. Lower
 * bounds other than 1 are dropped.
 */
bool
cm_containers_write_array(const CmMapping *mapping, Datum value,
						  CmWriter *writer)
{
	static const int no_elements[] = {0};
	ArrayType  *array = DatumGetArrayTypeP(value);
	CmElements	elements = {.mapping = mapping,.writer = writer};
	int			ndim = ARR_NDIM(array);
	int			count = ArrayGetNItems(ndim, ARR_DIMS(array));

	if (ndim > 1 && !mapping->any && writer->dialect != CM_DIALECT_JSON)
		return cm_reason_set(writer->reason, "array_dimensions",
							 "an array of %d dimensions, at most 1", ndim);
	if (ndim == 0)
		return write_dimension(&elements, 1, no_elements);
	if (ndim == 1 && !cm_limits_array_fits(writer, count))
		return false;
	/* NULLs are stored in a bit each: look before there is an array of them */
	if (count > CM_MAX_RECORD_BYTES / CM_LEAST_ELEMENT)
		return cm_limits_record_too_large(writer);
	deconstruct_array(array, mapping->element_type, mapping->element_length,
					  mapping->element_by_value, mapping->element_align,
					  &elements.values, &elements.nulls, &count);
	return write_dimension(&elements, ndim, ARR_DIMS(array));
}

/* How many attributes become fields. */
static int
count_fields(const CmMapping *mapping, const bool *nulls)
{
	int			count = 0;

	for (int i = 0; i < mapping->nattributes; i++)
		count += mapping->nulls_as_null ||
			!nulls[mapping->attributes[i].position];
	return count;
}

/* A composite value as an object; NULLs as in the document itself. */
bool
cm_containers_write_composite(const CmMapping *mapping, Datum value,
							  CmWriter *writer)
{
	HeapTupleHeader header = DatumGetHeapTupleHeader(value);
	int			natts = mapping->tupdesc->natts;
	Datum	   *values = palloc(natts * sizeof(Datum));
	bool	   *nulls = palloc(natts * sizeof(bool));
	HeapTupleData tuple = {.t_data = header};
	bool		first = true;

	tuple.t_len = HeapTupleHeaderGetDatumLength(header);
	ItemPointerSetInvalid(&tuple.t_self);
	heap_deform_tuple(&tuple, mapping->tupdesc, values, nulls);
	if (!cm_limits_object_fits(writer, count_fields(mapping, nulls)) ||
		!cm_writer_open(writer, '{'))
		return false;
	for (int i = 0; i < mapping->nattributes; i++)
	{
		const CmAttribute *attribute = &mapping->attributes[i];
		bool		written = true;

		if (nulls[attribute->position] && !mapping->nulls_as_null)
			continue;
		if (!first)
			appendStringInfoCharMacro(writer->out, ',');
		first = false;
		(void) cm_writer_put_key(writer, attribute->field,
								 strlen(attribute->field));
		if (nulls[attribute->position])
			cm_writer_put_null(writer);
		else
			written = cm_value_write(attribute->mapping,
									 values[attribute->position], writer);
		if (!written)
		{
			cm_reason_within(writer->reason, attribute->field);
			return false;
		}
	}
	cm_writer_close(writer, '}');
	return true;
}

/* An hstore as an object of strings and nulls. */
bool
cm_containers_write_hstore(const CmMapping *mapping, Datum value,
						   CmWriter *writer)
{
	Datum		jsonb = FunctionCall1(unconstify(FmgrInfo *, &mapping->function),
									  value);

	return cm_jsonb_write(writer, DatumGetJsonbP(jsonb));
}

/* A big-endian number in a type's binary form. */
static uint32
get_uint32(const char *bytes)
{
	uint32		number;

	memcpy(&number, bytes, sizeof(number));
	return pg_ntoh32(number);
}

/* The same, of 16 bits. */
static uint16
get_uint16(const char *bytes)
{
	uint16		number;

	memcpy(&number, bytes, sizeof(number));
	return pg_ntoh16(number);
}

/* An IEEE 754 binary32. */
static float4
get_float(const char *bytes)
{
	uint32		bits = get_uint32(bytes);
	float4		number;

	memcpy(&number, &bits, sizeof(number));
	return number;
}

/* An IEEE 754 binary16. */
static float4
get_half(const char *bytes)
{
	uint16		bits = get_uint16(bytes);
	int			exponent = (bits >> 10) & 31;
	int			fraction = bits & 1023;
	float4		size = exponent == 0 ? ldexpf(fraction, -24) :
		ldexpf(fraction + 1024, exponent - 25);

	return bits & 0x8000 ? -size : size;
}

/*
 * A vector or halfvec of pgvector, which can contain neither NaN nor
 * infinities. Its binary form, the same in all versions (vector_send() and
 * halfvec_send()): the number of elements, two unused bytes, the elements.
 */
bool
cm_containers_write_vector(const CmMapping *mapping, Datum value,
						   CmWriter *writer)
{
	bytea	   *binary = SendFunctionCall(unconstify(FmgrInfo *, &mapping->function),
										  value);
	const char *p = VARDATA_ANY(binary);
	int			count = get_uint16(p);
	bool		is_half = mapping->kind == CM_KIND_HALFVEC;

	if (!cm_limits_array_fits(writer, count) || !cm_writer_open(writer, '['))
		return false;
	p += 2 * sizeof(uint16);
	for (int i = 0; i < count; i++)
	{
		if (i > 0)
			appendStringInfoCharMacro(writer->out, ',');
		cm_writer_put_float(writer, is_half ? get_half(p) : get_float(p));
		p += is_half ? sizeof(uint16) : sizeof(float4);
	}
	cm_writer_close(writer, ']');
	return true;
}

/*
 * A sparsevec of pgvector as an array with all its zeros. Its binary form
 * (sparsevec_send()): the number of elements, how many of them are not zero,
 * four unused bytes; the positions of those, counted from 0, in order; their
 * values.
 */
bool
cm_containers_write_sparse_vector(const CmMapping *mapping, Datum value,
								  CmWriter *writer)
{
	bytea	   *binary = SendFunctionCall(unconstify(FmgrInfo *, &mapping->function),
										  value);
	const char *p = VARDATA_ANY(binary);
	int			count = get_uint32(p);
	int			nonzero = get_uint32(p + sizeof(uint32));
	const char *positions = p + 3 * sizeof(uint32);
	const char *values = positions + nonzero * sizeof(uint32);
	int			next = 0;

	if (!cm_limits_array_fits(writer, count) || !cm_writer_open(writer, '['))
		return false;
	for (int i = 0; i < count; i++)
	{
		bool		is_zero = next >= nonzero ||
			(int) get_uint32(positions + next * sizeof(uint32)) != i;

		if (i > 0)
			appendStringInfoCharMacro(writer->out, ',');
		cm_writer_put_float(writer, is_zero ? 0 :
							get_float(values + next * sizeof(float4)));
		next += !is_zero;
	}
	cm_writer_close(writer, ']');
	return true;
}

/* A value as a string: its JSON text, which has the limits of a string. */
bool
cm_containers_write_json_text(const CmMapping *mapping, Datum value,
							  CmWriter *writer)
{
	StringInfoData text;
	CmWriter	inner = {.out = &text,.dialect = CM_DIALECT_JSON,
	.reason = writer->reason};

	initStringInfo(&text);
	if (!cm_value_write(mapping->element, value, &inner))
		return false;
	cm_writer_put_utf8(writer, text.data, text.len);
	return true;
}

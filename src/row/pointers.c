/*-------------------------------------------------------------------------
 *
 * pointers.c
 *	  Arrays of references, as fields of a record: arrays of ids.
 *
 * The query brings an array of the ids of a row's elements, or of what these are
 * computed of, with NULL for each element that is lost. What the option "orphans"
 * says is about the elements: "null" leaves one out, since an array of ids has no
 * nulls; "keep" has its old key in the place of the id.
 *
 *-------------------------------------------------------------------------
 */
#include "row/encoder.h"

#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/builtins.h"

/* An array of texts of the result. */
typedef struct CmTexts
{
	int			count;
	Datum	   *values;
	bool	   *nulls;
} CmTexts;

/* The texts of a column of the result; none when it is NULL, made of no elements,
 * or not there. */
static CmTexts
read_texts(CmEncoder *encoder, int column)
{
	CmTexts		texts = {0};

	if (cm_encoder_has_value(encoder, column))
		deconstruct_array(DatumGetArrayTypeP(encoder->datums[column]), TEXTOID, -1,
						  false, TYPALIGN_INT, &texts.values, &texts.nulls,
						  &texts.count);
	return texts;
}

/* Append a text datum. False with a reason. */
static bool
append_text(Datum value, CmWriter *writer)
{
	text	   *string = DatumGetTextPP(value);

	return cm_writer_put_string(writer, VARDATA_ANY(string),
								VARSIZE_ANY_EXHDR(string));
}

/* The id of the i-th element, or 0: it is lost. */
static Datum
id_of_element(CmEncoder *encoder, int n, const CmTexts *found, int i)
{
	const char *id;

	if (i >= found->count || found->nulls[i])
		return (Datum) 0;
	if (encoder->refs == NULL)
		return found->values[i];
	id = cm_docref_of_key(&encoder->refs[n], TextDatumGetCString(found->values[i]));
	return id ? CStringGetTextDatum(id) : (Datum) 0;
}

/*
 * Append the array of the n-th reference, and note in the encoder when an element
 * is lost. False with a reason, within the field.
 */
bool
cm_pointers_append(CmEncoder *encoder, int n, CmWriter *writer)
{
	const CmReferenceColumns *columns = &encoder->query->references[n];
	CmTexts		found = read_texts(encoder, columns->id);
	CmTexts		keys = read_texts(encoder, columns->old_key);
	bool		any = false;

	if (!cm_writer_open(writer, '['))
		return false;
	/* where no ids are looked for there are keys: in convex_document() */
	for (int i = 0; i < Max(found.count, keys.count); i++)
	{
		Datum		id = id_of_element(encoder, n, &found, i);

		if (id == (Datum) 0)
			encoder->lost = bms_add_member(encoder->lost, n);
		if (id == (Datum) 0 && encoder->orphans != CM_ORPHANS_KEEP)
			continue;
		if (any)
			appendStringInfoCharMacro(writer->out, ',');
		if (!append_text(id ? id : keys.values[i], writer))
		{
			cm_reason_within_element(writer->reason, i);
			return false;
		}
		any = true;
	}
	cm_writer_close(writer, ']');
	return true;
}

/* The array itself that the reference, which is set, is about. */
static ArrayType *
array_of(CmEncoder *encoder, const CmReference *reference)
{
	int			column = encoder->query->columns[reference->columns[0]];

	return DatumGetArrayTypeP(encoder->datums[column]);
}

/*
 * What the array of the n-th reference, which is set, may have of bytes in
 * Convex's measure, whatever becomes of its elements.
 */
int64
cm_pointers_size(CmEncoder *encoder, int n)
{
	const CmReference *reference = list_nth(encoder->table->references, n);
	ArrayType  *array = array_of(encoder, reference);
	CmTexts		keys = {0};
	int64		size = CM_SIZE_AROUND;

	if (encoder->orphans == CM_ORPHANS_KEEP)
		keys = read_texts(encoder, encoder->query->references[n].old_key);
	for (int i = 0; i < ArrayGetNItems(ARR_NDIM(array), ARR_DIMS(array)); i++)
		size += i < keys.count ?
			cm_encoder_key_size(keys.values[i]) : CM_ID_SIZE;
	return size;
}

/* Index of the first element that is NULL; there is one. */
static int
first_null(ArrayType *array)
{
	const bits8 *bitmap = ARR_NULLBITMAP(array);
	int			i = 0;

	while (bitmap[i / 8] & (1 << (i % 8)))
		i++;
	return i;
}

/* Whether the array of the n-th reference, which is set, can be one of ids. False
 * with a reason, within the field. */
bool
cm_pointers_fit(CmEncoder *encoder, int n, CmWriter *writer)
{
	ArrayType  *array = array_of(encoder, list_nth(encoder->table->references, n));
	int			ndim = ARR_NDIM(array);

	if (ndim > 1)
		return cm_reason_set(writer->reason, "array_dimensions",
							 "an array of %d dimensions, at most 1", ndim);
	if (!cm_limits_array_fits(writer, ArrayGetNItems(ndim, ARR_DIMS(array))))
		return false;
	if (!array_contains_nulls(array))
		return true;
	(void) cm_reason_set(writer->reason, "null_element",
						 "an array element is NULL");
	cm_reason_within_element(writer->reason, first_null(array));
	return false;
}

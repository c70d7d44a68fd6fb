/*-------------------------------------------------------------------------
 *
 * encode.c
 *	  A row of a source query becomes a record: one JSON object.
 *
 * The record is what design and documentation call the wire contract: "id"
 * carries the key as text, every other column is a field, a reference's field
 * holds the Convex id of the row it points to, nulls are left out. An encoder
 * is made once per table and fits the result of that table's
 * cm_source_query().
 *
 *-------------------------------------------------------------------------
 */
#include "convex_migrate.h"

#include "access/htup_details.h"
#include "utils/builtins.h"

/* ,"field": ready to be appended */
typedef struct CmPrefix
{
	char	   *text;
	int			length;
} CmPrefix;

struct CmEncoder
{
	CmTable    *table;
	CmPass		pass;
	TupleDesc	tupdesc;
	int			orphans;		/* CmOrphans */
	bool		nulls_go;		/* as null, not left out */
	CmValueEncoder **values;	/* per column; NULL: not a value of its own */
	CmPrefix   *names;			/* per column */
	CmPrefix   *reference_names;	/* per reference */
	Datum	   *datums;			/* of the row at hand */
	bool	   *nulls;
};

/* The prefix for a field. */
static CmPrefix
field_prefix(const char *field)
{
	StringInfoData prefix;

	initStringInfo(&prefix);
	appendStringInfoChar(&prefix, ',');
	cm_json_string(&prefix, field, strlen(field));
	appendStringInfoChar(&prefix, ':');
	return (CmPrefix) {prefix.data, prefix.len};
}

/*
 * An encoder for the rows of the table's source query, or of its completion
 * query in the second pass, whose result has the given descriptor. Lives in
 * the current memory context. orphans stands in the place of the server's
 * option: convex_document() and convex_check() show what a run would refuse.
 */
CmEncoder *
cm_encoder_create(CmTable *table, CmPass pass, TupleDesc tupdesc,
				  CmServer *server, int orphans)
{
	CmEncoder  *encoder = palloc0(sizeof(CmEncoder));
	int			nreferences = list_length(table->references);

	encoder->table = table;
	encoder->pass = pass;
	encoder->tupdesc = CreateTupleDescCopy(tupdesc);
	encoder->orphans = orphans;
	encoder->nulls_go = server->nulls != 0;
	encoder->values = palloc0(table->ncolumns * sizeof(CmValueEncoder *));
	encoder->names = palloc0(table->ncolumns * sizeof(CmPrefix));
	encoder->reference_names = palloc0((nreferences + 1) * sizeof(CmPrefix));
	encoder->datums = palloc(tupdesc->natts * sizeof(Datum));
	encoder->nulls = palloc(tupdesc->natts * sizeof(bool));
	for (int i = 0; i < table->ncolumns; i++)
	{
		CmColumn   *column = &table->columns[i];
		CmMappings	mappings = server->mappings;

		if (column->field == NULL || column->reference != NULL)
			continue;
		if (column->mapping != NULL)
			(void) cm_mappings_choose(&mappings, column->type, column->mapping);
		encoder->names[i] = field_prefix(column->field);
		encoder->values[i] = cm_value_encoder(column->type, column->typmod,
											  &mappings);
	}
	for (int i = 0; i < nreferences; i++)
	{
		CmReference *reference = list_nth(table->references, i);

		encoder->reference_names[i] = field_prefix(reference->field);
	}
	return encoder;
}

static const CmPrefix convex_id_prefix = {",\"convexId\":", 12};

/* Append a text datum as a field. */
static void
append_text_field(StringInfo out, const CmPrefix *prefix, Datum value)
{
	text	   *string = DatumGetTextPP(value);

	appendBinaryStringInfo(out, prefix->text, prefix->length);
	cm_json_string(out, VARDATA_ANY(string), VARSIZE_ANY_EXHDR(string));
}

/* Append a field that is null, if such fields go. */
static void
append_null(CmEncoder *encoder, const CmPrefix *prefix, StringInfo out)
{
	if (!encoder->nulls_go)
		return;
	appendBinaryStringInfo(out, prefix->text, prefix->length);
	appendStringInfoString(out, "null");
}

/*
 * Append the field of the n-th reference, which points somewhere, from the
 * columns with the Convex id and the old key. False: the row it points to is
 * not in Convex, and orphans are rejected.
 */
static bool
append_reference(CmEncoder *encoder, int n, int id, int old_key,
				 StringInfo out, CmReason *reason)
{
	CmReference *reference = list_nth(encoder->table->references, n);

	CmPrefix   *prefix = &encoder->reference_names[n];

	if (!encoder->nulls[id])
		append_text_field(out, prefix, encoder->datums[id]);
	else if (encoder->orphans == CM_ORPHANS_KEEP)
		append_text_field(out, prefix, encoder->datums[old_key]);
	else if (encoder->pass == CM_PASS_COMPLETE)
	{
		/* the document is there, and must not keep an earlier reference */
		appendBinaryStringInfo(out, prefix->text, prefix->length);
		appendStringInfoString(out, "null");
	}
	else if (encoder->orphans == CM_ORPHANS_NULL)
		append_null(encoder, prefix, out);
	if (!encoder->nulls[id] || encoder->orphans != CM_ORPHANS_REJECT)
		return true;
	cm_reason(reason, "orphan",
			  "the row of table \"%s\" that it points to is not in Convex%s",
			  reference->parent->name,
			  encoder->pass == CM_PASS_COMPLETE ?
			  "; the document is, without this field" : "");
	cm_reason_within(reason, reference->field);
	return false;
}

/* Whether no column of the reference is null in the row of a source query. */
static bool
points_somewhere(CmEncoder *encoder, CmReference *reference)
{
	for (int i = 0; i < reference->ncolumns; i++)
	{
		if (encoder->nulls[1 + reference->columns[i]])
			return false;
	}
	return true;
}

/*
 * Append "_pending": names of the fields that the second pass will set. A
 * function that replaces documents keeps these as they are stored; any other
 * field that does not come is null. No column's field begins with "_".
 */
static void
append_pending(CmEncoder *encoder, StringInfo out)
{
	bool		any = false;
	ListCell   *lc;

	foreach(lc, encoder->table->references)
	{
		CmReference *reference = lfirst(lc);

		if (!reference->deferred || !points_somewhere(encoder, reference))
			continue;
		appendStringInfoString(out, any ? "," : ",\"_pending\":[");
		cm_json_string(out, reference->field, strlen(reference->field));
		any = true;
	}
	if (any)
		appendStringInfoChar(out, ']');
}

/*
 * Append the field of the n-th reference of a row of a source query. A
 * reference with a null column
 * points to nothing (MATCH SIMPLE, and FULL as well); a deferred one has its
 * own pass. False as append_reference().
 */
static bool
encode_reference(CmEncoder *encoder, int n, StringInfo out, CmReason *reason)
{
	CmTable    *table = encoder->table;
	CmReference *reference = list_nth(table->references, n);
	int			id = 1 + table->ncolumns + n;
	int			old_key = id + list_length(table->references);

	if (!points_somewhere(encoder, reference))
	{
		append_null(encoder, &encoder->reference_names[n], out);
		return true;
	}
	if (reference->deferred)
		return true;
	return append_reference(encoder, n, id, old_key, out, reason);
}

/* Append the fields of the columns that are values. */
static bool
encode_columns(CmEncoder *encoder, StringInfo out, CmReason *reason)
{
	CmTable    *table = encoder->table;
	int			start = out->len;

	for (int i = 0; i < table->ncolumns; i++)
	{
		if (encoder->values[i] == NULL)
			continue;
		if (encoder->nulls[1 + i])
		{
			append_null(encoder, &encoder->names[i], out);
			continue;
		}
		appendBinaryStringInfo(out, encoder->names[i].text,
							   encoder->names[i].length);
		if (!cm_encode_value(encoder->values[i], encoder->datums[1 + i], out,
							 1, reason))
		{
			cm_reason_within(reason, table->columns[i].field);
			return false;
		}
		if (out->len - start > CM_MAX_RECORD_BYTES)
			return cm_reason(reason, "record_too_large",
							 "more than %d bytes of JSON, the most in one request",
							 CM_MAX_RECORD_BYTES);
	}
	return true;
}

/*
 * Append the rest of a record of the second pass: the document's id and the
 * fields of the deferred references, null for one that cannot be. The record
 * is {"id": key, "convexId": id, "fields": {...}}.
 */
static CmEncoded
encode_completion(CmEncoder *encoder, StringInfo out, CmReason *reason)
{
	CmTable    *table = encoder->table;
	CmEncoded	encoded = CM_ENCODED;
	int			column = 2;
	int			old_key = encoder->tupdesc->natts;
	int			fields;

	for (int n = 0; n < list_length(table->references); n++)
	{
		if (((CmReference *) list_nth(table->references, n))->deferred &&
			encoder->orphans == CM_ORPHANS_KEEP)
			old_key--;
	}
	append_text_field(out, &convex_id_prefix, encoder->datums[1]);
	appendStringInfoString(out, ",\"fields\":{");
	fields = out->len;
	for (int n = 0; n < list_length(table->references); n++)
	{
		if (!((CmReference *) list_nth(table->references, n))->deferred)
			continue;
		if (DatumGetBool(encoder->datums[column]) &&
			!append_reference(encoder, n, column + 1, old_key, out, reason))
			encoded = CM_ENCODED_IN_PART;
		column += 2;
		old_key++;
	}
	/* every field came with a comma in front, and there is one at least */
	memmove(out->data + fields, out->data + fields + 1, out->len - fields);
	out->len--;
	appendStringInfoChar(out, '}');
	return encoded;
}

/* Append the rest of a record of the first pass. */
static CmEncoded
encode_fields(CmEncoder *encoder, StringInfo out, CmReason *reason)
{
	bool		encoded = encode_columns(encoder, out, reason);

	for (int n = 0; encoded && n < list_length(encoder->table->references); n++)
		encoded = encode_reference(encoder, n, out, reason);
	if (encoded)
		append_pending(encoder, out);
	return encoded ? CM_ENCODED : CM_NOT_ENCODED;
}

/*
 * Append the record of the row. *key is its key text, in the current memory
 * context, in any case. Unless all is well, *reason says what is not; and if
 * the row cannot go at all, out is as it was.
 */
CmEncoded
cm_encode_row(CmEncoder *encoder, HeapTuple row, StringInfo out, char **key,
			  CmReason *reason)
{
	int			start = out->len;
	CmEncoded	encoded;

	heap_deform_tuple(row, encoder->tupdesc, encoder->datums, encoder->nulls);
	if (encoder->nulls[0])
		elog(ERROR, "key of table \"%s\" is null", encoder->table->name);
	*key = TextDatumGetCString(encoder->datums[0]);

	appendStringInfoString(out, "{\"id\":");
	cm_json_string(out, *key, strlen(*key));
	encoded = encoder->pass == CM_PASS_COMPLETE ?
		encode_completion(encoder, out, reason) :
		encode_fields(encoder, out, reason);
	if (encoded == CM_NOT_ENCODED)
	{
		out->len = start;
		out->data[start] = '\0';
	}
	else
		appendStringInfoChar(out, '}');
	return encoded;
}

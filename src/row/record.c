/*-------------------------------------------------------------------------
 *
 * record.c
 *	  A row of a query for records becomes a record: one JSON object.
 *
 * The record is what docs/contract.md describes: "id" carries the key as text,
 * every other column is a field, a reference's field holds the Convex id of
 * the row it points to, nulls are left out. In an import file the option
 * key_field stands in the place of "id", and "_id" and "_creationTime" follow
 * it where ids are computed (system.c). References are in pointer.c. A field that is called "id" itself is
 * "_id" on the wire, where the key has its name (cm_identifier_on_wire). An encoder is made
 * once per query.
 *
 * While a record is written its document is measured: rows over a limit of
 * Convex are found before anything is sent.
 *
 *-------------------------------------------------------------------------
 */
#include "row/encoder.h"

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "utils/builtins.h"

/* "_id": 3 + 1 + 34, "_creationTime": 13 + 1 + 9 */
#define CM_SYSTEM_FIELDS	2
#define CM_SYSTEM_FIELDS_SIZE 61

/* The prefix for a field. */
static CmPrefix
field_prefix(char before, const char *field)
{
	StringInfoData prefix;

	initStringInfo(&prefix);
	appendStringInfoCharMacro(&prefix, before);
	cm_writer_append_string(&prefix, field, strlen(field));
	appendStringInfoCharMacro(&prefix, ':');
	return (CmPrefix) {prefix.data, prefix.len, strlen(field) + 1};
}

/* The prefix for a field of the document, in the record of a row. */
static CmPrefix
document_prefix(const char *field, const CmRecordOptions *options)
{
	bool		sent = options->dialect == CM_DIALECT_ARGUMENTS && !options->stored;
	CmPrefix	prefix = field_prefix(',', sent ? cm_identifier_on_wire(field) : field);

	prefix.size = strlen(field) + 1;
	return prefix;
}

/*
 * An encoder for the results of the table's query, which have the given
 * descriptor. Lives in the current memory context, as the query must.
 */
CmEncoder *
cm_record_create_encoder(CmTable *table, const CmRowQuery *query,
						 TupleDesc tupdesc, const CmRecordOptions *options)
{
	CmEncoder  *encoder = palloc0(sizeof(CmEncoder));
	int			nreferences = list_length(table->references);
	const char *key_field = options->server->key_field;

	encoder->table = table;
	encoder->query = query;
	encoder->tupdesc = CreateTupleDescCopy(tupdesc);
	encoder->orphans = options->orphans;
	encoder->dialect = options->dialect;
	encoder->stored = options->stored;
	encoder->nulls_as_null = options->server->types.nulls == CM_NULLS_NULL;
	encoder->key_is_uuid = TupleDescAttr(tupdesc, 0)->atttypid == UUIDOID;
	encoder->key_name = field_prefix('{', options->dialect == CM_DIALECT_IMPORT ||
									 options->stored ? key_field : "id");
	/* the document has the key under that name, whatever the record calls it */
	encoder->key_name.size = strlen(key_field) + 1;
	encoder->names = palloc0(table->ncolumns * sizeof(CmPrefix));
	encoder->reference_names = palloc0((nreferences + 1) * sizeof(CmPrefix));
	encoder->datums = palloc(tupdesc->natts * sizeof(Datum));
	encoder->nulls = palloc(tupdesc->natts * sizeof(bool));
	encoder->created = -1;
	if (options->computes_ids)
		cm_system_create(encoder, options->server);
	else if (options->stored && table->number != 0 && table->creation_time != NULL)
		encoder->created = query->columns[table->creation_time - table->columns];
	for (int i = 0; i < table->ncolumns; i++)
	{
		if (table->columns[i].mapping != NULL)
			encoder->names[i] = document_prefix(table->columns[i].field, options);
	}
	for (int n = 0; n < nreferences; n++)
	{
		CmReference *reference = list_nth(table->references, n);

		encoder->reference_names[n] = query->pass == CM_PASS_LINKS ?
			field_prefix(',', reference->field) :
			document_prefix(reference->field, options);
	}
	return encoder;
}

static const CmPrefix convex_id_prefix = {",\"convexId\":", 12, 0};

/* Append the field of the n-th column, which is not NULL. */
static bool
encode_column(CmEncoder *encoder, int n, CmWriter *writer)
{
	const CmColumn *column = &encoder->table->columns[n];
	int64		before = writer->size;

	cm_encoder_begin_field(encoder, &encoder->names[n], writer);
	if (!cm_value_write(column->mapping,
						encoder->datums[encoder->query->columns[n]], writer))
	{
		cm_reason_within(writer->reason, column->field);
		return false;
	}
	if (writer->size - before > encoder->largest_size)
	{
		encoder->largest = column->field;
		encoder->largest_size = writer->size - before;
	}
	return true;
}

/* Append the fields of the columns that are values. */
static bool
encode_columns(CmEncoder *encoder, CmWriter *writer)
{
	CmTable    *table = encoder->table;

	for (int i = 0; i < table->ncolumns; i++)
	{
		bool		written = true;

		if (table->columns[i].mapping == NULL)
			continue;
		if (encoder->nulls[encoder->query->columns[i]])
			cm_pointer_append_null(encoder, &encoder->names[i], writer);
		else
			written = encode_column(encoder, i, writer);
		/* checked first, so that the reason does not depend on where in the
		 * column the limit was passed */
		if (!cm_limits_record_fits(writer) || !written)
			return false;
	}
	return true;
}

/*
 * Append the rest of a record of the link pass: the document's id and the
 * fields of the deferred references, null for one that cannot be set. The
 * record is {"id": key, "convexId": id, "fields": {...}}.
 */
static CmEncoded
encode_links(CmEncoder *encoder, CmWriter *writer)
{
	StringInfo	out = writer->out;
	int			fields;

	(void) cm_pointer_append_text(encoder, &convex_id_prefix,
								  encoder->datums[encoder->query->convex_id], writer);
	appendStringInfoString(out, ",\"fields\":");
	fields = out->len;
	for (int n = 0; n < list_length(encoder->table->references); n++)
	{
		if (encoder->query->references[n].is_set >= 0 &&
			!cm_pointer_append_link(encoder, n, writer))
			encoder->in_part = true;
	}
	/* a row of this query has one field at least, and each begins with a
	 * comma: that of the first becomes the brace */
	Assert(out->data[fields] == ',');
	out->data[fields] = '{';
	appendStringInfoCharMacro(out, '}');
	return cm_pointer_settle(encoder, writer);
}

/* Whether the document that was written is within the limits of Convex. */
static bool
document_fits(CmEncoder *encoder, CmWriter *writer)
{
	int64		size = writer->size + CM_SYSTEM_FIELDS_SIZE;

	if (size > CM_MAX_DOCUMENT)
		return cm_reason_set(writer->reason, "document_too_large",
							 "%s bytes in Convex's measure, at most %s; field \"%s\" has %s",
							 cm_text_figure(size), cm_text_figure(CM_MAX_DOCUMENT),
							 encoder->largest,
							 cm_text_figure(encoder->largest_size));
	return cm_limits_object_fits(writer, encoder->fields + CM_SYSTEM_FIELDS);
}

/* Whether the row is known by its key alone, if nothing but a choice says that it
 * is. False with a reason. */
static bool
key_fits(CmEncoder *encoder, CmWriter *writer)
{
	CmTable    *table = encoder->table;
	const CmRowQuery *query = encoder->query;

	for (int i = 0; table->key_declared && i < table->nkeys; i++)
	{
		if (!cm_encoder_has_value(encoder, query->columns[table->keys[i]]))
			return cm_reason_set(writer->reason, "null_key",
								 "column \"%s\" of the key is NULL",
								 table->columns[table->keys[i]].name);
	}
	if (query->repeated >= 0 && DatumGetBool(encoder->datums[query->repeated]))
		return cm_reason_set(writer->reason, "repeated_key",
							 "another row has the same key");
	return true;
}

/* Append the rest of the record of a row. */
static CmEncoded
encode_fields(CmEncoder *encoder, CmWriter *writer)
{
	bool		appended = encode_columns(encoder, writer);
	CmEncoded	encoded;

	for (int n = 0; appended && n < list_length(encoder->table->references); n++)
		appended = cm_pointer_append(encoder, n, writer);
	if (!appended)
		return CM_NOT_ENCODED;
	encoded = cm_pointer_settle(encoder, writer);
	if (encoded == CM_NOT_ENCODED)
		return encoded;
	if (cm_encoder_is_sent(encoder))
		cm_pointer_append_pending(encoder, writer);
	return document_fits(encoder, writer) ? encoded : CM_NOT_ENCODED;
}

/* The key text of the current row; palloc'd. */
static char *
key_text(CmEncoder *encoder)
{
	char	   *key;

	if (encoder->nulls[0])
		return pstrdup("null");
	if (!encoder->key_is_uuid)
		return TextDatumGetCString(encoder->datums[0]);
	key = palloc(CM_UUID_LENGTH + 1);
	cm_value_format_uuid(encoder->datums[0], key);
	key[CM_UUID_LENGTH] = '\0';
	return key;
}

/* Append the fields that a document has beside those of the row. Its key could
 * be written, so it is a text in UTF-8. */
static void
append_system_fields(CmEncoder *encoder, CmScanned *scanned, CmWriter *writer)
{
	int			length = strlen(scanned->key);

	cm_system_append(encoder, cm_utf8_from_database(scanned->key, &length),
					 scanned, writer);
}

/*
 * Append the record of the row. *scanned has its key text, in the current
 * memory context, in any case; unless all is well, the reason; and if there is
 * a record of a row, the size of its document. Without a record out is as it
 * was.
 */
CmEncoded
cm_record_encode(CmEncoder *encoder, HeapTuple row, StringInfo out,
				 CmScanned *scanned)
{
	CmWriter	writer = {.out = out,.dialect = encoder->dialect,
	.start = out->len,.reason = &scanned->reason};
	CmEncoded	encoded = CM_NOT_ENCODED;

	heap_deform_tuple(row, encoder->tupdesc, encoder->datums, encoder->nulls);
	if (encoder->nulls[0] && !encoder->table->key_declared)
		elog(ERROR, "key of table \"%s\" is null", encoder->table->name);
	scanned->key_is_null = encoder->nulls[0];
	scanned->key = key_text(encoder);
	encoder->fields = 0;
	encoder->largest = "";
	encoder->largest_size = 0;
	encoder->lost = NULL;
	encoder->in_part = false;

	writer.depth = 1;
	writer.size = 2;			/* what is around an object */
	cm_encoder_begin_field(encoder, &encoder->key_name, &writer);
	if (!cm_writer_put_string(&writer, scanned->key, strlen(scanned->key)))
		cm_reason_within(&scanned->reason, "id");
	else if (encoder->query->pass == CM_PASS_LINKS)
		encoded = encode_links(encoder, &writer);
	else if (key_fits(encoder, &writer))
	{
		if (encoder->own_ref != NULL)
			append_system_fields(encoder, scanned, &writer);
		encoded = encode_fields(encoder, &writer);
	}
	scanned->size = writer.size + CM_SYSTEM_FIELDS_SIZE;
	scanned->lost = encoder->lost;
	scanned->created = encoder->stored ? cm_system_creation_time(encoder) : 0;
	if (encoded == CM_NOT_ENCODED)
	{
		out->len = writer.start;
		out->data[writer.start] = '\0';
	}
	else
		appendStringInfoCharMacro(out, '}');
	return encoded;
}

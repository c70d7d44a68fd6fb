/*-------------------------------------------------------------------------
 *
 * encode.c
 *	  A row of a source query becomes a record: one JSON object.
 *
 * The record is what design and documentation call the wire contract: "id"
 * carries the key as text, every other column is a field, a reference's field
 * holds the Convex id of the row it points to, nulls are left out. In an
 * import file the option key_field stands in the place of "id". An encoder is
 * made once per table and fits the result of that table's cm_source_query().
 *
 * While a record is written its document is measured: rows over a limit of
 * Convex are found before anything is sent.
 *
 *-------------------------------------------------------------------------
 */
#include "convex_migrate.h"

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "utils/builtins.h"

/* "_id": 3 + 1 + 34, "_creationTime": 13 + 1 + 9 */
#define CM_SYSTEM_FIELDS	2
#define CM_SYSTEM_FIELDS_SIZE 61

/* An id of a document, as a field's value. */
#define CM_ID_SIZE			34

/* ,"field": ready to be appended */
typedef struct CmPrefix
{
	char	   *text;
	int			length;
	int			size;			/* in Convex's measure */
} CmPrefix;

struct CmEncoder
{
	CmTable    *table;
	CmPass		pass;
	TupleDesc	tupdesc;
	int			orphans;		/* CmOrphans */
	CmDialect	dialect;
	bool		nulls_go;		/* as null, not left out */
	bool		key_is_uuid;	/* not text */
	CmPrefix	key_name;		/* its brace included */
	CmMapping **mappings;		/* per column; NULL: not a value of its own */
	CmPrefix   *names;			/* per column */
	CmPrefix   *reference_names;	/* per reference */

	/* of the row at hand */
	Datum	   *datums;
	bool	   *nulls;
	int			fields;			/* of its document so far */
	const char *largest;		/* field of a column */
	int64		largest_size;
	int64		size;			/* of its document */
};

/* The prefix for a field. */
static CmPrefix
field_prefix(char before, const char *field)
{
	StringInfoData prefix;

	initStringInfo(&prefix);
	appendStringInfoCharMacro(&prefix, before);
	cm_json_string(&prefix, field, strlen(field));
	appendStringInfoCharMacro(&prefix, ':');
	return (CmPrefix) {prefix.data, prefix.len, strlen(field) + 1};
}

/*
 * An encoder for the rows of the table's source query, or of its completion
 * query in the second pass, whose result has the given descriptor. Lives in
 * the current memory context. orphans stands in the place of the server's
 * option: convex_document() and convex_check() show what a run would refuse.
 */
CmEncoder *
cm_encoder_create(CmTable *table, CmPass pass, TupleDesc tupdesc,
				  CmServer *server, int orphans, CmDialect dialect)
{
	CmEncoder  *encoder = palloc0(sizeof(CmEncoder));
	int			nreferences = list_length(table->references);

	encoder->table = table;
	encoder->pass = pass;
	encoder->tupdesc = CreateTupleDescCopy(tupdesc);
	encoder->orphans = orphans;
	encoder->dialect = dialect;
	encoder->nulls_go = server->nulls != 0;
	encoder->key_is_uuid = TupleDescAttr(tupdesc, 0)->atttypid == UUIDOID;
	encoder->key_name = field_prefix('{', dialect == CM_DIALECT_IMPORT ?
									 server->key_field : "id");
	/* the document has the key under that name, whatever the record calls it */
	encoder->key_name.size = strlen(server->key_field) + 1;
	encoder->mappings = palloc0(table->ncolumns * sizeof(CmMapping *));
	encoder->names = palloc0(table->ncolumns * sizeof(CmPrefix));
	encoder->reference_names = palloc0((nreferences + 1) * sizeof(CmPrefix));
	encoder->datums = palloc(tupdesc->natts * sizeof(Datum));
	encoder->nulls = palloc(tupdesc->natts * sizeof(bool));
	for (int i = 0; i < table->ncolumns; i++)
	{
		CmColumn   *column = &table->columns[i];

		if (column->field == NULL || column->reference != NULL)
			continue;
		encoder->names[i] = field_prefix(',', column->field);
		encoder->mappings[i] = cm_mapping_create(column->type, column->typmod,
												 server, column->choice);
	}
	for (int i = 0; i < nreferences; i++)
	{
		CmReference *reference = list_nth(table->references, i);

		encoder->reference_names[i] = field_prefix(',', reference->field);
	}
	return encoder;
}

static const CmPrefix convex_id_prefix = {",\"convexId\":", 12, 0};

/* A field of the document begins. */
static void
begin_field(CmEncoder *encoder, const CmPrefix *prefix, CmWriter *writer)
{
	cm_append(writer->out, prefix->text, prefix->length);
	writer->size += prefix->size;
	encoder->fields++;
}

/* Append a text datum as a field. */
static bool
append_text_field(CmEncoder *encoder, const CmPrefix *prefix, Datum value,
				  CmWriter *writer)
{
	text	   *string = DatumGetTextPP(value);

	begin_field(encoder, prefix, writer);
	return cm_write_string(writer, VARDATA_ANY(string),
						   VARSIZE_ANY_EXHDR(string));
}

/* Append a field that is null, if such fields go. */
static void
append_null(CmEncoder *encoder, const CmPrefix *prefix, CmWriter *writer)
{
	if (!encoder->nulls_go)
		return;
	begin_field(encoder, prefix, writer);
	cm_write_null(writer);
}

/* Append null in the second pass: the document is there, and must not keep an
 * earlier reference. */
static void
remove_field(CmEncoder *encoder, const CmPrefix *prefix, CmWriter *writer)
{
	begin_field(encoder, prefix, writer);
	cm_write_null(writer);
}

/*
 * Append the field of the n-th reference, which points somewhere, from the
 * columns with the Convex id and the old key. False: the row it points to is
 * not in Convex, and orphans are rejected.
 */
static bool
append_reference(CmEncoder *encoder, int n, int id, int old_key,
				 CmWriter *writer)
{
	CmReference *reference = list_nth(encoder->table->references, n);
	CmPrefix   *prefix = &encoder->reference_names[n];

	if (!encoder->nulls[id])
		return append_text_field(encoder, prefix, encoder->datums[id], writer);
	if (encoder->orphans == CM_ORPHANS_KEEP)
	{
		int			start = writer->out->len;

		if (append_text_field(encoder, prefix, encoder->datums[old_key], writer))
			return true;
		cm_reason_within(writer->reason, reference->field);
		writer->out->len = start;
		if (encoder->pass == CM_PASS_COMPLETE)
			remove_field(encoder, prefix, writer);
		return false;
	}
	if (encoder->pass == CM_PASS_COMPLETE)
		remove_field(encoder, prefix, writer);
	else if (encoder->orphans == CM_ORPHANS_NULL)
		append_null(encoder, prefix, writer);
	if (encoder->orphans != CM_ORPHANS_REJECT)
		return true;
	cm_reason(writer->reason, "orphan",
			  "the row of table \"%s\" that it points to is not in Convex%s",
			  reference->parent->name,
			  encoder->pass == CM_PASS_COMPLETE ?
			  "; the document is, without this field" : "");
	cm_reason_within(writer->reason, reference->field);
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
 * field that does not come is null. No column's field begins with "_". It is
 * not stored, but what it names will be.
 */
static void
append_pending(CmEncoder *encoder, CmWriter *writer)
{
	bool		any = false;

	for (int n = 0; n < list_length(encoder->table->references); n++)
	{
		CmReference *reference = list_nth(encoder->table->references, n);

		if (!reference->deferred || !points_somewhere(encoder, reference))
			continue;
		appendStringInfoString(writer->out, any ? "," : ",\"_pending\":[");
		cm_json_string(writer->out, reference->field, strlen(reference->field));
		writer->size += encoder->reference_names[n].size + CM_ID_SIZE;
		encoder->fields++;
		any = true;
	}
	if (any)
		appendStringInfoCharMacro(writer->out, ']');
}

/*
 * Append the field of the n-th reference of a row of a source query. A
 * reference with a null column points to nothing (MATCH SIMPLE, and FULL as
 * well); a deferred one has its own pass. False as append_reference().
 */
static bool
encode_reference(CmEncoder *encoder, int n, CmWriter *writer)
{
	CmTable    *table = encoder->table;
	CmReference *reference = list_nth(table->references, n);
	int			id = 1 + table->ncolumns + n;
	int			old_key = id + list_length(table->references);

	if (!points_somewhere(encoder, reference))
	{
		append_null(encoder, &encoder->reference_names[n], writer);
		return true;
	}
	if (reference->deferred && encoder->dialect == CM_DIALECT_ARGUMENTS)
		return true;
	return append_reference(encoder, n, id, old_key, writer);
}

/* Append the field of the n-th column, which is not NULL. */
static bool
encode_column(CmEncoder *encoder, int n, CmWriter *writer)
{
	const char *field = encoder->table->columns[n].field;
	int64		before = writer->size;

	begin_field(encoder, &encoder->names[n], writer);
	if (!cm_write_value(encoder->mappings[n], encoder->datums[1 + n], writer))
	{
		cm_reason_within(writer->reason, field);
		return false;
	}
	if (writer->size - before > encoder->largest_size)
	{
		encoder->largest = field;
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

		if (encoder->mappings[i] == NULL)
			continue;
		if (encoder->nulls[1 + i])
			append_null(encoder, &encoder->names[i], writer);
		else
			written = encode_column(encoder, i, writer);
		/* first: it is no matter where in a column that was noticed */
		if (!cm_record_fits(writer) || !written)
			return false;
	}
	return true;
}

/*
 * Append the rest of a record of the second pass: the document's id and the
 * fields of the deferred references, null for one that cannot be. The record
 * is {"id": key, "convexId": id, "fields": {...}}.
 */
static CmEncoded
encode_completion(CmEncoder *encoder, CmWriter *writer)
{
	StringInfo	out = writer->out;
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
	(void) append_text_field(encoder, &convex_id_prefix, encoder->datums[1],
							 writer);
	appendStringInfoString(out, ",\"fields\":{");
	fields = out->len;
	for (int n = 0; n < list_length(table->references); n++)
	{
		if (!((CmReference *) list_nth(table->references, n))->deferred)
			continue;
		if (DatumGetBool(encoder->datums[column]) &&
			!append_reference(encoder, n, column + 1, old_key, writer))
			encoded = CM_ENCODED_IN_PART;
		column += 2;
		old_key++;
	}
	/* every field came with a comma in front, and there is one at least */
	memmove(out->data + fields, out->data + fields + 1, out->len - fields);
	out->len--;
	appendStringInfoCharMacro(out, '}');
	return encoded;
}

/* Whether the document that was written is within the limits of Convex. */
static bool
document_fits(CmEncoder *encoder, CmWriter *writer)
{
	encoder->size = writer->size + CM_SYSTEM_FIELDS_SIZE;
	if (encoder->size > CM_MAX_DOCUMENT)
		return cm_reason(writer->reason, "document_too_large",
						 "%s bytes in Convex's measure, at most %s; field \"%s\" has %s",
						 cm_figure(encoder->size), cm_figure(CM_MAX_DOCUMENT),
						 encoder->largest, cm_figure(encoder->largest_size));
	return cm_object_fits(writer, encoder->fields + CM_SYSTEM_FIELDS);
}

/* Append the rest of a record of the first pass. */
static CmEncoded
encode_fields(CmEncoder *encoder, CmWriter *writer)
{
	bool		encoded = encode_columns(encoder, writer);

	for (int n = 0; encoded && n < list_length(encoder->table->references); n++)
		encoded = encode_reference(encoder, n, writer);
	if (encoded && encoder->dialect == CM_DIALECT_ARGUMENTS)
		append_pending(encoder, writer);
	return encoded && document_fits(encoder, writer) ?
		CM_ENCODED : CM_NOT_ENCODED;
}

/* The key text of the row at hand; palloc'd. */
static char *
key_text(CmEncoder *encoder)
{
	char	   *key;

	if (!encoder->key_is_uuid)
		return TextDatumGetCString(encoder->datums[0]);
	key = palloc(CM_UUID_LENGTH + 1);
	cm_format_uuid(encoder->datums[0], key);
	key[CM_UUID_LENGTH] = '\0';
	return key;
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
	CmWriter	writer = {.out = out,.dialect = encoder->dialect,
	.start = out->len,.reason = reason};
	CmEncoded	encoded = CM_NOT_ENCODED;

	heap_deform_tuple(row, encoder->tupdesc, encoder->datums, encoder->nulls);
	if (encoder->nulls[0])
		elog(ERROR, "key of table \"%s\" is null", encoder->table->name);
	*key = key_text(encoder);
	encoder->fields = 0;
	encoder->largest = "";
	encoder->largest_size = 0;

	writer.depth = 1;
	writer.size = 2;			/* what is around an object */
	begin_field(encoder, &encoder->key_name, &writer);
	if (!cm_write_string(&writer, *key, strlen(*key)))
		cm_reason_within(reason, "id");
	else
		encoded = encoder->pass == CM_PASS_COMPLETE ?
			encode_completion(encoder, &writer) :
			encode_fields(encoder, &writer);
	if (encoded == CM_NOT_ENCODED)
	{
		out->len = writer.start;
		out->data[writer.start] = '\0';
	}
	else
		appendStringInfoCharMacro(out, '}');
	return encoded;
}

/* The size, in Convex's measure, of the document that was encoded last. */
int64
cm_encoded_size(CmEncoder *encoder)
{
	return encoder->size;
}

/*-------------------------------------------------------------------------
 *
 * record.c
 *	  A row of a query for records becomes a record: one JSON object.
 *
 * The record is what docs/contract.md describes: "id" carries the key as text,
 * every other column is a field, a reference's field holds the Convex id of
 * the row it points to, nulls are left out. In an import file the option
 * key_field stands in the place of "id". A field that is called "id" itself is
 * "_id" on the wire, where the key has its name (cm_identifier_on_wire). An encoder is made
 * once per query.
 *
 * While a record is written its document is measured: rows over a limit of
 * Convex are found before anything is sent.
 *
 *-------------------------------------------------------------------------
 */
#include "row/row.h"

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
	const CmRowQuery *query;
	TupleDesc	tupdesc;
	int			orphans;		/* CmOrphans */
	CmDialect	dialect;
	bool		nulls_as_null;	/* not left out */
	bool		key_is_uuid;	/* not text */
	CmPrefix	key_name;		/* its brace included */
	CmPrefix   *names;			/* per column that is a value of its own */
	CmPrefix   *reference_names;	/* per reference */

	/* of the current row */
	Datum	   *datums;
	bool	   *nulls;
	int			fields;			/* of its document so far */
	const char *largest;		/* field of a column */
	int64		largest_size;
	Bitmapset  *lost;			/* see CmScanned */
};

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
	CmPrefix	prefix = field_prefix(',', options->dialect == CM_DIALECT_ARGUMENTS ?
									  cm_identifier_on_wire(field) : field);

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
	encoder->nulls_as_null = options->server->types.nulls == CM_NULLS_NULL;
	encoder->key_is_uuid = TupleDescAttr(tupdesc, 0)->atttypid == UUIDOID;
	encoder->key_name = field_prefix('{', options->dialect == CM_DIALECT_IMPORT ?
									 key_field : "id");
	/* the document has the key under that name, whatever the record calls it */
	encoder->key_name.size = strlen(key_field) + 1;
	encoder->names = palloc0(table->ncolumns * sizeof(CmPrefix));
	encoder->reference_names = palloc0((nreferences + 1) * sizeof(CmPrefix));
	encoder->datums = palloc(tupdesc->natts * sizeof(Datum));
	encoder->nulls = palloc(tupdesc->natts * sizeof(bool));
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

/* A field of the document begins. */
static void
begin_field(CmEncoder *encoder, const CmPrefix *prefix, CmWriter *writer)
{
	cm_writer_append(writer->out, prefix->text, prefix->length);
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
	return cm_writer_put_string(writer, VARDATA_ANY(string),
								VARSIZE_ANY_EXHDR(string));
}

/* Append a field that is null, if such fields are sent. */
static void
append_null(CmEncoder *encoder, const CmPrefix *prefix, CmWriter *writer)
{
	if (!encoder->nulls_as_null)
		return;
	begin_field(encoder, prefix, writer);
	cm_writer_put_null(writer);
}

/* Append null in the link pass: the document is there, and must not keep an
 * earlier reference. */
static void
remove_field(CmEncoder *encoder, const CmPrefix *prefix, CmWriter *writer)
{
	begin_field(encoder, prefix, writer);
	cm_writer_put_null(writer);
}

/* Whether the column of the result is there and not NULL. */
static bool
has_value(CmEncoder *encoder, int column)
{
	return column >= 0 && !encoder->nulls[column];
}

/*
 * Append the old key in the field of the n-th reference: orphans are kept.
 * False with a reason; then the field is as for a row without it.
 */
static bool
append_old_key(CmEncoder *encoder, int n, CmWriter *writer)
{
	CmReference *reference = list_nth(encoder->table->references, n);
	CmPrefix   *prefix = &encoder->reference_names[n];
	int			start = writer->out->len;
	int			old_key = encoder->query->references[n].old_key;

	if (append_text_field(encoder, prefix, encoder->datums[old_key], writer))
		return true;
	cm_reason_within(writer->reason, reference->field);
	writer->out->len = start;
	if (encoder->query->pass == CM_PASS_LINKS)
		remove_field(encoder, prefix, writer);
	return false;
}

/*
 * Append the field of the n-th reference, which is set. Where the row that it
 * points to is not in Convex, that is noted, and the field is what the option
 * "orphans" says; what is rejected has none. False with a reason: not even the
 * old key can be kept.
 */
static bool
append_reference(CmEncoder *encoder, int n, CmWriter *writer)
{
	CmPrefix   *prefix = &encoder->reference_names[n];
	int			id = encoder->query->references[n].id;

	if (has_value(encoder, id))
		return append_text_field(encoder, prefix, encoder->datums[id], writer);
	encoder->lost = bms_add_member(encoder->lost, n);
	if (encoder->orphans == CM_ORPHANS_KEEP)
		return append_old_key(encoder, n, writer);
	if (encoder->query->pass == CM_PASS_LINKS)
		remove_field(encoder, prefix, writer);
	else if (encoder->orphans == CM_ORPHANS_NULL)
		append_null(encoder, prefix, writer);
	return true;
}

/* The list with the text, unless it has it. */
static List *
add_once(List *texts, char *text)
{
	ListCell   *lc;

	foreach(lc, texts)
	{
		if (strcmp(lfirst(lc), text) == 0)
			return texts;
	}
	return lappend(texts, text);
}

/*
 * Whether no reference of the row is lost, or orphans are not rejected. False
 * with a reason that names all that are.
 */
static bool
accept_lost(CmEncoder *encoder, CmWriter *writer)
{
	List	   *fields = NIL;
	List	   *parents = NIL;
	bool		many;

	if (encoder->orphans != CM_ORPHANS_REJECT || encoder->lost == NULL)
		return true;
	for (int n = -1; (n = bms_next_member(encoder->lost, n)) >= 0;)
	{
		CmReference *reference = list_nth(encoder->table->references, n);

		fields = lappend(fields, reference->field);
		parents = add_once(parents, psprintf("\"%s\"", reference->parent->name));
	}
	many = list_length(fields) > 1;
	cm_reason_set(writer->reason, "orphan",
				  "the row%s of table%s %s that %s to %s not in Convex%s",
				  many ? "s" : "", list_length(parents) > 1 ? "s" : "",
				  cm_text_join(parents, ", "), many ? "they point" : "it points",
				  many ? "are" : "is",
				  encoder->query->pass != CM_PASS_LINKS ? "" :
				  many ? "; the document is, without these fields" :
				  "; the document is, without this field");
	cm_reason_within(writer->reason, cm_text_join(fields, ", "));
	return false;
}

/*
 * Whether the n-th reference points to a row. One with a column that is NULL
 * does not (MATCH SIMPLE, and FULL as well).
 */
static bool
is_set(CmEncoder *encoder, int n)
{
	CmReference *reference = list_nth(encoder->table->references, n);
	const CmRowQuery *query = encoder->query;

	if (query->references[n].is_set >= 0)
		return DatumGetBool(encoder->datums[query->references[n].is_set]);
	for (int i = 0; i < reference->ncolumns; i++)
	{
		if (!has_value(encoder, query->columns[reference->columns[i]]))
			return false;
	}
	return true;
}

/*
 * Append "_pending": names of the fields that the link pass will set. A function
 * that replaces documents keeps these as they are stored; any other field that
 * is left out is null. No column's field begins with "_". "_pending" itself is
 * not stored, but the fields it names will be: they count towards the size.
 */
static void
append_pending(CmEncoder *encoder, CmWriter *writer)
{
	bool		any = false;

	for (int n = 0; n < list_length(encoder->table->references); n++)
	{
		CmReference *reference = list_nth(encoder->table->references, n);

		if (!reference->deferred || !is_set(encoder, n))
			continue;
		appendStringInfoString(writer->out, any ? "," : ",\"_pending\":[");
		cm_writer_append_string(writer->out, reference->field, strlen(reference->field));
		writer->size += encoder->reference_names[n].size + CM_ID_SIZE;
		encoder->fields++;
		any = true;
	}
	if (any)
		appendStringInfoCharMacro(writer->out, ']');
}

/*
 * Append the field of the n-th reference of a row. A deferred one has its own
 * pass. False as append_reference().
 */
static bool
encode_reference(CmEncoder *encoder, int n, CmWriter *writer)
{
	CmReference *reference = list_nth(encoder->table->references, n);

	if (!is_set(encoder, n))
	{
		append_null(encoder, &encoder->reference_names[n], writer);
		return true;
	}
	if (reference->deferred && encoder->dialect == CM_DIALECT_ARGUMENTS)
		return true;
	return append_reference(encoder, n, writer);
}

/* Append the field of the n-th column, which is not NULL. */
static bool
encode_column(CmEncoder *encoder, int n, CmWriter *writer)
{
	const CmColumn *column = &encoder->table->columns[n];
	int64		before = writer->size;

	begin_field(encoder, &encoder->names[n], writer);
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
			append_null(encoder, &encoder->names[i], writer);
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
	CmEncoded	encoded = CM_ENCODED;
	int			fields;

	(void) append_text_field(encoder, &convex_id_prefix,
							 encoder->datums[encoder->query->convex_id], writer);
	appendStringInfoString(out, ",\"fields\":");
	fields = out->len;
	for (int n = 0; n < list_length(encoder->table->references); n++)
	{
		if (encoder->query->references[n].is_set >= 0 && is_set(encoder, n) &&
			!append_reference(encoder, n, writer))
			encoded = CM_ENCODED_IN_PART;
	}
	if (!accept_lost(encoder, writer))
		encoded = CM_ENCODED_IN_PART;
	/* a row of this query has one field at least, and each begins with a
	 * comma: that of the first becomes the brace */
	Assert(out->data[fields] == ',');
	out->data[fields] = '{';
	appendStringInfoCharMacro(out, '}');
	return encoded;
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

/* Append the rest of the record of a row. */
static CmEncoded
encode_fields(CmEncoder *encoder, CmWriter *writer)
{
	bool		encoded = encode_columns(encoder, writer);

	for (int n = 0; encoded && n < list_length(encoder->table->references); n++)
		encoded = encode_reference(encoder, n, writer);
	encoded = encoded && accept_lost(encoder, writer);
	if (encoded && encoder->dialect == CM_DIALECT_ARGUMENTS)
		append_pending(encoder, writer);
	return encoded && document_fits(encoder, writer) ?
		CM_ENCODED : CM_NOT_ENCODED;
}

/* The key text of the current row; palloc'd. */
static char *
key_text(CmEncoder *encoder)
{
	char	   *key;

	if (!encoder->key_is_uuid)
		return TextDatumGetCString(encoder->datums[0]);
	key = palloc(CM_UUID_LENGTH + 1);
	cm_value_format_uuid(encoder->datums[0], key);
	key[CM_UUID_LENGTH] = '\0';
	return key;
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
	if (encoder->nulls[0])
		elog(ERROR, "key of table \"%s\" is null", encoder->table->name);
	scanned->key = key_text(encoder);
	encoder->fields = 0;
	encoder->largest = "";
	encoder->largest_size = 0;
	encoder->lost = NULL;

	writer.depth = 1;
	writer.size = 2;			/* what is around an object */
	begin_field(encoder, &encoder->key_name, &writer);
	if (!cm_writer_put_string(&writer, scanned->key, strlen(scanned->key)))
		cm_reason_within(&scanned->reason, "id");
	else
		encoded = encoder->query->pass == CM_PASS_LINKS ?
			encode_links(encoder, &writer) : encode_fields(encoder, &writer);
	scanned->size = writer.size + CM_SYSTEM_FIELDS_SIZE;
	scanned->lost = encoder->lost;
	if (encoded == CM_NOT_ENCODED)
	{
		out->len = writer.start;
		out->data[writer.start] = '\0';
	}
	else
		appendStringInfoCharMacro(out, '}');
	return encoded;
}

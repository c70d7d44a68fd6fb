/*-------------------------------------------------------------------------
 *
 * system.c
 *	  The fields _id and _creationTime of a record whose ids are computed.
 *
 * Only a file that is imported can have them: a function's documents get theirs
 * from Convex.
 *
 *-------------------------------------------------------------------------
 */
#include "row/encoder.h"

#include "catalog/pg_type.h"
#include "utils/uuid.h"

/* The usual length of an id, which the size of every document counts with. */
#define CM_USUAL_DOCID 32

/* The column of the result with the key that the n-th reference points to: of a
 * uuid that the row has itself the query says only whether it counts. */
static int
referenced_column(CmEncoder *encoder, CmReference *reference, int n)
{
	int			id = encoder->query->references[n].id;

	if (id >= 0 && TupleDescAttr(encoder->tupdesc, id)->atttypid == BOOLOID)
		return encoder->query->columns[reference->columns[0]];
	return id;
}

/* Have the encoder write ids by the numbers of tables. */
void
cm_system_create(CmEncoder *encoder, const CmServer *server)
{
	CmTable    *table = encoder->table;
	int			nreferences = list_length(table->references);
	ListCell   *lc;

	encoder->own_ref = palloc(sizeof(CmDocRef));
	*encoder->own_ref = cm_docref_create(server, table);
	encoder->refs = palloc0((nreferences + 1) * sizeof(CmDocRef));
	encoder->referenced = palloc0((nreferences + 1) * sizeof(int));
	foreach(lc, table->references)
	{
		CmReference *reference = lfirst(lc);
		int			n = foreach_current_index(lc);

		encoder->refs[n] = cm_docref_create(server, reference->parent);
		encoder->referenced[n] = referenced_column(encoder, reference, n);
	}
	if (table->creation_time != NULL)
		encoder->created = encoder->query->columns[table->creation_time - table->columns];
}

/* Append ,"_id":"..." with the id of the row with this key, in UTF-8. */
static void
append_id(CmEncoder *encoder, const char *key, uint8 *own, CmWriter *writer)
{
	char		id[CM_MAX_DOCID];
	const uint8 *uuid = encoder->own_ref->by_uuid ?
		DatumGetUUIDP(encoder->datums[0])->data : NULL;
	int			length = cm_docref_write(encoder->own_ref, uuid, key, own, id);

	cm_writer_append(writer->out, ",\"_id\":\"", 8);
	cm_writer_append(writer->out, id, length);
	appendStringInfoCharMacro(writer->out, '"');
	writer->size += length - CM_USUAL_DOCID;
}

/* The _creationTime of the row's document, or 0: it has none that Convex takes. It
 * takes none that is not after 1970. */
double
cm_system_creation_time(const CmEncoder *encoder)
{
	double		milliseconds;

	if (!cm_encoder_has_value(encoder, encoder->created) ||
		!cm_times_milliseconds(encoder->table->creation_time->type,
							   encoder->datums[encoder->created],
							   &milliseconds) ||
		milliseconds >= CM_MAX_EXACT_INTEGER)
		return 0;
	return Max(milliseconds, 1.0);
}

/*
 * Append ,"_creationTime":... unless the row has no time: then Convex takes that
 * of the import.
 */
static void
append_creation_time(CmEncoder *encoder, CmWriter *writer)
{
	int64		size = writer->size;
	double		milliseconds = cm_system_creation_time(encoder);

	if (milliseconds == 0)
		return;
	cm_writer_append(writer->out, ",\"_creationTime\":", 17);
	cm_writer_put_double(writer, milliseconds);
	/* every document has it, and is measured with it */
	writer->size = size;
}

/*
 * Append the fields to a record, behind its key, whose text in UTF-8 is given.
 * *scanned gets what the table must have once.
 */
void
cm_system_append(CmEncoder *encoder, const char *key, CmScanned *scanned,
				 CmWriter *writer)
{
	append_id(encoder, key, scanned->own, writer);
	append_creation_time(encoder, writer);
}

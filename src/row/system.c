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

/* Have the encoder write ids by the numbers of tables. */
void
cm_system_create(CmEncoder *encoder, const CmServer *server)
{
	CmTable    *table = encoder->table;
	ListCell   *lc;

	encoder->own_ref = palloc(sizeof(CmDocRef));
	*encoder->own_ref = cm_docref_create(server, table);
	encoder->refs = palloc0((list_length(table->references) + 1) * sizeof(CmDocRef));
	foreach(lc, table->references)
		encoder->refs[foreach_current_index(lc)] =
			cm_docref_create(server, ((CmReference *) lfirst(lc))->parent);
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

/*
 * Append ,"_creationTime":... unless the row has no time: then Convex takes that
 * of the import. It takes none that is not after 1970.
 */
static void
append_creation_time(CmEncoder *encoder, CmWriter *writer)
{
	int64		size = writer->size;
	double		milliseconds;

	if (!cm_times_milliseconds(encoder->table->creation_time->type,
							   encoder->datums[encoder->created],
							   &milliseconds) ||
		milliseconds >= CM_MAX_EXACT_INTEGER)
		return;
	cm_writer_append(writer->out, ",\"_creationTime\":", 17);
	cm_writer_put_double(writer, Max(milliseconds, 1.0));
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
	if (cm_encoder_has_value(encoder, encoder->created))
		append_creation_time(encoder, writer);
}

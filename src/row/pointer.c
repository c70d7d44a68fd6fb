/*-------------------------------------------------------------------------
 *
 * pointer.c
 *	  The references of a row, as fields of its record.
 *
 * A reference's field has the id of the document it points to: the query brings
 * the id, or, where ids are computed, what it is computed of. It brings neither
 * for a row that is not in Convex or does not go there; then the reference is
 * *lost*, and the option "orphans" says what becomes of it.
 *
 * References that are deferred (catalog/order.c) have their own pass where ids
 * come from Convex. Where ids are computed they are written with the row, but
 * what becomes of it when one is lost must be the same: the row goes without.
 * Arrays of references are written by pointers.c.
 *
 *-------------------------------------------------------------------------
 */
#include "row/encoder.h"

#include "utils/builtins.h"
#include "utils/uuid.h"

/* Append a text datum as a field. False with a reason. */
bool
cm_pointer_append_text(CmEncoder *encoder, const CmPrefix *prefix, Datum value,
					   CmWriter *writer)
{
	text	   *string = DatumGetTextPP(value);

	cm_encoder_begin_field(encoder, prefix, writer);
	return cm_writer_put_string(writer, VARDATA_ANY(string),
								VARSIZE_ANY_EXHDR(string));
}

/* Append a field that is null, if such fields are sent. */
void
cm_pointer_append_null(CmEncoder *encoder, const CmPrefix *prefix,
					   CmWriter *writer)
{
	if (!encoder->nulls_as_null)
		return;
	cm_encoder_begin_field(encoder, prefix, writer);
	cm_writer_put_null(writer);
}

/* Append null in the link pass: the document is there, and must not keep an
 * earlier reference. */
static void
remove_field(CmEncoder *encoder, const CmPrefix *prefix, CmWriter *writer)
{
	cm_encoder_begin_field(encoder, prefix, writer);
	cm_writer_put_null(writer);
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

	if (cm_pointer_append_text(encoder, prefix, encoder->datums[old_key], writer))
		return true;
	cm_reason_within(writer->reason, reference->field);
	writer->out->len = start;
	if (encoder->query->pass == CM_PASS_LINKS)
		remove_field(encoder, prefix, writer);
	return false;
}

/*
 * Append the id of the row that the n-th reference points to, computed of what
 * the query has of it. False: of a text that is none in UTF-8; the row has none.
 */
static bool
append_computed(CmEncoder *encoder, int n, CmWriter *writer)
{
	const CmDocRef *ref = &encoder->refs[n];
	Datum		value = encoder->datums[encoder->referenced[n]];
	const uint8 *uuid = NULL;
	const char *key = NULL;
	uint8		own[CM_DOCID_BYTES];
	char		id[CM_MAX_DOCID];

	if (ref->by_uuid)
		uuid = DatumGetUUIDP(value)->data;
	else
	{
		int			length;

		key = TextDatumGetCString(value);
		length = strlen(key);
		key = cm_utf8_from_database(key, &length);
		if (key == NULL)
			return false;
	}
	cm_encoder_begin_field(encoder, &encoder->reference_names[n], writer);
	cm_writer_put_plain(writer, id, cm_docref_write(ref, uuid, key, own, id));
	return true;
}

/*
 * Append the field of the n-th reference, an array that is set, as
 * append_reference() does. Where it is not accepted as a whole, and the document
 * is there without it, that goes without: in the link pass null takes it away.
 */
static bool
append_array(CmEncoder *encoder, int n, CmWriter *writer)
{
	CmReference *reference = list_nth(encoder->table->references, n);
	CmPrefix   *prefix = &encoder->reference_names[n];
	bool		links = encoder->query->pass == CM_PASS_LINKS;
	int			start = writer->out->len;
	int			depth = writer->depth;
	bool		appended;

	cm_encoder_begin_field(encoder, prefix, writer);
	appended = cm_pointers_append(encoder, n, writer);
	if (!appended)
		cm_reason_within(writer->reason, reference->field);
	if ((links || reference->deferred) &&
		(!appended || (encoder->orphans == CM_ORPHANS_REJECT &&
					   bms_is_member(n, encoder->lost))))
	{
		writer->depth = depth;
		writer->out->len = start;
		if (links)
			remove_field(encoder, prefix, writer);
	}
	return appended;
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
	CmReference *reference = list_nth(encoder->table->references, n);
	CmPrefix   *prefix = &encoder->reference_names[n];
	int			id = encoder->query->references[n].id;

	if (reference->is_array)
		return append_array(encoder, n, writer);
	if (cm_encoder_has_value(encoder, id))
	{
		if (encoder->refs == NULL)
			return cm_pointer_append_text(encoder, prefix,
										  encoder->datums[id], writer);
		if (append_computed(encoder, n, writer))
			return true;
	}
	encoder->lost = bms_add_member(encoder->lost, n);
	if (encoder->orphans == CM_ORPHANS_KEEP)
		return append_old_key(encoder, n, writer);
	if (encoder->query->pass == CM_PASS_LINKS)
		remove_field(encoder, prefix, writer);
	else if (encoder->orphans == CM_ORPHANS_NULL && !reference->deferred)
		cm_pointer_append_null(encoder, prefix, writer);
	return true;
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
		if (!cm_encoder_has_value(encoder, query->columns[reference->columns[i]]))
			return false;
	}
	return true;
}

/*
 * Append the field of the n-th reference in the link pass, if it is set. False
 * as append_reference().
 */
bool
cm_pointer_append_link(CmEncoder *encoder, int n, CmWriter *writer)
{
	return !is_set(encoder, n) || append_reference(encoder, n, writer);
}

/*
 * What the field of the n-th reference, which is deferred and set, may have of
 * bytes in Convex's measure, whatever becomes of it.
 */
static int64
deferred_size(CmEncoder *encoder, int n)
{
	CmReference *reference = list_nth(encoder->table->references, n);
	int			old_key = encoder->query->references[n].old_key;
	int64		size = CM_ID_SIZE;

	if (reference->is_array)
		size = cm_pointers_size(encoder, n);
	else if (encoder->orphans == CM_ORPHANS_KEEP && old_key >= 0)
		size = cm_encoder_key_size(encoder->datums[old_key]);
	return encoder->reference_names[n].size + size;
}

/*
 * Append the field of the n-th reference, which is deferred and set, of a row
 * whose references are computed. The row must be measured alike whether the
 * field is known (when it is written) or not yet (when it is only looked for
 * rows that do not go), and as in a run that has a pass for it.
 */
static void
append_deferred(CmEncoder *encoder, int n, CmWriter *writer)
{
	int64		size = writer->size;
	int			fields = encoder->fields;

	if (encoder->query->references[n].id >= 0 &&
		!append_reference(encoder, n, writer))
		encoder->in_part = true;
	writer->size = size + deferred_size(encoder, n);
	encoder->fields = fields + 1;
}

/*
 * Append the field of the n-th reference of a row. A deferred one that Convex
 * has to know first has its own pass. False as append_reference().
 */
bool
cm_pointer_append(CmEncoder *encoder, int n, CmWriter *writer)
{
	CmReference *reference = list_nth(encoder->table->references, n);

	if (!is_set(encoder, n))
	{
		cm_pointer_append_null(encoder, &encoder->reference_names[n], writer);
		return true;
	}
	if (reference->is_array && !cm_pointers_fit(encoder, n, writer))
	{
		cm_reason_within(writer->reason, reference->field);
		return false;
	}
	if (reference->deferred && cm_encoder_is_sent(encoder))
		return true;
	if (reference->deferred && (encoder->refs != NULL || encoder->stored))
	{
		append_deferred(encoder, n, writer);
		return true;
	}
	return append_reference(encoder, n, writer);
}

/*
 * Append "_pending": names of the fields that the link pass will set. A function
 * that replaces documents keeps these as they are stored; any other field that
 * is left out is null. No column's field begins with "_". "_pending" itself is
 * not stored, but the fields it names will be: they count towards the size.
 */
void
cm_pointer_append_pending(CmEncoder *encoder, CmWriter *writer)
{
	bool		any = false;

	for (int n = 0; n < list_length(encoder->table->references); n++)
	{
		CmReference *reference = list_nth(encoder->table->references, n);

		if (!reference->deferred || !is_set(encoder, n))
			continue;
		appendStringInfoString(writer->out, any ? "," : ",\"_pending\":[");
		cm_writer_append_string(writer->out, reference->field, strlen(reference->field));
		writer->size += deferred_size(encoder, n);
		encoder->fields++;
		any = true;
	}
	if (any)
		appendStringInfoCharMacro(writer->out, ']');
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

/* Set the reason for references that are lost; in_part: the document is there. */
static void
set_orphan_reason(CmEncoder *encoder, const Bitmapset *lost, bool in_part,
				  CmWriter *writer)
{
	List	   *fields = NIL;
	List	   *parents = NIL;
	bool		many;

	for (int n = -1; (n = bms_next_member(lost, n)) >= 0;)
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
				  !in_part ? "" :
				  many ? "; the document is, without these fields" :
				  "; the document is, without this field");
	cm_reason_within(writer->reason, cm_text_join(fields, ", "));
}

/*
 * What becomes of the row, all of whose references were appended. Unless it is
 * CM_ENCODED, with a reason: where orphans are rejected, one that names the
 * references that are lost. Deferred ones take nothing along but themselves.
 */
CmEncoded
cm_pointer_settle(CmEncoder *encoder, CmWriter *writer)
{
	Bitmapset  *whole = NULL;

	if (encoder->orphans != CM_ORPHANS_REJECT || encoder->lost == NULL)
		return encoder->in_part ? CM_ENCODED_IN_PART : CM_ENCODED;
	for (int n = -1; (n = bms_next_member(encoder->lost, n)) >= 0;)
	{
		if (!((CmReference *) list_nth(encoder->table->references, n))->deferred)
			whole = bms_add_member(whole, n);
	}
	set_orphan_reason(encoder, whole ? whole : encoder->lost, whole == NULL,
					  writer);
	return whole ? CM_NOT_ENCODED : CM_ENCODED_IN_PART;
}

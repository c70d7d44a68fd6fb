/*-------------------------------------------------------------------------
 *
 * stored.c
 *	  What should be stored of a row, and what is stored of it, in one form.
 *
 * A scan of rows gives records as documents have them (CmRecordOptions.stored); the
 * reader gives documents. Of both the canonical form is taken, of those fields that
 * come from the row, and its hash.
 *
 *-------------------------------------------------------------------------
 */
#include "run/verify.h"

#include "catalog/pg_type.h"

/* Order of texts, for CmNames. */
static int
compare_names(const void *a, const void *b)
{
	return strcmp(*(const char *const *) a, *(const char *const *) b);
}

/* The names of the fields that come from the table's rows, with that of the key. */
CmNames *
cm_stored_make_names(CmRun *run, CmTable *table)
{
	CmNames    *names = palloc0(sizeof(CmNames));
	ListCell   *lc;

	names->names = palloc((table->ncolumns + list_length(table->references) + 1) * sizeof(char *));
	names->names[names->count++] = run->server->key_field;
	for (int i = 0; i < table->ncolumns; i++)
	{
		if (table->columns[i].mapping != NULL)
			names->names[names->count++] = table->columns[i].field;
	}
	foreach(lc, table->references)
		names->names[names->count++] = ((CmReference *) lfirst(lc))->field;
	qsort(names->names, names->count, sizeof(char *), compare_names);
	return names;
}

/* The names of fields of the table's documents that count. */
const CmNames *
cm_stored_names(const CmVerify *verify, const CmTable *table)
{
	return verify->names[table->position];
}

/*
 * A scan of the table's rows as what should be stored of them; prepared, in the
 * current memory context. with_deferred: with the references of the link pass.
 * only_keys: of rows whose keys are in its parameter, a text[].
 */
CmScan *
cm_stored_prepare_scan(CmVerify *verify, CmTable *table, bool with_deferred,
					   bool only_keys)
{
	CmServer   *server = verify->run->server;
	CmQueryOptions query = {
		.pass = CM_PASS_ROWS,
		.ids = CM_IDS_OF_MAP,
		.old_keys = server->orphans == CM_ORPHANS_KEEP,
		.with_deferred = with_deferred,
		.only_keys = only_keys
	};
	CmRecordOptions options = {
		.server = server,
		.orphans = server->orphans,
		.dialect = CM_DIALECT_ARGUMENTS,
		.stored = true
	};

	return cm_scan_prepare(table, &query, &options, only_keys ? TEXTARRAYOID : InvalidOid);
}

/*
 * What the next row of the scan should have in Convex; *expected until the next call.
 * record and canonical are buffers; in level "content" the latter has the canonical
 * form of a row that goes. False: there are no more rows.
 */
bool
cm_stored_next(CmVerify *verify, CmScan *scan, CmTable *table, StringInfo record,
			   StringInfo canonical, CmExpected *expected)
{
	CmScanned	scanned;
	CmEncoded	encoded;

	resetStringInfo(record);
	resetStringInfo(canonical);
	memset(expected, 0, sizeof(CmExpected));
	encoded = cm_scan_next(scan, record, &scanned);
	if (encoded == CM_NO_ROW)
		return false;
	expected->key = scanned.key;
	expected->goes = encoded != CM_NOT_ENCODED;
	if (!expected->goes || !verify->content)
		return true;
	appendStringInfoChar(record, '\0');
	if (!cm_canonical_document(canonical, record->data, record->len - 1,
							   cm_stored_names(verify, table)))
		elog(ERROR, "record of table \"%s\" is no document", table->name);
	cm_canonical_hash(verify->hash_key, canonical->data, canonical->len, expected->hash);
	expected->created = scanned.created;
	return true;
}

/*
 * The hash of what counts of the document, and its _creationTime, in level content;
 * else all are alike.
 */
void
cm_stored_hash(CmVerify *verify, CmTable *table, const CmDocument *document,
			  StringInfo canonical, uint8 *hash, double *created)
{
	resetStringInfo(canonical);
	memset(hash, 0, CM_HASH_BYTES);
	*created = 0;
	if (!verify->content)
		return;
	if (document->json == NULL ||
		!cm_canonical_document(canonical, document->json, document->length,
							   cm_stored_names(verify, table)))
		cm_run_fail(verify->run, ERRCODE_PROTOCOL_VIOLATION,
					"unexpected answer from Convex",
					psprintf("A document of Convex table \"%s\" is not in Convex's encoding.",
							 table->target),
					"Deploy the text of convex_functions() again.");
	cm_canonical_hash(verify->hash_key, canonical->data, canonical->len, hash);
	if (table->number != 0)
		*created = cm_range_creation_time(document);
}

/* A bytea of the hash; palloc'd. */
Datum
cm_stored_bytea(const uint8 *hash)
{
	bytea	   *value = palloc(VARHDRSZ + CM_HASH_BYTES);

	SET_VARSIZE(value, VARHDRSZ + CM_HASH_BYTES);
	memcpy(VARDATA(value), hash, CM_HASH_BYTES);
	return PointerGetDatum(value);
}

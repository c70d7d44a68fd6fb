/*-------------------------------------------------------------------------
 *
 * fingerprint.c
 *	  The fingerprint of the tables that functions were generated for.
 *
 * convex_functions() prints it into migrate.ts, from where a run gets it back by
 * the function "about". When the tables do not fit what is deployed, a run
 * compares it with that of the tables as they are now: if it is the same, only
 * schema.ts was edited; if not, the tables changed and both files are to be
 * generated again (run/drift.c).
 *
 *-------------------------------------------------------------------------
 */
#include "generate/generate.h"

#include "utils/builtins.h"

/* Hexadecimal digits of a fingerprint: enough that two never agree by chance. */
#define CM_FINGERPRINT_LENGTH 16

/*
 * The beginning of a SHA-256 over names of tables, fields and validators, in
 * hexadecimal; comments and indexes do not count. The catalog must be described.
 * Palloc'd.
 */
char *
cm_fingerprint_make(CmCatalog *catalog)
{
	StringInfoData text;
	Datum		hash;
	ListCell   *lc;
	ListCell   *lf;

	initStringInfo(&text);
	appendStringInfo(&text, "%s\n", catalog->server->key_field);
	foreach(lc, catalog->ordered)
	{
		CmTable    *table = lfirst(lc);

		foreach(lf, cm_fields_of_table(catalog, table))
		{
			CmField    *field = lfirst(lf);

			appendStringInfo(&text, "%s.%s: %s\n", table->target, field->name,
							 cm_validators_text(field->validator, field->optional));
		}
	}
	hash = DirectFunctionCall1(sha256_bytea,
							   PointerGetDatum(cstring_to_text_with_len(text.data, text.len)));
	hash = DirectFunctionCall2(binary_encode, hash, CStringGetTextDatum("hex"));
	return pnstrdup(VARDATA_ANY(DatumGetPointer(hash)), CM_FINGERPRINT_LENGTH);
}

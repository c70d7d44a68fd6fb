/*-------------------------------------------------------------------------
 *
 * fingerprint.c
 *	  The fingerprint of generated functions.
 *
 *-------------------------------------------------------------------------
 */
#include "generate/generate.h"

#include "utils/builtins.h"

/* Hexadecimal digits of a fingerprint. */
#define CM_FINGERPRINT_LENGTH 16

/*
 * What tells these functions from those for other tables, fields or
 * validators; comments and indexes do not count. The catalog is that of
 * cm_catalog_describe(). Palloc'd.
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
							 cm_typescript_validator(field->validator, field->optional));
		}
	}
	hash = DirectFunctionCall1(sha256_bytea,
							   PointerGetDatum(cstring_to_text_with_len(text.data, text.len)));
	hash = DirectFunctionCall2(binary_encode, hash, CStringGetTextDatum("hex"));
	return pnstrdup(VARDATA_ANY(DatumGetPointer(hash)), CM_FINGERPRINT_LENGTH);
}

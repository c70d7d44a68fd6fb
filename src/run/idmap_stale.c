/*-------------------------------------------------------------------------
 *
 * idmap_stale.c
 *	  Entries of the id map that do not hold any more.
 *
 * Protocol: a run notes what its entries depend on, the signatures of their
 * tables, with cm_idmap_stale_note(); the next one in the session calls
 * cm_idmap_stale_remove() before that. The signatures are kept in the comment
 * of the map, so that a rollback takes them back with the entries.
 *
 *-------------------------------------------------------------------------
 */
#include "run/run.h"

#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "utils/builtins.h"

/*
 * What a table's entries depend on: its target and the columns of its key. Both
 * can be chosen anew between two runs.
 */
static char *
entry_signature(CmTable *table)
{
	StringInfoData text;

	initStringInfo(&text);
	appendStringInfoString(&text, table->target);
	for (int i = 0; i < table->nkeys; i++)
		appendStringInfo(&text, " %s",
						 quote_identifier(table->columns[table->keys[i]].name));
	return text.data;
}

/* The signatures of all tables, in their order: char *. */
static List *
entry_signatures(CmCatalog *catalog)
{
	List	   *signatures = NIL;
	ListCell   *lc;

	foreach(lc, catalog->tables)
		signatures = lappend(signatures, entry_signature(lfirst(lc)));
	return signatures;
}

/*
 * Take out entries of tables whose signature has changed since they were made,
 * or that are not configured any more.
 */
void
cm_idmap_stale_remove(Oid map, CmCatalog *catalog)
{
	Oid			types[] = {OIDARRAYOID, TEXTARRAYOID};
	Datum		values[] = {cm_table_relids(catalog->tables),
	cm_spi_text_array(entry_signatures(catalog))};
	CmAllowed  *allowed = cm_vet_create();

	cm_vet_allow(allowed, RelationRelationId, map);
	cm_spi_execute_over(allowed, "DELETE FROM pg_temp." CM_IDMAP " m WHERE NOT EXISTS ("
						"SELECT FROM ROWS FROM (pg_catalog.unnest($1), pg_catalog.unnest($2))"
						" AS t(relid, signature) WHERE t.relid = m.source::pg_catalog.oid"
						" AND t.signature = pg_catalog.obj_description("
						"'pg_temp." CM_IDMAP "'::pg_catalog.regclass, 'pg_class')::pg_catalog.jsonb"
						" ->> t.relid::pg_catalog.text)",
						SPI_OK_DELETE, false, 2, types, values);
}

/* Keep the signatures of all tables in the map's comment. */
void
cm_idmap_stale_note(CmCatalog *catalog)
{
	StringInfoData json;
	ListCell   *lc;
	ListCell   *lm;

	initStringInfo(&json);
	forboth(lc, catalog->tables, lm, entry_signatures(catalog))
	{
		appendStringInfo(&json, "%s\"%u\":", json.len > 0 ? "," : "{",
						 ((CmTable *) lfirst(lc))->relid);
		cm_writer_append_string(&json, lfirst(lm), strlen(lfirst(lm)));
	}
	appendStringInfoChar(&json, '}');
	cm_spi_execute(psprintf("COMMENT ON TABLE pg_temp." CM_IDMAP " IS %s",
							quote_literal_cstr(json.data)),
				   SPI_OK_UTILITY, false, 0, NULL, NULL);
}

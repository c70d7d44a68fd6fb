/*-------------------------------------------------------------------------
 *
 * parentkeys.c
 *	  The queries for the keys of rows that some rows point to.
 *
 *-------------------------------------------------------------------------
 */
#include "row/row.h"

/* Append a query for the key texts, each once and perhaps NULL, that the reference has
 * in the rows of the FROM item; unknown: only those that the id map does not know. */
static void
append_keys(StringInfo sql, CmTable *table, CmReference *reference,
			const char *from, bool unknown)
{
	if (reference->is_array)
	{
		cm_elements_append_keys(sql, table, reference, from,
								unknown ? cm_from_map_name(reference->parent) : NULL);
		return;
	}
	appendStringInfoString(sql, "SELECT DISTINCT ");
	if (reference->by_keytext)
		cm_sql_append_wanted_key(sql, table, reference);
	else
		cm_sql_append_parent_key(sql, "p1", reference);
	appendStringInfo(sql, " AS key\n  FROM %s AS t", from);
	if (unknown)
		cm_from_append_map(sql, table, reference, 1);
	else if (!reference->by_keytext)
		cm_from_append_parent(sql, table, reference, "p1");
	appendStringInfo(sql, "\n WHERE %s%s", cm_sql_is_set(table, reference),
					 unknown ? " AND m1.convex_id IS NULL" : "");
}

/*
 * The query for the key texts of the rows that a reference points to, of the table's
 * rows whose keys are in $1, a text[]; palloc'd.
 */
char *
cm_parentkeys_of_some(CmTable *table, CmReference *reference)
{
	StringInfoData sql;

	initStringInfo(&sql);
	appendStringInfoString(&sql, "SELECT k.key FROM (");
	append_keys(&sql, table, reference,
				cm_from_only_keys(table, cm_from_with_key(table)), false);
	appendStringInfoString(&sql, ") AS k WHERE k.key IS NOT NULL");
	return sql.data;
}

/*
 * The query for the key texts of the rows that a reference of the table's rows points
 * to and that the id map does not know; palloc'd. chosen: as in CmQueryOptions; what
 * is sent itself is not looked for.
 */
char *
cm_parentkeys_unknown(CmTable *table, CmReference *reference, char **chosen)
{
	CmTable    *parent = reference->parent;
	char	   *from = cm_table_from(table);
	StringInfoData sql;

	if (chosen != NULL)
		from = cm_chosen_from(table, from, chosen[table->position]);
	initStringInfo(&sql);
	appendStringInfoString(&sql, "SELECT k.key FROM (");
	append_keys(&sql, table, reference, from, true);
	appendStringInfoString(&sql, ") AS k WHERE k.key IS NOT NULL");
	if (chosen != NULL && parent->selected && chosen[parent->position] != NULL)
		appendStringInfo(&sql, " AND NOT EXISTS (SELECT FROM %s AS c"
						 " WHERE c.key OPERATOR(pg_catalog.=) k.key COLLATE pg_catalog.\"C\")",
						 chosen[parent->position]);
	return sql.data;
}

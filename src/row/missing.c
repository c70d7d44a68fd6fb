/*-------------------------------------------------------------------------
 *
 * missing.c
 *	  The query for rows that are pointed to and that the id map does not know.
 *
 *-------------------------------------------------------------------------
 */
#include "row/row.h"

/* Append a query for the key texts, each once, that the reference has in the rows
 * of the FROM item and that the id map does not know. */
static void
append_unknown_keys(StringInfo sql, CmTable *table, CmReference *reference,
					const char *from)
{
	if (reference->is_array)
	{
		cm_elements_append_missing(sql, table, reference, from,
								   cm_from_map_name(reference->parent));
		return;
	}
	appendStringInfoString(sql, "SELECT DISTINCT ");
	if (reference->by_keytext)
		cm_sql_append_wanted_key(sql, table, reference);
	else
		cm_sql_append_parent_key(sql, "p1", reference);
	appendStringInfo(sql, " AS key\n  FROM %s AS t", from);
	cm_from_append_map(sql, table, reference, 1);
	appendStringInfo(sql, "\n WHERE %s AND m1.convex_id IS NULL",
					 cm_sql_is_set(table, reference));
}

/*
 * The query for the key texts of rows that a reference of the table's rows
 * points to and that the id map does not know. chosen: as in CmQueryOptions; what
 * is sent itself is not looked for.
 */
char *
cm_missing_parents(CmTable *table, CmReference *reference, char **chosen)
{
	CmTable    *parent = reference->parent;
	char	   *from = cm_table_from(table);
	StringInfoData sql;

	if (chosen != NULL)
		from = cm_chosen_from(table, from, chosen[table->position]);
	initStringInfo(&sql);
	appendStringInfoString(&sql, "SELECT k.key FROM (");
	append_unknown_keys(&sql, table, reference, from);
	appendStringInfoString(&sql, ") AS k WHERE k.key IS NOT NULL");
	if (chosen != NULL && parent->selected && chosen[parent->position] != NULL)
		appendStringInfo(&sql, " AND NOT EXISTS (SELECT FROM %s AS c"
						 " WHERE c.key OPERATOR(pg_catalog.=) k.key COLLATE pg_catalog.\"C\")",
						 chosen[parent->position]);
	return sql.data;
}

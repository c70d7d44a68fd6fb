/*-------------------------------------------------------------------------
 *
 * parentkeys.c
 *	  The query for what some rows point to.
 *
 *-------------------------------------------------------------------------
 */
#include "row/row.h"

/*
 * The query for the key texts of the rows that a reference points to, of the table's
 * rows whose keys are in $1, a text[].
 */
char *
cm_parentkeys_query(CmTable *table, CmReference *reference)
{
	char	   *from = cm_from_only_keys(table, cm_from_with_key(table));
	StringInfoData sql;

	if (reference->is_array)
		return cm_elements_keys(table, reference, from);
	initStringInfo(&sql);
	appendStringInfoString(&sql, "SELECT k.key FROM (SELECT DISTINCT ");
	if (reference->by_keytext)
		cm_sql_append_wanted_key(&sql, table, reference);
	else
		cm_sql_append_parent_key(&sql, "p1", reference);
	appendStringInfo(&sql, " AS key\n  FROM %s AS t", from);
	if (!reference->by_keytext)
		cm_from_append_parent(&sql, table, reference, "p1");
	appendStringInfo(&sql, "\n WHERE %s) AS k WHERE k.key IS NOT NULL",
					 cm_sql_is_set(table, reference));
	return sql.data;
}

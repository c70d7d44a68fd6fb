/*-------------------------------------------------------------------------
 *
 * chosen.c
 *	  SQL over some rows of a table: those whose keys are in a relation of keys.c.
 *
 * A row without a key is known by its content and an ordinal among its equals.
 * Which of them has which does not matter, as long as all are read: so it is
 * chosen by its content alone.
 *
 *-------------------------------------------------------------------------
 */
#include "row/row.h"

/* Characters of the hash that the key of a row without a key begins with. */
#define CM_CONTENT_HASH 64

/* Append what row t is chosen by, in the collation of the keys. */
static void
append_chosen_by(StringInfo sql, CmTable *table)
{
	appendStringInfoChar(sql, '(');
	if (table->nkeys == 0)
		cm_sql_append_row_text(sql, "t", table);
	else if (table->key_declared)
	{
		/* what the encoder calls a key that is not there */
		appendStringInfoString(sql, "COALESCE(");
		cm_sql_append_own_key(sql, table);
		appendStringInfoString(sql, ", 'null')");
	}
	else
		cm_sql_append_own_key(sql, table);
	appendStringInfoString(sql, ") COLLATE pg_catalog.\"C\"");
}

/* FROM item for those rows of another one that have keys in the relation; palloc'd. */
char *
cm_chosen_from(CmTable *table, const char *from, const char *keys)
{
	StringInfoData sql;

	initStringInfo(&sql);
	appendStringInfo(&sql, "(SELECT t.* FROM %s AS t WHERE ", from);
	append_chosen_by(&sql, table);
	if (table->nkeys > 0)
		appendStringInfo(&sql, " IN (SELECT k.key FROM %s AS k))", keys);
	else
		appendStringInfo(&sql, " IN (SELECT pg_catalog.\"left\"(k.key, %d) FROM %s AS k))",
						 CM_CONTENT_HASH, keys);
	return sql.data;
}

/*
 * The query for what rows of the table are chosen by that point by the reference to
 * rows with keys in the relation; palloc'd.
 */
char *
cm_chosen_children(CmTable *table, CmReference *reference, const char *keys)
{
	StringInfoData sql;

	initStringInfo(&sql);
	appendStringInfoString(&sql, "SELECT ");
	append_chosen_by(&sql, table);
	appendStringInfo(&sql, " AS key\n  FROM %s AS t", cm_table_from(table));
	if (reference->is_array)
	{
		appendStringInfoString(&sql, "\n WHERE EXISTS (SELECT ");
		cm_elements_append_in(&sql, table, reference, keys);
		appendStringInfoChar(&sql, ')');
		return sql.data;
	}
	if (!reference->by_keytext)
	{
		appendStringInfo(&sql, "\n  JOIN %s AS p ON ",
						 cm_from_parent(reference->parent,
										cm_table_plain_from(reference->parent)));
		cm_sql_append_match(&sql, "p", table, reference);
	}
	appendStringInfoString(&sql, "\n WHERE (");
	if (reference->by_keytext)
		cm_sql_append_wanted_key(&sql, table, reference);
	else
		cm_sql_append_parent_key(&sql, "p", reference);
	appendStringInfo(&sql, ") COLLATE pg_catalog.\"C\" IN (SELECT k.key FROM %s AS k)", keys);
	return sql.data;
}

/* What that query may use; palloc'd. */
CmAllowed *
cm_chosen_allowed(CmTable *table, CmReference *reference)
{
	CmAllowed  *allowed = cm_vet_create();

	cm_allow_table(allowed, table);
	if (!reference->by_keytext)
		cm_allow_reference(allowed, table, reference);
	return allowed;
}

/* The query for keys in the relation that no row of the table has; palloc'd. It
 * may use what cm_query_allowed() says for a query without ids. */
char *
cm_chosen_gone(CmTable *table, const char *keys)
{
	StringInfoData sql;

	initStringInfo(&sql);
	appendStringInfo(&sql, "SELECT k.key FROM %s AS k"
					 "\n  LEFT JOIN (SELECT ", keys);
	if (table->nkeys > 0)
		append_chosen_by(&sql, table);
	else
	{
		cm_from_append_key(&sql, table);
		appendStringInfoString(&sql, " COLLATE pg_catalog.\"C\"");
	}
	appendStringInfo(&sql, " AS key FROM %s AS t) AS r"
					 " ON r.key OPERATOR(pg_catalog.=) k.key"
					 "\n WHERE r.key IS NULL", cm_from_with_key(table));
	return sql.data;
}

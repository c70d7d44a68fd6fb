/*-------------------------------------------------------------------------
 *
 * from.c
 *	  What queries read from: FROM items that have more, or less, than a table.
 *
 *-------------------------------------------------------------------------
 */
#include "row/row.h"

#include "utils/builtins.h"
#include "utils/lsyscache.h"

/* The name, or one like it, for a column of a FROM item that no column of the
 * table has. */
char *
cm_from_free_column(CmTable *table, const char *wanted)
{
	char	   *name = pstrdup(wanted);

	for (int i = 0; i < table->ncolumns; i++)
	{
		if (strcmp(table->columns[i].name, name) == 0)
		{
			name = psprintf("%s_", name);
			i = -1;
		}
	}
	return name;
}

/* FROM item for the rows that a reference can point to, of an item for all of the
 * parent's: each once, also where its key is only declared. */
char *
cm_from_parent(CmTable *parent, char *from)
{
	return !parent->key_declared ? from :
		psprintf("(SELECT DISTINCT x.%s FROM %s AS x)",
				 quote_identifier(parent->columns[parent->keys[0]].name), from);
}

/*
 * FROM item for the rows of a table whose key is only declared: beside its
 * columns, whether another row has the same key.
 */
char *
cm_from_with_repeated(CmTable *table)
{
	StringInfoData sql;

	initStringInfo(&sql);
	appendStringInfoString(&sql, "(SELECT x.*, pg_catalog.count(*) OVER (PARTITION BY ");
	for (int i = 0; i < table->nkeys; i++)
		appendStringInfo(&sql, "%sx.%s", i > 0 ? ", " : "",
						 quote_identifier(table->columns[table->keys[i]].name));
	appendStringInfo(&sql, ") OPERATOR(pg_catalog.>) 1 AS %s FROM %s AS x)",
					 quote_identifier(cm_from_free_column(table, "repeated")),
					 cm_table_from(table));
	return sql.data;
}

/*
 * FROM item for the table whose rows can be joined by their key text. Without
 * a key that text takes a window function, which the condition of a join cannot
 * have: then it is a column of the item.
 */
char *
cm_from_with_key(CmTable *table)
{
	StringInfoData sql;

	if (table->nkeys > 0)
		return cm_table_from(table);
	initStringInfo(&sql);
	appendStringInfoString(&sql, "(SELECT t.*, ");
	cm_sql_append_own_key(&sql, table);
	appendStringInfo(&sql, " AS %s FROM %s AS t)",
					 quote_identifier(cm_from_free_column(table, "key")), cm_table_from(table));
	return sql.data;
}

/* Append the key text of a row of the item. */
void
cm_from_append_key(StringInfo sql, CmTable *table)
{
	if (table->nkeys > 0)
		cm_sql_append_own_key(sql, table);
	else
		appendStringInfo(sql, "t.%s",
						 quote_identifier(cm_from_free_column(table, "key")));
}

/* FROM item for those rows of an item, one that has the key where the table has
 * none, whose keys are in $1, a text[] without equals. */
char *
cm_from_only_keys(CmTable *table, const char *from)
{
	StringInfoData sql;

	initStringInfo(&sql);
	appendStringInfo(&sql, "(SELECT t.* FROM %s AS t JOIN pg_catalog.unnest($1) AS wanted(key)"
					 " ON wanted.key OPERATOR(pg_catalog.=) (", from);
	cm_from_append_key(&sql, table);
	appendStringInfoString(&sql, ") COLLATE pg_catalog.\"C\")");
	return sql.data;
}

/* The relation with the table's entries in the id map, as it is written. */
char *
cm_from_map_name(CmTable *table)
{
	return psprintf("pg_temp.%s", quote_identifier(get_rel_name(table->map_part)));
}

/* Join the row that the reference points to. */
void
cm_from_append_parent(StringInfo sql, CmTable *table, CmReference *reference,
					  const char *alias)
{
	CmTable    *parent = reference->parent;

	appendStringInfo(sql, "\n  LEFT JOIN %s AS %s ON ",
					 cm_from_parent(parent, cm_table_plain_from(parent)), alias);
	cm_sql_append_match(sql, alias, table, reference);
}

/* Join the row that the reference points to, and its entry in the id map. */
void
cm_from_append_map(StringInfo sql, CmTable *table, CmReference *reference, int n)
{
	CmTable    *parent = reference->parent;
	char	   *alias = psprintf("p%d", n);

	if (!reference->by_keytext)
		cm_from_append_parent(sql, table, reference, alias);
	appendStringInfo(sql, "\n  LEFT JOIN %s AS m%d"
					 " ON m%d.source OPERATOR(pg_catalog.=) '%u'::pg_catalog.oid"
					 " AND m%d.key OPERATOR(pg_catalog.=) (",
					 cm_from_map_name(parent), n, n, parent->relid, n);
	if (reference->by_keytext)
		cm_sql_append_wanted_key(sql, table, reference);
	else
		cm_sql_append_parent_key(sql, alias, reference);
	/* the map's own collation: a key column may have another */
	appendStringInfoString(sql, ") COLLATE pg_catalog.\"C\"");
}

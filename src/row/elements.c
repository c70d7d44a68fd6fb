/*-------------------------------------------------------------------------
 *
 * elements.c
 *	  SQL over the elements of an array that are references.
 *
 * Each element is matched by its text with the key text of a row of the parent:
 * in a run with that of the id map, where an index finds it. Their ids come as
 * one array per row, in the order of the elements; NULL stands for one that has
 * no id. (An array with a NULL of its own is rejected: row/pointers.c.)
 *
 * Without a map it goes the other way round: first all elements are looked for
 * that no row of the parent has, in one reading of both, then in every row these.
 *
 *-------------------------------------------------------------------------
 */
#include "row/row.h"

#include "utils/builtins.h"
#include "utils/lsyscache.h"

/* The column whose elements the references are. */
static CmColumn *
column_of(CmTable *table, CmReference *reference)
{
	return &table->columns[reference->columns[0]];
}

/* The type of the elements (of a domain: its base type). */
static Oid
element_type(CmTable *table, CmReference *reference)
{
	return getBaseType(get_element_type(column_of(table, reference)->type));
}

/* The key text that an element, u.e, is looked for by, in the collation of the
 * id map; palloc'd. */
static char *
wanted_key(CmTable *table, CmReference *reference)
{
	return psprintf("(%s) COLLATE pg_catalog.\"C\"",
					cm_sql_wanted_text("u.e", element_type(table, reference),
									   reference));
}

/* FROM item u for the elements of row t, with their position; palloc'd. */
static char *
from_elements(CmTable *table, CmReference *reference)
{
	return psprintf("pg_catalog.unnest(t.%s) WITH ORDINALITY AS u(e, n)",
					quote_identifier(column_of(table, reference)->name));
}

/* LEFT JOIN of the entry of an element in the relation of the id map. */
static char *
join_map(CmTable *table, CmReference *reference, const char *map)
{
	return psprintf(" LEFT JOIN %s AS m ON m.source OPERATOR(pg_catalog.=) '%u'::pg_catalog.oid"
					" AND m.key OPERATOR(pg_catalog.=) %s",
					map, reference->parent->relid, wanted_key(table, reference));
}

/* Append the Convex ids of the elements of row t. map: the relation with the
 * parent's entries. */
void
cm_elements_append_ids(StringInfo sql, CmTable *table, CmReference *reference,
					   const char *map)
{
	appendStringInfo(sql, "(SELECT pg_catalog.array_agg(m.convex_id ORDER BY u.n) FROM %s%s)",
					 from_elements(table, reference),
					 join_map(table, reference, map));
}

/* Append the key texts that the elements of row t have themselves. */
void
cm_elements_append_old_keys(StringInfo sql, CmTable *table, CmReference *reference)
{
	appendStringInfo(sql, "(SELECT pg_catalog.array_agg(%s ORDER BY u.n) FROM %s)",
					 cm_sql_text("u.e", element_type(table, reference)),
					 from_elements(table, reference));
}

/*
 * Append a query for the key texts of elements that point to no row which is
 * sent. rejected: the relation with keys of rows of the parent that are not, or
 * NULL.
 */
void
cm_elements_append_lost(StringInfo sql, CmTable *table, CmReference *reference,
						const char *rejected)
{
	CmTable    *parent = reference->parent;

	appendStringInfo(sql, "SELECT k.key FROM (SELECT DISTINCT %s AS key FROM %s AS t, %s) AS k"
					 " LEFT JOIN (SELECT (",
					 wanted_key(table, reference), cm_table_from(table),
					 from_elements(table, reference));
	cm_sql_append_key(sql, "p", parent, parent->keys, parent->nkeys);
	appendStringInfo(sql, ") COLLATE pg_catalog.\"C\" AS key FROM %s AS p",
					 cm_table_from(parent));
	if (rejected != NULL)
		appendStringInfo(sql, " EXCEPT SELECT r.key FROM %s AS r", rejected);
	appendStringInfoString(sql, ") AS p ON p.key OPERATOR(pg_catalog.=) k.key"
						   " WHERE p.key IS NULL AND k.key IS NOT NULL");
}

/* Append what is read of elements of row t, and a condition for those that point to
 * rows with keys in the relation. */
void
cm_elements_append_in(StringInfo sql, CmTable *table, CmReference *reference,
					  const char *keys)
{
	appendStringInfo(sql, "FROM %s WHERE %s IN (SELECT k.key FROM %s AS k)",
					 from_elements(table, reference),
					 wanted_key(table, reference), keys);
}

/*
 * Append what stands for the ids of the elements of row t: the key texts that ids
 * are computed of, or else one that is made up. lost is the name of a query as
 * above, or NULL: none is.
 */
void
cm_elements_append_found(StringInfo sql, CmTable *table, CmReference *reference,
						 const char *lost, bool keys)
{
	const char *key = wanted_key(table, reference);
	const char *found = keys ? key : CM_MADE_UP_ID;

	if (lost != NULL)
		appendStringInfo(sql, "(SELECT pg_catalog.array_agg(CASE WHEN l.key IS NULL THEN %s END"
						 " ORDER BY u.n) FROM %s LEFT JOIN %s AS l"
						 " ON l.key OPERATOR(pg_catalog.=) %s)",
						 found, from_elements(table, reference), lost, key);
	else
		appendStringInfo(sql, "(SELECT pg_catalog.array_agg(%s ORDER BY u.n) FROM %s)",
						 found, from_elements(table, reference));
}

/* Append a query for the key texts, each once and perhaps NULL, of elements of the rows
 * of the FROM item; map: only those that this relation of the id map does not know, or
 * NULL. */
void
cm_elements_append_keys(StringInfo sql, CmTable *table, CmReference *reference,
						const char *from, const char *map)
{
	appendStringInfo(sql, "SELECT DISTINCT %s AS key FROM %s AS t, %s",
					 wanted_key(table, reference), from,
					 from_elements(table, reference));
	if (map != NULL)
		appendStringInfo(sql, "%s WHERE m.convex_id IS NULL",
						 join_map(table, reference, map));
}

/*-------------------------------------------------------------------------
 *
 * source.c
 *	  The query that reads a table's rows, references resolved.
 *
 * Columns of the result, in this order, which encode.c relies on: the key,
 * as text or uuid; every column of the table (NULL for one that is not read);
 * per reference the Convex id of the row it points to, or NULL; and with
 * orphans = keep, per reference the old key text.
 *
 * Every name is quoted and qualified, operators too: texts from the catalogs
 * never reach SQL as they are.
 *
 *-------------------------------------------------------------------------
 */
#include "convex_migrate.h"

#include "access/htup_details.h"
#include "catalog/pg_class.h"
#include "catalog/pg_collation.h"
#include "catalog/pg_namespace.h"
#include "catalog/pg_operator.h"
#include "catalog/pg_type.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

/* Whether the type is in pg_catalog. */
static bool
is_core_type(Oid type)
{
	HeapTuple	tuple = SearchSysCache1(TYPEOID, ObjectIdGetDatum(type));
	bool		is_core;

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for type %u", type);
	is_core = ((Form_pg_type) GETSTRUCT(tuple))->typnamespace == PG_CATALOG_NAMESPACE;
	ReleaseSysCache(tuple);
	return is_core;
}

/* [ONLY] schema.table: a partitioned table has no rows of its own, any other
 * is read without the tables that inherit from it. */
static char *
plain_from(CmTable *table)
{
	return psprintf("%s%s",
					table->relkind == RELKIND_PARTITIONED_TABLE ? "" : "ONLY ",
					cm_qualified_name(table->schema, table->name));
}

/*
 * FROM item for the rows that go: all of the table's, or those that its filter
 * lets through. In a filter, names are those of the table and its columns.
 */
char *
cm_source_from(CmTable *table)
{
	const char *name = quote_identifier(table->name);

	if (table->filter == NULL)
		return plain_from(table);
	/* the filter may end in a comment */
	return psprintf("(SELECT %s.* FROM %s AS %s WHERE (%s\n))", name,
					plain_from(table), name, table->filter);
}

/*
 * Append a column's value as text. A cast to text of a type that is not
 * PostgreSQL's own may be a function of that type's owner: it would run with
 * the caller's rights, and could print two keys alike. The type's output
 * function, which only a superuser can make, is called instead.
 */
static void
append_text(StringInfo sql, const char *alias, CmColumn *column)
{
	char	   *name = psprintf("%s.%s", alias, quote_identifier(column->name));
	Oid			function;
	bool		is_varlena;

	if (is_core_type(column->type))
	{
		appendStringInfo(sql, "%s::pg_catalog.text", name);
		return;
	}
	getTypeOutputInfo(column->type, &function, &is_varlena);
	appendStringInfo(sql, "pg_catalog.textin(%s(%s))",
					 cm_qualified_name(get_namespace_name(get_func_namespace(function)),
									   get_func_name(function)),
					 name);
}

/* Append the texts of the columns, as one key text. */
static void
append_key_text(StringInfo sql, const char *alias, CmTable *table,
				int *columns, int ncolumns)
{
	if (ncolumns > 1)
		appendStringInfoString(sql, "pg_catalog.json_build_array(");
	for (int i = 0; i < ncolumns; i++)
	{
		if (i > 0)
			appendStringInfoString(sql, ", ");
		append_text(sql, alias, &table->columns[columns[i]]);
	}
	if (ncolumns > 1)
		appendStringInfoString(sql, ")::pg_catalog.text");
}

/* Whether a run reads the column: it is sent, or a key or reference needs it. */
bool
cm_column_is_read(CmTable *table, CmColumn *column)
{
	ListCell   *lc;

	if (!column->excluded || column->in_key)
		return true;
	foreach(lc, table->references)
	{
		CmReference *reference = lfirst(lc);

		for (int i = 0; i < reference->ncolumns; i++)
		{
			if (&table->columns[reference->columns[i]] == column)
				return true;
		}
	}
	return false;
}

/*
 * Append what a row of a table without a key is known by: a hash of the text
 * of what is sent of it. Through the output function, see append_text(). In the
 * encoding of the database: not every text has another, and rows that cannot go
 * need a key as well. So the keys are others in a copy in another encoding.
 */
static void
append_row_text(StringInfo sql, const char *alias, CmTable *table)
{
	bool		first = true;

	appendStringInfoString(sql, "pg_catalog.encode(pg_catalog.sha256("
						   "pg_catalog.convert_to(pg_catalog.textin("
						   "pg_catalog.record_out(ROW(");
	for (int i = 0; i < table->ncolumns; i++)
	{
		CmColumn   *column = &table->columns[i];

		if (column->excluded)
			continue;
		appendStringInfo(sql, "%s%s.%s", first ? "" : ", ", alias,
						 quote_identifier(column->name));
		first = false;
	}
	appendStringInfo(sql, "))), '%s')), 'hex')", GetDatabaseEncodingName());
}

/*
 * Append the key text of a row of the table itself. Without a key, equal rows
 * are told apart by their ordinal; it does not matter which is which.
 */
static void
append_own_key(StringInfo sql, CmTable *table)
{
	if (table->nkeys > 0)
	{
		append_key_text(sql, "t", table, table->keys, table->nkeys);
		return;
	}
	appendStringInfoString(sql, "pg_catalog.concat(");
	append_row_text(sql, "t", table);
	appendStringInfoString(sql, ", '-', pg_catalog.row_number() OVER (PARTITION BY ");
	append_row_text(sql, "t", table);
	appendStringInfoString(sql, "))");
}

/*
 * Append the key of a row that is to be encoded: its text, but a uuid as it
 * is. The encoder prints it at a fraction of what the text costs here.
 */
static void
append_encoded_key(StringInfo sql, CmTable *table)
{
	CmColumn   *key = table->nkeys == 1 ? &table->columns[table->keys[0]] : NULL;

	if (key != NULL && key->type == UUIDOID)
		appendStringInfo(sql, "t.%s::pg_catalog.uuid",
						 quote_identifier(key->name));
	else
		append_own_key(sql, table);
}

/*
 * Append the key text of the row that a reference points to, which an outer
 * join may not have found. If its table has no key, the row has no equals all
 * the same: the reference needs a unique index, on columns that are not NULL
 * in a row that it points to.
 */
static void
append_parent_key(StringInfo sql, const char *alias, CmReference *reference)
{
	CmTable    *parent = reference->parent;
	CmColumn   *to = cm_table_column(parent, reference->parent_attnums[0]);

	if (parent->nkeys > 0)
	{
		append_key_text(sql, alias, parent, parent->keys, parent->nkeys);
		return;
	}
	appendStringInfo(sql, "CASE WHEN %s.%s IS NOT NULL THEN pg_catalog.concat(",
					 alias, quote_identifier(to->name));
	append_row_text(sql, alias, parent);
	appendStringInfoString(sql, ", '-1') END");
}

/* OPERATOR(schema.name) */
static void
append_operator(StringInfo sql, Oid operator)
{
	HeapTuple	tuple = SearchSysCache1(OPEROID, ObjectIdGetDatum(operator));
	Form_pg_operator form;

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for operator %u", operator);
	form = (Form_pg_operator) GETSTRUCT(tuple);
	appendStringInfo(sql, " OPERATOR(%s.%s) ",
					 quote_identifier(get_namespace_name(form->oprnamespace)),
					 NameStr(form->oprname));
	ReleaseSysCache(tuple);
}

/* COLLATE schema.name */
static void
append_collation(StringInfo sql, Oid collation)
{
	HeapTuple	tuple = SearchSysCache1(COLLOID, ObjectIdGetDatum(collation));
	Form_pg_collation form;

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for collation %u", collation);
	form = (Form_pg_collation) GETSTRUCT(tuple);
	appendStringInfo(sql, " COLLATE %s",
					 cm_qualified_name(get_namespace_name(form->collnamespace),
									   NameStr(form->collname)));
	ReleaseSysCache(tuple);
}

/* Append the condition that a parent's row is what the reference points to. */
static void
append_match(StringInfo sql, const char *alias, CmTable *table,
			 CmReference *reference)
{
	for (int i = 0; i < reference->ncolumns; i++)
	{
		CmColumn   *to = cm_table_column(reference->parent,
										 reference->parent_attnums[i]);
		CmColumn   *from = &table->columns[reference->columns[i]];

		appendStringInfo(sql, "%s%s.%s", i > 0 ? " AND " : "", alias,
						 quote_identifier(to->name));
		/* the constraint compares by the parent's collation */
		if (OidIsValid(to->collation) && to->collation != from->collation)
			append_collation(sql, to->collation);
		append_operator(sql, reference->operators[i]);
		appendStringInfo(sql, "t.%s", quote_identifier(from->name));
	}
}

/* Join the row that the reference points to, and its entry in the id map. */
static void
append_join(StringInfo sql, CmTable *table, CmReference *reference, int n)
{
	CmTable    *parent = reference->parent;
	char	   *alias = psprintf("p%d", n);

	if (!reference->by_keytext)
	{
		appendStringInfo(sql, "\n  LEFT JOIN %s AS %s ON ",
						 plain_from(parent), alias);
		append_match(sql, alias, table, reference);
	}
	appendStringInfo(sql, "\n  LEFT JOIN pg_temp.convex_id_map AS m%d"
					 " ON m%d.source OPERATOR(pg_catalog.=) '%u'::pg_catalog.oid"
					 " AND m%d.key OPERATOR(pg_catalog.=) (",
					 n, n, reference->parent->relid, n);
	if (reference->by_keytext)
		append_key_text(sql, "t", table, reference->columns, reference->ncolumns);
	else
		append_parent_key(sql, alias, reference);
	/* the map's own collation: a key column may have another */
	appendStringInfoString(sql, ") COLLATE pg_catalog.\"C\"");
}

/*
 * The query for the table's rows, read FROM the given item (aliased "t").
 * Without an id map (in convex_document) all ids are NULL. Result palloc'd.
 */
char *
cm_source_query(CmTable *table, const char *from, bool idmap,
				bool keep_orphans, bool ordered)
{
	StringInfoData sql;
	StringInfoData joins;
	StringInfoData orphans;
	int			n = 0;
	ListCell   *lc;

	initStringInfo(&sql);
	initStringInfo(&joins);
	initStringInfo(&orphans);
	appendStringInfoString(&sql, "SELECT ");
	append_encoded_key(&sql, table);
	for (int i = 0; i < table->ncolumns; i++)
	{
		CmColumn   *column = &table->columns[i];

		if (cm_column_is_read(table, column))
			appendStringInfo(&sql, ", t.%s", quote_identifier(column->name));
		else
			appendStringInfoString(&sql, ", NULL");
	}
	foreach(lc, table->references)
	{
		CmReference *reference = lfirst(lc);

		n++;
		if (idmap && !reference->deferred)
		{
			appendStringInfo(&sql, ", m%d.convex_id", n);
			append_join(&joins, table, reference, n);
		}
		else
			appendStringInfoString(&sql, ", NULL::pg_catalog.text");
		if (keep_orphans)
		{
			appendStringInfoString(&orphans, ", ");
			append_key_text(&orphans, "t", table, reference->columns,
							reference->ncolumns);
		}
	}
	appendStringInfo(&sql, "%s\n  FROM %s AS t%s", orphans.data, from,
					 joins.data);
	if (ordered && table->creation_time != NULL)
		appendStringInfo(&sql, "\n ORDER BY t.%s",
						 quote_identifier(table->creation_time->name));
	return sql.data;
}

/* t.a IS NOT NULL AND t.b IS NOT NULL: the reference points somewhere. */
static char *
points_somewhere(CmTable *table, CmReference *reference)
{
	StringInfoData sql;

	initStringInfo(&sql);
	for (int i = 0; i < reference->ncolumns; i++)
		appendStringInfo(&sql, "%st.%s IS NOT NULL", i > 0 ? " AND " : "",
						 quote_identifier(table->columns[reference->columns[i]].name));
	return sql.data;
}

/* A name for a column with the key text that no column of the table has. */
static char *
key_column(CmTable *table)
{
	char	   *name = "key";

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

/* FROM item for the table whose rows can be joined by their key text: without
 * a key it takes a window function, which no join can have in its condition. */
static char *
from_with_key(CmTable *table)
{
	StringInfoData sql;

	if (table->nkeys > 0)
		return cm_source_from(table);
	initStringInfo(&sql);
	appendStringInfoString(&sql, "(SELECT t.*, ");
	append_own_key(&sql, table);
	appendStringInfo(&sql, " AS %s FROM %s AS t)",
					 quote_identifier(key_column(table)), cm_source_from(table));
	return sql.data;
}

/*
 * The query for the second pass over the table: rows that are in Convex and
 * have deferred references. Columns of the result: the key text, the Convex
 * id of the row; per deferred reference whether it points somewhere, and the
 * Convex id of what it points to; and with orphans = keep, per deferred
 * reference the old key text.
 */
char *
cm_completion_query(CmTable *table, bool keep_orphans)
{
	StringInfoData sql;
	StringInfoData joins;
	StringInfoData keys;
	StringInfoData where;
	int			n = 0;
	ListCell   *lc;

	initStringInfo(&sql);
	initStringInfo(&joins);
	initStringInfo(&keys);
	initStringInfo(&where);
	appendStringInfoString(&sql, "SELECT own.key, own.convex_id");
	foreach(lc, table->references)
	{
		CmReference *reference = lfirst(lc);
		char	   *points = points_somewhere(table, reference);

		if (!reference->deferred)
			continue;
		n++;
		appendStringInfo(&sql, ", %s, m%d.convex_id", points, n);
		append_join(&joins, table, reference, n);
		appendStringInfo(&where, "%s%s", n > 1 ? "\n    OR " : "", points);
		if (keep_orphans)
		{
			appendStringInfoString(&keys, ", ");
			append_key_text(&keys, "t", table, reference->columns,
							reference->ncolumns);
		}
	}
	appendStringInfo(&sql, "%s\n  FROM %s AS t\n  JOIN pg_temp.convex_id_map AS own"
					 " ON own.source OPERATOR(pg_catalog.=) '%u'::pg_catalog.oid"
					 " AND own.key OPERATOR(pg_catalog.=) (",
					 keys.data, from_with_key(table), table->relid);
	if (table->nkeys > 0)
		append_own_key(&sql, table);
	else
		appendStringInfo(&sql, "t.%s", quote_identifier(key_column(table)));
	appendStringInfo(&sql, ") COLLATE pg_catalog.\"C\"%s\n WHERE %s",
					 joins.data, where.data);
	return sql.data;
}

/*
 * The query for orphans of a reference: how many rows of those that go point
 * to no row of those that go, and the key text of one of them.
 */
char *
cm_orphan_query(CmTable *table, CmReference *reference)
{
	StringInfoData sql;
	CmColumn   *to = cm_table_column(reference->parent,
									 reference->parent_attnums[0]);

	initStringInfo(&sql);
	appendStringInfoString(&sql, "SELECT pg_catalog.count(*), pg_catalog.min(");
	if (table->nkeys > 0)
		append_own_key(&sql, table);
	else
		append_row_text(&sql, "t", table);
	appendStringInfo(&sql, ")\n  FROM %s AS t\n  LEFT JOIN %s AS p ON ",
					 cm_source_from(table), cm_source_from(reference->parent));
	append_match(&sql, "p", table, reference);
	appendStringInfo(&sql, "\n WHERE %s AND p.%s IS NULL",
					 points_somewhere(table, reference),
					 quote_identifier(to->name));
	return sql.data;
}

/*
 * The query for the key texts of rows that a reference of the table's rows
 * points to and that the id map does not know.
 */
char *
cm_missing_parents_query(CmTable *table, CmReference *reference)
{
	StringInfoData sql;

	initStringInfo(&sql);
	appendStringInfoString(&sql, "SELECT k.key FROM (SELECT DISTINCT ");
	if (reference->by_keytext)
		append_key_text(&sql, "t", table, reference->columns, reference->ncolumns);
	else
		append_parent_key(&sql, "p1", reference);
	appendStringInfo(&sql, " AS key\n  FROM %s AS t", cm_source_from(table));
	append_join(&sql, table, reference, 1);
	appendStringInfo(&sql, "\n WHERE %s AND m1.convex_id IS NULL) AS k"
					 " WHERE k.key IS NOT NULL",
					 points_somewhere(table, reference));
	return sql.data;
}

/*-------------------------------------------------------------------------
 *
 * sql.c
 *	  Pieces of SQL over a table's rows, which queries are made of.
 *
 * The table that a query reads is always aliased "t". Every name is quoted and qualified,
 * operators too: texts from the catalogs never reach SQL as they are.
 *
 *-------------------------------------------------------------------------
 */
#include "row/row.h"

#include "access/htup_details.h"
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
					 quote_qualified_identifier(get_namespace_name(get_func_namespace(function)),
												get_func_name(function)),
					 name);
}

/* Append the texts of the columns, as one key text. */
void
cm_sql_append_key(StringInfo sql, const char *alias, CmTable *table,
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

/*
 * Append what a row of a table without a key is known by: a hash of the text of
 * its columns that are sent. By output functions, see append_text(). The text
 * is hashed in the encoding of the database, since rows that cannot be converted
 * need a key as well, to be rejected by it: a copy of the database in another
 * encoding has other keys.
 */
void
cm_sql_append_row_text(StringInfo sql, const char *alias, CmTable *table)
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
void
cm_sql_append_own_key(StringInfo sql, CmTable *table)
{
	if (table->nkeys > 0)
	{
		cm_sql_append_key(sql, "t", table, table->keys, table->nkeys);
		return;
	}
	appendStringInfoString(sql, "pg_catalog.concat(");
	cm_sql_append_row_text(sql, "t", table);
	appendStringInfoString(sql, ", '-', pg_catalog.row_number() OVER (PARTITION BY ");
	cm_sql_append_row_text(sql, "t", table);
	appendStringInfoString(sql, "))");
}

/*
 * Append the key of a row that is to be encoded: its text, but a uuid as it
 * is. The encoder prints it at a fraction of what the text costs here.
 */
void
cm_sql_append_encoded_key(StringInfo sql, CmTable *table)
{
	CmColumn   *key = table->nkeys == 1 ? &table->columns[table->keys[0]] : NULL;

	if (key != NULL && key->type == UUIDOID)
		appendStringInfo(sql, "t.%s::pg_catalog.uuid",
						 quote_identifier(key->name));
	else
		cm_sql_append_own_key(sql, table);
}

/*
 * Append the key text of the row that a reference points to, which an outer
 * join may not have found. If its table has no key, the row has no equals all
 * the same: the reference needs a unique index, on columns that are not NULL
 * in a row that it points to.
 */
void
cm_sql_append_parent_key(StringInfo sql, const char *alias, CmReference *reference)
{
	CmTable    *parent = reference->parent;
	CmColumn   *to = cm_table_column(parent, reference->parent_attnums[0]);

	if (parent->nkeys > 0)
	{
		cm_sql_append_key(sql, alias, parent, parent->keys, parent->nkeys);
		return;
	}
	appendStringInfo(sql, "CASE WHEN %s.%s IS NOT NULL THEN pg_catalog.concat(",
					 alias, quote_identifier(to->name));
	cm_sql_append_row_text(sql, alias, parent);
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
					 quote_qualified_identifier(get_namespace_name(form->collnamespace),
												NameStr(form->collname)));
	ReleaseSysCache(tuple);
}

/* Append the condition that a parent's row is what the reference points to. */
void
cm_sql_append_match(StringInfo sql, const char *alias, CmTable *table,
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

/* t.a IS NOT NULL AND t.b IS NOT NULL: the reference points somewhere. */
char *
cm_sql_is_set(CmTable *table, CmReference *reference)
{
	StringInfoData sql;

	initStringInfo(&sql);
	for (int i = 0; i < reference->ncolumns; i++)
		appendStringInfo(&sql, "%st.%s IS NOT NULL", i > 0 ? " AND " : "",
						 quote_identifier(table->columns[reference->columns[i]].name));
	return sql.data;
}

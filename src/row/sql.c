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
#include "access/transam.h"
#include "catalog/pg_collation.h"
#include "catalog/pg_operator.h"
#include "catalog/pg_type.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

/*
 * A value of the type (of a domain: its base type) as text, palloc'd. A cast to
 * text of a type that is not PostgreSQL's own may be a function of that type's
 * owner: it would run with the caller's rights, and could print two keys alike.
 * format() calls the output function that the type has, by its OID, and which
 * only a superuser can make; a NULL would be an empty text there.
 */
char *
cm_sql_text(const char *value, Oid type)
{
	if (type < FirstNormalObjectId)
		return psprintf("%s::pg_catalog.text", value);
	return psprintf("CASE WHEN %s IS DISTINCT FROM NULL"
					" THEN pg_catalog.format('%%s', %s) END", value, value);
}

/* Append a column's value as text. */
static void
append_text(StringInfo sql, const char *alias, CmColumn *column)
{
	appendStringInfoString(sql, cm_sql_text(psprintf("%s.%s", alias,
													 quote_identifier(column->name)),
											column->type));
}

/*
 * The text by which a value of the type that a reference of one column has, or
 * an element of its array, is looked for among the key texts of its parent;
 * palloc'd. A uuid can be written with capitals, and is printed without.
 */
char *
cm_sql_wanted_text(const char *value, Oid type, CmReference *reference)
{
	CmColumn   *to = cm_table_column(reference->parent,
									 reference->parent_attnums[0]);
	char	   *text = cm_sql_text(value, type);

	if (!reference->by_text || to->type != UUIDOID)
		return text;
	return psprintf("pg_catalog.lower((%s) COLLATE pg_catalog.\"C\")", text);
}

/* Append the key text of the row that a reference points to, made of the columns
 * that it has itself: it is by_keytext. */
void
cm_sql_append_wanted_key(StringInfo sql, CmTable *table, CmReference *reference)
{
	CmColumn   *column = &table->columns[reference->columns[0]];

	if (reference->by_text)
		appendStringInfoString(sql, cm_sql_wanted_text(psprintf("t.%s", quote_identifier(column->name)),
													   column->type, reference));
	else
		cm_sql_append_key(sql, "t", table, reference->columns, reference->ncolumns);
}

/* Append the texts of the columns, as one key text: of several, what JavaScript's
 * JSON.stringify() makes of an array of them. */
void
cm_sql_append_key(StringInfo sql, const char *alias, CmTable *table,
				  int *columns, int ncolumns)
{
	if (ncolumns > 1)
		appendStringInfoString(sql, "pg_catalog.array_to_json(ARRAY[");
	for (int i = 0; i < ncolumns; i++)
	{
		if (i > 0)
			appendStringInfoString(sql, ", ");
		append_text(sql, alias, &table->columns[columns[i]]);
	}
	if (ncolumns > 1)
		appendStringInfoString(sql, "])::pg_catalog.text");
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

/*
 * Append one side of a comparison: the column as what the operator is for,
 * named, as PostgreSQL does for foreign keys itself. Without the cast another
 * operator of the same name could be the better match, and for a domain one
 * that anybody made. (Also as "anyenum" and the like.)
 */
static void
append_operand(StringInfo sql, const char *alias, CmColumn *column, Oid type,
			   Oid collation)
{
	HeapTuple	tuple;
	Form_pg_type form;

	appendStringInfo(sql, "%s.%s", alias, quote_identifier(column->name));
	if (column->declared_type != type)
	{
		tuple = SearchSysCache1(TYPEOID, ObjectIdGetDatum(type));
		if (!HeapTupleIsValid(tuple))
			elog(ERROR, "cache lookup failed for type %u", type);
		form = (Form_pg_type) GETSTRUCT(tuple);
		appendStringInfo(sql, "::%s",
						 quote_qualified_identifier(get_namespace_name(form->typnamespace),
													NameStr(form->typname)));
		ReleaseSysCache(tuple);
	}
	if (OidIsValid(collation))
		append_collation(sql, collation);
}

/* Append the condition that the row is in one of the partitions. */
static void
append_partitions(StringInfo sql, const char *alias, List *partitions)
{
	ListCell   *lc;

	appendStringInfo(sql, " AND %s.tableoid OPERATOR(pg_catalog.=) ANY ('{", alias);
	foreach(lc, partitions)
		appendStringInfo(sql, "%s%u", foreach_current_index(lc) > 0 ? "," : "",
						 lfirst_oid(lc));
	appendStringInfoString(sql, "}'::pg_catalog.oid[])");
}

/* Append the condition that the texts of a parent's row and of the reference are
 * the same. */
static void
append_match_by_text(StringInfo sql, const char *alias, CmTable *table,
					 CmReference *reference)
{
	appendStringInfoChar(sql, '(');
	append_text(sql, alias, cm_table_column(reference->parent,
											reference->parent_attnums[0]));
	appendStringInfoString(sql, ") COLLATE pg_catalog.\"C\" OPERATOR(pg_catalog.=) (");
	cm_sql_append_wanted_key(sql, table, reference);
	appendStringInfoString(sql, ") COLLATE pg_catalog.\"C\"");
}

/* Append the condition that a parent's row is what the reference points to. */
void
cm_sql_append_match(StringInfo sql, const char *alias, CmTable *table,
					CmReference *reference)
{
	if (reference->by_text)
	{
		append_match_by_text(sql, alias, table, reference);
		return;
	}
	for (int i = 0; i < reference->ncolumns; i++)
	{
		CmColumn   *to = cm_table_column(reference->parent,
										 reference->parent_attnums[i]);
		CmColumn   *from = &table->columns[reference->columns[i]];
		Oid			left;
		Oid			right;

		op_input_types(reference->operators[i], &left, &right);
		if (i > 0)
			appendStringInfoString(sql, " AND ");
		/* the constraint compares by the parent's collation */
		append_operand(sql, alias, to, left,
					   to->collation != from->collation ? to->collation : InvalidOid);
		append_operator(sql, reference->operators[i]);
		append_operand(sql, "t", from, right, InvalidOid);
	}
	if (reference->partitions != NIL)
		append_partitions(sql, alias, reference->partitions);
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

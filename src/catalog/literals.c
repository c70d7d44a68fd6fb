/*-------------------------------------------------------------------------
 *
 * literals.c
 *	  Which values a column can have, where the catalogs list them.
 *
 * The constants of a valid CHECK constraint, of the table or of the column's
 * domain, that lists them: alone or joined by AND to anything. See condition.c.
 * (The labels of an enum are part of its type: value/validator.c.)
 *
 *-------------------------------------------------------------------------
 */
#include "catalog/tables.h"

#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "nodes/primnodes.h"
#include "utils/array.h"
#include "utils/builtins.h"

/* $1: OIDs of the tables; $2: of domains. The name of a domain's constraint is
 * that of left_behind.sql.in. */
static const char constraints_query[] =
"SELECT k.conrelid, k.contypid, k.conbin::pg_catalog.text,"
"       CASE WHEN k.contypid = 0 THEN k.conname::pg_catalog.text"
"            ELSE pg_catalog.format('%s (domain %s)', k.conname,"
"                   pg_catalog.format_type(k.contypid, NULL)) END"
"  FROM pg_catalog.pg_constraint k"
" WHERE k.contype = 'c' AND k.convalidated"
"   AND (k.conrelid = ANY ($1) OR k.contypid = ANY ($2))"
" ORDER BY k.conrelid, k.contypid, k.conname COLLATE \"C\"";

/* Whether the validator of the column accepts only values among the literals. */
static bool
validator_lists(const CmColumn *column, List *literals)
{
	CmValidator *validator;
	ListCell   *lc;

	if (column->mapping == NULL)
		return false;
	foreach(lc, column->literals)
	{
		if (!cm_text_is_among(literals, lfirst(lc)))
			return false;
	}
	validator = cm_validator_of_mapping(column->mapping, column->literals);
	return validator->kind == CM_VALIDATOR_LITERAL ||
		validator->kind == CM_VALIDATOR_UNION;
}

/*
 * Set the literals of columns of the table that a condition lists values for:
 * one of its own constraints, or, where domain is valid, one of that domain's.
 * The first condition about a column wins. Returns whether validators enforce
 * all of the condition.
 */
static bool
apply_condition(Node *condition, CmTable *table, Oid domain)
{
	AttrNumber	attnum;
	List	   *literals;
	int			columns = 0;
	bool		enforced = true;

	if (IsA(condition, BoolExpr) &&
		((BoolExpr *) condition)->boolop == AND_EXPR)
	{
		ListCell   *lc;

		foreach(lc, ((BoolExpr *) condition)->args)
			enforced = apply_condition(lfirst(lc), table, domain) && enforced;
		return enforced;
	}
	literals = cm_condition_literals(condition, &attnum);
	for (int i = 0; literals != NIL && i < table->ncolumns; i++)
	{
		CmColumn   *column = &table->columns[i];

		/* nobody enforces what a foreign table declares */
		if (table->is_foreign ||
			(OidIsValid(domain) ? column->declared_type != domain :
			 column->attnum != attnum))
			continue;
		if (column->literals == NIL)
			column->literals = literals;
		columns++;
		enforced = validator_lists(column, literals) && enforced;
	}
	return columns > 0 && enforced;
}

/* Apply a constraint to a table, and note when validators enforce all of it. */
static void
apply_constraint(Node *condition, CmTable *table, Oid domain, char *name)
{
	if (apply_condition(condition, table, domain))
		table->expressed = lappend(table->expressed, name);
}

/* The domains of columns of selected tables, as an oid[]. */
static Datum
domains_of(CmCatalog *catalog)
{
	ArrayBuildState *domains = initArrayResult(OIDOID, CurrentMemoryContext, false);
	ListCell   *lc;

	foreach(lc, catalog->ordered)
	{
		CmTable    *table = lfirst(lc);

		for (int i = 0; i < table->ncolumns; i++)
		{
			if (table->columns[i].declared_type != table->columns[i].type)
				domains = accumArrayResult(domains,
										   ObjectIdGetDatum(table->columns[i].declared_type),
										   false, OIDOID, CurrentMemoryContext);
		}
	}
	return makeArrayResult(domains, CurrentMemoryContext);
}

/*
 * Set the literals of the columns of the selected tables, and which constraints
 * they express, in the current memory context. Inside SPI.
 */
void
cm_literals_read(CmCatalog *catalog)
{
	Oid			types[] = {OIDARRAYOID, OIDARRAYOID};
	Datum		values[2];
	ListCell   *lc;

	Assert(catalog->stage == CM_STAGE_ORDERED);
	values[0] = cm_table_relids(catalog->ordered);
	values[1] = domains_of(catalog);
	cm_spi_execute(constraints_query, SPI_OK_SELECT, true, 2, types, values);
	for (uint64 row = 0; row < SPI_processed; row++)
	{
		Oid			relid = DatumGetObjectId(cm_spi_value(row, 1));
		Oid			domain = DatumGetObjectId(cm_spi_value(row, 2));
		Node	   *condition = stringToNode(TextDatumGetCString(cm_spi_value(row, 3)));
		char	   *name = TextDatumGetCString(cm_spi_value(row, 4));

		if (!OidIsValid(domain))
			apply_constraint(condition, cm_table_find(catalog, relid), domain, name);
		else
		{
			foreach(lc, catalog->ordered)
				apply_constraint(condition, lfirst(lc), domain, name);
		}
	}
	SPI_freetuptable(SPI_tuptable);
	catalog->stage = CM_STAGE_DESCRIBED;
}

/*-------------------------------------------------------------------------
 *
 * literals.c
 *	  Which values a column can have, where the catalogs list them.
 *
 * The constants of a valid CHECK constraint of the form "column IN (...)",
 * "column = ANY (...)" or "column = ...", of the table or of the column's domain,
 * alone or joined to others by AND. Anything else is ignored: nothing is
 * evaluated, since a constraint may call functions of its owner. (The labels of
 * an enum are part of its type: value/validator.c.)
 *
 * Validators list these values, so a list that lacks one would make Convex
 * refuse rows. Hence what is_plain_equality() demands.
 *
 *-------------------------------------------------------------------------
 */
#include "catalog/tables.h"

#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "nodes/nodeFuncs.h"
#include "nodes/primnodes.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

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

/* Types whose constants can be literals: their text is what is sent. */
static bool
is_literal_type(Oid type)
{
	return type == TEXTOID || type == VARCHAROID || type == INT2OID ||
		type == INT4OID || type == INT8OID;
}

/* The expression below conversions that leave the value what it is. */
static Node *
strip_conversions(Node *node)
{
	for (;;)
	{
		if (IsA(node, RelabelType))
			node = (Node *) ((RelabelType *) node)->arg;
		else if (IsA(node, ArrayCoerceExpr) &&
				 IsA(((ArrayCoerceExpr *) node)->elemexpr, RelabelType))
			node = (Node *) ((ArrayCoerceExpr *) node)->arg;
		else
			return node;
	}
}

/* Add a constant, as its text, to the literals; false when it cannot be one. */
static bool
add_literal(List **literals, Oid type, Datum value, bool isnull)
{
	Oid			function;
	bool		is_varlena;
	char	   *text;
	ListCell   *lc;

	/* "IN (..., NULL)" is true or null, so it refuses nothing */
	if (isnull || !is_literal_type(type))
		return false;
	getTypeOutputInfo(type, &function, &is_varlena);
	text = OidOutputFunctionCall(function, value);
	foreach(lc, *literals)
	{
		if (strcmp(lfirst(lc), text) == 0)
			return true;
	}
	*literals = lappend(*literals, text);
	return true;
}

/* The elements of a constant array, or NIL. */
static List *
array_literals(Const *constant)
{
	Oid			type = get_element_type(constant->consttype);
	List	   *literals = NIL;
	Datum	   *elements;
	bool	   *nulls;
	int			count;
	int16		length;
	bool		by_value;
	char		align;

	if (!OidIsValid(type) || constant->constisnull)
		return NIL;
	get_typlenbyvalalign(type, &length, &by_value, &align);
	deconstruct_array(DatumGetArrayTypeP(constant->constvalue), type, length,
					  by_value, align, &elements, &nulls, &count);
	for (int i = 0; i < count; i++)
	{
		if (!add_literal(&literals, type, elements[i], nulls[i]))
			return NIL;
	}
	return literals;
}

/* The elements of an ARRAY[...] of constants, or NIL. */
static List *
expression_literals(ArrayExpr *array)
{
	List	   *literals = NIL;
	ListCell   *lc;

	foreach(lc, array->elements)
	{
		Const	   *element = (Const *) strip_conversions(lfirst(lc));

		if (!IsA(element, Const) ||
			!add_literal(&literals, element->consttype, element->constvalue,
						 element->constisnull))
			return NIL;
	}
	return literals;
}

/*
 * Whether the operator is PostgreSQL's own equality of types whose equal values
 * are the same, by a collation of which that is true as well. It is not true of
 * char(n), and a varchar can be compared as one without a visible conversion.
 */
static bool
is_plain_equality(Oid operator, Oid collation)
{
	char	   *name = get_opname(operator);
	Oid			left;
	Oid			right;

	if (name == NULL || strcmp(name, "=") != 0)
		return false;
	op_input_types(operator, &left, &right);
	return operator < FirstNormalObjectId &&
		is_literal_type(left) && is_literal_type(right) &&
		(!OidIsValid(collation) || get_collation_isdeterministic(collation));
}

/* What a condition compares a value, *value, with; NULL: it is no comparison of
 * this form. */
static Node *
compared_with(Node *condition, Node **value)
{
	List	   *args = NIL;

	if (IsA(condition, ScalarArrayOpExpr))
	{
		ScalarArrayOpExpr *any = (ScalarArrayOpExpr *) condition;

		if (any->useOr && is_plain_equality(any->opno, any->inputcollid))
			args = any->args;
	}
	else if (IsA(condition, OpExpr))
	{
		OpExpr	   *one = (OpExpr *) condition;

		if (is_plain_equality(one->opno, one->inputcollid))
			args = one->args;
	}
	if (list_length(args) != 2)
		return NULL;
	*value = strip_conversions(linitial(args));
	return strip_conversions(lsecond(args));
}

/*
 * The literals that a condition lists for the value it is about, or NIL.
 * *attnum: the column, or 0 in the constraint of a domain.
 */
static List *
condition_literals(Node *condition, AttrNumber *attnum)
{
	List	   *literals = NIL;
	Node	   *value;
	Node	   *other = compared_with(condition, &value);

	if (other == NULL || !is_literal_type(exprType(value)))
		return NIL;
	if (IsA(value, Var))
		*attnum = ((Var *) value)->varattno;
	else if (IsA(value, CoerceToDomainValue))
		*attnum = 0;
	else
		return NIL;
	if (IsA(other, ArrayExpr))
		return expression_literals((ArrayExpr *) other);
	if (!IsA(other, Const))
		return NIL;
	if (IsA(condition, ScalarArrayOpExpr))
		return array_literals((Const *) other);
	(void) add_literal(&literals, ((Const *) other)->consttype,
					   ((Const *) other)->constvalue, ((Const *) other)->constisnull);
	return literals;
}

/*
 * Set the literals of columns of the table that a condition lists values for:
 * one of its own constraints, or, where domain is valid, one of that domain's.
 * The first condition about a column wins. Returns whether the literals say all
 * that the condition does.
 */
static bool
apply_condition(Node *condition, CmTable *table, Oid domain)
{
	AttrNumber	attnum;
	List	   *literals;
	bool		complete;

	if (IsA(condition, BoolExpr) &&
		((BoolExpr *) condition)->boolop == AND_EXPR)
	{
		ListCell   *lc;

		complete = true;
		foreach(lc, ((BoolExpr *) condition)->args)
			complete = apply_condition(lfirst(lc), table, domain) && complete;
		return complete;
	}
	literals = condition_literals(condition, &attnum);
	complete = literals != NIL && table->relkind != RELKIND_FOREIGN_TABLE;
	for (int i = 0; literals != NIL && i < table->ncolumns; i++)
	{
		CmColumn   *column = &table->columns[i];

		/* nobody enforces what a foreign table declares */
		if (table->relkind == RELKIND_FOREIGN_TABLE ||
			(OidIsValid(domain) ? column->declared_type != domain :
			 column->attnum != attnum))
			continue;
		if (column->literals == NIL)
			column->literals = literals;
		complete = complete && column->literals == literals;
	}
	return complete;
}

/* Apply a constraint to a table, and note when literals say all of it. */
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

/*-------------------------------------------------------------------------
 *
 * condition.c
 *	  Which values a condition of a CHECK constraint lists.
 *
 * "column IN (...)", "column = ANY (...)" or "column = ...", or several of them
 * about one column joined by OR, "column IS NULL" among them. All else lists
 * nothing: nothing is evaluated, since a constraint may call functions of its
 * owner.
 *
 * Validators list these values, so a list that lacks one would make Convex
 * refuse rows. Hence what is_plain_equality() demands.
 *
 *-------------------------------------------------------------------------
 */
#include "catalog/tables.h"

#include "access/transam.h"
#include "catalog/pg_type.h"
#include "mb/pg_wchar.h"
#include "nodes/nodeFuncs.h"
#include "nodes/primnodes.h"
#include "utils/array.h"
#include "utils/lsyscache.h"

/* The value that a condition is about, as far as it is known. */
typedef struct CmCompared
{
	bool		known;
	AttrNumber	attnum;			/* of a column; 0: of the domain */
	Oid			type;
	int32		typmod;
} CmCompared;

/* Whether the type is one of integers. */
static bool
is_integer_type(Oid type)
{
	return type == INT2OID || type == INT4OID || type == INT8OID;
}

/* Types whose constants can be literals: their text is what is sent. */
static bool
is_literal_type(Oid type)
{
	return type == TEXTOID || type == VARCHAROID || type == BPCHAROID ||
		is_integer_type(type);
}

/* Whether the node is PostgreSQL's own cast of an integer to another integer: the
 * value stays, or there is an error. "bigint IN (1, 2)" has them. */
static bool
is_integer_cast(Node *node)
{
	FuncExpr   *call = (FuncExpr *) node;

	return IsA(node, FuncExpr) && call->funcid < FirstNormalObjectId &&
		(call->funcformat == COERCE_EXPLICIT_CAST ||
		 call->funcformat == COERCE_IMPLICIT_CAST) &&
		list_length(call->args) == 1 && is_integer_type(call->funcresulttype) &&
		is_integer_type(exprType(linitial(call->args)));
}

/* The expression below conversions that leave the value what it is. */
static Node *
strip_conversions(Node *node)
{
	for (;;)
	{
		if (IsA(node, RelabelType))
			node = (Node *) ((RelabelType *) node)->arg;
		else if (is_integer_cast(node))
			node = linitial(((FuncExpr *) node)->args);
		else if (IsA(node, ArrayCoerceExpr) &&
				 IsA(((ArrayCoerceExpr *) node)->elemexpr, RelabelType))
			node = (Node *) ((ArrayCoerceExpr *) node)->arg;
		else
			return node;
	}
}

/* The text as it is stored in a char(n), or NULL when that cannot be. */
static char *
padded(char *text, int32 typmod)
{
	int			wanted = typmod - VARHDRSZ;
	int			length;
	StringInfoData out;

	for (length = strlen(text); length > 0 && text[length - 1] == ' ';)
		text[--length] = '\0';
	length = pg_mbstrlen(text);
	if (length > wanted)
		return NULL;
	initStringInfo(&out);
	appendStringInfoString(&out, text);
	appendStringInfoSpaces(&out, wanted - length);
	return out.data;
}

/* The list with the text, unless that is there. */
static List *
add_text(List *literals, char *text)
{
	ListCell   *lc;

	foreach(lc, literals)
	{
		if (strcmp(lfirst(lc), text) == 0)
			return literals;
	}
	return lappend(literals, text);
}

/* Add a constant, as its text, to the literals; false when it cannot be one. */
static bool
add_literal(List **literals, const CmCompared *compared, Oid type, Datum value,
			bool isnull)
{
	Oid			function;
	bool		is_varlena;
	char	   *text;

	/* "IN (..., NULL)" is true or null, so it refuses nothing */
	if (isnull || !is_literal_type(type))
		return false;
	getTypeOutputInfo(type, &function, &is_varlena);
	text = OidOutputFunctionCall(function, value);
	if (compared->type == BPCHAROID)
		text = padded(text, compared->typmod);
	if (text != NULL)
		*literals = add_text(*literals, text);
	return true;
}

/* The elements of a constant array, or NIL. */
static List *
array_literals(const CmCompared *compared, Const *constant)
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
		if (!add_literal(&literals, compared, type, elements[i], nulls[i]))
			return NIL;
	}
	return literals;
}

/* The elements of an ARRAY[...] of constants, or NIL. */
static List *
expression_literals(const CmCompared *compared, ArrayExpr *array)
{
	List	   *literals = NIL;
	ListCell   *lc;

	foreach(lc, array->elements)
	{
		Const	   *element = (Const *) strip_conversions(lfirst(lc));

		if (!IsA(element, Const) ||
			!add_literal(&literals, compared, element->consttype,
						 element->constvalue, element->constisnull))
			return NIL;
	}
	return literals;
}

/*
 * Whether the operator is PostgreSQL's own equality of types whose equal values
 * are the same, by a collation of which that is true as well. Of char(n) it is
 * true for values that are one, padded to their length: type and typmod are
 * those of the value, and a varchar can be compared as one without a visible
 * conversion.
 */
static bool
is_plain_equality(Oid operator, Oid collation, Oid type, int32 typmod)
{
	char	   *name = get_opname(operator);
	Oid			left;
	Oid			right;

	if (name == NULL || strcmp(name, "=") != 0)
		return false;
	op_input_types(operator, &left, &right);
	return operator < FirstNormalObjectId &&
		is_literal_type(left) && is_literal_type(right) &&
		(left == BPCHAROID) == (type == BPCHAROID) &&
		(type != BPCHAROID || typmod > VARHDRSZ) &&
		(!OidIsValid(collation) || get_collation_isdeterministic(collation));
}

/*
 * Whether the node is a column, or the value of a domain, that the condition can
 * be about: in an OR the same as before.
 */
static bool
is_value(Node *node, CmCompared *compared)
{
	CmCompared	found = {.known = true,.type = exprType(node),.typmod = exprTypmod(node)};

	if (IsA(node, Var))
		found.attnum = ((Var *) node)->varattno;
	else if (!IsA(node, CoerceToDomainValue))
		return false;
	if (!is_literal_type(found.type) ||
		(compared->known && compared->attnum != found.attnum))
		return false;
	*compared = found;
	return true;
}

/* What a condition compares a value with; NULL: it is no comparison of this
 * form. */
static Node *
compared_with(Node *condition, CmCompared *compared)
{
	ScalarArrayOpExpr *any = (ScalarArrayOpExpr *) condition;
	OpExpr	   *one = (OpExpr *) condition;
	bool		is_any = IsA(condition, ScalarArrayOpExpr) && any->useOr;
	List	   *args = is_any ? any->args : IsA(condition, OpExpr) ? one->args : NIL;

	if (list_length(args) != 2 ||
		!is_value(strip_conversions(linitial(args)), compared) ||
		!is_plain_equality(is_any ? any->opno : one->opno,
						   is_any ? any->inputcollid : one->inputcollid,
						   compared->type, compared->typmod))
		return NULL;
	return strip_conversions(lsecond(args));
}

/* The literals that a comparison lists for its value, or NIL. */
static List *
comparison_literals(Node *condition, CmCompared *compared)
{
	List	   *literals = NIL;
	Node	   *other = compared_with(condition, compared);

	if (other == NULL)
		return NIL;
	if (IsA(other, ArrayExpr))
		return expression_literals(compared, (ArrayExpr *) other);
	if (!IsA(other, Const))
		return NIL;
	if (IsA(condition, ScalarArrayOpExpr))
		return array_literals(compared, (Const *) other);
	(void) add_literal(&literals, compared, ((Const *) other)->consttype,
					   ((Const *) other)->constvalue, ((Const *) other)->constisnull);
	return literals;
}

/*
 * The literals that a condition lists for the value it is about, *compared, or
 * NIL: a comparison, or several of the same value joined by OR.
 */
static List *
condition_literals(Node *condition, CmCompared *compared)
{
	List	   *literals = NIL;
	ListCell   *lc;
	ListCell   *ll;

	if (!IsA(condition, BoolExpr))
		return comparison_literals(condition, compared);
	if (((BoolExpr *) condition)->boolop != OR_EXPR)
		return NIL;
	foreach(lc, ((BoolExpr *) condition)->args)
	{
		Node	   *arm = lfirst(lc);
		List	   *more;

		if (IsA(arm, NullTest) &&
			((NullTest *) arm)->nulltesttype == IS_NULL &&
			is_value(strip_conversions((Node *) ((NullTest *) arm)->arg), compared))
			continue;			/* that is what a NULL is anyway */
		more = condition_literals(arm, compared);
		if (more == NIL)
			return NIL;
		foreach(ll, more)
			literals = add_text(literals, lfirst(ll));
	}
	return literals;
}

/*
 * The values (char *) that a condition lists for what it is about, or NIL;
 * *attnum: the column, or 0 in the constraint of a domain. Palloc'd.
 */
List *
cm_condition_literals(Node *condition, AttrNumber *attnum)
{
	CmCompared	compared = {0};
	List	   *literals = condition_literals(condition, &compared);

	*attnum = compared.attnum;
	return literals;
}

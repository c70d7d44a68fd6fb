/*-------------------------------------------------------------------------
 *
 * allow.c
 *	  What queries over a table may use: see base/vet.c.
 *
 * The lists are made of OIDs that the system catalogs gave, and of what
 * PostgreSQL itself finds for these by OID: the functions of operators, casts
 * between a column and an operator, the order of a type.
 *
 *-------------------------------------------------------------------------
 */
#include "catalog/tables.h"

#include "catalog/pg_class.h"
#include "catalog/pg_collation.h"
#include "catalog/pg_operator.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "parser/parse_coerce.h"
#include "parser/parse_oper.h"
#include "utils/lsyscache.h"

/* A type, and those that its values are made of. */
static void
allow_type(CmAllowed *allowed, Oid type)
{
	Oid			base = getBaseType(type);
	Oid			element = get_element_type(base);

	cm_vet_allow(allowed, TypeRelationId, type);
	cm_vet_allow(allowed, TypeRelationId, base);
	if (OidIsValid(element))
		allow_type(allowed, element);
}

/* The table's relation, its row type, the types and collations of columns. */
void
cm_allow_table(CmAllowed *allowed, CmTable *table)
{
	cm_vet_allow(allowed, RelationRelationId, table->relid);
	cm_vet_allow(allowed, TypeRelationId, get_rel_type_id(table->relid));
	for (int i = 0; i < table->ncolumns; i++)
	{
		allow_type(allowed, table->columns[i].declared_type);
		cm_vet_allow(allowed, CollationRelationId, table->columns[i].collation);
	}
	if (table->filter_uses != NULL)
		cm_vet_allow_all(allowed, table->filter_uses);
}

/* The operators that order a column's values. */
void
cm_allow_order(CmAllowed *allowed, CmColumn *column)
{
	Oid			less;
	Oid			equal;

	get_sort_group_operators(column->declared_type, false, false, false, &less,
							 &equal, NULL, NULL);
	cm_vet_allow(allowed, OperatorRelationId, less);
	cm_vet_allow(allowed, OperatorRelationId, equal);
}

/* The cast by which a column becomes what an operator is for, if there is any. */
static void
allow_cast(CmAllowed *allowed, CmColumn *column, Oid target)
{
	Oid			function;

	allow_type(allowed, target);
	(void) find_coercion_pathway(target, column->type, COERCION_EXPLICIT,
								 &function);
	cm_vet_allow(allowed, ProcedureRelationId, function);
}

/* What joining the parent of the table's reference takes. */
void
cm_allow_reference(CmAllowed *allowed, CmTable *table, CmReference *reference)
{
	cm_allow_table(allowed, reference->parent);
	if (reference->parent->key_declared)
		cm_allow_order(allowed, cm_table_column(reference->parent,
												reference->parent_attnums[0]));
	if (reference->by_text || reference->is_array)
		return;
	for (int i = 0; i < reference->ncolumns; i++)
	{
		Oid			operator = reference->operators[i];
		Oid			left;
		Oid			right;

		cm_vet_allow(allowed, OperatorRelationId, operator);
		cm_vet_allow(allowed, ProcedureRelationId, get_opcode(operator));
		op_input_types(operator, &left, &right);
		allow_cast(allowed, cm_table_column(reference->parent,
											reference->parent_attnums[i]), left);
		allow_cast(allowed, &table->columns[reference->columns[i]], right);
	}
}

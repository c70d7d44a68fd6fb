/*-------------------------------------------------------------------------
 *
 * vet.c
 *	  Whether a plan uses what was checked, and nothing else.
 *
 * Objects are checked by their OIDs, but statements name them. Between the two
 * anybody may rename a schema, or create a table, function, operator, type or
 * collation that the name then means, and that would run with the rights of
 * the caller, who is often a superuser. So every plan of ours is looked at after
 * it was prepared: each relation, function, operator, type and collation that
 * it names must be PostgreSQL's own, from initdb, or in the list of what the
 * statement may use. A plan holds OIDs, not names: what was looked at is what
 * is executed.
 *
 * What is behind a view that may be read can be anything, as its owner is
 * trusted with it; but for views and foreign tables of owners who are not, and
 * for their functions: see trust.c.
 *
 * Utility statements are ours word by word, and name nothing outside of
 * pg_temp, where only this session can create anything.
 *
 *-------------------------------------------------------------------------
 */
#include "base/base.h"

#include "access/transam.h"
#include "catalog/objectaddress.h"
#include "catalog/pg_class.h"
#include "catalog/pg_collation.h"
#include "catalog/pg_operator.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "nodes/nodeFuncs.h"
#include "utils/plancache.h"

#include "base/compat.h"

#define CM_VET_DETAIL "An object was created or renamed, or a schema renamed, so that a name means another object."
#define CM_VET_HINT "Find out who did so. Run it again when the name means the right object."

struct CmAllowed
{
	List	   *objects;		/* ObjectAddress * */
};

/* What a walk has of its caller. */
typedef struct CmVet
{
	const CmAllowed *allowed;	/* or NULL: nothing */
	CmAllowed  *collected;		/* objects are added here, not judged; or NULL */
} CmVet;

static bool vet_node(Node *node, void *arg);

/* An empty list of what a statement may use, in the current memory context. */
CmAllowed *
cm_vet_create(void)
{
	return palloc0(sizeof(CmAllowed));
}

/* Whether the object is PostgreSQL's own, or in the list (NULL: empty). */
bool
cm_vet_is_allowed(const CmAllowed *allowed, Oid class, Oid object)
{
	ListCell   *lc;

	if (object < FirstNormalObjectId)
		return true;
	if (allowed == NULL)
		return false;
	foreach(lc, allowed->objects)
	{
		const ObjectAddress *address = lfirst(lc);

		if (address->objectId == object && address->classId == class)
			return true;
	}
	return false;
}

/* Allow an object; class is the OID of its catalog. */
void
cm_vet_allow(CmAllowed *allowed, Oid class, Oid object)
{
	ObjectAddress *address;

	if (cm_vet_is_allowed(allowed, class, object))
		return;
	address = palloc(sizeof(ObjectAddress));
	ObjectAddressSet(*address, class, object);
	allowed->objects = lappend(allowed->objects, address);
}

/* Allow all that another list allows. */
void
cm_vet_allow_all(CmAllowed *allowed, const CmAllowed *other)
{
	ListCell   *lc;

	foreach(lc, other->objects)
	{
		const ObjectAddress *address = lfirst(lc);

		cm_vet_allow(allowed, address->classId, address->objectId);
	}
}

/* ERROR unless the object may be used. */
static void
vet_object(CmVet *vet, Oid class, Oid object)
{
	ObjectAddress address;

	if (vet->collected != NULL)
	{
		cm_vet_allow(vet->collected, class, object);
		return;
	}
	if (cm_vet_is_allowed(vet->allowed, class, object))
		return;
	ObjectAddressSet(address, class, object);
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("a query would use %s, which is not what was checked",
					getObjectDescription(&address, false)),
			 errdetail(CM_VET_DETAIL),
			 errhint(CM_VET_HINT)));
}

/* The same for a function, in the form that check_functions_in_node() calls. */
static bool
vet_function(Oid function, void *arg)
{
	vet_object(arg, ProcedureRelationId, function);
	return false;
}

/* The operators of an expression, where it has any. */
static void
vet_operators(CmVet *vet, Node *node)
{
	ListCell   *lc;

	switch (nodeTag(node))
	{
		case T_OpExpr:
		case T_DistinctExpr:
		case T_NullIfExpr:
			vet_object(vet, OperatorRelationId, ((OpExpr *) node)->opno);
			break;
		case T_ScalarArrayOpExpr:
			vet_object(vet, OperatorRelationId,
					   ((ScalarArrayOpExpr *) node)->opno);
			break;
		case T_RowCompareExpr:
			foreach(lc, ((RowCompareExpr *) node)->opnos)
				vet_object(vet, OperatorRelationId, lfirst_oid(lc));
			break;
		case T_SortGroupClause:
			vet_object(vet, OperatorRelationId, ((SortGroupClause *) node)->eqop);
			vet_object(vet, OperatorRelationId, ((SortGroupClause *) node)->sortop);
			break;
		default:
			break;
	}
}

/* The type and collations of an expression that a name has given it. */
static void
vet_type(CmVet *vet, Node *node)
{
	switch (nodeTag(node))
	{
		case T_Const:
		case T_Param:
		case T_RelabelType:
		case T_CoerceViaIO:
		case T_ArrayCoerceExpr:
		case T_ConvertRowtypeExpr:
		case T_CoerceToDomain:
		case T_RowExpr:
		case T_ArrayExpr:
		CM_CASE_JSON_EXPR
			vet_object(vet, TypeRelationId, exprType(node));
			break;
		case T_CollateExpr:
			vet_object(vet, CollationRelationId, ((CollateExpr *) node)->collOid);
			break;
		default:
			break;
	}
	/* also of what has no name of its own: a comparison, say */
	if (OidIsValid(exprInputCollation(node)))
		vet_object(vet, CollationRelationId, exprInputCollation(node));
}

/* Types in a list of OIDs, and collations in another of the same length. */
static void
vet_columns(CmVet *vet, List *types, List *collations)
{
	ListCell   *lt;
	ListCell   *lc;

	forboth(lt, types, lc, collations)
	{
		vet_object(vet, TypeRelationId, lfirst_oid(lt));
		vet_object(vet, CollationRelationId, lfirst_oid(lc));
	}
}

/*
 * What FROM names beside relations: the columns that a function or XMLTABLE is
 * to return, where values are brought into types that may be domains, and the
 * method of a sample.
 */
static void
vet_from(CmVet *vet, Node *node)
{
	if (IsA(node, RangeTblFunction))
		vet_columns(vet, ((RangeTblFunction *) node)->funccoltypes,
					((RangeTblFunction *) node)->funccolcollations);
	else if (IsA(node, TableFunc))
		vet_columns(vet, ((TableFunc *) node)->coltypes,
					((TableFunc *) node)->colcollations);
	else if (IsA(node, TableSampleClause))
		vet_object(vet, ProcedureRelationId,
				   ((TableSampleClause *) node)->tsmhandler);
}

/* An item of a range table: relations, and what is below them unless views. */
static void
vet_range_table_entry(CmVet *vet, RangeTblEntry *entry)
{
	Oid			view = cm_view_of_entry(entry);

	if (OidIsValid(view))
		vet_object(vet, RelationRelationId, view);
	else if (entry->rtekind == RTE_RELATION)
		vet_object(vet, RelationRelationId, entry->relid);
	else if (entry->rtekind == RTE_SUBQUERY)
		(void) vet_node((Node *) entry->subquery, vet);
}

/* One node of a query, and all below it. */
static bool
vet_node(Node *node, void *arg)
{
	CmVet	   *vet = arg;

	if (node == NULL)
		return false;
	if (IsA(node, Query))
		return query_tree_walker((Query *) node, vet_node, arg,
								 QTW_EXAMINE_RTES_BEFORE |
								 QTW_EXAMINE_SORTGROUP |
								 QTW_IGNORE_RT_SUBQUERIES);
	if (IsA(node, RangeTblEntry))
	{
		vet_range_table_entry(vet, (RangeTblEntry *) node);
		return false;
	}
	vet_operators(vet, node);
	vet_type(vet, node);
	vet_from(vet, node);
	/* by input and output functions of types that were looked at just now */
	if (!IsA(node, CoerceViaIO))
		(void) check_functions_in_node(node, vet_function, vet);
	return expression_tree_walker(node, vet_node, arg);
}

/* Walk all queries of a plan. */
static void
vet_plan(SPIPlanPtr plan, CmVet *vet)
{
	ListCell   *lc;

	foreach(lc, SPI_plan_get_plan_sources(plan))
	{
		CachedPlanSource *source = lfirst(lc);
		ListCell   *lq;

		foreach(lq, source->query_list)
			(void) vet_node(lfirst(lq), vet);
	}
}

/* ERROR when a view or foreign table in the plan is of a role not trusted. */
static void
require_trusted(SPIPlanPtr plan)
{
	ListCell   *lc;

	foreach(lc, SPI_plan_get_plan_sources(plan))
	{
		ListCell   *lq;

		foreach(lq, ((CachedPlanSource *) lfirst(lc))->query_list)
			cm_trust_require_query(lfirst(lq));
	}
}

/*
 * ERROR when the plan uses anything that is neither PostgreSQL's own nor
 * allowed (NULL: nothing is), or reads what trust.c refuses.
 */
void
cm_vet_plan(SPIPlanPtr plan, const CmAllowed *allowed)
{
	CmVet		vet = {.allowed = allowed};

	vet_plan(plan, &vet);
	require_trusted(plan);
}

/* Allow all that the plan uses; added to the list. */
void
cm_vet_collect(SPIPlanPtr plan, CmAllowed *allowed)
{
	CmVet		vet = {.collected = allowed};

	vet_plan(plan, &vet);
}

/* ERROR unless an object of the user's is among those that a plan uses. */
void
cm_vet_require(const CmAllowed *collected, Oid class, Oid object)
{
	ObjectAddress address;

	if (cm_vet_is_allowed(collected, class, object))
		return;
	ObjectAddressSet(address, class, object);
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("a query would not use %s, which was checked",
					getObjectDescription(&address, false)),
			 errdetail(CM_VET_DETAIL),
			 errhint(CM_VET_HINT)));
}

/*-------------------------------------------------------------------------
 *
 * order.h
 *	  Tables as a graph, between order.c and circle.c only.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CM_ORDER_H
#define CM_ORDER_H

#include "catalog/tables.h"

#include "lib/pairingheap.h"

/* A selected table; its place in the array is CmTable.position. */
typedef struct CmNode
{
	CmTable    *table;

	/* of Tarjan's walk */
	int			seen;			/* 0: not yet; else when */
	int			low;			/* earliest seen that can be reached */
	bool		on_stack;

	int			component;		/* -1: none yet */
	int			rank;			/* place in the order of the component; -1: none
								 * yet */

	/* of circle.c: numbers of references to tables of the component that have
	 * no rank yet; references that point to this one, and their nodes */
	pairingheap_node heap;
	int			not_null;
	int			nullable;
	List	   *pointing;		/* CmReference * */
	List	   *pointing_nodes; /* CmNode *, of the same length */
} CmNode;

typedef struct CmGraph
{
	CmNode	   *nodes;
	int			nnodes;
	int			ncomponents;
	int			clock;			/* of Tarjan's walk, and its stack of positions */
	int		   *stack;
	int			depth;
} CmGraph;

/*
 * The node that a reference of a table points to, or NULL: it is to the table
 * itself, or to one that is not selected.
 */
static inline CmNode *
cm_order_parent(CmGraph *graph, CmTable *table, CmReference *reference)
{
	if (!reference->parent->selected || reference->parent == table)
		return NULL;
	return &graph->nodes[reference->parent->position];
}

/* in circle.c */
extern void cm_circle_order(CmGraph *graph, int *members, int n);

#endif							/* CM_ORDER_H */

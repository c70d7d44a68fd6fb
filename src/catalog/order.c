/*-------------------------------------------------------------------------
 *
 * order.c
 *	  The order in which tables are sent: parents before children.
 *
 * Works on the catalog structures alone: no SPI, no I/O.
 *
 * Tables that point to each other in a circle (strongly connected components,
 * found as by Tarjan, linear in tables and references) have no such order.
 * circle.c chooses one, and the references that point forward in it are
 * deferred: rows are first sent without them, and the link pass sets them. So it
 * is with references of a table to itself.
 *
 * The level of a table is the length of the longest chain of references that
 * begins at it, deferred ones not counted. Tables are sent by level, those of
 * one level by name.
 *
 *-------------------------------------------------------------------------
 */
#include "catalog/order.h"

#include "miscadmin.h"

/* The walk of Tarjan's algorithm from the table at this position. */
static void
find_components(CmGraph *graph, int position)
{
	CmNode	   *node = &graph->nodes[position];
	ListCell   *lc;

	check_stack_depth();
	node->seen = node->low = ++graph->clock;
	node->on_stack = true;
	graph->stack[graph->depth++] = position;
	foreach(lc, node->table->references)
	{
		CmReference *reference = lfirst(lc);
		CmNode	   *parent = cm_order_parent(graph, node->table, reference);

		if (parent == NULL)
			continue;
		if (parent->seen == 0)
		{
			find_components(graph, reference->parent->position);
			node->low = Min(node->low, parent->low);
		}
		else if (parent->on_stack)
			node->low = Min(node->low, parent->seen);
	}
	if (node->low < node->seen)
		return;
	for (int member = -1; member != position;)
	{
		member = graph->stack[--graph->depth];
		graph->nodes[member].on_stack = false;
		graph->nodes[member].component = graph->ncomponents;
	}
	graph->ncomponents++;
}

/* Defer the references that point forward within a component, or to their
 * own table. */
static void
defer_references(CmGraph *graph)
{
	for (int i = 0; i < graph->nnodes; i++)
	{
		CmNode	   *node = &graph->nodes[i];
		ListCell   *lc;

		foreach(lc, node->table->references)
		{
			CmReference *reference = lfirst(lc);
			CmNode	   *parent = cm_order_parent(graph, node->table, reference);

			reference->deferred = reference->parent == node->table ||
				(parent != NULL && parent->component == node->component &&
				 parent->rank >= node->rank);
		}
	}
}

/* Order the members of every component. */
static void
order_components(CmGraph *graph)
{
	int		   *sizes = palloc0((graph->ncomponents + 1) * sizeof(int));
	int		  **members = palloc0((graph->ncomponents + 1) * sizeof(int *));

	for (int i = 0; i < graph->nnodes; i++)
		sizes[graph->nodes[i].component]++;
	for (int i = 0; i < graph->ncomponents; i++)
	{
		members[i] = palloc(sizes[i] * sizeof(int));
		sizes[i] = 0;
	}
	for (int i = 0; i < graph->nnodes; i++)
	{
		int			component = graph->nodes[i].component;

		graph->nodes[i].rank = -1;
		members[component][sizes[component]++] = i;
	}
	for (int i = 0; i < graph->ncomponents; i++)
		cm_circle_order(graph, members[i], sizes[i]);
}

/* Set the level of the table, after those of the tables that it points to. */
static void
set_level(CmTable *table)
{
	int			level = 0;
	ListCell   *lc;

	check_stack_depth();
	if (table->level >= 0)
		return;
	foreach(lc, table->references)
	{
		CmReference *reference = lfirst(lc);

		if (!reference->parent->selected || reference->deferred)
			continue;
		set_level(reference->parent);
		level = Max(level, reference->parent->level + 1);
	}
	table->level = level;
}

/* Order of two selected tables: level, then as the catalog has them. */
int
cm_order_compare(const CmTable *a, const CmTable *b)
{
	if (a->level != b->level)
		return a->level < b->level ? -1 : 1;
	return a->position < b->position ? -1 : 1;
}

/* The same, for a list. */
static int
compare_levels(const ListCell *a, const ListCell *b)
{
	return cm_order_compare(lfirst(a), lfirst(b));
}

/*
 * Fill catalog->ordered with the selected tables, parents first, set their
 * levels, and mark references that have to wait as deferred. In the current
 * memory context.
 */
void
cm_order_tables(CmCatalog *catalog)
{
	CmGraph		graph = {0};
	ListCell   *lc;

	Assert(catalog->stage == CM_STAGE_READ);
	graph.nodes = palloc0((list_length(catalog->tables) + 1) * sizeof(CmNode));
	graph.stack = palloc((list_length(catalog->tables) + 1) * sizeof(int));
	catalog->ordered = NIL;
	foreach(lc, catalog->tables)
	{
		CmTable    *table = lfirst(lc);

		table->level = -1;
		if (!table->selected)
			continue;
		table->position = graph.nnodes;
		graph.nodes[graph.nnodes].component = -1;
		graph.nodes[graph.nnodes++].table = table;
		catalog->ordered = lappend(catalog->ordered, table);
	}
	for (int i = 0; i < graph.nnodes; i++)
	{
		if (graph.nodes[i].seen == 0)
			find_components(&graph, i);
	}
	order_components(&graph);
	defer_references(&graph);
	foreach(lc, catalog->ordered)
		set_level(lfirst(lc));
	list_sort(catalog->ordered, compare_levels);
	catalog->stage = CM_STAGE_ORDERED;
}

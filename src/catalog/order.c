/*-------------------------------------------------------------------------
 *
 * plan.c
 *	  The order in which tables go: what a table points to goes first.
 *
 * Works on the catalog structures alone: no SPI, no I/O.
 *
 * Tables that point to each other in a circle (strongly connected components,
 * found as by Tarjan, linear in tables and references) have no such order.
 * One is chosen, and the references that point forward in it are deferred:
 * rows go without them first and get them in a second pass. So do references
 * of a table to itself. Up to CM_EXACT_TABLES tables the order is the best
 * one: first as few deferred references that are NOT NULL as possible, then
 * as few as possible at all. Larger components are ordered greedily: no NOT
 * NULL reference is deferred unless NOT NULL references alone form a circle.
 *
 * The level of a table is the length of the longest chain of references that
 * begins at it, deferred ones not counted.
 *
 *-------------------------------------------------------------------------
 */
#include "catalog/tables.h"

#include "lib/pairingheap.h"
#include "miscadmin.h"

/* Components up to this size are ordered exactly: 2^n steps. */
#define CM_EXACT_TABLES 12

/* What deferring one reference costs; NOT NULL ones weigh more than all
 * others of a component together. */
#define COST_NULLABLE UINT64CONST(1)
#define COST_NOT_NULL (UINT64CONST(1) << 32)

/* A table in the walk; position in the array is CmTable.position. */
typedef struct CmNode
{
	CmTable    *table;
	int			seen;			/* 0: not yet; else when */
	int			low;			/* earliest seen that can be reached */
	bool		on_stack;
	int			component;		/* -1: none yet */
	int			rank;			/* place in the order within it; -1: none yet */

	/* for order_greedily(): references to tables of the component that have
	 * no rank yet, and those that point here with their tables */
	pairingheap_node heap;
	int			not_null;
	int			nullable;
	List	   *pointing;		/* CmReference * */
	List	   *pointing_nodes; /* CmNode *, of the same length */
} CmNode;

typedef struct CmPlanner
{
	CmNode	   *nodes;
	int			nnodes;
	int			clock;
	int		   *stack;
	int			depth;
	int			ncomponents;
} CmPlanner;

/* Whether the reference is to another table that is to be ordered. */
static bool
is_edge(CmTable *table, CmReference *reference)
{
	return reference->parent->selected && reference->parent != table;
}

/* The walk of Tarjan's algorithm from one table. */
static void
find_components(CmPlanner *planner, int position)
{
	CmNode	   *node = &planner->nodes[position];
	ListCell   *lc;

	check_stack_depth();
	node->seen = node->low = ++planner->clock;
	node->on_stack = true;
	planner->stack[planner->depth++] = position;
	foreach(lc, node->table->references)
	{
		CmReference *reference = lfirst(lc);
		CmNode	   *parent;

		if (!is_edge(node->table, reference))
			continue;
		parent = &planner->nodes[reference->parent->position];
		if (parent->seen == 0)
		{
			find_components(planner, reference->parent->position);
			node->low = Min(node->low, parent->low);
		}
		else if (parent->on_stack)
			node->low = Min(node->low, parent->seen);
	}
	if (node->low < node->seen)
		return;
	for (int member = -1; member != position;)
	{
		member = planner->stack[--planner->depth];
		planner->nodes[member].on_stack = false;
		planner->nodes[member].component = planner->ncomponents;
	}
	planner->ncomponents++;
}

/*
 * costs[i * n + j]: what it costs that member i goes before member j, which it
 * references. members are positions.
 */
static uint64 *
deferral_costs(CmPlanner *planner, int *members, int n)
{
	uint64	   *costs = palloc0(n * n * sizeof(uint64));

	for (int i = 0; i < n; i++)
	{
		CmTable    *table = planner->nodes[members[i]].table;
		ListCell   *lc;

		foreach(lc, table->references)
		{
			CmReference *reference = lfirst(lc);

			for (int j = 0; j < n; j++)
			{
				if (is_edge(table, reference) &&
					members[j] == reference->parent->position)
					costs[i * n + j] += reference->not_null ? COST_NOT_NULL :
						COST_NULLABLE;
			}
		}
	}
	return costs;
}

/*
 * The cheapest order of a component: dynamic programming over the sets of
 * members that go first. Of equals the one that is first by name wins.
 */
static void
order_exactly(CmPlanner *planner, int *members, int n)
{
	uint64	   *costs = deferral_costs(planner, members, n);
	int			nsets = 1 << n;
	uint64	   *best = palloc(nsets * sizeof(uint64));
	int		   *last = palloc(nsets * sizeof(int));

	best[0] = 0;
	for (int set = 1; set < nsets; set++)
	{
		best[set] = PG_UINT64_MAX;
		for (int i = n - 1; i >= 0; i--)
		{
			uint64		cost;

			if (!(set & (1 << i)))
				continue;
			cost = best[set & ~(1 << i)];
			for (int j = 0; j < n; j++)
			{
				if (!(set & (1 << j)))
					cost += costs[i * n + j];
			}
			if (cost < best[set])
			{
				best[set] = cost;
				last[set] = i;
			}
		}
	}
	for (int set = nsets - 1, rank = n - 1; rank >= 0; rank--)
	{
		planner->nodes[members[last[set]]].rank = rank;
		set &= ~(1 << last[set]);
	}
}

/* Order of the heap: the table that goes next is first, see order_greedily(). */
static int
compare_urgency(const pairingheap_node *a, const pairingheap_node *b,
				void *arg pg_attribute_unused())
{
	const CmNode *left = pairingheap_const_container(CmNode, heap, a);
	const CmNode *right = pairingheap_const_container(CmNode, heap, b);

	if (left->not_null != right->not_null)
		return left->not_null < right->not_null ? 1 : -1;
	if (left->nullable != right->nullable)
		return left->nullable < right->nullable ? 1 : -1;
	return left->table->position < right->table->position ? 1 : -1;
}

/* Count the member's references to others of its component, and note it with
 * those as one that points to them. */
static void
count_references(CmPlanner *planner, CmNode *node)
{
	ListCell   *lc;

	foreach(lc, node->table->references)
	{
		CmReference *reference = lfirst(lc);
		CmNode	   *parent;

		if (!is_edge(node->table, reference))
			continue;
		parent = &planner->nodes[reference->parent->position];
		if (parent->component != node->component)
			continue;
		if (reference->not_null)
			node->not_null++;
		else
			node->nullable++;
		parent->pointing = lappend(parent->pointing, reference);
		parent->pointing_nodes = lappend(parent->pointing_nodes, node);
	}
}

/*
 * The order of a component that is too large for the exact one: next goes the
 * table with the fewest NOT NULL references to tables that have not gone yet,
 * of these the one with the fewest others, of these the first by name. A heap
 * makes it linear in references but for a logarithm.
 */
static void
order_greedily(CmPlanner *planner, int *members, int n)
{
	pairingheap *heap = pairingheap_allocate(compare_urgency, NULL);

	for (int i = 0; i < n; i++)
		count_references(planner, &planner->nodes[members[i]]);
	for (int i = 0; i < n; i++)
		pairingheap_add(heap, &planner->nodes[members[i]].heap);
	for (int rank = 0; rank < n; rank++)
	{
		CmNode	   *node = pairingheap_container(CmNode, heap,
												 pairingheap_remove_first(heap));
		ListCell   *lr;
		ListCell   *ln;

		node->rank = rank;
		forboth(lr, node->pointing, ln, node->pointing_nodes)
		{
			CmNode	   *child = lfirst(ln);

			if (child->rank >= 0)
				continue;
			pairingheap_remove(heap, &child->heap);
			if (((CmReference *) lfirst(lr))->not_null)
				child->not_null--;
			else
				child->nullable--;
			pairingheap_add(heap, &child->heap);
		}
	}
	pairingheap_free(heap);
}

/* Defer the references that point forward within a component, or to their
 * own table. */
static void
defer_references(CmPlanner *planner)
{
	for (int i = 0; i < planner->nnodes; i++)
	{
		CmNode	   *node = &planner->nodes[i];
		ListCell   *lc;

		foreach(lc, node->table->references)
		{
			CmReference *reference = lfirst(lc);
			CmNode	   *parent;

			reference->deferred = reference->parent == node->table;
			if (!is_edge(node->table, reference))
				continue;
			parent = &planner->nodes[reference->parent->position];
			reference->deferred = parent->component == node->component &&
				parent->rank >= node->rank;
		}
	}
}

/* Order the members of every component. */
static void
order_components(CmPlanner *planner)
{
	int		   *sizes = palloc0((planner->ncomponents + 1) * sizeof(int));
	int		  **members = palloc0((planner->ncomponents + 1) * sizeof(int *));

	for (int i = 0; i < planner->nnodes; i++)
		sizes[planner->nodes[i].component]++;
	for (int i = 0; i < planner->ncomponents; i++)
	{
		members[i] = palloc(sizes[i] * sizeof(int));
		sizes[i] = 0;
	}
	for (int i = 0; i < planner->nnodes; i++)
	{
		int			component = planner->nodes[i].component;

		planner->nodes[i].rank = -1;
		members[component][sizes[component]++] = i;
	}
	for (int i = 0; i < planner->ncomponents; i++)
	{
		if (sizes[i] <= CM_EXACT_TABLES)
			order_exactly(planner, members[i], sizes[i]);
		else
			order_greedily(planner, members[i], sizes[i]);
	}
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

		if (!reference->parent->selected)
			continue;
		reference->parent->has_children = true;
		if (reference->deferred)
			continue;
		set_level(reference->parent);
		level = Max(level, reference->parent->level + 1);
	}
	table->level = level;
}

/* Order of two tables: level, then as the catalog has them. */
static int
compare_levels(const ListCell *a, const ListCell *b)
{
	const CmTable *left = lfirst(a);
	const CmTable *right = lfirst(b);

	if (left->level != right->level)
		return left->level < right->level ? -1 : 1;
	return left->position < right->position ? -1 : 1;
}

/*
 * Fill catalog->ordered with the selected tables, parents first, set their
 * levels, and mark references that have to wait as deferred.
 */
void
cm_order_tables(CmCatalog *catalog)
{
	CmPlanner	planner = {0};
	ListCell   *lc;

	Assert(catalog->stage == CM_STAGE_READ);
	planner.nodes = palloc0((list_length(catalog->tables) + 1) * sizeof(CmNode));
	planner.stack = palloc((list_length(catalog->tables) + 1) * sizeof(int));
	catalog->ordered = NIL;
	foreach(lc, catalog->tables)
	{
		CmTable    *table = lfirst(lc);

		table->level = -1;
		if (!table->selected)
			continue;
		table->position = planner.nnodes;
		planner.nodes[planner.nnodes].component = -1;
		planner.nodes[planner.nnodes++].table = table;
		catalog->ordered = lappend(catalog->ordered, table);
	}
	for (int i = 0; i < planner.nnodes; i++)
	{
		if (planner.nodes[i].seen == 0)
			find_components(&planner, i);
	}
	order_components(&planner);
	defer_references(&planner);
	foreach(lc, catalog->ordered)
		set_level(lfirst(lc));
	list_sort(catalog->ordered, compare_levels);
	catalog->stage = CM_STAGE_ORDERED;
}

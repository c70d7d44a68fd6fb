/*-------------------------------------------------------------------------
 *
 * circle.c
 *	  An order for tables that point to each other in a circle.
 *
 * Whatever the order, some references then point forward and have to be
 * deferred. Up to CM_EXACT_TABLES tables the order is the best one: as few
 * deferred references that are NOT NULL as possible, since those make a field
 * optional that need not be, then as few as possible at all. Larger components
 * are ordered greedily: no NOT NULL reference is deferred unless NOT NULL
 * references alone form a circle. Of equals the first by name wins, so that two
 * runs agree.
 *
 *-------------------------------------------------------------------------
 */
#include "catalog/order.h"

/*
 * Components up to this size are ordered exactly. Every table more doubles the
 * sets of tables to look at; 12 have 4,096, which take a few milliseconds.
 * Circles in real schemas have two or three tables.
 */
#define CM_EXACT_TABLES 12

/* What deferring one reference costs; a NOT NULL one weighs more than all
 * others of a component together. */
#define COST_NULLABLE UINT64CONST(1)
#define COST_NOT_NULL (UINT64CONST(1) << 32)

/*
 * costs[i * n + j]: what it costs to send member i before member j, which it
 * references.
 */
static uint64 *
deferral_costs(CmGraph *graph, int *members, int n)
{
	uint64	   *costs = palloc0(n * n * sizeof(uint64));

	for (int i = 0; i < n; i++)
	{
		CmTable    *table = graph->nodes[members[i]].table;
		ListCell   *lc;

		foreach(lc, table->references)
		{
			CmReference *reference = lfirst(lc);
			CmNode	   *parent = cm_order_parent(graph, table, reference);

			for (int j = 0; j < n; j++)
			{
				if (parent == &graph->nodes[members[j]])
					costs[i * n + j] += reference->not_null ? COST_NOT_NULL :
						COST_NULLABLE;
			}
		}
	}
	return costs;
}

/*
 * The cheapest order of a component: dynamic programming over the sets of
 * members that are sent first. best[set] is the least cost of sending the set
 * before all others, last[set] the member of it that is sent last then.
 */
static void
order_exactly(CmGraph *graph, int *members, int n)
{
	uint64	   *costs = deferral_costs(graph, members, n);
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
		graph->nodes[members[last[set]]].rank = rank;
		set &= ~(1 << last[set]);
	}
}

/* Order of the heap: the table that is sent next is first, see
 * order_greedily(). */
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

/* Count the member's references to others of its component, and add them to what
 * points to those. */
static void
count_references(CmGraph *graph, CmNode *node)
{
	ListCell   *lc;

	foreach(lc, node->table->references)
	{
		CmReference *reference = lfirst(lc);
		CmNode	   *parent = cm_order_parent(graph, node->table, reference);

		if (parent == NULL || parent->component != node->component)
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
 * The order of a component that is too large for the exact one: the next table
 * is the one with the fewest NOT NULL references to tables that have no rank
 * yet, of these the one with the fewest others, of these the first by name. A
 * heap makes it linear in references but for a logarithm.
 */
static void
order_greedily(CmGraph *graph, int *members, int n)
{
	pairingheap *heap = pairingheap_allocate(compare_urgency, NULL);

	for (int i = 0; i < n; i++)
		count_references(graph, &graph->nodes[members[i]]);
	for (int i = 0; i < n; i++)
		pairingheap_add(heap, &graph->nodes[members[i]].heap);
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

/* Set the rank of the members of a component; members: n positions of nodes,
 * ascending. */
void
cm_circle_order(CmGraph *graph, int *members, int n)
{
	if (n <= CM_EXACT_TABLES)
		order_exactly(graph, members, n);
	else
		order_greedily(graph, members, n);
}

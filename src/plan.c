/*-------------------------------------------------------------------------
 *
 * plan.c
 *	  The order in which tables go: what a table points to goes first.
 *
 * Works on the catalog structures alone: no SPI, no I/O. Linear in tables and
 * references. The level of a table is the length of the longest chain of
 * references that begins at it.
 *
 *-------------------------------------------------------------------------
 */
#include "convex_migrate.h"

#include "miscadmin.h"

/* Where the walk stands with a table; kept in CmTable.level until it is done. */
#define LEVEL_UNSEEN	(-1)
#define LEVEL_ON_PATH	(-2)

/* Raise the error for a cycle; path holds the tables from root to here. */
static void
refuse_cycle(List *path, CmTable *again)
{
	StringInfoData text;
	bool		inside = false;
	ListCell   *lc;

	initStringInfo(&text);
	foreach(lc, path)
	{
		CmTable    *table = lfirst(lc);

		inside = inside || table == again;
		if (inside)
			appendStringInfo(&text, "%s -> ", table->name);
	}
	appendStringInfoString(&text, again->name);
	ereport(ERROR,
			(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			 errmsg("foreign keys that form a cycle are not supported yet"),
			 errdetail("The cycle is %s.", text.data),
			 errhint("Leave one of the tables out with the parameter \"tables\".")));
}

/* Set the level of the table, after those of the tables that it points to.
 * path: the tables on the way here. */
static void
visit(CmTable *table, List **path)
{
	int			level = 0;
	ListCell   *lc;

	check_stack_depth();
	if (table->level >= 0)
		return;
	if (table->level == LEVEL_ON_PATH)
		refuse_cycle(*path, table);
	table->level = LEVEL_ON_PATH;
	*path = lappend(*path, table);
	foreach(lc, table->references)
	{
		CmReference *reference = lfirst(lc);

		if (!reference->parent->selected)
			continue;
		visit(reference->parent, path);
		reference->parent->has_children = true;
		level = Max(level, reference->parent->level + 1);
	}
	*path = list_delete_last(*path);
	table->level = level;
}

/* Order of two tables: level, then as the catalog has them. */
static int
compare_levels(const ListCell *a, const ListCell *b)
{
	const CmTable *left = lfirst(a);
	const CmTable *right = lfirst(b);
	int			order;

	if (left->level != right->level)
		return left->level < right->level ? -1 : 1;
	order = strcmp(left->schema, right->schema);
	return order != 0 ? order : strcmp(left->name, right->name);
}

/*
 * Fill catalog->ordered with the selected tables, parents first, and set
 * their levels. ERROR when references form a cycle.
 */
void
cm_plan_order(CmCatalog *catalog)
{
	List	   *path = NIL;
	ListCell   *lc;

	catalog->ordered = NIL;
	foreach(lc, catalog->tables)
		((CmTable *) lfirst(lc))->level = LEVEL_UNSEEN;
	foreach(lc, catalog->tables)
	{
		CmTable    *table = lfirst(lc);

		if (table->selected)
		{
			visit(table, &path);
			catalog->ordered = lappend(catalog->ordered, table);
		}
	}
	list_sort(catalog->ordered, compare_levels);
}

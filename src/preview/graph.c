/*-------------------------------------------------------------------------
 *
 * graph.c
 *	  convex_plan_graph(): the plan as a picture, in Mermaid's flowchart
 *	  language, which GitHub and editors draw.
 *
 * A row of boxes per level, an arrow per reference, dashed where it is
 * deferred. The labels are Convex's names, so none can be taken for Mermaid's
 * syntax, whatever the tables are called.
 *
 *-------------------------------------------------------------------------
 */
#include "convex_migrate.h"

/* Append the tables of one level as a row. */
static void
append_level(StringInfo out, CmCatalog *catalog, int level)
{
	ListCell   *lc;

	appendStringInfo(out, "  subgraph level%d [\"level %d\"]\n    direction LR\n",
					 level, level);
	foreach(lc, catalog->ordered)
	{
		CmTable    *table = lfirst(lc);

		if (table->level != level)
			continue;
		appendStringInfo(out, "    t%d[\"%s\"]\n", table->position,
						 table->target);
	}
	appendStringInfoString(out, "  end\n");
}

/* Append an arrow for each reference to a table that is in the picture. */
static void
append_arrows(StringInfo out, CmTable *table)
{
	ListCell   *lc;

	foreach(lc, table->references)
	{
		CmReference *reference = lfirst(lc);

		if (!reference->parent->selected)
			continue;
		appendStringInfo(out, "  t%d %s|\"%s\"| t%d\n", table->position,
						 reference->deferred ? "-.->" : "-->",
						 reference->field, reference->parent->position);
	}
}

/* The plan of an ordered catalog as a Mermaid flowchart; palloc'd. */
char *
cm_plan_graph(CmCatalog *catalog)
{
	StringInfoData out;
	int			levels = 0;
	ListCell   *lc;

	initStringInfo(&out);
	appendStringInfoString(&out, "flowchart BT\n");
	foreach(lc, catalog->ordered)
		levels = Max(levels, ((CmTable *) lfirst(lc))->level + 1);
	for (int level = 0; level < levels; level++)
		append_level(&out, catalog, level);
	foreach(lc, catalog->ordered)
		append_arrows(&out, lfirst(lc));
	return out.data;
}

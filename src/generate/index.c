/*-------------------------------------------------------------------------
 *
 * index.c
 *	  The list of a table's indexes in Convex, and of those that it has not.
 *
 * indexes.c and special.c decide which is which.
 *
 *-------------------------------------------------------------------------
 */
#include "generate/generate.h"

/* Note that an index, "index" or "vector index on" and a name, is left out. */
void
cm_index_leave_out(CmTable *table, const char *kind, const char *name, const char *why)
{
	table->left_out = lappend(table->left_out,
							  psprintf("%s %s (%s)", kind, name, why));
}

/* Add an index of these fields; its name is given when all are known. source:
 * the index of PostgreSQL, or NULL. */
CmIndex *
cm_index_add(CmTable *table, List *fields, const char *source)
{
	CmIndex    *index = palloc0(sizeof(CmIndex));

	index->fields = fields;
	index->source = source;
	table->indexes = lappend(table->indexes, index);
	return index;
}

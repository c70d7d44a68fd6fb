/*-------------------------------------------------------------------------
 *
 * source.c
 *	  What makes the documents of a Convex table those of a table: its name and
 *	  its key.
 *
 * Names as PostgreSQL has them now, so that they can be kept in a file or a row
 * and compared with those of another day.
 *
 *-------------------------------------------------------------------------
 */
#include "generate/generate.h"

#include "utils/builtins.h"

/* The source of the table's documents; palloc'd. */
CmSource *
cm_source_of_table(const CmTable *table)
{
	CmSource   *source = palloc0(sizeof(CmSource));

	source->target = table->target;
	source->name = quote_qualified_identifier(table->schema, table->name);
	for (int i = 0; i < table->nkeys; i++)
		source->key = lappend(source->key, table->columns[table->keys[i]].name);
	return source;
}

/*-------------------------------------------------------------------------
 *
 * special.c
 *	  Indexes of Convex for searches: in vectors, in texts.
 *
 * Columns with vectors of known dimensions get one each. A gin or gist index of
 * one column with texts, or of an expression over it such as to_tsvector(), is
 * for searches, and becomes a search index with option "indexes" "all".
 *
 * Limits: vectors of 2 to 4,096 dimensions (crates/common/src/bootstrap_model/
 * index/vector_index/dimensions.rs), 4 indexes of each kind in a table (limits
 * page of Convex's documentation).
 *
 *-------------------------------------------------------------------------
 */
#include "generate/generate.h"

#define CM_MIN_DIMENSIONS	2
#define CM_MAX_DIMENSIONS	4096
#define CM_MAX_VECTOR_INDEXES 4
#define CM_MAX_SEARCH_INDEXES 4

/* Search indexes of the table so far. */
static int
count_search_indexes(const CmTable *table)
{
	int			count = 0;
	ListCell   *lc;

	foreach(lc, table->indexes)
		count += ((CmIndex *) lfirst(lc))->is_search;
	return count;
}

/*
 * Take in an index of PostgreSQL that is for searches in the column; false when
 * that has no texts in Convex.
 */
bool
cm_special_read_search(CmTable *table, const char *name, AttrNumber attnum,
					   const CmServer *server)
{
	CmColumn   *column = cm_table_column(table, attnum);

	if (column->mapping == NULL || column->mapping->kind != CM_KIND_TEXT)
		return false;
	if (server->indexes != CM_INDEXES_ALL)
		cm_index_leave_out(table, "index", name,
						   psprintf("for searches: .searchIndex(\"search_%s\", { searchField: \"%s\" })",
									column->field, column->field));
	else if (count_search_indexes(table) == CM_MAX_SEARCH_INDEXES)
		cm_index_leave_out(table, "search index on", column->field,
						   psprintf("more than %d", CM_MAX_SEARCH_INDEXES));
	else
		cm_index_add(table, list_make1(column->field), pstrdup(name))->is_search = true;
	return true;
}

/* Whether the column becomes a vector of known dimensions that Convex has an
 * index for. */
static bool
is_vector(const CmColumn *column)
{
	const CmMapping *mapping = column->mapping;

	return mapping != NULL &&
		(mapping->kind == CM_KIND_VECTOR || mapping->kind == CM_KIND_HALFVEC ||
		 mapping->kind == CM_KIND_SPARSEVEC) &&
		column->typmod >= CM_MIN_DIMENSIONS &&
		column->typmod <= CM_MAX_DIMENSIONS;
}

/* Add indexes for columns with vectors, within the limits. */
void
cm_special_add_vectors(CmTable *table)
{
	int			count = 0;

	for (int i = 0; i < table->ncolumns; i++)
	{
		CmColumn   *column = &table->columns[i];
		int			limit = 0;

		if (!is_vector(column))
			continue;
		if (count == CM_MAX_VECTOR_INDEXES)
			limit = CM_MAX_VECTOR_INDEXES;
		else if (list_length(table->indexes) == CM_MAX_INDEXES)
			limit = CM_MAX_INDEXES;
		if (limit > 0)
		{
			cm_index_leave_out(table, "vector index on", column->field,
							   psprintf("more than %d", limit));
			continue;
		}
		count++;
		cm_index_add(table, list_make1(column->field), NULL)->dimensions = column->typmod;
	}
}

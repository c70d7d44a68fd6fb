/*-------------------------------------------------------------------------
 *
 * table.c
 *	  Look-ups in the description of tables that everybody needs.
 *
 * Nothing is queried here. Tables are found by OID in logarithmic time, since
 * every row of a catalog query looks for its table; columns by walking, since
 * there are few of them.
 *
 *-------------------------------------------------------------------------
 */
#include "catalog/tables.h"

#include "catalog/pg_class.h"
#include "utils/builtins.h"

/* The kind of a relation that can be migrated in words, or NULL. */
const char *
cm_table_relkind_name(char relkind)
{
	switch (relkind)
	{
		case RELKIND_RELATION:
			return "table";
		case RELKIND_PARTITIONED_TABLE:
			return "partitioned table";
		case RELKIND_FOREIGN_TABLE:
			return "foreign table";
		case RELKIND_VIEW:
			return "view";
		case RELKIND_MATVIEW:
			return "materialized view";
		default:
			return NULL;
	}
}

/* Order of tables by OID. */
static int
compare_relids(const void *a, const void *b)
{
	Oid			left = (*(CmTable *const *) a)->relid;
	Oid			right = (*(CmTable *const *) b)->relid;

	return left < right ? -1 : left > right;
}

/* Make the tables findable by OID, once all are in the list. */
void
cm_table_index(CmCatalog *catalog)
{
	ListCell   *lc;

	catalog->by_relid = palloc((list_length(catalog->tables) + 1) *
							   sizeof(CmTable *));
	foreach(lc, catalog->tables)
		catalog->by_relid[foreach_current_index(lc)] = lfirst(lc);
	qsort(catalog->by_relid, list_length(catalog->tables), sizeof(CmTable *),
		  compare_relids);
}

/* The table with this OID, or NULL. */
CmTable *
cm_table_find(CmCatalog *catalog, Oid relid)
{
	CmTable		wanted = {.relid = relid};
	CmTable    *key = &wanted;
	CmTable   **found = bsearch(&key, catalog->by_relid,
								list_length(catalog->tables),
								sizeof(CmTable *), compare_relids);

	return found ? *found : NULL;
}

/* The column with this name, or NULL. */
CmColumn *
cm_table_find_column(CmTable *table, const char *name)
{
	for (int i = 0; i < table->ncolumns; i++)
	{
		if (strcmp(table->columns[i].name, name) == 0)
			return &table->columns[i];
	}
	return NULL;
}

/* The column with this number; it must exist. */
CmColumn *
cm_table_column(CmTable *table, AttrNumber attnum)
{
	for (int i = 0; i < table->ncolumns; i++)
	{
		if (table->columns[i].attnum == attnum)
			return &table->columns[i];
	}
	elog(ERROR, "table \"%s\" has no column number %d", table->name, attnum);
}

/* The column whose field begins the path of a reason, or NULL; path may be NULL. */
CmColumn *
cm_table_column_of_path(CmTable *table, const char *path)
{
	size_t		length = path ? strcspn(path, ".[") : 0;

	for (int i = 0; i < table->ncolumns && path; i++)
	{
		CmColumn   *column = &table->columns[i];

		if (column->field != NULL && strlen(column->field) == length &&
			strncmp(column->field, path, length) == 0)
			return column;
	}
	return NULL;
}

/* The column in whose field the reference stands, or NULL: it has a field of its
 * own. */
CmColumn *
cm_table_column_of_reference(const CmTable *table, const CmReference *reference)
{
	for (int i = 0; i < reference->ncolumns; i++)
	{
		CmColumn   *column = &table->columns[reference->columns[i]];

		if (column->reference == reference)
			return column;
	}
	return NULL;
}

/* Whether a reference of the table waits for the link pass. */
bool
cm_table_has_deferred(CmTable *table)
{
	ListCell   *lc;

	foreach(lc, table->references)
	{
		if (((CmReference *) lfirst(lc))->deferred)
			return true;
	}
	return false;
}

/* The selected tables, and after them those that they point to: a new list. */
List *
cm_table_with_parents(const CmCatalog *catalog)
{
	List	   *tables = list_copy(catalog->ordered);
	ListCell   *lc;
	ListCell   *lr;

	foreach(lc, catalog->ordered)
	{
		foreach(lr, ((CmTable *) lfirst(lc))->references)
			tables = list_append_unique_ptr(tables,
											((CmReference *) lfirst(lr))->parent);
	}
	return tables;
}

/* An oid[] of the relations of a list of CmTable; palloc'd. */
Datum
cm_table_relids(List *tables)
{
	List	   *relids = NIL;
	ListCell   *lc;

	foreach(lc, tables)
		relids = lappend_oid(relids, ((CmTable *) lfirst(lc))->relid);
	return cm_spi_oid_array(relids);
}

/*
 * [ONLY] schema.table, as they are called now: the table is locked, but its
 * schema can be renamed. It is a FROM item for all rows: those of a partitioned
 * table are in its partitions, any other is read without the tables that inherit
 * from it, which are migrated for themselves. Palloc'd.
 */
char *
cm_table_plain_from(CmTable *table)
{
	return psprintf("%s%s",
					table->relkind == RELKIND_PARTITIONED_TABLE ? "" : "ONLY ",
					cm_text_relation_name(table->relid));
}

/*
 * FROM item for the rows that are sent: all of the table's, or those that its
 * filter lets through. In a filter, names are those of the table and its
 * columns. Palloc'd.
 */
char *
cm_table_from(CmTable *table)
{
	const char *name = quote_identifier(table->name);

	if (table->filter == NULL)
		return cm_table_plain_from(table);
	/* the filter may end in a comment; references to partitions ask which one a
	 * row is in */
	return psprintf("(SELECT %s%s%s.* FROM %s AS %s WHERE (%s\n))",
					table->relkind == RELKIND_PARTITIONED_TABLE ? name : "",
					table->relkind == RELKIND_PARTITIONED_TABLE ? ".tableoid, " : "",
					name, cm_table_plain_from(table), name, table->filter);
}

/* Whether a run reads the column: it is sent, or a key, a reference or the order
 * of rows needs it. */
bool
cm_table_reads_column(CmTable *table, CmColumn *column)
{
	ListCell   *lc;

	if (!column->excluded || column->in_key || column == table->creation_time)
		return true;
	foreach(lc, table->references)
	{
		CmReference *reference = lfirst(lc);

		for (int i = 0; i < reference->ncolumns; i++)
		{
			if (&table->columns[reference->columns[i]] == column)
				return true;
		}
	}
	return false;
}

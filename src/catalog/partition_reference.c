/*-------------------------------------------------------------------------
 *
 * partition_reference.c
 *	  Foreign keys to a partition, or of partitions, that are references.
 *
 * The rows of a partition are moved as those of its root. So a foreign key to one
 * partition is a reference to the root, to those rows of it that are in the
 * partition: elsewhere there may be equal keys. And one that every partition has
 * declared for itself is a reference of the root. What only some partitions have
 * declared is none: of the rows in the others nothing is known (unreferenced.c).
 *
 *-------------------------------------------------------------------------
 */
#include "catalog/tables.h"

#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/builtins.h"

/*
 * $1: OIDs of the tables. In the form of foreign_keys_query of reference.c, with
 * columns as the roots number them, and besides: the partitions without partitions
 * that a key points to; the statement that validates one which is not. One of the partitions' own keys stands for all that are
 * alike, if every partition has one. Temporal keys are no references.
 */
static const char partition_keys_query[] =
"WITH keys AS ("
"  SELECT k.conrelid, k.conname, k.confrelid, k.conpfeqop, k.convalidated,"
"         c.relispartition AS of_partition, p.relispartition AS to_partition, r.root,"
"         COALESCE(pg_catalog.pg_partition_root(k.confrelid)::pg_catalog.oid,"
"                  k.confrelid) AS parent,"
"         ARRAY(SELECT ra.attnum FROM pg_catalog.unnest(k.conkey) WITH ORDINALITY AS u(n, i)"
"               JOIN pg_catalog.pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = u.n"
"               JOIN pg_catalog.pg_attribute ra ON ra.attrelid = r.root AND ra.attname = a.attname"
"               ORDER BY u.i) AS columns,"
"         ARRAY(SELECT a.attname FROM pg_catalog.unnest(k.confkey) WITH ORDINALITY AS u(n, i)"
"               JOIN pg_catalog.pg_attribute a ON a.attrelid = k.confrelid AND a.attnum = u.n"
"               ORDER BY u.i) AS parent_names"
"    FROM pg_catalog.pg_constraint k"
"    JOIN pg_catalog.pg_class c ON c.oid = k.conrelid"
"    JOIN pg_catalog.pg_class p ON p.oid = k.confrelid,"
"    LATERAL (SELECT CASE WHEN c.relispartition"
"                    THEN pg_catalog.pg_partition_root(k.conrelid)::pg_catalog.oid"
"                    ELSE k.conrelid END AS root) AS r"
"   WHERE k.contype = 'f' AND k.conparentid = 0"
"     AND (c.relispartition OR p.relispartition) AND r.root = ANY ($1)"
"     AND COALESCE(pg_catalog.to_jsonb(k) ->> 'conperiod', 'false') = 'false'),"
" alike AS ("
"  SELECT k.*, pg_catalog.row_number() OVER one AS n,"
"         pg_catalog.bool_and(k.convalidated) OVER (one"
"           ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING) AS validated"
"    FROM keys k"
"  WINDOW one AS (PARTITION BY k.of_partition, k.root, k.confrelid, k.columns, k.parent_names,"
"                   CASE WHEN k.of_partition THEN NULL ELSE k.conname END"
"                 ORDER BY k.conname COLLATE \"C\", k.conrelid))"
"SELECT k.root, k.conname, k.parent, k.columns,"
"       ARRAY(SELECT a.attnum FROM pg_catalog.unnest(k.parent_names) WITH ORDINALITY AS u(n, i)"
"             JOIN pg_catalog.pg_attribute a ON a.attrelid = k.parent AND a.attname = u.n"
"             ORDER BY u.i),"
"       k.conpfeqop, k.validated,"
"       CASE WHEN k.to_partition THEN ARRAY("
"         SELECT t.relid::pg_catalog.oid FROM pg_catalog.pg_partition_tree(k.confrelid) t"
"          WHERE t.isleaf ORDER BY 1) ELSE '{}'::pg_catalog.oid[] END,"
"       COALESCE((SELECT pg_catalog.format('ALTER TABLE %I.%I VALIDATE CONSTRAINT %I;',"
"                                         n.nspname, c.relname, e.conname)"
"          FROM keys e JOIN pg_catalog.pg_class c ON c.oid = e.conrelid"
"          JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace"
"         WHERE NOT e.convalidated AND e.of_partition AND e.root = k.root"
"           AND e.confrelid = k.confrelid AND e.columns = k.columns"
"           AND e.parent_names = k.parent_names"
"         ORDER BY e.conrelid LIMIT 1), '')"
"  FROM alike k"
" WHERE k.n = 1 AND (NOT k.of_partition OR ("
"   SELECT pg_catalog.count(DISTINCT t.relid)"
"     FROM keys e, LATERAL pg_catalog.pg_partition_tree(e.conrelid) t"
"    WHERE t.isleaf AND e.of_partition AND e.root = k.root AND e.confrelid = k.confrelid"
"      AND e.columns = k.columns AND e.parent_names = k.parent_names)"
"   = (SELECT pg_catalog.count(*) FROM pg_catalog.pg_partition_tree(k.root) t WHERE t.isleaf))"
" ORDER BY k.root, k.conname COLLATE \"C\"";

/* Order of references: by the name of the constraint. */
static int
compare_names(const ListCell *a, const ListCell *b)
{
	return strcmp(((CmReference *) lfirst(a))->conname,
				  ((CmReference *) lfirst(b))->conname);
}

/* Whether any table has partitions. */
static bool
any_is_partitioned(CmCatalog *catalog)
{
	ListCell   *lc;

	foreach(lc, catalog->tables)
	{
		if (((CmTable *) lfirst(lc))->relkind == RELKIND_PARTITIONED_TABLE)
			return true;
	}
	return false;
}

/*
 * Add to the references of every table those that are foreign keys of or to
 * partitions; inside SPI. The table or its parent has these partitions.
 */
void
cm_partition_reference_read_all(CmCatalog *catalog)
{
	Oid			types[] = {OIDARRAYOID};
	Datum		values[] = {cm_table_relids(catalog->tables)};

	if (!any_is_partitioned(catalog))
		return;
	cm_spi_execute(partition_keys_query, SPI_OK_SELECT, true, 1, types, values);
	for (uint64 row = 0; row < SPI_processed; row++)
	{
		CmTable    *table = cm_table_find(catalog, DatumGetObjectId(cm_spi_value(row, 1)));

		cm_reference_add_row(catalog, row, DatumGetArrayTypeP(cm_spi_value(row, 8)),
							 TextDatumGetCString(cm_spi_value(row, 9)));
		list_sort(table->references, compare_names);
	}
	SPI_freetuptable(SPI_tuptable);
}

/*-------------------------------------------------------------------------
 *
 * tables.c
 *	  Tables, columns and keys, from the system catalogs.
 *
 * One query for each of the three, for all tables at once. read.c runs them in
 * this order, inside SPI, under the snapshot that is active; what is read is
 * allocated in the current memory context.
 *
 * A key is what a row is known by in Convex: see keys_query for the one that is
 * taken. A table may have none.
 *
 *-------------------------------------------------------------------------
 */
#include "catalog/tables.h"

#include "catalog/pg_class.h"
#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

#include "base/compat.h"

/* $1: names of the schemas; $2: OIDs of tables named by the caller; $3: of
 * those that choices include. What there is of a partitioned table is in its
 * leaves: its own statistics, if it has any, are as old as the latest ANALYZE
 * that named it. The last columns: whether the schema is one of those, the table
 * is included, it is such that it can be configured, and it has rows of a foreign
 * table. */
static const char tables_query[] =
"SELECT c.oid, n.nspname, c.relname, c.relkind, c.relispartition,"
"       c.relpersistence,"
"       CASE c.relkind WHEN 'p' THEN COALESCE(leaves.tuples, -1)"
"                      ELSE c.reltuples END::float8,"
"       CASE c.relkind WHEN 'p' THEN COALESCE(leaves.pages, 0)"
"                      ELSE c.relpages END::float8,"
"       n.nspname = ANY ($1), c.oid = ANY ($3), NOT c.relispartition"
"         AND c.relkind IN ('r', 'p', 'f', 'v', 'm') AND c.relpersistence <> 't'"
"         AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d"
"                         WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass"
"                           AND d.objid = c.oid AND d.deptype = 'e'),"
"       c.relkind = 'f' OR COALESCE(leaves.any_foreign, false)"
"  FROM pg_catalog.pg_class c"
"  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace,"
"  LATERAL (WITH RECURSIVE part(oid) AS ("
"             SELECT c.oid WHERE c.relkind = 'p'"
"             UNION ALL"
"             SELECT i.inhrelid FROM part"
"               JOIN pg_catalog.pg_inherits i ON i.inhparent = part.oid)"
"           SELECT pg_catalog.sum(l.reltuples) FILTER (WHERE l.reltuples >= 0),"
"                  pg_catalog.sum(l.relpages), pg_catalog.bool_or(l.relkind = 'f')"
"             FROM part JOIN pg_catalog.pg_class l ON l.oid = part.oid"
"            WHERE l.relkind <> 'p') AS leaves(tuples, pages, any_foreign)"
" WHERE c.oid = ANY ($2) OR c.oid = ANY ($3)"
"    OR (n.nspname = ANY ($1) AND c.relkind IN ('r', 'p', 'f'))"
" ORDER BY n.nspname COLLATE \"C\", c.relname COLLATE \"C\"";

/* $1: OIDs of the tables. Since 18 a NOT NULL may be NOT VALID. */
static const char columns_query[] =
"SELECT a.attrelid, a.attnum, a.attname, a.atttypid, a.atttypmod,"
"       a.attcollation, a.attnotnull AND NOT EXISTS ("
"         SELECT FROM pg_catalog.pg_constraint nn"
"          WHERE nn.conrelid = a.attrelid AND nn.contype = 'n'"
"            AND a.attnum = ANY (nn.conkey) AND NOT nn.convalidated)"
"  FROM pg_catalog.pg_attribute a"
" WHERE a.attrelid = ANY ($1) AND a.attnum > 0 AND NOT a.attisdropped"
" ORDER BY a.attrelid, a.attnum";

/*
 * $1: OIDs of the tables. The primary key; else the replica identity, else
 * the unique index with the fewest columns, if it is of plain columns, whole
 * and without nulls. (Since 18 a NOT NULL constraint may be NOT VALID.)
 */
static const char keys_query[] =
"SELECT DISTINCT ON (i.indrelid) i.indrelid, k.attnum"
"  FROM pg_catalog.pg_index i"
"  JOIN pg_catalog.pg_class x ON x.oid = i.indexrelid,"
"  LATERAL (SELECT pg_catalog.array_agg(a.attnum ORDER BY p.n) AS attnum,"
"                  pg_catalog.bool_and(a.attnotnull AND NOT EXISTS ("
"                    SELECT FROM pg_catalog.pg_constraint nn"
"                     WHERE nn.conrelid = i.indrelid AND nn.contype = 'n'"
"                       AND a.attnum = ANY (nn.conkey)"
"                       AND NOT nn.convalidated)) AS without_nulls"
"             FROM pg_catalog.generate_series(0, i.indnkeyatts - 1) AS p(n)"
"             JOIN pg_catalog.pg_attribute a"
"               ON a.attrelid = i.indrelid AND a.attnum = i.indkey[p.n]) k"
" WHERE i.indrelid = ANY ($1) AND i.indisunique AND i.indisvalid"
"   AND i.indpred IS NULL AND i.indexprs IS NULL"
"   AND (i.indisprimary OR k.without_nulls)"
" ORDER BY i.indrelid, i.indisprimary DESC, i.indisreplident DESC,"
"          i.indnkeyatts, x.relname COLLATE \"C\"";

/* Names of the columns that tell when a row was made, best first. */
static const char *const creation_time_names[] =
{"created_at", "createdAt", "inserted_at", "created", "created_on"};

/* ERROR for a relation that the caller named and that cannot be migrated. */
static void
check_named(const char *name, char relkind, bool is_partition,
			char persistence)
{
	if (is_partition)
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("table \"%s\" is a partition", name),
				 errhint("Name the partitioned table instead.")));
	if (cm_table_relkind_name(relkind) == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("\"%s\" is not a table or view", name)));
	if (persistence == RELPERSISTENCE_TEMP)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("table \"%s\" is temporary", name),
				 errhint("Copy it into an ordinary table.")));
}

/* Whether the relation is among those that the caller named. */
static bool
is_named(ArrayType *tables, Oid relid)
{
	Oid		   *named;

	if (tables == NULL)
		return false;
	named = (Oid *) ARR_DATA_PTR(tables);
	for (int i = 0; i < ArrayGetNItems(ARR_NDIM(tables), ARR_DIMS(tables)); i++)
	{
		if (named[i] == relid)
			return true;
	}
	return false;
}

/* Whether the table of a row of tables_query is configured, as far as no choice
 * excludes it: a view by a choice, so that reading it is wanted; a table of a
 * provider likewise; any other by its schema, a foreign one also by a choice. */
static bool
is_configured(CmTable *table, uint64 row)
{
	bool		in_schemas = DatumGetBool(cm_spi_value(row, 9));
	bool		included = DatumGetBool(cm_spi_value(row, 10));

	if (!DatumGetBool(cm_spi_value(row, 11)))
		return false;
	switch (table->relkind)
	{
		case RELKIND_VIEW:
		case RELKIND_MATVIEW:
			return included;
		case RELKIND_FOREIGN_TABLE:
			if (included)
				return true;
			/* FALLTHROUGH */
		default:
			return cm_provider_has_schema(table->schema) ? included : in_schemas;
	}
}

/*
 * Read the configured tables and those that the caller named (NULL: none); no
 * others are in the catalog.
 */
void
cm_tables_read(CmCatalog *catalog, ArrayType *tables)
{
	Oid			types[] = {TEXTARRAYOID, OIDARRAYOID, OIDARRAYOID};
	Datum		values[3];

	values[0] = cm_spi_text_array(catalog->server->schemas);
	values[1] = tables ? PointerGetDatum(tables) :
		PointerGetDatum(construct_empty_array(OIDOID));
	values[2] = PointerGetDatum(cm_choices_read_included(catalog->server));
	cm_spi_execute(tables_query, SPI_OK_SELECT, true, 3, types, values);
	for (uint64 row = 0; row < SPI_processed; row++)
	{
		CmTable    *table = palloc0(sizeof(CmTable));
		bool		named;

		table->relid = DatumGetObjectId(cm_spi_value(row, 1));
		table->schema = pstrdup(NameStr(*DatumGetName(cm_spi_value(row, 2))));
		table->name = pstrdup(NameStr(*DatumGetName(cm_spi_value(row, 3))));
		table->relkind = DatumGetChar(cm_spi_value(row, 4));
		table->estimated_rows = DatumGetFloat8(cm_spi_value(row, 7));
		table->estimated_bytes = table->estimated_rows < 0 ? -1 :
			DatumGetFloat8(cm_spi_value(row, 8)) * BLCKSZ;
		table->is_foreign = DatumGetBool(cm_spi_value(row, 12));
		table->configured = is_configured(table, row);
		named = is_named(tables, table->relid);
		if (named)
			check_named(table->name, table->relkind,
						DatumGetBool(cm_spi_value(row, 5)),
						DatumGetChar(cm_spi_value(row, 6)));
		table->selected = tables ? named : table->configured;
		if (table->configured || table->selected)
			catalog->tables = lappend(catalog->tables, table);
	}
	SPI_freetuptable(SPI_tuptable);
}

/* Fill in a column from a row of columns_query. */
static void
read_column(CmTable *table, uint64 row)
{
	CmColumn   *column = &table->columns[table->ncolumns++];

	column->attnum = DatumGetInt16(cm_spi_value(row, 2));
	column->name = pstrdup(NameStr(*DatumGetName(cm_spi_value(row, 3))));
	column->typmod = DatumGetInt32(cm_spi_value(row, 5));
	column->declared_type = DatumGetObjectId(cm_spi_value(row, 4));
	column->type = getBaseTypeAndTypmod(column->declared_type,
										&column->typmod);
	column->collation = DatumGetObjectId(cm_spi_value(row, 6));
	column->not_null = DatumGetBool(cm_spi_value(row, 7)) && !table->is_foreign;
	column->excluded = cm_provider_is_secret(table, column->name);
}

/* The column that tells when a row was made, or NULL. */
static CmColumn *
find_creation_time(CmTable *table)
{
	for (int n = 0; n < (int) lengthof(creation_time_names); n++)
	{
		for (int i = 0; i < table->ncolumns; i++)
		{
			CmColumn   *column = &table->columns[i];

			if ((column->type == TIMESTAMPTZOID ||
				 column->type == TIMESTAMPOID) &&
				strcmp(column->name, creation_time_names[n]) == 0)
				return column;
		}
	}
	return NULL;
}

/* Read the columns of all tables. */
void
cm_tables_read_columns(CmCatalog *catalog)
{
	Oid			types[] = {OIDARRAYOID};
	Datum		values[] = {cm_table_relids(catalog->tables)};
	uint64		row = 0;

	cm_spi_execute(columns_query, SPI_OK_SELECT, true, 1, types, values);
	while (row < SPI_processed)
	{
		Oid			relid = DatumGetObjectId(cm_spi_value(row, 1));
		CmTable    *table = cm_table_find(catalog, relid);
		uint64		end = row;

		while (end < SPI_processed &&
			   DatumGetObjectId(cm_spi_value(end, 1)) == relid)
			end++;
		table->columns = palloc0((end - row) * sizeof(CmColumn));
		while (row < end)
			read_column(table, row++);
		table->creation_time = find_creation_time(table);
	}
	SPI_freetuptable(SPI_tuptable);
}

/* Read the keys of all tables. */
void
cm_tables_read_keys(CmCatalog *catalog)
{
	Oid			types[] = {OIDARRAYOID};
	Datum		values[] = {cm_table_relids(catalog->tables)};

	cm_spi_execute(keys_query, SPI_OK_SELECT, true, 1, types, values);
	for (uint64 row = 0; row < SPI_processed; row++)
	{
		CmTable    *table = cm_table_find(catalog,
										  DatumGetObjectId(cm_spi_value(row, 1)));
		ArrayType  *attnums = DatumGetArrayTypeP(cm_spi_value(row, 2));
		int			n = ArrayGetNItems(ARR_NDIM(attnums), ARR_DIMS(attnums));

		table->keys = palloc(n * sizeof(int));
		for (int i = 0; i < n; i++)
		{
			CmColumn   *column = cm_table_column(table,
												 ((int16 *) ARR_DATA_PTR(attnums))[i]);

			column->in_key = true;
			table->keys[table->nkeys++] = column - table->columns;
		}
	}
	SPI_freetuptable(SPI_tuptable);
}

/* $1: the table; $2: attribute numbers, ascending. */
static const char unique_query[] =
"SELECT NOT EXISTS ("
"         SELECT FROM pg_catalog.pg_attribute a"
"          WHERE a.attrelid = $1 AND a.attnum = ANY ($2)"
"            AND (NOT a.attnotnull OR EXISTS ("
"                  SELECT FROM pg_catalog.pg_constraint nn"
"                   WHERE nn.conrelid = $1 AND nn.contype = 'n'"
"                     AND a.attnum = ANY (nn.conkey)"
"                     AND NOT nn.convalidated)))"
"  FROM pg_catalog.pg_index i"
" WHERE i.indrelid = $1 AND i.indisunique AND i.indisvalid"
"   AND i.indpred IS NULL AND i.indexprs IS NULL"
"   AND ARRAY(SELECT k.attnum FROM pg_catalog.unnest("
"               (i.indkey::pg_catalog.int2[])[0:i.indnkeyatts - 1]) AS k(attnum)"
"              ORDER BY k.attnum) = $2";

/* Order of attribute numbers. */
static int
compare_attnums(const void *a, const void *b)
{
	return *(const AttrNumber *) a - *(const AttrNumber *) b;
}

/*
 * Whether a whole unique index is on exactly these columns, and, if so,
 * whether none of them can be NULL. Sorts attnums. Must run inside SPI.
 */
bool
cm_tables_is_unique(CmTable *table, AttrNumber *attnums, int nattnums,
					bool *without_nulls)
{
	Oid			types[] = {OIDOID, INT2ARRAYOID};
	Datum		values[2];
	Datum	   *elements = palloc((nattnums + 1) * sizeof(Datum));
	bool		is_unique;

	qsort(attnums, nattnums, sizeof(AttrNumber), compare_attnums);
	for (int i = 0; i < nattnums; i++)
		elements[i] = Int16GetDatum(attnums[i]);
	values[0] = ObjectIdGetDatum(table->relid);
	values[1] = PointerGetDatum(construct_array(elements, nattnums, INT2OID,
												sizeof(int16), true,
												TYPALIGN_SHORT));
	is_unique = cm_spi_execute(unique_query, SPI_OK_SELECT, true, 2, types,
							   values) > 0;
	if (is_unique)
		*without_nulls = DatumGetBool(cm_spi_value(0, 1));
	SPI_freetuptable(SPI_tuptable);
	return is_unique;
}

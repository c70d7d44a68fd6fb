/*-------------------------------------------------------------------------
 *
 * catalog.c
 *	  Tables, columns and keys, from the system catalogs.
 *
 * A fixed number of queries whatever the number of tables. They run under
 * the caller's active snapshot, inside SPI, with search_path pinned; results
 * live in the memory context that was current at the call, so a caller runs
 * cm_catalog_read() with its own context switched in.
 *
 * Configured tables are those of the server's option "schemas": what is a
 * reference depends on them alone. Selected tables are those of this call.
 *
 *-------------------------------------------------------------------------
 */
#include "convex_migrate.h"

#include "catalog/pg_class.h"
#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

#include "base/compat.h"

/* $1: names of the schemas; $2: OIDs of tables named by the caller. */
static const char tables_query[] =
"SELECT c.oid, n.nspname, c.relname, c.relkind, c.relispartition,"
"       c.relpersistence, c.reltuples::float8,"
"       c.relpages::float8, n.nspname = ANY ($1) AND NOT c.relispartition"
"         AND c.relkind IN ('r', 'p', 'f') AND c.relpersistence <> 't'"
"         AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d"
"                         WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass"
"                           AND d.objid = c.oid AND d.deptype = 'e')"
"  FROM pg_catalog.pg_class c"
"  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace"
" WHERE c.oid = ANY ($2)"
"    OR (n.nspname = ANY ($1) AND c.relkind IN ('r', 'p', 'f'))"
" ORDER BY n.nspname COLLATE \"C\", c.relname COLLATE \"C\"";

/* $1: OIDs of the tables. Nobody enforces the NOT NULL of a foreign table, and
 * since 18 one may be NOT VALID. */
static const char columns_query[] =
"SELECT a.attrelid, a.attnum, a.attname, a.atttypid, a.atttypmod,"
"       a.attcollation, a.attnotnull AND c.relkind <> 'f' AND NOT EXISTS ("
"         SELECT FROM pg_catalog.pg_constraint nn"
"          WHERE nn.conrelid = a.attrelid AND nn.contype = 'n'"
"            AND a.attnum = ANY (nn.conkey) AND NOT nn.convalidated)"
"  FROM pg_catalog.pg_attribute a"
"  JOIN pg_catalog.pg_class c ON c.oid = a.attrelid"
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

/* ERROR for a schema of option "schemas" that does not exist. */
static void
check_schemas(CmServer *server)
{
	ListCell   *lc;

	foreach(lc, server->schemas)
	{
		if (!OidIsValid(get_namespace_oid(lfirst(lc), true)))
			ereport(ERROR,
					(errcode(ERRCODE_UNDEFINED_SCHEMA),
					 errmsg("schema \"%s\" does not exist", (char *) lfirst(lc)),
					 errdetail("It is in option \"schemas\" of server \"%s\".",
							   server->name),
					 errhint("ALTER SERVER %s OPTIONS (SET schemas '...').",
							 quote_identifier(server->name))));
	}
}

/* The kind of a relation that can be migrated in words, or NULL. */
const char *
cm_relkind_name(char relkind)
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

/* ERROR for a relation that the caller named and that cannot go. */
static void
check_named(const char *name, char relkind, bool is_partition,
			char persistence)
{
	if (is_partition)
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("table \"%s\" is a partition", name),
				 errhint("Name the partitioned table instead.")));
	if (cm_relkind_name(relkind) == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("\"%s\" is not a table or view", name)));
	if (persistence == RELPERSISTENCE_TEMP)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("table \"%s\" is temporary", name),
				 errhint("Copy it into an ordinary table.")));
}

/* ERROR when the caller's array of tables is not a plain list. */
static void
check_named_array(ArrayType *tables)
{
	if (ARR_NDIM(tables) > 1)
		ereport(ERROR,
				(errcode(ERRCODE_ARRAY_SUBSCRIPT_ERROR),
				 errmsg("parameter \"tables\" must be a one-dimensional array")));
	if (array_contains_nulls(tables))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("parameter \"tables\" must not contain nulls")));
	if (ARR_NDIM(tables) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("parameter \"tables\" is empty"),
				 errhint("NULL means all tables of the server's option \"schemas\".")));
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

/* Read the tables. */
static void
read_tables(CmCatalog *catalog, CmServer *server, ArrayType *tables,
			MemoryContext context)
{
	Oid			types[] = {TEXTARRAYOID, OIDARRAYOID};
	Datum		values[2];

	values[0] = cm_text_array(server->schemas);
	values[1] = tables ? PointerGetDatum(tables) :
		PointerGetDatum(construct_empty_array(OIDOID));
	cm_spi_execute(tables_query, SPI_OK_SELECT, true, 2, types, values);
	for (uint64 row = 0; row < SPI_processed; row++)
	{
		MemoryContext old = MemoryContextSwitchTo(context);
		CmTable    *table = palloc0(sizeof(CmTable));
		bool		named;

		table->relid = DatumGetObjectId(cm_spi_value(row, 1));
		table->schema = pstrdup(NameStr(*DatumGetName(cm_spi_value(row, 2))));
		table->name = pstrdup(NameStr(*DatumGetName(cm_spi_value(row, 3))));
		table->relkind = DatumGetChar(cm_spi_value(row, 4));
		table->estimated_rows = DatumGetFloat8(cm_spi_value(row, 7));
		table->estimated_bytes = table->estimated_rows < 0 ? -1 :
			DatumGetFloat8(cm_spi_value(row, 8)) * BLCKSZ;
		table->configured = DatumGetBool(cm_spi_value(row, 9));
		named = is_named(tables, table->relid);
		if (named)
			check_named(table->name, table->relkind,
						DatumGetBool(cm_spi_value(row, 5)),
						DatumGetChar(cm_spi_value(row, 6)));
		table->selected = tables ? named : table->configured;
		if (table->configured || table->selected)
			catalog->tables = lappend(catalog->tables, table);
		MemoryContextSwitchTo(old);
	}
	SPI_freetuptable(SPI_tuptable);
}

/* ERROR when a table that the caller named is not there any more. */
static void
check_all_found(CmCatalog *catalog, ArrayType *tables)
{
	Oid		   *named = (Oid *) ARR_DATA_PTR(tables);

	for (int i = 0; i < ArrayGetNItems(ARR_NDIM(tables), ARR_DIMS(tables)); i++)
	{
		if (cm_catalog_find(catalog, named[i]) == NULL)
			ereport(ERROR,
					(errcode(ERRCODE_UNDEFINED_TABLE),
					 errmsg("relation with OID %u does not exist", named[i])));
	}
}

/* ERROR when nothing would be moved: a job that does nothing goes unnoticed. */
static void
check_any_selected(CmCatalog *catalog, CmServer *server)
{
	ListCell   *lc;

	foreach(lc, catalog->tables)
	{
		if (((CmTable *) lfirst(lc))->selected)
			return;
	}
	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_TABLE),
			 errmsg("there are no tables to migrate"),
			 errhint("Name the schemas of the tables in option \"schemas\" of server \"%s\".",
					 server->name)));
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
	column->not_null = DatumGetBool(cm_spi_value(row, 7));
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
static void
read_columns(CmCatalog *catalog, MemoryContext context)
{
	Oid			types[] = {OIDARRAYOID};
	Datum		values[] = {cm_relid_array(catalog->tables)};
	uint64		row = 0;

	cm_spi_execute(columns_query, SPI_OK_SELECT, true, 1, types, values);
	while (row < SPI_processed)
	{
		Oid			relid = DatumGetObjectId(cm_spi_value(row, 1));
		CmTable    *table = cm_catalog_find(catalog, relid);
		uint64		end = row;
		MemoryContext old = MemoryContextSwitchTo(context);

		while (end < SPI_processed &&
			   DatumGetObjectId(cm_spi_value(end, 1)) == relid)
			end++;
		table->columns = palloc0((end - row) * sizeof(CmColumn));
		while (row < end)
			read_column(table, row++);
		table->creation_time = find_creation_time(table);
		MemoryContextSwitchTo(old);
	}
	SPI_freetuptable(SPI_tuptable);
}

/* Read the keys of all tables. */
static void
read_keys(CmCatalog *catalog, MemoryContext context)
{
	Oid			types[] = {OIDARRAYOID};
	Datum		values[] = {cm_relid_array(catalog->tables)};

	cm_spi_execute(keys_query, SPI_OK_SELECT, true, 1, types, values);
	for (uint64 row = 0; row < SPI_processed; row++)
	{
		CmTable    *table = cm_catalog_find(catalog,
											DatumGetObjectId(cm_spi_value(row, 1)));
		ArrayType  *attnums = DatumGetArrayTypeP(cm_spi_value(row, 2));
		int			n = ArrayGetNItems(ARR_NDIM(attnums), ARR_DIMS(attnums));

		table->keys = MemoryContextAlloc(context, n * sizeof(int));
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
cm_table_is_unique(CmTable *table, AttrNumber *attnums, int nattnums,
				   bool *without_nulls)
{
	Oid			types[] = {OIDOID, INT2ARRAYOID};
	Datum		values[2];
	Datum	   *elements = palloc((nattnums + 1) * sizeof(Datum));

	qsort(attnums, nattnums, sizeof(AttrNumber), compare_attnums);
	for (int i = 0; i < nattnums; i++)
		elements[i] = Int16GetDatum(attnums[i]);
	values[0] = ObjectIdGetDatum(table->relid);
	values[1] = PointerGetDatum(construct_array(elements, nattnums, INT2OID,
												sizeof(int16), true,
												TYPALIGN_SHORT));
	if (cm_spi_execute(unique_query, SPI_OK_SELECT, true, 2, types, values) == 0)
		return false;
	*without_nulls = DatumGetBool(cm_spi_value(0, 1));
	return true;
}

/* Order by OID, for cm_catalog_find(). */
static int
compare_relids(const void *a, const void *b)
{
	Oid			left = (*(CmTable *const *) a)->relid;
	Oid			right = (*(CmTable *const *) b)->relid;

	return left < right ? -1 : left > right;
}

/* Make the tables findable by OID. */
static void
index_tables(CmCatalog *catalog, MemoryContext context)
{
	ListCell   *lc;

	catalog->by_relid = MemoryContextAlloc(context,
										   (list_length(catalog->tables) + 1) *
										   sizeof(CmTable *));
	foreach(lc, catalog->tables)
		catalog->by_relid[foreach_current_index(lc)] = lfirst(lc);
	qsort(catalog->by_relid, list_length(catalog->tables), sizeof(CmTable *),
		  compare_relids);
}

/* The table with this OID, or NULL. */
CmTable *
cm_catalog_find(CmCatalog *catalog, Oid relid)
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

/*
 * All configured tables and those that the caller named (NULL: none named,
 * all configured ones are selected), with columns, keys, references, names and
 * what convex_tables and convex_columns say of them;
 * cm_plan_order() comes next. ERROR for what cannot be migrated. Must run inside SPI.
 */
CmCatalog *
cm_catalog_read(CmServer *server, ArrayType *tables, MemoryContext context)
{
	CmCatalog  *catalog = MemoryContextAllocZero(context, sizeof(CmCatalog));
	MemoryContext old;
	ListCell   *lc;

	if (tables != NULL)
		check_named_array(tables);
	check_schemas(server);
	read_tables(catalog, server, tables, context);
	index_tables(catalog, context);
	catalog->named = tables != NULL;
	catalog->server = server;
	if (catalog->named)
		check_all_found(catalog, tables);
	cm_settings_tables(catalog, server, context);
	check_any_selected(catalog, server);
	read_columns(catalog, context);
	read_keys(catalog, context);
	cm_settings_keys(catalog, server, context);
	cm_references_read(catalog, context);
	cm_settings_columns(catalog, server, context);

	old = MemoryContextSwitchTo(context);
	cm_name_tables(catalog, server);
	foreach(lc, catalog->tables)
		cm_name_fields(lfirst(lc), server);
	MemoryContextSwitchTo(old);
	return catalog;
}

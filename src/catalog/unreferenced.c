/*-------------------------------------------------------------------------
 *
 * unreferenced.c
 *	  Foreign keys that are no references, and why: for convex_plan() and
 *	  convex_check().
 *
 * reference.c makes references of foreign keys between configured tables, and
 * choices take some away again. What is left of the constraints of the database
 * is explained here, so that none is dropped silently: its columns are sent as
 * they are.
 *
 *-------------------------------------------------------------------------
 */
#include "catalog/tables.h"

#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

/* $1: OIDs of the tables. Their foreign keys, those of partitions with the table
 * that the rows are moved under. */
static const char keys_query[] =
"SELECT r.root, k.conname, k.conrelid, k.confrelid, k.conkey, k.confkey,"
"       p.relispartition,"
"       COALESCE(pg_catalog.to_jsonb(k) ->> 'conperiod', 'false') <> 'false'"
"  FROM pg_catalog.pg_constraint k"
"  JOIN pg_catalog.pg_class c ON c.oid = k.conrelid"
"  JOIN pg_catalog.pg_class p ON p.oid = k.confrelid,"
"  LATERAL (SELECT CASE WHEN c.relispartition"
"                  THEN pg_catalog.pg_partition_root(k.conrelid)::pg_catalog.oid"
"                  ELSE k.conrelid END) AS r(root)"
" WHERE k.contype = 'f' AND k.conparentid = 0 AND r.root = ANY ($1)"
" ORDER BY r.root, k.conname COLLATE \"C\"";

/* A foreign key. */
typedef struct CmForeignKey
{
	CmTable    *table;
	char	   *name;
	Oid			child;			/* the table, or a partition of it */
	Oid			parent;
	int			ncolumns;
	AttrNumber	column;			/* of the child, the first */
	AttrNumber	parent_column;	/* the first */
	bool		to_partition;
	bool		of_periods;
} CmForeignKey;

/* The keys of a result of keys_query, CmForeignKey *. */
static List *
read_keys(CmCatalog *catalog)
{
	List	   *keys = NIL;

	for (uint64 row = 0; row < SPI_processed; row++)
	{
		CmForeignKey *key = palloc0(sizeof(CmForeignKey));
		ArrayType  *columns = DatumGetArrayTypeP(cm_spi_value(row, 5));
		ArrayType  *parents = DatumGetArrayTypeP(cm_spi_value(row, 6));

		key->table = cm_table_find(catalog, DatumGetObjectId(cm_spi_value(row, 1)));
		key->name = pstrdup(NameStr(*DatumGetName(cm_spi_value(row, 2))));
		key->child = DatumGetObjectId(cm_spi_value(row, 3));
		key->parent = DatumGetObjectId(cm_spi_value(row, 4));
		key->ncolumns = ARR_DIMS(columns)[0];
		key->column = ((int16 *) ARR_DATA_PTR(columns))[0];
		key->parent_column = ((int16 *) ARR_DATA_PTR(parents))[0];
		key->to_partition = DatumGetBool(cm_spi_value(row, 7));
		key->of_periods = DatumGetBool(cm_spi_value(row, 8));
		keys = lappend(keys, key);
	}
	return keys;
}

/* The name of a relation for SQL. */
static char *
sql_name(Oid relid)
{
	return quote_qualified_identifier(get_namespace_name(get_rel_namespace(relid)),
									  get_rel_name(relid));
}

/* Whether the foreign key is a reference, or its column has been given another
 * one. */
static bool
is_reference(const CmForeignKey *key)
{
	char	   *column = get_attname(key->child, key->column, false);
	ListCell   *lc;

	foreach(lc, key->table->references)
	{
		CmReference *reference = lfirst(lc);

		if (key->child == key->table->relid &&
			strcmp(reference->conname, key->name) == 0)
			return true;
		if (key->ncolumns == 1 && reference->ncolumns == 1 &&
			strcmp(key->table->columns[reference->columns[0]].name, column) == 0)
			return true;
	}
	return false;
}

/*
 * The configured table whose own key is a foreign key to the same rows, as
 * public.users has the ids of auth.users; or NULL.
 */
static const CmForeignKey *
find_twin(List *keys, const CmForeignKey *lost)
{
	ListCell   *lc;

	foreach(lc, keys)
	{
		CmForeignKey *key = lfirst(lc);
		CmTable    *table = key->table;

		if (table != lost->table && table->configured && table->nkeys == 1 &&
			key->ncolumns == 1 && key->child == table->relid &&
			table->columns[table->keys[0]].attnum == key->column &&
			key->parent == lost->parent &&
			key->parent_column == lost->parent_column)
			return key;
	}
	return NULL;
}

/* The statement that makes the column of the foreign key a reference. */
static char *
declaration(CmCatalog *catalog, const CmForeignKey *key, const char *to)
{
	return psprintf("INSERT INTO convex_columns (server, source, source_column, target_reference) VALUES (%s, %s, %s, %s)",
					quote_literal_cstr(catalog->server->name),
					quote_literal_cstr(sql_name(key->table->relid)),
					quote_literal_cstr(get_attname(key->child, key->column, false)),
					quote_literal_cstr(to));
}

/* Whether the foreign key would be a reference, had no choice taken it away. */
static bool
is_given_up(CmCatalog *catalog, const CmForeignKey *key)
{
	CmTable    *parent = cm_table_find(catalog, key->parent);

	return key->child == key->table->relid && !key->of_periods &&
		!key->to_partition && parent != NULL && parent->configured;
}

/* Why the foreign key is no reference, a sentence or two. */
static char *
reason(CmCatalog *catalog, List *keys, const CmForeignKey *key)
{
	const CmForeignKey *twin = key->ncolumns == 1 ? find_twin(keys, key) : NULL;
	char	   *head = psprintf("Foreign key \"%s\" is no reference:", key->name);

	if (key->child != key->table->relid)
		return psprintf("%s it is declared on partition %s alone.%s", head,
						sql_name(key->child), key->ncolumns > 1 ? "" :
						psprintf(" If it holds for all rows: %s.",
								 declaration(catalog, key,
											 psprintf("%s(%s)", sql_name(key->parent),
													  quote_identifier(get_attname(key->parent, key->parent_column, false))))));
	if (key->of_periods)
		return psprintf("%s it compares periods.", head);
	if (key->to_partition)
		return psprintf("%s it points to partition %s, whose rows are moved as those of its root.",
						head, sql_name(key->parent));
	if (twin == NULL)
		return psprintf("%s it points to table %s, which is not migrated.", head,
						sql_name(key->parent));
	return psprintf("%s it points to table %s, which is not migrated. The key of table %s is a foreign key to it as well: %s.",
					head, sql_name(key->parent), sql_name(twin->table->relid),
					declaration(catalog, key,
								psprintf("%s(%s)", sql_name(twin->table->relid),
										 quote_identifier(get_attname(twin->child, twin->column, false)))));
}

/*
 * Give every table the texts about foreign keys of it that are no references:
 * CmTable.unreferenced and, for those that a choice took away, given_up. Inside SPI, when the catalog is read.
 */
void
cm_unreferenced_read(CmCatalog *catalog)
{
	Oid			types[] = {OIDARRAYOID};
	Datum		values[] = {cm_table_relids(catalog->tables)};
	List	   *keys;
	ListCell   *lc;

	cm_spi_execute(keys_query, SPI_OK_SELECT, true, 1, types, values);
	keys = read_keys(catalog);
	SPI_freetuptable(SPI_tuptable);
	foreach(lc, keys)
	{
		CmForeignKey *key = lfirst(lc);

		if (!key->table->selected || is_reference(key))
			continue;
		if (is_given_up(catalog, key))
			key->table->given_up = lappend(key->table->given_up,
										   psprintf("Foreign key \"%s\" is no reference: convex_columns says so.",
													key->name));
		else
			key->table->unreferenced = lappend(key->table->unreferenced,
											   reason(catalog, keys, key));
	}
}

/*-------------------------------------------------------------------------
 *
 * unreferenced.c
 *	  Foreign keys that are no references of their own, and why: for
 *	  convex_plan() and convex_check().
 *
 * reference.c makes references of foreign keys between configured tables, and
 * choices take some away again. What is left of the constraints of the database
 * is explained here, so that none is dropped silently: its columns are sent as
 * they are, or are another reference already.
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
"       COALESCE(pg_catalog.pg_partition_root(k.confrelid)::pg_catalog.oid,"
"                k.confrelid),"
"       COALESCE(pg_catalog.to_jsonb(k) ->> 'conperiod', 'false') <> 'false'"
"  FROM pg_catalog.pg_constraint k"
"  JOIN pg_catalog.pg_class c ON c.oid = k.conrelid,"
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
	Oid			root;			/* of the parent, or the parent */
	int			ncolumns;
	AttrNumber *columns;		/* of the child */
	AttrNumber	parent_column;	/* the first */
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
		key->columns = palloc(key->ncolumns * sizeof(AttrNumber));
		memcpy(key->columns, ARR_DATA_PTR(columns),
			   key->ncolumns * sizeof(AttrNumber));
		key->parent_column = ((int16 *) ARR_DATA_PTR(parents))[0];
		key->root = DatumGetObjectId(cm_spi_value(row, 7));
		key->of_periods = DatumGetBool(cm_spi_value(row, 8));
		keys = lappend(keys, key);
	}
	return keys;
}

/* The name of a column of the foreign key. */
static char *
column_name(const CmForeignKey *key, int i)
{
	return get_attname(key->child, key->columns[i], false);
}

/* Whether the reference is by the columns of the foreign key. */
static bool
has_columns_of(CmReference *reference, const CmForeignKey *key)
{
	for (int i = 0; i < key->ncolumns; i++)
	{
		char	   *name = column_name(key, i);
		bool		found = false;

		for (int n = 0; n < reference->ncolumns && !found; n++)
			found = strcmp(key->table->columns[reference->columns[n]].name, name) == 0;
		if (!found)
			return false;
	}
	return reference->ncolumns == key->ncolumns;
}

/* The reference that the columns of the foreign key are: of the same parent, or
 * else of any; or NULL. */
static CmReference *
find_reference(const CmForeignKey *key)
{
	CmReference *other = NULL;
	ListCell   *lc;

	foreach(lc, key->table->references)
	{
		CmReference *reference = lfirst(lc);

		if (!has_columns_of(reference, key))
			continue;
		if (reference->parent->relid == key->root)
			return reference;
		other = reference;
	}
	return other;
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
			table->columns[table->keys[0]].attnum == key->columns[0] &&
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
	return psprintf("INSERT INTO convex_columns (server, source, source_column, target_reference) VALUES (%s, %s, %s, %s);",
					quote_literal_cstr(catalog->server->name),
					quote_literal_cstr(cm_text_relation_name(key->table->relid)),
					quote_literal_cstr(column_name(key, 0)),
					quote_literal_cstr(to));
}

/* Whether the foreign key would be a reference, had no choice taken it away. */
static bool
is_given_up(CmCatalog *catalog, const CmForeignKey *key)
{
	CmTable    *parent = cm_table_find(catalog, key->root);

	return key->child == key->table->relid && !key->of_periods &&
		parent != NULL && parent->configured;
}

/* The statement with which tables of the schema are migrated as well. */
static char *
schemas_statement(const CmServer *server, const char *schema)
{
	List	   *names = NIL;
	ListCell   *lc;

	foreach(lc, server->schemas)
		names = lappend(names, (char *) quote_identifier(lfirst(lc)));
	names = lappend(names, (char *) quote_identifier(schema));
	return cm_options_statement(server, "schemas", cm_text_join(names, ", "));
}

/* That the foreign key points to a table which is not migrated, and the statement
 * with which it would be, unless a choice leaves it out. */
static char *
parent_outside(CmCatalog *catalog, const CmForeignKey *key)
{
	CmServer   *server = catalog->server;
	char	   *schema = get_namespace_name(get_rel_namespace(key->root));
	char	   *statement = NULL;

	if (cm_provider_has_schema(schema))
		statement = psprintf("INSERT INTO convex_tables (server, source) VALUES (%s, %s);",
							 quote_literal_cstr(server->name),
							 quote_literal_cstr(cm_text_relation_name(key->root)));
	else if (!cm_text_is_among(server->schemas, schema))
		statement = schemas_statement(server, schema);
	return psprintf("it points to table %s, which is not migrated.%s%s",
					cm_text_relation_name(key->root), statement ? " To migrate it: " : "",
					statement ? statement : "");
}

/* Why the foreign key is no reference, a sentence or two. */
static char *
reason(CmCatalog *catalog, List *keys, const CmForeignKey *key)
{
	const CmForeignKey *twin = key->ncolumns == 1 ? find_twin(keys, key) : NULL;
	char	   *head = psprintf("Foreign key \"%s\" is no reference:", key->name);

	if (key->of_periods)
		return psprintf("%s it compares periods.", head);
	if (key->child != key->table->relid)
		return psprintf("%s it is declared on partition %s, and not on all.%s", head,
						cm_text_relation_name(key->child), key->ncolumns > 1 ? "" :
						psprintf(" If it holds for all rows: %s",
								 declaration(catalog, key,
											 psprintf("%s(%s)", cm_text_relation_name(key->root),
													  quote_identifier(get_attname(key->parent, key->parent_column, false))))));
	if (twin == NULL)
		return psprintf("%s %s", head, parent_outside(catalog, key));
	return psprintf("%s it points to table %s, which is not migrated. The key of table %s is a foreign key to it as well: %s",
					head, cm_text_relation_name(key->parent), cm_text_relation_name(twin->table->relid),
					declaration(catalog, key,
								psprintf("%s(%s)", cm_text_relation_name(twin->table->relid),
										 quote_identifier(column_name(twin, 0)))));
}

/* What is to be said of a foreign key whose columns are a reference; NULL:
 * nothing, it is that one. */
static char *
already_reference(const CmForeignKey *key, CmReference *reference)
{
	if (reference->parent->relid != key->root)
		return psprintf("Foreign key \"%s\" to table %s is no reference: field \"%s\" is one to table \"%s\".",
						key->name, cm_text_relation_name(key->root), reference->field,
						reference->parent->name);
	if (key->child == key->table->relid && !reference->declared &&
		strcmp(reference->conname, key->name) != 0)
		return psprintf("Foreign key \"%s\" is the reference of field \"%s\" as well.",
						key->name, reference->field);
	return NULL;
}

/* Note a foreign key of a selected table that is no reference of its own. */
static void
note_key(CmCatalog *catalog, List *keys, CmForeignKey *key)
{
	CmTable    *table = key->table;
	CmReference *reference = cm_reference_find(table, key->name);

	/* two foreign keys of one column to two tables are two references */
	if (reference == NULL || !has_columns_of(reference, key))
		reference = find_reference(key);
	if (reference != NULL)
	{
		char	   *text = already_reference(key, reference);

		if (text != NULL)
			table->given_up = lappend(table->given_up, text);
	}
	else if (is_given_up(catalog, key))
		table->given_up = lappend(table->given_up,
								  psprintf("Foreign key \"%s\" is no reference: convex_columns says so.",
										   key->name));
	else
	{
		char	   *text = reason(catalog, keys, key);

		table->unreferenced = lappend(table->unreferenced, text);
		if (strstr(text, "target_reference") != NULL)
			cm_table_find_column(table, column_name(key, 0))->offered = true;
	}
}

/*
 * Give every table the texts about foreign keys of it that are no references:
 * CmTable.unreferenced, and given_up for those that a choice took away or whose
 * columns are another reference. Inside SPI, when the catalog is read.
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

		if (key->table->selected)
			note_key(catalog, keys, key);
	}
}

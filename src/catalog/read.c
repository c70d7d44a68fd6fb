/*-------------------------------------------------------------------------
 *
 * read.c
 *	  The conductor: reads the description of all tables, step by step.
 *
 * A fixed number of queries whatever the number of tables, but one for each
 * key, filter and reference that is chosen and for each view. They run under
 * the active snapshot, inside SPI, with search_path pinned.
 *
 * Configured tables are those of the foreign server's option "schemas", of a
 * provider's schema those that a choice is for, but for those that one excludes: what is a reference depends on them alone. Selected tables
 * are those of this call, configured or named.
 *
 *-------------------------------------------------------------------------
 */
#include "catalog/tables.h"

#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

/* ERROR for a schema of option "schemas" that does not exist, a NOTICE for one
 * that is a provider's. */
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
		if (cm_provider_has_schema(lfirst(lc)))
			ereport(NOTICE,
					(errmsg("schema \"%s\" is the provider's: its tables are not migrated unless a row of convex_tables names them",
							(char *) lfirst(lc))));
	}
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
				 errhint("NULL means all tables of the foreign server's option \"schemas\".")));
}

/* ERROR when a table that the caller named is not there any more. */
static void
check_all_found(CmCatalog *catalog, ArrayType *tables)
{
	Oid		   *named = (Oid *) ARR_DATA_PTR(tables);

	for (int i = 0; i < ArrayGetNItems(ARR_NDIM(tables), ARR_DIMS(tables)); i++)
	{
		if (cm_table_find(catalog, named[i]) == NULL)
			ereport(ERROR,
					(errcode(ERRCODE_UNDEFINED_TABLE),
					 errmsg("relation with OID %u does not exist", named[i])));
	}
}

/* ERROR when nothing would be moved: a job that does nothing goes unnoticed. */
static void
check_any_selected(CmCatalog *catalog)
{
	char	   *elsewhere;
	ListCell   *lc;

	foreach(lc, catalog->tables)
	{
		if (((CmTable *) lfirst(lc))->selected)
			return;
	}
	elsewhere = cm_outside_schemas_text(catalog->server);
	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_TABLE),
			 errmsg("there are no tables to migrate"),
			 elsewhere ? errdetail("%s", elsewhere) : 0,
			 errhint("Name the schemas of the tables in option \"schemas\" of server \"%s\".",
					 catalog->server->name)));
}

/*
 * The query of a view is SQL that runs with the rights of the current user, as a
 * filter is, and a foreign table is read with its user mapping: ERROR for one
 * of a role that is not trusted with that. Also where a choice or a call meant a
 * table: its owner can put a view in its place.
 */
static void
check_owners(CmCatalog *catalog)
{
	ListCell   *lc;

	foreach(lc, catalog->tables)
	{
		CmTable    *table = lfirst(lc);

		if (table->configured || table->selected)
			cm_trust_require(table->relid,
							 table->relkind == RELKIND_PARTITIONED_TABLE);
	}
}

/*
 * Decide what the values of every selected column become. Here and nowhere
 * else: encoder, validators, indexes and drift read column->mapping.
 */
static void
decide_mappings(CmCatalog *catalog)
{
	ListCell   *lc;

	foreach(lc, catalog->tables)
	{
		CmTable    *table = lfirst(lc);

		for (int i = 0; table->selected && i < table->ncolumns; i++)
		{
			CmColumn   *column = &table->columns[i];

			if (column->choice != CM_CHOICE_NONE && column->field == NULL)
				cm_choices_invalid(table, "convex_columns.type",
								   psprintf("Column \"%s\" is the key: its text is the id of the record, and no field of its own.",
											column->name));
			if (column->field != NULL && column->reference == NULL)
				column->mapping = cm_mapping_create(column->type, column->typmod,
													&catalog->server->types,
													column->choice);
		}
	}
}

/*
 * All configured tables and those that the caller named (NULL: none named, all
 * configured ones are selected), in the current memory context; cm_order_tables()
 * comes next. ERROR for what cannot be migrated.
 *
 * The order of the steps:
 * - tables, and the look-up by OID that all further steps use;
 * - convex_tables, since no reference to a table that it excludes is made;
 * - whether the views and foreign tables that are left may be read;
 * - columns, then keys, which are columns;
 * - the key that convex_tables chooses, before references are compared with it;
 * - foreign keys, since convex_columns may replace or drop the references that
 *   they make;
 * - convex_columns;
 * - filters, which are about columns;
 * - names, which yield to those that the choices give, and of which those of
 *   fields need to know the references;
 * - mappings, which need to know which columns are fields of their own.
 */
CmCatalog *
cm_read_catalog(CmServer *server, ArrayType *tables)
{
	CmCatalog  *catalog = palloc0(sizeof(CmCatalog));
	List	   *choices;
	ListCell   *lc;

	if (tables != NULL)
		check_named_array(tables);
	check_schemas(server);
	catalog->named = tables != NULL;
	catalog->server = server;
	cm_tables_read(catalog, tables);
	cm_table_index(catalog);
	if (catalog->named)
		check_all_found(catalog, tables);
	choices = cm_choices_read_tables(catalog);
	cm_apply_tables(catalog, choices);
	check_any_selected(catalog);
	check_owners(catalog);
	cm_tables_read_columns(catalog);
	cm_tables_read_keys(catalog);
	cm_apply_keys(choices);
	cm_reference_read_all(catalog);
	cm_partition_reference_read_all(catalog);
	cm_apply_columns(catalog, cm_choices_read_columns(catalog));
	foreach(lc, catalog->tables)
		cm_filter_try(lfirst(lc));
	cm_names_set_targets(catalog);
	foreach(lc, catalog->tables)
		cm_names_set_fields(lfirst(lc), server);
	decide_mappings(catalog);
	catalog->stage = CM_STAGE_READ;
	return catalog;
}

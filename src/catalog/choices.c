/*-------------------------------------------------------------------------
 *
 * choices.c
 *	  Choices per table and per column, as convex_tables and convex_columns
 *	  have them.
 *
 * Reads the rows of one foreign server and finds the tables that they are for;
 * apply.c checks them and puts them into effect.
 *
 * A row counts only if a superuser, the owner of the foreign server or the
 * current user wrote it: a filter is SQL that runs with the rights of the
 * current user. A row that does not count, and one whose table was dropped,
 * is reported and ignored. A row for a table that this call does not look at is
 * no concern of it.
 *
 * Inside SPI, with search_path pinned; everything is allocated in the current
 * memory context.
 *
 *-------------------------------------------------------------------------
 */
#include "catalog/tables.h"

#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

/* Whether a row counts. */
#define TRUSTED \
"s.owner::pg_catalog.oid IN ($2, $3) OR EXISTS (" \
"  SELECT FROM pg_catalog.pg_roles r" \
"   WHERE r.oid = s.owner::pg_catalog.oid AND r.rolsuper) AS trusted"

/* %s: the extension's schema; $1: name of the foreign server, $2: its owner,
 * $3: the current user. */
static const char tables_query[] =
"SELECT s.source::pg_catalog.oid AS source, s.target, s.exclude, s.filter,"
"       s.key, s.creation_time, " TRUSTED
"  FROM %s.convex_tables s"
" WHERE s.server = $1"
" ORDER BY s.source::pg_catalog.oid";

static const char columns_query[] =
"SELECT s.source::pg_catalog.oid AS source, s.source_column, s.target,"
"       s.exclude, s.type, s.target_reference, " TRUSTED
"  FROM %s.convex_columns s"
" WHERE s.server = $1"
" ORDER BY s.source::pg_catalog.oid, s.source_column";

/* Run one of the queries, over the named table; the rows are in SPI_tuptable. */
static void
run_query(const char *query, const char *name, CmServer *server)
{
	Oid			types[] = {NAMEOID, OIDOID, OIDOID};
	Datum		values[3];
	NameData	server_name;
	CmAllowed  *allowed = cm_vet_create();
	const char *schema = quote_identifier(get_namespace_name(server->extension_schema));

	cm_vet_allow(allowed, RelationRelationId,
				 cm_extension_relation(server->extension_schema, name,
									   AccessShareLock));
	namestrcpy(&server_name, server->name);
	values[0] = NameGetDatum(&server_name);
	values[1] = ObjectIdGetDatum(server->owner);
	values[2] = ObjectIdGetDatum(GetUserId());
	cm_spi_execute_over(allowed, psprintf(query, schema), SPI_OK_SELECT, true, 3,
						types, values);
}

/* The named column of a row of SPI_tuptable. */
static Datum
named_value(uint64 row, const char *column, bool *isnull)
{
	TupleDesc	tupdesc = SPI_tuptable->tupdesc;

	return SPI_getbinval(SPI_tuptable->vals[row], tupdesc,
						 SPI_fnumber(tupdesc, column), isnull);
}

/* The same, of a bool that is not null. */
static bool
named_bool(uint64 row, const char *column)
{
	bool		isnull;

	return DatumGetBool(named_value(row, column, &isnull));
}

/* The same, of a text as a C string; NULL: nothing is chosen. */
static char *
named_text(uint64 row, const char *column)
{
	bool		isnull;
	Datum		value = named_value(row, column, &isnull);

	return isnull ? NULL : TextDatumGetCString(value);
}

/*
 * The table that a row is for, or NULL: it was dropped or is none of this
 * call's, or the row does not count. name: of the table of choices.
 */
static CmTable *
table_of_row(CmCatalog *catalog, uint64 row, const char *name)
{
	bool		isnull;
	Oid			relid = DatumGetObjectId(named_value(row, "source", &isnull));
	CmTable    *table = cm_table_find(catalog, relid);

	if (get_rel_name(relid) == NULL)
		ereport(NOTICE,
				(errmsg("a row of %s is ignored: its table, once OID %u, does not exist",
						name, relid)));
	if (table == NULL || named_bool(row, "trusted"))
		return table;
	ereport(NOTICE,
			(errmsg("a row of %s for table \"%s\" is ignored: it was written by another role",
					name, table->name),
			 errdetail("Only rows written by a superuser, the owner of the foreign server or the current user count.")));
	return NULL;
}

/*
 * The rows of convex_tables that count, as CmTableChoices *, ordered by OID.
 * The catalog's tables must be indexed.
 */
List *
cm_choices_read_tables(CmCatalog *catalog)
{
	List	   *rows = NIL;

	run_query(tables_query, "convex_tables", catalog->server);
	for (uint64 row = 0; row < SPI_processed; row++)
	{
		CmTable    *table = table_of_row(catalog, row, "convex_tables");
		CmTableChoices *choices;
		bool		isnull;
		Datum		key = named_value(row, "key", &isnull);

		if (table == NULL)
			continue;
		choices = palloc0(sizeof(CmTableChoices));
		choices->table = table;
		choices->exclude = named_bool(row, "exclude");
		choices->target = named_text(row, "target");
		choices->filter = named_text(row, "filter");
		choices->key = isnull ? NULL : DatumGetArrayTypePCopy(key);
		choices->creation_time = named_text(row, "creation_time");
		rows = lappend(rows, choices);
	}
	SPI_freetuptable(SPI_tuptable);
	return rows;
}

/*
 * The rows of convex_columns that count, as CmColumnChoices *, ordered by OID
 * and name of the column. The catalog's tables must be indexed.
 */
List *
cm_choices_read_columns(CmCatalog *catalog)
{
	List	   *rows = NIL;

	run_query(columns_query, "convex_columns", catalog->server);
	for (uint64 row = 0; row < SPI_processed; row++)
	{
		CmTable    *table = table_of_row(catalog, row, "convex_columns");
		CmColumnChoices *choices;
		bool		isnull;

		if (table == NULL)
			continue;
		choices = palloc0(sizeof(CmColumnChoices));
		choices->table = table;
		choices->column = pstrdup(NameStr(*DatumGetName(named_value(row, "source_column",
																	&isnull))));
		choices->exclude = named_bool(row, "exclude");
		choices->target = named_text(row, "target");
		choices->type = named_text(row, "type");
		choices->reference = named_text(row, "target_reference");
		rows = lappend(rows, choices);
	}
	SPI_freetuptable(SPI_tuptable);
	return rows;
}

/* ERROR for a choice for the table, "convex_tables.target" or the like, that
 * cannot be applied; detail: why. */
void
cm_choices_invalid(CmTable *table, const char *choice, const char *detail)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("%s of table \"%s\" cannot be applied", choice, table->name),
			 errdetail("%s", detail),
			 errhint("Change the row of %.*s, or delete it.",
					 (int) strcspn(choice, "."), choice)));
}

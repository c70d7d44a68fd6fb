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
 * current user. What is kept back must stay so, whatever happened to the row:
 * one that restricts what is sent and does not count is an ERROR, and so is one
 * whose table or foreign server is gone. One that does not restrict and does
 * not count is reported and ignored. A row for a table that this call does not
 * look at is no concern of it.
 *
 * Inside SPI, with search_path pinned; everything is allocated in the current
 * memory context.
 *
 *-------------------------------------------------------------------------
 */
#include "catalog/tables.h"

#include "access/table.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "storage/bufmgr.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

/*
 * Whose a row is, and whether it counts. A row belongs to the foreign server
 * that was so called when it was written (o), whatever it is called now; if
 * that is gone, or the row comes from a dump, to the one of that name (n).
 */
#define WHOSE \
"s.owner::pg_catalog.oid AS owner," \
"s.owner::pg_catalog.oid IN ($2, $3) OR EXISTS (" \
"  SELECT FROM pg_catalog.pg_roles r" \
"   WHERE r.oid = s.owner::pg_catalog.oid AND r.rolsuper) AS trusted," \
"s.server, o.srvname AS renamed, n.oid IS NOT NULL AS has_name "

#define OF_SERVER \
"  LEFT JOIN pg_catalog.pg_foreign_server o ON o.oid = s.server_oid" \
"  LEFT JOIN pg_catalog.pg_foreign_server n ON n.srvname = s.server" \
" WHERE o.oid = $1 OR n.oid = $1 OR (o.oid IS NULL AND n.oid IS NULL)"

/* %s: the extension's schema; $1: the foreign server, $2: its owner, $3: the
 * current user. Rows of the foreign server, and of none. */
static const char tables_query[] =
"SELECT s.source::pg_catalog.oid AS source, s.target, s.exclude, s.filter,"
"       s.key, s.creation_time, s.formerly,"
"       s.exclude OR s.filter IS NOT NULL AS restricts,"
WHOSE
"  FROM %s.convex_tables s"
OF_SERVER
" ORDER BY s.source::pg_catalog.oid";

static const char columns_query[] =
"SELECT s.source::pg_catalog.oid AS source, s.source_column, s.target,"
"       s.exclude, s.type, s.target_reference, s.exclude AS restricts,"
WHOSE
"  FROM %s.convex_columns s"
OF_SERVER
" ORDER BY s.source::pg_catalog.oid, s.source_column";

/* Whether the table, which is locked, has no page: then nobody has chosen
 * anything, and a query is spared. */
static bool
has_no_page(Oid relid)
{
	Relation	relation = table_open(relid, NoLock);
	BlockNumber pages = RelationGetNumberOfBlocks(relation);

	table_close(relation, NoLock);
	return pages == 0;
}

/* Run one of the queries, over the named table; the rows are in SPI_tuptable. */
static void
run_query(const char *query, const char *name, CmServer *server)
{
	Oid			types[] = {OIDOID, OIDOID, OIDOID};
	Datum		values[3];
	CmAllowed  *allowed = cm_vet_create();
	const char *schema = quote_identifier(get_namespace_name(server->extension_schema));
	Oid			relid = cm_extension_relation(server->extension_schema, name,
											  AccessShareLock);

	if (has_no_page(relid))
	{
		SPI_processed = 0;
		SPI_tuptable = NULL;
		return;
	}
	cm_vet_allow(allowed, RelationRelationId, relid);
	values[0] = ObjectIdGetDatum(server->serverid);
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

/* The same, of an oid. */
static Oid
named_oid(uint64 row, const char *column)
{
	bool		isnull;

	return DatumGetObjectId(named_value(row, column, &isnull));
}

/*
 * ERROR for a row whose table is gone. It may have kept something back, and
 * nobody knows whether the table that has its name now is to be kept back.
 */
static void
fail_without_table(uint64 row, const char *name)
{
	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_TABLE),
			 errmsg("a row of %s is for a table that does not exist any more",
					name),
			 errdetail("Its OID was %u. Choices do not pass to a table that was made again.",
					   named_oid(row, "source")),
			 errhint("Write the row again if it is still wanted, and DELETE FROM %s WHERE source::oid = %u.",
					 name, named_oid(row, "source"))));
}

/*
 * ERROR for a row, of a table of this call, whose foreign server is not clear:
 * there is none, or that for which it was written was renamed and another has
 * its name now.
 */
static void
require_server(uint64 row, CmCatalog *catalog, CmTable *table, const char *name)
{
	bool		isnull;
	char	   *server = NameStr(*DatumGetName(named_value(row, "server", &isnull)));
	Datum		renamed = named_value(row, "renamed", &isnull);
	bool		has_name = named_bool(row, "has_name");

	if (isnull && !has_name)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("a row of %s for table \"%s\" is for server \"%s\", which does not exist",
						name, table->name, server),
				 errhint("UPDATE %s SET server = %s WHERE server = %s, or delete the row.",
						 name, quote_literal_cstr(catalog->server->name),
						 quote_literal_cstr(server))));
	if (!isnull && has_name && strcmp(NameStr(*DatumGetName(renamed)), server) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_AMBIGUOUS_ALIAS),
				 errmsg("a row of %s for table \"%s\" names server \"%s\", but was written for the one that is called \"%s\" now",
						name, table->name, server, NameStr(*DatumGetName(renamed))),
				 errhint("UPDATE %s SET server = ... to that which is meant.", name)));
}

/* A row that was written by a role whose rows do not count: one that restricts
 * what is sent is an ERROR, since ignoring it would send more. */
static void
report_untrusted(uint64 row, CmTable *table, const char *name)
{
	Oid			owner = named_oid(row, "owner");
	char	   *role = GetUserNameFromId(owner, true);

	if (!named_bool(row, "restricts"))
	{
		ereport(NOTICE,
				(errmsg("a row of %s for table \"%s\" is ignored: it was written by another role",
						name, table->name),
				 errdetail("Only rows written by a superuser, the owner of the foreign server or the current user count.")));
		return;
	}
	ereport(ERROR,
			(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
			 errmsg("a row of %s for table \"%s\" restricts what is sent, but was written by another role",
					name, table->name),
			 errdetail("It belongs to %s. Only rows written by a superuser, the owner of the foreign server or the current user count.",
					   role ? psprintf("role \"%s\"", role) :
					   "a role that does not exist any more"),
			 errhint("Look at it; then UPDATE %s SET owner = CURRENT_USER::regrole for it, or delete it.",
					 name)));
}

/*
 * The table that a row is for, or NULL: it is none of this call's, or the row
 * does not count. name: of the table of choices.
 */
static CmTable *
table_of_row(CmCatalog *catalog, uint64 row, const char *name)
{
	Oid			relid = named_oid(row, "source");
	CmTable    *table = cm_table_find(catalog, relid);

	if (get_rel_name(relid) == NULL)
		fail_without_table(row, name);
	if (table == NULL)
		return NULL;
	require_server(row, catalog, table, name);
	if (named_bool(row, "trusted"))
		return table;
	report_untrusted(row, table, name);
	return NULL;
}

/*
 * The tables that rows of convex_tables are for and do not exclude, by OID: what
 * includes a table of a provider. Only rows that count.
 */
ArrayType *
cm_choices_read_included(CmServer *server)
{
	ArrayBuildState *relids = initArrayResult(OIDOID, CurrentMemoryContext, false);

	run_query(tables_query, "convex_tables", server);
	for (uint64 row = 0; row < SPI_processed; row++)
	{
		bool		isnull;

		if (named_bool(row, "trusted") && !named_bool(row, "exclude"))
			relids = accumArrayResult(relids, named_value(row, "source", &isnull),
									  false, OIDOID, CurrentMemoryContext);
	}
	SPI_freetuptable(SPI_tuptable);
	return DatumGetArrayTypeP(makeArrayResult(relids, CurrentMemoryContext));
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
		choices->formerly = named_text(row, "formerly");
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

/*-------------------------------------------------------------------------
 *
 * left_behind.c
 *	  What the database has besides rows, and what becomes of it in Convex.
 *
 * Policies, triggers, checks, functions and the like, from the catalogs. In a
 * copy that convex-bridge made they are not there: then convex_origin has what
 * the original has, and the catalogs are not asked. Columns that are left out
 * and CHECK constraints that validators express are none of it.
 *
 * Inside SPI, with search_path pinned; everything is allocated in the current
 * memory context.
 *
 *-------------------------------------------------------------------------
 */
#include "catalog/tables.h"

#include "catalog/dependency.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_namespace.h"
#include "catalog/pg_type.h"
#include "commands/extension.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rls.h"

#include "base/compat.h"

typedef struct CmHint
{
	const char *kind;
	const char *text;
} CmHint;

/* Every kind, and what to do. */
static const CmHint hints[] = {
	{"policy", "Check the rights in the functions that read and write the table: Convex has no other place for them."},
	{"row_security", "No role but the owner may read it: expose no function that does."},
	{"trigger", "Do it in the mutations that write the table, or with Triggers of the npm package convex-helpers."},
	{"rule", "Do it in the mutations that write the table."},
	{"check", "Check it in the mutations that write the table."},
	{"unique", "Look it up by its index in the mutation before inserting: Convex's transactions make that safe."},
	{"exclusion", "Look for a clash in the mutation before inserting: Convex's transactions make that safe."},
	{"default", "Set the value in the mutations that insert."},
	{"sequence", "Use _id, or count in a document of its own."},
	{"generated", "The values are moved, the rule is not: compute them in the mutations, or in the queries that need them."},
	{"publication", "Nothing to do for live updates: queries of Convex are live. Other subscribers need another source."},
	{"outside_table", "References to it stay values. To move it too, name its schema in option \"schemas\"; a table of Supabase, such as auth.users, by a row of convex_tables."},
	{"table", "Its rows are not in the copy, for the reason beside it: mend that and copy again with --refresh, or leave it."},
	{"column", "Its values are not in the copy: copy again with --refresh and without leaving it out, or a secret by naming it in --with."},
	{"schema", "Copy its tables too by naming it in --schemas, with --refresh, or leave it."},
	{"foreign_table", "Its rows are elsewhere, and not in the copy: migrate them from the database that has them."},
	{"role", "Convex's database has no roles: whoever knows the URL may call what is public. Check ctx.auth there, and make the rest internal functions."},
	{"view", "Write it as a query. To move its rows, name it in parameter \"tables\"."},
	{"materialized_view", "Keep the figures up to date in the mutations (npm package @convex-dev/aggregate), or write it as a query."},
	{"function", "Write it as a query, mutation or action where the app needs it."},
	{"event_trigger", "Nothing in Convex changes its schema behind your back: leave it."},
	{"cron_job", "Write it into convex/crons.ts; cron.job has the command."},
	{"bucket", "Move the files into Convex's file storage by an action; a row of convex_tables for storage.objects moves their list."},
};

static const char left_behind_query[] =
#include "catalog/left_behind_query.h"
;

/* %s: the extension's schema. */
static const char origin_query[] =
"SELECT o.source::pg_catalog.oid, o.kind, o.object, o.definition"
"  FROM %s.convex_origin o"
" ORDER BY o.kind, o.object, o.definition";

static const char jobs_query[] =
"SELECT NULL::pg_catalog.oid, 'cron_job', j.jobid::pg_catalog.text, j.schedule"
"  FROM cron.job j"
" WHERE j.database = pg_catalog.current_database()"
" ORDER BY j.jobid";

static const char buckets_query[] =
"SELECT NULL::pg_catalog.oid, 'bucket', b.id::pg_catalog.text, NULL"
"  FROM storage.buckets b"
" ORDER BY b.id";

/* What to do about a kind. */
static const char *
hint_of(const char *kind)
{
	for (int i = 0; i < (int) lengthof(hints); i++)
	{
		if (strcmp(hints[i].kind, kind) == 0)
			return hints[i].text;
	}
	elog(ERROR, "unknown kind \"%s\" in convex_origin", kind);
}

/* A text of a row of SPI_tuptable, or NULL. */
static char *
text_value(uint64 row, int column)
{
	return SPI_getvalue(SPI_tuptable->vals[row], SPI_tuptable->tupdesc, column);
}

/* Whether it is about a column that is not sent. */
static bool
is_of_excluded(const CmLeftBehind *item)
{
	CmColumn   *column = NULL;

	if (item->table != NULL &&
		(strcmp(item->kind, "default") == 0 || strcmp(item->kind, "sequence") == 0 ||
		 strcmp(item->kind, "generated") == 0))
		column = cm_table_find_column(item->table, item->object);
	return column != NULL && column->excluded;
}

/* Whether the validators in Convex say the same. */
static bool
is_expressed(const CmLeftBehind *item)
{
	ListCell   *lc;

	if (item->table == NULL || strcmp(item->kind, "check") != 0)
		return false;
	foreach(lc, item->table->expressed)
	{
		if (strcmp(lfirst(lc), item->object) == 0)
			return true;
	}
	return false;
}

/* Add the rows of SPI_tuptable to the list, but for those of tables that are not
 * selected. */
static List *
take_rows(List *items, CmCatalog *catalog)
{
	for (uint64 row = 0; row < SPI_processed; row++)
	{
		CmLeftBehind *item = palloc0(sizeof(CmLeftBehind));
		bool		isnull;
		Datum		relid = SPI_getbinval(SPI_tuptable->vals[row],
										  SPI_tuptable->tupdesc, 1, &isnull);

		item->table = isnull ? NULL : cm_table_find(catalog, DatumGetObjectId(relid));
		if (!isnull && (item->table == NULL || !item->table->selected))
			continue;
		item->kind = text_value(row, 2);
		item->object = text_value(row, 3);
		item->definition = text_value(row, 4);
		item->hint = hint_of(item->kind);
		if (!is_of_excluded(item) && !is_expressed(item))
			items = lappend(items, item);
	}
	SPI_freetuptable(SPI_tuptable);
	return items;
}

/* The relation, if it is a table that the current user may read whole: then
 * reading it runs nobody's code. Else InvalidOid. */
static Oid
plain_table(const char *schema, const char *name)
{
	Oid			namespace = get_namespace_oid(schema, true);
	Oid			relid = OidIsValid(namespace) ? get_relname_relid(name, namespace) :
		InvalidOid;

	if (!OidIsValid(relid) || get_rel_relkind(relid) != RELKIND_RELATION ||
		object_aclcheck(NamespaceRelationId, namespace, GetUserId(), ACL_USAGE) != ACLCHECK_OK ||
		pg_class_aclcheck(relid, GetUserId(), ACL_SELECT) != ACLCHECK_OK ||
		check_enable_rls(relid, InvalidOid, true) == RLS_ENABLED)
		return InvalidOid;
	return relid;
}

/* Add what a table of the provider lists, if it can be read. */
static List *
take_rows_of(List *items, CmCatalog *catalog, Oid relid, const char *query)
{
	CmAllowed  *allowed = cm_vet_create();

	if (!OidIsValid(relid))
		return items;
	cm_vet_allow(allowed, RelationRelationId, relid);
	cm_spi_execute_over(allowed, query, SPI_OK_SELECT, true, 0, NULL, NULL);
	return take_rows(items, catalog);
}

/* The jobs of pg_cron, if that is installed. */
static Oid
jobs_table(void)
{
	Oid			relid = plain_table("cron", "job");
	Oid			extension = get_extension_oid("pg_cron", true);

	return OidIsValid(relid) && OidIsValid(extension) &&
		getExtensionOfObject(RelationRelationId, relid) == extension ? relid : InvalidOid;
}

/*
 * What stays behind of the selected tables and of the schemas in option
 * "schemas": CmLeftBehind *, ordered by kind and name. The catalog must be
 * described.
 */
List *
cm_left_behind_read(CmCatalog *catalog)
{
	CmServer   *server = catalog->server;
	CmAllowed  *allowed = cm_vet_create();
	const char *schema = quote_identifier(get_namespace_name(server->extension_schema));
	Oid			types[] = {TEXTARRAYOID, OIDARRAYOID};
	Datum		values[2];
	List	   *items;
	bool		is_copy;

	Assert(catalog->stage == CM_STAGE_DESCRIBED);
	values[0] = cm_spi_text_array(server->schemas);
	values[1] = cm_table_relids(catalog->ordered);
	cm_vet_allow(allowed, RelationRelationId,
				 cm_extension_relation(server->extension_schema, "convex_origin",
									   AccessShareLock));
	cm_spi_execute_over(allowed, psprintf(origin_query, schema), SPI_OK_SELECT,
						true, 0, NULL, NULL);
	is_copy = SPI_processed > 0;
	items = take_rows(NIL, catalog);
	if (is_copy)
		return items;
	cm_spi_execute(left_behind_query, SPI_OK_SELECT, true, 2, types, values);
	items = take_rows(NIL, catalog);
	items = take_rows_of(items, catalog, jobs_table(), jobs_query);
	return take_rows_of(items, catalog, plain_table("storage", "buckets"),
						buckets_query);
}

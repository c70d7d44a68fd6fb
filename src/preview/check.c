/*-------------------------------------------------------------------------
 *
 * check.c
 *	  convex_check(): what would go wrong, before anything is sent.
 *
 * Some problems are in the catalogs (findings.c), some in the rows. All rows
 * are read under one snapshot and encoded, as a run would do it, and thrown
 * away; then each reference is checked by a query over its key columns alone.
 * Nothing is written or sent. What memory it needs grows with the number of
 * problems of different kinds, not with the number of rows.
 *
 *-------------------------------------------------------------------------
 */
#include "preview/preview.h"

#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/rls.h"

typedef struct CmCheck
{
	CmServer   *server;
	CmProblems	problems;
	List	   *counted;		/* those of rows of the table that is read */
	MemoryContext row_context;	/* reset after every row that has one */
	CmCosts		costs;
} CmCheck;

/* The column whose field begins the path, or NULL. */
static char *
column_of_path(CmTable *table, const char *path)
{
	size_t		length = path ? strcspn(path, ".[") : 0;

	for (int i = 0; i < table->ncolumns && path; i++)
	{
		CmColumn   *column = &table->columns[i];

		if (column->field != NULL && strlen(column->field) == length &&
			strncmp(column->field, path, length) == 0)
			return column->name;
	}
	return NULL;
}

/* The problem that is counted under this code and column, or NULL. */
static CmProblem *
find_counted(CmCheck *check, const char *column, const char *code)
{
	ListCell   *lc;

	foreach(lc, check->counted)
	{
		CmProblem  *problem = lfirst(lc);

		if (strcmp(problem->code, code) == 0 &&
			strcmp(problem->column ? problem->column : "",
				   column ? column : "") == 0)
			return problem;
	}
	return NULL;
}

/*
 * Count a row that cannot be migrated. The least key of its kind is the
 * example, and the reason of that row the hint.
 */
static void
count_row(CmCheck *check, CmTable *table, const char *key,
		  const CmReason *reason)
{
	MemoryContext old = MemoryContextSwitchTo(check->row_context);
	char	   *column = column_of_path(table, reason->path);
	char	   *hint = psprintf("These rows become rejects: %s%s%s.",
								reason->path ? reason->path : "",
								reason->path ? ": " : "", reason->text);
	CmProblem  *problem = find_counted(check, column, reason->code);

	key = cm_utf8_readable(key);
	MemoryContextSwitchTo(check->problems.context);
	if (problem == NULL)
	{
		problem = cm_problems_add(&check->problems, "error", table, column,
								  reason->code, hint);
		problem->rows = 0;
		problem->example = pstrdup(key);
		check->counted = lappend(check->counted, problem);
	}
	problem->rows++;
	if (strcmp(key, problem->example) < 0)
	{
		pfree(problem->example);
		pfree(problem->hint);
		problem->example = pstrdup(key);
		problem->hint = pstrdup(hint);
	}
	MemoryContextSwitchTo(old);
	MemoryContextReset(check->row_context);
}

/* Encode all rows of the table as a run would, and count what is wrong. */
static void
check_rows(CmCheck *check, CmTable *table)
{
	MemoryContext context = AllocSetContextCreate(check->problems.context,
												  "convex_migrate check",
												  ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	CmQueryOptions query = {.pass = CM_PASS_ROWS,.old_keys = true};
	CmRecordOptions options = {
		.server = check->server,
		/* orphans are counted apart, by check_reference() */
		.orphans = CM_ORPHANS_KEEP,
		.dialect = CM_DIALECT_ARGUMENTS
	};
	CmScan	   *scan = cm_scan_prepare(table, &query, &options, InvalidOid);
	StringInfoData record;
	CmScanned	scanned;
	CmEncoded	encoded;
	int64		rows = 0;

	check->counted = NIL;
	initStringInfo(&record);
	cm_scan_start(scan, NULL);
	while ((encoded = cm_scan_next(scan, &record, &scanned)) != CM_NO_ROW)
	{
		if (encoded == CM_ENCODED)
			cm_costs_add_row(&check->costs, table, scanned.size);
		else
			count_row(check, table, scanned.key, &scanned.reason);
		rows++;
		resetStringInfo(&record);
	}
	cm_scan_stop(scan);
	cm_costs_add_calls(&check->costs, rows, check->server->batch_rows);
	MemoryContextSwitchTo(old);
	MemoryContextDelete(context);
}

/* Note how many rows have a reference that points to nothing. */
static void
check_reference(CmCheck *check, CmTable *table, CmReference *reference)
{
	CmAllowed  *allowed = cm_vet_create();
	CmProblem  *problem;
	int64		orphans;

	cm_allow_table(allowed, table);
	cm_allow_reference(allowed, table, reference);
	cm_spi_execute_over(allowed, cm_query_orphans(table, reference),
						SPI_OK_SELECT, true, 0, NULL, NULL);
	orphans = DatumGetInt64(cm_spi_value(0, 1));
	if (orphans > 0)
	{
		problem = cm_problems_add(&check->problems,
								  check->server->orphans == CM_ORPHANS_REJECT ?
								  "error" : "warning", table,
								  table->columns[reference->columns[0]].name,
								  "orphan",
								  psprintf("They point to rows of table \"%s\" that are not there or not moved: delete them, or set option \"orphans\" of the foreign server.",
										   reference->parent->name));
		problem->rows = orphans;
		problem->example = MemoryContextStrdup(check->problems.context,
											   TextDatumGetCString(cm_spi_value(0, 2)));
	}
	SPI_freetuptable(SPI_tuptable);
}

/* Whether all rows of the table can be read; notes why not. */
static bool
check_access(CmCheck *check, CmTable *table)
{
	if (!cm_guard_may_read(table))
	{
		cm_problems_add(&check->problems, "error", table, NULL, "no_select",
						psprintf("GRANT SELECT ON %s TO %s, and USAGE on its schema.",
								 quote_qualified_identifier(table->schema, table->name),
								 quote_identifier(GetUserNameFromId(GetUserId(), false))));
		return false;
	}
	if (check_enable_rls(table->relid, InvalidOid, true) == RLS_ENABLED)
	{
		cm_problems_add(&check->problems, "error", table, NULL, "row_security",
						"Run it as a role with BYPASSRLS, or as the owner of the table.");
		return false;
	}
	return true;
}

/* Note the problems that the catalogs show. */
static void
check_table(CmCheck *check, CmTable *table)
{
	ListCell   *lc;

	foreach(lc, cm_findings_of_table(check->server, table))
	{
		CmFinding  *finding = lfirst(lc);

		if (finding->severity != NULL)
			cm_problems_add(&check->problems, finding->severity, table,
							finding->column, finding->code, finding->text);
	}
}

/* $1: OIDs of the tables. Their CHECK constraints. */
static const char check_constraints_query[] =
"SELECT k.conrelid, pg_catalog.string_agg(pg_catalog.pg_get_constraintdef(k.oid), ', '"
"                                         ORDER BY k.conname)"
"  FROM pg_catalog.pg_constraint k"
" WHERE k.contype = 'c' AND k.conrelid = ANY ($1)"
" GROUP BY k.conrelid";

/* Note what the database checks and Convex does not. */
static void
check_constraints(CmCheck *check, CmCatalog *catalog)
{
	Oid			types[] = {OIDARRAYOID};
	Datum		values[] = {cm_table_relids(catalog->ordered)};

	cm_spi_execute(check_constraints_query, SPI_OK_SELECT, true, 1, types,
				   values);
	for (uint64 row = 0; row < SPI_processed; row++)
	{
		CmTable    *table = cm_table_find(catalog, DatumGetObjectId(cm_spi_value(row, 1)));

		cm_problems_add(&check->problems, "info", table, NULL, "check_constraint",
						psprintf("Convex does not enforce %s; check it in your functions.",
								 TextDatumGetCString(cm_spi_value(row, 2))));
	}
	SPI_freetuptable(SPI_tuptable);
}

/* Find the problems of all tables, in no order. */
static void
find_problems(CmCheck *check, CmCatalog *catalog)
{
	ListCell   *lc;
	ListCell   *lr;

	foreach(lc, catalog->ordered)
	{
		CmTable    *table = lfirst(lc);

		if (!check_access(check, table))
			continue;
		check_table(check, table);
		check_rows(check, table);
		foreach(lr, table->references)
		{
			CmReference *reference = lfirst(lr);

			if (cm_guard_may_read(reference->parent))
				check_reference(check, table, reference);
		}
	}
	check_constraints(check, catalog);
	cm_problems_add(&check->problems, "info", NULL, NULL, "creation_time",
					"_creationTime will be the time of the migration and follows the order of convex_tables.creation_time only roughly: keep columns such as created_at.");
	cm_costs_check(&check->costs, &check->problems);
}

/*
 * Put the problems into the result of rsinfo, which must be ready for it; none
 * is good news.
 */
void
cm_check_tables(const CmArguments *arguments, ReturnSetInfo *rsinfo)
{
	CmRun	   *run = cm_run_open(CurrentMemoryContext, arguments, CM_PURPOSE_READ);
	CmCheck		check = {.server = run->server,.problems.context = run->context};

	check.row_context = AllocSetContextCreate(run->context,
											  "convex_migrate check row",
											  ALLOCSET_DEFAULT_SIZES);
	find_problems(&check, run->catalog);
	cm_problems_put(&check.problems, rsinfo);
	cm_run_close(run);
}

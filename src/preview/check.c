/*-------------------------------------------------------------------------
 *
 * check.c
 *	  convex_check(): what would go wrong, before anything is sent.
 *
 * Some problems are in the catalogs (findings.c), some in the rows. All rows
 * are read under one snapshot and encoded, in the passes and in the order of a
 * run, and thrown away. In the place of Convex ids come rows that are there and
 * that the check has not found to be rejected (CM_IDS_OF_SOURCE), so what is
 * counted is what a run will reject, for the same reasons; only what Convex
 * itself refuses is not foreseen. Nothing is written or sent. What memory it
 * needs grows with the number of problems of different kinds, not with the
 * number of rows: see row/keys.c.
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
	CmRun	   *run;
	CmServer   *server;
	CmProblems	problems;
	List	   *counted;		/* those of rows of the table that is read */
	CmKeys *rejected;
	bool		has_children;	/* a table points to the one that is read */
	MemoryContext row_context;	/* reset after every row that has one */
	CmCosts		costs;
} CmCheck;

/* Names of the first columns of references of the table. */
static char *
columns_of_references(CmTable *table, const Bitmapset *references)
{
	List	   *names = NIL;

	for (int n = -1; (n = bms_next_member(references, n)) >= 0;)
	{
		CmReference *reference = list_nth(table->references, n);

		names = lappend(names, table->columns[reference->columns[0]].name);
	}
	return cm_text_join(names, ", ");
}

/* Whether two texts of a reason are the same but for their figures: "3 elements"
 * and "4 elements" are one reason. */
static bool
is_same_reason(const char *a, const char *b)
{
	static const char figures[] = "0123456789,";

	if (a == NULL || b == NULL)
		return a == b;
	for (;;)
	{
		a += strspn(a, figures);
		b += strspn(b, figures);
		if (*a != *b)
			return false;
		if (*a == '\0')
			return true;
		a++;
		b++;
	}
}

/* The problem that a row which has this one is counted under, or NULL. */
static CmProblem *
find_counted(CmCheck *check, const CmProblem *found)
{
	ListCell   *lc;

	foreach(lc, check->counted)
	{
		CmProblem  *problem = lfirst(lc);

		if (strcmp(problem->code, found->code) == 0 &&
			strcmp(problem->column ? problem->column : "",
				   found->column ? found->column : "") == 0 &&
			is_same_reason(problem->reason, found->reason))
			return problem;
	}
	return NULL;
}

/*
 * Count a row that has the problem. The least key of its kind is the example,
 * and the hint for that row the hint.
 */
static void
count_row(CmCheck *check, CmTable *table, const char *key,
		  const CmProblem *found)
{
	MemoryContext old = MemoryContextSwitchTo(check->problems.context);
	CmProblem  *problem = find_counted(check, found);

	if (problem == NULL)
	{
		problem = cm_problems_add(&check->problems, found->severity, table,
								  found->column, found->code, found->hint);
		problem->rows = 0;
		problem->example = pstrdup(key);
		problem->reason = found->reason ? pstrdup(found->reason) : NULL;
		check->counted = lappend(check->counted, problem);
	}
	problem->rows++;
	if (strcmp(key, problem->example) < 0)
	{
		pfree(problem->example);
		pfree(problem->hint);
		problem->example = pstrdup(key);
		problem->hint = pstrdup(found->hint);
	}
	MemoryContextSwitchTo(old);
}

/* Count a row that becomes a reject, in one place, as convex_rejects has it. */
static void
count_reject(CmCheck *check, CmTable *table, const CmScanned *scanned)
{
	const CmReason *reason = &scanned->reason;
	CmColumn   *column = cm_table_column_of_path(table, reason->path);
	char	   *remedy = cm_remedies_of_reason(check->server, table, reason);
	CmProblem	found = {
		.severity = "error",
		.code = reason->code,
		.column = strcmp(reason->code, "orphan") == 0 ?
		columns_of_references(table, scanned->lost) :
		column ? column->name : NULL,
		.reason = reason->text,
		.hint = psprintf("These rows become rejects: %s%s%s.%s%s",
						 reason->path ? reason->path : "",
						 reason->path ? ": " : "", reason->text,
						 remedy ? " " : "", remedy ? remedy : "")
	};

	count_row(check, table, cm_utf8_readable(scanned->key), &found);
}

/* Count the references of a row that it will have to do without. */
static void
count_lost(CmCheck *check, CmTable *table, const CmScanned *scanned)
{
	for (int n = -1; (n = bms_next_member(scanned->lost, n)) >= 0;)
	{
		CmReference *reference = list_nth(table->references, n);
		CmProblem	found = {
			.severity = "warning",
			.code = "orphan",
			.column = table->columns[reference->columns[0]].name,
			.hint = psprintf("The row of table \"%s\" that they point to is not there, left out by a filter, or rejected: field \"%s\" %s.",
							 reference->parent->name, reference->field,
							 check->server->orphans == CM_ORPHANS_KEEP ?
							 "keeps the old key" :
							 reference->is_array ? "goes without it" : "is left empty")
		};

		count_row(check, table, cm_utf8_readable(scanned->key), &found);
	}
}

/* Count what is wrong with a row, if anything. */
static void
check_row(CmCheck *check, CmTable *table, CmPass pass, CmEncoded encoded,
		  const CmScanned *scanned)
{
	MemoryContext old = MemoryContextSwitchTo(check->row_context);

	if (encoded != CM_ENCODED)
		count_reject(check, table, scanned);
	else if (scanned->lost != NULL)
		count_lost(check, table, scanned);
	if (encoded == CM_NOT_ENCODED && pass == CM_PASS_ROWS &&
		check->has_children && !scanned->key_is_null)
		cm_keys_add(check->rejected, scanned->key);
	if (encoded != CM_NOT_ENCODED && pass == CM_PASS_ROWS)
		cm_costs_add_row(&check->costs, table, scanned->size);
	MemoryContextSwitchTo(old);
	MemoryContextReset(check->row_context);
}

/* Whether the caller may read all rows of the table. */
static bool
is_readable(CmTable *table)
{
	return cm_guard_may_read(table) &&
		check_enable_rls(table->relid, InvalidOid, true) != RLS_ENABLED;
}

/* The references of the table, from 0, whose rows cannot be read. */
static Bitmapset *
unreadable_references(CmTable *table)
{
	Bitmapset  *references = NULL;
	ListCell   *lc;

	foreach(lc, table->references)
	{
		if (!is_readable(((CmReference *) lfirst(lc))->parent))
			references = bms_add_member(references, foreach_current_index(lc));
	}
	return references;
}

/* Whether a table that is checked points to the table, or it does itself. */
static bool
has_children(CmCatalog *catalog, CmTable *table)
{
	ListCell   *lc;
	ListCell   *lr;

	foreach(lc, catalog->ordered)
	{
		foreach(lr, ((CmTable *) lfirst(lc))->references)
		{
			if (((CmReference *) lfirst(lr))->parent == table)
				return true;
		}
	}
	return false;
}

/* Encode the rows of a pass over the table as a run would, and count what is
 * wrong. */
static void
check_rows(CmCheck *check, CmTable *table, CmPass pass)
{
	MemoryContext context = AllocSetContextCreate(check->problems.context,
												  "convex_migrate check",
												  ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	CmQueryOptions query = {
		.pass = pass,
		.ids = CM_IDS_OF_SOURCE,
		.old_keys = check->server->orphans == CM_ORPHANS_KEEP,
		.rejected = cm_keys_names(check->rejected),
		.assumed = unreadable_references(table)
	};
	CmRecordOptions options = {
		.server = check->server,
		.orphans = check->server->orphans,
		.dialect = CM_DIALECT_ARGUMENTS
	};
	CmScan	   *scan = cm_scan_prepare(table, &query, &options, InvalidOid);
	StringInfoData record;
	CmScanned	scanned;
	CmEncoded	encoded;
	CmLeg		leg;

	check->counted = NIL;
	initStringInfo(&record);
	cm_progress_enter(check->run, &leg, table, pass);
	cm_scan_start(scan, NULL);
	while ((encoded = cm_scan_next(scan, &record, &scanned)) != CM_NO_ROW)
	{
		check_row(check, table, pass, encoded, &scanned);
		cm_progress_count(check->run, &leg, 1);
		if (cm_scan_must_fetch(scan))
			cm_progress_publish(check->run);
		resetStringInfo(&record);
	}
	cm_scan_stop(scan);
	cm_progress_leave(check->run, &leg);
	if (pass == CM_PASS_ROWS)
		cm_keys_publish(check->rejected, table);
	cm_costs_add_calls(&check->costs, leg.done, check->server->batch_rows);
	MemoryContextSwitchTo(old);
	MemoryContextDelete(context);
}

/* Whether all rows of the table can be read; notes why not. */
static bool
check_access(CmCheck *check, CmTable *table)
{
	const char *role = quote_identifier(GetUserNameFromId(GetUserId(), false));

	if (!cm_guard_may_read(table))
	{
		cm_problems_add(&check->problems, "error", table, NULL, "no_select",
						psprintf("GRANT USAGE ON SCHEMA %s TO %s; GRANT SELECT ON %s TO %s;",
								 quote_identifier(table->schema), role,
								 quote_qualified_identifier(table->schema, table->name),
								 role));
		return false;
	}
	if (check_enable_rls(table->relid, InvalidOid, true) == RLS_ENABLED)
	{
		cm_problems_add(&check->problems, "error", table, NULL, "row_security",
						psprintf("Row-level security would hide rows. Run it as the owner of the table, or: ALTER ROLE %s BYPASSRLS;",
								 role));
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

/* Note more tables than Convex takes. */
static void
check_count(CmCheck *check, CmCatalog *catalog)
{
	char	   *text = cm_outside_too_many_text(catalog);

	if (text != NULL)
		cm_problems_add(&check->problems, "error", NULL, NULL, "too_many_tables",
						text);
}

/* Note tables that stay behind though nobody has said so. */
static void
check_outside(CmCheck *check, CmCatalog *catalog)
{
	char	   *bookkeeping = cm_outside_bookkeeping_text(catalog);
	char	   *schemas = catalog->named ? NULL :
		cm_outside_schemas_text(catalog->server);

	if (bookkeeping != NULL)
		cm_problems_add(&check->problems, "info", NULL, NULL, "bookkeeping",
						bookkeeping);
	if (schemas != NULL)
		cm_problems_add(&check->problems, "warning", NULL, NULL,
						"other_schemas", schemas);
}

/* Find the problems of all tables, in no order. */
static void
find_problems(CmCheck *check, CmCatalog *catalog)
{
	List	   *readable = NIL;
	ListCell   *lc;

	check->rejected = cm_keys_create(catalog, "convex_rejected");
	cm_unreferenced_read(catalog);
	foreach(lc, catalog->ordered)
	{
		CmTable    *table = lfirst(lc);

		if (!check_access(check, table))
		{
			cm_progress_skip(check->run, table);
			continue;
		}
		readable = lappend(readable, table);
		check_table(check, table);
		check->has_children = has_children(catalog, table);
		check_rows(check, table, CM_PASS_ROWS);
	}
	foreach(lc, readable)
	{
		if (cm_table_has_deferred(lfirst(lc)))
			check_rows(check, lfirst(lc), CM_PASS_LINKS);
	}
	cm_keys_end(check->rejected);
	cm_literals_read(catalog);
	cm_constraints_check(catalog, &check->problems);
	cm_undeclared_check(catalog, &check->problems);
	check_outside(check, catalog);
	check_count(check, catalog);
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
	CmCheck		check = {
		.run = run,
		.server = run->server,
		.problems.context = run->context
	};

	check.row_context = AllocSetContextCreate(run->context,
											  "convex_migrate check row",
											  ALLOCSET_DEFAULT_SIZES);
	cm_progress_begin(run);
	find_problems(&check, run->catalog);
	cm_problems_put(&check.problems, rsinfo);
	cm_run_close(run);
}

/*-------------------------------------------------------------------------
 *
 * check.c
 *	  convex_check(): what would go wrong, before anything is sent.
 *
 * Some problems are in the catalogs, some in the rows. Rows are read with one
 * snapshot and encoded once, as a run would encode them; references are looked
 * at once each, by their key columns alone. Nothing is written or sent.
 *
 *-------------------------------------------------------------------------
 */
#include "preview/preview.h"

#include "access/htup_details.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "nodes/execnodes.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rls.h"
#include "utils/snapmgr.h"
#include "utils/tuplestore.h"

/* Columns of the result of convex_check(). */
#define CM_CHECK_COLUMNS 7

/* What the free plan includes: npm-packages/docs, production/state/limits. */
#define CM_FREE_STORAGE (INT64CONST(512) * 1024 * 1024)
#define CM_FREE_IO (INT64CONST(1024) * 1024 * 1024)
#define CM_FREE_CALLS INT64CONST(1000000)

/* One problem of one table, and how many rows have it. */
typedef struct CmProblem
{
	const char *severity;		/* error, warning, info */
	CmTable    *table;			/* NULL: of the whole */
	char	   *column;			/* or NULL */
	const char *code;
	int64		rows;			/* -1: not a matter of rows */
	char	   *example;		/* key of one, or NULL */
	char	   *hint;
} CmProblem;

typedef struct CmCheck
{
	CmServer   *server;
	MemoryContext context;
	MemoryContext work_context; /* reset after every row */
	List	   *problems;		/* CmProblem * */
	List	   *counted;		/* those of rows of the table at hand */
	int64		storage;		/* bytes, with indexes */
	int64		reads;			/* bytes that a run without changes reads */
	int64		calls;
} CmCheck;

/* Note a problem; the texts are copied. Returns it. */
static CmProblem *
add_problem(CmCheck *check, const char *severity, CmTable *table,
			const char *column, const char *code, const char *hint)
{
	MemoryContext old = MemoryContextSwitchTo(check->context);
	CmProblem  *problem = palloc0(sizeof(CmProblem));

	problem->severity = severity;
	problem->table = table;
	problem->column = column ? pstrdup(column) : NULL;
	problem->code = code;
	problem->rows = -1;
	problem->hint = pstrdup(hint);
	check->problems = lappend(check->problems, problem);
	MemoryContextSwitchTo(old);
	return problem;
}

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

/* The problem with this code and column of rows of the table at hand, or NULL. */
static CmProblem *
find_problem(CmCheck *check, const char *column, const char *code)
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
 * Count a row that cannot be migrated; the least key of its kind is the
 * example. What it takes of memory does not grow with the rows.
 */
static void
count_row(CmCheck *check, CmTable *table, const char *key,
		  const CmReason *reason)
{
	MemoryContext old = MemoryContextSwitchTo(check->work_context);
	char	   *column = column_of_path(table, reason->path);
	char	   *hint = psprintf("These rows become rejects: %s%s%s.",
								reason->path ? reason->path : "",
								reason->path ? ": " : "", reason->text);
	CmProblem  *problem = find_problem(check, column, reason->code);

	key = cm_utf8_readable(key);
	MemoryContextSwitchTo(check->context);
	if (problem == NULL)
	{
		problem = add_problem(check, "error", table, column, reason->code, hint);
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
	MemoryContextReset(check->work_context);
}

/* Count what a row that can be migrated will take of the plan. */
static void
count_costs(CmCheck *check, CmTable *table, int64 size)
{
	/* each index is billed as a copy: that of the old key, one a reference */
	check->storage += size * (2 + list_length(table->references));
	check->reads += 2 * size;
}

/* Encode all rows of the table as a run would, and count what is wrong. */
static void
check_rows(CmCheck *check, CmTable *table)
{
	MemoryContext context = AllocSetContextCreate(check->context,
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
			count_costs(check, table, scanned.size);
		else
			count_row(check, table, scanned.key, &scanned.reason);
		rows++;
		resetStringInfo(&record);
	}
	cm_scan_stop(scan);
	check->calls += (rows + check->server->batch_rows - 1) / check->server->batch_rows;
	MemoryContextSwitchTo(old);
	MemoryContextDelete(context);
}

/* Count the rows whose reference points to nothing. */
static void
check_reference(CmCheck *check, CmTable *table, CmReference *reference)
{
	CmProblem  *problem;
	int64		orphans;

	if (!reference->validated)
		add_problem(check, "warning", table, NULL, "constraint_not_validated",
					psprintf("ALTER TABLE %s VALIDATE CONSTRAINT %s.",
							 quote_qualified_identifier(table->schema, table->name),
							 quote_identifier(reference->conname)));
	cm_spi_execute(cm_query_orphans(table, reference), SPI_OK_SELECT, true, 0,
				   NULL, NULL);
	orphans = DatumGetInt64(cm_spi_value(0, 1));
	if (orphans > 0)
	{
		problem = add_problem(check, check->server->orphans == CM_ORPHANS_REJECT ?
							  "error" : "warning", table,
							  table->columns[reference->columns[0]].name,
							  "orphan",
							  psprintf("They point to rows of table \"%s\" that are not there or not moved: delete them, or set option \"orphans\" of the server.",
									   reference->parent->name));
		problem->rows = orphans;
		problem->example = MemoryContextStrdup(check->context,
											   TextDatumGetCString(cm_spi_value(0, 2)));
	}
	SPI_freetuptable(SPI_tuptable);
}

/* Fields of a document of the table: with the old key, _id, _creationTime. */
static int
count_fields(CmTable *table)
{
	int			fields = 3;
	ListCell   *lc;

	for (int i = 0; i < table->ncolumns; i++)
		fields += table->columns[i].field != NULL;
	foreach(lc, table->references)
	{
		CmReference *reference = lfirst(lc);

		fields += table->columns[reference->columns[0]].reference != reference;
	}
	return fields;
}

/* Problems that the catalogs show. False: the rows cannot be read. */
static bool
check_table(CmCheck *check, CmTable *table)
{
	ListCell   *lc;

	if (!cm_guard_may_read(table))
	{
		add_problem(check, "error", table, NULL, "no_select",
					psprintf("GRANT SELECT ON %s TO %s, and USAGE on its schema.",
							 quote_qualified_identifier(table->schema, table->name),
							 quote_identifier(GetUserNameFromId(GetUserId(), false))));
		return false;
	}
	if (check_enable_rls(table->relid, InvalidOid, true) == RLS_ENABLED)
	{
		add_problem(check, "error", table, NULL, "row_security",
					"Run it as a role with BYPASSRLS, or as the owner of the table.");
		return false;
	}
	if (table->nkeys == 0)
		add_problem(check, "warning", table, NULL, "no_key",
					psprintf("ALTER TABLE %s ADD PRIMARY KEY (...). Without a key a changed row becomes another document.",
							 quote_qualified_identifier(table->schema, table->name)));
	if (table->relkind == RELKIND_FOREIGN_TABLE)
		add_problem(check, "warning", table, NULL, "foreign_table",
					"Its rows are read from elsewhere, not in the snapshot of the run.");
	if (get_rel_persistence(table->relid) == RELPERSISTENCE_UNLOGGED)
		add_problem(check, "info", table, NULL, "unlogged_table",
					"It is empty after a crash.");
	if (count_fields(table) > CM_MAX_FIELDS)
		add_problem(check, "error", table, NULL, "too_many_fields",
					psprintf("%d fields with those that every document has; at most %d. Leave columns out by convex_columns.exclude.",
							 count_fields(table), CM_MAX_FIELDS));
	if (table->renamed)
		add_problem(check, "info", table, NULL, "renamed",
					psprintf("The Convex table is \"%s\".", table->target));
	for (int i = 0; i < table->ncolumns; i++)
	{
		CmColumn   *column = &table->columns[i];

		if (column->field != NULL && strcmp(column->name, column->field) != 0)
			add_problem(check, "info", table, column->name, "renamed",
						psprintf("The field is \"%s\".", column->field));
	}
	foreach(lc, table->references)
	{
		CmReference *reference = lfirst(lc);

		if (reference->deferred && reference->not_null)
			add_problem(check, "warning", table,
						table->columns[reference->columns[0]].name,
						"deferred_not_null",
						psprintf("Field \"%s\" must be optional in Convex: it is set in a second pass.",
								 reference->field));
	}
	return true;
}

/* $1: OIDs of the tables. Their CHECK constraints. */
static const char check_constraints_query[] =
"SELECT k.conrelid, pg_catalog.string_agg(pg_catalog.pg_get_constraintdef(k.oid), ', '"
"                                         ORDER BY k.conname)"
"  FROM pg_catalog.pg_constraint k"
" WHERE k.contype = 'c' AND k.conrelid = ANY ($1)"
" GROUP BY k.conrelid";

/* What the database checks and Convex will not. */
static void
check_constraints(CmCheck *check, CmCatalog *catalog)
{
	Oid			types[] = {OIDARRAYOID};
	Datum		values[] = {cm_table_relids(catalog->tables)};

	cm_spi_execute(check_constraints_query, SPI_OK_SELECT, true, 1, types,
				   values);
	for (uint64 row = 0; row < SPI_processed; row++)
	{
		CmTable    *table = cm_table_find(catalog, DatumGetObjectId(cm_spi_value(row, 1)));

		if (table->selected)
			add_problem(check, "info", table, NULL, "check_constraint",
						psprintf("Convex does not enforce %s; check it in your functions.",
								 TextDatumGetCString(cm_spi_value(row, 2))));
	}
	SPI_freetuptable(SPI_tuptable);
}

/* One amount against what the free plan includes, from half of it on. */
static void
check_quota(CmCheck *check, const char *code, int64 amount, int64 included,
			const char *what)
{
	if (amount >= included / 2)
		add_problem(check, "warning", NULL, NULL, code,
					psprintf("About " INT64_FORMAT " %s, %d %% of what the free plan of Convex includes.",
							 amount, what, (int) (amount * 100.0 / included)));
}

/*
 * What the migration would take of the free plan: documents with an index by
 * the old key and one for each reference. The first run writes all of that;
 * another reads each document twice, to find it and to compare it.
 */
static void
check_quotas(CmCheck *check)
{
	check_quota(check, "plan_storage", check->storage, CM_FREE_STORAGE,
				"bytes of storage, indexes included");
	check_quota(check, "plan_io_first", check->storage, CM_FREE_IO,
				"bytes of database I/O in the first run");
	check_quota(check, "plan_io_again", check->reads, CM_FREE_IO,
				"bytes of database I/O in every further run");
	check_quota(check, "plan_calls", check->calls, CM_FREE_CALLS,
				"function calls in every run");
}

/* Order of the result: by table, those of the whole last, then by code and
 * column; it must not depend on where rows are stored. */
static int
compare_problems(const ListCell *a, const ListCell *b)
{
	const CmProblem *left = lfirst(a);
	const CmProblem *right = lfirst(b);
	int			order;

	if (left->table != right->table)
	{
		if (left->table == NULL || right->table == NULL)
			return left->table == NULL ? 1 : -1;
		return left->table->position < right->table->position ? -1 : 1;
	}
	order = strcmp(left->code, right->code);
	return order != 0 ? order : strcmp(left->column ? left->column : "",
									   right->column ? right->column : "");
}

/* Put a problem into the result. */
static void
put_problem(ReturnSetInfo *rsinfo, CmProblem *problem)
{
	Datum		values[CM_CHECK_COLUMNS] = {0};
	bool		nulls[CM_CHECK_COLUMNS] = {0};

	values[0] = CStringGetTextDatum(problem->severity);
	nulls[1] = problem->table == NULL;
	if (problem->table != NULL)
		values[1] = ObjectIdGetDatum(problem->table->relid);
	nulls[2] = problem->column == NULL;
	if (problem->column != NULL)
		values[2] = CStringGetTextDatum(problem->column);
	values[3] = CStringGetTextDatum(problem->code);
	nulls[4] = problem->rows < 0;
	values[4] = Int64GetDatum(problem->rows);
	nulls[5] = problem->example == NULL;
	if (problem->example != NULL)
		values[5] = CStringGetTextDatum(problem->example);
	values[6] = CStringGetTextDatum(problem->hint);
	tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
}

/* All problems of the tables, in no order. */
static void
find_problems(CmCheck *check, CmCatalog *catalog)
{
	ListCell   *lc;
	ListCell   *lr;

	foreach(lc, catalog->ordered)
	{
		CmTable    *table = lfirst(lc);

		if (!check_table(check, table))
			continue;
		check_rows(check, table);
		foreach(lr, table->references)
		{
			CmReference *reference = lfirst(lr);

			if (cm_guard_may_read(reference->parent))
				check_reference(check, table, reference);
		}
	}
	check_constraints(check, catalog);
	add_problem(check, "info", NULL, NULL, "creation_time",
				"_creationTime will be the time of the migration, in the order of convex_tables.creation_time only roughly: keep columns such as created_at.");
	check_quotas(check);
}

/*
 * Put the problems into the result of rsinfo, which must be ready for it; none
 * is good news.
 */
void
cm_check_tables(const CmArguments *arguments, ReturnSetInfo *rsinfo)
{
	CmRun	   *run = cm_run_open(CurrentMemoryContext, arguments, CM_PURPOSE_READ);
	CmCheck		check = {.server = run->server,.context = run->context};
	ListCell   *lc;

	check.work_context = AllocSetContextCreate(run->context,
											   "convex_migrate check row",
											   ALLOCSET_DEFAULT_SIZES);
	find_problems(&check, run->catalog);
	list_sort(check.problems, compare_problems);
	foreach(lc, check.problems)
		put_problem(rsinfo, lfirst(lc));
	cm_run_close(run);
}

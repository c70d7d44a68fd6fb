/*-------------------------------------------------------------------------
 *
 * sources.c
 *	  Whose documents a Convex table has: those of which table, by which key.
 *
 * A document is found by its old key alone. If another table's rows were
 * written into a Convex table, or the same rows under another key, documents
 * of different rows would be taken for each other, or every row would be there
 * twice; and nothing would look wrong. Names make it easy: "app_users" and
 * "appUsers" want one Convex table, and so do the tables of two schemas that
 * are migrated one after the other.
 *
 * Two memories are compared with the tables of a run before anything is sent:
 * convex_targets, which every run with generated functions writes, and what
 * these functions say of themselves ("about"), which is there when the run was
 * somebody else's. A Convex table that is empty has nobody's documents.
 *
 * The table is written with the rights of its owner, as that of rejects.c.
 *
 *-------------------------------------------------------------------------
 */
#include "run/ours.h"

#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/builtins.h"

/* Differences that are reported one by one, and those that have a hint. */
#define CM_SHOWN_SOURCES 10
#define CM_HINTED_SOURCES 3

/* What is known of earlier runs: CmSource *. */
typedef struct CmMemory
{
	List	   *runs;			/* by convex_targets */
	List	   *functions;		/* by "about" */
} CmMemory;

/* A difference. */
typedef struct CmChange
{
	CmTable    *table;
	const CmSource *earlier;
} CmChange;

/* The source that a row says; its number and documents, columns 4 and 5, may be NULL. */
static CmSource *
read_source(uint64 row)
{
	CmSource   *source = palloc0(sizeof(CmSource));
	Datum	   *elements;
	int			count;
	bool		isnull;
	Datum		number = SPI_getbinval(SPI_tuptable->vals[row],
									   SPI_tuptable->tupdesc, 4, &isnull);

	source->number = isnull ? 0 : DatumGetInt64(number);
	number = SPI_getbinval(SPI_tuptable->vals[row], SPI_tuptable->tupdesc, 5, &isnull);
	source->documents = isnull ? -1 : DatumGetInt64(number);
	source->target = TextDatumGetCString(cm_spi_value(row, 1));
	source->name = TextDatumGetCString(cm_spi_value(row, 2));
	deconstruct_array(DatumGetArrayTypeP(cm_spi_value(row, 3)), TEXTOID, -1,
					  false, TYPALIGN_INT, &elements, NULL, &count);
	for (int i = 0; i < count; i++)
		source->key = lappend(source->key, TextDatumGetCString(elements[i]));
	return source;
}

/* What runs into this deployment have left. */
static List *
read_targets(CmRun *run)
{
	CmOurs		targets = cm_ours_open(run, "convex_targets", AccessShareLock);
	Oid			types[] = {TEXTOID};
	Datum		values[] = {CStringGetTextDatum(run->server->identity)};
	List	   *sources = NIL;

	cm_spi_execute_over(targets.allowed,
						psprintf("SELECT t.target, t.source, t.key, t.number, t.documents FROM %s AS t"
								 " WHERE t.deployment OPERATOR(pg_catalog.=) $1"
								 " ORDER BY t.target COLLATE pg_catalog.\"C\"",
								 cm_text_relation_name(targets.relid)),
						SPI_OK_SELECT, true, 1, types, values);
	for (uint64 row = 0; row < SPI_processed; row++)
		sources = lappend(sources, read_source(row));
	SPI_freetuptable(SPI_tuptable);
	return sources;
}

/* Note whose the documents of the table's Convex table are, and its number; and how many
 * an import has left, or -1. */
static void
remember_table(CmRun *run, CmTable *table, int64 documents)
{
	CmOurs		targets = cm_ours_open(run, "convex_targets", RowExclusiveLock);
	const CmSource *source = cm_source_of_table(table);
	Oid			types[] = {TEXTOID, TEXTOID, TEXTOID, TEXTARRAYOID, INT8OID, INT8OID};
	Datum		values[] = {CStringGetTextDatum(run->server->identity),
		CStringGetTextDatum(source->target), CStringGetTextDatum(source->name),
	cm_spi_text_array(source->key), Int64GetDatum(table->number),
	Int64GetDatum(documents)};

	cm_ours_execute(&targets,
					psprintf("DELETE FROM %s WHERE deployment OPERATOR(pg_catalog.=) $1"
							   " AND target OPERATOR(pg_catalog.=) $2",
							   cm_text_relation_name(targets.relid)),
					  SPI_OK_DELETE, 2, types, values);
	cm_ours_execute(&targets,
					psprintf("INSERT INTO %s (deployment, target, source, key, number, documents)"
							   " SELECT $1, $2, $3, $4,"
							   " CASE WHEN $5 OPERATOR(pg_catalog.>) 0 THEN $5 END,"
							   " CASE WHEN $6 OPERATOR(pg_catalog.>=) 0 THEN $6 END",
							   cm_text_relation_name(targets.relid)),
					  SPI_OK_INSERT, 6, types, values);
}

/* Note that ids of the selected tables' documents are not computed any more. */
static void
forget_numbers(CmRun *run)
{
	CmOurs		ours = cm_ours_open(run, "convex_targets", RowExclusiveLock);
	Oid			types[] = {TEXTOID, TEXTARRAYOID};
	Datum		values[2];
	List	   *targets = NIL;
	ListCell   *lc;

	foreach(lc, run->catalog->ordered)
		targets = lappend(targets, ((CmTable *) lfirst(lc))->target);
	values[0] = CStringGetTextDatum(run->server->identity);
	values[1] = cm_spi_text_array(targets);
	cm_ours_execute(&ours,
					psprintf("UPDATE %s SET number = NULL, documents = NULL"
							   " WHERE deployment OPERATOR(pg_catalog.=) $1"
							   " AND target OPERATOR(pg_catalog.=) ANY ($2)",
							   cm_text_relation_name(ours.relid)),
					  SPI_OK_UPDATE, 2, types, values);
}

/*
 * Note that Convex makes the ids of the selected tables' documents, and, where
 * functions are known to find documents by their keys, that these are of these
 * tables from now on. Inside SPI, before the first batch; a run that fails takes
 * it back.
 */
void
cm_sources_remember(CmRun *run)
{
	ListCell   *lc;

	if (!run->generated)
	{
		forget_numbers(run);
		return;
	}
	foreach(lc, run->catalog->ordered)
		remember_table(run, lfirst(lc), -1);
}

/* "schema.table(key columns)"; palloc'd. */
static char *
source_text(const CmSource *source)
{
	List	   *columns = NIL;
	ListCell   *lc;

	foreach(lc, source->key)
		columns = lappend(columns, (char *) quote_identifier(lfirst(lc)));
	return psprintf("%s(%s)", source->name, cm_text_join(columns, ", "));
}

/* The entry for the Convex table, or NULL. */
static const CmSource *
find_target(const List *sources, const char *target)
{
	ListCell   *lc;

	foreach(lc, sources)
	{
		if (strcmp(((CmSource *) lfirst(lc))->target, target) == 0)
			return lfirst(lc);
	}
	return NULL;
}

/* The entry by which the table of PostgreSQL had another Convex table than now,
 * or NULL. */
static const CmSource *
find_former(const List *sources, const CmSource *now)
{
	ListCell   *lc;

	foreach(lc, sources)
	{
		const CmSource *source = lfirst(lc);

		if (strcmp(source->name, now->name) == 0 &&
			strcmp(source->target, now->target) != 0)
			return source;
	}
	return NULL;
}

/*
 * The number of the table's Convex table, by which the last run computed the
 * ids of its rows, or 0: none did, or its documents are those of another table.
 * Inside SPI.
 */
uint32
cm_sources_number(CmRun *run, CmTable *table)
{
	const CmSource *earlier = find_target(read_targets(run), table->target);

	if (earlier == NULL ||
		strcmp(source_text(earlier), source_text(cm_source_of_table(table))) != 0)
		return 0;
	return earlier->number;
}

/* Whose the documents of the table's Convex table are, as far as is known, if
 * not the table's own; else NULL. */
static const CmSource *
find_change(const CmMemory *memory, CmTable *table)
{
	const CmSource *now = cm_source_of_table(table);
	const CmSource *earlier = find_target(memory->runs, table->target);
	char	   *text;

	if (earlier == NULL)
		earlier = find_target(memory->functions, table->target);
	if (earlier == NULL)
		return NULL;
	text = source_text(earlier);
	if (strcmp(text, source_text(now)) == 0 ||
		(table->formerly != NULL && strcmp(text, table->formerly) == 0))
		return NULL;
	return earlier;
}

/* How many documents an import has left in the table's Convex table, as far as is known;
 * else -1. */
static int64
documents_left(const CmMemory *memory, CmTable *table)
{
	const CmSource *earlier = find_target(memory->runs, table->target);

	return earlier != NULL && earlier->number == table->number ?
		earlier->documents : -1;
}

/*
 * Who has made the ids of the documents in the table's Convex table, and how many an
 * import has left there (-1: it is not known), as runs have noted it. Inside SPI.
 */
CmIdOrigin
cm_sources_documents(CmRun *run, CmTable *table, int64 *documents)
{
	CmMemory	memory = {.runs = read_targets(run)};
	const CmSource *earlier = find_target(memory.runs, table->target);

	*documents = documents_left(&memory, table);
	if (find_change(&memory, table) != NULL)
		return CM_IDS_OF_OTHERS;
	if (earlier == NULL)
		return CM_IDS_UNKNOWN;
	return earlier->number == 0 ? CM_IDS_BY_CONVEX : CM_IDS_BY_US;
}

/*
 * Note that an import has made the documents of the selected tables, beside those that
 * were there when it appends. Inside SPI.
 */
void
cm_sources_remember_import(CmRun *run, bool appends)
{
	CmMemory	memory = {.runs = read_targets(run)};
	ListCell   *lc;

	foreach(lc, run->catalog->ordered)
	{
		CmTable    *table = lfirst(lc);
		int64		before = appends ? documents_left(&memory, table) : 0;

		remember_table(run, table, before < 0 ? -1 :
					   before + cm_report_tally(run, table)->documents);
	}
}

/*
 * The same of tables whose ids are computed by numbers that the deployment told.
 * A Convex table that has the documents of another one keeps them as far as is
 * known: the file has not been imported. WARNING then.
 */
void
cm_sources_remember_numbers(CmRun *run)
{
	CmMemory	memory = {.runs = read_targets(run)};
	ListCell   *lc;

	foreach(lc, run->catalog->ordered)
	{
		CmTable    *table = lfirst(lc);
		const CmSource *earlier = find_change(&memory, table);

		if (earlier == NULL)
			remember_table(run, table, documents_left(&memory, table));
		else
			ereport(WARNING,
					(errmsg("Convex table \"%s\" has the documents of %s",
							table->target, source_text(earlier)),
					 errdetail("The file has rows of %s for it.",
							   source_text(cm_source_of_table(table)))));
	}
}

/* A statement that gives a table a column of convex_tables; palloc'd. */
static char *
choice_statement(CmRun *run, const char *source, const char *column,
				 const char *value)
{
	return psprintf("INSERT INTO convex_tables (server, source, %s) VALUES (%s, %s, %s) ON CONFLICT (server, source) DO UPDATE SET %s = EXCLUDED.%s;",
					column, quote_literal_cstr(run->server->name),
					quote_literal_cstr(source), quote_literal_cstr(value),
					column, column);
}

/* Whether a configured table has this name. */
static bool
is_configured(CmCatalog *catalog, const char *name)
{
	ListCell   *lc;

	foreach(lc, catalog->tables)
	{
		CmTable    *table = lfirst(lc);

		if (table->configured &&
			strcmp(quote_qualified_identifier(table->schema, table->name), name) == 0)
			return true;
	}
	return false;
}

/* What can be done about a change, a line or two. */
static char *
change_hint(CmRun *run, const CmMemory *memory, const CmChange *change)
{
	const CmSource *now = cm_source_of_table(change->table);
	const CmSource *earlier = change->earlier;
	const CmSource *own = find_former(memory->runs, now);
	char	   *renamed = choice_statement(run, now->name, "formerly",
										   source_text(earlier));

	if (strcmp(earlier->name, now->name) == 0)
		return psprintf("%sIf the key columns were only renamed: %s",
						earlier->key == NIL ? "" :
						psprintf("To keep the key: %s\n",
								 choice_statement(run, now->name, "key",
												  psprintf("{%s}", cm_text_join(earlier->key, ",")))),
						renamed);
	if (is_configured(run->catalog, earlier->name))
		return psprintf("To keep the names as they were: %s",
						choice_statement(run, earlier->name, "target", earlier->target));
	if (own == NULL)
		own = find_former(memory->functions, now);
	if (own != NULL)
		return psprintf("To keep the names as they were: %s",
						choice_statement(run, now->name, "target", own->target));
	return psprintf("If the table was only renamed: %s\nElse give it a Convex table of its own: %s",
					renamed,
					choice_statement(run, now->name, "target",
									 cm_identifier_number(change->table->target, 2,
														  CM_MAX_TARGET)));
}

/* ERROR with all changes. */
static void
fail_changes(CmRun *run, const CmMemory *memory, List *changes)
{
	List	   *details = NIL;
	List	   *hints = NIL;
	ListCell   *lc;

	foreach(lc, changes)
	{
		CmChange   *change = lfirst(lc);

		if (foreach_current_index(lc) < CM_SHOWN_SOURCES)
			details = lappend(details,
							  psprintf("Convex table \"%s\" has the documents of %s, and would get those of %s.",
									   change->table->target,
									   source_text(change->earlier),
									   source_text(cm_source_of_table(change->table))));
		if (foreach_current_index(lc) < CM_HINTED_SOURCES)
			hints = lappend(hints, change_hint(run, memory, change));
	}
	if (list_length(changes) > CM_SHOWN_SOURCES)
		details = lappend(details, psprintf("And %d more.",
											list_length(changes) - CM_SHOWN_SOURCES));
	hints = lappend(hints, "Or empty these Convex tables in the dashboard, to begin anew; then write the functions again by convex_functions().");
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("rows of other tables, or under other keys, would be mixed with the documents of deployment \"%s\"",
					run->server->deployment),
			 errdetail("%s", cm_text_join(details, "\n")),
			 errhint("%s", cm_text_join(hints, "\n"))));
}

/* Whether the Convex table has no document, as the functions know. */
static bool
is_empty(CmRun *run, List *specs, const char *target)
{
	char	   *path = psprintf("%s:range", run->server->functions);
	CmRequest	request;
	CmAnswer	answer;
	bool		empty;

	if (cm_deployed_find_function(specs, path) == NULL)
		return false;
	request = cm_call_first_document_request(path, target);
	cm_ask_result(run, &request, run->server->max_retries, &answer);
	empty = answer.outcome == CM_OUTCOME_SUCCESS &&
		cm_deployed_read_is_empty(request.answer, request.answer_length);
	cm_http_release(&request);
	return empty;
}

/*
 * ERROR when the run would mix rows with documents of other rows. specs: the
 * deployed functions; functions: what these say of their tables, CmSource *.
 * Inside SPI.
 */
void
cm_sources_check(CmRun *run, List *specs, List *functions)
{
	CmMemory	memory = {.functions = functions};
	List	   *changes = NIL;
	ListCell   *lc;

	memory.runs = read_targets(run);
	foreach(lc, cm_table_with_parents(run->catalog))
	{
		CmTable    *table = lfirst(lc);
		const CmSource *earlier = find_change(&memory, table);
		CmChange   *change;

		if (earlier == NULL || is_empty(run, specs, table->target))
			continue;
		change = palloc(sizeof(CmChange));
		*change = (CmChange) {table, earlier};
		changes = lappend(changes, change);
	}
	if (changes != NIL)
		fail_changes(run, &memory, changes);
}

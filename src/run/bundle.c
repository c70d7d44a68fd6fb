/*-------------------------------------------------------------------------
 *
 * bundle.c
 *	  All tables as one archive, in the form that Convex exports and imports.
 *
 * It has _tables/documents.jsonl, which says the number of every table in it,
 * and for each table documents.jsonl, a line per row, and generated_schema.jsonl,
 * which says that values have the form that keeps all types apart
 * (crates/application/src/snapshot_import/parse.rs, crates/exports/src/lib.rs).
 * Ids are computed, so that references need neither an order nor a second pass.
 *
 * But a row that does not go takes along those that point to it, or leaves them
 * without the reference, and that must be known when they are written. Tables
 * come parents first, so mostly it is. Where tables point to each other in a
 * circle, or to themselves, rows that do not go are looked for before the first
 * table is written: in the tables that deferred references point to, and in
 * those that they depend on themselves.
 *
 *-------------------------------------------------------------------------
 */
#include "run/run.h"

#include "miscadmin.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

/* Bytes of lines that are compressed at once. */
#define CM_LINES_BYTES (256 * 1024)

typedef struct CmBundle
{
	CmRun	   *run;
	CmZip	   *zip;
	CmKeys	   *rejected;
	MemoryContext row_context;	/* for what is said of one row */
	Bitmapset  *looked;			/* positions of tables whose rows that do not go
								 * are known before they are written */
	Bitmapset  *parents;		/* positions of tables that are pointed to */
} CmBundle;

/* Error context: which table's rows an ERROR of the executor comes from. */
static void
describe_fetch(void *arg)
{
	CmJob	   *job = arg;

	errcontext("reading table \"%s\", " INT64_FORMAT " of its rows are read",
			   job->table->name, job->tally->rows_read);
}

/* The scan of a table, in the current memory context. writes: for its lines, not
 * only for rows that do not go. */
static CmScan *
prepare_scan(CmBundle *bundle, CmTable *table, bool writes)
{
	CmServer   *server = bundle->run->server;
	CmQueryOptions query = {
		.pass = CM_PASS_ROWS,
		.ids = CM_IDS_COMPUTED,
		.old_keys = server->orphans == CM_ORPHANS_KEEP,
		.rejected = cm_keys_names(bundle->rejected),
		.with_deferred = writes,
		.trusting = server->trust_constraints
	};
	CmRecordOptions options = {
		.server = server,
		.orphans = server->orphans,
		.dialect = CM_DIALECT_IMPORT,
		.computes_ids = true
	};

	return cm_scan_prepare(table, &query, &options, InvalidOid);
}

/* Read with the snapshot of the run. */
static void
start_scan(CmBundle *bundle, CmScan *scan)
{
	cm_run_push_snapshot(bundle->run);
	cm_scan_start(scan, NULL);
	PopActiveSnapshot();
}

/* A context for what is needed while one table is read. */
static MemoryContext
create_table_context(void)
{
	return AllocSetContextCreate(CurrentMemoryContext, "convex_migrate bundle",
								 ALLOCSET_DEFAULT_SIZES);
}

/*
 * The next row of the table into the lines, if it goes: what the schema of the
 * deployment, where it is known, does not accept would spoil the import.
 */
static CmEncoded
next_row(CmBundle *bundle, CmTable *table, CmScan *scan, StringInfo lines,
		 CmScanned *scanned)
{
	int			start = lines->len;
	CmEncoded	encoded = cm_scan_next(scan, lines, scanned);
	CmDeployedTable *deployed;
	MemoryContext old;
	bool		accepted;

	if (encoded == CM_NO_ROW || encoded == CM_NOT_ENCODED)
		return encoded;
	deployed = cm_deployed_find_table(bundle->run->deployed, table->target);
	appendStringInfoChar(lines, '\n');	/* ends in a NUL as well */
	if (deployed == NULL)
		return encoded;
	MemoryContextReset(bundle->row_context);
	old = MemoryContextSwitchTo(bundle->row_context);
	accepted = cm_conforms_document(deployed->document, lines->data + start,
									&scanned->reason);
	MemoryContextSwitchTo(old);
	if (accepted)
		return encoded;
	lines->len = start;
	return CM_NOT_ENCODED;
}

/* Note the rows of the table that do not go, for those that point to it. */
static void
look_through(CmBundle *bundle, CmTable *table)
{
	MemoryContext context = create_table_context();
	MemoryContext old = MemoryContextSwitchTo(context);
	CmScan	   *scan = prepare_scan(bundle, table, false);
	StringInfoData line;
	CmScanned	scanned;
	CmEncoded	encoded;

	initStringInfo(&line);
	start_scan(bundle, scan);
	while ((encoded = next_row(bundle, table, scan, &line, &scanned)) != CM_NO_ROW)
	{
		CHECK_FOR_INTERRUPTS();
		if (encoded == CM_NOT_ENCODED)
			cm_keys_add(bundle->rejected, scanned.key);
		resetStringInfo(&line);
	}
	cm_scan_stop(scan);
	cm_keys_publish(bundle->rejected, table);
	MemoryContextSwitchTo(old);
	MemoryContextDelete(context);
}

/* Find out which tables are to be looked through, and which are pointed to. */
static void
find_parents(CmBundle *bundle)
{
	List	   *ordered = bundle->run->catalog->ordered;
	ListCell   *lc;

	foreach(lc, ordered)
	{
		ListCell   *lr;

		foreach(lr, ((CmTable *) lfirst(lc))->references)
		{
			CmReference *reference = lfirst(lr);

			if (!reference->parent->selected)
				continue;
			bundle->parents = bms_add_member(bundle->parents,
											 reference->parent->position);
			if (reference->deferred)
				bundle->looked = bms_add_member(bundle->looked,
												reference->parent->position);
		}
	}
	/* from the last table to the first: what those depend on comes before them */
	for (int i = list_length(ordered) - 1; i >= 0; i--)
	{
		CmTable    *table = list_nth(ordered, i);

		if (!bms_is_member(table->position, bundle->looked))
			continue;
		foreach(lc, table->references)
		{
			CmReference *reference = lfirst(lc);

			if (reference->parent->selected && !reference->deferred)
				bundle->looked = bms_add_member(bundle->looked,
												reference->parent->position);
		}
	}
}

/* Take a row that was read into the lines, or into the rejects. */
static void
take_row(CmBundle *bundle, CmJob *job, CmEncoded encoded,
		 const CmScanned *scanned, StringInfo lines, int start)
{
	int			position = job->table->position;

	cm_report_count_read(job);
	if (encoded != CM_ENCODED)
		cm_run_reject(job, scanned->key, &scanned->reason);
	if (encoded == CM_NOT_ENCODED)
	{
		if (bms_is_member(position, bundle->parents) &&
			!bms_is_member(position, bundle->looked))
			cm_keys_add(bundle->rejected, scanned->key);
		cm_report_count_dropped(job);
		return;
	}
	cm_report_count_orphans(job, scanned);
	cm_report_count_exported(job, encoded == CM_ENCODED_IN_PART,
							 lines->len - start);
}

/* Write the rows of the table. */
static void
write_rows(CmBundle *bundle, CmJob *job)
{
	CmScan	   *scan = prepare_scan(bundle, job->table, true);
	CmCollision *collision = cm_collision_begin(bundle->run, job->table);
	StringInfoData lines;
	CmScanned	scanned;
	CmEncoded	encoded = CM_ENCODED;

	initStringInfo(&lines);
	enlargeStringInfo(&lines, CM_LINES_BYTES);
	cm_scan_on_error(scan, describe_fetch, job);
	start_scan(bundle, scan);
	while (encoded != CM_NO_ROW)
	{
		int			start = lines.len;

		encoded = next_row(bundle, job->table, scan, &lines, &scanned);
		if (encoded != CM_NO_ROW)
			take_row(bundle, job, encoded, &scanned, &lines, start);
		if (encoded == CM_ENCODED || encoded == CM_ENCODED_IN_PART)
			cm_collision_add(collision, scanned.own);
		if (lines.len < CM_LINES_BYTES && encoded != CM_NO_ROW &&
			!cm_scan_must_fetch(scan))
			continue;
		CHECK_FOR_INTERRUPTS();
		cm_zip_add(bundle->zip, lines.data, lines.len);
		resetStringInfo(&lines);
		cm_progress_publish(job->run);
		cm_report_idle(job);
	}
	cm_scan_stop(scan);
	cm_collision_end(collision);
}

/* Write an entry of one text. */
static void
write_text(CmZip *zip, const char *name, const char *text)
{
	cm_zip_begin_entry(zip, name);
	cm_zip_add(zip, text, strlen(text));
	cm_zip_end_entry(zip);
}

/* Write the entries of the table. */
static void
write_table(CmBundle *bundle, CmTable *table)
{
	MemoryContext context = create_table_context();
	MemoryContext old = MemoryContextSwitchTo(context);
	CmJob	   *job = cm_job_begin(bundle->run, table, CM_PASS_ROWS);

	cm_zip_begin_entry(bundle->zip, psprintf("%s/documents.jsonl", table->target));
	write_rows(bundle, job);
	cm_zip_end_entry(bundle->zip);
	write_text(bundle->zip, psprintf("%s/generated_schema.jsonl", table->target),
			   "\"uniform\"\n");
	if (!bms_is_member(table->position, bundle->looked))
		cm_keys_publish(bundle->rejected, table);
	cm_rejects_flush(bundle->run->rejects);
	cm_report_done(job);
	MemoryContextSwitchTo(old);
	MemoryContextDelete(context);
}

/* Write the numbers of the tables. */
static void
write_numbers(CmBundle *bundle)
{
	StringInfoData lines;
	ListCell   *lc;

	initStringInfo(&lines);
	foreach(lc, bundle->run->catalog->ordered)
	{
		CmTable    *table = lfirst(lc);

		appendStringInfo(&lines, "{\"name\":\"%s\",\"id\":%u}\n", table->target,
						 table->number);
	}
	write_text(bundle->zip, "_tables/documents.jsonl", lines.data);
}

/*
 * Write the selected tables of the run into the archive, which is then whole.
 * They have numbers, and the run has its rejects. Inside SPI.
 */
void
cm_bundle_write(CmRun *run, CmZip *zip)
{
	CmBundle	bundle = {.run = run,.zip = zip};
	ListCell   *lc;

	bundle.row_context = AllocSetContextCreate(CurrentMemoryContext,
											   "convex_migrate bundle row",
											   ALLOCSET_SMALL_SIZES);
	bundle.rejected = cm_keys_create(run->catalog, "convex_rejected");
	find_parents(&bundle);
	write_numbers(&bundle);
	foreach(lc, run->catalog->ordered)
	{
		CmTable    *table = lfirst(lc);

		if (bms_is_member(table->position, bundle.looked))
			look_through(&bundle, table);
	}
	foreach(lc, run->catalog->ordered)
		write_table(&bundle, lfirst(lc));
	cm_keys_end(bundle.rejected);
	cm_zip_finish(zip);
}

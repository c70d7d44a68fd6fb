/*-------------------------------------------------------------------------
 *
 * import.c
 *	  A run of convex_migrate() with method import.
 *
 * All tables become one file, as convex_export() writes it, which Convex imports: all of
 * it or nothing, with ids that are computed here. The steps: ask what is in the
 * deployment; write the file; upload it; have Convex read it; confirm; wait until it is
 * done. Up to the confirmation nothing has changed in Convex, and an ERROR, such as a
 * cancel, takes the upload back. After it Convex goes on by itself, also when nobody is
 * there any more.
 *
 *-------------------------------------------------------------------------
 */
#include "run/import.h"

#include "nodes/execnodes.h"
#include "utils/memutils.h"

/* How long an ERROR is held up to tell Convex of it, milliseconds. */
#define CM_CANCEL_TIME 200

/* A file that is imported in one request is in memory as a whole; and it must be done
 * in the time of a request. */
#define CM_MAX_WHOLE_BYTES (64 * 1024 * 1024)
#define CM_MAX_WHOLE_SECONDS 300

/*
 * For the expected time: Convex writes 8,000 rows or 8 MB at once, and then waits until
 * what it has written, indexes included, is within the limit of a second, 4 MB in the
 * smallest class (crates/application/src/snapshot_import/mod.rs). Indexes are taken to be
 * as large as their documents.
 */
#define CM_BYTES_PER_SECOND (2.0 * 1024 * 1024)
#define CM_ROWS_PER_SECOND 8000.0

/* What is shown of each mode, and what Convex calls it. */
static const struct
{
	const char *name;
	const char *convex;
}			modes[] =
{
	[CM_IMPORT_REQUIRE_EMPTY] = {"require_empty", "requireEmpty"},
	[CM_IMPORT_REPLACE] = {"replace", "replace"},
	[CM_IMPORT_REPLACE_ALL_IN_THEM] = {"replace!", "replace"},
	[CM_IMPORT_APPEND] = {"append", "append"}
};

/* The mode of this name; NULL: the default. ERROR when there is none. */
static CmImportMode
mode_of_name(const char *name)
{
	if (name == NULL)
		return CM_IMPORT_REQUIRE_EMPTY;
	for (int i = 0; i < (int) lengthof(modes); i++)
	{
		if (strcmp(modes[i].name, name) == 0)
			return i;
	}
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("invalid mode \"%s\" of method \"import\"", name),
			 errhint("Valid modes are \"require_empty\", \"replace\", \"replace!\" and \"append\".")));
}

/* How long Convex will take about, in seconds. */
static double
expected_seconds(CmRun *run)
{
	return Max(run->total.bytes / CM_BYTES_PER_SECOND,
			   run->total.documents / CM_ROWS_PER_SECOND);
}

/* NOTICE of what is going to happen. */
static void
announce(CmRun *run, CmImportMode mode)
{
	ereport(NOTICE,
			(errmsg("importing %s documents into deployment \"%s\", mode \"%s\"",
					cm_text_figure(run->total.documents), run->server->deployment,
					modes[mode].name),
			 errdetail("While Convex carries it out, about %s in a deployment of the smallest class, mutations of the live app may be refused as too many (429).%s",
					   cm_text_duration(Max(expected_seconds(run), 1)),
					   mode == CM_IMPORT_APPEND ?
					   " Mode \"append\" is not atomic: what fails in the middle leaves what came before it. Run twice, it fails, since the ids are there." : "")));
	if (mode == CM_IMPORT_REPLACE_ALL_IN_THEM)
		ereport(WARNING,
				(errmsg("what the app has created in the tables is taken away")));
}

/* Write all rows into a spool. */
static CmSpool *
write_file(CmRun *run)
{
	CmSpool    *spool = cm_spool_create();
	CmZip	   *zip = cm_zip_create(CM_COMPRESSION_DEFLATE, cm_spool_append, spool);

	cm_bundle_write(run, zip);
	return spool;
}

/* ERROR: Convex has ended the import. */
static void
fail(CmRun *run, CmImportMode mode, const char *why)
{
	bool		in_part = mode == CM_IMPORT_APPEND && run->stage == CM_IMPORT_STAGE_CONFIRMED;

	run->stage = CM_IMPORT_STAGE_REFUSED;
	run->unconfirmed = NULL;
	cm_run_fail(run, ERRCODE_EXTERNAL_ROUTINE_EXCEPTION,
				psprintf("deployment \"%s\" did not carry out the import",
						 run->server->deployment),
				*why ? why : "It does not say why.",
				in_part ? "Some of the documents may be there: mode \"append\" is not atomic. Look at the tables in the dashboard." :
				"Nothing was changed in the deployment. Nobody may deploy while an import runs; when that was not it, the import in the dashboard may say more.");
}

/* Wait for Convex to read the file, and confirm its import. */
static void
confirm(CmRun *run, CmImportMode mode)
{
	CmImport   *import = cm_watch_while(run, run->unconfirmed, CM_IMPORT_UPLOADED,
										CM_IMPORT_UNKNOWN);
	char	   *id = run->unconfirmed;
	CmRequest	request = cm_import_perform_request(id);
	CmAnswer	answer;

	if (import == NULL || import->state == CM_IMPORT_FAILED)
		fail(run, mode, import ? import->failure : "The import is not there any more.");
	if (import->state == CM_IMPORT_WAITING && *import->changes)
		ereport(NOTICE,
				(errmsg("what Convex will change"),
				 errdetail("%s", import->changes)));
	run->stage = CM_IMPORT_STAGE_CONFIRMED;
	run->unconfirmed = NULL;
	cm_ask_status(run, &request, run->server->max_retries, &answer);
	if (answer.outcome != CM_OUTCOME_SUCCESS)
		cm_run_fail(run, answer.sqlstate, answer.message, answer.detail, answer.hint);
	cm_http_release(&request);
}

/* Wait until Convex has carried out the import with this id. Returns how many rows it has
 * written. */
static int64
carry_out(CmRun *run, CmImportMode mode, const char *id)
{
	CmImport   *import = cm_watch_while(run, id, CM_IMPORT_WAITING,
										CM_IMPORT_IN_PROGRESS);

	if (import == NULL)
		fail(run, mode, "The import is not there any more.");
	if (import->state != CM_IMPORT_COMPLETED)
		fail(run, mode, import->failure);
	return import->written;
}

/* Upload the file, have it imported, and watch that. Returns how many rows were
 * written. */
static int64
import_watched(CmRun *run, CmImportMode mode, CmSpool *spool)
{
	char	   *id = cm_upload_send(run, spool, modes[mode].convex);

	run->unconfirmed = id;
	confirm(run, mode);
	return carry_out(run, mode, id);
}

/* Import the file in one request, for a key that cannot watch. Returns how many rows
 * were written. */
static int64
import_whole(CmRun *run, CmImportMode mode, CmSpool *spool)
{
	uint64		length = cm_spool_length(spool);
	CmRequest	request;
	CmAnswer	answer;
	char	   *bytes;
	int64		written;

	if (length > CM_MAX_WHOLE_BYTES ||
		expected_seconds(run) > CM_MAX_WHOLE_SECONDS)
		cm_run_fail(run, ERRCODE_INVALID_AUTHORIZATION_SPECIFICATION,
					"the deploy key does not allow to watch an import, and this one is too large to go without",
					psprintf("It has %s bytes and takes about %s; one that is not watched may have %d MB and take %d seconds.",
							 cm_text_figure(length),
							 cm_text_duration(expected_seconds(run)),
							 CM_MAX_WHOLE_BYTES / (1024 * 1024), CM_MAX_WHOLE_SECONDS),
					"Make a deploy key in the dashboard that has the right \"deployment:backups:view\" as well.");
	bytes = MemoryContextAllocHuge(run->context, Max(length, 1));
	cm_spool_rewind(spool);
	cm_spool_read(spool, bytes, length);
	request = cm_import_whole_request(bytes, length, modes[mode].convex);
	run->stage = CM_IMPORT_STAGE_CONFIRMED;
	(void) cm_ask_once(run, &request, &answer);
	if (request.delivery == CM_DELIVERY_ANSWERED && request.status == 400)
		fail(run, mode, answer.detail);
	if (answer.outcome != CM_OUTCOME_SUCCESS)
		cm_run_fail(run, answer.sqlstate, answer.message, answer.detail, answer.hint);
	written = cm_import_read_written(&request);
	cm_http_release(&request);
	pfree(bytes);
	return written;
}

/* Import, and put the report into the result of rsinfo. */
static void
import(CmRun *run, CmImportMode mode, ReturnSetInfo *rsinfo)
{
	CmSpool    *spool;
	int64		written;

	run->http = cm_call_connect(run->context, run->server);
	run->pace = cm_pace_create(run->server);
	cm_progress_begin(run);
	cm_docref_require_salt(run->server, cm_table_with_parents(run->catalog));
	cm_preflight_identify(run);
	cm_targets_check(run, mode);
	run->rejects = cm_rejects_open(run);
	run->history = cm_history_open(run);
	cm_report_begin(run);
	cm_report_left_behind(run);
	spool = write_file(run);
	announce(run, mode);
	/* what is replaced has other ids in the session's map, or none */
	if (mode != CM_IMPORT_APPEND)
		cm_idmap_discard(run->server->identity, run->catalog);
	written = run->watches ? import_watched(run, mode, spool) :
		import_whole(run, mode, spool);
	run->stage = CM_IMPORT_STAGE_DONE;
	cm_spool_close(spool);
	if (written != run->total.documents)
		ereport(WARNING,
				(errmsg("Convex says that it has written another number of documents than were sent"),
				 errdetail("%s were sent, " INT64_FORMAT " were written.",
						   cm_text_figure(run->total.documents), written)));
	cm_sources_remember_import(run, mode == CM_IMPORT_APPEND);
	cm_report_rows(run, rsinfo);
	cm_history_write(run->history, run);
}

/* Tell Convex that an import which it waits to have confirmed will not be, while the ERROR
 * that is the reason is caught. Best effort: what stays there does nothing. */
static void
take_back(CmRun *run)
{
	MemoryContext old;
	CmRequest	request;

	if (run->unconfirmed == NULL)
		return;
	old = MemoryContextSwitchTo(run->context);
	request = cm_import_cancel_request(run->unconfirmed);
	cm_ask_last(run, &request, CM_CANCEL_TIME);
	MemoryContextSwitchTo(old);
}

/*
 * Run a migration by an import and put its report into the result of rsinfo, which must
 * be ready for it. mode is the parameter of convex_migrate() (NULL: not given). ERROR for
 * all that ends a run.
 */
void
cm_import_tables(const CmArguments *arguments, const char *mode,
				 ReturnSetInfo *rsinfo)
{
	CmImportMode how = mode_of_name(mode);
	CmRun	   *run = cm_run_open(rsinfo->econtext->ecxt_per_query_memory,
								  arguments, CM_PURPOSE_IMPORT);

	run->mode = mode ? mode : "require_empty";
	PG_TRY();
	{
		import(run, how, rsinfo);
	}
	PG_CATCH();
	{
		take_back(run);
		cm_history_log_failure(run);
		PG_RE_THROW();
	}
	PG_END_TRY();
	cm_run_close(run);
}

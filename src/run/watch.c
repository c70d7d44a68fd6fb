/*-------------------------------------------------------------------------
 *
 * watch.c
 *	  Imports of the deployment, watched until they are somewhere.
 *
 * Convex works off one import at a time, for itself: who watches asks again and again,
 * at longer and longer intervals. There is no end to how long an import may take, but
 * one about which nothing changes for as long as option "import_patience" says is waited
 * for no longer.
 *
 *-------------------------------------------------------------------------
 */
#include "run/import.h"

#include "utils/memutils.h"

/* Milliseconds between two looks, at first and at most. */
#define CM_SHORTEST_INTERVAL 50
#define CM_LONGEST_INTERVAL 2000

/* What is seen of an import. */
typedef struct CmWatch
{
	CmRun	   *run;
	const char *id;
	MemoryContext context;		/* of the latest look */
	CmImport   *import;			/* NULL: it is not there any more */
	int64		sign;			/* differs when anything has changed */
	TimestampTz changed;		/* when it did */
	int			interval;		/* milliseconds to the next look */
} CmWatch;

/* Run a query about imports; the request is the caller's to release. */
static void
ask(CmRun *run, CmRequest *request)
{
	CmAnswer	answer;

	cm_ask_result(run, request, run->server->max_retries, &answer);
	if (answer.outcome != CM_OUTCOME_SUCCESS)
		cm_run_fail(run, ERRCODE_FEATURE_NOT_SUPPORTED,
					"the deployment does not tell of its imports",
					"It does not have the function \"_system/cli/queryImport\", or does not run it.",
					"Update the Convex server; or use method \"mutation\".");
}

/* The latest imports, newest first; CmImport *, in the current memory context. */
List *
cm_watch_list(CmRun *run)
{
	CmRequest	request = cm_import_list_request();
	List	   *imports;

	ask(run, &request);
	imports = cm_import_read_list(&request);
	cm_http_release(&request);
	return imports;
}

/* What an import is at, as a figure. */
static int64
sign_of(const CmImport *import)
{
	int64		sign = import->state;
	ListCell   *lc;

	foreach(lc, import->tables)
		sign += 8 * ((CmImportTable *) lfirst(lc))->written;
	return sign;
}

/* Look at the import again. */
static void
look(CmWatch *watch)
{
	MemoryContext old;
	CmRequest	request;
	int64		sign;

	MemoryContextReset(watch->context);
	old = MemoryContextSwitchTo(watch->context);
	request = cm_import_query_request(watch->id);
	ask(watch->run, &request);
	watch->import = cm_import_read(&request);
	cm_http_release(&request);
	MemoryContextSwitchTo(old);
	sign = watch->import ? sign_of(watch->import) : -1;
	if (sign == watch->sign)
		return;
	watch->sign = sign;
	watch->changed = GetCurrentTimestamp();
}

/* ERROR: the import is not waited for any longer. */
static void
fail_impatient(CmWatch *watch)
{
	CmRun	   *run = watch->run;

	cm_run_fail(run, ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
				psprintf("nothing has happened to an import of deployment \"%s\" for %s",
						 run->server->deployment,
						 cm_text_duration(run->server->import_patience / 1000.0)),
				psprintf("It is import %s%s%s", watch->id,
						 watch->import->progress ? ": " : ".",
						 watch->import->progress ? watch->import->progress : ""),
				"Look at the imports in the dashboard of the deployment. Option \"import_patience\" of the server says how long one is waited for.");
}

/* Wait until it is time for the next look. */
static void
wait_for_next(CmWatch *watch)
{
	CmRun	   *run = watch->run;
	TimestampTz now = GetCurrentTimestamp();
	TimestampTz next = now + INT64CONST(1000) * watch->interval;

	if (now - watch->changed >
		INT64CONST(1000) * run->server->import_patience)
		fail_impatient(watch);
	watch->interval = Min(2 * watch->interval, CM_LONGEST_INTERVAL);
	while (GetCurrentTimestamp() < next)
		cm_http_wait(run->http, watch->interval);
	cm_progress_publish(run);
}

/*
 * Wait until the import is at something else than the two states, and return it, in the
 * run's memory; NULL: it is not there any more. ERROR when nothing happens to it for too
 * long.
 */
CmImport *
cm_watch_while(CmRun *run, const char *id, CmImportState one,
			   CmImportState other)
{
	MemoryContext context = AllocSetContextCreate(run->context,
												  "convex_migrate watch",
												  ALLOCSET_DEFAULT_SIZES);
	CmWatch		watch = {
		.run = run,
		.id = id,
		.context = context,
		.sign = -2,
		.interval = CM_SHORTEST_INTERVAL
	};

	for (;;)
	{
		look(&watch);
		if (watch.import == NULL || (watch.import->state != one &&
									 watch.import->state != other))
			return watch.import;
		cm_report_server(run, watch.import->progress);
		wait_for_next(&watch);
	}
}

/*
 * What other imports there are: those that Convex is at are waited for, of those that
 * nobody has confirmed a WARNING says that they are there. Returns the latest imports
 * then.
 */
List *
cm_watch_others(CmRun *run)
{
	List	   *imports = cm_watch_list(run);
	bool		waited = false;
	ListCell   *lc;

	foreach(lc, imports)
	{
		CmImport   *import = lfirst(lc);

		if (import->state == CM_IMPORT_WAITING)
			ereport(WARNING,
					(errmsg("deployment \"%s\" has an import that nobody has confirmed",
							run->server->deployment),
					 errdetail("It is import %s, and has changed nothing.", import->id),
					 errhint("It may be of a run that was ended. The dashboard of the deployment can confirm or cancel it.")));
		if (import->state != CM_IMPORT_UPLOADED &&
			import->state != CM_IMPORT_IN_PROGRESS)
			continue;
		ereport(NOTICE,
				(errmsg("waiting for another import of deployment \"%s\"",
						run->server->deployment),
				 errdetail("It is import %s. Convex carries out one at a time.",
						   import->id)));
		(void) cm_watch_while(run, import->id, CM_IMPORT_UPLOADED,
							  CM_IMPORT_IN_PROGRESS);
		waited = true;
	}
	return waited ? cm_watch_list(run) : imports;
}

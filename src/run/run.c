/*-------------------------------------------------------------------------
 *
 * run.c
 *	  Prologue and epilogue of every function that looks at tables, and how a
 *	  run rejects a row or fails.
 *
 * Memory: a run has one context, made before SPI_connect(). Contexts below
 * SPI's own live until ROLLBACK: in a transaction block an ERROR would leave
 * requests under way. This one is deleted with the query, and closes its
 * sockets at once.
 *
 *-------------------------------------------------------------------------
 */
#include "run/run.h"

#include "access/xact.h"
#include "access/xlog.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

/* Above this a deployment of the smallest class, which runs 16 mutations at a
 * time, is short of them for the live app. */
#define CM_MODEST_CONCURRENCY 8

/* What an ERROR leaves of an import, in the middle of a sentence about it. */
const char *
cm_run_stage(const CmRun *run)
{
	static const char *const stages[] = {
		[CM_IMPORT_STAGE_PREPARED] = "where nothing was changed",
		[CM_IMPORT_STAGE_CONFIRMED] = "which goes on there by itself",
		[CM_IMPORT_STAGE_REFUSED] = "which was ended there",
		[CM_IMPORT_STAGE_DONE] = "which is done there"
	};

	return stages[run->stage];
}

/* Whether the run sends rows. */
static bool
sends(CmPurpose purpose)
{
	return purpose == CM_PURPOSE_MIGRATE || purpose == CM_PURPOSE_IMPORT;
}

/*
 * Error context of a run that writes. Whatever ends it, and be it a cancel or a
 * full disk, says what is in Convex, since the transaction takes back all else
 * that could say so. NOTICEs and WARNINGs pass here as well, and need none.
 */
static void
on_error(void *arg)
{
	CmRun	   *run = arg;
	int			category = ERRCODE_TO_CATEGORY(geterrcode());
	char	   *in;

	if (run->failing || category == ERRCODE_SUCCESSFUL_COMPLETION ||
		category == ERRCODE_WARNING)
		return;
	if (run->purpose == CM_PURPOSE_IMPORT)
	{
		errcontext("import into deployment \"%s\", %s", run->server->deployment,
				   cm_run_stage(run));
		return;
	}
	in = cm_report_state(run);
	if (in != NULL)
		errcontext("run into deployment \"%s\"; what is in Convex stays there:\n%s",
				   run->server->deployment, in);
}

/*
 * Enter the run: pin the session's settings, connect to SPI, make the run's
 * memory context the current one; a run that reads has its snapshot active.
 */
void
cm_run_enter(CmRun *run)
{
	run->caller_context = CurrentMemoryContext;
	run->nestlevel = cm_session_pin();
	run->outer_owner = cm_trust_set(run->server->owner);
	SPI_connect();
	MemoryContextSwitchTo(run->context);	/* not that of SPI */
	if (run->purpose == CM_PURPOSE_READ)
		PushActiveSnapshot(GetTransactionSnapshot());
	if (sends(run->purpose))
	{
		run->callback = (ErrorContextCallback) {error_context_stack, on_error, run};
		error_context_stack = &run->callback;
	}
}

/* Give the session back to the caller; the run can be entered again. */
void
cm_run_leave(CmRun *run)
{
	if (run->purpose == CM_PURPOSE_READ)
		PopActiveSnapshot();
	if (sends(run->purpose))
		error_context_stack = run->callback.previous;
	SPI_finish();
	(void) cm_trust_set(run->outer_owner);
	cm_session_unpin(run->nestlevel);
	MemoryContextSwitchTo(run->caller_context);
}

/* Read the catalogs for the given tables under the active snapshot. */
void
cm_run_read_catalog(CmRun *run, ArrayType *tables)
{
	MemoryContext old = MemoryContextSwitchTo(run->context);

	run->catalog = cm_read_catalog(run->server, tables);
	run->catalog->joins_parents = run->purpose == CM_PURPOSE_EXPORT ||
		run->purpose == CM_PURPOSE_IMPORT;
	cm_order_tables(run->catalog);
	MemoryContextSwitchTo(old);
}

/* The same under a snapshot, which stays registered. */
static void
read_catalog_with(CmRun *run, Snapshot snapshot)
{
	PushActiveSnapshot(snapshot);
	cm_run_read_catalog(run, run->arguments->tables);
	PopActiveSnapshot();
}

/* Whether two lists of transactions, which may be NULL when empty, are the same. */
static bool
are_same(const TransactionId *a, int na, const TransactionId *b, int nb)
{
	return na == nb &&
		(na == 0 || memcmp(a, b, na * sizeof(TransactionId)) == 0);
}

/*
 * Whether two snapshots see the same: whatever commits in between is in progress
 * for the earlier one, by its number or as one to come, and is not for the later
 * one.
 */
static bool
see_the_same(Snapshot a, Snapshot b)
{
	return a->xmin == b->xmin && a->xmax == b->xmax &&
		a->suboverflowed == b->suboverflowed &&
		are_same(a->xip, a->xcnt, b->xip, b->xcnt) &&
		are_same(a->subxip, a->subxcnt, b->subxip, b->subxcnt);
}

/*
 * Read the catalogs and lock the tables, until what was locked is what the
 * snapshot of the run sees. That comes after the locks: an older one would miss a
 * TRUNCATE in between. The catalogs are read again only if anything was committed
 * since they were.
 */
static void
lock_and_read(CmRun *run)
{
	CmCatalog  *before;

	run->snapshot = RegisterSnapshot(GetTransactionSnapshot());
	read_catalog_with(run, run->snapshot);
	do
	{
		Snapshot	read_with = run->snapshot;

		before = run->catalog;
		cm_guard_rights(before);
		cm_guard_lock(before);
		run->snapshot = RegisterSnapshot(GetTransactionSnapshot());
		if (!see_the_same(read_with, run->snapshot))
			read_catalog_with(run, run->snapshot);
		UnregisterSnapshot(read_with);
	} while (run->catalog != before &&
			 !cm_guard_locked(before, run->catalog));
	cm_guard_rights(run->catalog);
	cm_guard_rewrites(run);
}

/* NOTICE when the run will be felt by the app that uses the deployment. */
static void
announce_concurrency(CmServer *server)
{
	if (server->concurrency > CM_MODEST_CONCURRENCY)
		ereport(NOTICE,
				(errmsg("option \"concurrency\" is %d", server->concurrency),
				 errdetail("The smallest class of Convex deployments runs 16 mutations at a time and shares them with the live app.")));
}

/*
 * Open a run. Its memory is below the given context; the arguments must live
 * as long as it does. ERROR for all that the purpose cannot do: a server that
 * is not there or not the caller's to use, tables that cannot be migrated; and
 * before anything is sent, a transaction, deploy key or rights that are not fit
 * for it, and another run into the same deployment.
 */
CmRun *
cm_run_open(MemoryContext parent, const CmArguments *arguments,
			CmPurpose purpose)
{
	MemoryContext context = AllocSetContextCreate(parent, "convex_migrate run",
												  ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	CmRun	   *run = palloc0(sizeof(CmRun));
	bool		migrates = sends(purpose);
	bool		asks = migrates || purpose == CM_PURPOSE_VERIFY;

	run->context = context;
	run->arguments = arguments;
	run->purpose = purpose;
	run->started = GetCurrentTimestamp();
	run->writes = asks || (!XactReadOnly && !RecoveryInProgress());
	if (migrates)
		cm_guard_transaction();
	run->server = cm_options_load(arguments->server_name,
								  arguments->extension_schema);
	if (asks)
	{
		cm_options_require_active(run->server);
		if (purpose == CM_PURPOSE_MIGRATE)
			announce_concurrency(run->server);
		cm_deploykey_load(run->server);
	}
	MemoryContextSwitchTo(old);
	cm_run_enter(run);
	if (asks)
		cm_guard_deployment(run->server);
	if (asks || purpose == CM_PURPOSE_EXPORT)
		lock_and_read(run);
	else
		cm_run_read_catalog(run, arguments->tables);
	return run;
}

/* Close the run. Whatever was made in it and not copied is gone. */
void
cm_run_close(CmRun *run)
{
	if (run->progress != NULL)
		cm_progress_end(run);
	if (run->snapshot != NULL)
		UnregisterSnapshot(run->snapshot);
	cm_run_leave(run);
	MemoryContextDelete(run->context);
}

/*
 * Make the run's snapshot the active one, as a copy that also sees what the
 * run itself has written: its rows of the id map.
 */
void
cm_run_push_snapshot(CmRun *run)
{
	CommandCounterIncrement();
	PushCopiedSnapshot(run->snapshot);
	UpdateActiveSnapshotCommandId();
}

/* From now on rows are read with a new snapshot, whatever the transaction's isolation
 * is: what is committed now is seen. */
void
cm_run_renew_snapshot(CmRun *run)
{
	Snapshot	before = run->snapshot;

	run->snapshot = RegisterSnapshot(GetLatestSnapshot());
	UnregisterSnapshot(before);
}

/* Whether rows of the table are sent: of a run that sends some again, some are. */
bool
cm_run_sends(const CmRun *run, const CmTable *table)
{
	return run->chosen == NULL || run->chosen[table->position] != NULL;
}

/* Reject a row of the job: it is in convex_rejects, and counted as failed. */
void
cm_run_reject(CmJob *job, const char *key, const CmReason *reason)
{
	cm_rejects_add(job->run->rejects, job->table, key, reason);
	cm_report_count_rejected(job);
}

/*
 * End the run with an ERROR. Since the transaction takes convex_rejects and
 * the report back, a WARNING says first what is in Convex. detail and hint may
 * be NULL.
 */
void
cm_run_fail(CmRun *run, int sqlstate, const char *message,
			const char *detail, const char *hint)
{
	char	   *in = cm_report_what_is_in(run);

	run->failing = run->purpose == CM_PURPOSE_MIGRATE;
	if (in != NULL)
	{
		ereport(WARNING,
				(errmsg("convex_migrate() stops; what is in Convex stays there"),
				 errdetail("%s", cm_report_state(run))));
		detail = psprintf("%s%s%s", detail ? detail : "", detail ? "\n" : "", in);
	}
	ereport(ERROR,
			(errcode(sqlstate),
			 errmsg("%s", message),
			 detail ? errdetail("%s", detail) : 0,
			 hint ? errhint("%s", hint) : 0,
			 run->failing ? errcontext("run into deployment \"%s\"",
									   run->server->deployment) : 0));
}

/*
 * End the run: before the next attempt it would have to wait for so many
 * milliseconds, and option "patience" does not allow that.
 */
void
cm_run_fail_impatient(CmRun *run, const CmAnswer *answer, int64 wait)
{
	cm_run_fail(run, answer->sqlstate, answer->message,
				psprintf("%s\nThe next attempt would be in %s, and the run waits for no more than %s altogether.",
						 answer->detail ? answer->detail : "",
						 cm_text_duration(wait / 1000.0),
						 cm_text_duration(run->server->patience / 1000.0)),
				"Run it again later: with functions that upsert it carries on where it stopped. Option \"patience\" of the server says how long it waits.");
}

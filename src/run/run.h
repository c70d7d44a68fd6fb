/*-------------------------------------------------------------------------
 *
 * run.h
 *	  A run: everything between the call of an SQL function that looks at
 *	  tables and its result.
 *
 * Protocol: cm_run_open(), which pins the session, connects to SPI and reads
 * the catalogs, as far as the purpose of the run asks for it; the work;
 * cm_run_close(). All that a run has is below its memory context. An ERROR in
 * between needs no cleaning up: the context is deleted, and with it connections
 * and plans; the settings are undone with the (sub)transaction.
 *
 * A run that migrates does so in jobs, each a pass over a table. The rows of a
 * job are put into batches, and every batch carries its job: nothing here
 * depends on which table is being read.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CM_RUN_H
#define CM_RUN_H

#include "api/api.h"
#include "base/zip.h"
#include "generate/generate.h"
#include "row/row.h"

#include "utils/snapshot.h"

/* The temporary table that is the id map; the names of its parts begin so. */
#define CM_IDMAP "convex_id_map"

typedef struct CmCollision CmCollision;
typedef struct CmDispatch CmDispatch;
typedef struct CmHistory CmHistory;
typedef struct CmIdMap CmIdMap;
typedef struct CmPace CmPace;
typedef struct CmProgress CmProgress;
typedef struct CmRate CmRate;
typedef struct CmRejects CmRejects;
typedef struct CmSchedule CmSchedule;

/* What SQL functions over tables are called with. */
typedef struct CmArguments
{
	const char *server_name;
	ArrayType  *tables;			/* regclass[], or NULL: all configured ones */
	Oid			extension_schema;
} CmArguments;

typedef enum CmPurpose
{
	CM_PURPOSE_PLAN,			/* to look at the catalogs */
	CM_PURPOSE_READ,			/* to read rows, all with one snapshot */
	CM_PURPOSE_MIGRATE,			/* to send rows as well */
	CM_PURPOSE_EXPORT,			/* to read rows of tables that are locked */
	CM_PURPOSE_IMPORT,			/* to have Convex import them as well */
	CM_PURPOSE_VERIFY			/* to read rows, and documents back; perhaps to
								 * send rows that are not there */
} CmPurpose;

/* How far an import is, for who reads why it has ended. */
typedef enum CmImportStage
{
	CM_IMPORT_STAGE_PREPARED,	/* nothing was changed in Convex */
	CM_IMPORT_STAGE_CONFIRMED,	/* Convex goes on by itself */
	CM_IMPORT_STAGE_REFUSED,	/* Convex has ended it */
	CM_IMPORT_STAGE_DONE
} CmImportStage;

/* Who has made the ids of a table's documents, as far as runs know. */
typedef enum CmIdOrigin
{
	CM_IDS_UNKNOWN,				/* no run was there */
	CM_IDS_OF_OTHERS,			/* they are of rows of another table, or by another
								 * key */
	CM_IDS_BY_CONVEX,
	CM_IDS_BY_US				/* they are computed */
} CmIdOrigin;

/* After a hint to write schema.ts again: nothing that is in the file gets lost. */
#define CM_HINT_NEW_FILE " To lose nothing: psql -XAtc 'SELECT convex_schema()' -o schema.new, take over what you have added to convex/schema.ts, then put the new file in its place."

/* For a deployment that does not run functions and does not say why. */
#define CM_HINT_NOT_RUNNING "The dashboard of the deployment shows whether it is paused, disabled or above a limit of its plan, and its logs what the functions say. A deploy key that may not call functions fails like this, too."

/* Records that were refused alone and without a reason, one after the other: see
 * suspect.c. */
typedef struct CmSuspicion
{
	struct CmJob *job;			/* of the last one */
	int			refused;		/* since a batch was executed */
	bool		ask;			/* whether functions run at all */
} CmSuspicion;

/* Per table: what became of its rows. Written by report.c alone. */
typedef struct CmTally
{
	CmTable    *table;			/* NULL: of all */
	int64		rows_read;
	int64		migrated;
	int64		linked;			/* rows whose deferred references were set */
	int64		failed;
	int64		orphans;		/* references to rows that are not in Convex, of
								 * rows that did not fail for it */
	int64		documents;		/* that were written into a file */
	int64		bytes;			/* of calls that Convex accepted */
	int64		batches;
	int64		retries;
	int64		elapsed;		/* microseconds, of the passes that are done; those
								 * of several tables overlap */
	int			jobs;			/* under way */
} CmTally;

/* A leg of a run: a pass over a table, as progress.c counts it. */
typedef struct CmLeg
{
	CmTable    *table;
	CmPass		pass;
	double		expected;		/* rows, about; -1: unknown */
	int64		done;			/* rows that need no more work in the pass */
} CmLeg;

typedef struct CmRun
{
	MemoryContext context;		/* holds all of the run */
	MemoryContext caller_context;
	const CmArguments *arguments;
	CmPurpose	purpose;
	int			nestlevel;		/* of the session's settings */
	Oid			outer_owner;	/* whom the session trusted before: trust.c */
	CmServer   *server;
	CmCatalog  *catalog;		/* ordered */
	CmProgress *progress;		/* seen by other sessions; NULL: it is not */

	/* CM_PURPOSE_MIGRATE and CM_PURPOSE_EXPORT */
	TimestampTz started;
	Snapshot	snapshot;		/* what all tables are read with */
	bool		writes;			/* into the extension's tables: not where nothing
								 * can be written */
	CmHttp	   *http;
	CmDispatch *dispatch;
	CmPace	   *pace;
	int64		number;			/* of a run that writes; set with rejects */
	CmHistory  *history;		/* of a migration */
	CmIdMap    *idmap;
	CmRejects  *rejects;		/* NULL: no batch was sent yet */
	CmKeys	   *again;			/* keys of the rows that are sent again; NULL: all
								 * rows are sent */
	char	  **chosen;			/* their relations by CmTable.position, NULL of
								 * tables without any; or NULL */
	const char *mode;			/* for convex_runs, or NULL */
	bool		mirrors;		/* documents whose row is gone are removed */
	CmKeys	   *gone;			/* their keys */
	CmScan	  **scans;			/* by CmTable.position, tried and kept; or NULL */
	CmImportStage stage;		/* of an import */
	char	   *unconfirmed;	/* an import that Convex waits to have confirmed */
	bool		watches;		/* the deploy key allows to watch an import */
	List	   *numbers;		/* CmNumber *, of the deployment's tables */
	List	   *deployed;		/* CmDeployedTable *, which rows are compared with */
	bool		generated;		/* the functions say that this extension
								 * generated them: they upsert */
	CmSuspicion suspicion;
	List	   *tallies;		/* CmTally *, in the order in which their tables
								 * began */
	CmTally		total;			/* of all of them */
	TimestampTz last_progress;
	ErrorContextCallback callback;
	bool		failing;		/* its ERROR says all there is to say */
} CmRun;

/* A pass over a table, and what all of its batches have in common. */
typedef struct CmJob
{
	CmRun	   *run;
	CmTable    *table;
	CmPass		pass;
	CmTally    *tally;
	CmLeg		leg;
	CmCall		call;
	TimestampTz started;
	bool		all_read;		/* there are no more rows to be put into batches */
	int			unsettled;		/* batches that were submitted */

	/* of settle.c */
	int			batch_rows;		/* of a batch; fewer after one was too large */
	int			accepted_batches;	/* since that changed */
	bool		any_accepted;	/* a record, ever */
	int64		fastest;		/* microseconds of its fastest call; 0: none */
	int64		usual;			/* of one of the latest */
	int			longest_body;	/* of its batches, in bytes */
	int			refused;		/* records, as long as none was accepted */
	const char *refused_code;	/* of all of them, or NULL: codes differ */
} CmJob;

/* One record of a batch. */
typedef struct CmRecord
{
	int			offset;			/* in CmBatch.body */
	int			length;
	char	   *key;
	const char *sent;			/* the key in UTF-8, as the answer has it */
	bool		answered;
	bool		counted;		/* the row is in convex_rejects already, for a
								 * part of it */
} CmRecord;

/*
 * Records that are sent in one call. Lives in a memory context of its own,
 * which is deleted when the batch is settled.
 */
typedef struct CmBatch
{
	MemoryContext context;
	CmJob	   *job;
	StringInfoData body;		/* of the request; records joined by commas */
	int			record_start;	/* where the latest record begins */
	int			nrecords;
	int			maxrecords;
	CmRecord   *records;
	CmRecord  **matched;		/* the record of each pair of the answer, while
								 * it is read */
	bool		is_part;		/* of a batch that was refused */
	int			attempts;		/* failed ones */
	TimestampTz sent_at;		/* the last time */
	TimestampTz not_before;		/* not sent again before; 0: as soon as the
								 * deployment has room */
} CmBatch;

/* Calls under way that take longer than is usual. */
typedef struct CmOverdue
{
	int			calls;
	int			by_much;		/* of these */
} CmOverdue;

/* What is to be done with a batch that was answered. */
typedef enum CmVerdictKind
{
	CM_VERDICT_DONE,			/* every record of it has found its end */
	CM_VERDICT_SPLIT,			/* send the records before "at", and the rest */
	CM_VERDICT_ISOLATE,			/* send the record "at" alone, and the others */
	CM_VERDICT_LATER			/* send it again when not_before says so */
} CmVerdictKind;

typedef struct CmVerdict
{
	CmVerdictKind kind;
	int			at;
} CmVerdict;

/* in run.c */
extern CmRun *cm_run_open(MemoryContext parent, const CmArguments *arguments,
						  CmPurpose purpose);
extern void cm_run_read_catalog(CmRun *run, ArrayType *tables);
extern void cm_run_enter(CmRun *run);
extern void cm_run_leave(CmRun *run);
extern void cm_run_close(CmRun *run);
extern void cm_run_push_snapshot(CmRun *run);
extern void cm_run_renew_snapshot(CmRun *run);
extern const char *cm_run_stage(const CmRun *run);
extern bool cm_run_sends(const CmRun *run, const CmTable *table);
extern void cm_run_reject(CmJob *job, const char *key, const CmReason *reason);
extern _Noreturn void cm_run_fail(CmRun *run, int sqlstate,
								  const char *message, const char *detail,
								  const char *hint);
extern _Noreturn void cm_run_fail_impatient(CmRun *run,
											const CmAnswer *answer, int64 wait);

/* in guard.c */
extern void cm_guard_transaction(void);
extern void cm_guard_deployment(CmServer *server);
extern bool cm_guard_may_read(CmTable *table);
extern void cm_guard_rights(CmCatalog *catalog);
extern void cm_guard_lock(CmCatalog *catalog);
extern bool cm_guard_locked(CmCatalog *before, CmCatalog *after);
extern void cm_guard_rewrites(CmRun *run);

/* in preflight.c */
extern void cm_preflight_identify(CmRun *run);
extern bool cm_preflight_reach(CmRun *run, CmAnswer *answer);
extern void cm_preflight_query(CmRun *run, const char *path,
							   CmRequest *request, CmAnswer *answer);
extern void cm_preflight_ask(CmRun *run);
extern void cm_preflight_require_generated(CmRun *run, const char *caller,
										   const char *or_else);

/* in sources.c */
extern void cm_sources_check(CmRun *run, List *specs, List *functions);
extern uint32 cm_sources_number(CmRun *run, CmTable *table);
extern void cm_sources_remember(CmRun *run);
extern void cm_sources_remember_numbers(CmRun *run);
extern void cm_sources_remember_import(CmRun *run, bool appends);
extern CmIdOrigin cm_sources_documents(CmRun *run, CmTable *table,
									   int64 *documents);

/* in drift.c */
extern void cm_drift_check(CmRun *run, List *specs, const char *fingerprint);
extern void cm_drift_check_schema(CmRun *run, List *deployed);
extern void cm_drift_warn_required(CmRun *run, CmTable *table,
								   const CmValidator *document);

/* in ask.c */
extern void cm_ask_result(CmRun *run, CmRequest *request, int retries,
						  CmAnswer *answer);
extern void cm_ask_status(CmRun *run, CmRequest *request, int retries,
						  CmAnswer *answer);
extern TimestampTz cm_ask_once(CmRun *run, CmRequest *request, CmAnswer *answer);
extern bool cm_ask_again(CmRun *run, TimestampTz sent_at, int attempts,
						 const CmAnswer *answer);
extern void cm_ask_last(CmRun *run, CmRequest *request, int milliseconds);
extern void cm_ask_whether_running(CmRun *run);
extern void cm_ask_for_import(CmRun *run, const char *path, CmRequest *request);
extern bool cm_ask_is_reached(CmRun *run, CmRequest *request, int retries,
							  CmAnswer *answer);

/* in numbers.c */
extern bool cm_numbers_find(CmRun *run);
extern void cm_numbers_require(CmRun *run, List *numbers);

/* in import.c */
extern void cm_import_tables(const CmArguments *arguments, const char *mode,
							 ReturnSetInfo *rsinfo);

/* in collision.c */
extern CmCollision *cm_collision_begin(CmRun *run, CmTable *table);
extern void cm_collision_add(CmCollision *collision, const uint8 *own);
extern void cm_collision_end(CmCollision *collision);

/* in bundle.c */
extern void cm_bundle_write(CmRun *run, CmZip *zip);

/* in export.c */
extern void cm_export_tables(const CmArguments *arguments, const char *path,
							 ReturnSetInfo *rsinfo);

/* in verify.c */
extern void cm_verify_tables(const CmArguments *arguments, const char *level,
							 bool repair, ReturnSetInfo *rsinfo);

/* in resolve.c */
extern void cm_resolve_parents(CmRun *run);

/* in idmap.c */
extern CmIdMap *cm_idmap_open(const char *url, CmCatalog *catalog);
extern CmIdMap *cm_idmap_over(Oid relid);
extern void cm_idmap_distrust(void);
extern void cm_idmap_discard(const char *url, CmCatalog *catalog);
extern bool cm_idmap_find(const char *url, CmCatalog *catalog);
extern void cm_idmap_add(CmIdMap *map, CmTable *table, int n, Datum *keys,
						 Datum *ids);
extern void cm_idmap_prepare(CmTable *table, CmPass pass);
extern char *cm_idmap_lookup(CmTable *table, const char *key);

/* in idmap_part.c */
extern Oid	cm_idmap_part_lookup(const char *name);
extern _Noreturn void cm_idmap_part_refuse(const char *name);
extern void cm_idmap_part_create_all(Oid map, List *tables);
extern bool cm_idmap_part_find_all(Oid map, List *tables);
extern void cm_idmap_part_forget(Oid map, List *tables);
extern void cm_idmap_part_prepare(Oid part, double rows);

/* in idmap_stale.c */
extern void cm_idmap_stale_remove(Oid map, CmCatalog *catalog);
extern void cm_idmap_stale_note(CmCatalog *catalog);

/* in rejects.c */
extern CmRejects *cm_rejects_open(CmRun *run);
extern void cm_rejects_add(CmRejects *rejects, CmTable *table, const char *key,
						   const CmReason *reason);
extern void cm_rejects_flush(CmRejects *rejects);
extern char *cm_rejects_first(CmRejects *rejects);

/* in report.c */
extern void cm_report_define_settings(void);
extern CmTally *cm_report_tally(CmRun *run, CmTable *table);
extern void cm_report_count_read(CmJob *job);
extern void cm_report_count_rejected(CmJob *job);
extern void cm_report_count_orphans(CmJob *job, const CmScanned *scanned);
extern void cm_report_count_accepted(CmJob *job, int records, int bytes);
extern void cm_report_count_dropped(CmJob *job);
extern void cm_report_count_exported(CmJob *job, bool in_part, int bytes);
extern void cm_report_count_retry(CmJob *job);
extern void cm_report_begin(CmRun *run);
extern void cm_report_left_behind(CmRun *run);
extern void cm_report_progress(CmJob *job);
extern void cm_report_idle(CmJob *job);
extern void cm_report_server(CmRun *run, const char *text);
extern void cm_report_done(CmJob *job);
extern void cm_report_rows(CmRun *run, ReturnSetInfo *rsinfo);
extern void cm_report_export(CmRun *run, ReturnSetInfo *rsinfo);
extern List *cm_report_tallies(CmRun *run);
extern char *cm_report_what_is_in(CmRun *run);
extern char *cm_report_state(CmRun *run);

/* in expected.c */
extern double cm_expected_rows(CmTable *table, CmPass pass);

/* in progress.c */
extern void cm_progress_begin(CmRun *run);
extern void cm_progress_enter(CmRun *run, CmLeg *leg, CmTable *table,
							  CmPass pass);
extern void cm_progress_count(CmRun *run, CmLeg *leg, int64 rows);
extern void cm_progress_calls(CmRun *run, int in_flight, int window);
extern void cm_progress_leave(CmRun *run, CmLeg *leg);
extern void cm_progress_skip(CmRun *run, CmTable *table);
extern double cm_progress_rate(CmRun *run, double *seconds);
extern void cm_progress_publish(CmRun *run);
extern void cm_progress_end(CmRun *run);

/* in batch.c */
extern CmBatch *cm_batch_create(CmJob *job);
extern void cm_batch_begin_record(CmBatch *batch);
extern void cm_batch_end_record(CmBatch *batch, const char *key, bool counted);
extern void cm_batch_drop_record(CmBatch *batch);
extern CmBatch *cm_batch_carry_over(CmBatch *batch, const char *key,
									bool counted);
extern CmBatch *cm_batch_part(CmBatch *batch, int from, int to, int except);
extern char *cm_batch_describe(CmBatch *batch);
extern void cm_batch_free(CmBatch *batch);

/* in settle.c */
extern bool cm_settle_executed(CmBatch *batch, const CmAnswer *answer);
extern CmVerdict cm_settle_batch(CmBatch *batch, CmAnswer *answer);

/* in history.c */
extern CmHistory *cm_history_open(CmRun *run);
extern void cm_history_write(CmHistory *history, CmRun *run);
extern void cm_history_log_failure(CmRun *run);

/* in rate.c */
extern CmRate *cm_rate_create(const CmServer *server);
extern TimestampTz cm_rate_free_at(const CmRate *rate);
extern bool cm_rate_holds(const CmRate *rate);
extern void cm_rate_count_overdue(const CmJob *job, TimestampTz now,
								  TimestampTz sent_at, CmOverdue *overdue);
extern void cm_rate_look(CmRate *rate, TimestampTz now,
						 const CmOverdue *overdue);
extern void cm_rate_sent(CmRate *rate, TimestampTz now, int bytes);
extern void cm_rate_answered(CmRate *rate, CmJob *job, TimestampTz now,
							 TimestampTz sent_at, int bytes);
extern void cm_rate_refused(CmRate *rate, TimestampTz now);

/* in pace.c */
extern CmPace *cm_pace_create(CmServer *server);
extern int	cm_pace_window(const CmPace *pace);
extern int	cm_pace_delay(const CmPace *pace, TimestampTz now);
extern void cm_pace_sent(CmPace *pace, TimestampTz now, int bytes);
extern void cm_pace_look(CmPace *pace, TimestampTz now,
						 const CmOverdue *overdue);
extern void cm_pace_accepted(CmPace *pace, CmJob *job, TimestampTz sent_at,
							 int bytes);
extern bool cm_pace_retry(CmPace *pace, const CmAnswer *answer,
						  TimestampTz sent_at, int attempts, int64 *wait);

/* in suspect.c */
extern void cm_suspect_note(CmJob *job);
extern void cm_suspect_clear(CmRun *run);
extern bool cm_suspect_holds(CmRun *run);

/* in dispatch.c */
extern CmDispatch *cm_dispatch_create(CmRun *run);
extern void cm_dispatch_submit(CmDispatch *dispatch, CmBatch *batch);
extern bool cm_dispatch_has_room(CmDispatch *dispatch);
extern bool cm_dispatch_must_look(CmDispatch *dispatch);
extern bool cm_dispatch_is_quiet(CmDispatch *dispatch);
extern void cm_dispatch_work(CmDispatch *dispatch, bool wait);

/* in job.c */
extern CmJob *cm_job_begin(CmRun *run, CmTable *table, CmPass pass);
extern CmScan *cm_job_prepare_scan(CmRun *run, CmTable *table, CmPass pass,
								   bool only_keys);

/* in retry.c */
extern bool cm_retry_choose(CmRun *run);

/* in mirror.c */
extern void cm_mirror_find(CmRun *run);
extern void cm_mirror_remove(CmRun *run);

/* in clear.c */
extern void cm_clear_tables(const CmArguments *arguments,
							const char *deployment, ReturnSetInfo *rsinfo);

/* in schedule.c */
extern CmSchedule *cm_schedule_create(CmRun *run);
extern CmJob *cm_schedule_next(CmSchedule *schedule);
extern void cm_schedule_settle(CmSchedule *schedule);
extern bool cm_schedule_is_idle(CmSchedule *schedule);

/* in migrate.c */
extern void cm_migrate_tables(const CmArguments *arguments, const char *method,
							  const char *mode, ReturnSetInfo *rsinfo);
extern void cm_migrate_rejects(const CmArguments *arguments,
							   ReturnSetInfo *rsinfo);

#endif							/* CM_RUN_H */

/*-------------------------------------------------------------------------
 *
 * upload.c
 *	  A file on its way to Convex, part by part.
 *
 * A server that keeps uploads in S3 knows parts by their numbers, so that one whose
 * answer was lost is sent again. One with a folder on its disk appends whatever comes
 * (crates/storage/src/lib.rs): there such an upload is given up, and begun anew. What
 * Convex has refused, or has not seen, is sent again in both.
 *
 * The last request of an upload registers an import. If its answer is lost, the
 * deployment is asked for its imports: a second one of the same upload must not be,
 * and it would fail where the first has succeeded.
 *
 *-------------------------------------------------------------------------
 */
#include "run/import.h"

#include <limits.h>

#include "utils/memutils.h"

/* Parts are as large as those of Convex's own tool, and larger when they would be too
 * many (npm-packages/convex, src/cli/lib/convexImport.ts; crates/aws_s3). */
#define CM_PART_BYTES (5 * 1024 * 1024)
#define CM_MAX_PARTS 9999

/* How often the deployment is asked whether it has registered the import, and how many
 * milliseconds are between. */
#define CM_LOOKS 3
#define CM_LOOK_INTERVAL 500

typedef struct CmUpload
{
	CmRun	   *run;
	CmSpool    *spool;
	const char *mode;			/* as Convex calls it */
	char	   *token;
	char	   *object;			/* that the upload makes, or NULL: not known */
	bool		numbered;		/* a part may be sent again */
	List	   *parts;			/* char *, their tokens */
	int			starts;			/* how often it was begun */
	CmAnswer	lost;			/* of a request of which nobody knows what became of
								 * it */
	TimestampTz lost_at;		/* when that was sent */
} CmUpload;

/* What became of a request of an upload. */
typedef enum CmSent
{
	CM_SENT,
	CM_SENT_UNCERTAIN			/* nobody knows: begin anew, or look */
} CmSent;

/* ERROR: Convex does not take the file. */
static void
fail(CmRun *run, const CmAnswer *answer)
{
	if (answer->outcome == CM_OUTCOME_TOO_LARGE)
		cm_run_fail(run, ERRCODE_PROGRAM_LIMIT_EXCEEDED,
					"a part of the upload was refused as too large",
					answer->detail,
					psprintf("Parts have %d MB or more: what stands between PostgreSQL and the deployment must take requests of that size (of nginx: client_max_body_size).",
							 CM_PART_BYTES / (1024 * 1024)));
	cm_run_fail(run, answer->sqlstate, answer->message, answer->detail,
				answer->hint);
}

/*
 * Send a request until it is answered. repeats: it may be sent again when nobody knows
 * what became of it; else that is the result. ERROR when Convex does not take it.
 */
static CmSent
send(CmUpload *upload, CmRequest *request, bool repeats)
{
	CmRun	   *run = upload->run;

	for (int attempts = 1;; attempts++)
	{
		CmAnswer	answer;
		TimestampTz sent_at = cm_ask_once(run, request, &answer);

		if (answer.outcome == CM_OUTCOME_SUCCESS)
			return CM_SENT;
		if (answer.outcome == CM_OUTCOME_AMBIGUOUS && !repeats)
		{
			upload->lost = answer;
			upload->lost_at = sent_at;
			cm_http_release(request);
			return CM_SENT_UNCERTAIN;
		}
		if (answer.outcome == CM_OUTCOME_TOO_LARGE ||
			!cm_ask_again(run, sent_at, attempts, &answer))
			fail(run, &answer);
		cm_http_release(request);
		run->total.retries++;
	}
}

/* ERROR: what answers is not Convex. */
static void
fail_protocol(CmUpload *upload, const char *what)
{
	cm_run_fail(upload->run, ERRCODE_PROTOCOL_VIOLATION,
				"unexpected answer from Convex",
				psprintf("An upload was answered without %s.", what),
				"Check that option \"url\" of the server is the URL of a Convex deployment.");
}

/* Begin the upload, or begin it anew. */
static void
start(CmUpload *upload)
{
	CmRequest	request = cm_import_start_request();

	upload->starts++;
	(void) send(upload, &request, true);
	upload->token = cm_import_read_token(&request);
	cm_http_release(&request);
	if (upload->token == NULL)
		fail_protocol(upload, "its token");
	upload->object = cm_import_token_object(upload->token, &upload->numbered);
	upload->parts = NIL;
	cm_spool_rewind(upload->spool);
}

/* Send the part with this number. False: begin anew. */
static bool
send_part(CmUpload *upload, int number, const char *bytes, size_t length)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext,
												  "convex_migrate part",
												  ALLOCSET_SMALL_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	CmRequest	request = cm_import_part_request(upload->token, number, bytes,
												 length);
	char	   *token;
	CmSent		sent = send(upload, &request, upload->numbered);

	MemoryContextSwitchTo(old);
	if (sent != CM_SENT)
		return false;			/* what is said of it is in the context */
	token = cm_import_read_part(&request);
	cm_http_release(&request);
	if (token == NULL)
		fail_protocol(upload, "the token of a part");
	upload->parts = lappend(upload->parts, token);
	MemoryContextDelete(context);
	return true;
}

/* Send all parts. False: begin anew. */
static bool
send_parts(CmUpload *upload, char *buffer, size_t part_bytes)
{
	uint64		left = cm_spool_length(upload->spool);

	for (int number = 1; left > 0; number++)
	{
		size_t		bytes = Min(left, part_bytes);

		cm_spool_read(upload->spool, buffer, bytes);
		if (!send_part(upload, number, buffer, bytes))
			return false;
		upload->run->total.batches++;
		left -= bytes;
		cm_progress_publish(upload->run);
	}
	return true;
}

/* The import that was registered of this upload, or NULL: none is listed. */
static char *
find_registered(CmUpload *upload)
{
	for (int looks = 0; looks < CM_LOOKS && upload->object != NULL; looks++)
	{
		TimestampTz again = GetCurrentTimestamp() +
			INT64CONST(1000) * CM_LOOK_INTERVAL;
		ListCell   *lc;

		foreach(lc, cm_watch_list(upload->run))
		{
			CmImport   *import = lfirst(lc);

			/* a bucket or a folder may stand before it */
			if (import->object != NULL &&
				strstr(import->object, upload->object) != NULL)
				return import->id;
		}
		while (GetCurrentTimestamp() < again)
			cm_http_wait(upload->run->http, CM_LOOK_INTERVAL);
	}
	return NULL;
}

/* Register the import. Returns its id, or NULL: begin anew. */
static char *
finish(CmUpload *upload)
{
	CmRequest	request = cm_import_finish_request(upload->token, upload->parts,
												   upload->mode);
	char	   *id;

	if (send(upload, &request, false) != CM_SENT)
		return find_registered(upload);
	id = cm_import_read_id(&request);
	cm_http_release(&request);
	if (id == NULL)
		fail_protocol(upload, "the id of the import");
	return id;
}

/*
 * Upload what is in the spool, and register its import in the mode, as Convex calls it.
 * Returns its id. ERROR when that cannot be done; then nothing has changed in Convex.
 */
char *
cm_upload_send(CmRun *run, CmSpool *spool, const char *mode)
{
	CmUpload	upload = {.run = run,.spool = spool,.mode = mode};
	uint64		length = cm_spool_length(spool);
	size_t		part_bytes = Max(CM_PART_BYTES,
								 (length + CM_MAX_PARTS - 1) / CM_MAX_PARTS);
	char	   *buffer;
	char	   *id = NULL;

	if (part_bytes > INT_MAX)
		cm_run_fail(run, ERRCODE_PROGRAM_LIMIT_EXCEEDED,
					"the file is too large to be uploaded", NULL,
					"Import fewer tables at a time: parameter \"tables\".");
	buffer = MemoryContextAllocHuge(run->context, Min(part_bytes, Max(length, 1)));
	for (;;)
	{
		start(&upload);
		if (send_parts(&upload, buffer, part_bytes))
			id = finish(&upload);
		if (id != NULL)
			break;
		if (!cm_ask_again(run, upload.lost_at, upload.starts, &upload.lost))
			fail(run, &upload.lost);
		run->total.retries++;
	}
	pfree(buffer);
	return id;
}

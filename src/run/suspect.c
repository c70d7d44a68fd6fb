/*-------------------------------------------------------------------------
 *
 * suspect.c
 *	  Whether a deployment runs functions at all, where it does not say why they
 *	  fail.
 *
 * A production deployment may replace the text of every error by "Server Error".
 * Then one that was paused, or a key that lost its rights, looks as if row after
 * row were at fault. So when records fail alone and without a reason, of two
 * tables or many of one, and none is accepted in between, the run holds: no
 * further batch is sent, and when the last answer is in, the generated function
 * of the table is called with no rows at all. That cannot fail for a row. If it
 * does all the same, the run ends, else it goes on.
 *
 * Of hand-written functions nothing is known to work, so nothing is asked.
 *
 *-------------------------------------------------------------------------
 */
#include "run/run.h"

/* Records of one table that fail so before the deployment is asked. */
#define CM_SUSPICIOUS_RECORDS 10

/* A record was refused alone, and nobody knows why. */
void
cm_suspect_note(CmJob *job)
{
	CmSuspicion *suspicion = &job->run->suspicion;

	if (!job->run->generated)
		return;
	if (suspicion->refused > 0 && suspicion->job->table != job->table)
		suspicion->ask = true;
	suspicion->job = job;
	if (++suspicion->refused >= CM_SUSPICIOUS_RECORDS)
		suspicion->ask = true;
}

/* A batch was executed: functions run. */
void
cm_suspect_clear(CmRun *run)
{
	run->suspicion = (CmSuspicion) {0};
}

/* Whether the deployment is to be asked before anything else is sent. */
bool
cm_suspect_holds(CmRun *run)
{
	return run->suspicion.ask;
}

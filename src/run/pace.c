/*-------------------------------------------------------------------------
 *
 * pace.c
 *	  The pace at which a deployment takes batches: how many may be under way,
 *	  when the next may be sent, and how long a run waits altogether.
 *
 * Protocol: dispatch.c says cm_pace_look() and asks cm_pace_window() and
 * cm_pace_delay() before it sends a batch, and says cm_pace_sent(); settle.c says what
 * came of it, by cm_pace_accepted() or cm_pace_retry(), and ask.c the latter of
 * questions. There is one clock for all batches, since it is the deployment that has
 * no room, not one of them.
 *
 * The window begins small and doubles with every round trip until a call is
 * refused or takes much longer than others: Convex tries again by itself, up to
 * four times, before it refuses (crates/application/src/
 * application_function_runner). From then on it grows by one in a round trip,
 * and a refusal halves it, once for all calls that were under way at that moment.
 * How many bytes may be sent is rate.c's.
 *
 *-------------------------------------------------------------------------
 */
#include "run/run.h"

/* Calls at once, at first. */
#define CM_FIRST_WINDOW 2

/* A call is slow that takes this much longer than twice the fastest of its
 * table: Convex waits 100 ms and more before it tries again. In microseconds. */
#define CM_SLOWER INT64CONST(100000)

/* Waiting before an overloaded deployment is asked again, in milliseconds. */
#define CM_FIRST_DELAY 500
#define CM_LONGEST_DELAY 30000

/* After a time that it asked for: up to so many milliseconds more. */
#define CM_LATEST 1000

/* Overdue calls are looked at again after so many microseconds. */
#define CM_LOOK_AT_OVERDUE INT64CONST(10000)

/* This part of the time in which calls are accepted counts against the waiting:
 * a run of hours is no less patient at its end than at its beginning. */
#define CM_WORK_PER_PATIENCE 10

struct CmPace
{
	CmServer   *server;
	int			window;			/* calls that may be under way now */
	bool		doubling;
	int			accepted;		/* calls, since the window changed */
	TimestampTz cut_at;			/* when it was halved last; 0: never */
	int			refused;		/* round trips with a refusal, in a row */
	TimestampTz held_until;		/* nothing is sent before */
	CmRate	   *rate;			/* says the same for bytes */
	int64		waited;			/* microseconds that nothing was sent, less what
								 * work gave back */
	TimestampTz worked_at;		/* when that was counted last */
};

/* A pace for the server; lives in the current memory context. */
CmPace *
cm_pace_create(CmServer *server)
{
	CmPace	   *pace = palloc0(sizeof(CmPace));

	pace->server = server;
	pace->window = Min(CM_FIRST_WINDOW, server->concurrency);
	pace->doubling = true;
	pace->rate = cm_rate_create(server);
	pace->worked_at = GetCurrentTimestamp();
	return pace;
}

/* How many calls may be under way now, at least 1. */
int
cm_pace_window(const CmPace *pace)
{
	return pace->window;
}

/* Look at the batches that are under way, before cm_pace_delay(). */
void
cm_pace_look(CmPace *pace, TimestampTz now, const CmOverdue *overdue)
{
	cm_rate_look(pace->rate, now, overdue);
}

/* Milliseconds until a batch may be sent, or until it is time to look again; 0: now. */
int
cm_pace_delay(const CmPace *pace, TimestampTz now)
{
	TimestampTz next = Max(pace->held_until, cm_rate_free_at(pace->rate));

	if (cm_rate_holds(pace->rate))
		next = Max(next, now + CM_LOOK_AT_OVERDUE);
	return next <= now ? 0 : (int) Min((next - now) / 1000 + 1, INT_MAX);
}

/* A body of so many bytes is sent. */
void
cm_pace_sent(CmPace *pace, TimestampTz now, int bytes)
{
	cm_rate_sent(pace->rate, now, bytes);
}

/*
 * How long to wait before attempt number n + 1, in milliseconds: what Convex
 * asks for (-1: nothing) and a little more, else exponentially longer. By
 * chance, so that those who were refused together do not come back together.
 */
static int64
retry_delay(int attempts, int64 retry_after)
{
	int			delay = CM_LONGEST_DELAY;
	uint32		random;

	if (!pg_strong_random(&random, sizeof(random)))
		random = 0;
	if (retry_after > 0)
		return retry_after +
			random % (Min(retry_after / 5, CM_LATEST) + 1);
	if (attempts < 7)
		delay = Min(delay, CM_FIRST_DELAY << (attempts - 1));
	return random % (delay + 1);
}

/* Convex accepted a batch of the job with so many bytes, which was sent then. */
void
cm_pace_accepted(CmPace *pace, CmJob *job, TimestampTz sent_at, int bytes)
{
	TimestampTz now = GetCurrentTimestamp();
	int64		took = now - sent_at;

	pace->refused = 0;
	cm_rate_answered(pace->rate, job, now, sent_at, bytes);
	/* while all are held back, worked_at lies ahead: that time is waiting */
	if (now > pace->worked_at)
	{
		pace->waited = Max(0, pace->waited -
						   (now - pace->worked_at) / CM_WORK_PER_PATIENCE);
		pace->worked_at = now;
	}
	if (job->fastest == 0 || took < job->fastest)
		job->fastest = took;
	else if (took > 2 * job->fastest + CM_SLOWER)
		pace->doubling = false;
	if (pace->window >= pace->server->concurrency)
		pace->accepted = 0;
	else if (pace->doubling || ++pace->accepted >= pace->window)
	{
		pace->window++;
		pace->accepted = 0;
	}
}

/*
 * Convex had no room for a batch, which was sent then, and asks to wait for so
 * many milliseconds (-1: it does not say). Holds all batches back, and returns for how
 * long.
 */
static int64
hold_back(CmPace *pace, TimestampTz sent_at, int64 retry_after)
{
	TimestampTz now = GetCurrentTimestamp();
	TimestampTz until;
	int64		wait;

	if (sent_at > pace->cut_at)
	{
		pace->window = Max(1, pace->window / 2);
		pace->doubling = false;
		pace->accepted = 0;
		pace->cut_at = now;
		pace->refused++;
		cm_rate_refused(pace->rate, now);
	}
	wait = retry_delay(Max(1, pace->refused), retry_after);
	until = now + wait * 1000;
	if (until > pace->held_until)
	{
		pace->waited += until - Max(now, pace->held_until);
		pace->held_until = until;
	}
	pace->worked_at = pace->held_until;
	return wait;
}

/*
 * A request that was sent then, for so many times by now, is to be sent again, by this
 * answer: *wait says in how many milliseconds. If the deployment has no room, all
 * batches are held back until then, and that counts as waiting for it. Returns whether
 * the run is so patient. Where nothing else is held back, only a time that was asked
 * for can be too long.
 */
bool
cm_pace_retry(CmPace *pace, const CmAnswer *answer, TimestampTz sent_at,
			  int attempts, int64 *wait)
{
	if (!answer->busy)
	{
		*wait = retry_delay(attempts, answer->retry_after);
		return answer->retry_after <= pace->server->patience;
	}
	*wait = hold_back(pace, sent_at, answer->retry_after);
	return pace->waited <= pace->server->patience * INT64CONST(1000);
}

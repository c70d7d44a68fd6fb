/*-------------------------------------------------------------------------
 *
 * rate.c
 *	  Bytes a second: what option max_bytes_per_second allows, and what the
 *	  deployment takes, which is learnt from how it answers.
 *
 * Protocol: pace.c owns one. Before batches are sent it says cm_rate_look(), and asks
 * cm_rate_free_at() and cm_rate_holds(); it says cm_rate_sent(), and later
 * cm_rate_answered() or cm_rate_refused().
 *
 * A deployment of Convex writes only so many bytes in any second (crates/database/
 * src/write_throughput_limiter.rs). It says 429 only after it has tried a call five
 * times, with pauses of up to 0.1, 0.2, 0.4 and 0.8 s in between (crates/
 * application/src/application_function_runner): before that calls take longer, and
 * what it tries in vain is work that the live app could use. So calls that take
 * much longer than usual are taken for the sign of a limit. What was accepted in the
 * last second is the first guess of it. From there the rate rises while no call is
 * slow, by half a percent in a second near the place where that failed last, else
 * faster and faster, and falls when some are. While calls are overdue that were sent
 * at such a rate nothing is sent: they are tried again and again meanwhile.
 *
 * It is bytes of requests that are counted here. The server counts documents and
 * entries of indexes, which are a multiple of these that depends on the table: the
 * rate follows.
 *
 *-------------------------------------------------------------------------
 */
#include "run/run.h"

#include <math.h>

/* What was accepted in the last second is known in so many parts. */
#define CM_PARTS 20
#define CM_PART (USECS_PER_SEC / CM_PARTS)

/* Bytes a second of requests that are hardly ever too much: the smallest class of
 * deployments takes 4 MiB of documents and index entries, and a document has few indexes.
 * What looks like less is a machine that is slow for a while. And those that are little:
 * up to there it rises faster. */
#define CM_LEAST_LEARNT (256.0 * 1024.0)
#define CM_LITTLE (1024.0 * 1024.0)

/* Batches may go so much later than they could without the time being lost. */
#define CM_SLACK INT64CONST(50000)

/* A call is slow that takes a quarter longer than is usual for its table, and this:
 * the first pause takes up to 100 ms by chance. */
#define CM_LATER INT64CONST(20000)

/* Before a limit is known: so many that take twice as long as usual and this show
 * that there is one. Machines that stall for a moment do not. */
#define CM_MUCH_LATER INT64CONST(100000)
#define CM_MUCH_LATER_CALLS 3

/* Overdue calls that stop others. */
#define CM_OVERDUE_CALLS 2

/* By which part an answer moves what is usual; and by which part of the usual a slow
 * one does, so that a deployment that has become slower is known in the end. */
#define CM_MOVE 16
#define CM_MOVE_OF_SLOW 128

/* So many slow calls, and this share of all, show that the rate is too high. It falls
 * by a small share, more and more as long as that does not help, or, if very many of
 * some calls are slow, by a large one. */
#define CM_SLOW_CALLS 2
#define CM_SOME_SLOW 0.03
#define CM_SOME_LESS 0.025
#define CM_FEW_SLOW 0.015
#define CM_CALLS_TO_JUDGE 20
#define CM_MANY_SLOW 0.25
#define CM_MUCH_LESS 0.1

/* Below this part of what failed last slow calls are taken for the machine's or the
 * network's, once; and what failed is forgotten so quickly. */
#define CM_FAR 0.93
#define CM_FORGET 0.005

/* It rises after a second and so many calls, or half of both while the first guess
 * may be far too low. Shares by which it does: the smallest, the largest, except for
 * little of which nothing is known that failed; how near to what did it stays smallest;
 * and above which part of that nothing is known any more. */
#define CM_SMALL_RISE 0.005
#define CM_LARGE_RISE 0.07
#define CM_NEAR 0.05
#define CM_DISPROVED 1.3

struct CmRate
{
	int64		given;			/* bytes a second by the option; 0: none */
	double		learnt;			/* bytes a second; 0: no limit was met yet */
	double		failed;			/* where calls became slow last; 0: not known */
	double		rise;			/* next share to rise by */
	double		less;			/* and to fall by */
	TimestampTz free_at;		/* nothing is sent before */
	bool		draining;		/* nor while one call is overdue */
	bool		guessing;		/* draining, to find out the first rate */
	bool		holds;			/* nor now, for some are */

	/* since it was judged last, or a time to come */
	TimestampTz began;
	int			calls;
	int			slow;
	bool		doubted;		/* they were taken for that */

	/* bytes accepted: in the part of a second that "part" counts, and those before */
	int64		part;
	int64		accepted[CM_PARTS];
};

/* A rate for the server; lives in the current memory context. */
CmRate *
cm_rate_create(const CmServer *server)
{
	CmRate	   *rate = palloc0(sizeof(CmRate));

	rate->given = server->max_bytes_per_second;
	rate->rise = CM_SMALL_RISE;
	rate->less = CM_SOME_LESS;
	return rate;
}

/* When the next batch may be sent; may be past. */
TimestampTz
cm_rate_free_at(const CmRate *rate)
{
	return rate->free_at;
}

/* Bytes a second that may be sent now; 0: any. */
static double
allowed(const CmRate *rate)
{
	if (rate->learnt == 0 || rate->given == 0)
		return Max(rate->learnt, rate->given);
	return Min(rate->learnt, rate->given);
}

/* Whether nothing is to be sent now, whatever the time is. */
bool
cm_rate_holds(const CmRate *rate)
{
	return rate->holds;
}

/* Forget what was accepted more than a second ago. */
static void
move_on(CmRate *rate, TimestampTz now)
{
	int64		part = now / CM_PART;

	for (int64 i = Max(rate->part + 1, part - CM_PARTS + 1); i <= part; i++)
		rate->accepted[i % CM_PARTS] = 0;
	rate->part = Max(rate->part, part);
}

/* Bytes that were accepted in the last second. */
static int64
accepted_in_a_second(CmRate *rate, TimestampTz now)
{
	int64		sum = 0;

	move_on(rate, now);
	for (int i = 0; i < CM_PARTS; i++)
		sum += rate->accepted[i];
	return sum;
}

/* A body of so many bytes is sent. */
void
cm_rate_sent(CmRate *rate, TimestampTz now, int bytes)
{
	double		most = allowed(rate);

	if (most > 0)
		rate->free_at = Max(rate->free_at, now - CM_SLACK) +
			(TimestampTz) (bytes / most * USECS_PER_SEC);
}

/*
 * The first time from which batches can go evenly at the rate that was learnt, so
 * that with those that were accepted there are in no second more than it.
 */
static TimestampTz
first_even_time(CmRate *rate, TimestampTz now)
{
	TimestampTz first = now;
	int64		bytes = 0;

	move_on(rate, now);
	/* until a second after a part, what was accepted in it and later counts */
	for (int64 part = rate->part; part > rate->part - CM_PARTS; part--)
	{
		bytes += rate->accepted[part % CM_PARTS];
		first = Max(first, part * CM_PART +
					(TimestampTz) (bytes / rate->learnt * USECS_PER_SEC));
	}
	return first;
}

/* Begin to look at how calls go. */
static void
begin_to_judge(CmRate *rate, TimestampTz now)
{
	rate->began = now;
	rate->calls = 0;
	rate->slow = 0;
}

/* Less from now on, and nothing until no call is overdue. */
static void
drain(CmRate *rate)
{
	rate->rise = CM_SMALL_RISE;
	rate->draining = true;
}

/* What was too much: of the least that is learnt nobody knows it. */
static double
failed_at(const CmRate *rate)
{
	return rate->learnt > CM_LEAST_LEARNT ? rate->learnt : 0;
}

/* Too much was sent. */
static void
fall(CmRate *rate)
{
	rate->failed = Max(rate->failed * (1 - CM_FORGET), failed_at(rate));
	rate->learnt = Max(rate->learnt * (1 - rate->less), CM_LEAST_LEARNT);
	rate->less = Min(2 * rate->less, CM_MUCH_LESS);
	drain(rate);
}

/* Far too much was. */
static void
fall_far(CmRate *rate)
{
	rate->failed = failed_at(rate);
	rate->learnt = Max(rate->learnt * (1 - CM_MUCH_LESS), CM_LEAST_LEARNT);
	drain(rate);
}

/*
 * There is a limit. Calls that wait for it now are accepted within about the second
 * in which the first of what went at once counts: the most that is accepted in a
 * second until then is the best guess.
 */
static void
guess(CmRate *rate, TimestampTz now)
{
	rate->learnt = Max(rate->learnt, accepted_in_a_second(rate, now));
	rate->guessing = rate->learnt > 0;
	if (rate->guessing)
	{
		rate->learnt = Max(rate->learnt, CM_LEAST_LEARNT);
		drain(rate);
	}
	rate->rise = CM_LARGE_RISE;
	rate->less = CM_LARGE_RISE;
}

/* All went well: more, if that much is sent at all. */
static void
rise(CmRate *rate, TimestampTz now)
{
	if (accepted_in_a_second(rate, now) < 0.85 * rate->learnt)
		return;
	if (rate->learnt > CM_DISPROVED * rate->failed)
		rate->failed = 0;
	if (rate->failed > 0 && fabs(rate->learnt / rate->failed - 1) < CM_NEAR)
		rate->rise = CM_SMALL_RISE;
	rate->learnt *= 1 + rate->rise;
	/* a failure takes this back at least */
	rate->less = Max(CM_SOME_LESS, Min(rate->rise, CM_LARGE_RISE));
	rate->rise = Min(2 * rate->rise, rate->failed > 0 || rate->learnt > CM_LITTLE ?
					 CM_LARGE_RISE : 1);
}

/* Change the rate, if there was enough to see. */
static void
judge(CmRate *rate, TimestampTz now)
{
	double		share = (double) rate->slow / rate->calls;
	int			parts = rate->failed == 0 ? 2 : 1;

	if (rate->slow >= CM_SLOW_CALLS && share > CM_SOME_SLOW)
	{
		if (share > CM_MANY_SLOW && rate->calls >= CM_CALLS_TO_JUDGE)
			fall_far(rate);
		else if (rate->learnt > CM_FAR * rate->failed || rate->doubted)
			fall(rate);
		else
		{
			rate->doubted = true;
			begin_to_judge(rate, now);
		}
		return;
	}
	if (now - rate->began < USECS_PER_SEC / parts ||
		rate->calls < CM_CALLS_TO_JUDGE / parts)
		return;
	/* one slow call is too few to say, unless there were many others */
	if (share > CM_FEW_SLOW)
		return;
	if (rate->slow == 0)
		rise(rate, now);
	rate->doubted = false;
	begin_to_judge(rate, now);
}

/* Whether a call that takes so many microseconds is slow: of the job's others it is
 * known how long they take. */
static bool
is_slow(const CmJob *job, int64 took)
{
	return job->usual > 0 && took > job->usual + job->usual / 4 + CM_LATER;
}

/* Whether it is slow beyond what a machine that stalls explains. */
static bool
is_much_too_slow(const CmJob *job, int64 took)
{
	return job->usual > 0 && took > 2 * job->usual + CM_MUCH_LATER;
}

/* Count a batch that is under way, and was sent then. */
void
cm_rate_count_overdue(const CmJob *job, TimestampTz now, TimestampTz sent_at,
					  CmOverdue *overdue)
{
	if (is_slow(job, now - sent_at))
		overdue->calls++;
	if (is_much_too_slow(job, now - sent_at))
		overdue->by_much++;
}

/*
 * Look at the batches that are under way: whether they show that there is a limit,
 * whether all that is overdue has gone by, and whether anything may be sent now.
 */
void
cm_rate_look(CmRate *rate, TimestampTz now, const CmOverdue *overdue)
{
	if (rate->guessing ||
		(rate->learnt == 0 && overdue->by_much >= CM_MUCH_LATER_CALLS))
		guess(rate, now);
	if (rate->draining && overdue->calls == 0)
	{
		rate->draining = false;
		rate->guessing = false;
		rate->free_at = Max(rate->free_at, first_even_time(rate, now));
		/* for a second the server counts what was sent before */
		begin_to_judge(rate, rate->free_at + USECS_PER_SEC);
	}
	rate->holds = rate->draining ||
		(rate->learnt > 0 && overdue->calls >= CM_OVERDUE_CALLS);
}

/* A batch of the job with so many bytes, which was sent then, was accepted. */
void
cm_rate_answered(CmRate *rate, CmJob *job, TimestampTz now, TimestampTz sent_at,
				 int bytes)
{
	int64		took = now - sent_at;
	bool		slow = is_slow(job, took);

	move_on(rate, now);
	rate->accepted[rate->part % CM_PARTS] += bytes;
	job->usual += job->usual == 0 ? took :
		slow ? job->usual / CM_MOVE_OF_SLOW : (took - job->usual) / CM_MOVE;
	if (rate->learnt == 0 || rate->draining || now < rate->began)
		return;
	rate->calls++;
	if (slow)
		rate->slow++;
	judge(rate, now);
}

/* The deployment had no room for a batch. */
void
cm_rate_refused(CmRate *rate, TimestampTz now)
{
	if (rate->learnt == 0)
		guess(rate, now);
	else if (!rate->draining)
		fall_far(rate);
}

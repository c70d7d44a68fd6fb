/*
 * plan.c -- the limits of a deployment's class: mutations at a time, and bytes
 * that may be written in any second. tests/convex/{permits,write_rate,retries}.mjs
 * have the rules with their sources.
 */
#include "sink.h"
#include "timers.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PERMIT_WAIT 5.0
#define MAX_RETRIES 4
#define MIN_BACKOFF 0.1
#define MAX_BACKOFF 2.0
#define WINDOW 1.0

/* Seconds that a mutation holds its permit; permits, and bytes in a second: 0 for any number. */
double		execution;
long		permits;
double		write_limit;

static long running;
static Connection *first_waiting, *last_waiting;

/* What was written in the last second: a ring that grows. */
static struct
{
	double		at;
	double		bytes;
}		   *commits;
static size_t commit_first, commit_count, commit_capacity;
static double window_bytes;

/* Bytes that were written in the second before. */
static double
bytes_of_last_second(double at)
{
	while (commit_count > 0 && commits[commit_first].at < at - WINDOW)
	{
		window_bytes -= commits[commit_first].bytes;
		commit_first = (commit_first + 1) % commit_capacity;
		commit_count--;
	}
	return window_bytes;
}

/* So many bytes are written now. */
void
note_commit(double at, double bytes)
{
	long		slice = (long) ((at - stats.began) / SLICE);

	if (commit_count == commit_capacity)
	{
		size_t		wrapped = commit_first;

		commit_capacity = commit_capacity == 0 ? 4096 : commit_capacity * 2;
		commits = allocate(commits, commit_capacity * sizeof(*commits));
		/* what had wrapped around goes on behind the old end */
		memcpy(commits + commit_count, commits, wrapped * sizeof(*commits));
	}
	commits[(commit_first + commit_count) % commit_capacity].at = at;
	commits[(commit_first + commit_count) % commit_capacity].bytes = bytes;
	commit_count++;
	window_bytes += bytes;
	stats.bytes += bytes;
	if (slice >= 0 && slice < MAX_SLICES)
	{
		stats.slices[slice] += bytes;
		if (slice >= stats.slice_count)
			stats.slice_count = slice + 1;
	}
}

static void
refuse(Connection *c, const char *code)
{
	char		body[200];

	sprintf(body, "{\"code\":\"%s\",\"message\":\"Too many: the sink is limited.\"}", code);
	set_json(c, "429 Too Many Requests", body);
	deliver(c);
}

/* No permit has become free in time. */
static void
give_up_waiting(Connection *c)
{
	Connection **link = &first_waiting;

	while (*link != c)
		link = &(*link)->next_waiting;
	*link = c->next_waiting;
	stats.refused_permits++;
	refuse(c, "TooManyConcurrentRequests");
}

static void execute(Connection *c);

/* Gives the permit to who has waited longest. */
static void
release_permit(void)
{
	Connection *next = first_waiting;

	running--;
	if (next == NULL)
		return;
	first_waiting = next->next_waiting;
	timers_cancel(give_up_waiting, next);
	execute(next);
}

static void
executed(Connection *c)
{
	release_permit();
	commit(c);
}

/* It has a permit, and runs. */
static void
execute(Connection *c)
{
	running++;
	timers_add(now() + execution, executed, c);
}

/* The mutation runs, waits or is refused; commit() answers it when it may. */
void
attempt(Connection *c)
{
	double		at = now();

	if (write_limit > 0 && bytes_of_last_second(at) > write_limit)
	{
		double		pause = MIN_BACKOFF * (1 << c->failures);

		if (c->failures == MAX_RETRIES)
		{
			stats.refused_writes++;
			refuse(c, "TooManyWrites");
			return;
		}
		c->failures++;
		stats.retries++;
		timers_add(at + (pause < MAX_BACKOFF ? pause : MAX_BACKOFF) * drand48(), attempt, c);
	}
	else if (execution == 0)
		commit(c);
	else if (permits == 0 || running < permits)
		execute(c);
	else
	{
		c->next_waiting = NULL;
		if (first_waiting == NULL)
			first_waiting = c;
		else
			last_waiting->next_waiting = c;
		last_waiting = c;
		timers_add(at + PERMIT_WAIT, give_up_waiting, c);
	}
}

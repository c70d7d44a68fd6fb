/*
 * sink.h -- what the parts of the sink have in common: a connection and the
 * request that it has under way, how that is answered, and the figures of
 * GET /local/stats. See sink.c.
 */
#ifndef SINK_H
#define SINK_H

#include "buffer.h"

#include <stdbool.h>

/* Bytes are also counted by tenths of a second, so that one sees the pace. */
#define SLICE 0.1
#define MAX_SLICES 36000

/* A connection, with the one request that it may have under way. */
typedef struct Connection
{
	int			fd;
	bool		busy;			/* a request waits for its answer */
	bool		closed;			/* by the client, while it was busy */
	Buffer		in;
	size_t		head;			/* of the request: length of its head ... */
	size_t		whole;			/* ... and of all of it; 0: not known yet */
	Buffer		out;
	size_t		sent;
	bool		blocked;		/* the rest of the answer waits for room */
	int			failures;		/* attempts that came too early */
	size_t		records;
	double		bytes;			/* as the limit counts them */
	struct Connection *next_waiting;	/* for a permit */
} Connection;

typedef struct Stats
{
	long		requests, mutations, records, retries, refused_writes, refused_permits;
	long		busy, most_busy;
	double		bytes, body_bytes, began;
	double		slices[MAX_SLICES];
	long		slice_count;
} Stats;

/* in sink.c */
extern Stats stats;
extern void set_json(Connection *c, const char *status, const char *body);
extern void deliver(Connection *c);

/* in mutations.c */
extern void begin_mutation(Connection *c);
extern void commit(Connection *c);
extern const Buffer *largest_mutation(void);

/* in plan.c */
extern double execution;
extern long permits;
extern double write_limit;
extern void attempt(Connection *c);
extern void note_commit(double at, double bytes);

#endif

/*
 * timers.h -- what is to happen to connections later, the earliest first.
 */
#ifndef TIMERS_H
#define TIMERS_H

struct Connection;

typedef void (*Fire) (struct Connection *connection);

extern int	timers_open(void);
extern double now(void);
extern void timers_add(double due, Fire fire, struct Connection *connection);
extern void timers_cancel(Fire fire, struct Connection *connection);
extern void timers_run(void);

#endif

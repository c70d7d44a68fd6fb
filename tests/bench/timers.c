/*
 * timers.c -- a heap by time, and one file descriptor that is readable when
 * the first is due.
 */
#define _GNU_SOURCE
#include "timers.h"
#include "buffer.h"

#include <stdint.h>
#include <string.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

typedef struct Timer
{
	double		due;
	Fire		fire;
	struct Connection *connection;
} Timer;

static int	timer_fd;
static Timer *timers;
static size_t timer_count, timer_capacity;

/* To be called first; the result is readable when timers_run() is to be called. */
int
timers_open(void)
{
	return timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
}

/* Seconds of a clock that only goes forward. */
double
now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

/* Sets the clock to the first. */
static void
arm(void)
{
	struct itimerspec when;

	memset(&when, 0, sizeof(when));
	if (timer_count > 0)
	{
		when.it_value.tv_sec = (time_t) timers[0].due;
		when.it_value.tv_nsec = (long) ((timers[0].due - (time_t) timers[0].due) * 1e9) + 1;
	}
	timerfd_settime(timer_fd, TFD_TIMER_ABSTIME, &when, NULL);
}

/* At this time (of now()) fire(connection) is called. */
void
timers_add(double due, Fire fire, struct Connection *connection)
{
	size_t		i = timer_count++;

	if (timer_count > timer_capacity)
	{
		timer_capacity = timer_capacity == 0 ? 1024 : timer_capacity * 2;
		timers = allocate(timers, timer_capacity * sizeof(Timer));
	}
	for (; i > 0 && timers[(i - 1) / 2].due > due; i = (i - 1) / 2)
		timers[i] = timers[(i - 1) / 2];
	timers[i] = (Timer) {due, fire, connection};
	if (i == 0)
		arm();
}

static void
remove_timer(size_t i)
{
	Timer		last = timers[--timer_count];

	if (i == timer_count)
		return;
	for (; i > 0 && timers[(i - 1) / 2].due > last.due; i = (i - 1) / 2)
		timers[i] = timers[(i - 1) / 2];
	for (size_t child; (child = 2 * i + 1) < timer_count; i = child)
	{
		if (child + 1 < timer_count && timers[child + 1].due < timers[child].due)
			child++;
		if (timers[child].due >= last.due)
			break;
		timers[i] = timers[child];
	}
	timers[i] = last;
}

/* Takes one back that was added and has not fired. */
void
timers_cancel(Fire fire, struct Connection *connection)
{
	size_t		i = 0;

	while (timers[i].connection != connection || timers[i].fire != fire)
		i++;
	remove_timer(i);
}

/* Fires what is due. */
void
timers_run(void)
{
	uint64_t	count;
	double		at = now();

	(void) !read(timer_fd, &count, sizeof(count));
	while (timer_count > 0 && timers[0].due <= at)
	{
		Timer		due = timers[0];

		remove_timer(0);
		due.fire(due.connection);
	}
	arm();
}

/*
 * sink.c -- answers like a deployment where convex_migrate() and
 * ConvexHttpClient ask it, and stores nothing: what a benchmark then measures
 * is the sender. One process takes some 100,000 requests a second.
 *
 *   sink [--latency MS] [--execution MS] [--permits N] [--bytes N]
 *        [--documents FILE]... [--about JSON] FUNCTION ...
 *
 * FUNCTIONs are the functions that it claims to have (migrate:migrateContacts):
 * queries if they are called as the generated ones, else mutations. --documents
 * are those that it answers queries for ranges with (shelf.c), --about is what
 * it answers the query "about" with.
 * It prints one line of JSON, {"url", "deployKey", "instance"}, takes any key,
 * and ends when its standard input does.
 *
 * --latency is what the way to the deployment takes, there and back;
 * --execution how long a mutation holds its permit, of which there are
 * --permits, and for which another waits 5 s at most; --bytes how much may be
 * written in any second. That is looked at before a mutation runs only, and
 * one that comes too early is tried four times more, 100 ms to 2 s apart,
 * before it is refused with 429 (tests/convex/{permits,write_rate,retries}.mjs
 * have the rules with their sources).
 *
 * It does not parse records: it looks for the text that begins one, {"id":".
 * Inside a JSON string that text cannot stand, as its quotes would be escaped;
 * a nested object that begins so would be taken for a record, and the sender
 * would say that it never sent it.
 *
 *   GET /local/stats    what came and went, as JSON, since the last of these
 *   GET /local/body     the largest body of a mutation that came, for flood.c
 *   GET /local/calls    the bodies of all queries for ranges since the last of these
 */
#define _GNU_SOURCE
#include "shelf.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#define INSTANCE "discarding-sink-000"
#define RECORD_START "{\"id\":\""
#define PERMIT_WAIT 5.0
#define MAX_RETRIES 4
#define MIN_BACKOFF 0.1
#define MAX_BACKOFF 2.0
#define WINDOW 1.0
/* Besides the JSON of a document and its key: the system fields, and the
 * entries of the document, of by_id, by_creation_time and by_supabaseId. */
#define DOCUMENT_OVERHEAD 380
/* Bytes are also counted by tenths of a second, so that one sees the pace. */
#define SLICE 0.1
#define MAX_SLICES 36000
#define MAX_EVENTS 256

typedef struct Buffer
{
	char	   *data;
	size_t		length;
	size_t		capacity;
} Buffer;

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
	bool		waits;			/* for a permit */
	struct Connection *next_waiting;
} Connection;

typedef enum Event
{
	EV_RETRY,
	EV_EXECUTED,
	EV_PERMIT_LATE,
	EV_ANSWER
} Event;

typedef struct Timer
{
	double		due;
	Event		event;
	Connection *connection;
} Timer;

static double latency, execution;
static long permits;
static double write_limit;
static int	poll_fd, timer_fd, listen_fd;
static Buffer specs, largest, about;

static Timer *timers;
static size_t timer_count, timer_capacity;
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

static struct
{
	long		requests, mutations, records, retries, refused_writes, refused_permits;
	long		busy, most_busy;
	double		bytes, body_bytes, began;
	double		slices[MAX_SLICES];
	long		slice_count;
}			stats;

static unsigned long long ids_given;

static double
now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

static void *
allocate(void *old, size_t size)
{
	void	   *fresh = realloc(old, size);

	if (fresh == NULL)
		abort();
	return fresh;
}

static void
reserve(Buffer *buffer, size_t more)
{
	if (buffer->length + more <= buffer->capacity)
		return;
	while (buffer->length + more > buffer->capacity)
		buffer->capacity = buffer->capacity == 0 ? 65536 : buffer->capacity * 2;
	buffer->data = allocate(buffer->data, buffer->capacity);
}

static void
append(Buffer *buffer, const char *bytes, size_t length)
{
	reserve(buffer, length);
	memcpy(buffer->data + buffer->length, bytes, length);
	buffer->length += length;
}

static void
append_text(Buffer *buffer, const char *text)
{
	append(buffer, text, strlen(text));
}

/* ---- time ---- */

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

static void
add_timer(double due, Event event, Connection *connection)
{
	size_t		i = timer_count++;

	if (timer_count > timer_capacity)
	{
		timer_capacity = timer_capacity == 0 ? 1024 : timer_capacity * 2;
		timers = allocate(timers, timer_capacity * sizeof(Timer));
	}
	for (; i > 0 && timers[(i - 1) / 2].due > due; i = (i - 1) / 2)
		timers[i] = timers[(i - 1) / 2];
	timers[i] = (Timer) {due, event, connection};
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

/* ---- connections ---- */

static void
drop(Connection *c)
{
	close(c->fd);
	free(c->in.data);
	free(c->out.data);
	free(c);
}

static void read_requests(Connection *c);

static void
send_answer(Connection *c)
{
	while (c->sent < c->out.length)
	{
		ssize_t		n = send(c->fd, c->out.data + c->sent, c->out.length - c->sent, MSG_NOSIGNAL);

		if (n < 0 && errno == EAGAIN && !c->closed)
		{
			c->blocked = true;	/* EPOLLOUT comes */
			return;
		}
		if (n < 0)
			break;
		c->sent += n;
	}
	c->blocked = false;
	c->busy = false;
	stats.busy--;
	if (c->closed)
	{
		drop(c);
		return;
	}
	memmove(c->in.data, c->in.data + c->whole, c->in.length - c->whole);
	c->in.length -= c->whole;
	c->whole = 0;
	read_requests(c);
}

/* The answer is ready; it comes when it has made its way. */
static void
deliver(Connection *c)
{
	c->sent = 0;
	if (latency > 0)
		add_timer(now() + latency, EV_ANSWER, c);
	else
		send_answer(c);
}

static void
set_answer(Connection *c, const char *status, const char *type, const char *body, size_t length)
{
	char		head[200];

	c->out.length = 0;
	append(&c->out, head, sprintf(head, "HTTP/1.1 %s\r\nContent-Type: %s\r\nContent-Length: %zu\r\n\r\n",
								  status, type, length));
	append(&c->out, body, length);
}

static void
set_json(Connection *c, const char *status, const char *body)
{
	set_answer(c, status, "application/json", body, strlen(body));
}

/* ---- mutations ---- */

static void attempt(Connection *c);

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

static void
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

static void
execute(Connection *c)
{
	running++;
	add_timer(now() + execution, EV_EXECUTED, c);
}

static void
release_permit(void)
{
	Connection *next = first_waiting;

	running--;
	if (next == NULL)
		return;
	first_waiting = next->next_waiting;
	next->waits = false;
	for (size_t i = 0; i < timer_count; i++)
		if (timers[i].connection == next && timers[i].event == EV_PERMIT_LATE)
		{
			remove_timer(i);
			break;
		}
	execute(next);
}

static void
give_up_waiting(Connection *c)
{
	Connection **link = &first_waiting;

	while (*link != c)
		link = &(*link)->next_waiting;
	*link = c->next_waiting;
	c->waits = false;
	stats.refused_permits++;
	refuse(c, "TooManyConcurrentRequests");
}

/* The pairs of key and id that a migrate function returns. */
static void
commit(Connection *c)
{
	const char *end = c->in.data + c->whole;
	const char *at = c->in.data + c->head;
	size_t		start;
	char		length[21];

	note_commit(now(), c->bytes);
	stats.records += c->records;
	c->out.length = 0;
	/* the length is filled in when it is known */
	append_text(&c->out, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: ");
	size_t		length_at = c->out.length;

	append_text(&c->out, "0000000000\r\n\r\n");
	start = c->out.length;
	append_text(&c->out, "{\"status\":\"success\",\"value\":[");
	for (size_t i = 0; i < c->records; i++)
	{
		const char *key = (const char *) memmem(at, end - at, RECORD_START, sizeof(RECORD_START) - 1)
			+ sizeof(RECORD_START) - 2;

		for (at = key + 1; *at != '"'; at++)
			if (*at == '\\')
				at++;
		at++;
		if (i > 0)
			append(&c->out, ",", 1);
		append_text(&c->out, "{\"supabaseId\":");
		append(&c->out, key, at - key);
		reserve(&c->out, 100);
		c->out.length += sprintf(c->out.data + c->out.length, ",\"convexId\":\"jn7%029llu\"}", ++ids_given);
	}
	append_text(&c->out, "]}");
	sprintf(length, "%010zu", c->out.length - start);
	memcpy(c->out.data + length_at, length, 10);
	deliver(c);
}

static void
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
		add_timer(at + (pause < MAX_BACKOFF ? pause : MAX_BACKOFF) * drand48(), EV_RETRY, c);
	}
	else if (execution == 0)
		commit(c);
	else if (permits == 0 || running < permits)
		execute(c);
	else
	{
		c->waits = true;
		c->next_waiting = NULL;
		if (first_waiting == NULL)
			first_waiting = c;
		else
			last_waiting->next_waiting = c;
		last_waiting = c;
		add_timer(at + PERMIT_WAIT, EV_PERMIT_LATE, c);
	}
}

static void
begin_mutation(Connection *c)
{
	const char *body = c->in.data + c->head;
	size_t		length = c->whole - c->head;

	c->failures = 0;
	c->records = 0;
	for (const char *at = body; (at = memmem(at, body + length - at, RECORD_START, sizeof(RECORD_START) - 1)) != NULL;
		 at += sizeof(RECORD_START) - 1)
		c->records++;
	c->bytes = length + (double) c->records * DOCUMENT_OVERHEAD;
	if (stats.mutations++ == 0)
		stats.began = now();
	stats.body_bytes += length;
	if (length > largest.length)
	{
		largest.length = 0;
		append(&largest, body, length);
	}
	attempt(c);
}

/* ---- requests ---- */

static void
answer_stats(Connection *c)
{
	Buffer		text = {0};
	struct rusage usage;
	char		line[600];

	getrusage(RUSAGE_SELF, &usage);
	append(&text, line, sprintf(line,
								"{\"requests\":%ld,\"mutations\":%ld,\"records\":%ld,\"bytes\":%.0f,\"bodyBytes\":%.0f,"
								"\"retries\":%ld,\"refusedWrites\":%ld,\"refusedPermits\":%ld,\"mostAtOnce\":%ld,"
								"\"cpu\":%.3f,\"slice\":%.1f,\"slices\":[",
								stats.requests, stats.mutations, stats.records, stats.bytes, stats.body_bytes,
								stats.retries, stats.refused_writes, stats.refused_permits, stats.most_busy,
								usage.ru_utime.tv_sec + usage.ru_stime.tv_sec
								+ (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6, SLICE));
	for (long i = 0; i < stats.slice_count; i++)
		append(&text, line, sprintf(line, "%s%.0f", i == 0 ? "" : ",", stats.slices[i]));
	append(&text, "]}", 3);
	set_json(c, "200 OK", text.data);
	free(text.data);
	long		busy = stats.busy;

	memset(&stats, 0, sizeof(stats));
	stats.busy = busy;
}

static bool
asks(Connection *c, const char *line)
{
	size_t		length = strlen(line);

	return c->head > length && memcmp(c->in.data, line, length) == 0;
}

/* The answer to the query whose name the body has. */
static void
answer_query(Connection *c)
{
	const char *body = c->in.data + c->head;
	size_t		length = c->whole - c->head;
	char	   *page;
	size_t		page_length;

	if (memmem(body, length, ":range\"", 7) != NULL && shelf_answer(body, length, &page, &page_length))
		set_answer(c, "200 OK", "application/json", page, page_length);
	else if (about.length > 0 && memmem(body, length, ":about\"", 7) != NULL)
		set_answer(c, "200 OK", "application/json", about.data, about.length);
	else if (memmem(body, length, ":apiSpec\"", 9) != NULL)
		set_answer(c, "200 OK", "application/json", specs.data, specs.length);
	else
		set_json(c, "200 OK", "{\"status\":\"error\",\"errorMessage\":\"Could not find function\"}");
}

static void
answer(Connection *c)
{
	c->busy = true;
	if (++stats.busy > stats.most_busy)
		stats.most_busy = stats.busy;
	if (asks(c, "GET /local/stats"))
	{
		answer_stats(c);
		c->sent = 0;
		send_answer(c);
		return;
	}
	if (asks(c, "GET /local/body"))
	{
		set_answer(c, "200 OK", "application/json", largest.data, largest.length);
		c->sent = 0;
		send_answer(c);
		return;
	}
	if (asks(c, "GET /local/calls"))
	{
		size_t		length;
		const char *calls = shelf_calls(&length);

		set_answer(c, "200 OK", "text/plain", calls, length);
		c->sent = 0;
		send_answer(c);
		return;
	}
	stats.requests++;
	if (asks(c, "POST /api/mutation"))
	{
		begin_mutation(c);
		return;
	}
	if (asks(c, "GET /instance_name"))
		set_answer(c, "200 OK", "text/plain", INSTANCE, strlen(INSTANCE));
	else if (asks(c, "GET /api/check_admin_key"))
		set_json(c, "200 OK", "{\"success\":true}");
	else if (asks(c, "POST /api/query"))
		answer_query(c);
	else
		set_answer(c, "404 Not Found", "text/plain", "", 0);
	deliver(c);
}

/* Finds where the request ends; answers 100 to who waits for it. */
static void
read_head(Connection *c)
{
	const char *end = memmem(c->in.data, c->in.length, "\r\n\r\n", 4);
	size_t		body = 0;

	if (end == NULL)
		return;
	c->head = end - c->in.data + 4;
	for (const char *line = memchr(c->in.data, '\n', c->head); line != NULL && line < end;
		 line = memchr(line, '\n', end - line))
	{
		line++;
		if (strncasecmp(line, "content-length:", 15) == 0)
			body = strtoul(line + 15, NULL, 10);
		else if (strncasecmp(line, "expect:", 7) == 0)
			send(c->fd, "HTTP/1.1 100 Continue\r\n\r\n", 25, MSG_NOSIGNAL);
	}
	c->whole = c->head + body;
}

static void
read_requests(Connection *c)
{
	if (c->busy)
		return;
	if (c->whole == 0)
		read_head(c);
	if (c->whole > 0 && c->in.length >= c->whole)
		answer(c);
}

static void
receive(Connection *c)
{
	for (;;)
	{
		ssize_t		n;

		reserve(&c->in, c->whole > c->in.length ? c->whole - c->in.length + 1 : 65536);
		n = recv(c->fd, c->in.data + c->in.length, c->in.capacity - c->in.length - 1, 0);
		if (n < 0 && errno == EAGAIN)
			break;
		if (n <= 0)
		{
			if (!c->busy)
				drop(c);
			else
			{
				c->closed = true;
				epoll_ctl(poll_fd, EPOLL_CTL_DEL, c->fd, NULL);
			}
			return;
		}
		c->in.length += n;
		if (c->whole == 0 && !c->busy)
			read_head(c);
	}
	read_requests(c);
}

static void
welcome(void)
{
	int			fd;

	while ((fd = accept4(listen_fd, NULL, NULL, SOCK_NONBLOCK)) >= 0)
	{
		Connection *c = calloc(1, sizeof(Connection));
		struct epoll_event event = {EPOLLIN | EPOLLOUT | EPOLLET, {.ptr = c}};

		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int) {1}, sizeof(int));
		c->fd = fd;
		epoll_ctl(poll_fd, EPOLL_CTL_ADD, fd, &event);
	}
}

static void
run_timers(void)
{
	uint64_t	count;
	double		at = now();

	(void) !read(timer_fd, &count, sizeof(count));
	while (timer_count > 0 && timers[0].due <= at)
	{
		Timer		due = timers[0];

		remove_timer(0);
		switch (due.event)
		{
			case EV_RETRY:
				attempt(due.connection);
				break;
			case EV_EXECUTED:
				release_permit();
				commit(due.connection);
				break;
			case EV_PERMIT_LATE:
				give_up_waiting(due.connection);
				break;
			case EV_ANSWER:
				send_answer(due.connection);
				break;
		}
	}
	arm();
}

/* Whether a function with this name is one of the generated queries. */
static bool
is_query(const char *name)
{
	return strcmp(name, ":about") == 0 || strcmp(name, ":range") == 0 || strcmp(name, ":resolve") == 0;
}

/* What _system/cli/modules:apiSpec says of the functions. */
static void
describe(char **functions, int count)
{
	append_text(&specs, "{\"status\":\"success\",\"value\":[");
	for (int i = 0; i < count; i++)
	{
		char	   *colon = strchr(functions[i], ':');

		append_text(&specs, i == 0 ? "{\"identifier\":\"" : ",{\"identifier\":\"");
		append(&specs, functions[i], colon - functions[i]);
		append_text(&specs, ".js");
		append_text(&specs, colon);
		append_text(&specs, "\",\"functionType\":\"");
		append_text(&specs, is_query(colon) ? "Query" : "Mutation");
		append_text(&specs, "\",\"visibility\":{\"kind\":\"internal\"},"
					"\"args\":{\"type\":\"any\"},\"returns\":{\"type\":\"any\"}}");
	}
	append_text(&specs, "]}");
}

static void
open_port(void)
{
	struct sockaddr_in address = {.sin_family = AF_INET,.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t	length = sizeof(address);

	listen_fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	if (bind(listen_fd, (struct sockaddr *) &address, length) != 0 || listen(listen_fd, 1024) != 0)
	{
		perror("sink");
		exit(1);
	}
	getsockname(listen_fd, (struct sockaddr *) &address, &length);
	printf("{\"url\":\"http://127.0.0.1:%d\",\"deployKey\":\"dev:" INSTANCE "|0123456789abcdef\",\"instance\":\"" INSTANCE "\"}\n",
		   ntohs(address.sin_port));
	fflush(stdout);
}

static void
watch(int fd, void *mark)
{
	struct epoll_event event = {EPOLLIN, {.ptr = mark}};

	epoll_ctl(poll_fd, EPOLL_CTL_ADD, fd, &event);
}

int
main(int argc, char **argv)
{
	int			first = 1;
	static char at_port, at_timer, at_input;

	for (; first + 1 < argc && strncmp(argv[first], "--", 2) == 0; first += 2)
	{
		double		value = atof(argv[first + 1]);

		if (strcmp(argv[first], "--latency") == 0)
			latency = value / 1000;
		else if (strcmp(argv[first], "--execution") == 0)
			execution = value / 1000;
		else if (strcmp(argv[first], "--permits") == 0)
			permits = (long) value;
		else if (strcmp(argv[first], "--bytes") == 0)
			write_limit = value;
		else if (strcmp(argv[first], "--documents") == 0)
			shelf_open(argv[first + 1]);
		else if (strcmp(argv[first], "--about") == 0)
		{
			append_text(&about, "{\"status\":\"success\",\"value\":");
			append_text(&about, argv[first + 1]);
			append_text(&about, "}");
		}
		else
		{
			fprintf(stderr, "sink: there is no option %s\n", argv[first]);
			return 1;
		}
	}
	describe(argv + first, argc - first);
	poll_fd = epoll_create1(0);
	timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
	open_port();
	watch(listen_fd, &at_port);
	watch(timer_fd, &at_timer);
	watch(0, &at_input);
	for (;;)
	{
		struct epoll_event events[MAX_EVENTS];
		int			count = epoll_wait(poll_fd, events, MAX_EVENTS, -1);

		for (int i = 0; i < count; i++)
		{
			void	   *mark = events[i].data.ptr;

			if (mark == &at_port)
				welcome();
			else if (mark == &at_timer)
				run_timers();
			else if (mark == &at_input)
				return 0;
			else
			{
				Connection *c = mark;

				if ((events[i].events & EPOLLOUT) && c->blocked)
					send_answer(c);
				if (events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR))
					receive(c);
			}
		}
	}
}

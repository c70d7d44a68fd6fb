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
 * before it is refused with 429 (plan.c).
 *
 *   GET /local/stats    what came and went, as JSON, since the last of these
 *   GET /local/body     the largest body of a mutation that came, for flood.c
 *   GET /local/calls    the bodies of all queries for ranges since the last of these
 */
#define _GNU_SOURCE
#include "sink.h"
#include "shelf.h"
#include "timers.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#define INSTANCE "discarding-sink-000"
#define MAX_EVENTS 256

Stats		stats;

static double latency;
static int	poll_fd, listen_fd;
static Buffer specs, about;

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
void
deliver(Connection *c)
{
	c->sent = 0;
	if (latency > 0)
		timers_add(now() + latency, send_answer, c);
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

/* The answer is this JSON. */
void
set_json(Connection *c, const char *status, const char *body)
{
	set_answer(c, status, "application/json", body, strlen(body));
}

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

/* What the benchmark asks; no latency, and it is not counted. */
static void
answer_local(Connection *c)
{
	const char *text = largest_mutation()->data;
	size_t		length = largest_mutation()->length;

	if (asks(c, "GET /local/stats"))
	{
		answer_stats(c);
		return;
	}
	if (asks(c, "GET /local/calls"))
		text = shelf_calls(&length);
	set_answer(c, "200 OK", "text/plain", text, length);
}

static void
answer(Connection *c)
{
	c->busy = true;
	if (++stats.busy > stats.most_busy)
		stats.most_busy = stats.busy;
	if (asks(c, "GET /local/"))
	{
		answer_local(c);
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
	int			timer_fd;
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
	timer_fd = timers_open();
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
				timers_run();
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

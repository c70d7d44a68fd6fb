/*
 * flood.c -- sends requests that were made before, as many at a time as there
 * are connections: what a receiver can take from somebody who has nothing else
 * to do.
 *
 *   flood PORT CONNECTIONS REQUESTS PATH BODY_FILE
 *
 * Each line of the file is a body; they are sent by turns.
 * Prints {"seconds", "cpu"}. Any answer but 200 ends it with an error.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define MAX_ANSWER (16 << 20)

typedef struct Request
{
	char	   *text;
	size_t		length;
} Request;

typedef struct Connection
{
	int			fd;
	const Request *request;		/* that is under way */
	size_t		sent;
	char	   *answer;
	size_t		length;
	size_t		whole;			/* of the answer; 0: not known yet */
} Connection;

static Request *requests;
static long request_count, next_request;
static long to_send, to_come;

static double
now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

static void
fail(const char *why)
{
	fprintf(stderr, "flood: %s\n", why);
	exit(1);
}

/* The request with this body. */
static Request
make_request(const char *path, const char *body, size_t length)
{
	Request		request = {malloc(length + strlen(path) + 200), 0};

	request.length = sprintf(request.text, "POST %s HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
							 "Content-Length: %zu\r\n\r\n", path, length);
	memcpy(request.text + request.length, body, length);
	request.length += length;
	return request;
}

static void
build_requests(const char *path, const char *file)
{
	FILE	   *bodies = fopen(file, "rb");
	char	   *line = NULL;
	size_t		capacity = 0;
	ssize_t		length;

	if (bodies == NULL)
		fail("the bodies cannot be read");
	while ((length = getline(&line, &capacity, bodies)) > 0)
	{
		requests = realloc(requests, (request_count + 1) * sizeof(Request));
		requests[request_count++] = make_request(path, line, length - (line[length - 1] == '\n'));
	}
	fclose(bodies);
	if (request_count == 0)
		fail("there is no body");
}

static void
send_more(Connection *c)
{
	while (c->sent < c->request->length)
	{
		ssize_t		n = send(c->fd, c->request->text + c->sent, c->request->length - c->sent, MSG_NOSIGNAL);

		if (n < 0 && errno == EAGAIN)
			return;
		if (n < 0)
			fail("the connection was lost");
		c->sent += n;
	}
}

static void
begin(Connection *c)
{
	c->length = c->whole = 0;
	c->request = &requests[next_request++ % request_count];
	c->sent = to_send > 0 ? 0 : c->request->length;
	if (to_send-- > 0)
		send_more(c);
}

static void
receive(Connection *c)
{
	ssize_t		n;

	while ((n = recv(c->fd, c->answer + c->length, MAX_ANSWER - c->length - 1, 0)) > 0)
	{
		char	   *body;

		c->length += n;
		c->answer[c->length] = '\0';
		if (c->whole == 0 && (body = strstr(c->answer, "\r\n\r\n")) != NULL)
		{
			char	   *length = strcasestr(c->answer, "content-length:");

			if (strncmp(c->answer, "HTTP/1.1 200", 12) != 0 || length == NULL || length > body)
				fail("an answer other than 200");
			c->whole = body + 4 - c->answer + strtoul(length + 15, NULL, 10);
			if (c->whole >= MAX_ANSWER)
				fail("the answer is too long");
		}
		if (c->whole > 0 && c->length >= c->whole)
		{
			to_come--;
			begin(c);
		}
	}
	if (n == 0 || errno != EAGAIN)
		fail("the connection was lost");
}

static Connection *
open_connection(int port, int poll_fd)
{
	struct sockaddr_in address = {.sin_family = AF_INET,.sin_port = htons(port),.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	Connection *c = calloc(1, sizeof(Connection));
	struct epoll_event event = {EPOLLIN | EPOLLOUT | EPOLLET, {.ptr = c}};

	c->fd = socket(AF_INET, SOCK_STREAM, 0);
	if (connect(c->fd, (struct sockaddr *) &address, sizeof(address)) != 0)
		fail("no connection");
	setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &(int) {1}, sizeof(int));
	fcntl(c->fd, F_SETFL, O_NONBLOCK);
	c->answer = malloc(MAX_ANSWER);
	epoll_ctl(poll_fd, EPOLL_CTL_ADD, c->fd, &event);
	return c;
}

int
main(int argc, char **argv)
{
	struct epoll_event events[256];
	struct rusage usage;
	int			poll_fd = epoll_create1(0);
	double		start;

	if (argc != 6)
		fail("PORT CONNECTIONS REQUESTS PATH BODY_FILE");
	build_requests(argv[4], argv[5]);
	to_send = to_come = atol(argv[3]);
	start = now();
	for (int i = 0; i < atoi(argv[2]); i++)
		begin(open_connection(atoi(argv[1]), poll_fd));
	while (to_come > 0)
	{
		int			count = epoll_wait(poll_fd, events, 256, -1);

		for (int i = 0; i < count; i++)
		{
			Connection *c = events[i].data.ptr;

			if (events[i].events & EPOLLOUT)
				send_more(c);
			if (events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR))
				receive(c);
		}
	}
	getrusage(RUSAGE_SELF, &usage);
	printf("{\"seconds\":%.6f,\"cpu\":%.3f}\n", now() - start,
		   usage.ru_utime.tv_sec + usage.ru_stime.tv_sec + (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6);
	return 0;
}

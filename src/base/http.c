/*-------------------------------------------------------------------------
 *
 * http.c
 *	  Requests over HTTP, by libcurl.
 *
 * A CmHttp keeps connections to one host. Protocol: fill a CmRequest,
 * cm_http_submit() it, then alternate cm_http_wait() and cm_http_reap(); the
 * answer stays valid until cm_http_release(). One thread, no callbacks into
 * PostgreSQL: libcurl's callbacks never throw, palloc or log, they use malloc
 * and note what went wrong.
 *
 * Everything hangs under the memory context given to cm_http_create(): its
 * deletion, by an ERROR too, closes the sockets without waiting for anybody.
 *
 * Two habits of libcurl matter to us. It starts threads to look up names:
 * they inherit the signal mask, so signals are blocked around calls that may
 * start one, or a resolver thread would run PostgreSQL's handlers. And it
 * sends a request again by itself when a kept connection dies without an
 * answer, which could insert a batch twice: bodies are given by a read
 * callback that cannot rewind, so libcurl reports the loss instead.
 *
 *-------------------------------------------------------------------------
 */
#include "base/http.h"

#include <signal.h>
#include <curl/curl.h>

#include "libpq/pqsignal.h"
#include "pgstat.h"
#include "storage/fd.h"
#include "storage/ipc.h"
#include "storage/pmsignal.h"

#include "base/compat.h"

/* Longest wait without a look at interrupts: a signal that comes between the
 * look and the wait is noticed no later than this. */
#define CM_TICK_MS 50

/* A buffer up to this size is kept for the slot's next answer. */
#define CM_KEPT_ANSWER_BYTES (1024 * 1024)

/* Node.js, the quickest of usual servers, closes idle connections after 5 s. */
#define CM_MAX_IDLE_SECONDS 4L

/* libcurl's sockets beside those of the transfers: its own wake-up pair and
 * one for the resolver. */
#define CM_EXTRA_FDS 3

/* Longest value of Retry-After: a date takes 29 characters. */
#define CM_RETRY_AFTER_LENGTH 64

/* One request's handle and buffers; slots are reused. */
typedef struct CmTransfer
{
	CURL	   *easy;			/* NULL: none yet, or dropped */
	CmRequest  *request;		/* NULL: free */
	size_t		sent;			/* bytes of the body given to libcurl */
	struct curl_slist content_type; /* in front of the CmHttp's header lines */
	CmBuffer	answer;			/* what has come of its body */
	const char *broken;			/* what a callback could not do, or NULL */
	char		retry_after[CM_RETRY_AFTER_LENGTH]; /* the header's, or empty */
	char		problem[CURL_ERROR_SIZE];	/* libcurl's words, or empty */
} CmTransfer;

struct CmHttp
{
	CURLM	   *multi;
	struct curl_slist *headers; /* of every request */
	struct curl_slist credentials;	/* in front of the headers; data: malloc'd */
	struct curl_slist *pinned;	/* hosts that are not looked up */
	const char *url;			/* the rest is as in CmHttpConfig */
	bool		local;
	int			timeout;		/* milliseconds */
	int			ntransfers;
	CmTransfer *transfers;
	int			reserved_fds;	/* how many to give back */
	bool		answered;		/* the host has answered a request before */
};

#define CHECK_SETOPT(easy, option, value) \
	do { \
		CURLcode	code_ = curl_easy_setopt(easy, option, value); \
		if (code_ != CURLE_OK) \
			elog(ERROR, "could not set " #option ": %s", \
				 curl_easy_strerror(code_)); \
	} while (0)

/* Callback: keep what the host sends. */
static size_t
take_answer(char *data, size_t size, size_t count, void *arg)
{
	CmTransfer *transfer = arg;
	size_t		bytes = size * count;

	if (transfer->answer.length + bytes > transfer->request->answer_limit)
	{
		transfer->broken = "the answer is too large";
		return 0;
	}
	if (!cm_buffer_append(&transfer->answer, data, bytes))
	{
		transfer->broken = "out of memory";
		return 0;
	}
	return bytes;
}

/* Callback: keep the value of Retry-After. libcurl's own reading of it takes a
 * number that is too large for none. */
static size_t
take_header(char *data, size_t size, size_t count, void *arg)
{
	CmTransfer *transfer = arg;

	cm_http_outcome_take_header(data, size * count, "retry-after:",
								transfer->retry_after, CM_RETRY_AFTER_LENGTH);
	return size * count;
}

/* Callback: give libcurl more of the body. There is deliberately no seek
 * callback, see the head of this file. */
static size_t
give_body(char *buffer, size_t size, size_t count, void *arg)
{
	CmTransfer *transfer = arg;
	size_t		bytes = Min(size * count,
							transfer->request->body_length - transfer->sent);

	memcpy(buffer, transfer->request->body + transfer->sent, bytes);
	transfer->sent += bytes;
	return bytes;
}

/* Close everything: own.c's release function, which must not throw. */
static void
destroy(void *object)
{
	CmHttp	   *http = object;

	for (int i = 0; i < http->ntransfers; i++)
	{
		CmTransfer *transfer = &http->transfers[i];

		if (transfer->easy != NULL)
		{
			if (transfer->request != NULL)
				curl_multi_remove_handle(http->multi, transfer->easy);
			curl_easy_cleanup(transfer->easy);
		}
		cm_buffer_free(&transfer->answer);
	}
	if (http->multi != NULL)
		curl_multi_cleanup(http->multi);
	curl_slist_free_all(http->headers);
	curl_slist_free_all(http->pinned);
	if (http->credentials.data != NULL)
		explicit_bzero(http->credentials.data, strlen(http->credentials.data));
	free(http->credentials.data);
	for (int i = 0; i < http->reserved_fds; i++)
		ReleaseExternalFD();
}

/* Add a line to a list that the CmHttp has. */
static void
add_line(struct curl_slist **list, const char *line)
{
	struct curl_slist *longer = curl_slist_append(*list, line);

	if (longer == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OUT_OF_MEMORY), errmsg("out of memory")));
	*list = longer;
}

/* Keep the header lines of every request, and the credentials apart. */
static void
make_headers(CmHttp *http, const CmHttpConfig *config)
{
	for (const char *const *line = config->headers; *line != NULL; line++)
		add_line(&http->headers, *line);
	/* waiting for a "100 Continue" costs a second where none comes */
	add_line(&http->headers, "Expect:");
	http->credentials.next = http->headers;
	if (config->credentials == NULL)
		return;
	http->credentials.data = strdup(config->credentials);
	if (http->credentials.data == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OUT_OF_MEMORY), errmsg("out of memory")));
}

/* Account for the sockets that libcurl will open. */
static void
reserve_fds(CmHttp *http, const CmHttpConfig *config)
{
	for (int i = 0; i < config->slots + CM_EXTRA_FDS; i++)
	{
		if (!AcquireExternalFD())
			ereport(ERROR,
					(errcode(ERRCODE_INSUFFICIENT_RESOURCES),
					 errmsg("not enough file descriptors for %d requests at once",
							config->slots),
					 errhint("%s", config->slots_hint)));
		http->reserved_fds++;
	}
}

/*
 * Connections to one host, as the configuration says. Lives, with all that
 * it opens, as long as the context, and keeps nothing of the configuration but
 * the URL: the caller may wipe the credentials.
 */
CmHttp *
cm_http_create(MemoryContext context, const CmHttpConfig *config)
{
	MemoryContext old = MemoryContextSwitchTo(context);
	CmHttp	   *http = palloc0(sizeof(CmHttp));
	CmOwned    *owned = cm_own_create(context, destroy);

	cm_http_library_start();
	/* one more: an answer can be read while all connections are in use */
	http->ntransfers = config->slots + 1;
	http->transfers = palloc0(http->ntransfers * sizeof(CmTransfer));
	http->url = config->url;
	http->timeout = config->timeout;
	http->local = config->local;
	cm_own_set(owned, http);
	cm_own_until_abort(owned);

	reserve_fds(http, config);
	make_headers(http, config);
	if (config->pinned != NULL)
		add_line(&http->pinned, config->pinned);
	http->multi = curl_multi_init();
	if (http->multi == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OUT_OF_MEMORY), errmsg("out of memory")));
	curl_multi_setopt(http->multi, CURLMOPT_MAX_TOTAL_CONNECTIONS,
					  (long) config->slots);
	curl_multi_setopt(http->multi, CURLMOPT_MAXCONNECTS,
					  (long) config->slots);
	MemoryContextSwitchTo(old);
	return http;
}

/* Options that hold for every request of a transfer's handle. */
static void
set_constant_options(CmHttp *http, CmTransfer *transfer)
{
	CURL	   *easy = transfer->easy;

	CHECK_SETOPT(easy, CURLOPT_NOSIGNAL, 1L);
	CHECK_SETOPT(easy, CURLOPT_FOLLOWLOCATION, 0L);
	CHECK_SETOPT(easy, CM_CURLOPT_PROTOCOLS,
				 http->local ? CM_CURL_HTTP : CM_CURL_HTTPS);
#ifdef CM_CURLOPT_QUICK_EXIT
	CHECK_SETOPT(easy, CM_CURLOPT_QUICK_EXIT, 1L);
#endif
	if (http->pinned != NULL)
		CHECK_SETOPT(easy, CURLOPT_RESOLVE, http->pinned);
	/* a proxy of the environment must not see what is meant for loopback */
	if (http->local)
		CHECK_SETOPT(easy, CURLOPT_NOPROXY, "*");
	/* one request a connection: with HTTP/2 they would share one, and a
	 * single lost connection would leave all of them ambiguous */
	CHECK_SETOPT(easy, CURLOPT_HTTP_VERSION, (long) CURL_HTTP_VERSION_1_1);
	/* hosts close idle connections: one that is about to be closed would turn
	 * a request into a lost answer */
	CHECK_SETOPT(easy, CURLOPT_MAXAGE_CONN, CM_MAX_IDLE_SECONDS);
	CHECK_SETOPT(easy, CURLOPT_CONNECTTIMEOUT_MS, (long) Min(http->timeout, 10000));
	CHECK_SETOPT(easy, CURLOPT_ERRORBUFFER, transfer->problem);
	CHECK_SETOPT(easy, CURLOPT_PRIVATE, transfer);
	CHECK_SETOPT(easy, CURLOPT_WRITEFUNCTION, take_answer);
	CHECK_SETOPT(easy, CURLOPT_WRITEDATA, transfer);
	CHECK_SETOPT(easy, CURLOPT_HEADERFUNCTION, take_header);
	CHECK_SETOPT(easy, CURLOPT_HEADERDATA, transfer);
	CHECK_SETOPT(easy, CURLOPT_READFUNCTION, give_body);
	CHECK_SETOPT(easy, CURLOPT_READDATA, transfer);
}

/* A free transfer, with a handle; the caller sees to it that there is one. */
static CmTransfer *
free_transfer(CmHttp *http)
{
	for (int i = 0; i < http->ntransfers; i++)
	{
		CmTransfer *transfer = &http->transfers[i];

		if (transfer->request != NULL)
			continue;
		if (transfer->easy == NULL)
		{
			transfer->easy = curl_easy_init();
			if (transfer->easy == NULL)
				ereport(ERROR,
						(errcode(ERRCODE_OUT_OF_MEMORY),
						 errmsg("out of memory")));
			set_constant_options(http, transfer);
		}
		return transfer;
	}
	elog(ERROR, "more requests than transfers");
}

/* Let libcurl work, with signals blocked: see the head of this file. */
static void
perform(CmHttp *http)
{
	sigset_t	before;
	int			running;
	CURLMcode	code;

	sigprocmask(SIG_SETMASK, &BlockSig, &before);
	code = curl_multi_perform(http->multi, &running);
	sigprocmask(SIG_SETMASK, &before, NULL);
	if (code != CURLM_OK)
		elog(ERROR, "curl_multi_perform failed: %s", curl_multi_strerror(code));
}

/* Give the transfer's handle what is special about the request. */
static void
set_request_options(CmHttp *http, CmTransfer *transfer, const CmRequest *request)
{
	CURL	   *easy = transfer->easy;
	char	   *url = psprintf("%s%s", http->url, request->path);

	CHECK_SETOPT(easy, CURLOPT_URL, url);
	pfree(url);
	CHECK_SETOPT(easy, CURLOPT_TIMEOUT_MS,
				 (long) (request->timeout > 0 ? request->timeout : http->timeout));
	if (request->method == CM_METHOD_GET)
		CHECK_SETOPT(easy, CURLOPT_HTTPGET, 1L);
	else
	{
		CHECK_SETOPT(easy, CURLOPT_POST, 1L);
		CHECK_SETOPT(easy, CURLOPT_POSTFIELDSIZE_LARGE,
					 (curl_off_t) request->body_length);
	}
	/* an empty line keeps libcurl from naming a type of its own for a POST */
	transfer->content_type.data =
		unconstify(char *, request->content_type ? request->content_type :
				   "Content-Type:");
	transfer->content_type.next = request->with_credentials ?
		&http->credentials : http->headers;
	CHECK_SETOPT(easy, CURLOPT_HTTPHEADER, &transfer->content_type);
}

/* Send a request. There must be fewer under way than there are slots, and no more
 * than one answer that is not released. */
void
cm_http_submit(CmHttp *http, CmRequest *request)
{
	CmTransfer *transfer = free_transfer(http);
	CURLMcode	code;

	set_request_options(http, transfer, request);
	transfer->sent = 0;
	cm_buffer_reset(&transfer->answer);
	transfer->broken = NULL;
	transfer->problem[0] = '\0';
	transfer->retry_after[0] = '\0';
	code = curl_multi_add_handle(http->multi, transfer->easy);
	if (code != CURLM_OK)
		elog(ERROR, "curl_multi_add_handle failed: %s",
			 curl_multi_strerror(code));
	transfer->request = request;
	request->transfer = transfer;
	perform(http);
}

/*
 * Wait until something happens, but no longer than the given time and a short
 * tick. Interrupts are served here, and the postmaster's death.
 */
void
cm_http_wait(CmHttp *http, int milliseconds)
{
	CURLMcode	code;

	CHECK_FOR_INTERRUPTS();
	if (!PostmasterIsAlive())
		ereport(FATAL,
				(errcode(ERRCODE_ADMIN_SHUTDOWN),
				 errmsg("terminating connection due to unexpected postmaster exit")));
	pgstat_report_wait_start(cm_wait_event());
	code = curl_multi_poll(http->multi, NULL, 0,
						   Max(0, Min(milliseconds, CM_TICK_MS)), NULL);
	pgstat_report_wait_end();
	if (code != CURLM_OK)
		elog(ERROR, "curl_multi_poll failed: %s", curl_multi_strerror(code));
	CHECK_FOR_INTERRUPTS();
	perform(http);
}

/* Fill in the request what came of it. */
static void
conclude(CmHttp *http, CmTransfer *transfer, CURLcode code)
{
	CmRequest  *request = transfer->request;
	long		bytes_sent = 0;

	request->answer = transfer->answer.data ? transfer->answer.data : "";
	request->answer_length = transfer->answer.length;
	request->status = 0;
	request->retry_after = -1;
	request->problem = NULL;
	if (code == CURLE_OK)
	{
		request->delivery = CM_DELIVERY_ANSWERED;
		http->answered = true;
		curl_easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE,
						  &request->status);
		request->retry_after = cm_http_outcome_retry_after(transfer->retry_after);
		return;
	}
	request->problem = (char *) (transfer->broken ? transfer->broken :
								 transfer->problem[0] ? transfer->problem :
								 curl_easy_strerror(code));
	curl_easy_getinfo(transfer->easy, CURLINFO_REQUEST_SIZE, &bytes_sent);
	request->delivery = cm_http_outcome_delivery(code, request->problem,
												 bytes_sent > 0 || transfer->sent > 0,
												 http->answered);
}

/*
 * Give up the handle of a transfer that failed, free_transfer() makes another.
 * Some libcurls (8.14, for one) keep in a handle that its body was to be
 * rewound, and fail every later request with it before it is sent (curl issue
 * 18206). Connections belong to the multi handle and stay.
 */
static void
drop_handle(CmTransfer *transfer)
{
	curl_easy_cleanup(transfer->easy);
	transfer->easy = NULL;
}

/*
 * The next request that is over, or NULL. Its answer is valid until
 * cm_http_release().
 */
CmRequest *
cm_http_reap(CmHttp *http)
{
	int			queued;
	CURLMsg    *message;

	while ((message = curl_multi_info_read(http->multi, &queued)) != NULL)
	{
		CmTransfer *transfer;
		CURLcode	code = message->data.result;

		if (message->msg != CURLMSG_DONE)
			continue;
		curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &transfer);
		curl_multi_remove_handle(http->multi, transfer->easy);
		conclude(http, transfer, code);
		if (code != CURLE_OK)
			drop_handle(transfer);
		return transfer->request;
	}
	return NULL;
}

/* The answer is no longer needed; the transfer is free again. */
void
cm_http_release(CmRequest *request)
{
	CmTransfer *transfer = request->transfer;

	Assert(transfer->request == request);
	if (transfer->answer.capacity > CM_KEPT_ANSWER_BYTES)
		cm_buffer_free(&transfer->answer);
	transfer->request = NULL;
	request->answer = NULL;
	request->problem = NULL;
}

/* Give up all requests that are under way: they are lost, and their connections free. */
void
cm_http_abandon(CmHttp *http)
{
	for (int i = 0; i < http->ntransfers; i++)
	{
		CmTransfer *transfer = &http->transfers[i];

		if (transfer->request == NULL)
			continue;
		(void) curl_multi_remove_handle(http->multi, transfer->easy);
		drop_handle(transfer);
		transfer->request = NULL;
	}
}

/*-------------------------------------------------------------------------
 *
 * http.h
 *	  Requests over HTTP, and their answers.
 *
 * Here is known what a URL, a status and a body are; what they mean to Convex
 * is known in api/. A *host* is what the URL leads to.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CM_HTTP_H
#define CM_HTTP_H

#include "base/base.h"

/* Connections to one host; see http.c. */
typedef struct CmHttp CmHttp;

/* The parts of a URL that matter; palloc'd. */
typedef struct CmUrl
{
	char	   *scheme;			/* lower case */
	char	   *port;			/* digits, or NULL when there is none */
	char	   *host;			/* lower case; an IPv6 address in brackets */
	char	   *path;			/* "/" when there is none */
	bool		has_user;		/* there is a user or a password */
} CmUrl;

/* Where requests go, and what they have in common. */
typedef struct CmHttpConfig
{
	const char *url;			/* without a trailing slash */
	bool		local;			/* the host is this machine: plain http is
								 * allowed, and no proxy is asked */
	const char *pinned;			/* "host:port:address,..." for a host that is
								 * not to be looked up, or NULL */
	int			timeout;		/* milliseconds, for one request that does not say */
	int			slots;			/* requests under way at once, at most */
	const char *slots_hint;		/* hint of the error when there are too few
								 * file descriptors for that */
	const char *const *headers; /* lines of every request; NULL ends them */
	const char *credentials;	/* a header line, secret, of the requests that
								 * ask for it; NULL when none does */
} CmHttpConfig;

/* The methods of HTTP that are used. */
typedef enum CmMethod
{
	CM_METHOD_GET,				/* without a body */
	CM_METHOD_POST				/* with a body, which may be empty */
} CmMethod;

/* How far a request came. */
typedef enum CmDelivery
{
	CM_DELIVERY_ANSWERED,		/* status and body are there */
	CM_DELIVERY_NOT_SENT,		/* the host has not seen it */
	CM_DELIVERY_NOT_SENT_YET,	/* nor has it here, but waiting may help */
	CM_DELIVERY_OTHER_PROTOCOL, /* what is there does not speak HTTP/1.1 */
	CM_DELIVERY_LOST			/* sent, but no (whole) answer came */
} CmDelivery;

/*
 * One request. The caller fills the first part and keeps it, body included,
 * until the request is reaped or the CmHttp is gone.
 */
typedef struct CmRequest
{
	CmMethod	method;
	const char *path;			/* appended to CmHttpConfig.url */
	const char *content_type;	/* the header line, or NULL: there is none */
	const char *body;			/* octets, or NULL */
	int			body_length;	/* bytes */
	size_t		answer_limit;	/* bytes; more are not read, and lose the
								 * answer */
	int			timeout;		/* milliseconds; 0: CmHttpConfig.timeout */
	bool		with_credentials;	/* send CmHttpConfig.credentials */
	void	   *owner;			/* the caller's, not looked at here */

	/* set when it is reaped; the texts belong to the CmHttp and are valid
	 * until cm_http_release() */
	CmDelivery	delivery;
	long		status;			/* of HTTP; 0 unless ANSWERED */
	const char *answer;			/* body, ends in a NUL that is not counted;
								 * incomplete unless ANSWERED */
	size_t		answer_length;	/* bytes */
	int64		retry_after;	/* milliseconds that the host asks to wait,
								 * or -1 */
	char	   *problem;		/* unless ANSWERED: libcurl's words, else NULL */

	void	   *transfer;		/* of http.c */
} CmRequest;

/* in http_library.c */
extern void cm_http_library_start(void);
extern char *cm_http_library_version(void);
extern bool cm_http_library_parse_url(const char *text, CmUrl *url);

/* in http_outcome.c */
extern CmDelivery cm_http_outcome_delivery(int code, const char *problem,
										   bool sent, bool answered);
extern void cm_http_outcome_take_header(const char *line, size_t length,
										const char *name, char *value,
										size_t size);
extern int64 cm_http_outcome_retry_after(const char *value);

/* in http.c */
extern CmHttp *cm_http_create(MemoryContext context,
							  const CmHttpConfig *config);
extern void cm_http_submit(CmHttp *http, CmRequest *request);
extern CmRequest *cm_http_reap(CmHttp *http);
extern void cm_http_wait(CmHttp *http, int milliseconds);
extern void cm_http_release(CmRequest *request);
extern void cm_http_abandon(CmHttp *http);

#endif							/* CM_HTTP_H */

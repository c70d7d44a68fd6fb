/*-------------------------------------------------------------------------
 *
 * http.h
 *	  Requests over HTTP, and their answers.
 *
 * What a URL, a status and a body are; what they mean to Convex is api/'s.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CM_HTTP_H
#define CM_HTTP_H

#include "base/base.h"

typedef struct CmHttp CmHttp;

typedef struct CmUrl
{
	char	   *scheme;
	char	   *host;			/* lower case; an IPv6 address in brackets */
	char	   *path;			/* "/" when there is none */
	bool		has_user;		/* or a password */
} CmUrl;

/* Where requests go, and what they have in common. */
typedef struct CmHttpConfig
{
	const char *url;			/* without a trailing slash */
	bool		local;			/* the host is this machine: plain http is
								 * allowed, and no proxy is asked */
	int			timeout;		/* milliseconds, for one request */
	int			slots;			/* requests under way at once, at most */
	const char *slots_hint;		/* for people: how to do with fewer */
	const char *const *headers; /* lines of every request; NULL ends them */
	const char *credentials;	/* the line of those that ask for it, or NULL */
} CmHttpConfig;

typedef enum CmMethod
{
	CM_METHOD_GET,
	CM_METHOD_POST
} CmMethod;

/* How far a request came. */
typedef enum CmDelivery
{
	CM_DELIVERY_ANSWERED,		/* status and body are there */
	CM_DELIVERY_NOT_SENT,		/* the server has not seen it */
	CM_DELIVERY_LOST			/* sent, but no (whole) answer came */
} CmDelivery;

/*
 * One request. The caller fills the first part and keeps it, body included,
 * until the request is reaped or the CmHttp is gone.
 */
typedef struct CmRequest
{
	CmMethod	method;
	const char *path;			/* appended to the URL of the server */
	const char *content_type;	/* the header line, or NULL: there is none */
	const char *body;			/* octets, or NULL */
	int			body_length;
	bool		with_credentials;
	void	   *owner;			/* the caller's */

	/* set when it is reaped; body is NUL-terminated and belongs to CmHttp
	 * until cm_http_release() */
	CmDelivery	delivery;
	bool		transient;		/* NOT_SENT: waiting may help */
	long		status;
	const char *answer;
	size_t		answer_length;
	int			retry_after;	/* milliseconds from the server, or -1 */
	char	   *problem;		/* libcurl's words when not ANSWERED */

	void	   *transfer;		/* of http.c */
} CmRequest;

/* in http_library.c */
extern void cm_http_library_start(void);
extern char *cm_http_library_version(void);
extern bool cm_http_library_parse_url(const char *text, CmUrl *url);

/* in http.c */
extern CmHttp *cm_http_create(MemoryContext context,
							  const CmHttpConfig *config);
extern void cm_http_submit(CmHttp *http, CmRequest *request);
extern CmRequest *cm_http_reap(CmHttp *http);
extern void cm_http_wait(CmHttp *http, int milliseconds);
extern void cm_http_release(CmRequest *request);

#endif							/* CM_HTTP_H */

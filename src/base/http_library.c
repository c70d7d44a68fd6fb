/*-------------------------------------------------------------------------
 *
 * http_library.c
 *	  libcurl itself: its start, its versions, its reading of a URL.
 *
 * http.c has the requests; no third file knows libcurl. Protocol:
 * cm_http_library_start() comes before the first request; versions and URLs
 * need no start. URLs are read by libcurl, and not by rules of our own, so
 * that what is checked of a URL is what will be connected to.
 *
 * What libcurl allocates is freed before anything may throw; results are
 * palloc'd.
 *
 *-------------------------------------------------------------------------
 */
#include "base/http.h"

#include <curl/curl.h>

/*
 * Start libcurl, once in a backend's life. Never in the postmaster: some
 * libcurls start threads here, and its children would inherit what is left of
 * them. ERROR when host names could not be looked up without blocking: a
 * cancel would have to wait for the name server.
 */
void
cm_http_library_start(void)
{
	static bool started = false;

	if (started)
		return;
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		ereport(ERROR,
				(errcode(ERRCODE_SYSTEM_ERROR),
				 errmsg("could not initialize libcurl")));
	if (!(curl_version_info(CURLVERSION_NOW)->features & CURL_VERSION_ASYNCHDNS))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("this libcurl cannot look up host names without blocking"),
				 errhint("Install a libcurl built with the threaded resolver or c-ares.")));
	started = true;
}

/* libcurl, its TLS library and its resolver with their versions; palloc'd. */
char *
cm_http_library_version(void)
{
	curl_version_info_data *info = curl_version_info(CURLVERSION_NOW);

	return psprintf("libcurl %s, %s, %s", info->version,
					info->ssl_version ? info->ssl_version : "no TLS",
					info->ares ? psprintf("c-ares %s", info->ares) :
					(info->features & CURL_VERSION_ASYNCHDNS) ?
					"threaded resolver" : "blocking resolver");
}

/*
 * A part of the URL, palloc'd; NULL when there is none, or no memory. Does not
 * throw: libcurl's own copy and the handle have to be freed.
 */
static char *
url_part(CURLU *handle, CURLUPart part)
{
	char	   *text = NULL;
	char	   *copy = NULL;

	if (curl_url_get(handle, part, &text, 0) == CURLUE_OK)
		copy = MemoryContextAllocExtended(CurrentMemoryContext,
										  strlen(text) + 1,
										  MCXT_ALLOC_NO_OOM);
	if (copy != NULL)
		strcpy(copy, text);
	curl_free(text);
	return copy;
}

/*
 * Take a URL apart. False when it is not an absolute URL; then *url is
 * undefined.
 */
bool
cm_http_library_parse_url(const char *text, CmUrl *url)
{
	CURLU	   *handle = curl_url();

	if (handle == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OUT_OF_MEMORY), errmsg("out of memory")));
	if (curl_url_set(handle, CURLUPART_URL, text,
					 CURLU_NON_SUPPORT_SCHEME) != CURLUE_OK)
	{
		curl_url_cleanup(handle);
		return false;
	}
	url->scheme = url_part(handle, CURLUPART_SCHEME);
	url->host = url_part(handle, CURLUPART_HOST);
	url->port = url_part(handle, CURLUPART_PORT);
	url->path = url_part(handle, CURLUPART_PATH);
	url->has_user = url_part(handle, CURLUPART_USER) != NULL ||
		url_part(handle, CURLUPART_PASSWORD) != NULL;
	curl_url_cleanup(handle);
	if (url->scheme == NULL || url->host == NULL || url->path == NULL)
		return false;
	for (char *p = url->scheme; *p; p++)
		*p = pg_ascii_tolower((unsigned char) *p);
	for (char *p = url->host; *p; p++)
		*p = pg_ascii_tolower((unsigned char) *p);
	return true;
}

/*-------------------------------------------------------------------------
 *
 * http_library.c
 *	  libcurl itself: its start, its versions, how it takes a URL apart.
 *
 * http.c has the requests. No other file knows libcurl; what it checks of a URL
 * is what it will connect to.
 *
 *-------------------------------------------------------------------------
 */
#include "base/http.h"

#include <curl/curl.h>

/* Start libcurl, once in a backend's life; never in the postmaster. */
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

/* libcurl, its TLS library and its resolver with their versions. */
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

/* libcurl's URL parts are malloc'd: copy one and free it. */
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
 * Take a URL apart. False when it is not an absolute URL; *url is palloc'd.
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
	url->path = url_part(handle, CURLUPART_PATH);
	url->has_user = url_part(handle, CURLUPART_USER) != NULL ||
		url_part(handle, CURLUPART_PASSWORD) != NULL;
	curl_url_cleanup(handle);
	if (url->scheme == NULL || url->host == NULL || url->path == NULL)
		return false;
	for (char *p = url->host; *p; p++)
		*p = pg_ascii_tolower((unsigned char) *p);
	return true;
}

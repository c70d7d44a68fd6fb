/*-------------------------------------------------------------------------
 *
 * http_url.c
 *	  URLs, taken apart by libcurl, so that what is checked is what is called.
 *
 *-------------------------------------------------------------------------
 */
#include "base/http.h"

#include <curl/curl.h>

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
cm_http_url_parse(const char *text, CmUrl *url)
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

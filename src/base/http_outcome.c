/*-------------------------------------------------------------------------
 *
 * http_outcome.c
 *	  How far a request came that has no answer, and when a host wants to be
 *	  asked again: for http.c alone.
 *
 *-------------------------------------------------------------------------
 */
#include "base/http.h"

#include <ctype.h>
#include <time.h>
#include <curl/curl.h>

/* A host that asks to wait for longer than this means forever; in seconds. */
#define CM_LONGEST_RETRY_AFTER (INT64CONST(100) * 365 * 24 * 3600)

/*
 * Whether a request that was not sent may get through later. At first contact
 * only a host that is just not there is waited for; one that has answered
 * before exists, and only a wrong certificate is final.
 */
static bool
may_pass(CURLcode code, bool answered)
{
	if (answered)
		return code != CURLE_PEER_FAILED_VERIFICATION;
	return code == CURLE_COULDNT_CONNECT || code == CURLE_OPERATION_TIMEDOUT ||
		code == CURLE_SEND_ERROR || code == CURLE_RECV_ERROR ||
		code == CURLE_GOT_NOTHING;
}

/*
 * Whether what is there speaks another protocol: a proxy that insists on HTTP/2
 * ends the handshake of TLS, or sends frames in the place of an answer. Libraries
 * of TLS word the alert differently, or by number.
 */
static bool
is_other_protocol(CURLcode code, const char *problem)
{
	return code == CURLE_UNSUPPORTED_PROTOCOL ||
		(code == CURLE_SSL_CONNECT_ERROR &&
		 (strstr(problem, "application protocol") != NULL ||
		  strstr(problem, "reason(1120)") != NULL));
}

/*
 * How far a request came that ended with this error of libcurl, in these words.
 * sent: something of it was; answered: the host has answered one before, so that
 * it does speak HTTP/1.1.
 */
CmDelivery
cm_http_outcome_delivery(int code, const char *problem, bool sent,
						 bool answered)
{
	if (!answered && is_other_protocol(code, problem))
		return CM_DELIVERY_OTHER_PROTOCOL;
	if (sent)
		return CM_DELIVERY_LOST;
	return may_pass(code, answered) ? CM_DELIVERY_NOT_SENT_YET :
		CM_DELIVERY_NOT_SENT;
}

/*
 * The milliseconds that the value of a Retry-After asks to wait: a number of
 * seconds, or a date (RFC 9110, 10.2.3). -1: it is neither.
 */
int64
cm_http_outcome_retry_after(const char *value)
{
	size_t		digits = strspn(value, "0123456789");
	time_t		date;

	if (digits > 0 && value[digits] == '\0')
		return digits > 10 ? CM_LONGEST_RETRY_AFTER * 1000 :
			Min(strtoll(value, NULL, 10), CM_LONGEST_RETRY_AFTER) * 1000;
	date = isalpha((unsigned char) value[0]) ? curl_getdate(value, NULL) : -1;
	if (date == -1)
		return -1;
	return Max((int64) date - (int64) time(NULL), 0) * 1000;
}

/*
 * If the line of a header, of so many bytes, is the one with this name (lower case, with
 * its colon), take its value, without the space around it; one that has no room is none.
 * Neither throws nor pallocs.
 */
void
cm_http_outcome_take_header(const char *line, size_t length, const char *name,
							char *value, size_t size)
{
	size_t		from = strlen(name);

	if (length <= from || pg_strncasecmp(line, name, from) != 0)
		return;
	while (from < length && (line[from] == ' ' || line[from] == '\t'))
		from++;
	while (length > from && isspace((unsigned char) line[length - 1]))
		length--;
	if (length - from >= size)
		return;
	memcpy(value, line + from, length - from);
	value[length - from] = '\0';
}

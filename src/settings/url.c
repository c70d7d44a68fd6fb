/*-------------------------------------------------------------------------
 *
 * url.c
 *	  The URL of a deployment: which ones are refused, and what the deployment
 *	  that it leads to is called.
 *
 * A deployment in Convex's cloud is https://<name>.convex.cloud, possibly with
 * a region behind the name; its functions are called there, and
 * <name>.convex.site serves its HTTP actions. One that is self-hosted can have
 * any URL, which does not name it.
 *
 *-------------------------------------------------------------------------
 */
#include "settings/settings.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include "base/http.h"

/*
 * Whether the host is this machine: then http is allowed, since nobody else
 * can listen. Addresses count, and the one name that is pinned to them: any
 * other name could lead anywhere.
 */
static bool
is_loopback(const char *host)
{
	struct in_addr address;

	return strcmp(host, "localhost") == 0 || strcmp(host, "[::1]") == 0 ||
		(inet_pton(AF_INET, host, &address) == 1 &&
		 ntohl(address.s_addr) >> 24 == IN_LOOPBACKNET);
}

/* The deployment in a dashboard URL's path, /t/<team>/<project>/<deployment>,
 * or NULL: the last step of the form adjective-animal-123. */
static char *
deployment_in_path(const char *path)
{
	char	   *copy = pstrdup(path);
	char	   *found = NULL;

	for (char *step = strtok(copy, "/"); step; step = strtok(NULL, "/"))
	{
		size_t		letters = strspn(step, "abcdefghijklmnopqrstuvwxyz-");

		/* adjective-animal-123 */
		if (letters > 0 && step[letters - 1] == '-' && step[letters] != '\0' &&
			strspn(step + letters, "0123456789") == strlen(step + letters))
			found = step;
	}
	return found;
}

/* What is wrong with the URL, as a hint of what to use instead; NULL: it may
 * be that of a deployment. */
static char *
url_problem(const CmUrl *url)
{
	const char *site = strstr(url->host, ".convex.site");

	if (strcmp(url->host, "dashboard.convex.dev") == 0)
	{
		char	   *deployment = deployment_in_path(url->path);

		return psprintf("This is the dashboard. The URL of the deployment itself is \"https://%s.convex.cloud\".",
						deployment ? deployment : "happy-animal-123");
	}
	if (site != NULL && strcmp(site, ".convex.site") == 0)
		return psprintf("This URL serves HTTP actions. Functions are called at \"https://%.*s.convex.cloud\".",
						(int) (site - url->host), url->host);
	if (strcmp(url->scheme, "https") != 0 &&
		!(strcmp(url->scheme, "http") == 0 && is_loopback(url->host)))
		return "The deploy key is sent to this URL: only https is allowed, or http to a loopback address.";
	return NULL;
}

/*
 * One spelling of the URL for all that lead to the same place: the port where
 * it is not the scheme's own, no dot behind the host, no slash at the end.
 */
static char *
canonical_url(const CmUrl *url, const char *host)
{
	const char *own_port = strcmp(url->scheme, "https") == 0 ? "443" : "80";
	bool		has_port = url->port != NULL && strcmp(url->port, own_port) != 0;
	int			length = strlen(url->path);

	while (length > 0 && url->path[length - 1] == '/')
		length--;
	return psprintf("%s://%s%s%s%.*s", url->scheme, host, has_port ? ":" : "",
					has_port ? url->port : "", length, url->path);
}

/*
 * Set the URL, and what it says about the deployment. Returns NULL, or a hint:
 * then the value cannot be the URL of a deployment, and nothing is set.
 */
char *
cm_url_set(CmServer *server, const char *value)
{
	CmUrl		url;
	char	   *hint;
	int			length;

	if (strpbrk(value, "?#") != NULL || !cm_http_library_parse_url(value, &url) ||
		url.has_user)
		return "The value is the URL of a deployment, such as \"https://happy-animal-123.convex.cloud\".";
	length = strlen(url.host);
	if (length > 1 && url.host[length - 1] == '.')
		url.host[length - 1] = '\0';
	hint = url_problem(&url);
	if (hint != NULL)
		return hint;

	server->local = is_loopback(url.host);
	server->url = canonical_url(&url, url.host);
	server->identity = canonical_url(&url, server->local ? "127.0.0.1" : url.host);
	if (strcmp(url.host, "localhost") == 0)
		server->pinned = psprintf("localhost:%s:127.0.0.1,[::1]",
								  url.port ? url.port :
								  strcmp(url.scheme, "https") == 0 ? "443" : "80");

	/* happy-animal-123[.region].convex.cloud names itself; else the host does */
	length = strlen(url.host) - strlen(".convex.cloud");
	server->cloud = length > 0 &&
		strcmp(url.host + length, ".convex.cloud") == 0;
	if (server->cloud)
		server->deployment = pnstrdup(url.host, strcspn(url.host, "."));
	else
		server->deployment = server->local ? NULL : url.host;
	return NULL;
}

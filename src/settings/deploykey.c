/*-------------------------------------------------------------------------
 *
 * deploykey.c
 *	  The deploy key: its form, the file it is kept in, whose it is.
 *
 * The key gets into CmServer.deploy_key and from there only into a header line
 * of base/http.c; see cm_call_connect(). No message of this file contains a
 * part of it, but for the name of the deployment in front of its "|".
 *
 * Forms: npm-packages/docs of convex-backend, deploy-key-types.
 *
 *-------------------------------------------------------------------------
 */
#include "settings/settings.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "commands/defrem.h"
#include "foreign/foreign.h"
#include "storage/fd.h"
#include "utils/builtins.h"
#include "utils/syscache.h"

#include "base/compat.h"

/* No key comes near this; a larger file is something else. */
#define CM_MAX_KEY_BYTES 8192

/* Keys that look like deploy keys, but are for no deployment that exists. */
static const struct
{
	const char *begin;
	const char *problem;
}			other_keys[] =
{
	{"preview:", "a preview deploy key names no deployment"},
	{"project:", "a project token names no deployment"},
};

/*
 * What is wrong with the text as a deploy key, or NULL. If something is, *hint
 * may be set to what to do about it. Static texts.
 */
const char *
cm_deploykey_problem(const char *key, char **hint)
{
	if (*key == '\0')
		return "the deploy key is empty";

	/* it becomes a header line: nothing that could end it */
	for (const char *p = key; *p; p++)
	{
		if (*p <= ' ' || *p > '~')
			return "the deploy key has a space, a line break or a character that is not ASCII";
	}
	for (int i = 0; i < (int) lengthof(other_keys); i++)
	{
		if (strncmp(key, other_keys[i].begin, strlen(other_keys[i].begin)) != 0)
			continue;
		*hint = "Make a deploy key of the deployment itself; it begins with \"prod:\" or \"dev:\".";
		return other_keys[i].problem;
	}
	if (strchr(key, '|') == NULL)
	{
		*hint = "A deploy key looks like \"prod:happy-animal-123|...\", an admin key of a self-hosted deployment like \"convex-self-hosted|...\".";
		return "the deploy key has no \"|\"";
	}
	return NULL;
}

/* The deployment that the key is for: what is between its last ":" and its
 * "|", which it has. Palloc'd. */
static char *
deployment_of_key(const char *key)
{
	const char *bar = strchr(key, '|');
	const char *name = key;

	Assert(bar != NULL);
	for (const char *p = key; p < bar; p++)
	{
		if (*p == ':')
			name = p + 1;
	}
	return pnstrdup(name, bar - name);
}

/*
 * What deploys functions to the deployment that the key is for. In a project,
 * where CONVEX_DEPLOYMENT is set, "npx convex deploy" deploys to production,
 * says its own help, and "npx convex dev --once" to one's own deployment in
 * the cloud; all others have to be named.
 */
static const char *
deploy_command(CmServer *server)
{
	if (strncmp(server->deploy_key, "prod:", 5) == 0)
		return "npx convex deploy";
	if (strncmp(server->deploy_key, "dev:", 4) == 0 && server->cloud)
		return "npx convex dev --once";
	return "npx convex deploy --url URL --admin-key KEY";
}

/*
 * ERROR when the key file is not a file, is so large that it is another one,
 * or has an owner or a mode that lets others read or change it: the rules for
 * PostgreSQL's own ssl_key_file.
 */
static void
check_key_file(const char *path, const struct stat *st)
{
	if (!S_ISREG(st->st_mode))
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("deploy key file \"%s\" is not a regular file", path)));
	if (st->st_uid != geteuid() && st->st_uid != 0)
		ereport(ERROR,
				(errcode(ERRCODE_CONFIG_FILE_ERROR),
				 errmsg("deploy key file \"%s\" must be owned by the database user or root", path)));
	if ((st->st_uid == geteuid() && (st->st_mode & (S_IRWXG | S_IRWXO))) ||
		(st->st_uid == 0 && (st->st_mode & (S_IWGRP | S_IXGRP | S_IRWXO))))
		ereport(ERROR,
				(errcode(ERRCODE_CONFIG_FILE_ERROR),
				 errmsg("deploy key file \"%s\" has group or world access", path),
				 errhint("File must have permissions u=rw (0600) or less if owned by the database user, or permissions u=rw,g=r (0640) or less if owned by root.")));
	if (st->st_size > CM_MAX_KEY_BYTES)
		ereport(ERROR,
				(errcode(ERRCODE_CONFIG_FILE_ERROR),
				 errmsg("deploy key file \"%s\" is too large", path),
				 errdetail("It holds the deploy key and nothing else: at most %d bytes.",
						   CM_MAX_KEY_BYTES)));
}

/*
 * Read the file into the buffer, which ends in a NUL. Opening does not wait: a
 * FIFO would hang until somebody writes to it.
 */
static void
read_file(const char *path, char *buffer, int size)
{
	int			fd = OpenTransientFile(path, O_RDONLY | O_NONBLOCK | PG_BINARY);
	struct stat st;
	int			length;

	if (fd < 0)
		ereport(ERROR,
				(errcode_for_file_access(),
				 errmsg("could not open deploy key file \"%s\": %m", path)));
	if (fstat(fd, &st) != 0)
		ereport(ERROR,
				(errcode_for_file_access(),
				 errmsg("could not stat deploy key file \"%s\": %m", path)));
	check_key_file(path, &st);
	length = read(fd, buffer, size - 1);
	if (length < 0)
		ereport(ERROR,
				(errcode_for_file_access(),
				 errmsg("could not read deploy key file \"%s\": %m", path)));
	buffer[length] = '\0';
	CloseTransientFile(fd);
}

/* The deploy key in the file; white space around it is dropped. Palloc'd;
 * ERROR when there is none that can be used. */
static char *
read_key_file(const char *path)
{
	char		buffer[CM_MAX_KEY_BYTES + 1];
	char	   *key = buffer;
	char	   *hint = NULL;
	const char *problem;
	int			length;

	read_file(path, buffer, sizeof(buffer));
	key += strspn(key, " \t\r\n");
	length = strlen(key);
	while (length > 0 && strchr(" \t\r\n", key[length - 1]) != NULL)
		length--;
	key = cm_own_secret("", key, length);
	explicit_bzero(buffer, sizeof(buffer));
	problem = cm_deploykey_problem(key, &hint);
	if (problem != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_CONFIG_FILE_ERROR),
				 errmsg("deploy key file \"%s\" holds no deploy key: %s",
						path, problem),
				 hint ? errhint("%s", hint) : 0));
	return key;
}

/* Whether the role (InvalidOid: PUBLIC) has a user mapping of its own. */
static bool
has_mapping(Oid role, Oid serverid)
{
	return SearchSysCacheExists2(USERMAPPINGUSERSERVER, ObjectIdGetDatum(role),
								 ObjectIdGetDatum(serverid));
}

/* Whether the caller has a user mapping, and so a key. */
bool
cm_deploykey_is_there(const CmServer *server)
{
	return has_mapping(GetUserId(), server->serverid) ||
		has_mapping(InvalidOid, server->serverid);
}

/*
 * Set the deploy key to that of the caller's user mapping, or else of
 * PUBLIC's, and what the key says about the deployment. ERROR when there is no
 * mapping, no key that can be read, or the key is for another deployment than
 * the URL names: then nothing may be sent.
 */
void
cm_deploykey_load(CmServer *server)
{
	char	   *deployment;
	ListCell   *lc;

	if (!cm_deploykey_is_there(server))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("there is no user mapping for the current user and server \"%s\"",
						server->name),
				 errhint("CREATE USER MAPPING FOR CURRENT_USER SERVER %s OPTIONS (deploy_key_file '/path/of/a/file').",
						 quote_identifier(server->name))));
	foreach(lc, GetUserMapping(GetUserId(), server->serverid)->options)
	{
		DefElem    *def = lfirst(lc);

		if (strcmp(def->defname, "deploy_key") == 0)
		{
			char	   *text = defGetString(def);

			server->deploy_key = cm_own_secret("", text, strlen(text));
			explicit_bzero(text, strlen(text));
		}
		else if (strcmp(def->defname, "deploy_key_file") == 0)
			server->deploy_key = read_key_file(defGetString(def));
	}
	if (server->deploy_key == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_FDW_DYNAMIC_PARAMETER_VALUE_NEEDED),
				 errmsg("the user mapping for server \"%s\" has no deploy key",
						server->name),
				 errhint("ALTER USER MAPPING FOR CURRENT_USER SERVER %s OPTIONS (ADD deploy_key_file '/path/of/a/file').",
						 quote_identifier(server->name))));

	deployment = deployment_of_key(server->deploy_key);
	if (server->cloud && strcmp(deployment, server->deployment) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the deploy key is for deployment \"%s\", but server \"%s\" is deployment \"%s\"",
						deployment, server->name, server->deployment),
				 errdetail("Nothing was sent."),
				 errhint("Set option \"url\" of the server or the deploy key of the user mapping.")));
	if (server->deployment == NULL)
		server->deployment = deployment;
	server->key_deployment = deployment;
	server->deploy_command = deploy_command(server);
}

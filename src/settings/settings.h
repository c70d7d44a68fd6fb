/*-------------------------------------------------------------------------
 *
 * settings.h
 *	  A foreign server and the caller's user mapping: what a deployment is
 *	  called, where it is, and how rows are sent to it.
 *
 * Protocol: cm_options_load() gives the CmServer of a foreign server;
 * cm_deploykey_load() adds the deploy key, and must come before connections
 * are made. Whatever else reads a CmServer does not change it.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CM_SETTINGS_H
#define CM_SETTINGS_H

#include "base/zip.h"
#include "value/value.h"

/* How rows get into Convex. */
typedef enum CmWay
{
	CM_BY_MUTATION,				/* by calls of deployed functions */
	CM_BY_IMPORT				/* as a file that Convex imports */
} CmWay;

/* What happens to a row whose reference has no document in Convex. */
typedef enum CmOrphans
{
	CM_ORPHANS_REJECT,			/* the row becomes a reject */
	CM_ORPHANS_NULL,			/* the field is left out */
	CM_ORPHANS_KEEP				/* the field carries the old key */
} CmOrphans;

/* Whether a batch whose answer was lost is sent again. */
typedef enum CmRetryAmbiguous
{
	CM_AMBIGUOUS_AUTO,			/* if the functions are known to upsert */
	CM_AMBIGUOUS_ON,			/* always */
	CM_AMBIGUOUS_OFF			/* never: the run ends */
} CmRetryAmbiguous;

/* Which indexes of PostgreSQL Convex gets. */
typedef enum CmIndexes
{
	CM_INDEXES_EXACT,			/* those that it can have as they are */
	CM_INDEXES_ALL				/* also partial ones, which become whole, and
								 * those for searches in texts */
} CmIndexes;

/* A foreign server with its options, and the caller's user mapping. */
typedef struct CmServer
{
	Oid			serverid;		/* the foreign server */
	Oid			owner;			/* a role */
	Oid			extension_schema;	/* where the extension's tables are */
	char	   *name;

	/* options of the foreign server, and what they say */
	char	   *url;			/* in one spelling, without a trailing slash */
	char	   *identity;		/* the same for all URLs that lead to this
								 * place: "localhost" is an address */
	char	   *pinned;			/* see CmHttpConfig, or NULL */
	char	   *deployment;		/* for people: the deployment's name, or the
								 * host where that names it better */
	bool		local;			/* the URL leads to this machine */
	bool		cloud;			/* the URL itself names the deployment */
	CmWay		method;
	char	   *functions;		/* module of the deployed functions */
	List	   *schemas;		/* char *, names */
	char	   *key_field;		/* field of a document with the row's key */
	char	   *id_salt;		/* what ids of keys that are no uuids are made
								 * with, or NULL */
	CmCase		table_case;		/* of tables that have no name of their own */
	int			batch_rows;		/* most in one request */
	int			batch_bytes;	/* most in one request's body; a larger record
								 * is sent alone */
	int			concurrency;	/* requests under way at once, at most */
	int			max_retries;	/* of one request, beside the first attempt */
	int			timeout;		/* milliseconds, for one request */
	int			patience;		/* milliseconds that a run waits altogether */
	int			max_removals;	/* documents of a table that a run in mode mirror
								 * removes; -1: some, see run/mirror.c */
	int			import_patience;	/* milliseconds that an import is waited for to
									 * which nothing happens */
	int			max_bytes_per_second;	/* of bodies with rows; 0: no limit */
	CmRetryAmbiguous retry_ambiguous;
	CmOrphans	orphans;
	CmIndexes	indexes;
	CmTypeOptions types;
	bool		rule_comments;	/* schema.ts says which policies and checks
								 * stay behind */
	CmCompression compression;	/* of files that are exported */
	bool		trust_constraints;	/* what a validated foreign key points to is
									 * there */
	bool		active;			/* runs are allowed */

	/* from the user mapping; set only by cm_deploykey_load(), but the file,
	 * which only the check of options sets */
	char	   *deploy_key;		/* wiped when the connections have it */
	char	   *deploy_key_file;
	char	   *key_deployment; /* the deployment that the key names */
	const char *deploy_command; /* for people: what deploys functions there */
} CmServer;

/* in options.c */
extern void cm_options_validate(List *options, Oid catalog);
extern void cm_options_check(const char *name, const char *value);
extern CmServer *cm_options_load(const char *name, Oid extension_schema);
extern CmWay cm_options_method(const char *name, const char *server_name,
							   Oid extension_schema);
extern void cm_options_require_active(CmServer *server);
extern char *cm_options_statement(const CmServer *server, const char *name,
								  const char *value);

/* in url.c */
extern char *cm_url_set(CmServer *server, const char *value);

/* in deploykey.c */
extern const char *cm_deploykey_problem(const char *key, char **hint);
extern bool cm_deploykey_is_there(const CmServer *server);
extern void cm_deploykey_load(CmServer *server);

#endif							/* CM_SETTINGS_H */

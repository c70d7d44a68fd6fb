/*-------------------------------------------------------------------------
 *
 * settings.h
 *	  A foreign server and the caller's user mapping: what a deployment is called,
 * where it is, and how rows are sent to it.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CM_SETTINGS_H
#define CM_SETTINGS_H

#include "value/value.h"

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
	CM_AMBIGUOUS_AUTO,			/* when the functions are known to upsert */
	CM_AMBIGUOUS_ON,
	CM_AMBIGUOUS_OFF
} CmRetryAmbiguous;

typedef struct CmServer
{
	Oid			serverid;
	Oid			owner;
	Oid			extension_schema;	/* where the extension's tables are */
	char	   *name;			/* of the foreign server */
	char	   *url;			/* without a trailing slash */
	char	   *deployment;		/* for people: the deployment's name, or the
								 * host where that names it better */
	bool		local;			/* the URL leads to this machine */
	bool		cloud;			/* the URL itself names the deployment */
	char	   *method;
	char	   *functions;		/* module of the deployed functions */
	List	   *schemas;		/* char *, names */
	char	   *key_field;
	int			table_case;		/* CmCase */
	int			batch_rows;
	int			batch_bytes;
	int			concurrency;
	int			max_retries;
	int			timeout;		/* milliseconds, for one request */
	int			retry_ambiguous;	/* CmRetryAmbiguous */
	int			orphans;		/* CmOrphans */
	CmTypeOptions types;
	bool		active;

	/* from the user mapping; set only by cm_deploykey_load() */
	char	   *deploy_key;
	char	   *deploy_key_file;
	char	   *key_deployment; /* the deployment that the key names */
	const char *deploy_command; /* for people: what deploys functions there */
} CmServer;

/* in options.c */
extern void cm_options_validate(List *options, Oid catalog);
extern void cm_options_check(const char *name, const char *value);
extern CmServer *cm_options_load(const char *name, Oid extension_schema);
extern void cm_options_require_active(CmServer *server);

/* in url.c */
extern char *cm_url_set(CmServer *server, const char *value);

/* in deploykey.c */
extern const char *cm_deploykey_problem(const char *key, char **hint);
extern void cm_deploykey_load(CmServer *server);

#endif							/* CM_SETTINGS_H */

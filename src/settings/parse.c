/*-------------------------------------------------------------------------
 *
 * parse.c
 *	  Values of options: what is one, and what it becomes in a CmServer.
 *
 * A parser for each form of value, called through CmOption.parse. Whether an
 * option exists, and where, is for options.c. The text of a deploy key never
 * gets into a message.
 *
 *-------------------------------------------------------------------------
 */
#include "settings/parse.h"

#include <ctype.h>

#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/varlena.h"

/* Least characters of option "id_salt". */
#define CM_MIN_SALT 16

/* The field of the server that the option fills. */
#define FIELD(server, option, type) \
	(*(type *) ((char *) (server) + (option)->field))

/* Raise the error for a value that is not of the option's form; hint: what is,
 * or NULL. */
static void
invalid_value(const CmOption *option, const char *value, const char *hint)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("invalid value for option \"%s\": \"%s\"",
					option->name, value),
			 hint ? errhint("%s", hint) : 0));
}

/* A count, or an amount that may have a unit, within the option's range. */
void
cm_parse_number(const CmOption *option, const char *value, CmServer *server)
{
	int			number;
	const char *unit_hint = NULL;

	if (!parse_int(value, &number, option->unit, &unit_hint))
		invalid_value(option, value,
					  unit_hint ? unit_hint : "The value is a whole number.");
	if (number < option->min || number > option->max)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%d%s is outside the valid range for option \"%s\" (%d .. %d)",
						number,
						option->unit == GUC_UNIT_MS ? " ms" :
						option->unit == GUC_UNIT_BYTE ? " bytes" : "",
						option->name, option->min, option->max)));
	FIELD(server, option, int) = number;
}

/* One of the option's words, in any case, stored as the value of its enum. */
void
cm_parse_choice(const CmOption *option, const char *value, CmServer *server)
{
	StringInfoData words;

	for (int i = 0; option->choices[i] != NULL; i++)
	{
		if (pg_strcasecmp(value, option->choices[i]) == 0)
		{
			FIELD(server, option, int) = i;
			return;
		}
	}
	initStringInfo(&words);
	for (int i = 0; option->choices[i] != NULL; i++)
		appendStringInfo(&words, "%s\"%s\"", i > 0 ? ", " : "",
						 option->choices[i]);
	invalid_value(option, value,
				  psprintf("Valid values are %s.", words.data));
}

/* on or off, or another spelling of a boolean. */
void
cm_parse_switch(const CmOption *option, const char *value, CmServer *server)
{
	bool		on;

	if (!parse_bool(value, &on))
		invalid_value(option, value, "The value is \"on\" or \"off\".");
	FIELD(server, option, bool) = on;
}

/* A list of schema names, written as in search_path. */
void
cm_parse_schemas(const CmOption *option, const char *value, CmServer *server)
{
	List	   *names;

	if (!SplitIdentifierString(pstrdup(value), ',', &names) || names == NIL)
		invalid_value(option, value,
					  "The value is a comma-separated list of schema names.");
	FIELD(server, option, List *) = names;
}

/*
 * The path of a module below convex/, such as migrate or admin/migrate: steps
 * of letters, digits and underscores (crates/convex/sync_types/src/
 * module_path.rs), none of them empty. Convex allows an extension; here one
 * would be in the names of functions.
 */
void
cm_parse_module(const CmOption *option, const char *value, CmServer *server)
{
	const char *step = value;

	for (const char *p = value;; p++)
	{
		if (*p == '/' || *p == '\0')
		{
			if (p == step)
				invalid_value(option, value, "The value is the path of a module below convex/, without extension, such as \"migrate\" or \"admin/migrate\".");
			if (*p == '\0')
				break;
			step = p + 1;
		}
		else if (!isalnum((unsigned char) *p) && *p != '_')
			invalid_value(option, value, "The path of a module has letters, digits, underscores and slashes, without extension.");
	}
	FIELD(server, option, char *) = pstrdup(value);
}

/* The field that carries a row's key. */
void
cm_parse_key_field(const CmOption *option, const char *value, CmServer *server)
{
	const char *problem = cm_identifier_key_field_problem(value);

	if (problem != NULL)
		invalid_value(option, value, problem);
	FIELD(server, option, char *) = pstrdup(value);
}

/* A secret that ids are made with: the same in every encoding. Not in messages. */
void
cm_parse_salt(const CmOption *option, const char *value, CmServer *server)
{
	bool		ascii = true;

	for (const char *p = value; *p != '\0'; p++)
		ascii = ascii && *p >= ' ' && *p <= '~';
	if (!ascii || strlen(value) < CM_MIN_SALT)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid value for option \"%s\"", option->name),
				 errhint("The value has %d characters of ASCII at least, which nobody can guess: pg_catalog.gen_random_uuid() makes some.",
						 CM_MIN_SALT)));
	FIELD(server, option, char *) = pstrdup(value);
}

/* A deploy key itself. The message says what is wrong, but not with what. */
void
cm_parse_deploy_key(const CmOption *option, const char *value, CmServer *server)
{
	char	   *hint = NULL;
	const char *problem = cm_deploykey_problem(value, &hint);

	if (problem != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid value for option \"%s\": %s",
						option->name, problem),
				 hint ? errhint("%s", hint) : 0));
	FIELD(server, option, char *) = pstrdup(value);
}

/*
 * Path of a file with the deploy key. Whether the file is there and well kept
 * is looked at when it is used: a dump must be restorable on another machine.
 */
void
cm_parse_key_file(const CmOption *option, const char *value, CmServer *server)
{
	if (!is_absolute_path(value))
		invalid_value(option, value, "The value is an absolute path on the database server.");
	FIELD(server, option, char *) = pstrdup(value);
}

/* The URL of a deployment; see url.c. */
void
cm_parse_url(const CmOption *option, const char *value, CmServer *server)
{
	char	   *hint = cm_url_set(server, value);

	if (hint != NULL)
		invalid_value(option, value, hint);
}

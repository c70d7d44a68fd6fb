/*-------------------------------------------------------------------------
 *
 * options.c
 *	  The options of servers and user mappings: one table, one parser.
 *
 * The validator parses each option into a scratch CmServer and throws the
 * result away; cm_options_load() parses the same options, after the defaults,
 * into the CmServer that a run uses. So what CREATE SERVER accepts is what
 * works. The text of a deploy key never gets into a message.
 *
 *-------------------------------------------------------------------------
 */
#include "settings/settings.h"

#include <ctype.h>

#include "access/reloptions.h"
#include "catalog/pg_foreign_data_wrapper.h"
#include "catalog/pg_foreign_server.h"
#include "catalog/pg_user_mapping.h"
#include "catalog/pg_authid.h"
#include "commands/defrem.h"
#include "foreign/foreign.h"
#include "utils/builtins.h"
#include "utils/varlena.h"

#include "base/compat.h"

#define CM_WRAPPER "convex_migrate"

typedef struct CmOption CmOption;
typedef void (*CmParse) (const CmOption *option, const char *value,
						 CmServer *server);

struct CmOption
{
	const char *name;
	Oid			catalog;		/* where it is set */
	CmParse		parse;
	size_t		field;			/* offset in CmServer */
	const char *initial;		/* default, NULL: none */
	int			min;
	int			max;
	int			unit;			/* GUC_UNIT_..., 0: a count */
	const char *const *choices;
};

static void parse_url(const CmOption *option, const char *value, CmServer *server);
static void parse_number(const CmOption *option, const char *value, CmServer *server);
static void parse_choice(const CmOption *option, const char *value, CmServer *server);
static void parse_bool_option(const CmOption *option, const char *value, CmServer *server);
static void parse_method(const CmOption *option, const char *value, CmServer *server);
static void parse_schemas(const CmOption *option, const char *value, CmServer *server);
static void parse_module(const CmOption *option, const char *value, CmServer *server);
static void parse_field(const CmOption *option, const char *value, CmServer *server);
static void parse_deploy_key(const CmOption *option, const char *value, CmServer *server);
static void parse_key_file(const CmOption *option, const char *value, CmServer *server);

/* In the order of the enums that they fill. */
static const char *const orphans_choices[] = {"reject", "null", "keep", NULL};
static const char *const int8_choices[] = {"number", "int64", "string", NULL};
static const char *const numeric_choices[] = {"auto", "number", "string", NULL};
static const char *const timestamps_choices[] = {"ms", "iso", NULL};
static const char *const nulls_choices[] = {"omit", "null", NULL};
static const char *const case_choices[] = {"camel", "snake", "preserve", NULL};
static const char *const ambiguous_choices[] = {"auto", "on", "off", NULL};

#define IN_SERVER(text, how, member, ...) \
	{.name = text, .catalog = ForeignServerRelationId, .parse = how, \
	 .field = offsetof(CmServer, member), __VA_ARGS__}
#define IN_MAPPING(text, how, member) \
	{.name = text, .catalog = UserMappingRelationId, .parse = how, \
	 .field = offsetof(CmServer, member)}
#define RANGE(low, high) .min = low, .max = high

static const CmOption option_table[] = {
	IN_SERVER("url", parse_url, url, .initial = NULL),
	IN_SERVER("method", parse_method, method, .initial = "mutation"),
	IN_SERVER("functions", parse_module, functions, .initial = "migrate"),
	IN_SERVER("schemas", parse_schemas, schemas, .initial = "public"),
	IN_SERVER("key_field", parse_field, key_field, .initial = "supabaseId"),
	IN_SERVER("table_case", parse_choice, table_case,
			  .initial = "camel", .choices = case_choices),
	IN_SERVER("field_case", parse_choice, types.field_case,
			  .initial = "preserve", .choices = case_choices),
	IN_SERVER("batch_rows", parse_number, batch_rows,
			  .initial = "100", RANGE(1, 1000)),
	IN_SERVER("batch_bytes", parse_number, batch_bytes,
			  .initial = "1MB", RANGE(1024, 4 * 1024 * 1024),
			  .unit = GUC_UNIT_BYTE),
	IN_SERVER("concurrency", parse_number, concurrency,
			  .initial = "8", RANGE(1, 512)),
	IN_SERVER("max_retries", parse_number, max_retries,
			  .initial = "10", RANGE(0, 1000)),
	IN_SERVER("timeout", parse_number, timeout,
			  .initial = "60s", RANGE(100, 3600 * 1000), .unit = GUC_UNIT_MS),
	IN_SERVER("retry_ambiguous", parse_choice, retry_ambiguous,
			  .initial = "auto", .choices = ambiguous_choices),
	IN_SERVER("orphans", parse_choice, orphans,
			  .initial = "reject", .choices = orphans_choices),
	IN_SERVER("int8", parse_choice, types.int8,
			  .initial = "number", .choices = int8_choices),
	IN_SERVER("numeric", parse_choice, types.numeric,
			  .initial = "auto", .choices = numeric_choices),
	IN_SERVER("timestamps", parse_choice, types.timestamps,
			  .initial = "ms", .choices = timestamps_choices),
	IN_SERVER("nulls", parse_choice, types.nulls,
			  .initial = "omit", .choices = nulls_choices),
	IN_SERVER("active", parse_bool_option, active, .initial = "on"),
	IN_MAPPING("deploy_key", parse_deploy_key, deploy_key),
	IN_MAPPING("deploy_key_file", parse_key_file, deploy_key_file),
};

#define FIELD(server, option, type) \
	(*(type *) ((char *) (server) + (option)->field))

/* Raise the error for a value that is not of the option's form. */
static void
invalid_value(const CmOption *option, const char *value, const char *hint)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("invalid value for option \"%s\": \"%s\"",
					option->name, value),
			 hint ? errhint("%s", hint) : 0));
}

/* A count or an amount with a unit, within the option's range. */
static void
parse_number(const CmOption *option, const char *value, CmServer *server)
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

/* One of the option's words, stored as its position. */
static void
parse_choice(const CmOption *option, const char *value, CmServer *server)
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

static void
parse_bool_option(const CmOption *option, const char *value, CmServer *server)
{
	bool		on;

	if (!parse_bool(value, &on))
		invalid_value(option, value, "The value is \"on\" or \"off\".");
	FIELD(server, option, bool) = on;
}

static void
parse_method(const CmOption *option, const char *value, CmServer *server)
{
	if (strcmp(value, "import") == 0)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("method \"import\" is not available in this version of convex_migrate"),
				 errhint("Use method \"mutation\".")));
	if (strcmp(value, "mutation") != 0)
		invalid_value(option, value, "The only valid value is \"mutation\".");
	FIELD(server, option, char *) = pstrdup(value);
}

/* A list of schema names, written as in search_path. */
static void
parse_schemas(const CmOption *option, const char *value, CmServer *server)
{
	List	   *names;

	if (!SplitIdentifierString(pstrdup(value), ',', &names) || names == NIL)
		invalid_value(option, value,
					  "The value is a comma-separated list of schema names.");
	FIELD(server, option, List *) = names;
}

/* The path of a module below convex/, such as migrate or admin/migrate. */
static void
parse_module(const CmOption *option, const char *value, CmServer *server)
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

static void
parse_field(const CmOption *option, const char *value, CmServer *server)
{
	const char *problem = cm_identifier_key_field_problem(value);

	if (problem != NULL)
		invalid_value(option, value, problem);
	FIELD(server, option, char *) = pstrdup(value);
}

static void
parse_deploy_key(const CmOption *option, const char *value, CmServer *server)
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
 * Path of a file with the deploy key. Whoever may name one makes the server
 * read it and send what is in it away, so the right to read files is asked
 * for, as file_fdw does. Whether the file is there and well kept is looked at
 * when it is used: a dump must be restorable on another machine.
 */
static void
parse_key_file(const CmOption *option, const char *value, CmServer *server)
{
	if (!is_absolute_path(value))
		invalid_value(option, value, "The value is an absolute path on the database server.");
	FIELD(server, option, char *) = pstrdup(value);
}

/* The URL of a deployment; see url.c. */
static void
parse_url(const CmOption *option, const char *value, CmServer *server)
{
	char	   *hint = cm_url_set(server, value);

	if (hint != NULL)
		invalid_value(option, value, hint);
}

/* The option of this name, or NULL. */
static const CmOption *
find_option(const char *name)
{
	for (int i = 0; i < (int) lengthof(option_table); i++)
	{
		if (strcmp(option_table[i].name, name) == 0)
			return &option_table[i];
	}
	return NULL;
}

/* Raise the error for an option that does not exist here. */
static void
unknown_option(const char *name, Oid catalog)
{
	const CmOption *elsewhere = find_option(name);
	const char *closest = NULL;
	int			best = 4;		/* more edits than this is another word */
	StringInfoData valid;

	initStringInfo(&valid);
	for (int i = 0; i < (int) lengthof(option_table); i++)
	{
		int			distance;

		if (option_table[i].catalog != catalog)
			continue;
		appendStringInfo(&valid, "%s%s", valid.len > 0 ? ", " : "",
						 option_table[i].name);
		distance = varstr_levenshtein_less_equal(name, Min(strlen(name), NAMEDATALEN),
												 option_table[i].name,
												 strlen(option_table[i].name),
												 1, 1, 1, best, true);
		if (distance < best)
		{
			best = distance;
			closest = option_table[i].name;
		}
	}
	ereport(ERROR,
			(errcode(ERRCODE_FDW_INVALID_OPTION_NAME),
			 errmsg("invalid option \"%s\"", name),
			 elsewhere ?
			 errhint("It is an option of a %s.",
					 elsewhere->catalog == UserMappingRelationId ?
					 "user mapping" : "server") :
			 closest ? errhint("Perhaps you meant the option \"%s\".", closest) :
			 valid.len > 0 ? errhint("Valid options are: %s.", valid.data) :
			 errhint("There are no valid options in this context.")));
}

/*
 * Check the options of one object of the given catalog; ERROR for the first
 * that is unknown or wrong, and for one that is missing.
 */
void
cm_options_validate(List *options, Oid catalog)
{
	CmServer	scratch = {0};
	ListCell   *lc;

	foreach(lc, options)
	{
		DefElem    *def = lfirst(lc);
		const CmOption *option = find_option(def->defname);

		if (option == NULL || option->catalog != catalog)
			unknown_option(def->defname, catalog);
		if (option->parse == parse_key_file &&
			!has_privs_of_role(GetUserId(), ROLE_PG_READ_SERVER_FILES))
			ereport(ERROR,
					(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
					 errmsg("permission denied to set option \"%s\"", option->name),
					 errdetail("Only roles with privileges of the role \"pg_read_server_files\" may set it."),
					 errhint("Use option \"deploy_key\", or have the user mapping created for you.")));
		option->parse(option, defGetString(def), &scratch);
	}

	if (catalog == ForeignServerRelationId && scratch.url == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_FDW_DYNAMIC_PARAMETER_VALUE_NEEDED),
				 errmsg("option \"url\" is required"),
				 errhint("It is the URL of the deployment, such as \"https://happy-animal-123.convex.cloud\".")));
	if (catalog == UserMappingRelationId &&
		(scratch.deploy_key == NULL) == (scratch.deploy_key_file == NULL))
		ereport(ERROR,
				(errcode(ERRCODE_FDW_DYNAMIC_PARAMETER_VALUE_NEEDED),
				 errmsg("exactly one of the options \"deploy_key\" and \"deploy_key_file\" is required"),
				 errhint("A deploy key is made in the dashboard, under Settings.")));
}

/* ERROR when the value is not one of the named option, which must exist. */
void
cm_options_check(const char *name, const char *value)
{
	CmServer	scratch = {0};
	const CmOption *option = find_option(name);

	option->parse(option, value, &scratch);
}

/* Raise the error for a server that is not there, or not one of ours. */
static void
unusable_server(const char *name, const char *wrapper)
{
	if (wrapper == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("server \"%s\" does not exist", name),
				 errhint("Create it with CREATE SERVER %s FOREIGN DATA WRAPPER %s OPTIONS (url 'https://happy-animal-123.convex.cloud').",
						 quote_identifier(name), CM_WRAPPER)));
	ereport(ERROR,
			(errcode(ERRCODE_WRONG_OBJECT_TYPE),
			 errmsg("server \"%s\" is not a Convex deployment", name),
			 errdetail("It belongs to foreign-data wrapper \"%s\".", wrapper),
			 errhint("Name a server of foreign-data wrapper \"%s\".", CM_WRAPPER)));
}

/*
 * The settings of the named server, in the current memory context; the
 * extension's own tables are in the given schema. ERROR when
 * it does not exist, is of another wrapper, or the caller lacks USAGE.
 */
CmServer *
cm_options_load(const char *name, Oid extension_schema)
{
	CmServer   *server = palloc0(sizeof(CmServer));
	ForeignServer *foreign = GetForeignServerByName(name, true);
	char	   *wrapper;
	ListCell   *lc;

	if (foreign == NULL)
		unusable_server(name, NULL);
	wrapper = GetForeignDataWrapper(foreign->fdwid)->fdwname;
	if (strcmp(wrapper, CM_WRAPPER) != 0)
		unusable_server(name, wrapper);
	if (object_aclcheck(ForeignServerRelationId, foreign->serverid,
						GetUserId(), ACL_USAGE) != ACLCHECK_OK)
		aclcheck_error(ACLCHECK_NO_PRIV, OBJECT_FOREIGN_SERVER, name);

	for (int i = 0; i < (int) lengthof(option_table); i++)
	{
		if (option_table[i].initial != NULL)
			option_table[i].parse(&option_table[i], option_table[i].initial,
								  server);
	}
	foreach(lc, foreign->options)
	{
		DefElem    *def = lfirst(lc);
		const CmOption *option = find_option(def->defname);

		if (option != NULL && option->catalog == ForeignServerRelationId)
			option->parse(option, defGetString(def), server);
	}
	server->serverid = foreign->serverid;
	server->owner = foreign->owner;
	server->extension_schema = extension_schema;
	server->name = pstrdup(foreign->servername);
	return server;
}

/* ERROR when migrations into the server have been switched off. */
void
cm_options_require_active(CmServer *server)
{
	if (!server->active)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("server \"%s\" is not active", server->name),
				 errdetail("Option \"active\" is off: the deployment lives on its own now, and a run would overwrite it."),
				 errhint("ALTER SERVER %s OPTIONS (SET active 'on') allows runs again.",
						 quote_identifier(server->name))));
}

/*-------------------------------------------------------------------------
 *
 * options.c
 *	  The options of foreign servers and user mappings: one table.
 *
 * A row of the table names an option, where it is set, what parses it
 * (parse.c) and the field of CmServer that it fills. The validator parses the
 * options into a scratch CmServer and throws that away; cm_options_load()
 * parses the same options, after the defaults, into the CmServer that a run
 * uses. So what CREATE SERVER accepts is what works.
 *
 * A new option is a field of CmServer and a row of the table.
 *
 *-------------------------------------------------------------------------
 */
#include "settings/parse.h"

#include "catalog/pg_foreign_data_wrapper.h"
#include "catalog/pg_foreign_server.h"
#include "catalog/pg_user_mapping.h"
#include "catalog/pg_authid.h"
#include "commands/defrem.h"
#include "foreign/foreign.h"
#include "utils/builtins.h"
#include "utils/varlena.h"

#include "base/compat.h"

/* Name of the foreign-data wrapper. */
#define CM_WRAPPER "convex_migrate"

/* Words of choices. */
static const char *const case_choices[] = {
	[CM_CASE_CAMEL] = "camel",[CM_CASE_SNAKE] = "snake",
	[CM_CASE_PRESERVE] = "preserve", NULL
};
static const char *const ambiguous_choices[] = {
	[CM_AMBIGUOUS_AUTO] = "auto",[CM_AMBIGUOUS_ON] = "on",
	[CM_AMBIGUOUS_OFF] = "off", NULL
};
static const char *const orphans_choices[] = {
	[CM_ORPHANS_REJECT] = "reject",[CM_ORPHANS_NULL] = "null",
	[CM_ORPHANS_KEEP] = "keep", NULL
};
static const char *const indexes_choices[] = {
	[CM_INDEXES_EXACT] = "exact",[CM_INDEXES_ALL] = "all", NULL
};
static const char *const int8_choices[] = {
	[CM_INT8_NUMBER] = "number",[CM_INT8_INT64] = "int64",
	[CM_INT8_STRING] = "string", NULL
};
static const char *const numeric_choices[] = {
	[CM_NUMERIC_AUTO] = "auto",[CM_NUMERIC_NUMBER] = "number",
	[CM_NUMERIC_STRING] = "string", NULL
};
static const char *const timestamps_choices[] = {
	[CM_TIMESTAMPS_MS] = "ms",[CM_TIMESTAMPS_ISO] = "iso", NULL
};
static const char *const nulls_choices[] = {
	[CM_NULLS_OMIT] = "omit",[CM_NULLS_NULL] = "null", NULL
};

static const char *const method_choices[] = {
	[CM_BY_MUTATION] = "mutation",[CM_BY_IMPORT] = "import", NULL
};

static const char *const compression_choices[] = {
	[CM_COMPRESSION_DEFLATE] = "deflate",[CM_COMPRESSION_ZSTD] = "zstd",
	[CM_COMPRESSION_NONE] = "none", NULL
};

#define IN_SERVER(text, how, member, ...) \
	{.name = text, .owner_catalog = ForeignServerRelationId, .parse = how, \
	 .field = offsetof(CmServer, member), __VA_ARGS__}
#define IN_MAPPING(text, how, member) \
	{.name = text, .owner_catalog = UserMappingRelationId, .parse = how, \
	 .field = offsetof(CmServer, member)}
#define RANGE(low, high) .min = low, .max = high

static const CmOption option_table[] = {
	IN_SERVER("url", cm_parse_url, url, .initial = NULL),
	IN_SERVER("method", cm_parse_choice, method,
			  .initial = "mutation", .choices = method_choices),
	IN_SERVER("functions", cm_parse_module, functions, .initial = "migrate"),
	IN_SERVER("schemas", cm_parse_schemas, schemas, .initial = "public"),
	IN_SERVER("key_field", cm_parse_key_field, key_field, .initial = "supabaseId"),
	IN_SERVER("id_salt", cm_parse_salt, id_salt, .initial = NULL),
	IN_SERVER("table_case", cm_parse_choice, table_case,
			  .initial = "camel", .choices = case_choices),
	IN_SERVER("field_case", cm_parse_choice, types.field_case,
			  .initial = "preserve", .choices = case_choices),
	IN_SERVER("batch_rows", cm_parse_number, batch_rows,
			  .initial = "100", RANGE(1, 1000)),
	IN_SERVER("batch_bytes", cm_parse_number, batch_bytes,
			  .initial = "1MB", RANGE(1024, 4 * 1024 * 1024),
			  .unit = GUC_UNIT_BYTE),
	IN_SERVER("concurrency", cm_parse_number, concurrency,
			  .initial = "8", RANGE(1, 512)),
	IN_SERVER("max_retries", cm_parse_number, max_retries,
			  .initial = "10", RANGE(0, 1000)),
	IN_SERVER("timeout", cm_parse_number, timeout,
			  .initial = "60s", RANGE(100, 3600 * 1000), .unit = GUC_UNIT_MS),
	IN_SERVER("patience", cm_parse_number, patience,
			  .initial = "10min", RANGE(0, 24 * 3600 * 1000),
			  .unit = GUC_UNIT_MS),
	IN_SERVER("max_removals", cm_parse_number, max_removals,
			  .initial = "-1", RANGE(-1, INT_MAX)),
	IN_SERVER("import_patience", cm_parse_number, import_patience,
			  .initial = "30min", RANGE(0, 24 * 3600 * 1000),
			  .unit = GUC_UNIT_MS),
	IN_SERVER("max_bytes_per_second", cm_parse_number, max_bytes_per_second,
			  .initial = "0", RANGE(0, 1024 * 1024 * 1024),
			  .unit = GUC_UNIT_BYTE),
	IN_SERVER("retry_ambiguous", cm_parse_choice, retry_ambiguous,
			  .initial = "auto", .choices = ambiguous_choices),
	IN_SERVER("orphans", cm_parse_choice, orphans,
			  .initial = "reject", .choices = orphans_choices),
	IN_SERVER("int8", cm_parse_choice, types.int8,
			  .initial = "number", .choices = int8_choices),
	IN_SERVER("numeric", cm_parse_choice, types.numeric,
			  .initial = "auto", .choices = numeric_choices),
	IN_SERVER("timestamps", cm_parse_choice, types.timestamps,
			  .initial = "ms", .choices = timestamps_choices),
	IN_SERVER("nulls", cm_parse_choice, types.nulls,
			  .initial = "omit", .choices = nulls_choices),
	IN_SERVER("indexes", cm_parse_choice, indexes,
			  .initial = "exact", .choices = indexes_choices),
	IN_SERVER("compression", cm_parse_choice, compression,
			  .initial = "deflate", .choices = compression_choices),
	IN_SERVER("trust_constraints", cm_parse_switch, trust_constraints,
			  .initial = "off"),
	IN_SERVER("rule_comments", cm_parse_switch, rule_comments, .initial = "on"),
	IN_SERVER("active", cm_parse_switch, active, .initial = "on"),
	IN_MAPPING("deploy_key", cm_parse_deploy_key, deploy_key),
	IN_MAPPING("deploy_key_file", cm_parse_key_file, deploy_key_file),
};

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

/*
 * Raise the error for an option that objects of this catalog do not have: the
 * hint is where it belongs, or the closest name, or all that there are.
 */
static void
unknown_option(const char *name, Oid owner_catalog)
{
	const CmOption *elsewhere = find_option(name);
	const char *closest = NULL;
	int			best = 4;		/* with so many edits it is another word */
	StringInfoData valid;

	initStringInfo(&valid);
	for (int i = 0; i < (int) lengthof(option_table); i++)
	{
		int			distance;

		if (option_table[i].owner_catalog != owner_catalog)
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
					 elsewhere->owner_catalog == UserMappingRelationId ?
					 "user mapping" : "server") :
			 closest ? errhint("Perhaps you meant the option \"%s\".", closest) :
			 valid.len > 0 ? errhint("Valid options are: %s.", valid.data) :
			 errhint("There are no valid options in this context.")));
}

/*
 * ERROR unless the caller may name a file with a deploy key. Whoever names one
 * makes PostgreSQL read it and send what is in it away: as for file_fdw, that
 * needs the right to read files.
 */
static void
check_may_name_file(const CmOption *option)
{
	if (!has_privs_of_role(GetUserId(), ROLE_PG_READ_SERVER_FILES))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("permission denied to set option \"%s\"", option->name),
				 errdetail("Only roles with privileges of the role \"pg_read_server_files\" may set it."),
				 errhint("Use option \"deploy_key\", or have the user mapping created for you.")));
}

/*
 * Check the options of one object of the given catalog; ERROR for the first
 * that is unknown or wrong, and for one that is missing.
 */
void
cm_options_validate(List *options, Oid owner_catalog)
{
	CmServer	scratch = {0};
	ListCell   *lc;

	foreach(lc, options)
	{
		DefElem    *def = lfirst(lc);
		const CmOption *option = find_option(def->defname);

		if (option == NULL || option->owner_catalog != owner_catalog)
			unknown_option(def->defname, owner_catalog);
		if (option->parse == cm_parse_key_file)
			check_may_name_file(option);
		option->parse(option, defGetString(def), &scratch);
	}

	if (owner_catalog == ForeignServerRelationId && scratch.url == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_FDW_DYNAMIC_PARAMETER_VALUE_NEEDED),
				 errmsg("option \"url\" is required"),
				 errhint("It is the URL of the deployment, such as \"https://happy-animal-123.convex.cloud\".")));
	if (owner_catalog == UserMappingRelationId &&
		(scratch.deploy_key == NULL) == (scratch.deploy_key_file == NULL))
		ereport(ERROR,
				(errcode(ERRCODE_FDW_DYNAMIC_PARAMETER_VALUE_NEEDED),
				 errmsg("exactly one of the options \"deploy_key\" and \"deploy_key_file\" is required"),
				 errhint("A deploy key is made in the dashboard, under Settings.")));
}

/* ERROR when the text is not a value of the named option, which must exist. */
void
cm_options_check(const char *name, const char *value)
{
	CmServer	scratch = {0};
	const CmOption *option = find_option(name);

	Assert(option != NULL);
	option->parse(option, value, &scratch);
}

/* Raise the error for a foreign server that does not exist (wrapper NULL), or
 * belongs to another wrapper. */
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
 * The settings of the named foreign server, in the current memory context; the
 * extension's own tables are in the given schema. ERROR when the server does
 * not exist, belongs to another wrapper, or the caller lacks USAGE on it.
 * Options that this version does not know are ignored, so that a server which
 * was made by another version can be read.
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

		if (option != NULL && option->owner_catalog == ForeignServerRelationId)
			option->parse(option, defGetString(def), server);
	}
	server->serverid = foreign->serverid;
	server->owner = foreign->owner;
	server->extension_schema = extension_schema;
	server->name = pstrdup(foreign->servername);
	return server;
}

/* ERROR when migrations by the foreign server have been switched off. */
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

/* The statement that gives the foreign server's option the value; palloc'd. */
char *
cm_options_statement(const CmServer *server, const char *name,
					 const char *value)
{
	const char *action = "ADD";
	ListCell   *lc;

	foreach(lc, GetForeignServer(server->serverid)->options)
	{
		if (strcmp(((DefElem *) lfirst(lc))->defname, name) == 0)
			action = "SET";
	}
	return psprintf("ALTER SERVER %s OPTIONS (%s %s %s);",
					quote_identifier(server->name), action, name,
					quote_literal_cstr(value));
}

/*
 * The method of this name, or, when it is NULL, that of the foreign server. ERROR when
 * there is no such method or server.
 */
CmWay
cm_options_method(const char *name, const char *server_name,
				  Oid extension_schema)
{
	if (name == NULL)
		return cm_options_load(server_name, extension_schema)->method;
	cm_options_check("method", name);
	return strcmp(name, method_choices[CM_BY_IMPORT]) == 0 ? CM_BY_IMPORT :
		CM_BY_MUTATION;
}

/*-------------------------------------------------------------------------
 *
 * drift.c
 *	  Whether generated functions are those for the tables as they are now.
 *
 * Tables change, schema.ts is edited, one of both is deployed and the other
 * forgotten: then every row would come back refused. The validators that the
 * deployment has are compared with those that the catalogs ask for. One that
 * takes more is fine; so is one that somebody made narrower by hand than "any
 * string" or "anything": the rows that it refuses are rejects like others.
 *
 *-------------------------------------------------------------------------
 */
#include "convex_migrate.h"

#include "mb/pg_wchar.h"
#include "utils/snapmgr.h"

/* Differences that are told one by one. */
#define CM_TOLD_DIFFERENCES 10

/* Bytes of a validator that are told. */
#define CM_TOLD_LENGTH 200

/* What a comparison finds. */
typedef struct CmDrift
{
	StringInfoData differences; /* a line each */
	int			count;
} CmDrift;

static bool takes(const CmValidator *deployed, const CmValidator *needed);

static void add_difference(CmDrift *drift, const char *format,...)
			pg_attribute_printf(2, 3);

/* Note a difference, a line without its end. */
static void
add_difference(CmDrift *drift, const char *format,...)
{
	va_list		args;
	int			needed;

	if (drift->count++ >= CM_TOLD_DIFFERENCES)
		return;
	if (drift->count > 1)
		appendStringInfoChar(&drift->differences, '\n');
	for (;;)
	{
		va_start(args, format);
		needed = appendStringInfoVA(&drift->differences, format, args);
		va_end(args);
		if (needed == 0)
			break;
		enlargeStringInfo(&drift->differences, needed);
	}
}

/* The field with this name, or NULL. */
static CmField *
find_field(List *fields, const char *name)
{
	ListCell   *lc;

	foreach(lc, fields)
	{
		CmField    *field = lfirst(lc);

		if (strcmp(field->name, name) == 0)
			return field;
	}
	return NULL;
}

/* Whether a deployed field takes what a needed one may be. */
static bool
field_takes(const CmField *deployed, const CmField *needed)
{
	return (deployed->optional || !needed->optional) &&
		takes(deployed->validator, needed->validator);
}

/* Whether an object takes another's fields, and needs no more. */
static bool
object_takes(const CmValidator *deployed, const CmValidator *needed)
{
	ListCell   *lc;

	foreach(lc, needed->fields)
	{
		CmField    *field = lfirst(lc);
		CmField    *other = find_field(deployed->fields, field->name);

		if (other == NULL || !field_takes(other, field))
			return false;
	}
	foreach(lc, deployed->fields)
	{
		CmField    *field = lfirst(lc);

		if (!field->optional && find_field(needed->fields, field->name) == NULL)
			return false;
	}
	return true;
}

/* Whether a validator takes a value that is a literal, or could be one. */
static bool
literal_takes(const CmValidator *deployed, const CmValidator *needed)
{
	if (needed->kind == CM_VALIDATOR_LITERAL)
		return deployed->is_string == needed->is_string &&
			strcmp(deployed->text, needed->text) == 0;
	/* made narrower by hand */
	return deployed->is_string ? needed->kind == CM_VALIDATOR_STRING :
		needed->kind == CM_VALIDATOR_NUMBER ||
		needed->kind == CM_VALIDATOR_INT64 ||
		needed->kind == CM_VALIDATOR_BOOLEAN;
}

/* Whether one of the members takes it. */
static bool
member_takes(const CmValidator *deployed, const CmValidator *needed)
{
	ListCell   *lc;

	foreach(lc, deployed->members)
	{
		if (takes(lfirst(lc), needed))
			return true;
	}
	return false;
}

/* Whether the deployed validator takes what the needed one does. */
static bool
takes(const CmValidator *deployed, const CmValidator *needed)
{
	ListCell   *lc;

	if (deployed->kind == CM_VALIDATOR_ANY || needed->kind == CM_VALIDATOR_ANY)
		return true;
	if (needed->kind == CM_VALIDATOR_UNION)
	{
		foreach(lc, needed->members)
		{
			if (!takes(deployed, lfirst(lc)))
				return false;
		}
		return true;
	}
	switch (deployed->kind)
	{
		case CM_VALIDATOR_UNION:
			return member_takes(deployed, needed);
		case CM_VALIDATOR_LITERAL:
			return literal_takes(deployed, needed);
		case CM_VALIDATOR_STRING:
			return needed->kind == CM_VALIDATOR_STRING ||
				needed->kind == CM_VALIDATOR_ID ||
				(needed->kind == CM_VALIDATOR_LITERAL && needed->is_string);
		case CM_VALIDATOR_NUMBER:
			return needed->kind == CM_VALIDATOR_NUMBER ||
				(needed->kind == CM_VALIDATOR_LITERAL && !needed->is_string);
		case CM_VALIDATOR_ID:
			return needed->kind == CM_VALIDATOR_ID &&
				strcmp(deployed->text, needed->text) == 0;
		case CM_VALIDATOR_ARRAY:
			return needed->kind == CM_VALIDATOR_ARRAY &&
				takes(linitial(deployed->members), linitial(needed->members));
		case CM_VALIDATOR_OBJECT:
			return needed->kind == CM_VALIDATOR_OBJECT &&
				object_takes(deployed, needed);
		default:
			return deployed->kind == needed->kind;
	}
}

/* A validator as it is told; the union of an enum can be long. */
static char *
told(CmField *field)
{
	char	   *text = cm_ts_validator(field->validator, field->optional);
	int			length = strlen(text);

	if (length <= CM_TOLD_LENGTH)
		return text;
	return psprintf("%s...", pnstrdup(text, pg_mbcliplen(text, length, CM_TOLD_LENGTH)));
}

/* Compare one field of a table. */
static void
compare_field(CmDrift *drift, CmTable *table, CmField *needed,
			  CmField *deployed)
{
	if (deployed == NULL)
		add_difference(drift, "Table \"%s\", field \"%s\": not deployed; the table has it as %s.",
					   table->name, needed->name,
					   told(needed));
	else if (!field_takes(deployed, needed))
		add_difference(drift, "Table \"%s\", field \"%s\": deployed as %s; the table has it as %s.",
					   table->name, needed->name,
					   told(deployed), told(needed));
}

/* Compare the records that a function takes with the rows of its table. */
static void
compare_table(CmDrift *drift, CmTable *table, CmValidator *record,
			  const CmServer *server)
{
	List	   *needed = cm_table_fields(table, server);
	ListCell   *lc;

	foreach(lc, needed)
	{
		CmField    *field = lfirst(lc);

		compare_field(drift, table, field, find_field(record->fields, field->name));
	}
	foreach(lc, record->fields)
	{
		CmField    *field = lfirst(lc);

		if (!field->optional && strcmp(field->name, "id") != 0 &&
			find_field(needed, field->name) == NULL)
			add_difference(drift, "Table \"%s\", field \"%s\": deployed as required; the table does not have it.",
						   table->name, field->name);
	}
}

/*
 * WARNING for fields that somebody added to the table in schema.ts and that
 * every document must have: documents that are there may have them, new ones
 * will not. document: the validator that is deployed. Inside SPI.
 */
void
cm_warn_required(CmRun *run, CmTable *table, const CmValidator *document)
{
	List	   *ours = cm_table_fields(table, run->server);
	ListCell   *lc;

	foreach(lc, document->fields)
	{
		CmField    *field = lfirst(lc);

		if (!field->optional && find_field(ours, field->name) == NULL &&
			strcmp(field->name, run->server->key_field) != 0)
			ereport(WARNING,
					(errmsg("table \"%s\" of deployment \"%s\" requires field \"%s\", which table \"%s\" does not have",
							table->target, run->server->deployment, field->name,
							table->name),
					 errdetail("Rows that are not in Convex yet will be rejected."),
					 errhint("Make it optional in convex/schema.ts, then run \"%s\".",
							 run->server->deploy_command)));
	}
}

/* The function with this name, or NULL. */
CmFunctionSpec *
cm_find_spec(List *specs, const char *identifier)
{
	ListCell   *lc;

	foreach(lc, specs)
	{
		CmFunctionSpec *spec = lfirst(lc);

		if (strcmp(spec->identifier, identifier) == 0)
			return spec;
	}
	return NULL;
}

/*
 * ERROR when deployed functions, which this extension generated, would refuse
 * the rows of the tables. fingerprint: theirs. Inside SPI.
 */
void
cm_check_drift(CmRun *run, List *specs, const char *fingerprint)
{
	CmDrift		drift = {.count = 0};
	ListCell   *lc;
	bool		edited;

	initStringInfo(&drift.differences);
	PushActiveSnapshot(run->snapshot);
	cm_literals_read(run->catalog);
	foreach(lc, run->catalog->ordered)
	{
		CmTable    *table = lfirst(lc);
		CmFunctionSpec *spec = cm_find_spec(specs, table->function);

		if (spec->record != NULL && spec->record->kind == CM_VALIDATOR_OBJECT)
			compare_table(&drift, table, spec->record, run->server);
	}
	edited = drift.count > 0 &&
		strcmp(cm_fingerprint(cm_catalog_describe(run->server, NULL)),
			   fingerprint) == 0;
	PopActiveSnapshot();
	if (drift.count == 0)
		return;
	if (drift.count > CM_TOLD_DIFFERENCES)
		appendStringInfo(&drift.differences, "\nAnd %d more.",
						 drift.count - CM_TOLD_DIFFERENCES);
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("the functions of deployment \"%s\" would refuse the rows of the tables as they are now",
					run->server->deployment),
			 errdetail("%s", drift.differences.data),
			 edited ?
			 errhint("convex/schema.ts was changed since it was generated, the tables were not: make it take these fields, then run \"%s\".",
					 run->server->deploy_command) :
			 errhint("Write convex/schema.ts and convex/%s.ts again by convex_schema() and convex_functions(), then run \"%s\".",
					 run->server->functions, run->server->deploy_command)));
}

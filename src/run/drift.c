/*-------------------------------------------------------------------------
 *
 * drift.c
 *	  Whether generated functions are those for the tables as they are now.
 *
 * Tables change, schema.ts is edited, only one of the two is deployed: then
 * every row would be refused. The validators that the deployment has are
 * compared with those that the catalogs ask for. One that accepts more is fine;
 * so is one that somebody made narrower by hand than "any string" or
 * "anything": the rows that it refuses are rejects like others.
 *
 *-------------------------------------------------------------------------
 */
#include "run/run.h"

#include "utils/snapmgr.h"

/* Differences that are reported one by one. */
#define CM_SHOWN_DIFFERENCES 10

/* Bytes of a validator that are shown. */
#define CM_SHOWN_LENGTH 200

/* What a comparison finds. */
typedef struct CmDrift
{
	StringInfoData differences; /* a line each */
	int			count;
	bool		only_wider;		/* documents that were stored by what is
								 * deployed are what the tables ask for */
} CmDrift;

/* Note a difference, a line without its end. */
static void
add_difference(CmDrift *drift, const char *difference)
{
	if (drift->count++ >= CM_SHOWN_DIFFERENCES)
		return;
	if (drift->count > 1)
		appendStringInfoChar(&drift->differences, '\n');
	appendStringInfoString(&drift->differences, difference);
}

/* A validator, shortened for a message: the union of an enum can be long. */
static char *
shortened_validator(CmField *field)
{
	return cm_text_shortened(cm_validators_text(field->validator, field->optional),
							 CM_SHOWN_LENGTH);
}

/*
 * Whether a document that has what is deployed in the field, or lacks it, is one
 * that the table asks for. Only what is certain counts: a list of literals that
 * has become longer, or what may be absent now.
 */
static bool
is_wider(const CmField *needed, const CmField *deployed)
{
	if (deployed == NULL)
		return needed->optional;
	if (deployed->optional && !needed->optional)
		return false;
	return strcmp(cm_validators_text(needed->validator, false),
				  cm_validators_text(deployed->validator, false)) == 0 ||
		(needed->validator->kind == CM_VALIDATOR_UNION &&
		 cm_accepts_field(needed, deployed));
}

/* Compare one field of a table. */
static void
compare_field(CmDrift *drift, CmTable *table, CmField *needed,
			  CmField *deployed)
{
	drift->only_wider = drift->only_wider && is_wider(needed, deployed);
	if (deployed == NULL)
		add_difference(drift, psprintf("Table \"%s\", field \"%s\": not deployed; the table has it as %s.",
									   table->name, needed->name,
									   shortened_validator(needed)));
	else if (!cm_accepts_field(deployed, needed))
		add_difference(drift, psprintf("Table \"%s\", field \"%s\": deployed as %s; the table has it as %s.",
									   table->name, needed->name,
									   shortened_validator(deployed), shortened_validator(needed)));
}

/* Compare what is accepted as records with the rows of the table; or, where key_field is
 * not NULL, as documents, which have their key in it. */
static void
compare_table(CmDrift *drift, CmCatalog *catalog, CmTable *table,
			  CmValidator *record, const char *key_field)
{
	List	   *needed = cm_fields_of_table(catalog, table);
	ListCell   *lc;

	foreach(lc, needed)
	{
		CmField    *field = lfirst(lc);

		const char *name = key_field ? field->name :
			cm_identifier_on_wire(field->name);

		compare_field(drift, table, field,
					  cm_accepts_find_field(record->fields, name));
	}
	foreach(lc, record->fields)
	{
		CmField    *field = lfirst(lc);

		if (strcmp(field->name, key_field ? key_field : "id") == 0 || *field->name == '_' ||
			cm_accepts_find_field(needed, field->name) != NULL)
			continue;
		drift->only_wider = false;
		if (!field->optional)
			add_difference(drift, psprintf("Table \"%s\", field \"%s\": deployed as required; the table does not have it.",
										   table->name, field->name));
	}
}

/*
 * WARNING for fields that somebody added to the table in schema.ts and that
 * every document must have: documents that are there may have them, new ones
 * will not. document: the validator that is deployed. Inside SPI.
 */
void
cm_drift_warn_required(CmRun *run, CmTable *table, const CmValidator *document)
{
	List	   *ours = cm_fields_of_table(run->catalog, table);
	ListCell   *lc;

	foreach(lc, document->fields)
	{
		CmField    *field = lfirst(lc);

		if (!field->optional && cm_accepts_find_field(ours, field->name) == NULL &&
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

/* The fingerprint that functions for all configured tables would have now. */
static char *
fingerprint_of_all(CmRun *run)
{
	CmCatalog  *catalog = cm_read_catalog(run->server, NULL);

	cm_order_tables(catalog);
	cm_literals_read(catalog);
	return cm_fingerprint_make(catalog);
}

/* Whether the tables are those that functions with the fingerprint were written for. */
static bool
is_of_these_tables(CmRun *run, const char *fingerprint)
{
	return strcmp(fingerprint_of_all(run), fingerprint) == 0;
}

/* ERROR with the differences. schema: it is the schema that would refuse the rows. edited:
 * the tables are not what has changed. */
static void
fail_drift(CmRun *run, CmDrift *drift, bool schema, bool edited)
{
	if (drift->count > CM_SHOWN_DIFFERENCES)
		appendStringInfo(&drift->differences, "\nAnd %d more.",
						 drift->count - CM_SHOWN_DIFFERENCES);
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 schema ?
			 errmsg("the schema of deployment \"%s\" would refuse the rows of the tables as they are now",
					run->server->deployment) :
			 errmsg("the functions of deployment \"%s\" would refuse the rows of the tables as they are now",
					run->server->deployment),
			 errdetail("%s", drift->differences.data),
			 edited ?
			 errhint("convex/schema.ts was changed since it was generated, the tables were not: make it take these fields, then run \"%s\".",
					 run->server->deploy_command) :
			 drift->only_wider ?
			 errhint("Write convex/schema.ts and convex/%s.ts again by convex_schema() and convex_functions(), then run \"%s\"." CM_HINT_NEW_FILE,
					 run->server->functions, run->server->deploy_command) :
			 errhint("Documents that are stored would not pass the new schema. Write convex/schema.ts by convex_schema(wide => true) and convex/%s.ts by convex_functions(), run \"%s\" and convex_migrate() again; then write convex/schema.ts by convex_schema(), as docs/generated.md says for each kind of change." CM_HINT_NEW_FILE,
					 run->server->functions, run->server->deploy_command)));
}

/*
 * ERROR when deployed functions, which this extension generated, would refuse
 * the rows of the tables. fingerprint: theirs. Inside SPI.
 */
void
cm_drift_check(CmRun *run, List *specs, const char *fingerprint)
{
	CmDrift		drift = {.only_wider = true};
	ListCell   *lc;
	bool		edited;

	initStringInfo(&drift.differences);
	PushActiveSnapshot(run->snapshot);
	cm_literals_read(run->catalog);
	foreach(lc, run->catalog->ordered)
	{
		CmTable    *table = lfirst(lc);
		CmFunctionSpec *spec = cm_deployed_find_function(specs, table->function);

		if (spec->record != NULL && spec->record->kind == CM_VALIDATOR_OBJECT)
			compare_table(&drift, run->catalog, table, spec->record, NULL);
	}
	edited = drift.count > 0 && is_of_these_tables(run, fingerprint);
	PopActiveSnapshot();
	if (drift.count > 0)
		fail_drift(run, &drift, false, edited);
}

/*
 * ERROR when the deployed schema (CmDeployedTable *), whatever it was made of, would
 * refuse the rows of the tables. Inside SPI.
 */
void
cm_drift_check_schema(CmRun *run, List *deployed)
{
	CmDrift		drift = {.only_wider = true};
	ListCell   *lc;

	initStringInfo(&drift.differences);
	PushActiveSnapshot(run->snapshot);
	cm_literals_read(run->catalog);
	PopActiveSnapshot();
	foreach(lc, run->catalog->ordered)
	{
		CmTable    *table = lfirst(lc);
		CmDeployedTable *schema = cm_deployed_find_table(deployed, table->target);

		if (schema != NULL && schema->document->kind == CM_VALIDATOR_OBJECT)
			compare_table(&drift, run->catalog, table, schema->document,
						  run->server->key_field);
	}
	if (drift.count > 0)
		fail_drift(run, &drift, true, false);
}

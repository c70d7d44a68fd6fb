/*-------------------------------------------------------------------------
 *
 * document.c
 *	  convex_document(): the record of one row, as a run would send it.
 *
 * It runs the same query as a run and the same encoder over its result; only
 * the row comes from the parameter instead of the table. What is prepared is
 * kept for the rest of the calling query, below the FmgrInfo's context.
 *
 *-------------------------------------------------------------------------
 */
#include "convex_migrate.h"

#include "catalog/pg_type.h"
#include "access/htup_details.h"
#include "fmgr.h"
#include "funcapi.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

/* Prepared for the rows of one table and one server. */
typedef struct CmPreview
{
	MemoryContext context;		/* holds it and all below */
	Oid			type;
	char	   *server;
	CmDialect	dialect;
	SPIPlanPtr	plan;
	CmOwned    *owned_plan;
	CmEncoder  *encoder;		/* made with the first row */
	CmTable    *table;
	CmServer   *settings;
} CmPreview;

/* SPI_freeplan in the form that own.c calls. */
static void
free_plan(void *plan)
{
	(void) SPI_freeplan(plan);
}

/* The table whose rows have this type; ERROR when there is none. */
static Oid
table_of_type(Oid type)
{
	Oid			relid = type == RECORDOID ? InvalidOid : get_typ_typrelid(type);

	if (!OidIsValid(relid))
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("the row is not a row of a table"),
				 errhint("Pass the table's own row: SELECT convex_document(t) FROM some_table AS t.")));
	return relid;
}

/*
 * The table as a run would have it: one of all configured tables, since which
 * references are deferred depends on the others; or, outside of them, named.
 */
static CmTable *
find_table(CmServer *server, Oid relid, MemoryContext context)
{
	Datum		relids[] = {ObjectIdGetDatum(relid)};
	CmCatalog  *catalog = cm_catalog_read(server,
										  construct_array(relids, 1, OIDOID,
														  sizeof(Oid), true,
														  TYPALIGN_INT),
										  context);

	if (cm_catalog_find(catalog, relid)->configured)
		catalog = cm_catalog_read(server, NULL, context);
	cm_plan_order(catalog);
	return cm_catalog_find(catalog, relid);
}

/* Prepare for rows of the type, below the context; must run inside SPI. */
static CmPreview *
prepare(MemoryContext parent, Oid type, const char *server_name,
		CmDialect dialect, Oid function)
{
	Oid			relid = table_of_type(type);
	MemoryContext context = AllocSetContextCreate(parent,
												  "convex_migrate preview",
												  ALLOCSET_SMALL_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	CmPreview  *preview = palloc0(sizeof(CmPreview));
	CmServer   *server = cm_server_load(server_name,
										get_func_namespace(function));
	char	   *row;

	preview->context = context;
	preview->type = type;
	preview->dialect = dialect;
	preview->server = pstrdup(server_name);
	preview->owned_plan = cm_own(context, free_plan);
	MemoryContextSwitchTo(old);

	preview->table = find_table(server, relid, context);
	preview->settings = server;
	row = psprintf("(SELECT ($1::%s).*)",
				   cm_qualified_name(preview->table->schema,
									 preview->table->name));
	preview->plan = SPI_prepare(cm_source_query(preview->table, row,
												dialect == CM_DIALECT_ARGUMENTS &&
												cm_idmap_exists(server->url),
												true, false),
								1, &type);
	if (preview->plan == NULL || SPI_keepplan(preview->plan) != 0)
		elog(ERROR, "SPI_prepare failed: %s", SPI_result_code_string(SPI_result));
	cm_own_set(preview->owned_plan, preview->plan);
	return preview;
}

/* The text of the record; ERROR with the reason when the row cannot go. */
static char *
encode(CmPreview *preview)
{
	StringInfoData out;
	CmReason	reason;
	char	   *key;

	if (preview->encoder == NULL)
	{
		MemoryContext old = MemoryContextSwitchTo(preview->context);

		/* old keys where a run would refuse the row */
		preview->encoder = cm_encoder_create(preview->table, CM_PASS_MIGRATE,
											 SPI_tuptable->tupdesc,
											 preview->settings, CM_ORPHANS_KEEP,
											 preview->dialect);
		MemoryContextSwitchTo(old);
	}
	initStringInfo(&out);
	if (cm_encode_row(preview->encoder, SPI_tuptable->vals[0], &out, &key,
					  &reason) != CM_ENCODED)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("the row of table \"%s\" cannot go into Convex",
						preview->table->name),
				 errdetail("%s: %s%s%s.", reason.code,
						   reason.path ? reason.path : "",
						   reason.path ? ": " : "", reason.text)));
	return cm_json_from_utf8(out.data);
}

/* The dialect of a method; NULL is the one that moves rows. */
static CmDialect
dialect_of_method(const char *method)
{
	if (method == NULL || strcmp(method, "mutation") == 0)
		return CM_DIALECT_ARGUMENTS;
	if (strcmp(method, "import") == 0)
		return CM_DIALECT_IMPORT;
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("invalid value for parameter \"method\": \"%s\"", method),
			 errhint("Methods are \"mutation\" and \"import\".")));
}

/*
 * The JSON of the row, in the current memory context. fcinfo is that of
 * convex_document().
 */
char *
cm_document(FunctionCallInfo fcinfo, HeapTupleHeader row, const char *server,
			const char *method)
{
	CmDialect	dialect = dialect_of_method(method);
	FmgrInfo   *flinfo = fcinfo->flinfo;
	CmPreview  *preview = flinfo->fn_extra;
	MemoryContext caller = CurrentMemoryContext;
	Oid			type = HeapTupleHeaderGetTypeId(row);
	Datum		values[] = {HeapTupleHeaderGetDatum(row)};
	int			nestlevel = cm_session_pin();
	char	   *json;

	SPI_connect();
	if (preview == NULL || preview->type != type ||
		preview->dialect != dialect ||
		strcmp(preview->server, server) != 0)
	{
		flinfo->fn_extra = NULL;
		if (preview != NULL)
			MemoryContextDelete(preview->context);
		preview = prepare(flinfo->fn_mcxt, type, server, dialect,
						  flinfo->fn_oid);
		flinfo->fn_extra = preview;
	}
	if (SPI_execute_plan(preview->plan, values, NULL, true, 1) != SPI_OK_SELECT ||
		SPI_processed != 1)
		elog(ERROR, "could not read the row of table \"%s\"",
			 preview->table->name);
	json = MemoryContextStrdup(caller, encode(preview));
	SPI_finish();
	cm_session_unpin(nestlevel);
	return json;
}

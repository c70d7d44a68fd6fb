/*-------------------------------------------------------------------------
 *
 * document.c
 *	  convex_document(): the record of one row, as a run would send it.
 *
 * It is a scan like that of a run, except that the row comes from the parameter
 * instead of the table. The run that it belongs to is opened for the first row
 * of a table and entered again for each further one; it is kept for the rest of
 * the calling query, below the FmgrInfo's context.
 *
 *-------------------------------------------------------------------------
 */
#include "preview/preview.h"

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "funcapi.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

/* Prepared for the rows of one table and one server. */
typedef struct CmPreview
{
	MemoryContext context;		/* holds it and all below */
	CmRun	   *run;
	CmArguments arguments;
	Oid			type;
	CmDialect	dialect;
	CmTable    *table;
	CmScan	   *scan;
} CmPreview;

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

/* The scan of a row that is a parameter; inside the run. */
static CmScan *
prepare_scan(CmPreview *preview)
{
	CmServer   *server = preview->run->server;
	CmTable    *table = preview->table;
	CmQueryOptions query = {
		.pass = CM_PASS_ROWS,
		.from = psprintf("(SELECT ($1::%s).*)",
						 quote_qualified_identifier(table->schema, table->name)),
		.ids = preview->dialect == CM_DIALECT_ARGUMENTS &&
		cm_idmap_find(server->identity, preview->run->catalog) ?
		CM_IDS_OF_MAP : CM_IDS_NONE,
		.old_keys = true
	};
	CmRecordOptions options = {
		.server = server,
		/* old keys where a run would reject the row */
		.orphans = CM_ORPHANS_KEEP,
		.dialect = preview->dialect
	};

	return cm_scan_prepare(table, &query, &options, preview->type);
}

/*
 * Prepare for rows of the type, below the context, and enter the run. The table
 * is as a run would have it: one of all configured tables, since which
 * references are deferred depends on the others; or, outside of them, named.
 */
static CmPreview *
prepare(MemoryContext parent, Oid type, const char *server_name,
		CmDialect dialect, Oid function)
{
	Oid			relid = table_of_type(type);
	Datum		relids[] = {ObjectIdGetDatum(relid)};
	MemoryContext context = AllocSetContextCreate(parent,
												  "convex_migrate preview",
												  ALLOCSET_SMALL_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	CmPreview  *preview = palloc0(sizeof(CmPreview));

	preview->context = context;
	preview->arguments.server_name = pstrdup(server_name);
	preview->arguments.tables = construct_array(relids, 1, OIDOID, sizeof(Oid),
												true, TYPALIGN_INT);
	preview->arguments.extension_schema = get_func_namespace(function);
	preview->type = type;
	preview->dialect = dialect;
	MemoryContextSwitchTo(old);

	preview->run = cm_run_open(context, &preview->arguments, CM_PURPOSE_PLAN);
	if (cm_table_find(preview->run->catalog, relid)->configured)
		cm_run_read_catalog(preview->run, NULL);
	preview->table = cm_table_find(preview->run->catalog, relid);
	preview->scan = prepare_scan(preview);
	return preview;
}

/* Whether what was prepared serves for this row. */
static bool
serves(CmPreview *preview, Oid type, const char *server_name,
	   CmDialect dialect)
{
	return preview != NULL && preview->type == type &&
		preview->dialect == dialect &&
		strcmp(preview->arguments.server_name, server_name) == 0;
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

/* The record of the row, appended to out; ERROR when it cannot be migrated. */
static void
scan_row(CmPreview *preview, HeapTupleHeader row, StringInfo out)
{
	Datum		parameter = HeapTupleHeaderGetDatum(row);
	CmScanned	scanned;
	CmEncoded	encoded;

	cm_scan_start(preview->scan, &parameter);
	encoded = cm_scan_next(preview->scan, out, &scanned);
	if (encoded == CM_NO_ROW)
		elog(ERROR, "could not read the row of table \"%s\"",
			 preview->table->name);
	if (encoded != CM_ENCODED)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("the row of table \"%s\" cannot be migrated",
						preview->table->name),
				 errdetail("%s.", cm_reason_text(&scanned.reason))));
	cm_scan_stop(preview->scan);
}

/*
 * The JSON of the row, in the current memory context. fcinfo is that of
 * convex_document().
 */
char *
cm_document_preview(FunctionCallInfo fcinfo, HeapTupleHeader row,
					const char *server_name, const char *method)
{
	CmDialect	dialect = dialect_of_method(method);
	FmgrInfo   *flinfo = fcinfo->flinfo;
	CmPreview  *preview = flinfo->fn_extra;
	Oid			type = HeapTupleHeaderGetTypeId(row);
	StringInfoData out;

	initStringInfo(&out);
	if (serves(preview, type, server_name, dialect))
		cm_run_enter(preview->run);
	else
	{
		flinfo->fn_extra = NULL;
		if (preview != NULL)
			MemoryContextDelete(preview->context);
		preview = prepare(flinfo->fn_mcxt, type, server_name, dialect,
						  flinfo->fn_oid);
		flinfo->fn_extra = preview;
	}
	scan_row(preview, row, &out);
	cm_run_leave(preview->run);
	return cm_utf8_json_to_database(out.data);
}

/*-------------------------------------------------------------------------
 *
 * convex_migrate.c
 *	  Entry points: the module and the SQL-callable functions.
 *
 * Each function only takes its parameters apart. What they do is in src/,
 * whose README.md says where.
 *
 *-------------------------------------------------------------------------
 */
#include "preview/preview.h"

#include "access/reloptions.h"
#include "fmgr.h"
#include "funcapi.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"

#include "base/compat.h"
#include "base/zip.h"

PG_MODULE_MAGIC_EXT(.name = "convex_migrate",.version = CM_VERSION);

PG_FUNCTION_INFO_V1(convex_migrate_validator);
PG_FUNCTION_INFO_V1(convex_version);
PG_FUNCTION_INFO_V1(convex_plan);
PG_FUNCTION_INFO_V1(convex_plan_graph);
PG_FUNCTION_INFO_V1(convex_plan_text);
PG_FUNCTION_INFO_V1(convex_check);
PG_FUNCTION_INFO_V1(convex_migrate);
PG_FUNCTION_INFO_V1(convex_retry);
PG_FUNCTION_INFO_V1(convex_clear);
PG_FUNCTION_INFO_V1(convex_verify);
PG_FUNCTION_INFO_V1(convex_schema);
PG_FUNCTION_INFO_V1(convex_functions);
PG_FUNCTION_INFO_V1(convex_document);
PG_FUNCTION_INFO_V1(convex_left_behind);
PG_FUNCTION_INFO_V1(convex_export);
PG_FUNCTION_INFO_V1(convex_id);
PG_FUNCTION_INFO_V1(convex_uuid);

void		_PG_init(void);

/* Define the setting. Nothing of libcurl here: this may be the postmaster. */
void
_PG_init(void)
{
	cm_report_define_settings();
	MarkGUCPrefixReserved("convex_migrate");
}

/* The parameter that names a foreign server; ERROR when it is null. */
static char *
server_parameter(FunctionCallInfo fcinfo, int n)
{
	if (PG_ARGISNULL(n))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("parameter \"server\" must not be null")));
	return NameStr(*PG_GETARG_NAME(n));
}

/* A text parameter as a C string, or NULL. */
static char *
text_parameter(FunctionCallInfo fcinfo, int n)
{
	return PG_ARGISNULL(n) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(n));
}

/*
 * What the first two parameters, server and tables, say. The extension is
 * relocatable: its tables are where its functions are.
 */
static CmArguments
arguments_of(FunctionCallInfo fcinfo)
{
	return (CmArguments) {
		.server_name = server_parameter(fcinfo, 0),
		.tables = PG_ARGISNULL(1) ? NULL : PG_GETARG_ARRAYTYPE_P(1),
		.extension_schema = get_func_namespace(fcinfo->flinfo->fn_oid)
	};
}

/* convex_migrate_validator(text[], oid) */
Datum
convex_migrate_validator(PG_FUNCTION_ARGS)
{
	cm_options_validate(untransformRelOptions(PG_GETARG_DATUM(0)),
						PG_GETARG_OID(1));
	PG_RETURN_VOID();
}

/* convex_version() */
Datum
convex_version(PG_FUNCTION_ARGS)
{
	(void) fcinfo;				/* it takes no parameters */
	PG_RETURN_TEXT_P(cstring_to_text(psprintf("convex_migrate %s, %s, cJSON %s, %s",
											  CM_VERSION, cm_http_library_version(),
											  cm_json_library_version(),
											  cm_compress_library_versions())));
}

/* convex_plan(server, tables) */
Datum
convex_plan(PG_FUNCTION_ARGS)
{
	CmArguments arguments = arguments_of(fcinfo);

	InitMaterializedSRF(fcinfo, 0);
	cm_plan_show(&arguments, (ReturnSetInfo *) fcinfo->resultinfo);
	return (Datum) 0;
}

/* convex_plan_text(server, tables) */
Datum
convex_plan_text(PG_FUNCTION_ARGS)
{
	CmArguments arguments = arguments_of(fcinfo);

	InitMaterializedSRF(fcinfo, MAT_SRF_USE_EXPECTED_DESC);
	cm_plan_text_show(&arguments, (ReturnSetInfo *) fcinfo->resultinfo);
	return (Datum) 0;
}

/* convex_plan_graph(server, tables) */
Datum
convex_plan_graph(PG_FUNCTION_ARGS)
{
	CmArguments arguments = arguments_of(fcinfo);

	PG_RETURN_TEXT_P(cstring_to_text(cm_plan_graph(&arguments)));
}

/* convex_check(server, tables) */
Datum
convex_check(PG_FUNCTION_ARGS)
{
	CmArguments arguments = arguments_of(fcinfo);

	InitMaterializedSRF(fcinfo, 0);
	cm_check_tables(&arguments, (ReturnSetInfo *) fcinfo->resultinfo);
	return (Datum) 0;
}

/* convex_left_behind(server, tables) */
Datum
convex_left_behind(PG_FUNCTION_ARGS)
{
	CmArguments arguments = arguments_of(fcinfo);

	InitMaterializedSRF(fcinfo, 0);
	cm_left_behind_show(&arguments, (ReturnSetInfo *) fcinfo->resultinfo);
	return (Datum) 0;
}

/* convex_schema(server, tables, wide) */
Datum
convex_schema(PG_FUNCTION_ARGS)
{
	CmArguments arguments = arguments_of(fcinfo);

	PG_RETURN_TEXT_P(cstring_to_text(cm_code_schema(&arguments,
													!PG_ARGISNULL(2) &&
													PG_GETARG_BOOL(2))));
}

/* convex_functions(server, tables) */
Datum
convex_functions(PG_FUNCTION_ARGS)
{
	CmArguments arguments = arguments_of(fcinfo);

	PG_RETURN_TEXT_P(cstring_to_text(cm_code_functions(&arguments)));
}

/* convex_migrate(server, tables, method, mode) */
Datum
convex_migrate(PG_FUNCTION_ARGS)
{
	CmArguments arguments = arguments_of(fcinfo);

	InitMaterializedSRF(fcinfo, 0);
	cm_migrate_tables(&arguments, text_parameter(fcinfo, 2),
					  text_parameter(fcinfo, 3),
					  (ReturnSetInfo *) fcinfo->resultinfo);
	return (Datum) 0;
}

/* convex_retry(server, tables) */
Datum
convex_retry(PG_FUNCTION_ARGS)
{
	CmArguments arguments = arguments_of(fcinfo);

	InitMaterializedSRF(fcinfo, 0);
	cm_migrate_rejects(&arguments, (ReturnSetInfo *) fcinfo->resultinfo);
	return (Datum) 0;
}

/* convex_clear(server, tables, deployment) */
Datum
convex_clear(PG_FUNCTION_ARGS)
{
	CmArguments arguments = arguments_of(fcinfo);

	InitMaterializedSRF(fcinfo, 0);
	cm_clear_tables(&arguments, text_parameter(fcinfo, 2),
					(ReturnSetInfo *) fcinfo->resultinfo);
	return (Datum) 0;
}

/* convex_verify(server, tables, level, repair) */
Datum
convex_verify(PG_FUNCTION_ARGS)
{
	CmArguments arguments = arguments_of(fcinfo);

	InitMaterializedSRF(fcinfo, 0);
	cm_verify_tables(&arguments, text_parameter(fcinfo, 2),
					 !PG_ARGISNULL(3) && PG_GETARG_BOOL(3),
					 (ReturnSetInfo *) fcinfo->resultinfo);
	return (Datum) 0;
}

/* convex_export(path, server, tables) */
Datum
convex_export(PG_FUNCTION_ARGS)
{
	CmArguments arguments = {
		.server_name = server_parameter(fcinfo, 1),
		.tables = PG_ARGISNULL(2) ? NULL : PG_GETARG_ARRAYTYPE_P(2),
		.extension_schema = get_func_namespace(fcinfo->flinfo->fn_oid)
	};

	InitMaterializedSRF(fcinfo, 0);
	cm_export_tables(&arguments, text_parameter(fcinfo, 0),
					 (ReturnSetInfo *) fcinfo->resultinfo);
	return (Datum) 0;
}

/* convex_document(row, server, method) */
Datum
convex_document(PG_FUNCTION_ARGS)
{
	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(cstring_to_text(cm_document_preview(fcinfo,
														 PG_GETARG_HEAPTUPLEHEADER(0),
														 server_parameter(fcinfo, 1),
														 text_parameter(fcinfo, 2))));
}

/* convex_id(source, key, server) */
Datum
convex_id(PG_FUNCTION_ARGS)
{
	char	   *id;

	if (PG_ARGISNULL(0) || PG_ARGISNULL(1))
		PG_RETURN_NULL();
	id = cm_id_of_row(fcinfo, PG_GETARG_OID(0), text_parameter(fcinfo, 1),
					  server_parameter(fcinfo, 2));
	if (id == NULL)
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(cstring_to_text(id));
}

/* convex_uuid(id) */
Datum
convex_uuid(PG_FUNCTION_ARGS)
{
	return cm_id_uuid(text_parameter(fcinfo, 0));
}

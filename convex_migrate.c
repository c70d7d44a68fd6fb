/*-------------------------------------------------------------------------
 *
 * convex_migrate.c
 *	  Entry points: the module, its setting, the SQL-callable functions.
 *
 * Each function only takes its parameters apart. What they do is in src/.
 *
 *-------------------------------------------------------------------------
 */
#include "convex_migrate.h"

#include <limits.h>

#include "access/reloptions.h"
#include "fmgr.h"
#include "funcapi.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"

#include "base/compat.h"

PG_MODULE_MAGIC_EXT(.name = "convex_migrate",.version = CM_VERSION);

/* convex_migrate.progress_interval, milliseconds; -1: off */
int			cm_progress_interval = 2000;

PG_FUNCTION_INFO_V1(convex_migrate_validator);
PG_FUNCTION_INFO_V1(convex_version);
PG_FUNCTION_INFO_V1(convex_plan);
PG_FUNCTION_INFO_V1(convex_plan_graph);
PG_FUNCTION_INFO_V1(convex_check);
PG_FUNCTION_INFO_V1(convex_migrate);
PG_FUNCTION_INFO_V1(convex_schema);
PG_FUNCTION_INFO_V1(convex_functions);
PG_FUNCTION_INFO_V1(convex_document);

void		_PG_init(void);

/* Define the setting. Nothing of libcurl here: this may be the postmaster. */
void
_PG_init(void)
{
	DefineCustomIntVariable("convex_migrate.progress_interval",
							"Sets the time between two NOTICEs about the progress of convex_migrate().",
							"0 means one for every batch, -1 turns them off.",
							&cm_progress_interval,
							2000, -1, INT_MAX,
							PGC_USERSET,
							GUC_UNIT_MS,
							NULL, NULL, NULL);
	MarkGUCPrefixReserved("convex_migrate");
}

/* ERROR for a parameter that must not be null; its name as a C string. */
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

/* An array parameter, or NULL. */
static ArrayType *
array_parameter(FunctionCallInfo fcinfo, int n)
{
	return PG_ARGISNULL(n) ? NULL : PG_GETARG_ARRAYTYPE_P(n);
}

/* The extension is relocatable: its tables are where its functions are. */
static Oid
own_schema(FunctionCallInfo fcinfo)
{
	return get_func_namespace(fcinfo->flinfo->fn_oid);
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
	PG_RETURN_TEXT_P(cstring_to_text(psprintf("convex_migrate %s, %s, cJSON %s",
											  CM_VERSION, cm_http_version(),
											  cm_convex_library_version())));
}

/* convex_plan(server, tables) */
Datum
convex_plan(PG_FUNCTION_ARGS)
{
	char	   *server = server_parameter(fcinfo, 0);

	InitMaterializedSRF(fcinfo, 0);
	cm_show_plan(server, array_parameter(fcinfo, 1), own_schema(fcinfo),
				 (ReturnSetInfo *) fcinfo->resultinfo);
	return (Datum) 0;
}

/* convex_plan_graph(server, tables) */
Datum
convex_plan_graph(PG_FUNCTION_ARGS)
{
	char	   *server = server_parameter(fcinfo, 0);

	PG_RETURN_TEXT_P(cstring_to_text(cm_show_plan_graph(server,
														array_parameter(fcinfo, 1),
														own_schema(fcinfo))));
}

/* convex_check(server, tables) */
Datum
convex_check(PG_FUNCTION_ARGS)
{
	char	   *server = server_parameter(fcinfo, 0);

	InitMaterializedSRF(fcinfo, 0);
	cm_check(server, array_parameter(fcinfo, 1), own_schema(fcinfo),
			 (ReturnSetInfo *) fcinfo->resultinfo);
	return (Datum) 0;
}

/* convex_schema(server, tables) */
Datum
convex_schema(PG_FUNCTION_ARGS)
{
	char	   *server = server_parameter(fcinfo, 0);

	PG_RETURN_TEXT_P(cstring_to_text(cm_schema(server, array_parameter(fcinfo, 1),
											   own_schema(fcinfo))));
}

/* convex_functions(server, tables) */
Datum
convex_functions(PG_FUNCTION_ARGS)
{
	char	   *server = server_parameter(fcinfo, 0);

	PG_RETURN_TEXT_P(cstring_to_text(cm_functions(server,
												  array_parameter(fcinfo, 1),
												  own_schema(fcinfo))));
}

/* convex_migrate(server, tables, method, mode) */
Datum
convex_migrate(PG_FUNCTION_ARGS)
{
	char	   *server = server_parameter(fcinfo, 0);

	InitMaterializedSRF(fcinfo, 0);
	cm_migrate(server, array_parameter(fcinfo, 1), text_parameter(fcinfo, 2),
			   text_parameter(fcinfo, 3), own_schema(fcinfo),
			   (ReturnSetInfo *) fcinfo->resultinfo);
	return (Datum) 0;
}

/* convex_document(row, server, method) */
Datum
convex_document(PG_FUNCTION_ARGS)
{
	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(cstring_to_text(cm_document(fcinfo,
												 PG_GETARG_HEAPTUPLEHEADER(0),
												 server_parameter(fcinfo, 1),
												 text_parameter(fcinfo, 2))));
}

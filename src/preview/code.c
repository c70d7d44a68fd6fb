/*-------------------------------------------------------------------------
 *
 * code.c
 *	  convex_schema() and convex_functions(): what is to be deployed.
 *
 * The texts are made by generate/; here a run is opened around that, for the
 * snapshot and the rights.
 *
 *-------------------------------------------------------------------------
 */
#include "preview/preview.h"

/* The text that one of the functions of generate/ prints of the tables, in the
 * current memory context. */
static char *
generate(const CmArguments *arguments, char *(*print) (CmCatalog *catalog))
{
	MemoryContext caller = CurrentMemoryContext;
	CmRun	   *run = cm_run_open(caller, arguments, CM_PURPOSE_READ);
	char	   *text;

	cm_literals_read(run->catalog);
	text = print(run->catalog);
	/* psql ends what it prints with a line break */
	text[strlen(text) - 1] = '\0';
	text = MemoryContextStrdup(caller, text);
	cm_run_close(run);
	return text;
}

/*
 * The text of convex/schema.ts, in the current memory context. wide: for the time
 * of a change, see cm_schema_print_wide().
 */
char *
cm_code_schema(const CmArguments *arguments, bool wide)
{
	return generate(arguments, wide ? cm_schema_print_wide : cm_schema_print);
}

/* The text of convex/migrate.ts, in the current memory context. */
char *
cm_code_functions(const CmArguments *arguments)
{
	return generate(arguments, cm_functions_print);
}

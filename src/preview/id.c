/*-------------------------------------------------------------------------
 *
 * id.c
 *	  convex_id() and convex_uuid(): from the key of a row to its Convex id, and
 *	  back.
 *
 * An id is computed where the last run over the table computed ids. Else it is
 * what Convex answered: the session's id map knows it. What was found out about
 * a table is kept for the rest of the calling query, below the FmgrInfo's
 * context, as document.c has it.
 *
 *-------------------------------------------------------------------------
 */
#include "preview/preview.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/uuid.h"

/* Prepared for the rows of one table and one server. */
typedef struct CmIdSource
{
	MemoryContext context;		/* holds it and all below */
	CmArguments arguments;
	CmRun	   *run;
	CmTable    *table;			/* its number is 0: ids are not computed */
	CmDocRef	ref;
	bool		mapped;			/* the session has a map */
} CmIdSource;

/* Prepare for the table, below the context, and enter the run. */
static CmIdSource *
prepare(MemoryContext parent, Oid relid, const char *server_name,
		Oid function)
{
	Datum		relids[] = {ObjectIdGetDatum(relid)};
	MemoryContext context = AllocSetContextCreate(parent, "convex_migrate id",
												  ALLOCSET_SMALL_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	CmIdSource *source = palloc0(sizeof(CmIdSource));

	source->context = context;
	source->arguments.server_name = pstrdup(server_name);
	source->arguments.tables = construct_array(relids, 1, OIDOID, sizeof(Oid),
											   true, TYPALIGN_INT);
	source->arguments.extension_schema = get_func_namespace(function);
	MemoryContextSwitchTo(old);

	/* names of Convex tables depend on all that are configured */
	source->run = cm_run_open(context, &source->arguments, CM_PURPOSE_PLAN);
	if (cm_table_find(source->run->catalog, relid)->configured)
		cm_run_read_catalog(source->run, NULL);
	source->table = cm_table_find(source->run->catalog, relid);
	source->table->number = cm_sources_number(source->run, source->table);
	source->ref = cm_docref_create(source->run->server, source->table);
	source->mapped = source->table->number == 0 &&
		cm_idmap_find(source->run->server->identity, source->run->catalog);
	return source;
}

/* Whether what was prepared serves for this row. */
static bool
serves(CmIdSource *source, Oid relid, const char *server_name)
{
	return source != NULL && source->table->relid == relid &&
		strcmp(source->arguments.server_name, server_name) == 0;
}

/*
 * The Convex id of the row with this key, in the current memory context, or
 * NULL: it is not known. fcinfo is that of convex_id().
 */
char *
cm_id_of_row(FunctionCallInfo fcinfo, Oid relid, const char *key,
			 const char *server_name)
{
	MemoryContext caller = CurrentMemoryContext;
	FmgrInfo   *flinfo = fcinfo->flinfo;
	CmIdSource *source = flinfo->fn_extra;
	bool		entered = !serves(source, relid, server_name);
	char	   *id = NULL;

	if (entered)
	{
		flinfo->fn_extra = NULL;
		if (source != NULL)
			MemoryContextDelete(source->context);
		source = prepare(flinfo->fn_mcxt, relid, server_name, flinfo->fn_oid);
		flinfo->fn_extra = source;
	}
	else if (source->mapped)
	{
		cm_run_enter(source->run);
		entered = true;
	}
	if (source->mapped)
		id = cm_idmap_lookup(source->table, key);
	id = id ? MemoryContextStrdup(caller, id) : NULL;
	if (entered)
		cm_run_leave(source->run);
	if (source->table->number != 0)
		id = cm_docref_of_key(&source->ref, key);
	return id;
}

/* The uuid that the id was made of; ERROR when it is no id. */
Datum
cm_id_uuid(const char *id)
{
	pg_uuid_t  *uuid = palloc(sizeof(pg_uuid_t));
	uint32		table;

	if (!cm_docid_read(id, &table, uuid->data))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
				 errmsg("\"%s\" is not the id of a Convex document", id)));
	return UUIDPGetDatum(uuid);
}

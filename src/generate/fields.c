/*-------------------------------------------------------------------------
 *
 * fields.c
 *	  The fields of a table's documents, with their validators.
 *
 *-------------------------------------------------------------------------
 */
#include "generate/generate.h"

/* A field of documents; nullable: it may be NULL in a row. */
static CmField *
make_field(char *name, CmValidator *validator, bool nullable,
		   const CmServer *server)
{
	CmField    *field = palloc0(sizeof(CmField));

	field->name = name;
	field->validator = nullable && server->types.nulls == CM_NULLS_NULL ?
		cm_validator_with(validator, CM_VALIDATOR_NULL) : validator;
	field->optional = nullable && server->types.nulls == CM_NULLS_OMIT;
	return field;
}

/* The field of a reference. */
static CmField *
reference_field(CmReference *reference, const CmServer *server)
{
	CmValidator *id = cm_validator_create(CM_VALIDATOR_ID);
	CmField    *field;

	id->text = reference->parent->target;
	if (server->orphans == CM_ORPHANS_KEEP)
		id = cm_validator_with(id, CM_VALIDATOR_STRING);
	field = make_field(reference->field, id,
					   !reference->not_null || server->orphans == CM_ORPHANS_NULL,
					   server);
	/* between the passes it is not there */
	field->optional = field->optional || reference->deferred;
	return field;
}

/*
 * The fields of the table's documents that come from its rows, in the order of
 * its columns, references of their own last; without the old key. CmField *,
 * palloc'd. The catalog must be
 * described.
 */
List *
cm_fields_of_table(CmCatalog *catalog, CmTable *table)
{
	const CmServer *server = catalog->server;
	List	   *fields = NIL;
	ListCell   *lc;

	Assert(catalog->stage == CM_STAGE_DESCRIBED);
	for (int i = 0; i < table->ncolumns; i++)
	{
		CmColumn   *column = &table->columns[i];

		if (column->field == NULL)
			continue;
		if (column->reference != NULL)
		{
			fields = lappend(fields, reference_field(column->reference, server));
			continue;
		}
		fields = lappend(fields, make_field(column->field,
											cm_validator_of_mapping(column->mapping,
																	column->literals),
											!column->not_null, server));
	}
	foreach(lc, table->references)
	{
		CmReference *reference = lfirst(lc);

		if (table->columns[reference->columns[0]].reference != reference)
			fields = lappend(fields, reference_field(reference, server));
	}
	return fields;
}

/*-------------------------------------------------------------------------
 *
 * fields.c
 *	  The fields of a table's documents, with their validators.
 *
 * One list of fields is behind all that is said of a table to Convex: schema.ts
 * prints it, migrate.ts has its names, the fingerprint is made of it, and a run
 * compares it with what is deployed. It agrees with row/record.c, which sends
 * these fields and no others:
 * - a column is its mapping's validator (value/validator.c);
 * - a column that may be NULL is optional, or a union with null, as option
 *   "nulls" says;
 * - a reference is the id of its parent's table, or, as option "orphans" says,
 *   may be absent or the old key instead; so may each element of an array;
 * - a deferred reference is optional, since it is absent between the passes.
 *
 *-------------------------------------------------------------------------
 */
#include "generate/generate.h"

/* A field; nullable: it may be NULL in a row. */
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

/* The field of a column that is a value of its own. */
static CmField *
field_of_column(CmColumn *column, const CmServer *server)
{
	return make_field(column->field,
					  cm_validator_of_mapping(column->mapping, column->literals),
					  !column->not_null, server);
}

/* The field of a reference. */
static CmField *
field_of_reference(CmReference *reference, const CmServer *server)
{
	CmValidator *id = cm_validator_create(CM_VALIDATOR_ID);
	CmValidator *array = NULL;
	CmField    *field;

	id->text = reference->parent->target;
	if (server->orphans == CM_ORPHANS_KEEP)
		id = cm_validator_with(id, CM_VALIDATOR_STRING);
	if (reference->is_array)
	{
		array = cm_validator_create(CM_VALIDATOR_ARRAY);
		array->members = list_make1(id);
	}
	field = make_field(reference->field, array ? array : id,
					   !reference->not_null ||
					   (server->orphans == CM_ORPHANS_NULL && !reference->is_array),
					   server);
	field->optional = field->optional || reference->deferred;
	return field;
}

/*
 * The fields of the table's documents that come from its rows, so all but the
 * old key: in the order of its columns, then references that have no column's
 * field. CmField *, palloc'd. The catalog must be described.
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
		fields = lappend(fields, column->reference != NULL ?
						 field_of_reference(column->reference, server) :
						 field_of_column(column, server));
	}
	foreach(lc, table->references)
	{
		CmReference *reference = lfirst(lc);

		if (cm_table_column_of_reference(table, reference) == NULL)
			fields = lappend(fields, field_of_reference(reference, server));
	}
	return fields;
}

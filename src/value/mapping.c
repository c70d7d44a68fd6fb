/*-------------------------------------------------------------------------
 *
 * mapping.c
 *	  What a column becomes in Convex, decided in one place.
 *
 * A mapping is made from a type, the options of the foreign server and the
 * choice of convex_columns.type. value.c writes values by it, row by row, and
 * validator.c describes it to Convex, so the two cannot disagree. A mapping
 * holds all that writing needs of the catalogs: per value nothing is looked
 * up.
 *
 * A new type is a CmKind, the rule for it in kind.c, a function that writes it
 * in value.c and its validator in validator.c.
 *
 *-------------------------------------------------------------------------
 */
#include "value/value.h"

#include "access/tupdesc.h"
#include "catalog/dependency.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"
#include "utils/typcache.h"

/*
 * The function of extension hstore that makes jsonb of one. It is in the
 * schema of the type, where no other has this name and parameter; that it
 * belongs to the extension is checked all the same, since it will run with the
 * caller's rights. ERROR when a version of hstore does not have it.
 */
static Oid
hstore_to_jsonb(Oid type)
{
	HeapTuple	tuple = SearchSysCache1(TYPEOID, ObjectIdGetDatum(type));
	Oid			function;

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for type %u", type);
	function = GetSysCacheOid3(PROCNAMEARGSNSP, Anum_pg_proc_oid,
							   CStringGetDatum("hstore_to_jsonb"),
							   PointerGetDatum(buildoidvector(&type, 1)),
							   ObjectIdGetDatum(((Form_pg_type) GETSTRUCT(tuple))->typnamespace));
	ReleaseSysCache(tuple);
	if (!OidIsValid(function) ||
		getExtensionOfObject(ProcedureRelationId, function) !=
		getExtensionOfObject(TypeRelationId, type))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_FUNCTION),
				 errmsg("extension hstore has no function hstore_to_jsonb"),
				 errhint("Run ALTER EXTENSION hstore UPDATE, or choose 'string' in convex_columns.type.")));
	return function;
}

/* Look up the function that the kind needs, if any. */
static void
find_function(CmMapping *mapping)
{
	Oid			function;
	bool		is_varlena;

	switch (mapping->kind)
	{
		case CM_KIND_OUTPUT:
			getTypeOutputInfo(mapping->type, &function, &is_varlena);
			break;
		case CM_KIND_HSTORE:
			function = hstore_to_jsonb(mapping->type);
			break;
		case CM_KIND_VECTOR:
		case CM_KIND_HALFVEC:
		case CM_KIND_SPARSEVEC:
		case CM_KIND_GEOMETRY:
			getTypeBinaryOutputInfo(mapping->type, &function, &is_varlena);
			break;
		default:
			return;
	}
	fmgr_info(function, &mapping->function);
}

/* The attributes of a composite type, each with its own mapping. */
static void
map_attributes(CmMapping *mapping, const CmTypeOptions *options)
{
	TupleDesc	tupdesc;
	char	  **fields;

	check_stack_depth();
	tupdesc = lookup_rowtype_tupdesc_copy(mapping->type, -1);
	fields = cm_identifier_attributes(tupdesc, options->field_case);
	mapping->tupdesc = tupdesc;
	mapping->attributes = palloc0(tupdesc->natts * sizeof(CmAttribute));
	mapping->nulls_as_null = options->nulls == CM_NULLS_NULL;
	for (int i = 0; i < tupdesc->natts; i++)
	{
		Form_pg_attribute attribute = TupleDescAttr(tupdesc, i);
		CmAttribute *target = &mapping->attributes[mapping->nattributes];
		int32		typmod = attribute->atttypmod;
		Oid			type;

		if (attribute->attisdropped)
			continue;
		type = getBaseTypeAndTypmod(attribute->atttypid, &typmod);
		target->position = i;
		target->field = fields[i];
		target->mapping = cm_mapping_create(type, typmod, options,
											mapping->any ? CM_CHOICE_ANY :
											CM_CHOICE_NONE);
		mapping->nattributes++;
	}
}

/*
 * What the mapping of an array needs to take one apart, and the mapping of its
 * elements, to which the choice for the column applies.
 */
static void
map_elements(CmMapping *mapping, int32 typmod, const CmTypeOptions *options,
			 CmChoice choice)
{
	Oid			element = get_element_type(mapping->type);

	mapping->element_type = element;
	get_typlenbyvalalign(element, &mapping->element_length,
						 &mapping->element_by_value,
						 &mapping->element_align);
	element = getBaseTypeAndTypmod(element, &typmod);
	mapping->element = cm_mapping_create(element, typmod, options, choice);
}

/* The mapping for the JSON text of a value: everything as it is, whatever the
 * options say. */
static CmMapping *
map_exactly(Oid type, int32 typmod, const CmTypeOptions *options)
{
	CmTypeOptions exact = *options;

	exact.int8 = CM_INT8_NUMBER;
	exact.numeric = CM_NUMERIC_NUMBER;
	exact.timestamps = CM_TIMESTAMPS_ISO;
	exact.nulls = CM_NULLS_NULL;
	return cm_mapping_create(type, typmod, &exact, CM_CHOICE_ANY);
}

/*
 * The mapping of a type (of a domain: its base type), by the options and a
 * choice that is possible for it; palloc'd.
 */
CmMapping *
cm_mapping_create(Oid type, int32 typmod, const CmTypeOptions *options,
				  CmChoice choice)
{
	CmMapping  *mapping = palloc0(sizeof(CmMapping));

	mapping->kind = cm_kind_choose(type, typmod, options, choice);
	mapping->type = type;
	mapping->typmod = typmod;
	mapping->is_varlena = get_typlen(type) == -1;
	mapping->any = choice == CM_CHOICE_ANY;
	mapping->free_text = choice == CM_CHOICE_STRING;
	mapping->nullable = mapping->any || choice == CM_CHOICE_ARRAY_NULLABLE;
	switch (mapping->kind)
	{
		case CM_KIND_ARRAY:
			map_elements(mapping, typmod, options, choice);
			break;
		case CM_KIND_COMPOSITE:
			map_attributes(mapping, options);
			break;
		case CM_KIND_JSON_TEXT:
			mapping->element = map_exactly(type, typmod, options);
			break;
		default:
			find_function(mapping);
	}
	return mapping;
}

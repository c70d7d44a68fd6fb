/*-------------------------------------------------------------------------
 *
 * mapping.c
 *	  What a column becomes in Convex, decided in one place.
 *
 * A mapping is made from a type, the options of the server and the choice of
 * convex_columns.type. The encoder (value.c) follows it row by row, and the
 * generated schema says it as a validator, so the two cannot disagree. A
 * mapping holds all that an encoder needs of the catalogs: per value nothing
 * is looked up.
 *
 * A new type is a CmKind, a line in kind_of() and an encoder in value.c.
 *
 *-------------------------------------------------------------------------
 */
#include "value/value.h"

#include "access/tupdesc.h"
#include "catalog/dependency.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "commands/extension.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"
#include "utils/typcache.h"

/* A numeric of this many digits always comes back from a double as it was. */
#define CM_MAX_NUMERIC_PRECISION 15

/* Scales beyond this could leave the range of doubles. */
#define CM_MAX_NUMERIC_SCALE 200

/* Types of extensions that go other than by their text. */
static const struct
{
	const char *extension;
	const char *type;
	CmKind		kind;
}			extension_types[] =
{
	{"hstore", "hstore", CM_KIND_HSTORE},
	{"vector", "vector", CM_KIND_VECTOR},
	{"vector", "halfvec", CM_KIND_HALFVEC},
	{"vector", "sparsevec", CM_KIND_SPARSEVEC},
};

static bool
is_integer(Oid type)
{
	return type == INT2OID || type == INT4OID || type == INT8OID;
}

static bool
is_text(Oid type)
{
	return type == TEXTOID || type == VARCHAROID || type == BPCHAROID;
}

/* Whether a type, no array, may go as the choice says. */
static bool
choice_fits(Oid type, CmChoice choice)
{
	switch (choice)
	{
		case CM_CHOICE_NUMBER:
			return is_integer(type) || type == NUMERICOID ||
				type == FLOAT4OID || type == FLOAT8OID;
		case CM_CHOICE_INT64:
			return is_integer(type) || type == NUMERICOID;
		case CM_CHOICE_BOOLEAN:
			return type == BOOLOID || is_integer(type) || is_text(type);
		case CM_CHOICE_BYTES:
			return type == BYTEAOID || type == UUIDOID || is_text(type);
		case CM_CHOICE_ISO:
		case CM_CHOICE_MS:
			return type == TIMESTAMPOID || type == TIMESTAMPTZOID ||
				type == DATEOID;
		case CM_CHOICE_ARRAY_NULLABLE:
			return false;
		default:
			return true;
	}
}

/*
 * Whether a column of the type (of a domain: its base type) may go as a choice
 * of convex_columns.type says. A choice for an array is one for its elements,
 * but for those that are about the whole.
 */
bool
cm_mapping_is_possible(Oid type, CmChoice choice)
{
	Oid			element = get_element_type(type);

	if (!OidIsValid(element))
		return choice_fits(type, choice);
	return choice == CM_CHOICE_ARRAY_NULLABLE ||
		choice_fits(getBaseType(element), choice);
}

/* Whether a numeric of this declaration always fits a double. */
static bool
numeric_is_short(int32 typmod)
{
	int			precision;
	int			scale;

	if (typmod < (int32) VARHDRSZ)
		return false;
	/* numeric's own packing: precision above, an 11-bit signed scale below */
	precision = ((typmod - VARHDRSZ) >> 16) & 0xffff;
	scale = (((typmod - VARHDRSZ) & 0x7ff) ^ 1024) - 1024;
	return precision <= CM_MAX_NUMERIC_PRECISION &&
		abs(scale) <= CM_MAX_NUMERIC_SCALE;
}

/*
 * The kind for a type that an extension made, else its text. Only base types:
 * who owns a trusted extension may add other types of any name to it, and
 * functions that would run with the caller's rights. A base type is made by
 * superusers only.
 */
static CmKind
kind_of_extension_type(Oid type)
{
	HeapTuple	tuple;
	Oid			extension;
	CmKind		kind = CM_KIND_OUTPUT;

	if (type < FirstNormalObjectId || get_typtype(type) != TYPTYPE_BASE)
		return CM_KIND_OUTPUT;
	extension = getExtensionOfObject(TypeRelationId, type);
	if (!OidIsValid(extension))
		return CM_KIND_OUTPUT;
	tuple = SearchSysCache1(TYPEOID, ObjectIdGetDatum(type));
	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for type %u", type);
	for (int i = 0; i < (int) lengthof(extension_types); i++)
	{
		if (strcmp(NameStr(((Form_pg_type) GETSTRUCT(tuple))->typname),
				   extension_types[i].type) == 0 &&
			strcmp(get_extension_name(extension),
				   extension_types[i].extension) == 0)
			kind = extension_types[i].kind;
	}
	ReleaseSysCache(tuple);
	return kind;
}

/* The kind for an int8 or numeric. */
static CmKind
kind_of_number(Oid type, int32 typmod, const CmTypeOptions *options, CmChoice choice)
{
	bool		as_number = choice == CM_CHOICE_NUMBER;

	if (choice == CM_CHOICE_INT64)
		return type == NUMERICOID ? CM_KIND_NUMERIC_INT64 : CM_KIND_INT64;
	if (type == INT8OID)
		return as_number || options->int8 == CM_INT8_NUMBER ? CM_KIND_INTEGER :
			options->int8 == CM_INT8_INT64 ? CM_KIND_INT64 : CM_KIND_OUTPUT;
	if (!as_number && options->numeric == CM_NUMERIC_STRING)
		return CM_KIND_OUTPUT;
	return as_number || options->numeric == CM_NUMERIC_NUMBER ||
		numeric_is_short(typmod) ? CM_KIND_NUMERIC : CM_KIND_OUTPUT;
}

/* The kind for a timestamp or date. */
static CmKind
kind_of_time(Oid type, const CmTypeOptions *options, CmChoice choice)
{
	bool		as_ms = choice == CM_CHOICE_MS;

	if (type == DATEOID)
		return as_ms ? CM_KIND_DATE_MS : CM_KIND_DATE_ISO;
	as_ms = as_ms || (choice != CM_CHOICE_ISO &&
					  options->timestamps == CM_TIMESTAMPS_MS);
	return as_ms ? CM_KIND_TIMESTAMP_MS : CM_KIND_TIMESTAMP_ISO;
}

/* The kind for a type that is no array. */
static CmKind
kind_of(Oid type, int32 typmod, const CmTypeOptions *options, CmChoice choice)
{
	switch (type)
	{
		case BOOLOID:
			return CM_KIND_BOOLEAN;
		case INT2OID:
		case INT4OID:
			return choice == CM_CHOICE_BOOLEAN ? CM_KIND_INTEGER_BOOLEAN :
				choice == CM_CHOICE_INT64 ? CM_KIND_INT64 : CM_KIND_INTEGER;
		case INT8OID:
		case NUMERICOID:
			return choice == CM_CHOICE_BOOLEAN ? CM_KIND_INTEGER_BOOLEAN :
				kind_of_number(type, typmod, options, choice);
		case FLOAT4OID:
			return CM_KIND_FLOAT4;
		case FLOAT8OID:
			return CM_KIND_FLOAT8;
		case UUIDOID:
			return choice == CM_CHOICE_BYTES ? CM_KIND_UUID_BYTES : CM_KIND_UUID;
		case TEXTOID:
		case VARCHAROID:
		case BPCHAROID:
			return choice == CM_CHOICE_BOOLEAN ? CM_KIND_TEXT_BOOLEAN :
				choice == CM_CHOICE_BYTES ? CM_KIND_TEXT_BYTES : CM_KIND_TEXT;
		case BYTEAOID:
			return CM_KIND_BYTEA;
		case TIMESTAMPOID:
		case TIMESTAMPTZOID:
		case DATEOID:
			return kind_of_time(type, options, choice);
		case JSONBOID:
			return CM_KIND_JSONB;
		case JSONOID:
			return CM_KIND_JSON;
		default:
			return get_typtype(type) == TYPTYPE_COMPOSITE ? CM_KIND_COMPOSITE :
				kind_of_extension_type(type);
	}
}

/*
 * The function of extension hstore that makes jsonb of one. Its own function:
 * no other has this name and parameter in the schema of the type.
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
	mapping->nulls_go = options->nulls == CM_NULLS_NULL;
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
											mapping->any ? CM_CHOICE_ANY : CM_CHOICE_NONE);
		mapping->nattributes++;
	}
}

/* The mapping of an array, and of its elements. */
static void
map_elements(CmMapping *mapping, Oid element, int32 typmod,
			 const CmTypeOptions *options, CmChoice choice)
{
	mapping->kind = CM_KIND_ARRAY;
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
exact_json(Oid type, int32 typmod, const CmTypeOptions *options)
{
	CmTypeOptions exact = *options;

	exact.int8 = CM_INT8_NUMBER;
	exact.numeric = CM_NUMERIC_NUMBER;
	exact.timestamps = CM_TIMESTAMPS_ISO;
	exact.nulls = CM_NULLS_NULL;
	return cm_mapping_create(type, typmod, &exact, CM_CHOICE_ANY);
}

/*
 * The mapping of a type (of a domain: its base type), by the server's options
 * and a choice that is possible for it; palloc'd.
 */
CmMapping *
cm_mapping_create(Oid type, int32 typmod, const CmTypeOptions *options,
				  CmChoice choice)
{
	CmMapping  *mapping = palloc0(sizeof(CmMapping));
	Oid			element = get_element_type(type);

	mapping->type = type;
	mapping->is_varlena = get_typlen(type) == -1;
	mapping->any = choice == CM_CHOICE_ANY;
	mapping->free_text = choice == CM_CHOICE_STRING;
	mapping->nullable = mapping->any || choice == CM_CHOICE_ARRAY_NULLABLE;
	if (choice == CM_CHOICE_STRING ||
		(choice == CM_CHOICE_JSON && (type == JSONOID || type == JSONBOID)))
		mapping->kind = is_text(type) || type == JSONOID ? CM_KIND_TEXT :
			CM_KIND_OUTPUT;
	else if (choice == CM_CHOICE_JSON)
	{
		mapping->kind = CM_KIND_JSON_TEXT;
		mapping->element = exact_json(type, typmod, options);
	}
	else if (OidIsValid(element))
		map_elements(mapping, element, typmod, options, choice);
	else
	{
		mapping->kind = kind_of(type, typmod, options, choice);
		if (mapping->kind == CM_KIND_COMPOSITE)
			map_attributes(mapping, options);
	}
	find_function(mapping);
	return mapping;
}

/*-------------------------------------------------------------------------
 *
 * kind.c
 *	  Which kind of value of Convex a type becomes.
 *
 * Three things decide, in this order: the choice of convex_columns.type for
 * the column, the options of the foreign server, the type itself. Which types
 * can be what is documented for users in docs/contract.md.
 *
 *-------------------------------------------------------------------------
 */
#include "value/value.h"

#include "catalog/dependency.h"
#include "catalog/pg_type.h"
#include "commands/extension.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

/* A numeric of up to this many digits survives a double. */
#define CM_MAX_NUMERIC_PRECISION 15

/* With a scale beyond this it could leave the range of doubles. */
#define CM_MAX_NUMERIC_SCALE 200

/* Types of extensions that are not sent as their text. */
static const struct
{
	const char *extension;
	const char *type;
	CmKind		kind;
}			extension_types[] =
{
	{"hstore", "hstore", CM_KIND_HSTORE},
	{"postgis", "geometry", CM_KIND_GEOMETRY},
	{"postgis", "geography", CM_KIND_GEOMETRY},
	{"vector", "vector", CM_KIND_VECTOR},
	{"vector", "halfvec", CM_KIND_HALFVEC},
	{"vector", "sparsevec", CM_KIND_SPARSEVEC},
};

/* Whether the type is a smallint, integer or bigint. */
static bool
is_integer(Oid type)
{
	return type == INT2OID || type == INT4OID || type == INT8OID;
}

/* Whether values of the type are stored as their text. */
static bool
is_text(Oid type)
{
	return type == TEXTOID || type == VARCHAROID || type == BPCHAROID;
}

/* Whether values of a type that is no array can be sent as the choice says. */
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
		case CM_CHOICE_NONE:
		case CM_CHOICE_STRING:
		case CM_CHOICE_ANY:
		case CM_CHOICE_JSON:
			return true;
	}
	pg_unreachable();
}

/*
 * Whether a column of the type (of a domain: its base type) can be sent as the
 * choice says. A choice for an array is one for its elements, but for those
 * that are about the whole.
 */
bool
cm_kind_is_possible(Oid type, CmChoice choice)
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
 * The kind for a type that an extension made, or else its text. Only for base
 * types, which are made by superusers alone: the owner of a trusted extension
 * can add a type of any name to it, and functions that would run with the
 * caller's rights.
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

/* The kind for a smallint or integer, which every double holds. */
static CmKind
kind_of_integer(CmChoice choice)
{
	switch (choice)
	{
		case CM_CHOICE_BOOLEAN:
			return CM_KIND_INTEGER_BOOLEAN;
		case CM_CHOICE_INT64:
			return CM_KIND_INT64;
		default:
			return CM_KIND_INTEGER;
	}
}

/* The kind for a bigint. */
static CmKind
kind_of_bigint(const CmTypeOptions *options, CmChoice choice)
{
	if (choice == CM_CHOICE_BOOLEAN || choice == CM_CHOICE_INT64 ||
		choice == CM_CHOICE_NUMBER)
		return kind_of_integer(choice);
	switch (options->int8)
	{
		case CM_INT8_NUMBER:
			return CM_KIND_INTEGER;
		case CM_INT8_INT64:
			return CM_KIND_INT64;
		case CM_INT8_STRING:
			return CM_KIND_OUTPUT;
	}
	pg_unreachable();
}

/* The kind for a numeric. */
static CmKind
kind_of_numeric(int32 typmod, const CmTypeOptions *options, CmChoice choice)
{
	if (choice == CM_CHOICE_INT64)
		return CM_KIND_NUMERIC_INT64;
	if (choice == CM_CHOICE_NUMBER)
		return CM_KIND_NUMERIC;
	switch (options->numeric)
	{
		case CM_NUMERIC_AUTO:
			return numeric_is_short(typmod) ? CM_KIND_NUMERIC : CM_KIND_OUTPUT;
		case CM_NUMERIC_NUMBER:
			return CM_KIND_NUMERIC;
		case CM_NUMERIC_STRING:
			return CM_KIND_OUTPUT;
	}
	pg_unreachable();
}

/* The kind for a text, varchar or char. */
static CmKind
kind_of_text(CmChoice choice)
{
	switch (choice)
	{
		case CM_CHOICE_BOOLEAN:
			return CM_KIND_TEXT_BOOLEAN;
		case CM_CHOICE_BYTES:
			return CM_KIND_TEXT_BYTES;
		default:
			return CM_KIND_TEXT;
	}
}

/* The kind for a timestamp, with or without time zone. */
static CmKind
kind_of_timestamp(const CmTypeOptions *options, CmChoice choice)
{
	if (choice == CM_CHOICE_MS)
		return CM_KIND_TIMESTAMP_MS;
	if (choice == CM_CHOICE_ISO)
		return CM_KIND_TIMESTAMP_ISO;
	return options->timestamps == CM_TIMESTAMPS_MS ? CM_KIND_TIMESTAMP_MS :
		CM_KIND_TIMESTAMP_ISO;
}

/* The kind for a type that is no array, and no choice for its text. */
static CmKind
kind_of_type(Oid type, int32 typmod, const CmTypeOptions *options,
			 CmChoice choice)
{
	switch (type)
	{
		case BOOLOID:
			return CM_KIND_BOOLEAN;
		case INT2OID:
		case INT4OID:
			return kind_of_integer(choice);
		case INT8OID:
			return kind_of_bigint(options, choice);
		case NUMERICOID:
			return kind_of_numeric(typmod, options, choice);
		case FLOAT4OID:
			return CM_KIND_FLOAT4;
		case FLOAT8OID:
			return CM_KIND_FLOAT8;
		case UUIDOID:
			return choice == CM_CHOICE_BYTES ? CM_KIND_UUID_BYTES : CM_KIND_UUID;
		case TEXTOID:
		case VARCHAROID:
		case BPCHAROID:
			return kind_of_text(choice);
		case BYTEAOID:
			return CM_KIND_BYTEA;
		case TIMESTAMPOID:
		case TIMESTAMPTZOID:
			return kind_of_timestamp(options, choice);
		case DATEOID:
			return choice == CM_CHOICE_MS ? CM_KIND_DATE_MS : CM_KIND_DATE_ISO;
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
 * The kind for a type (of a domain: its base type), by a choice that is
 * possible for it.
 */
CmKind
cm_kind_choose(Oid type, int32 typmod, const CmTypeOptions *options,
			   CmChoice choice)
{
	/* as elements of an array get it, which has made use of it already */
	Assert(choice == CM_CHOICE_ARRAY_NULLABLE ||
		   cm_kind_is_possible(type, choice));

	/* the JSON text of json and jsonb is the one that PostgreSQL has */
	if (choice == CM_CHOICE_STRING ||
		(choice == CM_CHOICE_JSON && (type == JSONOID || type == JSONBOID)))
		return is_text(type) || type == JSONOID ? CM_KIND_TEXT : CM_KIND_OUTPUT;
	if (choice == CM_CHOICE_JSON)
		return CM_KIND_JSON_TEXT;
	if (OidIsValid(get_element_type(type)))
		return CM_KIND_ARRAY;
	return kind_of_type(type, typmod, options, choice);
}

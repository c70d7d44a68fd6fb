/*-------------------------------------------------------------------------
 *
 * validator.c
 *	  Mappings as validators: what Convex is to accept in a field.
 *
 * A validator accepts exactly what value.c writes by the same mapping: a new
 * CmKind has a line here and one there. Validators are printed for schema.ts
 * (generate/typescript.c), and compared with those that are deployed
 * (accepts.c).
 *
 * The validators of Convex: npm-packages/convex, src/values/validator.ts.
 *
 *-------------------------------------------------------------------------
 */
#include "value/value.h"

#include "access/htup_details.h"
#include "catalog/pg_enum.h"
#include "catalog/pg_type.h"
#include "utils/catcache.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

/* A validator of the kind; palloc'd. */
CmValidator *
cm_validator_create(CmValidatorKind kind)
{
	CmValidator *validator = palloc0(sizeof(CmValidator));

	validator->kind = kind;
	return validator;
}

/* A union of the validator, which may be changed, and another kind. The labels
 * of an enum stay a union of their own, which can be a constant. */
CmValidator *
cm_validator_with(CmValidator *validator, CmValidatorKind kind)
{
	CmValidator *both;

	if (validator->kind == CM_VALIDATOR_ANY)
		return validator;
	if (validator->kind == CM_VALIDATOR_UNION &&
		!OidIsValid(validator->enum_type))
	{
		validator->members = lappend(validator->members, cm_validator_create(kind));
		return validator;
	}
	both = cm_validator_create(CM_VALIDATOR_UNION);
	both->members = list_make2(validator, cm_validator_create(kind));
	return both;
}

/* A union of the literals (char *), of which there are some; the literal
 * itself when there is only one. */
static CmValidator *
of_literals(List *literals, bool is_string)
{
	CmValidator *either = cm_validator_create(CM_VALIDATOR_UNION);
	ListCell   *lc;

	foreach(lc, literals)
	{
		CmValidator *literal = cm_validator_create(CM_VALIDATOR_LITERAL);

		literal->text = lfirst(lc);
		literal->is_string = is_string;
		either->members = lappend(either->members, literal);
	}
	return list_length(literals) == 1 ? linitial(either->members) : either;
}

/* Whether JavaScript has the literals (char *), whole numbers, as they are. */
static bool
are_exact(List *literals)
{
	ListCell   *lc;

	foreach(lc, literals)
	{
		long long	number = strtoll(lfirst(lc), NULL, 10);

		if (number < -CM_MAX_EXACT_INTEGER || number > CM_MAX_EXACT_INTEGER)
			return false;
	}
	return true;
}

/* Order of an enum's labels, for qsort(). */
static int
compare_enum_rows(const void *a, const void *b)
{
	Form_pg_enum left = (Form_pg_enum) GETSTRUCT(*(HeapTuple const *) a);
	Form_pg_enum right = (Form_pg_enum) GETSTRUCT(*(HeapTuple const *) b);

	return left->enumsortorder < right->enumsortorder ? -1 : 1;
}

/* The labels of an enum in their order: char *, palloc'd. */
static List *
enum_labels(Oid type)
{
	CatCList   *rows = SearchSysCacheList1(ENUMTYPOIDNAME, ObjectIdGetDatum(type));
	HeapTuple  *tuples = palloc((rows->n_members + 1) * sizeof(HeapTuple));
	List	   *labels = NIL;

	for (int i = 0; i < rows->n_members; i++)
		tuples[i] = &rows->members[i]->tuple;
	qsort(tuples, rows->n_members, sizeof(HeapTuple), compare_enum_rows);
	for (int i = 0; i < rows->n_members; i++)
		labels = lappend(labels, pstrdup(NameStr(((Form_pg_enum) GETSTRUCT(tuples[i]))->enumlabel)));
	ReleaseCatCacheList(rows);
	return labels;
}

/* The text of an output function: that of an enum is one of its labels. */
static CmValidator *
of_text(const CmMapping *mapping)
{
	List	   *labels = NIL;
	CmValidator *validator;

	if (mapping->kind == CM_KIND_OUTPUT && !mapping->free_text &&
		get_typtype(mapping->type) == TYPTYPE_ENUM)
		labels = enum_labels(mapping->type);
	if (labels == NIL)
		return cm_validator_create(CM_VALIDATOR_STRING);
	validator = of_literals(labels, true);
	if (validator->kind == CM_VALIDATOR_UNION)
		validator->enum_type = mapping->type;
	return validator;
}

/* An array of whatever its elements become. */
static CmValidator *
of_array(const CmMapping *mapping)
{
	CmValidator *array = cm_validator_create(CM_VALIDATOR_ARRAY);
	CmValidator *element = cm_validator_of_mapping(mapping->element, NIL);

	if (mapping->nullable)
		element = cm_validator_with(element, CM_VALIDATOR_NULL);
	array->members = list_make1(element);
	return array;
}

/* A field of an object. */
static CmField *
make_field(char *name, CmValidator *validator, bool optional)
{
	CmField    *field = palloc0(sizeof(CmField));

	field->name = name;
	field->validator = validator;
	field->optional = optional;
	return field;
}

/* An object. Attributes of a composite type may always be NULL. */
static CmValidator *
of_composite(const CmMapping *mapping)
{
	CmValidator *object = cm_validator_create(CM_VALIDATOR_OBJECT);

	for (int i = 0; i < mapping->nattributes; i++)
	{
		CmValidator *value = cm_validator_of_mapping(mapping->attributes[i].mapping, NIL);

		if (mapping->nulls_as_null)
			value = cm_validator_with(value, CM_VALIDATOR_NULL);
		object->fields = lappend(object->fields,
								 make_field(mapping->attributes[i].field, value,
											!mapping->nulls_as_null));
	}
	return object;
}

/* A record of strings and nulls by strings. */
static CmValidator *
of_hstore(void)
{
	CmValidator *record = cm_validator_create(CM_VALIDATOR_RECORD);

	record->members = list_make2(cm_validator_create(CM_VALIDATOR_STRING),
								 cm_validator_with(cm_validator_create(CM_VALIDATOR_STRING),
												   CM_VALIDATOR_NULL));
	return record;
}

/*
 * GeoJSON of the type that the column declares. Without one it is anything: a
 * collection has geometries in it, as deeply as it likes, which no validator can
 * say.
 */
static CmValidator *
of_geometry(const CmMapping *mapping)
{
	CmValidator *object = cm_validator_create(CM_VALIDATOR_OBJECT);
	CmValidator *name = cm_validator_create(CM_VALIDATOR_LITERAL);
	CmValidator *coordinates = cm_validator_create(CM_VALIDATOR_NUMBER);
	int			depth;
	const char *type = cm_geojson_type(mapping->typmod, &depth);

	if (type == NULL)
		return cm_validator_create(CM_VALIDATOR_ANY);
	name->text = pstrdup(type);
	name->is_string = true;
	for (int i = 0; i < depth; i++)
	{
		CmValidator *array = cm_validator_create(CM_VALIDATOR_ARRAY);

		array->members = list_make1(coordinates);
		coordinates = array;
	}
	object->fields = list_make2(make_field("type", name, false),
								make_field("coordinates", coordinates, false));
	if (cm_geojson_may_have_crs(mapping->typmod))
		object->fields = lappend(object->fields,
								 make_field("crs", cm_validator_create(CM_VALIDATOR_ANY), true));
	return object;
}

/* An array of numbers. */
static CmValidator *
of_vector(void)
{
	CmValidator *array = cm_validator_create(CM_VALIDATOR_ARRAY);

	array->members = list_make1(cm_validator_create(CM_VALIDATOR_NUMBER));
	return array;
}

/*
 * The validator for what the mapping makes of values; palloc'd. literals: the
 * texts (char *) of the only values that the column has, which is used for
 * whole numbers and texts, or NIL.
 */
CmValidator *
cm_validator_of_mapping(const CmMapping *mapping, List *literals)
{
	if (mapping->any)
		return cm_validator_create(CM_VALIDATOR_ANY);
	switch (mapping->kind)
	{
		case CM_KIND_BOOLEAN:
		case CM_KIND_INTEGER_BOOLEAN:
		case CM_KIND_TEXT_BOOLEAN:
			return cm_validator_create(CM_VALIDATOR_BOOLEAN);
		case CM_KIND_INTEGER:
			if (literals != NIL && are_exact(literals))
				return of_literals(literals, false);
			return cm_validator_create(CM_VALIDATOR_NUMBER);
		case CM_KIND_FLOAT4:
		case CM_KIND_FLOAT8:
		case CM_KIND_NUMERIC:
		case CM_KIND_TIMESTAMP_MS:
		case CM_KIND_DATE_MS:
			return cm_validator_create(CM_VALIDATOR_NUMBER);
		case CM_KIND_INT64:
		case CM_KIND_NUMERIC_INT64:
			return cm_validator_create(CM_VALIDATOR_INT64);
		case CM_KIND_BYTEA:
		case CM_KIND_UUID_BYTES:
		case CM_KIND_TEXT_BYTES:
			return cm_validator_create(CM_VALIDATOR_BYTES);
		case CM_KIND_TEXT:
			if (literals != NIL && !mapping->free_text)
				return of_literals(literals, true);
			return cm_validator_create(CM_VALIDATOR_STRING);
		case CM_KIND_UUID:
		case CM_KIND_TIMESTAMP_ISO:
		case CM_KIND_DATE_ISO:
		case CM_KIND_JSON_TEXT:
			return cm_validator_create(CM_VALIDATOR_STRING);
		case CM_KIND_OUTPUT:
			return of_text(mapping);
		case CM_KIND_JSONB:
		case CM_KIND_JSON:
			return cm_validator_create(CM_VALIDATOR_ANY);
		case CM_KIND_ARRAY:
			return of_array(mapping);
		case CM_KIND_COMPOSITE:
			return of_composite(mapping);
		case CM_KIND_HSTORE:
			return of_hstore();
		case CM_KIND_VECTOR:
		case CM_KIND_HALFVEC:
		case CM_KIND_SPARSEVEC:
			return of_vector();
		case CM_KIND_GEOMETRY:
			return of_geometry(mapping);
	}
	pg_unreachable();
}

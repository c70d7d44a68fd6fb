/*-------------------------------------------------------------------------
 *
 * constants.c
 *	  Enums that several fields have: a constant of schema.ts for each.
 *
 * Application code needs the labels of an enum as well, as arguments of its
 * functions, and should not have to repeat them.
 *
 *-------------------------------------------------------------------------
 */
#include "generate/generate.h"

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/syscache.h"

/* An enum, and where its labels are. */
typedef struct CmEnum
{
	Oid			type;
	List	   *validators;		/* CmValidator *: unions of its labels */
} CmEnum;

/* Collect the enums (CmEnum *) of a validator, and of what is in it. */
static void
collect(List **enums, CmValidator *validator)
{
	CmEnum	   *one;
	ListCell   *lc;

	foreach(lc, validator->members)
		collect(enums, lfirst(lc));
	foreach(lc, validator->fields)
		collect(enums, ((CmField *) lfirst(lc))->validator);
	if (!OidIsValid(validator->enum_type))
		return;
	foreach(lc, *enums)
	{
		CmEnum	   *found = lfirst(lc);

		if (found->type == validator->enum_type)
		{
			found->validators = lappend(found->validators, validator);
			return;
		}
	}
	one = palloc(sizeof(CmEnum));
	one->type = validator->enum_type;
	one->validators = list_make1(validator);
	*enums = lappend(*enums, one);
}

/* The type's own name, without its schema; palloc'd. */
static char *
type_name(Oid type)
{
	HeapTuple	tuple = SearchSysCache1(TYPEOID, ObjectIdGetDatum(type));
	char	   *name;

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for type %u", type);
	name = pstrdup(NameStr(((Form_pg_type) GETSTRUCT(tuple))->typname));
	ReleaseSysCache(tuple);
	return name;
}

/* A name for the enum's constant that none of the names (char *) is. "Enum"
 * behind it keeps it apart from JavaScript's own words and imports. */
static char *
free_name(const CmEnum *one, const List *names)
{
	char	   *wanted = psprintf("%sEnum",
								  cm_identifier_make(type_name(one->type),
													 CM_CASE_CAMEL, "e",
													 CM_MAX_NAME - strlen("Enum")));
	char	   *name = wanted;
	ListCell   *lc;

	for (int n = 2;; n++)
	{
		bool		is_free = true;

		foreach(lc, names)
			is_free = is_free && strcmp(lfirst(lc), name) != 0;
		if (is_free)
			return name;
		name = cm_identifier_number(wanted, n, CM_MAX_NAME);
	}
}

/*
 * Print constants for the enums that are used more than once in the fields of
 * tables (a List * of CmField * each), and let these use them.
 */
void
cm_constants_print(StringInfo out, List *fields_of_tables)
{
	List	   *enums = NIL;
	List	   *names = NIL;
	ListCell   *lc;
	ListCell   *lf;

	foreach(lc, fields_of_tables)
	{
		foreach(lf, (List *) lfirst(lc))
			collect(&enums, ((CmField *) lfirst(lf))->validator);
	}
	foreach(lc, enums)
	{
		CmEnum	   *one = lfirst(lc);
		char	   *name;

		if (list_length(one->validators) < 2)
			continue;
		name = free_name(one, names);
		names = lappend(names, name);
		cm_typescript_comment(out, 0, psprintf("Enum %s.", format_type_be(one->type)));
		cm_validators_print_constant(out, name, linitial(one->validators));
		foreach(lf, one->validators)
			((CmValidator *) lfirst(lf))->constant = name;
	}
}

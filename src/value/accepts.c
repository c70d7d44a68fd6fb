/*-------------------------------------------------------------------------
 *
 * accepts.c
 *	  Whether a validator accepts every value that another one does.
 *
 *-------------------------------------------------------------------------
 */
#include "value/value.h"

static bool accepts(const CmValidator *deployed, const CmValidator *needed);

/* The field with this name, or NULL. */
CmField *
cm_accepts_find_field(List *fields, const char *name)
{
	ListCell   *lc;

	foreach(lc, fields)
	{
		CmField    *field = lfirst(lc);

		if (strcmp(field->name, name) == 0)
			return field;
	}
	return NULL;
}

/* Whether a deployed field takes what a needed one may be. */
bool
cm_accepts_field(const CmField *deployed, const CmField *needed)
{
	return (deployed->optional || !needed->optional) &&
		accepts(deployed->validator, needed->validator);
}

/* Whether an object takes another's fields, and needs no more. */
static bool
object_accepts(const CmValidator *deployed, const CmValidator *needed)
{
	ListCell   *lc;

	foreach(lc, needed->fields)
	{
		CmField    *field = lfirst(lc);
		CmField    *other = cm_accepts_find_field(deployed->fields, field->name);

		if (other == NULL || !cm_accepts_field(other, field))
			return false;
	}
	foreach(lc, deployed->fields)
	{
		CmField    *field = lfirst(lc);

		if (!field->optional && cm_accepts_find_field(needed->fields, field->name) == NULL)
			return false;
	}
	return true;
}

/* Whether a validator takes a value that is a literal, or could be one. */
static bool
literal_accepts(const CmValidator *deployed, const CmValidator *needed)
{
	if (needed->kind == CM_VALIDATOR_LITERAL)
		return deployed->is_string == needed->is_string &&
			strcmp(deployed->text, needed->text) == 0;
	/* made narrower by hand */
	return deployed->is_string ? needed->kind == CM_VALIDATOR_STRING :
		needed->kind == CM_VALIDATOR_NUMBER ||
		needed->kind == CM_VALIDATOR_INT64 ||
		needed->kind == CM_VALIDATOR_BOOLEAN;
}

/* Whether one of the members takes it. */
static bool
member_accepts(const CmValidator *deployed, const CmValidator *needed)
{
	ListCell   *lc;

	foreach(lc, deployed->members)
	{
		if (accepts(lfirst(lc), needed))
			return true;
	}
	return false;
}

/* Whether the deployed validator takes what the needed one does. */
static bool
accepts(const CmValidator *deployed, const CmValidator *needed)
{
	ListCell   *lc;

	if (deployed->kind == CM_VALIDATOR_ANY || needed->kind == CM_VALIDATOR_ANY)
		return true;
	if (needed->kind == CM_VALIDATOR_UNION)
	{
		foreach(lc, needed->members)
		{
			if (!accepts(deployed, lfirst(lc)))
				return false;
		}
		return true;
	}
	switch (deployed->kind)
	{
		case CM_VALIDATOR_UNION:
			return member_accepts(deployed, needed);
		case CM_VALIDATOR_LITERAL:
			return literal_accepts(deployed, needed);
		case CM_VALIDATOR_STRING:
			return needed->kind == CM_VALIDATOR_STRING ||
				needed->kind == CM_VALIDATOR_ID ||
				(needed->kind == CM_VALIDATOR_LITERAL && needed->is_string);
		case CM_VALIDATOR_NUMBER:
			return needed->kind == CM_VALIDATOR_NUMBER ||
				(needed->kind == CM_VALIDATOR_LITERAL && !needed->is_string);
		case CM_VALIDATOR_ID:
			return needed->kind == CM_VALIDATOR_ID &&
				strcmp(deployed->text, needed->text) == 0;
		case CM_VALIDATOR_ARRAY:
			return needed->kind == CM_VALIDATOR_ARRAY &&
				accepts(linitial(deployed->members), linitial(needed->members));
		case CM_VALIDATOR_OBJECT:
			return needed->kind == CM_VALIDATOR_OBJECT &&
				object_accepts(deployed, needed);
		default:
			return deployed->kind == needed->kind;
	}
}

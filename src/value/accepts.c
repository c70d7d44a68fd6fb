/*-------------------------------------------------------------------------
 *
 * accepts.c
 *	  Whether the validators of a deployment accept what is sent to it.
 *
 * A *needed* validator says what may be sent; it is made from the tables as
 * they are now (validator.c). The *deployed* one says what Convex accepts. One
 * that accepts more than is needed is fine. So is one that somebody made
 * narrower by hand than "any string" or "anything", by literals or a type: the
 * rows that it refuses are rejects like others. All else means that the two
 * were made for different tables, and every row might be refused.
 *
 * How Convex validates: crates/common/src/schemas/validator.rs. Objects are
 * closed: a field that the validator does not name is refused.
 *
 *-------------------------------------------------------------------------
 */
#include "value/value.h"

static bool accepts(const CmValidator *deployed, const CmValidator *needed);

/* The field with this name, or NULL. */
CmField *
cm_accepts_find_field(List *fields, const char *name)
{
	StaticAssertStmt(offsetof(CmField, name) == 0,
					 "cm_text_find_named() looks at the first field");
	return cm_text_find_named(fields, name);
}

/* Whether a deployed field accepts what the needed one may be, also that it is
 * left out. */
bool
cm_accepts_field(const CmField *deployed, const CmField *needed)
{
	return (deployed->optional || !needed->optional) &&
		accepts(deployed->validator, needed->validator);
}

/* Whether an object accepts the needed one: it has each of its fields, and
 * asks for no other. */
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

		if (!field->optional &&
			cm_accepts_find_field(needed->fields, field->name) == NULL)
			return false;
	}
	return true;
}

/* Whether a literal accepts what is needed: the same one, or a type that it is
 * a value of, which somebody has made narrower by hand. */
static bool
literal_accepts(const CmValidator *deployed, const CmValidator *needed)
{
	if (needed->kind == CM_VALIDATOR_LITERAL)
		return deployed->is_string == needed->is_string &&
			strcmp(deployed->text, needed->text) == 0;
	return deployed->is_string ? needed->kind == CM_VALIDATOR_STRING :
		needed->kind == CM_VALIDATOR_NUMBER ||
		needed->kind == CM_VALIDATOR_INT64 ||
		needed->kind == CM_VALIDATOR_BOOLEAN;
}

/* Whether one of the union's members accepts what is needed. */
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

/*
 * Whether the deployed validator accepts what the needed one does, or is
 * narrower on purpose. An id is a string to Convex as well; of a record only
 * the kind is compared, since all that are needed are alike (hstore).
 */
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

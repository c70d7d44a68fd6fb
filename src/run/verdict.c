/*-------------------------------------------------------------------------
 *
 * verdict.c
 *	  What a suspect is, after it was read again: nothing, a difference, or still a
 *	  suspect.
 *
 * When the row and its document are the same, or there is neither, it is acquitted.
 * When they differ and are as they were at the look before, or there will be no other
 * look, the difference is counted and noted (differences.c), and whether a repair has
 * something to write or to remove.
 *
 *-------------------------------------------------------------------------
 */
#include "run/verify.h"

/* Whether the document of the round is what it should be. */
static bool
is_same_document(const CmSeen *seen)
{
	return memcmp(seen->row, seen->document, CM_HASH_BYTES) == 0 &&
		(seen->row_created == 0 || seen->row_created == seen->created);
}

/* Count a row that goes, and was or was not among those that were expected. */
static void
count_row(CmVerified *verified, const CmSuspect *suspect)
{
	bool		was_there = suspect->was != CM_WAS_UNEXPECTED;

	if (suspect->was == CM_WAS_EQUAL)
		verified->equal--;
	verified->expected += (suspect->seen.goes ? 1 : 0) - (was_there ? 1 : 0);
}

/* The suspect is none: row and document are the same, or there is neither. */
static void
acquit(CmVerify *verify, CmTable *table, CmSuspect *suspect)
{
	CmVerified *verified = &verify->tables[table->position];

	suspect->settled = true;
	count_row(verified, suspect);
	verified->equal += suspect->seen.goes ? 1 : 0;
}

/* Whether the field is that of a reference. */
static bool
is_reference(CmTable *table, const char *field)
{
	ListCell   *lc;

	foreach(lc, table->references)
	{
		if (strcmp(((CmReference *) lfirst(lc))->field, field) == 0)
			return true;
	}
	return false;
}

/* The document is there, but not as it should be: say in which fields. */
static void
convict_fields(CmVerify *verify, CmTable *table, CmSuspect *suspect)
{
	CmVerified *verified = &verify->tables[table->position];
	bool		wrong_reference = false;
	ListCell   *lc;

	verified->different++;
	foreach(lc, suspect->differing)
	{
		CmDiffering *differing = lfirst(lc);
		bool		reference = is_reference(table, differing->field);

		wrong_reference = wrong_reference || reference;
		cm_differences_add(verify->differences, table, suspect->key,
						   reference ? "reference" : differing->kind, differing->path,
						   suspect->convex_id);
	}
	if (wrong_reference)
		verified->wrong_references++;
	if (suspect->seen.row_created != 0 &&
		suspect->seen.row_created != suspect->seen.created)
		cm_differences_add(verify->differences, table, suspect->key, "field_value",
						   "_creationTime", suspect->convex_id);
}

/* The difference is believed. */
static void
convict(CmVerify *verify, CmTable *table, CmSuspect *suspect)
{
	CmVerified *verified = &verify->tables[table->position];
	CmSeen	   *seen = &suspect->seen;

	suspect->settled = true;
	suspect->to_write = seen->goes && seen->documents <= 1;
	suspect->to_remove = !seen->is_row && seen->documents == 1;
	count_row(verified, suspect);
	if (seen->documents > 1)
	{
		verified->repeated++;
		cm_differences_add(verify->differences, table, suspect->key,
						   "repeated_key", NULL, suspect->convex_id);
	}
	if (!seen->goes)
	{
		verified->unexpected++;
		cm_differences_add(verify->differences, table, suspect->key,
						   seen->is_row ? "rejected_row" : "unexpected", NULL,
						   suspect->convex_id);
	}
	else if (seen->documents == 0)
	{
		verified->missing++;
		cm_differences_add(verify->differences, table, suspect->key, "missing",
						   NULL, NULL);
	}
	else if (is_same_document(seen))
		verified->equal++;
	else
		convict_fields(verify, table, suspect);
}

/*
 * What is to be said of the suspect after a look at it. again: there was a look before
 * this one, which suspect->before has; last: there will be none.
 */
void
cm_verdict_reach(CmVerify *verify, CmTable *table, CmSuspect *suspect, bool again,
				 bool last)
{
	CmSeen	   *seen = &suspect->seen;
	bool		innocent = seen->goes ? seen->documents == 1 && is_same_document(seen) :
		seen->documents == 0;

	if (innocent)
		acquit(verify, table, suspect);
	else if (last || (again && memcmp(seen, &suspect->before, sizeof(CmSeen)) == 0))
		convict(verify, table, suspect);
	else
		memcpy(&suspect->before, seen, sizeof(CmSeen));
}

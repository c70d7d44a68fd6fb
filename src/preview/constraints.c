/*-------------------------------------------------------------------------
 *
 * constraints.c
 *	  CHECK constraints that nobody enforces in Convex, for convex_check().
 *
 * Those that list the values of a column are part of its validator
 * (catalog/literals.c). A table's others are one line: first the whole of them,
 * as far as a hint has room.
 *
 *-------------------------------------------------------------------------
 */
#include "preview/preview.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"

/* Characters of conditions in one hint. */
#define CM_MAX_CONDITIONS 200

/* $1: OIDs of the tables. */
static const char constraints_query[] =
"SELECT k.conrelid, k.conname, pg_catalog.pg_get_constraintdef(k.oid)"
"  FROM pg_catalog.pg_constraint k"
" WHERE k.contype = 'c' AND k.conrelid = ANY ($1)"
" ORDER BY k.conrelid, k.conname COLLATE \"C\"";

/* The conditions (char *), CHECK (...) each, as far as there is room, and how many
 * more there are; palloc'd. */
static char *
conditions_text(List *conditions)
{
	StringInfoData out;
	ListCell   *lc;

	initStringInfo(&out);
	foreach(lc, conditions)
	{
		if (out.len > 0 && out.len + strlen(lfirst(lc)) > CM_MAX_CONDITIONS)
		{
			appendStringInfo(&out, " and %d more",
							 list_length(conditions) - foreach_current_index(lc));
			break;
		}
		appendStringInfo(&out, "%s%s", out.len > 0 ? ", " : "",
						 cm_text_shortened(lfirst(lc), CM_MAX_CONDITIONS));
	}
	return out.data;
}

/* The conditions of a table's constraints that no validator enforces: char *,
 * from rows of constraints_query, *row being the first of the table's, and then
 * that of the next one. */
static List *
read_conditions(CmTable *table, uint64 *row)
{
	List	   *conditions = NIL;

	for (; *row < SPI_processed &&
		 DatumGetObjectId(cm_spi_value(*row, 1)) == table->relid; (*row)++)
	{
		if (!cm_text_is_among(table->expressed,
							  NameStr(*DatumGetName(cm_spi_value(*row, 2)))))
			conditions = lappend(conditions,
								 TextDatumGetCString(cm_spi_value(*row, 3)));
	}
	return conditions;
}

/* Note what the database checks and Convex does not. The catalog must be
 * described. Inside SPI. */
void
cm_constraints_check(CmCatalog *catalog, CmProblems *problems)
{
	Oid			types[] = {OIDARRAYOID};
	Datum		values[] = {cm_table_relids(catalog->ordered)};
	uint64		row = 0;

	Assert(catalog->stage == CM_STAGE_DESCRIBED);
	cm_spi_execute(constraints_query, SPI_OK_SELECT, true, 1, types, values);
	while (row < SPI_processed)
	{
		CmTable    *table = cm_table_find(catalog, DatumGetObjectId(cm_spi_value(row, 1)));
		List	   *conditions = read_conditions(table, &row);

		if (conditions != NIL)
			cm_problems_add(problems, "info", table, NULL, "check_constraint",
							psprintf("Convex does not enforce %s: check it in your functions.",
									 conditions_text(conditions)));
	}
	SPI_freetuptable(SPI_tuptable);
}

/*-------------------------------------------------------------------------
 *
 * mirror.c
 *	  Mode "mirror": documents go whose row is gone.
 *
 * Which these are is found before anything is sent: keys of documents that no row of
 * the table has, less what a filter leaves out. So a run that would remove more than
 * the server allows ends before it has done anything. The rows are sent next; the
 * documents are removed last, children before parents, so that as few references as
 * possible lead nowhere meanwhile.
 *
 * A row that is rejected is not gone: its document stays, as it was. So does a
 * document without a key.
 *
 * Protocol: cm_mirror_find(), then the migration, then cm_mirror_remove().
 *
 *-------------------------------------------------------------------------
 */
#include "run/reader.h"

#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

/* Documents of a table that a run removes at most, where the server does not say it:
 * so many, or this share. */
#define CM_MOST_REMOVALS 100
#define CM_MOST_REMOVED_SHARE 0.05

/* Tables that an ERROR names. */
#define CM_SHOWN_TABLES 10

/* Find the keys in the relation that no row of the table has. */
static void
find_gone(CmRun *run, CmTable *table, const char *stored)
{
	CmQueryOptions options = {.ids = CM_IDS_NONE};

	cm_run_push_snapshot(run);
	cm_keys_add_all(run->gone, cm_query_allowed(table, &options),
					cm_chosen_gone(table, stored));
	PopActiveSnapshot();
	cm_keys_publish(run->gone, table);
}

/* Whether so many of the documents may be removed. All of them, where the table may
 * have been emptied by mistake, only if the server says a number. */
static bool
may_remove(const CmServer *server, int64 gone, int64 documents)
{
	if (server->max_removals >= 0)
		return gone <= server->max_removals;
	return gone == 0 ||
		(gone < documents &&
		 gone <= Max(CM_MOST_REMOVALS, documents * CM_MOST_REMOVED_SHARE));
}

/* ERROR: too many would be removed. lines: of how many tables which, a line each. */
static void
refuse(CmRun *run, List *lines, int64 most)
{
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("more documents would be removed than option \"max_removals\" of server \"%s\" allows",
					run->server->name),
			 errdetail("%s\nNothing was sent.", cm_text_join(lines, "\n")),
			 errhint("If these rows are gone on purpose: ALTER SERVER %s OPTIONS (%s max_removals '" INT64_FORMAT "').",
					 quote_identifier(run->server->name),
					 run->server->max_removals >= 0 ? "SET" : "ADD", most)));
}

/*
 * Find the documents whose rows are gone; ERROR when there are more than may be
 * removed. Before anything is sent.
 */
void
cm_mirror_find(CmRun *run)
{
	MemoryContext old = MemoryContextSwitchTo(run->context);
	CmKeys	   *stored = cm_keys_create(run->catalog, "convex_stored");
	List	   *lines = NIL;
	int			refused = 0;
	int64		most = 0;
	ListCell   *lc;

	run->gone = cm_keys_create(run->catalog, "convex_gone");
	foreach(lc, run->catalog->ordered)
	{
		CmTable    *table = lfirst(lc);
		int64		without_key;
		int64		documents = cm_stored_keys_read(run, table, stored, &without_key);
		int64		gone;

		if (cm_keys_names(stored)[table->position] == NULL)
			continue;
		find_gone(run, table, cm_keys_names(stored)[table->position]);
		gone = cm_keys_count(run->gone, table);
		if (may_remove(run->server, gone, documents))
			continue;
		most = Max(most, gone);
		if (++refused <= CM_SHOWN_TABLES)
			lines = lappend(lines, psprintf("%s: %s of %s documents have no row.",
											table->name, cm_text_figure(gone),
											cm_text_figure(documents)));
	}
	cm_keys_end(stored);
	if (refused > CM_SHOWN_TABLES)
		lines = lappend(lines, psprintf("And %d more tables.", refused - CM_SHOWN_TABLES));
	if (refused > 0)
		refuse(run, lines, most);
	MemoryContextSwitchTo(old);
}

/* Remove the documents that were found, and say how many. All rows were sent. */
void
cm_mirror_remove(CmRun *run)
{
	List	   *tables = run->catalog->ordered;
	int64		all = 0;

	for (int i = list_length(tables) - 1; i >= 0; i--)
	{
		CmTable    *table = list_nth(tables, i);
		CmRemoved	removed = {0};

		cm_removal_of_all(run, table, cm_keys_names(run->gone)[table->position],
						  &removed);
		all += removed.documents;
		if (removed.documents > 0)
			ereport(NOTICE,
					(errmsg("%s: %s documents removed, whose rows are gone",
							table->name, cm_text_figure(removed.documents))));
		cm_removal_warn(table, &removed);
	}
	if (all == 0)
		ereport(NOTICE,
				(errmsg("no document was removed: each has its row")));
	cm_keys_end(run->gone);
}

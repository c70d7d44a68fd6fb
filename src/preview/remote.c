/*-------------------------------------------------------------------------
 *
 * remote.c
 *	  How the rows of foreign tables come from their servers.
 *
 * postgres_fdw asks for 100 rows at a time unless an option says otherwise, and
 * waits for each portion: over a network that is most of the time of a run.
 *
 *-------------------------------------------------------------------------
 */
#include "preview/preview.h"

#include "catalog/pg_class.h"
#include "catalog/pg_inherits.h"
#include "commands/defrem.h"
#include "foreign/foreign.h"
#include "storage/lockdefs.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

/* Whether an option of that name is among these. */
static bool
has_option(List *options, const char *name)
{
	ListCell   *lc;

	foreach(lc, options)
	{
		if (strcmp(((DefElem *) lfirst(lc))->defname, name) == 0)
			return true;
	}
	return false;
}

/* The server of the foreign table, if it is one of postgres_fdw and neither says
 * how many rows to fetch at a time; else NULL. */
static ForeignServer *
server_with_default(Oid relid)
{
	ForeignTable *foreign = GetForeignTable(relid);
	ForeignServer *server = GetForeignServer(foreign->serverid);

	return strcmp(GetForeignDataWrapper(server->fdwid)->fdwname, "postgres_fdw") != 0 ||
		has_option(foreign->options, "fetch_size") ||
		has_option(server->options, "fetch_size") ? NULL : server;
}

/* The statements that let rows of the table, or of its partitions, come in larger
 * portions, after why: palloc'd. NULL where they do, or none are foreign. */
char *
cm_remote_fetch_size(const CmTable *table)
{
	List	   *seen = NIL;
	List	   *statements = NIL;
	ListCell   *lc;

	if (!table->is_foreign)
		return NULL;
	foreach(lc, find_all_inheritors(table->relid, NoLock, NULL))
	{
		ForeignServer *server = get_rel_relkind(lfirst_oid(lc)) != RELKIND_FOREIGN_TABLE ?
			NULL : server_with_default(lfirst_oid(lc));

		if (server == NULL || list_member_oid(seen, server->serverid))
			continue;
		seen = lappend_oid(seen, server->serverid);
		statements = lappend(statements, psprintf("ALTER SERVER %s OPTIONS (ADD fetch_size '10000');",
												  quote_identifier(server->servername)));
	}
	return statements == NIL ? NULL :
		psprintf("Its rows come 100 at a time. For larger portions: %s",
				 cm_text_join(statements, " "));
}

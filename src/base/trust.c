/*-------------------------------------------------------------------------
 *
 * trust.c
 *	  Whose code may run, and whose relations be read, with the caller's rights.
 *
 * Reading a table executes more than our statements name. The query of a view
 * calls functions; so do views in it. The planner evaluates what it finds
 * constant in the expressions of indexes, extended statistics and constraints:
 * whoever owns a table can have a function executed by each role that plans a
 * query over it. A foreign table reads with the user mapping of the caller what
 * its owner says, from where the owner of its server says. The caller is often
 * a superuser under pg_cron, and none of these owners need be one.
 *
 * Trusted is a role that could do the same without us: one that has the rights
 * of the current user, superusers above all, and the owner of the foreign server
 * that is migrated to, who has the rows anyway. While a query over users'
 * tables is planned and executed, hooks around PostgreSQL's function manager
 * look at each function when it is called, however it came there. A function
 * that only stands there and is not called is nobody's harm. C functions and
 * those with SECURITY DEFINER may be anybody's: only a superuser can write the
 * former, the latter run with the rights of their owner.
 *
 * cm_trust_set() says who owns the foreign server; cm_trust_begin() and
 * cm_trust_end() stand around each piece of work, also when it ends with an
 * ERROR: see planning.c.
 *
 *-------------------------------------------------------------------------
 */
#include "base/base.h"

#include "access/htup_details.h"
#include "access/transam.h"
#include "catalog/pg_class.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_language.h"
#include "catalog/pg_proc.h"
#include "fmgr.h"
#include "foreign/foreign.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/regproc.h"
#include "utils/syscache.h"

#include "base/compat.h"

/* Owner of the foreign server of the run that is entered. */
static Oid	server_owner = InvalidOid;

/* How many pieces of work are under way, one in the other, and the hooks that
 * ours stand in front of while there are any. */
static int	depth = 0;
static needs_fmgr_hook_type next_needs_hook = NULL;
static fmgr_hook_type next_hook = NULL;

/* From now on this role is trusted as the owner of the foreign server. Returns
 * the one that was before: a run may be called in the middle of another. */
Oid
cm_trust_set(Oid owner)
{
	Oid			before = server_owner;

	server_owner = owner;
	return before;
}

/* The role that owns the relation, which must exist. */
Oid
cm_trust_owner(Oid relid)
{
	HeapTuple	tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(relid));
	Oid			owner;

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for relation %u", relid);
	owner = ((Form_pg_class) GETSTRUCT(tuple))->relowner;
	ReleaseSysCache(tuple);
	return owner;
}

/* Whether what the role writes may run with the rights of the current user. */
static bool
is_trusted(Oid role)
{
	return role == server_owner || has_privs_of_role(role, GetUserId());
}

/* Whether the function may run with the rights of the current user; *owner
 * becomes the role that it belongs to. */
static bool
is_trusted_function(Oid function, Oid *owner)
{
	HeapTuple	tuple;
	Form_pg_proc form;
	bool		trusted;

	if (function < FirstNormalObjectId)
		return true;
	tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(function));
	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for function %u", function);
	form = (Form_pg_proc) GETSTRUCT(tuple);
	*owner = form->proowner;
	trusted = form->prolang == INTERNALlanguageId ||
		form->prolang == ClanguageId || is_trusted(form->proowner);
	ReleaseSysCache(tuple);
	return trusted;
}

/* needs_fmgr_hook: whether on_call() is to see the function, which then is not
 * put in the place of its call by the planner either. */
static bool
needs_hook(Oid function)
{
	Oid			owner;

	return !is_trusted_function(function, &owner) ||
		(next_needs_hook != NULL && next_needs_hook(function));
}

/* ERROR unless the function may run with the rights of the current user. */
static void
require_function(Oid function)
{
	Oid			owner;
	char	   *name;

	if (is_trusted_function(function, &owner))
		return;
	name = format_procedure_qualified(function);
	ereport(ERROR,
			(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
			 errmsg("function %s belongs to a role that is not trusted", name),
			 errdetail("What role \"%s\" writes into it would run with the rights of role \"%s\".",
					   GetUserNameFromId(owner, false),
					   GetUserNameFromId(GetUserId(), false)),
			 errhint("A view, a filter, or an index, constraint or statistics object of a table uses it. Look at what it does. Then ALTER FUNCTION %s OWNER TO a superuser or the owner of the foreign server, or leave the table out.",
					 name)));
}

/* fmgr_hook: before a function is executed that needs_hook() names, or that has
 * SECURITY DEFINER or settings of its own. The current user is then already the
 * definer, who trusts itself. */
static void
on_call(FmgrHookEventType event, FmgrInfo *info, Datum *private)
{
	if (event == FHET_START)
		require_function(info->fn_oid);
	if (next_hook != NULL)
		next_hook(event, info, private);
}

/* A query over users' tables is planned or executed from now on. */
void
cm_trust_begin(void)
{
	if (depth++ > 0)
		return;
	next_needs_hook = needs_fmgr_hook;
	next_hook = fmgr_hook;
	needs_fmgr_hook = needs_hook;
	fmgr_hook = on_call;
}

/* It ends, with an ERROR or not. */
void
cm_trust_end(void)
{
	if (--depth > 0)
		return;
	needs_fmgr_hook = next_needs_hook;
	fmgr_hook = next_hook;
}

/* ERROR unless the owner of a view or foreign table, or of the server of one,
 * is trusted. what: the object, as a message names it; detail: with a %s for the
 * owner and one for the current user. */
static void
require_owner(Oid owner, const char *what, const char *detail, const char *hint)
{
	if (is_trusted(owner))
		return;
	ereport(ERROR,
			(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
			 errmsg("%s belongs to a role that is not trusted", what),
			 errdetail(detail, GetUserNameFromId(owner, false),
					   GetUserNameFromId(GetUserId(), false)),
			 errhint("%s", hint)));
}

/* The same for a foreign table: for itself, and for its server. */
static void
require_foreign_table(Oid relid, const char *name)
{
	ForeignServer *server = GetForeignServer(GetForeignTable(relid)->serverid);
	const char *detail = "What role \"%s\" makes of it would be read with the rights and the user mappings of role \"%s\".";

	require_owner(cm_trust_owner(relid),
				  psprintf("foreign table %s", name), detail,
				  psprintf("Look at its options. Then ALTER FOREIGN TABLE %s OWNER TO a superuser or the owner of the foreign server that is migrated to, or leave it out: row of convex_tables with exclude.",
						   name));
	require_owner(server->owner,
				  psprintf("server \"%s\" of foreign table %s",
						   server->servername, name), detail,
				  psprintf("Look at its options and user mappings. Then ALTER SERVER %s OWNER TO a superuser or the owner of the foreign server that is migrated to, or leave the table out: row of convex_tables with exclude.",
						   quote_identifier(server->servername)));
}

/* The same for one relation. It is asked what it is now: before PostgreSQL 16 a
 * table can become a view of the same OID. */
static void
require_relation(Oid relid)
{
	char		relkind = get_rel_relkind(relid);
	const char *name;

	if (relkind != RELKIND_VIEW && relkind != RELKIND_FOREIGN_TABLE)
		return;
	name = cm_text_relation_name(relid);
	if (relkind == RELKIND_FOREIGN_TABLE)
		require_foreign_table(relid, name);
	else
		require_owner(cm_trust_owner(relid), psprintf("view %s", name),
					  "What role \"%s\" writes into it would run with the rights of role \"%s\".",
					  psprintf("Look at its query. Then ALTER VIEW %s OWNER TO a superuser or the owner of the foreign server, or leave it out.",
							   name));
}

/*
 * ERROR when reading the relation, with what inherits from it if that is read
 * too, would do what a role says that is not trusted: it is a view or foreign
 * table, or has such a one below it.
 */
void
cm_trust_require(Oid relid, bool inherits)
{
	ListCell   *lc;

	if (relid < FirstNormalObjectId)
		return;
	require_relation(relid);
	if (!inherits || !has_subclass(relid))
		return;
	foreach(lc, find_all_inheritors(relid, NoLock, NULL))
		require_relation(lfirst_oid(lc));
}

/* The same for all relations in a query, also in views and sub-selects. */
static bool
require_node(Node *node, void *arg)
{
	if (node == NULL)
		return false;
	if (IsA(node, Query))
		return query_tree_walker((Query *) node, require_node, arg,
								 QTW_EXAMINE_RTES_BEFORE);
	if (IsA(node, RangeTblEntry))
	{
		RangeTblEntry *entry = (RangeTblEntry *) node;
		Oid			view = cm_view_of_entry(entry);

		if (OidIsValid(view))
			cm_trust_require(view, false);
		else if (entry->rtekind == RTE_RELATION)
			cm_trust_require(entry->relid, entry->inh);
		return false;
	}
	return expression_tree_walker(node, require_node, arg);
}

/* The same for a query as PostgreSQL has rewritten it. */
void
cm_trust_require_query(Query *query)
{
	(void) require_node((Node *) query, NULL);
}

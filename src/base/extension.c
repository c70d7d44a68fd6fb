/*-------------------------------------------------------------------------
 *
 * extension.c
 *	  The extension's own relations, by what they are and not by their names.
 *
 * The schema of the extension may belong to anybody (public belongs to the
 * owner of the database), who can rename it and put another in its place. What
 * makes a relation ours is that it is a member of the extension.
 *
 *-------------------------------------------------------------------------
 */
#include "base/base.h"

#include "catalog/dependency.h"
#include "catalog/pg_class.h"
#include "commands/extension.h"
#include "storage/lmgr.h"
#include "utils/lsyscache.h"

#define CM_EXTENSION "convex_migrate"

/*
 * The OID of the extension's relation of this name in the schema, which is that
 * of the function that was called. Locked until the end of the transaction.
 * ERROR when there is none, or it is not the extension's. A statement that
 * names it must be vetted with this OID.
 */
Oid
cm_extension_relation(Oid schema, const char *name, LOCKMODE lock)
{
	Oid			extension = get_extension_oid(CM_EXTENSION, false);
	Oid			relid = get_relname_relid(name, schema);

	if (OidIsValid(relid))
		LockRelationOid(relid, lock);
	if (!OidIsValid(relid) ||
		getExtensionOfObject(RelationRelationId, relid) != extension)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("relation \"%s\" of extension \"%s\" is not where its functions are",
						name, CM_EXTENSION),
				 errhint("DROP EXTENSION %s, then CREATE EXTENSION %s.",
						 CM_EXTENSION, CM_EXTENSION)));
	return relid;
}

/*-------------------------------------------------------------------------
 *
 * ours.c
 *	  The extension's own tables, which runs write: rejects, differences, reports,
 *	  targets.
 *
 * They are granted to nobody. So they are written with the rights of their owner, by
 * statements that were vetted: the schema that they are in may belong to somebody
 * else, who could put other tables in their places.
 *
 *-------------------------------------------------------------------------
 */
#include "run/ours.h"

#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "commands/sequence.h"
#include "utils/builtins.h"

/* The table of this name, locked until the end of the transaction. ERROR when it is not
 * the extension's. */
CmOurs
cm_ours_open(const CmRun *run, const char *name, LOCKMODE lock)
{
	CmOurs		ours = {
		.relid = cm_extension_relation(run->server->extension_schema, name, lock),
		.allowed = cm_vet_create()
	};

	cm_vet_allow(ours.allowed, RelationRelationId, ours.relid);
	ours.owner = cm_trust_owner(ours.relid);
	return ours;
}

/* Execute a statement that changes the table; see cm_spi_execute_as(). */
void
cm_ours_execute(const CmOurs *ours, const char *sql, int expected, int nargs,
				Oid *types, Datum *values)
{
	cm_spi_execute_as(ours->owner, ours->allowed, sql, expected, nargs, types, values);
}

/* Remove the rows of the run's server and tables, by columns "server" and "source". */
void
cm_ours_forget_tables(const CmOurs *ours, const CmRun *run)
{
	Oid			types[] = {NAMEOID, OIDARRAYOID};
	Datum		values[2];
	NameData	server;

	namestrcpy(&server, run->server->name);
	values[0] = NameGetDatum(&server);
	values[1] = cm_table_relids(run->catalog->ordered);
	cm_ours_execute(ours,
					psprintf("DELETE FROM %s WHERE server OPERATOR(pg_catalog.=) $1"
							 " AND source::pg_catalog.oid OPERATOR(pg_catalog.=) ANY ($2)",
							 cm_text_relation_name(ours->relid)),
					SPI_OK_DELETE, lengthof(types), types, values);
}

/* A number that no other run has. */
int64
cm_ours_number_run(const CmRun *run)
{
	return nextval_internal(cm_extension_relation(run->server->extension_schema,
												  "convex_run_seq",
												  RowExclusiveLock),
							false);
}

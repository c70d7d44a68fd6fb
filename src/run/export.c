/*-------------------------------------------------------------------------
 *
 * export.c
 *	  convex_export(): the tables as a file on the database server.
 *
 * The file is what "npx convex import" loads. Who may have it written is who may
 * COPY to a file. It also works where nothing can be written into the database;
 * then what convex_rejects and convex_targets would have is only said.
 *
 *-------------------------------------------------------------------------
 */
#include "run/run.h"

#include "catalog/pg_authid.h"
#include "miscadmin.h"
#include "nodes/execnodes.h"
#include "utils/acl.h"

/* ERROR unless the caller may write files, and this is the path of one. */
static void
check_path(const char *path)
{
	if (!has_privs_of_role(GetUserId(), ROLE_PG_WRITE_SERVER_FILES))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("permission denied to export to a file"),
				 errdetail("Only roles with privileges of the role \"pg_write_server_files\" may have files written on the database server.")));
	if (path == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("parameter \"path\" must not be null")));
	if (!is_absolute_path(path))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_NAME),
				 errmsg("relative path not allowed for an export to a file"),
				 errhint("The path is that of a file on the database server, such as '/tmp/convex.zip'.")));
}

/* WARNING of rows that are not in the file, where convex_rejects cannot have
 * them. */
static void
show_rejects(CmRun *run)
{
	char	   *first = run->writes ? NULL : cm_rejects_first(run->rejects);

	if (first != NULL)
		ereport(WARNING,
				(errmsg("rows are not in the file"),
				 errdetail("Nothing can be written here, so convex_rejects does not have them. The first:\n%s",
						   first),
				 errhint("convex_check() counts them by reason.")));
}

/*
 * Write the tables into the file and put a report into the result of rsinfo,
 * which must be ready for it. path may be NULL: not given.
 */
void
cm_export_tables(const CmArguments *arguments, const char *path,
				 ReturnSetInfo *rsinfo)
{
	CmRun	   *run;
	CmFile	   *file;
	CmZip	   *zip;

	check_path(path);
	run = cm_run_open(rsinfo->econtext->ecxt_per_query_memory, arguments,
					  CM_PURPOSE_EXPORT);
	cm_progress_begin(run);
	cm_docref_require_salt(run->server, cm_table_with_parents(run->catalog));
	if (cm_numbers_find(run) && run->writes)
		cm_sources_remember_numbers(run);
	file = cm_file_create(path);
	zip = cm_zip_create(run->server->compression, cm_file_append, file);
	run->rejects = cm_rejects_open(run);
	cm_report_begin(run);
	cm_report_left_behind(run);
	cm_bundle_write(run, zip);
	cm_file_finish(file);
	show_rejects(run);
	cm_report_export(run, rsinfo);
	cm_run_close(run);
}

/*-------------------------------------------------------------------------
 *
 * outside.c
 *	  Tables that stay behind though nobody has said so.
 *
 * Two kinds: those in which migration tools and frameworks keep their books,
 * which are of no use in Convex and may be large, and those of schemas that
 * option "schemas" does not name. Neither is left out silently: plan, check and
 * run say so.
 *
 *-------------------------------------------------------------------------
 */
#include "catalog/tables.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"

/* What the tools call their tables, whatever schema they are in. */
static const char *const bookkeeping_names[] =
{
	"_prisma_migrations",		/* Prisma */
	"schema_migrations",		/* Rails, Ecto, golang-migrate, dbmate */
	"ar_internal_metadata",		/* Rails */
	"__EFMigrationsHistory",	/* Entity Framework */
	"flyway_schema_history",	/* Flyway */
	"databasechangelog",		/* Liquibase */
	"databasechangeloglock",
	"knex_migrations",			/* Knex */
	"knex_migrations_lock",
	"__drizzle_migrations",		/* Drizzle */
	"django_migrations",		/* Django */
	"alembic_version",			/* Alembic */
	"typeorm_metadata",			/* TypeORM */
	"SequelizeMeta",			/* Sequelize */
	"pgmigrations",				/* node-pg-migrate */
	"kysely_migration",			/* Kysely */
	"kysely_migration_lock",
	"mikro_orm_migrations",		/* MikroORM */
	"_sqlx_migrations",			/* SQLx */
	"__diesel_schema_migrations",	/* Diesel */
	"refinery_schema_history",	/* Refinery */
	"goose_db_version",			/* goose */
	"gorp_migrations",			/* sql-migrate */
	"atlas_schema_revisions",	/* Atlas */
	"phinxlog",					/* Phinx */
	"doctrine_migration_versions",	/* Doctrine */
	"_yoyo_migration",			/* yoyo */
};

/* Whether a table of this name is a migration tool's. */
bool
cm_outside_is_bookkeeping(const char *name)
{
	for (int i = 0; i < (int) lengthof(bookkeeping_names); i++)
	{
		if (strcmp(bookkeeping_names[i], name) == 0)
			return true;
	}
	return false;
}

/* The text about bookkeeping tables that are left out, or NULL; palloc'd. */
char *
cm_outside_bookkeeping_text(CmCatalog *catalog)
{
	List	   *names = NIL;
	ListCell   *lc;

	foreach(lc, catalog->bookkeeping)
	{
		CmTable    *table = lfirst(lc);

		names = lappend(names, quote_qualified_identifier(table->schema, table->name));
	}
	return names == NIL ? NULL :
		psprintf("Tables in which migration tools keep their books are left out: %s. To migrate one: INSERT INTO convex_tables (server, source) VALUES (%s, %s).",
				 cm_text_join(names, ", "),
				 quote_literal_cstr(catalog->server->name),
				 quote_literal_cstr(linitial(names)));
}

/* $1: names of the configured schemas. How many tables are in each other. */
static const char schemas_query[] =
"SELECT n.nspname, pg_catalog.count(*)::int4"
"  FROM pg_catalog.pg_class c"
"  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace"
" WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition"
"   AND c.relpersistence <> 't' AND n.nspname <> ALL ($1)"
"   AND n.nspname <> 'information_schema'"
"   AND NOT pg_catalog.starts_with(n.nspname::pg_catalog.text, 'pg_')"
"   AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d"
"                   WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass"
"                     AND d.objid = c.oid AND d.deptype = 'e')"
" GROUP BY n.nspname ORDER BY n.nspname COLLATE \"C\"";

/*
 * The text about tables of schemas that are not configured, or NULL: there are
 * none. Palloc'd; inside SPI.
 */
char *
cm_outside_schemas_text(CmServer *server)
{
	Oid			types[] = {TEXTARRAYOID};
	Datum		values[] = {cm_spi_text_array(server->schemas)};
	List	   *names = NIL;
	int64		tables = 0;

	cm_spi_execute(schemas_query, SPI_OK_SELECT, true, 1, types, values);
	for (uint64 row = 0; row < SPI_processed; row++)
	{
		char	   *name = pstrdup(NameStr(*DatumGetName(cm_spi_value(row, 1))));

		/* a hosting provider's own: nobody means to migrate them */
		if (cm_provider_has_schema(name))
			continue;
		names = lappend(names, (char *) quote_identifier(name));
		tables += DatumGetInt32(cm_spi_value(row, 2));
	}
	SPI_freetuptable(SPI_tuptable);
	return names == NIL ? NULL :
		psprintf("%s table%s in other schemas stay%s behind (%s): option \"schemas\" of server \"%s\" says which are migrated.",
				 cm_text_figure(tables), tables == 1 ? "" : "s",
				 tables == 1 ? "s" : "", cm_text_join(names, ", "),
				 server->name);
}

/* The text about more selected tables than a deployment can have, or NULL;
 * palloc'd. */
char *
cm_outside_too_many_text(CmCatalog *catalog)
{
	int			count = list_length(catalog->ordered);

	return count <= CM_MAX_TABLES ? NULL :
		psprintf("%s tables, and a deployment of Convex takes %s: leave tables out by rows of convex_tables with exclude = true, or spread them over deployments with the parameter \"tables\".",
				 cm_text_figure(count), cm_text_figure(CM_MAX_TABLES));
}

/*-------------------------------------------------------------------------
 *
 * query.c
 *	  The queries for records. What arrays of references add to them is in
 *	  elements.c.
 *
 * Where the result of a query for records has what is part of the query
 * (CmRowQuery), so that the encoder agrees with it by construction.
 *
 *-------------------------------------------------------------------------
 */
#include "row/row.h"

#include "access/htup_details.h"
#include "catalog/pg_class.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

/* A query for records, while it is made. */
typedef struct CmBuilder
{
	CmTable    *table;
	const CmQueryOptions *options;
	CmRowQuery *query;
	int			ntargets;
	StringInfoData with;		/* what stands before SELECT */
	StringInfoData targets;		/* of SELECT */
	StringInfoData joins;
	StringInfoData where;
} CmBuilder;

/* ERROR when the result has more columns than PostgreSQL can return. */
static void
check_width(CmBuilder *builder)
{
	CmTable    *table = builder->table;

	if (builder->ntargets <= MaxTupleAttributeNumber)
		return;
	ereport(ERROR,
			(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
			 errmsg("table \"%s\" has too many columns and references",
					table->name),
			 errdetail("With its %d references %d values are read of each row, and PostgreSQL returns no more than %d.",
					   list_length(table->references), builder->ntargets,
					   MaxTupleAttributeNumber),
			 errhint("Exclude columns by rows of convex_columns. A reference whose columns are all excluded is not read.")));
}

/* The text of the next column of the result follows; returns its number. */
static int
begin_target(CmBuilder *builder)
{
	if (builder->ntargets > 0)
		appendStringInfoString(&builder->targets, ", ");
	return builder->ntargets++;
}

/* The relation with the keys of the table's rows that are rejected, or NULL. */
static char *
rejected_keys(const CmQueryOptions *options, CmTable *table)
{
	return table->selected && options->rejected != NULL ?
		options->rejected[table->position] : NULL;
}

/* Append the condition that the n-th reference points to a row that goes, and
 * join what it is about. */
static void
add_condition(CmBuilder *builder, CmReference *reference, int n)
{
	CmTable    *parent = reference->parent;
	CmColumn   *to = cm_table_column(parent, reference->parent_attnums[0]);
	char	   *rejected = rejected_keys(builder->options, parent);
	char	   *alias = psprintf("p%d", n);

	appendStringInfo(&builder->targets, "CASE WHEN %s.%s IS NOT NULL", alias,
					 quote_identifier(to->name));
	appendStringInfo(&builder->joins, "\n  LEFT JOIN %s AS %s ON ",
					 cm_from_parent(parent, cm_table_from(parent)), alias);
	cm_sql_append_match(&builder->joins, alias, builder->table, reference);
	if (rejected == NULL)
		return;
	appendStringInfo(&builder->targets, " AND r%d.key IS NULL", n);
	/* rows that have the same declared key are rejected together */
	appendStringInfo(&builder->joins, "\n  LEFT JOIN %s AS r%d"
					 " ON r%d.key OPERATOR(pg_catalog.=) (",
					 parent->key_declared ?
					 psprintf("(SELECT DISTINCT x.key FROM %s AS x)", rejected) : rejected,
					 n, n);
	cm_sql_append_parent_key(&builder->joins, alias, reference);
	appendStringInfoString(&builder->joins, ") COLLATE pg_catalog.\"C\"");
}

/*
 * Join the row that the reference points to, if it is migrated, and append what
 * stands for its id.
 */
static void
add_made_up_id(CmBuilder *builder, CmReference *reference, int n)
{
	if (bms_is_member(n - 1, builder->options->assumed))
	{
		appendStringInfoString(&builder->targets, CM_MADE_UP_ID);
		return;
	}
	add_condition(builder, reference, n);
	appendStringInfoString(&builder->targets, " THEN " CM_MADE_UP_ID " END");
}

/*
 * Whether the row that the reference points to need not be looked at: nobody
 * doubts that it is there and goes, and the child has its key.
 */
static bool
is_trusted(const CmQueryOptions *options, CmReference *reference)
{
	return options->trusting && reference->validated && !reference->declared &&
		reference->by_keytext && reference->parent->filter == NULL &&
		rejected_keys(options, reference->parent) == NULL;
}

/*
 * Append the key of the row that the reference points to, as the child has it,
 * or else from that row: a uuid as it is, and a uuid that the child has only as
 * "true", since it is a column of its own.
 */
static void
append_referenced_key(CmBuilder *builder, CmReference *reference, int n)
{
	CmTable    *parent = reference->parent;
	char	   *alias = psprintf("p%d", n);
	bool		by_uuid = cm_docref_is_by_uuid(parent);

	if (by_uuid && reference->by_text)
		appendStringInfo(&builder->targets, "%s.%s", alias,
						 quote_identifier(parent->columns[parent->keys[0]].name));
	else if (by_uuid && reference->by_keytext)
		appendStringInfoString(&builder->targets, "true");
	else if (by_uuid)
		appendStringInfo(&builder->targets, "%s.%s::pg_catalog.uuid", alias,
						 quote_identifier(parent->columns[parent->keys[0]].name));
	else if (reference->by_keytext)
		cm_sql_append_wanted_key(&builder->targets, builder->table, reference);
	else
		cm_sql_append_parent_key(&builder->targets, alias, reference);
}

/* Append what the id of the row is computed of that the reference points to, if
 * that row goes. */
static void
add_referenced_key(CmBuilder *builder, CmReference *reference, int n)
{
	bool		trusted = is_trusted(builder->options, reference);

	if (!trusted)
	{
		add_condition(builder, reference, n);
		appendStringInfoString(&builder->targets, " THEN ");
	}
	append_referenced_key(builder, reference, n);
	if (!trusted)
		appendStringInfoString(&builder->targets, " END");
}

/* Add the ids that the elements of the n-th reference, from 1, point to, or what
 * they are computed of. */
static void
add_ids_of_elements(CmBuilder *builder, CmReference *reference, int n)
{
	const CmQueryOptions *options = builder->options;
	CmTable    *table = builder->table;
	CmTable    *parent = reference->parent;
	char	   *lost = psprintf("lost%d", n);

	if (options->ids == CM_IDS_OF_MAP)
	{
		cm_elements_append_ids(&builder->targets, table, reference,
							   cm_from_map_name(parent));
		return;
	}
	if (bms_is_member(n - 1, options->assumed))
		lost = NULL;
	else
	{
		appendStringInfo(&builder->with, "%s%s AS MATERIALIZED (",
						 builder->with.len > 0 ? ", " : "WITH ", lost);
		cm_elements_append_lost(&builder->with, table, reference,
								rejected_keys(options, parent));
		appendStringInfoChar(&builder->with, ')');
	}
	cm_elements_append_found(&builder->targets, table, reference, lost,
							 options->ids == CM_IDS_COMPUTED);
}

/* Add the id that the n-th reference, from 1, points to. */
static void
add_id(CmBuilder *builder, CmReference *reference, int n)
{
	if (reference->is_array)
	{
		add_ids_of_elements(builder, reference, n);
		return;
	}
	switch (builder->options->ids)
	{
		case CM_IDS_OF_SOURCE:
			add_made_up_id(builder, reference, n);
			break;
		case CM_IDS_COMPUTED:
			add_referenced_key(builder, reference, n);
			break;
		default:
			appendStringInfo(&builder->targets, "m%d.convex_id", n);
			cm_from_append_map(&builder->joins, builder->table, reference, n);
	}
}

/* Add what the result has of the n-th reference, from 0, if anything. */
static void
add_reference(CmBuilder *builder, int n, bool with_id)
{
	CmReference *reference = list_nth(builder->table->references, n);
	CmReferenceColumns *columns = &builder->query->references[n];

	if (with_id)
	{
		columns->id = begin_target(builder);
		add_id(builder, reference, n + 1);
	}
	if (builder->options->old_keys)
	{
		columns->old_key = begin_target(builder);
		if (reference->is_array)
			cm_elements_append_old_keys(&builder->targets, builder->table, reference);
		else
			cm_sql_append_key(&builder->targets, "t", builder->table,
							  reference->columns, reference->ncolumns);
	}
}

/*
 * The rows of the table: the key, every column that is read, what there is of
 * each reference. Deferred references have no ids yet.
 */
static void
select_rows(CmBuilder *builder)
{
	CmTable    *table = builder->table;
	const CmQueryOptions *options = builder->options;

	(void) begin_target(builder);
	/* an ordinal among equals is that among all rows */
	if (options->only_keys && table->nkeys == 0)
		cm_from_append_key(&builder->targets, table);
	else
		cm_sql_append_encoded_key(&builder->targets, table);
	if (table->key_declared && options->from == NULL)
	{
		builder->query->repeated = begin_target(builder);
		appendStringInfo(&builder->targets, "t.%s",
						 quote_identifier(cm_from_free_column(table, "repeated")));
	}
	for (int i = 0; i < table->ncolumns; i++)
	{
		CmColumn   *column = &table->columns[i];

		if (!cm_table_reads_column(table, column))
			continue;
		builder->query->columns[i] = begin_target(builder);
		appendStringInfo(&builder->targets, "t.%s",
						 quote_identifier(column->name));
	}
	for (int n = 0; n < list_length(table->references); n++)
	{
		CmReference *reference = list_nth(table->references, n);

		add_reference(builder, n, options->ids != CM_IDS_NONE &&
					  (!reference->deferred || options->with_deferred));
	}
}

/* Append the condition that the key of an entry of "own" is that of the row. */
static void
append_own_match(CmBuilder *builder)
{
	CmTable    *table = builder->table;

	appendStringInfoString(&builder->joins, "own.key OPERATOR(pg_catalog.=) (");
	cm_from_append_key(&builder->joins, table);
	appendStringInfoString(&builder->joins, ") COLLATE pg_catalog.\"C\"");
}

/* Add the key and the Convex id of the row itself, and leave out rows that are
 * not in Convex. */
static void
select_own_id(CmBuilder *builder)
{
	CmTable    *table = builder->table;
	char	   *rejected = rejected_keys(builder->options, table);

	(void) begin_target(builder);
	if (builder->options->ids == CM_IDS_OF_MAP)
	{
		appendStringInfoString(&builder->targets, "own.key");
		builder->query->convex_id = begin_target(builder);
		appendStringInfoString(&builder->targets, "own.convex_id");
		appendStringInfo(&builder->joins, "\n  JOIN %s AS own"
						 " ON own.source OPERATOR(pg_catalog.=) '%u'::pg_catalog.oid"
						 " AND ", cm_from_map_name(table), table->relid);
		append_own_match(builder);
		return;
	}
	cm_from_append_key(&builder->targets, table);
	builder->query->convex_id = begin_target(builder);
	appendStringInfoString(&builder->targets, CM_MADE_UP_ID);
	for (int i = 0; table->key_declared && i < table->nkeys; i++)
		appendStringInfo(&builder->where, "t.%s IS NOT NULL AND ",
						 quote_identifier(table->columns[table->keys[i]].name));
	if (rejected == NULL)
		return;
	appendStringInfo(&builder->joins, "\n  LEFT JOIN %s AS own ON ", rejected);
	append_own_match(builder);
	appendStringInfoString(&builder->where, "own.key IS NULL AND ");
}

/*
 * The rows that are in Convex and have deferred references: the key, the
 * row's Convex id, and of each of these references whether it is set.
 */
static void
select_links(CmBuilder *builder)
{
	CmTable    *table = builder->table;
	bool		any = false;

	select_own_id(builder);
	appendStringInfoChar(&builder->where, '(');
	for (int n = 0; n < list_length(table->references); n++)
	{
		CmReference *reference = list_nth(table->references, n);
		char	   *is_set = cm_sql_is_set(table, reference);

		if (!reference->deferred)
			continue;
		builder->query->references[n].is_set = begin_target(builder);
		appendStringInfoString(&builder->targets, is_set);
		add_reference(builder, n, true);
		appendStringInfo(&builder->where, "%s%s", any ? "\n    OR " : "",
						 is_set);
		any = true;
	}
	appendStringInfoChar(&builder->where, ')');
}

/* FROM item for the rows of a query. */
static char *
from_of_rows(const CmRowQuery *query, CmTable *table,
			 const CmQueryOptions *options)
{
	bool		links = query->pass == CM_PASS_LINKS;
	char	   *from;

	if (options->from != NULL)
		return pstrdup(options->from);
	if (query->repeated >= 0)
		from = cm_from_with_repeated(table);
	else
		from = links || options->only_keys ? cm_from_with_key(table) : cm_table_from(table);
	if (options->only_keys)
		from = cm_from_only_keys(table, from);
	if (options->chosen != NULL)
		from = cm_chosen_from(table, from, options->chosen[table->position]);
	return from;
}

/* A query that is empty so far. */
static CmRowQuery *
create_query(CmTable *table, CmPass pass)
{
	CmRowQuery *query = palloc0(sizeof(CmRowQuery));
	int			nreferences = list_length(table->references);

	query->pass = pass;
	query->convex_id = -1;
	query->repeated = -1;
	query->columns = palloc((table->ncolumns + 1) * sizeof(int));
	query->references = palloc((nreferences + 1) * sizeof(CmReferenceColumns));
	for (int i = 0; i < table->ncolumns; i++)
		query->columns[i] = -1;
	for (int n = 0; n < nreferences; n++)
		query->references[n] = (CmReferenceColumns) {-1, -1, -1};
	return query;
}

/* The query for the table's records, as the options say; palloc'd. */
CmRowQuery *
cm_query_records(CmTable *table, const CmQueryOptions *options)
{
	CmBuilder	builder = {.table = table,.options = options};
	StringInfoData sql;

	builder.query = create_query(table, options->pass);
	initStringInfo(&builder.with);
	initStringInfo(&builder.targets);
	initStringInfo(&builder.joins);
	initStringInfo(&builder.where);
	if (options->pass == CM_PASS_LINKS)
		select_links(&builder);
	else
		select_rows(&builder);
	check_width(&builder);
	initStringInfo(&sql);
	appendStringInfo(&sql, "%s%sSELECT %s\n  FROM %s AS t%s%s%s",
					 builder.with.data, builder.with.len > 0 ? "\n" : "",
					 builder.targets.data,
					 from_of_rows(builder.query, table, options),
					 builder.joins.data,
					 builder.where.len > 0 ? "\n WHERE " : "",
					 builder.where.data);
	if (options->in_order && table->creation_time != NULL)
		appendStringInfo(&sql, "\n ORDER BY t.%s",
						 quote_identifier(table->creation_time->name));
	builder.query->sql = sql.data;
	return builder.query;
}

/* Whether the query joins the row that the n-th reference, from 0, points to. */
static bool
joins_parent(const CmQueryOptions *options, CmReference *reference, int n)
{
	switch (options->ids)
	{
		case CM_IDS_OF_MAP:
			return !reference->by_keytext;
		case CM_IDS_OF_SOURCE:
			return !bms_is_member(n, options->assumed);
		case CM_IDS_COMPUTED:
			return !is_trusted(options, reference);
		default:
			return false;
	}
}

/* What a query with these options may use; palloc'd. */
CmAllowed *
cm_query_allowed(CmTable *table, const CmQueryOptions *options)
{
	CmAllowed  *allowed = cm_vet_create();

	cm_allow_table(allowed, table);
	if (options->in_order && table->creation_time != NULL)
		cm_allow_order(allowed, table->creation_time);
	if (options->ids == CM_IDS_OF_MAP)
		cm_vet_allow(allowed, RelationRelationId, table->map_part);
	for (int n = 0; n < list_length(table->references); n++)
	{
		CmReference *reference = list_nth(table->references, n);

		if (options->ids == CM_IDS_OF_MAP)
			cm_vet_allow(allowed, RelationRelationId,
						 reference->parent->map_part);
		if (joins_parent(options, reference, n))
			cm_allow_reference(allowed, table, reference);
	}
	return allowed;
}

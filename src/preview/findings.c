/*-------------------------------------------------------------------------
 *
 * findings.c
 *	  What the catalogs show of a table that its owner should know before a run.
 *
 * One table of rules, for the notes of convex_plan() and the problems of
 * convex_check(). A rule is about the table, each of its columns, each of its
 * references, or each foreign key that is none; its function returns the text, a sentence, or NULL where there is
 * nothing to report. A new finding is a function and a line of rules[].
 *
 *-------------------------------------------------------------------------
 */
#include "preview/preview.h"

#include "catalog/pg_class.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

/* What a rule is about; column, reference and text may be NULL. */
typedef struct CmSubject
{
	const CmServer *server;
	CmTable    *table;
	CmColumn   *column;
	CmReference *reference;
	char	   *text;			/* of unreferenced.c */
} CmSubject;

typedef enum CmEach
{
	CM_EACH_TABLE,
	CM_EACH_COLUMN,
	CM_EACH_REFERENCE,
	CM_EACH_UNREFERENCED,		/* foreign key that is no reference */
	CM_EACH_GIVEN_UP			/* ... by a choice, or since it is one already */
} CmEach;

typedef struct CmRule
{
	CmEach		each;
	const char *code;
	const char *severity;		/* NULL: not a problem */
	bool		in_plan;
	char	   *(*text) (const CmSubject *subject);
} CmRule;

/* The table's name as SQL. */
static const char *
sql_name(const CmTable *table)
{
	return quote_qualified_identifier(table->schema, table->name);
}

/* A column of the table that can become its key as it is: "id", not NULL; or
 * NULL. */
static const CmColumn *
possible_key(const CmTable *table)
{
	for (int i = 0; i < table->ncolumns; i++)
	{
		if (table->columns[i].not_null &&
			pg_strcasecmp(table->columns[i].name, "id") == 0)
			return &table->columns[i];
	}
	return NULL;
}

/* A name for a column that the table does not have. */
static const char *
free_column_name(CmTable *table)
{
	return cm_table_find_column(table, "id") == NULL ? "id" :
		cm_table_find_column(table, "row_id") == NULL ? "row_id" : "convex_row_id";
}

/* The statement that gives a table a key. Views, materialized views and foreign
 * tables cannot have one. */
static char *
statement_for_key(CmTable *table)
{
	const CmColumn *key = possible_key(table);

	if (table->relkind != RELKIND_RELATION &&
		table->relkind != RELKIND_PARTITIONED_TABLE)
		return "";
	if (key != NULL && table->relkind == RELKIND_RELATION)
		return psprintf(": ALTER TABLE %s ADD PRIMARY KEY (%s);", sql_name(table),
						quote_identifier(key->name));
	/* a partitioned one needs the columns that it is partitioned by */
	if (table->relkind == RELKIND_PARTITIONED_TABLE)
		return psprintf(": ALTER TABLE %s ADD PRIMARY KEY (...);", sql_name(table));
	return psprintf(": ALTER TABLE %s ADD COLUMN %s bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY;",
					sql_name(table), quote_identifier(free_column_name(table)));
}

/* A row of a table without a key is known by its content. */
static char *
no_key(const CmSubject *subject)
{
	char	   *statement;

	if (subject->table->nkeys > 0)
		return NULL;
	statement = statement_for_key(subject->table);
	return psprintf("Without a key a row is known by its content, so a changed row becomes another document%s%s",
					statement, *statement == '\0' ? "." : "");
}

/* Tables that inherit, or are inherited from, have their own rows in Convex: a
 * query in PostgreSQL sees those of both in the upper one. */
static char *
inherits(const CmSubject *subject)
{
	CmTable    *table = subject->table;

	if (table->relkind != RELKIND_RELATION || !has_subclass(table->relid) ||
		find_inheritance_children(table->relid, NoLock) == NIL)
		return NULL;
	return pstrdup("Tables inherit from it: each goes with its own rows alone.");
}

/* A number that goes as text: its precision is not declared, or is larger than
 * that of a double. */
static char *
numeric_string(const CmSubject *subject)
{
	CmColumn   *column = subject->column;

	if (column->mapping == NULL || column->choice != CM_CHOICE_NONE ||
		column->type != NUMERICOID || column->mapping->kind != CM_KIND_OUTPUT ||
		subject->server->types.numeric != CM_NUMERIC_AUTO)
		return NULL;
	return psprintf("Column \"%s\" is %s and becomes a string, which holds all digits. To have a number, and rejects where a double does not give it back: %s For all such columns: %s",
					column->name,
					format_type_extended(column->type, column->typmod, FORMAT_TYPE_TYPEMOD_GIVEN),
					cm_remedies_column(subject->server, subject->table, column,
									   "type", "'number'"),
					cm_options_statement(subject->server, "numeric", "number"));
}

/* A foreign table takes its rows from where no snapshot of ours reaches. */
static char *
foreign_table(const CmSubject *subject)
{
	return !subject->table->is_foreign ? NULL :
		pstrdup("Its rows are read from elsewhere, not in the snapshot of the run; those of one PostgreSQL server in one snapshot of that.");
}

/* A foreign table whose rows come in small portions. */
static char *
fetch_size(const CmSubject *subject)
{
	return cm_remote_fetch_size(subject->table);
}

/* An unlogged table has no rows after a crash, but they stay in Convex. */
static char *
unlogged_table(const CmSubject *subject)
{
	return get_rel_persistence(subject->table->relid) != RELPERSISTENCE_UNLOGGED ?
		NULL : pstrdup("It is empty after a crash.");
}

/* Fields of a document of the table: with the old key, _id, _creationTime. */
static int
document_fields(const CmTable *table)
{
	int			fields = 3;
	ListCell   *lc;

	for (int i = 0; i < table->ncolumns; i++)
		fields += table->columns[i].field != NULL;
	foreach(lc, table->references)
	{
		CmReference *reference = lfirst(lc);

		fields += cm_table_column_of_reference(table, reference) == NULL;
	}
	return fields;
}

/* Convex refuses documents with more fields: whether rows have so many depends on
 * their NULLs, unless these are sent as well. */
static char *
too_many_fields(const CmSubject *subject)
{
	int			fields = document_fields(subject->table);

	return fields <= CM_MAX_FIELDS ? NULL :
		psprintf("A document can have %d fields with those that every one has; Convex takes %d, and rows with more are rejected. Leave columns out by convex_columns.exclude, or split the table with a view.",
				 fields, CM_MAX_FIELDS);
}

/* A name that changed by more than its case. */
static char *
renamed_table(const CmSubject *subject)
{
	return !subject->table->renamed ? NULL :
		psprintf("The Convex table is \"%s\".", subject->table->target);
}

/* Whether the column has the name that the old key has in Convex, and so cannot
 * have it itself. */
static bool
loses_name_to_key(const CmSubject *subject)
{
	const CmServer *server = subject->server;
	CmColumn   *column = subject->column;

	return column->field != NULL && strcmp(column->field, server->key_field) != 0 &&
		strcmp(cm_identifier_make(column->name, server->types.field_case, "f_",
								  CM_MAX_NAME), server->key_field) == 0;
}

/* An app's own column of the name, which its code knows: another name for the
 * old key leaves it alone. */
static char *
key_field_taken(const CmSubject *subject)
{
	return !loses_name_to_key(subject) ? NULL :
		psprintf("Column \"%s\" becomes field \"%s\", as \"%s\" holds the key in PostgreSQL. To keep its name: %s",
				 subject->column->name, subject->column->field,
				 subject->server->key_field,
				 cm_options_statement(subject->server, "key_field",
									  strcmp(subject->server->key_field, "postgresId") == 0 ?
									  "postgresKey" : "postgresId"));
}

/* A column whose field has another name. */
static char *
renamed_column(const CmSubject *subject)
{
	CmColumn   *column = subject->column;

	return column->field == NULL || strcmp(column->name, column->field) == 0 ||
		loses_name_to_key(subject) ? NULL : psprintf("Column \"%s\" becomes field \"%s\".", column->name,
													 column->field);
}

/* A column that nobody chose and that is not sent all the same. */
static char *
secret_left_out(const CmSubject *subject)
{
	CmColumn   *column = subject->column;

	return !column->excluded || !cm_provider_is_secret(subject->table, column->name) ?
		NULL : psprintf("Column \"%s\" has secrets and is left out, unless a row of convex_columns names it with exclude = false.",
						column->name);
}

/* Coordinates that are no longitude and latitude, which readers of GeoJSON take
 * them for. */
static char *
other_coordinates(const CmSubject *subject)
{
	const CmMapping *mapping = subject->column->mapping;
	int			srid = mapping != NULL && mapping->kind == CM_KIND_GEOMETRY ?
		cm_geojson_other_srid(mapping->typmod) : 0;

	return srid == 0 ? NULL :
		psprintf("Its coordinates are sent as they are, of SRID %d, which \"crs\" says; readers of GeoJSON expect longitude and latitude: ST_Transform(%s, 4326) in a view.",
				 srid, quote_identifier(subject->column->name));
}

/* A reference to a table that the call does not move: see run/resolve.c. */
static char *
parent_outside(const CmSubject *subject)
{
	CmTable    *parent = subject->reference->parent;

	return parent->selected ? NULL :
		psprintf("Table \"%s\" is not part of this call: its ids come from this session's convex_id_map, or else from the generated function \"resolve\".",
				 parent->name);
}

/* A deferred reference whose columns are NOT NULL. */
static char *
deferred_not_null(const CmSubject *subject)
{
	CmReference *reference = subject->reference;

	return !reference->deferred || !reference->not_null ? NULL :
		psprintf("Field \"%s\" must be optional in Convex: it is set in a second pass.",
				 reference->field);
}

/* A foreign key that is NOT VALID: rows may point to nothing. */
static char *
constraint_not_validated(const CmSubject *subject)
{
	CmReference *reference = subject->reference;

	if (reference->validated)
		return NULL;
	return psprintf("Rows may point to nothing: %s",
					reference->validation ? reference->validation :
					psprintf("ALTER TABLE %s VALIDATE CONSTRAINT %s;",
							 sql_name(subject->table),
							 quote_identifier(reference->conname)));
}

/* A column that the rows are ordered by. */
static char *
order_of_rows(const CmSubject *subject)
{
	CmColumn   *column = subject->table->creation_time;

	return column == NULL ? NULL :
		psprintf("Rows are sent in the order of %s.", column->name);
}

/* A foreign key whose columns are sent as they are, or are a reference already. */
static char *
no_reference(const CmSubject *subject)
{
	return subject->text;
}

/* In the order of the plan's notes. */
static const CmRule rules[] =
{
	{CM_EACH_TABLE, "no_key", "warning", true, no_key},
	{CM_EACH_TABLE, "foreign_table", "warning", false, foreign_table},
	{CM_EACH_TABLE, "fetch_size", "info", false, fetch_size},
	{CM_EACH_TABLE, "unlogged_table", "info", false, unlogged_table},
	{CM_EACH_TABLE, "inherits", "info", true, inherits},
	{CM_EACH_TABLE, "too_many_fields", "warning", false, too_many_fields},
	/* the plan has a column for it */
	{CM_EACH_TABLE, "renamed", "info", false, renamed_table},
	{CM_EACH_COLUMN, "key_field_taken", "warning", true, key_field_taken},
	{CM_EACH_COLUMN, "renamed", "info", true, renamed_column},
	{CM_EACH_COLUMN, "secret_left_out", "info", true, secret_left_out},
	{CM_EACH_COLUMN, "other_coordinates", "warning", true, other_coordinates},
	{CM_EACH_COLUMN, "numeric_string", "info", false, numeric_string},
	{CM_EACH_UNREFERENCED, "no_reference", "warning", true, no_reference},
	{CM_EACH_GIVEN_UP, "reference_given_up", NULL, true, no_reference},
	{CM_EACH_REFERENCE, "parent_outside", NULL, true, parent_outside},
	{CM_EACH_REFERENCE, "deferred_not_null", "warning", true, deferred_not_null},
	{CM_EACH_REFERENCE, "constraint_not_validated", "warning", false, constraint_not_validated},
	{CM_EACH_TABLE, "order_of_rows", NULL, true, order_of_rows},
};

/* The list with what the rule finds about the subject, if anything. */
static List *
apply_rule(List *findings, const CmRule *rule, const CmSubject *subject)
{
	char	   *text = rule->text(subject);
	CmFinding  *finding;

	if (text == NULL)
		return findings;
	finding = palloc(sizeof(CmFinding));
	finding->code = rule->code;
	finding->severity = rule->severity;
	finding->in_plan = rule->in_plan;
	finding->column = subject->column ? subject->column->name : NULL;
	finding->text = text;
	return lappend(findings, finding);
}

/* The list with what the rule finds about each of the texts. */
static List *
apply_to_texts(List *findings, const CmRule *rule, CmSubject subject,
			   List *texts)
{
	ListCell   *lc;

	foreach(lc, texts)
	{
		subject.text = lfirst(lc);
		findings = apply_rule(findings, rule, &subject);
	}
	return findings;
}

/*
 * What is to be known of a table of an ordered catalog: CmFinding *, palloc'd.
 */
List *
cm_findings_of_table(const CmServer *server, CmTable *table)
{
	List	   *findings = NIL;
	ListCell   *lc;

	for (int i = 0; i < (int) lengthof(rules); i++)
	{
		const CmRule *rule = &rules[i];
		CmSubject	subject = {.server = server,.table = table};

		switch (rule->each)
		{
			case CM_EACH_TABLE:
				findings = apply_rule(findings, rule, &subject);
				break;
			case CM_EACH_COLUMN:
				for (int n = 0; n < table->ncolumns; n++)
				{
					subject.column = &table->columns[n];
					findings = apply_rule(findings, rule, &subject);
				}
				break;
			case CM_EACH_REFERENCE:
				foreach(lc, table->references)
				{
					subject.reference = lfirst(lc);
					subject.column = &table->columns[subject.reference->columns[0]];
					findings = apply_rule(findings, rule, &subject);
				}
				break;
			case CM_EACH_UNREFERENCED:
				findings = apply_to_texts(findings, rule, subject, table->unreferenced);
				break;
			case CM_EACH_GIVEN_UP:
				findings = apply_to_texts(findings, rule, subject, table->given_up);
				break;
		}
	}
	return findings;
}

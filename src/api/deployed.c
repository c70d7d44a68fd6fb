/*-------------------------------------------------------------------------
 *
 * deployed.c
 *	  What is deployed.
 *
 *-------------------------------------------------------------------------
 */
#include "api/json.h"

#include "common/base64.h"

static CmValidator *read_validator(const cJSON *json);

/* Kinds of validators by their names (crates/common/src/schemas/json.rs). */
static const struct
{
	const char *name;
	CmValidatorKind kind;
}			validator_names[] =
{
	{"any", CM_VALIDATOR_ANY},
	{"null", CM_VALIDATOR_NULL},
	{"number", CM_VALIDATOR_NUMBER},
	{"bigint", CM_VALIDATOR_INT64},
	{"boolean", CM_VALIDATOR_BOOLEAN},
	{"string", CM_VALIDATOR_STRING},
	{"bytes", CM_VALIDATOR_BYTES},
	{"id", CM_VALIDATOR_ID},
	{"literal", CM_VALIDATOR_LITERAL},
	{"array", CM_VALIDATOR_ARRAY},
	{"record", CM_VALIDATOR_RECORD},
	{"object", CM_VALIDATOR_OBJECT},
	{"union", CM_VALIDATOR_UNION},
};

/* {"fieldType": ..., "optional": ...} */
static CmField *
read_field(const cJSON *json)
{
	CmField    *field = palloc0(sizeof(CmField));

	/* an element of an array has no name */
	field->name = json->string ? cm_utf8_to_database(json->string) : pstrdup("");
	field->validator = read_validator(cJSON_GetObjectItemCaseSensitive(json, "fieldType"));
	field->optional = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(json, "optional"));
	return field;
}

/* The Int64 of eight bytes in base64, the lowest first, as text; empty: it is none. */
static char *
int64_text(const char *base64)
{
	int			length = strlen(base64);
	uint8	   *bytes = palloc(pg_b64_dec_len(length) + 1);
	uint64		number = 0;

	/* the type of the bytes is another one since 18 */
	if (pg_b64_decode(base64, length, (void *) bytes, pg_b64_dec_len(length)) != 8)
		return pstrdup("");
	for (int i = 7; i >= 0; i--)
		number = number << 8 | bytes[i];
	return psprintf(INT64_FORMAT, (int64) number);
}

/* The value of a literal: as people write it, and, unless it is a string, as an import
 * file has it, where a Float64 is told from an Int64 by its point or exponent. */
static void
read_literal(const cJSON *value, CmValidator *validator)
{
	char	   *int64_base64 = cm_json_text(value, "$integer");

	validator->text = pstrdup("");
	validator->is_string = cJSON_IsString(value);
	if (validator->is_string)
	{
		validator->text = cm_utf8_to_database(value->valuestring);
		return;
	}
	if (cJSON_IsBool(value))
		validator->text = pstrdup(cJSON_IsTrue(value) ? "true" : "false");
	else if (cJSON_IsNumber(value))
		validator->text = psprintf("%.17g", value->valuedouble);
	validator->token = validator->text;
	if (cJSON_IsNumber(value) && strpbrk(validator->text, ".e") == NULL)
		validator->token = psprintf("%s.0", validator->text);
	if (int64_base64 == NULL)
		return;
	validator->token = int64_text(int64_base64);
	validator->text = psprintf("%sn", validator->token);
}

/* The validator that the JSON describes; one that is not known accepts anything. */
static CmValidator *
read_validator(const cJSON *json)
{
	CmValidator *validator = cm_validator_create(CM_VALIDATOR_ANY);
	char	   *type = cm_json_text(json, "type");
	const cJSON *value = cJSON_GetObjectItemCaseSensitive(json, "value");
	const cJSON *item;

	for (int i = 0; type != NULL && i < (int) lengthof(validator_names); i++)
	{
		if (strcmp(validator_names[i].name, type) == 0)
			validator->kind = validator_names[i].kind;
	}
	validator->text = cm_json_text_or_empty(json, "tableName");
	if (validator->kind == CM_VALIDATOR_LITERAL)
		read_literal(value, validator);
	else if (validator->kind == CM_VALIDATOR_RECORD)
		validator->members = list_make2(read_validator(cJSON_GetObjectItemCaseSensitive(json, "keys")),
										read_validator(cJSON_GetObjectItemCaseSensitive(cJSON_GetObjectItemCaseSensitive(json, "values"), "fieldType")));
	else if (validator->kind == CM_VALIDATOR_ARRAY)
		validator->members = list_make1(read_validator(value));
	else if (validator->kind == CM_VALIDATOR_UNION)
	{
		cJSON_ArrayForEach(item, value)
			validator->members = lappend(validator->members, read_validator(item));
	}
	else if (validator->kind == CM_VALIDATOR_OBJECT)
	{
		cJSON_ArrayForEach(item, value)
			validator->fields = lappend(validator->fields, read_field(item));
	}
	return validator;
}

/* Note the only argument that the validator allows, if it allows only one. */
static void
read_argument(const cJSON *json, CmFunctionSpec *spec)
{
	CmValidator *validator = read_validator(json);
	CmField    *field;

	spec->any_arguments = validator->kind == CM_VALIDATOR_ANY;
	if (list_length(validator->fields) != 1)
		return;
	field = linitial(validator->fields);
	spec->argument = field->name;
	if (field->validator->kind == CM_VALIDATOR_ARRAY)
		spec->record = linitial(field->validator->members);
}

/*
 * The deployed functions, from the answer of _system/cli/modules:apiSpec, a
 * list of CmFunctionSpec; NIL when the answer is of another form.
 */
List *
cm_deployed_read_functions(const char *json, size_t length)
{
	cJSON	   *functions = cJSON_GetObjectItemCaseSensitive(cm_json_parse(json, length),
															 "value");
	List	   *specs = NIL;
	cJSON	   *item;

	cJSON_ArrayForEach(item, functions)
	{
		char	   *identifier = cm_json_text(item, "identifier");
		char	   *type = cm_json_text(item, "functionType");
		char	   *extension = identifier ? strstr(identifier, ".js:") : NULL;
		CmFunctionSpec *spec;

		if (identifier == NULL || type == NULL)
			continue;			/* an HTTP action */
		spec = palloc0(sizeof(CmFunctionSpec));
		spec->identifier = extension == NULL ? identifier :
			psprintf("%.*s%s", (int) (extension - identifier), identifier,
					 extension + 3);
		spec->mutation = strcmp(type, "Mutation") == 0;
		read_argument(cJSON_GetObjectItemCaseSensitive(item, "args"), spec);
		specs = lappend(specs, spec);
	}
	return specs;
}

/*
 * The number of a contract, from the answer of the query "about". The first
 * functions that were generated did not say it: number 1.
 */
static int
read_contract(const cJSON *about)
{
	const cJSON *number = cJSON_GetObjectItemCaseSensitive(about, "contract");

	return cJSON_IsNumber(number) ? Max(number->valueint, 1) : 1;
}

/* The tables that the functions were written for: [name, key column, ...] by
 * Convex table. NIL before contract 3. */
static List *
read_sources(const cJSON *about)
{
	List	   *sources = NIL;
	const cJSON *item;
	const cJSON *name;

	cJSON_ArrayForEach(item, cJSON_GetObjectItemCaseSensitive(about, "sources"))
	{
		CmSource   *source;

		if (!cJSON_IsString(item->child))
			continue;
		source = palloc0(sizeof(CmSource));
		source->target = cm_utf8_to_database(item->string);
		source->name = cm_utf8_to_database(item->child->valuestring);
		for (name = item->child->next; name != NULL; name = name->next)
		{
			if (cJSON_IsString(name))
				source->key = lappend(source->key,
									  cm_utf8_to_database(name->valuestring));
		}
		sources = lappend(sources, source);
	}
	return sources;
}

/* The answer of the query "about"; of other functions nothing is known. */
CmAbout
cm_deployed_read_about(const char *json, size_t length)
{
	cJSON	   *value = cJSON_GetObjectItemCaseSensitive(cm_json_parse(json, length),
														 "value");
	char	   *generator = cm_json_text(value, "generator");

	if (generator == NULL || strcmp(generator, "convex_migrate") != 0)
		return (CmAbout) {.generated = false};
	return (CmAbout) {
		.generated = true,
		.contract = read_contract(value),
		.fingerprint = cm_json_text_or_empty(value, "fingerprint"),
		.sources = read_sources(value)
	};
}

/* Whether the answer of the query "range" is the end of no documents. */
bool
cm_deployed_read_is_empty(const char *json, size_t length)
{
	cJSON	   *value = cJSON_GetObjectItemCaseSensitive(cm_json_parse(json, length),
														 "value");
	const cJSON *page = cJSON_GetObjectItemCaseSensitive(value, "page");

	return cJSON_IsArray(page) && cJSON_GetArraySize(page) == 0 &&
		cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(value, "isDone"));
}

/* The number that a query answered; false: it is none. */
bool
cm_deployed_read_count(const char *json, size_t length, int64 *count)
{
	const cJSON *value = cJSON_GetObjectItemCaseSensitive(cm_json_parse(json, length),
														  "value");

	if (!cJSON_IsNumber(value))
		return false;
	*count = (int64) value->valuedouble;
	return true;
}

/*
 * The tables of the deployment with their numbers, from the answer of
 * _system/frontend/getTableMapping, of the server's own tables as well.
 * CmNumber *.
 */
List *
cm_deployed_read_numbers(const char *json, size_t length)
{
	cJSON	   *value = cJSON_GetObjectItemCaseSensitive(cm_json_parse(json, length),
														 "value");
	List	   *numbers = NIL;
	cJSON	   *item;

	cJSON_ArrayForEach(item, value)
	{
		CmNumber   *number = palloc(sizeof(CmNumber));

		if (!cJSON_IsString(item))
			continue;
		number->name = cm_utf8_to_database(item->valuestring);
		number->number = strtoul(item->string, NULL, 10);
		numbers = lappend(numbers, number);
	}
	return numbers;
}

/* The names of the indexes that a member of a table lists, behind those of the list. */
static List *
read_index_names(const cJSON *table, const char *member, List *names)
{
	const cJSON *index;

	cJSON_ArrayForEach(index, cJSON_GetObjectItemCaseSensitive(table, member))
		names = lappend(names, cm_json_text_or_empty(index, "indexDescriptor"));
	return names;
}

/* One table of a deployed schema. enforced: documents must be what it says. */
static CmDeployedTable *
read_deployed_table(const cJSON *json, bool enforced)
{
	CmDeployedTable *table = palloc0(sizeof(CmDeployedTable));

	table->name = cm_json_text_or_empty(json, "tableName");
	table->document = enforced ?
		read_validator(cJSON_GetObjectItemCaseSensitive(json, "documentType")) :
		cm_validator_create(CM_VALIDATOR_ANY);
	table->indexes = read_index_names(json, "indexes", NIL);
	table->searches = read_index_names(json, "searchIndexes", NIL);
	table->searches = read_index_names(json, "vectorIndexes", table->searches);
	table->staged = read_index_names(json, "stagedDbIndexes", NIL);
	table->staged = read_index_names(json, "stagedSearchIndexes", table->staged);
	table->staged = read_index_names(json, "stagedVectorIndexes", table->staged);
	return table;
}

/* The indexes of the deployment, from the answer of GET /api/get_indexes; those that the
 * server makes for itself have a "_" or "by_id" or the like. CmIndexState *. */
List *
cm_deployed_read_indexes(const char *json, size_t length)
{
	const cJSON *indexes = cJSON_GetObjectItemCaseSensitive(cm_json_parse(json, length),
															"indexes");
	List	   *states = NIL;
	const cJSON *item;

	cJSON_ArrayForEach(item, indexes)
	{
		CmIndexState *state = palloc0(sizeof(CmIndexState));
		const cJSON *backfill = cJSON_GetObjectItemCaseSensitive(item, "backfill");

		state->table = cm_json_text_or_empty(item, "table");
		state->name = cm_json_text_or_empty(item, "name");
		state->backfilling = strcmp(cm_json_text_or_empty(backfill, "state"),
									"in_progress") == 0;
		state->staged = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(item, "staged"));
		states = lappend(states, state);
	}
	return states;
}

/* What the deploy key allows, from the answer of GET /api/check_admin_key; NIL:
 * everything (crates/local_backend/src/dashboard.rs). char *. */
List *
cm_deployed_read_operations(const char *json, size_t length)
{
	const cJSON *operations = cJSON_GetObjectItemCaseSensitive(cm_json_parse(json, length),
															   "allowedOps");
	List	   *names = NIL;
	const cJSON *item;

	cJSON_ArrayForEach(item, operations)
	{
		if (cJSON_IsString(item))
			names = lappend(names, pstrdup(item->valuestring));
	}
	return names;
}

/*
 * The day of a server, "2026-03-11", from the answer of GET /version, which is any text;
 * NULL: it does not say. It is the first that looks like one (releases of servers that
 * are hosted by oneself have it in their names).
 */
char *
cm_deployed_read_day(const char *text, size_t length)
{
	static const char pattern[] = "dddd-dd-dd";
	size_t		need = strlen(pattern);

	for (size_t i = 0; i + need <= length; i++)
	{
		size_t		n = 0;

		while (n < need && (pattern[n] == 'd' ? text[i + n] >= '0' && text[i + n] <= '9' :
							text[i + n] == pattern[n]))
			n++;
		if (n == need)
			return pnstrdup(text + i, need);
	}
	return NULL;
}

/*
 * The tables of the deployed schema, from the answer of
 * _system/frontend/getSchemas; NIL when there is no schema. CmDeployedTable *.
 */
List *
cm_deployed_read_schema(const char *json, size_t length)
{
	cJSON	   *value = cJSON_GetObjectItemCaseSensitive(cm_json_parse(json, length),
														 "value");
	const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(value, "active"));
	List	   *tables = NIL;
	const cJSON *schema;
	const cJSON *table;
	bool		enforced;

	if (text == NULL)
		return NIL;
	schema = cm_json_parse(text, strlen(text));
	enforced = !cJSON_IsFalse(cJSON_GetObjectItemCaseSensitive(schema, "schemaValidation"));
	cJSON_ArrayForEach(table, cJSON_GetObjectItemCaseSensitive(schema, "tables"))
		tables = lappend(tables, read_deployed_table(table, enforced));
	return tables;
}

/* The function with this name, or NULL. */
CmFunctionSpec *
cm_deployed_find_function(List *specs, const char *identifier)
{
	StaticAssertStmt(offsetof(CmFunctionSpec, identifier) == 0,
					 "cm_text_find_named() looks at the first field");
	return cm_text_find_named(specs, identifier);
}

/* The table of a deployed schema with this name, or NULL. */
CmDeployedTable *
cm_deployed_find_table(List *tables, const char *name)
{
	StaticAssertStmt(offsetof(CmDeployedTable, name) == 0,
					 "cm_text_find_named() looks at the first field");
	return cm_text_find_named(tables, name);
}

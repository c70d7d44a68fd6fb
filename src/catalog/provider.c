/*-------------------------------------------------------------------------
 *
 * provider.c
 *	  What a provider puts into the databases of its customers: Supabase.
 *
 * Schemas that are never migrated because option "schemas" names them (also the
 * one in which convex-bridge keeps its books), and columns that are never sent
 * unless a choice says so. Both lists stand here and nowhere else;
 * bridge/build.sh reads them, one entry a line.
 *
 *-------------------------------------------------------------------------
 */
#include "catalog/tables.h"

/* "*" at the end: any end. */
static const char *const provider_schemas[] = {
	"auth",
	"storage",
	"realtime",
	"_realtime",
	"vault",
	"extensions",
	"graphql*",
	"pgsodium*",
	"pgbouncer",
	"supabase_*",
	"_supabase*",
	"_analytics",
	"cron",
	"net",
	"convex_bridge",
};

typedef struct CmSecret
{
	const char *schema;
	const char *table;
	const char *column;
} CmSecret;

/* Whoever has such a value can be somebody else. */
static const CmSecret provider_secrets[] = {
	{"auth", "users", "encrypted_password"},
	{"auth", "users", "confirmation_token"},
	{"auth", "users", "recovery_token"},
	{"auth", "users", "email_change_token_new"},
	{"auth", "users", "email_change_token_current"},
	{"auth", "users", "phone_change_token"},
	{"auth", "users", "reauthentication_token"},
	{"auth", "identities", "identity_data"},
	{"auth", "sessions", "refresh_token_hmac_key"},
	{"auth", "refresh_tokens", "token"},
	{"auth", "refresh_tokens", "parent"},
	{"auth", "one_time_tokens", "token_hash"},
	{"auth", "mfa_factors", "secret"},
	{"auth", "mfa_challenges", "otp_code"},
	{"auth", "flow_state", "auth_code"},
	{"auth", "flow_state", "code_challenge"},
	{"auth", "flow_state", "provider_access_token"},
	{"auth", "flow_state", "provider_refresh_token"},
	{"auth", "oauth_clients", "client_secret_hash"},
	{"vault", "secrets", "secret"},
};

/* Whether the schema is the provider's. */
bool
cm_provider_has_schema(const char *schema)
{
	for (int i = 0; i < (int) lengthof(provider_schemas); i++)
	{
		const char *entry = provider_schemas[i];
		size_t		length = strcspn(entry, "*");

		if (strncmp(schema, entry, length) == 0 &&
			(entry[length] == '*' || schema[length] == '\0'))
			return true;
	}
	return false;
}

/* Whether the values of the column are secrets of the provider. */
bool
cm_provider_is_secret(const CmTable *table, const char *column)
{
	for (int i = 0; i < (int) lengthof(provider_secrets); i++)
	{
		const CmSecret *entry = &provider_secrets[i];

		if (strcmp(table->schema, entry->schema) == 0 &&
			strcmp(table->name, entry->table) == 0 &&
			strcmp(column, entry->column) == 0)
			return true;
	}
	return false;
}

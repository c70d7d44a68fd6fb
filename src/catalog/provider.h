/*-------------------------------------------------------------------------
 *
 * provider.h
 *	  What a provider puts into its customers' databases (Supabase).
 *
 * A list, to be included where CM_PROVIDER_SCHEMA is defined; the Makefile
 * reads it for convex-bridge. One entry a line; "*" is any end of a name.
 *
 *-------------------------------------------------------------------------
 */
CM_PROVIDER_SCHEMA("auth")
CM_PROVIDER_SCHEMA("storage")
CM_PROVIDER_SCHEMA("realtime")
CM_PROVIDER_SCHEMA("_realtime")
CM_PROVIDER_SCHEMA("vault")
CM_PROVIDER_SCHEMA("extensions")
CM_PROVIDER_SCHEMA("graphql*")
CM_PROVIDER_SCHEMA("pgsodium*")
CM_PROVIDER_SCHEMA("pgbouncer")
CM_PROVIDER_SCHEMA("supabase_*")
CM_PROVIDER_SCHEMA("_supabase*")
CM_PROVIDER_SCHEMA("_analytics")
CM_PROVIDER_SCHEMA("cron")
CM_PROVIDER_SCHEMA("net")

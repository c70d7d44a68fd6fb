/*-------------------------------------------------------------------------
 *
 * compat.h
 *	  Every test of PG_VERSION_NUM and LIBCURL_VERSION_NUM of the project.
 *
 * Call sites are written for the newest PostgreSQL and libcurl; what an older
 * one spells differently, or lacks, is supplied here under the new name.
 * Supported: PostgreSQL 14 to 18, libcurl 7.66 and later.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CM_COMPAT_H
#define CM_COMPAT_H

#include "catalog/pg_foreign_server.h"
#include "catalog/pg_namespace.h"
#include "common/jsonapi.h"
#include "funcapi.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "nodes/parsenodes.h"
#include "utils/acl.h"
#include "utils/guc.h"
#include "utils/tuplesort.h"
#include "utils/tuplestore.h"
#include "utils/wait_event.h"

#if PG_VERSION_NUM < 140000
#error "convex_migrate needs PostgreSQL 14 or later"
#endif

#if PG_VERSION_NUM >= 160000
#include "varatt.h"
#endif

/* Module magic with name and version, shown by pg_get_loaded_modules(). */
#if PG_VERSION_NUM < 180000
#define PG_MODULE_MAGIC_EXT(...) PG_MODULE_MAGIC
#endif

#if PG_VERSION_NUM < 150000
#define MarkGUCPrefixReserved(prefix) EmitWarningsOnPlaceholders(prefix)
#define strtoi64(text, end, base) ((int64) strtoll(text, end, base))
#endif

/* 15.1 is the first to have it. */
#if PG_VERSION_NUM < 150001

/*
 * Prepare a set-returning function that fills a tuplestore; afterwards
 * rsinfo->setResult and rsinfo->setDesc are valid. Of the flags there is the one
 * that callers have: the result is what the caller expects, no row type.
 */
#define MAT_SRF_USE_EXPECTED_DESC 0x01

static inline void
InitMaterializedSRF(FunctionCallInfo fcinfo, bits32 flags)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	MemoryContext old;
	TupleDesc	tupdesc;

	if (rsinfo == NULL || !IsA(rsinfo, ReturnSetInfo))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("set-valued function called in context that cannot accept a set")));
	if (!(rsinfo->allowedModes & SFRM_Materialize))
		ereport(ERROR,
				(errcode(ERRCODE_SYNTAX_ERROR),
				 errmsg("materialize mode required, but it is not allowed in this context")));
	old = MemoryContextSwitchTo(rsinfo->econtext->ecxt_per_query_memory);
	if (flags & MAT_SRF_USE_EXPECTED_DESC)
		tupdesc = CreateTupleDescCopy(rsinfo->expectedDesc);
	else if (get_call_result_type(fcinfo, NULL, &tupdesc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	rsinfo->returnMode = SFRM_Materialize;
	rsinfo->setResult = tuplestore_begin_heap(true, false, work_mem);
	rsinfo->setDesc = tupdesc;
	MemoryContextSwitchTo(old);
}
#endif

/*
 * Whether every text in a database with an encoding is of that encoding. Before
 * 15 the text of a "char" is its byte, whatever that is.
 */
#define CM_TEXTS_ARE_VALID (PG_VERSION_NUM >= 150000)

/* Whether the datum is copied is a parameter since 16: here for those that are. */
#if PG_VERSION_NUM >= 160000
#define cm_tuplesort_getdatum(state, value, isnull) \
	tuplesort_getdatum(state, true, true, value, isnull, NULL)
#else
#define cm_tuplesort_getdatum(state, value, isnull) \
	tuplesort_getdatum(state, true, value, isnull, NULL)
#endif

/*
 * One check for all kinds of objects; before 16 each kind had its own. Here
 * for the two that callers ask about.
 */
#if PG_VERSION_NUM < 160000
static inline AclResult
object_aclcheck(Oid classid, Oid objectid, Oid roleid, AclMode mode)
{
	if (classid == ForeignServerRelationId)
		return pg_foreign_server_aclcheck(objectid, roleid, mode);
	Assert(classid == NamespaceRelationId);
	return pg_namespace_aclcheck(objectid, roleid, mode);
}
#endif

/*
 * The view that an item of a range table was, before the rewriter put the
 * view's query in its place; InvalidOid when it was none. Before 15 the item
 * does not say, but the query has the view as its first item, named "old".
 */
static inline Oid
cm_view_of_entry(const RangeTblEntry *entry)
{
	if (entry->rtekind != RTE_SUBQUERY)
		return InvalidOid;
#if PG_VERSION_NUM < 150000
	if (entry->subquery->rtable != NIL)
	{
		const RangeTblEntry *first = linitial(entry->subquery->rtable);

		if (first->rtekind == RTE_RELATION && first->relkind == 'v' &&
			strcmp(first->eref->aliasname, "old") == 0)
			return first->relid;
	}
#endif
	return entry->relid;
}

/* JSON_VALUE() and the like bring values into types by themselves, since 17. */
#if PG_VERSION_NUM >= 170000
#define CM_CASE_JSON_EXPR case T_JsonExpr:
#else
#define CM_CASE_JSON_EXPR
#endif

/*
 * The JSON parser's semantic actions return a result since 16; earlier ones
 * cannot stop the parser and return nothing. These and the lexer below are for
 * the fuzz target (tests/fuzz), which reads JSON with PostgreSQL's own parser.
 */
#if PG_VERSION_NUM >= 160000
#define CM_JSON_ACTION JsonParseErrorType
#define CM_JSON_GO_ON return JSON_SUCCESS
#else
#define CM_JSON_ACTION void
#define CM_JSON_GO_ON return
#endif

/*
 * A lexer over a text in UTF-8, with strings de-escaped; allocated in the
 * current memory context.
 */
static inline JsonLexContext *
cm_json_lexer(char *json, int length)
{
#if PG_VERSION_NUM >= 170000
	return makeJsonLexContextCstringLen(NULL, json, length, PG_UTF8, true);
#else
	return makeJsonLexContextCstringLen(json, length, PG_UTF8, true);
#endif
}

/* The wait event shown while a run waits for Convex: named since 17. */
static inline uint32
cm_wait_event(void)
{
#if PG_VERSION_NUM >= 170000
	static uint32 wait_event = 0;

	if (wait_event == 0)
		wait_event = WaitEventExtensionNew("ConvexMigrateReply");
	return wait_event;
#else
	return PG_WAIT_EXTENSION;
#endif
}

/*
 * libcurl: http.c includes <curl/curl.h> before this header and uses the
 * macros; other files do not see them.
 */
#ifdef LIBCURL_VERSION_NUM

#if LIBCURL_VERSION_NUM < 0x074200
#error "convex_migrate needs libcurl 7.66 or later"
#endif

/* Protocols as text since 7.85. */
#if LIBCURL_VERSION_NUM >= 0x075500
#define CM_CURLOPT_PROTOCOLS CURLOPT_PROTOCOLS_STR
#define CM_CURL_HTTP "http,https"
#define CM_CURL_HTTPS "https"
#else
#define CM_CURLOPT_PROTOCOLS CURLOPT_PROTOCOLS
#define CM_CURL_HTTP ((long) (CURLPROTO_HTTP | CURLPROTO_HTTPS))
#define CM_CURL_HTTPS ((long) CURLPROTO_HTTPS)
#endif

/*
 * Do not wait for a resolver thread when a transfer is taken down (7.87): a
 * cancel would otherwise hang for as long as the name server does.
 */
#if LIBCURL_VERSION_NUM >= 0x075700
#define CM_CURLOPT_QUICK_EXIT CURLOPT_QUICK_EXIT
#endif

#endif							/* LIBCURL_VERSION_NUM */

#endif							/* CM_COMPAT_H */

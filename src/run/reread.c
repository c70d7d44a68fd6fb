/*-------------------------------------------------------------------------
 *
 * reread.c
 *	  Suspects, read again on both sides until it is certain what they are.
 *
 * Documents were read page by page, and rows with one snapshot: where an app writes
 * meanwhile, in Convex or in PostgreSQL, or a run carries rows over, much looks
 * different that is not. So a difference is believed when a row, read with a new
 * snapshot, and its document were read again twice, with a pause, and neither has
 * changed in between. As soon as they are the same they are equal. What keeps
 * changing and is never equal is a difference after some rounds.
 *
 * Suspects of a table are taken in batches, in the order of keys. A batch is made
 * smaller where its rows are large: forms of rows are in memory while their documents
 * come. References are those to documents that are there now (parents.c); what is to
 * be said of a suspect after each look is in verdict.c.
 *
 *-------------------------------------------------------------------------
 */
#include "run/verify.h"

#include "catalog/pg_type.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

/* Suspects of a batch. Every batch reads the table once, since keys are texts. */
#define CM_SUSPECTS_AT_ONCE 2000

/* Bytes of their rows' forms. */
#define CM_FORMS_AT_ONCE (8 * 1024 * 1024)

/* Times that suspects are read again, and milliseconds before the second one; then
 * twice as long each time. */
#define CM_ROUNDS 6
#define CM_FIRST_PAUSE 200

/* A batch of them. */
typedef struct CmBench
{
	CmVerify   *verify;
	CmTable    *table;
	CmScan	   *scan;			/* of rows with some keys */
	CmSuspect  *suspects;		/* in the order of keys */
	int			count;
	MemoryContext context;		/* of a round */
	StringInfo	record;
	StringInfo	canonical;
	CmSuspect **by_sent;		/* those that are not settled, in the order of
								 * "sent" */
	int			nsent;
} CmBench;

/* Order of suspects by their keys. */
static int
compare_suspects(const void *a, const void *b)
{
	return strcmp(((const CmSuspect *) a)->key, ((const CmSuspect *) b)->key);
}

/* Order of pointers to suspects by their keys in UTF-8. */
static int
compare_sent(const void *a, const void *b)
{
	return strcmp((*(CmSuspect *const *) a)->sent, (*(CmSuspect *const *) b)->sent);
}

/* The keys of those that are not settled: text[], as the database has them. */
static Datum
keys_of(CmBench *bench)
{
	List	   *keys = NIL;

	for (int i = 0; i < bench->count; i++)
	{
		if (!bench->suspects[i].settled)
			keys = lappend(keys, bench->suspects[i].key);
	}
	return cm_spi_text_array(keys);
}

/* Read the rows with a new snapshot. False: their forms are too large for memory. */
static bool
read_rows(CmBench *bench, Datum keys)
{
	CmVerify   *verify = bench->verify;
	CmExpected	expected;
	int64		bytes = 0;

	cm_run_push_snapshot(verify->run);
	cm_scan_start(bench->scan, &keys);
	PopActiveSnapshot();
	while (bytes <= CM_FORMS_AT_ONCE &&
		   cm_stored_next(verify, bench->scan, bench->table, bench->record,
						  bench->canonical, &expected))
	{
		CmSuspect	wanted = {.key = expected.key};
		CmSuspect  *suspect = bsearch(&wanted, bench->suspects, bench->count,
									  sizeof(CmSuspect), compare_suspects);

		if (suspect == NULL)
			continue;
		suspect->seen.is_row = true;
		suspect->seen.goes = expected.goes;
		if (!expected.goes)
			continue;
		memcpy(suspect->seen.row, expected.hash, CM_HASH_BYTES);
		suspect->seen.row_created = expected.created;
		if (!verify->content)
			continue;
		bytes += bench->canonical->len;
		suspect->form = MemoryContextAllocHuge(bench->context, bench->canonical->len + 1);
		memcpy(suspect->form, bench->canonical->data, bench->canonical->len);
	}
	cm_scan_stop(bench->scan);
	return bytes <= CM_FORMS_AT_ONCE || bench->count == 1;
}

/* The callback of the reader: what is seen of a suspect's document. */
static void
take_document(void *arg, CmTable *table, const CmDocument *document, bool repeated)
{
	CmBench    *bench = arg;
	CmSuspect	wanted = {.sent = document->key};
	CmSuspect  *pointer = &wanted;
	CmSuspect **found;
	CmSuspect  *suspect;
	MemoryContext old;

	if (document->key == NULL)
		return;
	found = bsearch(&pointer, bench->by_sent, bench->nsent, sizeof(CmSuspect *),
					compare_sent);
	if (found == NULL)
		return;
	suspect = *found;
	suspect->seen.documents++;
	if (repeated)
		return;
	cm_stored_hash(bench->verify, table, document, bench->canonical,
				  suspect->seen.document, &suspect->seen.created);
	old = MemoryContextSwitchTo(bench->context);
	suspect->convex_id = pstrdup(document->convex_id);
	if (suspect->form != NULL &&
		memcmp(suspect->seen.row, suspect->seen.document, CM_HASH_BYTES) != 0)
		suspect->differing = cm_differ_find(suspect->form, bench->canonical->data);
	MemoryContextSwitchTo(old);
}

/* Read the documents again. */
static void
read_documents(CmBench *bench)
{
	CmReader   *reader = cm_reader_create(bench->verify->run, !bench->verify->content,
										  take_document, bench);
	char	  **keys = palloc((bench->count + 1) * sizeof(char *));

	bench->by_sent = palloc((bench->count + 1) * sizeof(CmSuspect *));
	bench->nsent = 0;
	for (int i = 0; i < bench->count; i++)
	{
		if (!bench->suspects[i].settled && bench->suspects[i].sent != NULL)
			bench->by_sent[bench->nsent++] = &bench->suspects[i];
	}
	qsort(bench->by_sent, bench->nsent, sizeof(CmSuspect *), compare_sent);
	for (int i = 0; i < bench->nsent; i++)
		keys[i] = (char *) bench->by_sent[i]->sent;
	cm_lookup_add(reader, bench->table, keys, bench->nsent);
	cm_reader_read(reader);
	cm_reader_free(reader);
}

/* Wait before the next round. */
static void
pause_before(CmRun *run, int round)
{
	TimestampTz until = GetCurrentTimestamp() +
		((INT64CONST(1000) * CM_FIRST_PAUSE) << Max(round - 2, 0));

	while (round > 1 && GetCurrentTimestamp() < until)
		cm_http_wait(run->http, 100);
}

/* Forget what was seen. */
static void
begin_round(CmBench *bench)
{
	MemoryContextReset(bench->context);
	for (CmSuspect *suspect = bench->suspects; suspect < bench->suspects + bench->count; suspect++)
	{
		memset(&suspect->seen, 0, sizeof(CmSeen));
		suspect->form = NULL;
		suspect->convex_id = NULL;
		suspect->differing = NIL;
	}
}

/* Read the suspects again, once. False: they are too many for memory. */
static bool
reread_once(CmBench *bench, int round)
{
	MemoryContext old;
	Datum		keys;

	begin_round(bench);
	old = MemoryContextSwitchTo(bench->context);
	cm_run_renew_snapshot(bench->verify->run);
	keys = keys_of(bench);
	if (bench->verify->content)
		cm_parents_refresh(bench->verify, bench->table, keys);
	if (!read_rows(bench, keys))
	{
		MemoryContextSwitchTo(old);
		return false;
	}
	read_documents(bench);
	for (int i = 0; i < bench->count; i++)
	{
		if (!bench->suspects[i].settled)
			cm_verdict_reach(bench->verify, bench->table, &bench->suspects[i], round > 1,
							 round == CM_ROUNDS);
	}
	MemoryContextSwitchTo(old);
	return true;
}

/* Whether all suspects are settled. */
static bool
all_settled(CmBench *bench)
{
	int			settled = 0;

	while (settled < bench->count && bench->suspects[settled].settled)
		settled++;
	return settled == bench->count;
}

/* Settle the suspects; in halves where they are too many for memory. */
static void
settle(CmBench *bench)
{
	for (int round = 1; round <= CM_ROUNDS && !all_settled(bench); round++)
	{
		CmBench		half = *bench;

		pause_before(bench->verify->run, round);
		if (reread_once(bench, round))
			continue;
		half.count = bench->count / 2;
		settle(&half);
		half.suspects += half.count;
		half.count = bench->count - half.count;
		settle(&half);
	}
}

/* Note what a repair of the batch has to do: the functions know a document by a key
 * that no other has. */
static void
note_mends(CmBench *bench)
{
	List	   *written = NIL;
	List	   *removed = NIL;

	for (int i = 0; i < bench->count; i++)
	{
		CmSuspect  *suspect = &bench->suspects[i];

		if (suspect->to_write)
			written = lappend(written, suspect->key);
		if (suspect->to_remove)
			removed = lappend(removed, suspect->key);
	}
	if (written != NIL)
		cm_suspects_note_mends(bench->verify->suspects, bench->table,
							   cm_spi_text_array(written), false);
	if (removed != NIL)
		cm_suspects_note_mends(bench->verify->suspects, bench->table,
							   cm_spi_text_array(removed), true);
}

/* The next suspects of the table behind a key, in the current memory context; returns
 * how many. */
static int
fetch_suspects(CmVerify *verify, CmTable *table, const char *behind, CmSuspect *suspects)
{
	List	   *was;
	List	   *keys = cm_suspects_next(verify->suspects, table, behind,
										CM_SUSPECTS_AT_ONCE, &was);
	ListCell   *lk;
	ListCell   *lw;

	forboth(lk, keys, lw, was)
	{
		char	   *key = lfirst(lk);
		int			length = strlen(key);

		suspects[foreach_current_index(lk)] = (CmSuspect) {
			.key = key,
			.sent = cm_utf8_from_database(key, &length),
			.was = lfirst_int(lw)
		};
	}
	return list_length(keys);
}

/* Settle all suspects of the table. Inside SPI. */
void
cm_reread_suspects(CmVerify *verify, CmTable *table)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext,
												  "convex_migrate suspects",
												  ALLOCSET_DEFAULT_SIZES);
	MemoryContext batch = AllocSetContextCreate(context, "convex_migrate batch of suspects",
												ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	CmBench		bench = {.verify = verify,.table = table};
	CmSuspect  *suspects = palloc(CM_SUSPECTS_AT_ONCE * sizeof(CmSuspect));
	char	   *behind = NULL;

	bench.context = AllocSetContextCreate(context, "convex_migrate round",
										  ALLOCSET_DEFAULT_SIZES);
	bench.record = makeStringInfo();
	bench.canonical = makeStringInfo();
	do
	{
		MemoryContextSwitchTo(batch);
		bench.suspects = suspects;
		bench.count = fetch_suspects(verify, table, behind, suspects);
		MemoryContextSwitchTo(context);
		if (bench.count == 0)
			break;
		if (bench.scan == NULL)
			bench.scan = cm_stored_prepare_scan(verify, table, true, true);
		settle(&bench);
		MemoryContextSwitchTo(batch);
		note_mends(&bench);
		MemoryContextSwitchTo(context);
		behind = pstrdup(suspects[bench.count - 1].key);
		MemoryContextReset(batch);
	} while (bench.count == CM_SUSPECTS_AT_ONCE);
	if (bench.scan != NULL)
		cm_scan_free(bench.scan);
	MemoryContextSwitchTo(old);
	MemoryContextDelete(context);
}

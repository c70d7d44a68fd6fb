/*-------------------------------------------------------------------------
 *
 * stored_keys.c
 *	  The keys of the documents of a Convex table.
 *
 *-------------------------------------------------------------------------
 */
#include "run/reader.h"

#include "utils/memutils.h"

/* Keys, while they are read. */
typedef struct CmTaken
{
	CmKeys	   *keys;
	int64		documents;
	int64		without_key;
} CmTaken;

/* Take a document in; a CmTakeDocument. */
static void
take(void *arg, CmTable *table, const CmDocument *document, bool repeated)
{
	CmTaken    *taken = arg;
	char	   *key = cm_range_key(document);

	(void) table;				/* there is one alone */
	(void) repeated;			/* it is removed, or not, by its key */
	if (key == NULL)
		taken->without_key++;
	else
	{
		taken->documents++;
		cm_keys_add(taken->keys, key);
	}
}

/*
 * Publish the keys of all documents of the table's Convex table. Returns how many
 * documents have one that a row can have; *without_key: all others. Inside SPI.
 */
int64
cm_stored_keys_read(CmRun *run, CmTable *table, CmKeys *keys, int64 *without_key)
{
	CmTaken		taken = {.keys = keys};
	CmReader   *reader = cm_reader_create(run, true, take, &taken);

	cm_quantiles_add(reader, run, table);
	cm_reader_read(reader);
	cm_reader_free(reader);
	cm_keys_publish(keys, table);
	*without_key = taken.without_key;
	return taken.documents;
}

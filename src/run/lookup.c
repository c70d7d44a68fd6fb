/*-------------------------------------------------------------------------
 *
 * lookup.c
 *	  The documents with some keys: as ranges that have little else.
 *
 * "range" has no list of keys. A range can end with a key, but it begins behind one:
 * what begins at a key begins behind a text that comes shortly before. In between
 * documents may lie, so whoever looks keys up finds others as well, and passes them
 * over. Keys that lie together are one range; how many documents lie between them
 * convex_found says, about.
 *
 *-------------------------------------------------------------------------
 */
#include "run/reader.h"

#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

/* Documents of a range for each key that is looked for, and besides. */
#define CM_PER_KEY	4
#define CM_BESIDES	200

/* The last character of Unicode, and what comes around the surrogates. */
#define CM_LAST_CHARACTER		0x10ffff
#define CM_BEFORE_SURROGATES	0xd7ff
#define CM_BEHIND_SURROGATES	0xe000

/*
 * A text that comes before the key, with hardly any in between: its last character
 * is the one before, and the last of all follows. NULL: the key is the first of all.
 */
static char *
text_before(const char *key)
{
	int			length = strlen(key);
	int			last = length;
	pg_wchar	character;
	char	   *before;

	if (length == 0)
		return NULL;
	do
	{
		last--;
	} while (last > 0 && ((unsigned char) key[last] & 0xc0) == 0x80);
	character = utf8_to_unicode((const unsigned char *) key + last);
	/* "a" comes directly before "a\u0000"; a key has no other such end */
	character = character == CM_BEHIND_SURROGATES ? CM_BEFORE_SURROGATES : character - 1;
	before = palloc0(length + 2 * MAX_MULTIBYTE_CHAR_LEN + 1);
	memcpy(before, key, last);
	if (character > 0)
	{
		unicode_to_utf8(character, (unsigned char *) before + last);
		last += pg_utf_mblen((unsigned char *) before + last);
		unicode_to_utf8(CM_LAST_CHARACTER, (unsigned char *) before + last);
	}
	return before;
}

/* How many documents of the table lie between two keys, as convex_found has them. */
static int64
count_between(CmTable *table, const char *first, const char *last)
{
	CmAllowed  *allowed = cm_vet_create();
	Oid			types[] = {OIDOID, TEXTOID, TEXTOID};
	Datum		values[] = {ObjectIdGetDatum(table->relid), CStringGetTextDatum(first),
	CStringGetTextDatum(last)};
	int64		count;

	cm_vet_allow(allowed, RelationRelationId, table->map_part);
	(void) cm_spi_execute_over(allowed,
							   psprintf("SELECT pg_catalog.count(*) FROM pg_temp.%s"
										" WHERE source OPERATOR(pg_catalog.=) $1"
										" AND key OPERATOR(pg_catalog.>=) $2"
										" AND key OPERATOR(pg_catalog.<=) $3",
										get_rel_name(table->map_part)),
							   SPI_OK_SELECT, false, 3, types, values);
	count = DatumGetInt64(cm_spi_value(0, 1));
	SPI_freetuptable(SPI_tuptable);
	return count;
}

/* Whether the keys can be one range. Only of tables of the run is it known what lies
 * between them, and only in UTF-8 in the same order. */
static bool
lie_together(CmTable *table, char **keys, int count)
{
	if (count == 1)
		return true;
	return table->selected && GetDatabaseEncoding() == PG_UTF8 &&
		count_between(table, keys[0], keys[count - 1]) <= CM_PER_KEY * count + CM_BESIDES;
}

/* Have the reader read the documents with these keys of the table, in UTF-8 and in
 * the order of strcmp(), and some others. Inside SPI. */
void
cm_lookup_add(CmReader *reader, CmTable *table, char **keys, int count)
{
	if (count == 0)
		return;
	if (lie_together(table, keys, count))
	{
		cm_reader_add(reader, table, text_before(keys[0]), keys[count - 1]);
		return;
	}
	cm_lookup_add(reader, table, keys, count / 2);
	cm_lookup_add(reader, table, keys + count / 2, count - count / 2);
}

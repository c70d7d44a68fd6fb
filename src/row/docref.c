/*-------------------------------------------------------------------------
 *
 * docref.c
 *	  Ids of a table's documents that are computed of its keys.
 *
 * A key that is one uuid is its id, so to speak; of any other the id is a hash
 * with the server's option id_salt, of the names of the table and the text of
 * the key, all in UTF-8. It depends on nothing else, but the number of the
 * Convex table: not on the other rows, not on the encoding of the database.
 *
 *-------------------------------------------------------------------------
 */
#include "row/row.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"

/* Tables that an ERROR names. */
#define CM_SHOWN_TABLES 5

/* Whether the table's key is one uuid. */
bool
cm_docref_is_by_uuid(const CmTable *table)
{
	return table->nkeys == 1 && table->columns[table->keys[0]].type == UUIDOID;
}

/* ERROR when ids of one of the tables are hashes, and the server has no salt. */
void
cm_docref_require_salt(const CmServer *server, List *tables)
{
	List	   *names = NIL;
	ListCell   *lc;

	if (server->id_salt != NULL)
		return;
	foreach(lc, tables)
	{
		CmTable    *table = lfirst(lc);

		if (cm_docref_is_by_uuid(table))
			continue;
		names = lappend(names, list_length(names) == CM_SHOWN_TABLES ? "and others" :
						psprintf("\"%s\"", table->name));
		if (list_length(names) > CM_SHOWN_TABLES)
			break;
	}
	if (names == NIL)
		return;
	ereport(ERROR,
			(errcode(ERRCODE_FDW_OPTION_NAME_NOT_FOUND),
			 errmsg("server \"%s\" has no option \"id_salt\"", server->name),
			 errdetail("The ids of documents are computed, and the keys of these tables are no uuids: %s. Without a secret, whoever sees one id could tell all others.",
					   cm_text_join(names, ", ")),
			 errhint("To make one: DO $$BEGIN EXECUTE pg_catalog.format('ALTER SERVER %%I OPTIONS (ADD id_salt %%L)', %s, pg_catalog.gen_random_uuid()); END$$; Keep it: with another one all ids are others.",
					 quote_literal_cstr(server->name))));
}

/* The name in UTF-8; as it is where that cannot be, which every run does alike. */
static const char *
in_utf8(const char *name)
{
	int			length = strlen(name);
	const char *utf8 = cm_utf8_from_database(name, &length);

	return utf8 ? utf8 : name;
}

/* How ids of documents of the table are computed, whose number is known. Lives
 * in the current memory context. */
CmDocRef
cm_docref_create(const CmServer *server, const CmTable *table)
{
	return (CmDocRef) {
		.number = table->number,
		.by_uuid = cm_docref_is_by_uuid(table),
		.salt = server->id_salt,
		.schema = in_utf8(table->schema),
		.name = in_utf8(table->name)
	};
}

/*
 * Write the id of the row with this key: the uuid, or else the text in UTF-8,
 * which ends in a NUL. text has room for CM_MAX_DOCID characters; returns how
 * many there are. *own gets the CM_DOCID_BYTES bytes that the table must have
 * once.
 */
int
cm_docref_write(const CmDocRef *ref, const uint8 *uuid, const char *key,
				uint8 *own, char *text)
{
	if (ref->by_uuid)
		memcpy(own, uuid, CM_DOCID_BYTES);
	else
		cm_docid_hash(ref->salt, ref->schema, ref->name, key, own);
	return cm_docid_write(ref->number, own, text);
}

/*
 * The id of the row with this key text, palloc'd; NULL when no row can have it,
 * or there is no salt.
 */
char *
cm_docref_of_key(const CmDocRef *ref, const char *key)
{
	uint8		own[CM_DOCID_BYTES];
	uint8		uuid[CM_DOCID_BYTES];
	char		text[CM_MAX_DOCID];
	int			length = strlen(key);
	const char *utf8 = cm_utf8_from_database(key, &length);

	if (utf8 == NULL || (ref->by_uuid ? !cm_docid_of_uuid_text(utf8, uuid) :
						 ref->salt == NULL))
		return NULL;
	return pnstrdup(text, cm_docref_write(ref, uuid, utf8, own, text));
}

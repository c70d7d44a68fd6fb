/*-------------------------------------------------------------------------
 *
 * docid.c
 *	  Ids of documents, version 6.
 *
 * An id is base32 of the number of its table, as a VInt, 16 bytes and a
 * checksum of both (crates/value/src/id_v6.rs). Convex takes any 16 bytes that
 * a table has once: a uuid is its own, any other key becomes a keyed hash. So
 * the id of a row is a function of its key, and whoever knows the key of a row
 * knows what points to it.
 *
 *-------------------------------------------------------------------------
 */
#include "value/value.h"

#include "common/cryptohash.h"
#include "common/hmac.h"
#include "common/sha2.h"
#include "utils/uuid.h"

#define MAX_VINT	5
#define CHECKSUM	2
#define MAX_BYTES	(MAX_VINT + CM_DOCID_BYTES + CHECKSUM)

/* Characters of an id. */
#define MIN_DOCID	31

StaticAssertDecl(CM_DOCID_BYTES == UUID_LEN, "a uuid is not what an id has room for");

/* Crockford's, in lower case. */
static const char digits[] = "0123456789abcdefghjkmnpqrstvwxyz";

/* Append Fletcher's checksum of the bytes, modulo 256, low byte first. */
static int
append_checksum(uint8 *bytes, int length)
{
	uint8		low = 0;
	uint8		high = 0;

	for (int i = 0; i < length; i++)
	{
		low += bytes[i];
		high += low;
	}
	bytes[length] = low;
	bytes[length + 1] = high;
	return length + CHECKSUM;
}

/* Write base32 of five bytes, eight digits: two at a time, every pair of which
 * stands in a table. */
static void
write_group(const uint8 *bytes, char *text)
{
	static char pairs[32 * 32][2];
	uint64		bits = 0;

	/* the very last one is "zz" */
	if (unlikely(pairs[32 * 32 - 1][0] == '\0'))
	{
		for (int i = 0; i < 32 * 32; i++)
		{
			pairs[i][0] = digits[i >> 5];
			pairs[i][1] = digits[i & 31];
		}
	}
	for (int i = 0; i < 5; i++)
		bits = bits << 8 | bytes[i];
	for (int i = 0; i < 4; i++)
		memcpy(text + 2 * i, pairs[bits >> (30 - 10 * i) & 1023], 2);
}

/* Write base32 of the bytes, whose last digit is padded by zeros; returns how
 * many digits. */
static int
write_base32(const uint8 *bytes, int length, char *text)
{
	int			whole = length / 5;
	int			rest = length % 5;
	int			ndigits = (length * 8 + 4) / 5;

	for (int i = 0; i < whole; i++)
		write_group(bytes + 5 * i, text + 8 * i);
	if (rest > 0)
	{
		uint8		padded[5] = {0};
		char		group[8];

		memcpy(padded, bytes + 5 * whole, rest);
		write_group(padded, group);
		memcpy(text + 8 * whole, group, ndigits - 8 * whole);
	}
	return ndigits;
}

/*
 * Write the id of a document of the table with this number, whose own part are
 * the CM_DOCID_BYTES bytes. text has room for CM_MAX_DOCID characters; returns
 * how many there are. No NUL.
 */
int
cm_docid_write(uint32 table, const uint8 *own, char *text)
{
	uint8		bytes[MAX_BYTES];
	int			length = 0;

	for (; table >= 0x80; table >>= 7)
		bytes[length++] = (table & 0x7f) | 0x80;
	bytes[length++] = table;
	memcpy(bytes + length, own, CM_DOCID_BYTES);
	return write_base32(bytes, append_checksum(bytes, length + CM_DOCID_BYTES),
						text);
}

/* Read base32 into bytes, whole ones; returns how many, -1: it is none. */
static int
read_base32(const char *text, uint8 *bytes)
{
	uint32		bits = 0;
	int			nbits = 0;
	int			length = 0;

	for (const char *p = text; *p != '\0'; p++)
	{
		const char *digit = strchr(digits, *p);

		if (digit == NULL)
			return -1;
		bits = bits << 5 | (digit - digits);
		nbits += 5;
		if (nbits >= 8)
		{
			nbits -= 8;
			bytes[length++] = bits >> nbits & 0xff;
		}
	}
	return length;
}

/*
 * Read an id into the number of its table and its own CM_DOCID_BYTES bytes.
 * False: it is none. Every id has one spelling: what would be written otherwise
 * is no id.
 */
bool
cm_docid_read(const char *text, uint32 *table, uint8 *own)
{
	uint8		bytes[MAX_BYTES];
	char		again[CM_MAX_DOCID];
	int			length = strlen(text);
	int			nbytes;
	int			vint = 0;
	uint64		number = 0;

	if (length < MIN_DOCID || length > CM_MAX_DOCID)
		return false;
	nbytes = read_base32(text, bytes);
	if (nbytes < 0)
		return false;
	do
	{
		if (vint == MAX_VINT)
			return false;
		number |= (uint64) (bytes[vint] & 0x7f) << (7 * vint);
	} while (bytes[vint++] & 0x80);
	if (number == 0 || number > PG_UINT32_MAX ||
		nbytes != vint + CM_DOCID_BYTES + CHECKSUM)
		return false;
	*table = number;
	memcpy(own, bytes + vint, CM_DOCID_BYTES);
	/* the checksum, and bits that the last digit has too many */
	return cm_docid_write(*table, own, again) == length &&
		memcmp(again, text, length) == 0;
}

/* HMAC-SHA-256 of texts, each with its NUL, so that no two lists are alike. */
static bool
hash_texts(pg_hmac_ctx *context, const char *salt, const char *const *texts,
		   int ntexts, uint8 *hash)
{
	if (pg_hmac_init(context, (const uint8 *) salt, strlen(salt)) < 0)
		return false;
	for (int i = 0; i < ntexts; i++)
	{
		if (pg_hmac_update(context, (const uint8 *) texts[i],
						   strlen(texts[i]) + 1) < 0)
			return false;
	}
	return pg_hmac_final(context, hash, PG_SHA256_DIGEST_LENGTH) >= 0;
}

/*
 * The own part of the id of a row whose key is no uuid. The salt is secret, so
 * that nobody who sees one id can tell those of other keys. All are in UTF-8.
 */
void
cm_docid_hash(const char *salt, const char *schema, const char *table,
			  const char *key, uint8 *own)
{
	const char *texts[] = {schema, table, key};
	uint8		hash[PG_SHA256_DIGEST_LENGTH];
	pg_hmac_ctx *context = pg_hmac_create(PG_SHA256);
	bool		done = context != NULL &&
		hash_texts(context, salt, texts, lengthof(texts), hash);

	pg_hmac_free(context);
	if (!done)
		ereport(ERROR,
				(errcode(ERRCODE_OUT_OF_MEMORY),
				 errmsg("could not compute the id of a document")));
	memcpy(own, hash, CM_DOCID_BYTES);
}

/* The value of a hexadecimal digit, or -1. */
static int
hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return -1;
}

/* The own part of the id of a row whose key is a uuid, from the text that
 * PostgreSQL prints. False: it is none. */
bool
cm_docid_of_uuid_text(const char *text, uint8 *own)
{
	if (strlen(text) != CM_UUID_LENGTH)
		return false;
	for (int i = 0; i < CM_DOCID_BYTES; i++)
	{
		int			high;
		int			low;

		if ((i == 4 || i == 6 || i == 8 || i == 10) && *text++ != '-')
			return false;
		high = hex_value(*text++);
		low = hex_value(*text++);
		if (high < 0 || low < 0)
			return false;
		own[i] = high << 4 | low;
	}
	return true;
}

/*-------------------------------------------------------------------------
 *
 * zip.c
 *	  A ZIP archive, written from the front to the end.
 *
 * The container is a few records of fixed form (APPNOTE.TXT of PKWARE, section
 * 4.3), and is written here: of the libraries that write archives none does so
 * without either seeking back, which cannot be done in what was sent already,
 * or compressing by zlib, see compress.c.
 *
 * What an entry has of bytes is not known when it begins: its length and CRC
 * follow it in a data descriptor, and stand in the central directory, which is
 * what readers read. Everything is in the form of ZIP64, so that the form which
 * entries of more than 4 GB need is the one that every test has seen.
 *
 * Protocol: cm_zip_create(); for each entry cm_zip_begin_entry(), cm_zip_add(),
 * cm_zip_end_entry(); cm_zip_finish(). Memory: an entry takes some 100 bytes.
 *
 *-------------------------------------------------------------------------
 */
#include "base/zip.h"

/* Signatures of records. */
#define LOCAL_HEADER		0x04034b50
#define DATA_DESCRIPTOR		0x08074b50
#define CENTRAL_HEADER		0x02014b50
#define ZIP64_END			0x06064b50
#define ZIP64_LOCATOR		0x07064b50
#define END					0x06054b50

/* Versions of the format: with ZIP64, with zstd; made on Unix. */
#define VERSION_ZIP64		45
#define VERSION_ZSTD		63
#define MADE_ON_UNIX		(3 << 8)

/* Lengths and CRC are in a data descriptor; names are in UTF-8. */
#define FLAGS				(1 << 3 | 1 << 11)

/* Tag of the extra field with what has no room in 32 bits. */
#define ZIP64_EXTRA			0x0001

/* 1 January 1980, the first day of ZIP: the same rows make the same archive. */
#define NO_TIME				0
#define FIRST_DATE			(1 << 5 | 1)

/* A regular file that all may read. */
#define ATTRIBUTES			((uint32) 0100644 << 16)

typedef struct CmZipEntry
{
	char	   *name;
	uint64		offset;			/* of its local header */
	uint64		length;
	uint64		compressed;
	uint32		crc;
} CmZipEntry;

struct CmZip
{
	MemoryContext context;
	CmCompressor *compressor;
	uint16		method;			/* of ZIP */
	uint16		version;		/* that a reader needs */
	CmSink		sink;
	void	   *arg;
	uint64		offset;			/* bytes that the sink got */
	StringInfoData record;		/* being written */
	List	   *entries;		/* CmZipEntry * */
};

/* Bytes of the archive. */
static void
emit(void *arg, const void *bytes, size_t length)
{
	CmZip	   *zip = arg;

	if (length > 0)
		zip->sink(zip->arg, bytes, length);
	zip->offset += length;
}

/* Append a number to the record, so many bytes of it, little-endian. */
static void
put(CmZip *zip, uint64 number, int bytes)
{
	for (int i = 0; i < bytes; i++)
		appendStringInfoCharMacro(&zip->record, number >> (8 * i) & 0xff);
}

/* Emit the record. */
static void
emit_record(CmZip *zip)
{
	emit(zip, zip->record.data, zip->record.len);
	resetStringInfo(&zip->record);
}

/* An archive that goes to the sink; in the current memory context. */
CmZip *
cm_zip_create(CmCompression compression, CmSink sink, void *arg)
{
	static const uint16 methods[] = {
		[CM_COMPRESSION_DEFLATE] = 8,[CM_COMPRESSION_ZSTD] = 93,
		[CM_COMPRESSION_NONE] = 0
	};
	CmZip	   *zip = palloc0(sizeof(CmZip));

	zip->context = CurrentMemoryContext;
	zip->compressor = cm_compress_create(compression, emit, zip);
	zip->method = methods[compression];
	zip->version = compression == CM_COMPRESSION_ZSTD ? VERSION_ZSTD :
		VERSION_ZIP64;
	zip->sink = sink;
	zip->arg = arg;
	initStringInfo(&zip->record);
	return zip;
}

/* What local header and central header have in common, up to the CRC. */
static void
put_form(CmZip *zip)
{
	put(zip, zip->version, 2);
	put(zip, FLAGS, 2);
	put(zip, zip->method, 2);
	put(zip, NO_TIME, 2);
	put(zip, FIRST_DATE, 2);
}

/* An entry with this name, in UTF-8, begins. */
void
cm_zip_begin_entry(CmZip *zip, const char *name)
{
	MemoryContext old = MemoryContextSwitchTo(zip->context);
	CmZipEntry *entry = palloc0(sizeof(CmZipEntry));

	entry->name = pstrdup(name);
	entry->offset = zip->offset;
	zip->entries = lappend(zip->entries, entry);
	MemoryContextSwitchTo(old);

	put(zip, LOCAL_HEADER, 4);
	put_form(zip);
	put(zip, 0, 4);				/* CRC: in the descriptor */
	put(zip, PG_UINT32_MAX, 4); /* both lengths: in the extra field */
	put(zip, PG_UINT32_MAX, 4);
	put(zip, strlen(name), 2);
	put(zip, 4 + 2 * 8, 2);
	appendStringInfoString(&zip->record, name);
	put(zip, ZIP64_EXTRA, 2);	/* and there: in the descriptor */
	put(zip, 2 * 8, 2);
	put(zip, 0, 8);
	put(zip, 0, 8);
	emit_record(zip);
	entry->compressed = zip->offset;
	cm_compress_begin(zip->compressor);
}

/* The next bytes of the entry. */
void
cm_zip_add(CmZip *zip, const void *bytes, size_t length)
{
	CmZipEntry *entry = llast(zip->entries);

	entry->crc = cm_compress_crc(entry->crc, bytes, length);
	entry->length += length;
	cm_compress_add(zip->compressor, bytes, length);
}

/* The entry ends. */
void
cm_zip_end_entry(CmZip *zip)
{
	CmZipEntry *entry = llast(zip->entries);

	cm_compress_end(zip->compressor);
	entry->compressed = zip->offset - entry->compressed;
	put(zip, DATA_DESCRIPTOR, 4);
	put(zip, entry->crc, 4);
	put(zip, entry->compressed, 8);
	put(zip, entry->length, 8);
	emit_record(zip);
}

/* The entry's record of the central directory. */
static void
put_central_header(CmZip *zip, const CmZipEntry *entry)
{
	put(zip, CENTRAL_HEADER, 4);
	put(zip, MADE_ON_UNIX | zip->version, 2);
	put_form(zip);
	put(zip, entry->crc, 4);
	put(zip, PG_UINT32_MAX, 4); /* both lengths: in the extra field */
	put(zip, PG_UINT32_MAX, 4);
	put(zip, strlen(entry->name), 2);
	put(zip, 4 + 3 * 8, 2);
	put(zip, 0, 2);				/* of a comment */
	put(zip, 0, 2);				/* number of the disk */
	put(zip, 0, 2);				/* internal attributes */
	put(zip, ATTRIBUTES, 4);
	put(zip, PG_UINT32_MAX, 4); /* offset: in the extra field */
	appendStringInfoString(&zip->record, entry->name);
	put(zip, ZIP64_EXTRA, 2);
	put(zip, 3 * 8, 2);
	put(zip, entry->length, 8);
	put(zip, entry->compressed, 8);
	put(zip, entry->offset, 8);
}

/* The records at the end, in both forms: where the central directory is. */
static void
put_end(CmZip *zip, uint64 directory, uint64 end)
{
	uint64		entries = list_length(zip->entries);

	put(zip, ZIP64_END, 4);
	put(zip, 44, 8);			/* bytes of this record from here on */
	put(zip, MADE_ON_UNIX | zip->version, 2);
	put(zip, zip->version, 2);
	put(zip, 0, 4);				/* this disk, that of the directory */
	put(zip, 0, 4);
	put(zip, entries, 8);		/* on this disk, in all */
	put(zip, entries, 8);
	put(zip, end - directory, 8);
	put(zip, directory, 8);

	put(zip, ZIP64_LOCATOR, 4);
	put(zip, 0, 4);				/* disk of that record */
	put(zip, end, 8);
	put(zip, 1, 4);				/* disks */

	put(zip, END, 4);
	put(zip, 0, 2);
	put(zip, 0, 2);
	put(zip, PG_UINT16_MAX, 2); /* all else: in the records above */
	put(zip, PG_UINT16_MAX, 2);
	put(zip, PG_UINT32_MAX, 4);
	put(zip, PG_UINT32_MAX, 4);
	put(zip, 0, 2);				/* of a comment */
}

/* The last entry has ended: write the central directory. */
void
cm_zip_finish(CmZip *zip)
{
	uint64		directory = zip->offset;
	ListCell   *lc;

	foreach(lc, zip->entries)
	{
		put_central_header(zip, lfirst(lc));
		emit_record(zip);
	}
	put_end(zip, directory, zip->offset);
	emit_record(zip);
}

/* Bytes of the archive so far. */
uint64
cm_zip_length(const CmZip *zip)
{
	return zip->offset;
}

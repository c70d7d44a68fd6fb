/*-------------------------------------------------------------------------
 *
 * compress.c
 *	  Compression of streams: deflate by ISA-L, zstd by its own library.
 *
 * A backend has one thread, so the compression must not take more of it than
 * the encoder does. zlib does, several times as much; ISA-L deflates as fast as
 * rows are encoded, and as small at that (docs/benchmarks.md). It also neither
 * allocates nor calls back: there is nothing to release, and nothing that an
 * ERROR could interrupt. zstd allocates its context, which own.c ties to ours.
 *
 * Protocol: cm_compress_create() once; for each stream cm_compress_begin(),
 * cm_compress_add() as often as there is something, cm_compress_end().
 *
 *-------------------------------------------------------------------------
 */
#include "base/zip.h"

#include <isa-l.h>
#include <zstd.h>

/* Bytes that are handed to the sink at once. */
#define CM_PIECE_BYTES (128 * 1024)

/* Levels: the next ones of ISA-L are slower for hardly anything, those of zstd
 * much slower. */
#define CM_DEFLATE_LEVEL 1
#define CM_ZSTD_LEVEL 1

struct CmCompressor
{
	CmCompression compression;
	CmSink		sink;
	void	   *arg;
	uint8	   *piece;			/* CM_PIECE_BYTES */

	struct isal_zstream *deflate;
	uint8	   *level_buffer;
	ZSTD_CCtx  *zstd;
};

/* ZSTD_freeCCtx in the form that own.c calls. */
static void
free_zstd(void *context)
{
	ZSTD_freeCCtx(context);
}

/* The context of zstd, which belongs to the current memory context. */
static ZSTD_CCtx *
create_zstd(void)
{
	CmOwned    *owned = cm_own_create(CurrentMemoryContext, free_zstd);
	ZSTD_CCtx  *context = ZSTD_createCCtx();

	if (context == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OUT_OF_MEMORY), errmsg("out of memory")));
	cm_own_set(owned, context);
	(void) ZSTD_CCtx_setParameter(context, ZSTD_c_compressionLevel,
								  CM_ZSTD_LEVEL);
	return context;
}

/* A compressor whose streams go to the sink; in the current memory context. */
CmCompressor *
cm_compress_create(CmCompression compression, CmSink sink, void *arg)
{
	CmCompressor *compressor = palloc0(sizeof(CmCompressor));

	compressor->compression = compression;
	compressor->sink = sink;
	compressor->arg = arg;
	if (compression == CM_COMPRESSION_NONE)
		return compressor;
	compressor->piece = palloc(CM_PIECE_BYTES);
	if (compression == CM_COMPRESSION_ZSTD)
		compressor->zstd = create_zstd();
	else
	{
		compressor->deflate = palloc(sizeof(struct isal_zstream));
		compressor->level_buffer = palloc(ISAL_DEF_LVL1_DEFAULT);
	}
	return compressor;
}

/* A stream begins. */
void
cm_compress_begin(CmCompressor *compressor)
{
	if (compressor->zstd != NULL)
		(void) ZSTD_CCtx_reset(compressor->zstd, ZSTD_reset_session_only);
	if (compressor->deflate == NULL)
		return;
	isal_deflate_init(compressor->deflate);
	compressor->deflate->level = CM_DEFLATE_LEVEL;
	compressor->deflate->level_buf = compressor->level_buffer;
	compressor->deflate->level_buf_size = ISAL_DEF_LVL1_DEFAULT;
}

/* Compress all of the bytes by deflate; last: they are the end of the stream. */
static void
deflate_bytes(CmCompressor *compressor, const void *bytes, size_t length,
			  bool last)
{
	struct isal_zstream *stream = compressor->deflate;

	stream->next_in = unconstify(uint8 *, (const uint8 *) bytes);
	stream->avail_in = length;
	stream->end_of_stream = last;
	do
	{
		int			code;

		stream->next_out = compressor->piece;
		stream->avail_out = CM_PIECE_BYTES;
		code = isal_deflate(stream);
		if (code != COMP_OK)
			elog(ERROR, "isal_deflate failed: %d", code);
		compressor->sink(compressor->arg, compressor->piece,
						 CM_PIECE_BYTES - stream->avail_out);
	} while (stream->avail_out == 0);
}

/* The same by zstd. */
static void
zstd_bytes(CmCompressor *compressor, const void *bytes, size_t length,
		   bool last)
{
	ZSTD_inBuffer in = {bytes, length, 0};
	size_t		left;

	do
	{
		ZSTD_outBuffer out = {compressor->piece, CM_PIECE_BYTES, 0};

		left = ZSTD_compressStream2(compressor->zstd, &out, &in,
									last ? ZSTD_e_end : ZSTD_e_continue);
		if (ZSTD_isError(left))
			elog(ERROR, "ZSTD_compressStream2 failed: %s",
				 ZSTD_getErrorName(left));
		compressor->sink(compressor->arg, compressor->piece, out.pos);
	} while (last ? left > 0 : in.pos < in.size);
}

/* Compress bytes, whichever way. */
static void
compress_bytes(CmCompressor *compressor, const void *bytes, size_t length,
			   bool last)
{
	switch (compressor->compression)
	{
		case CM_COMPRESSION_DEFLATE:
			deflate_bytes(compressor, bytes, length, last);
			break;
		case CM_COMPRESSION_ZSTD:
			zstd_bytes(compressor, bytes, length, last);
			break;
		case CM_COMPRESSION_NONE:
			compressor->sink(compressor->arg, bytes, length);
			break;
	}
}

/* The next bytes of the stream, less than 4 GB. */
void
cm_compress_add(CmCompressor *compressor, const void *bytes, size_t length)
{
	compress_bytes(compressor, bytes, length, false);
}

/* The stream ends. */
void
cm_compress_end(CmCompressor *compressor)
{
	compress_bytes(compressor, "", 0, true);
}

/* The CRC-32 of ZIP, of bytes behind those whose CRC is given, at first 0. */
uint32
cm_compress_crc(uint32 crc, const void *bytes, size_t length)
{
	return crc32_gzip_refl(crc, bytes, length);
}

/* Versions of the libraries, for bug reports; palloc'd. */
char *
cm_compress_library_versions(void)
{
	return psprintf("ISA-L %d.%d.%d, zstd %s", ISAL_MAJOR_VERSION,
					ISAL_MINOR_VERSION, ISAL_PATCH_VERSION,
					ZSTD_versionString());
}

#include "snapshot/section_writer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zstd.h>

enum {
    WINDOW_BYTES = 1 << 18,
    STORED_BYTES = 1 << 18,
    LEVEL = 1, /* of zstd: a gigabyte of heap in a second; higher ones gain a tenth for twice the time */
};

/* pwrite(2) may write less than asked, and says why only at the next call. */
static struct error *write_all(int file, const void *bytes, size_t count, uint64_t position)
{
    const char *at = bytes;
    while (count) {
        ssize_t written = pwrite(file, at, count, (off_t)position);
        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0)
            return error_errno(ERROR_FAILED, written ? errno : ENOSPC, "cannot write %zu bytes at %llu", count,
                (unsigned long long)position);
        at += written;
        position += (uint64_t)written;
        count -= (size_t)written;
    }
    return NULL;
}

/* Compress what the window holds and write what comes out; at the end, all of it. */
static void compress(struct codec *codec, ZSTD_EndDirective directive)
{
    struct section_writer *writer = codec->stream;
    ZSTD_inBuffer raw = {codec->window, codec->position, 0};
    for (size_t left = 1; !codec->error && (directive == ZSTD_e_end ? left != 0 : raw.pos < raw.size);) {
        ZSTD_outBuffer stored = {writer->stored, STORED_BYTES, 0};
        left = ZSTD_compressStream2(writer->compressor, &stored, &raw, directive);
        if (ZSTD_isError(left))
            codec->error = error_new(ERROR_FAILED, "cannot compress: %s", ZSTD_getErrorName(left));
        else
            codec->error = write_all(writer->file, writer->stored, stored.pos, writer->position);
        writer->position += stored.pos;
    }
    writer->header.raw_bytes += codec->position;
    codec->position = 0;
}

static void make_room(struct codec *codec)
{
    compress(codec, ZSTD_e_continue);
}

struct error *section_writer_begin(struct section_writer *writer, int file)
{
    *writer = (struct section_writer){
        .file = file,
        .compressor = ZSTD_createCCtx(),
        .window = malloc(WINDOW_BYTES),
        .stored = malloc(STORED_BYTES),
    };
    if (!writer->compressor || !writer->window || !writer->stored)
        return error_no_memory();
    ZSTD_CCtx_setParameter(writer->compressor, ZSTD_c_compressionLevel, LEVEL);
    ZSTD_CCtx_setParameter(writer->compressor, ZSTD_c_checksumFlag, 1);
    struct file_header header = {.version = SNAPSHOT_VERSION};
    memcpy(header.magic, SNAPSHOT_MAGIC, sizeof(header.magic));
    header.checksum = header_checksum(&header, offsetof(struct file_header, checksum));
    writer->position = sizeof(header);
    return write_all(file, &header, sizeof(header), 0);
}

struct codec *section_writer_start(struct section_writer *writer, const char *name, uint32_t version, uint32_t state,
    uint32_t flags)
{
    writer->header = (struct section_header){.version = version, .state = state, .flags = flags};
    memcpy(writer->header.name, name, strnlen(name, SECTION_NAME_BYTES));
    writer->position += sizeof(writer->header);
    writer->payload_position = writer->position;
    writer->codec = (struct codec){
        .writing = true,
        .window = writer->window,
        .end = WINDOW_BYTES,
        .turn = make_room,
        .stream = writer,
    };
    return &writer->codec;
}

static struct error *write_header(struct section_writer *writer)
{
    struct section_header *header = &writer->header;
    header->stored_bytes = writer->position - writer->payload_position;
    header->checksum = header_checksum(header, offsetof(struct section_header, checksum));
    return write_all(writer->file, header, sizeof(*header), writer->payload_position - sizeof(*header));
}

struct error *section_writer_finish(struct section_writer *writer)
{
    compress(&writer->codec, ZSTD_e_end);
    return writer->codec.error ? writer->codec.error : write_header(writer);
}

struct error *section_writer_end(struct section_writer *writer)
{
    section_writer_start(writer, "end", 1, SECTION_OF_PROCESS, SECTION_NEEDED);
    return write_header(writer);
}

void section_writer_free(struct section_writer *writer)
{
    ZSTD_freeCCtx(writer->compressor);
    free(writer->window);
    free(writer->stored);
}

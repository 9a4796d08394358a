#include "snapshot/section_reader.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>

#include "base/size.h"

enum {
    WINDOW_BYTES = 1 << 18,
    STORED_BYTES = 1 << 18,
    WINDOW_LOG_MAX = 23, /* what a frame may ask zstd to remember: 8 MiB; ours ask for half a MiB */
};

static struct error *read_all(int file, void *bytes, size_t count, uint64_t position)
{
    char *at = bytes;
    while (count) {
        ssize_t got = pread(file, at, count, (off_t)position);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return error_errno(ERROR_UNREADABLE, errno, "cannot read %zu bytes at %llu", count,
                (unsigned long long)position);
        if (got == 0)
            return error_new(ERROR_NOT_UNDERSTOOD, "it became shorter while it was read");
        at += got;
        position += (uint64_t)got;
        count -= (size_t)got;
    }
    return NULL;
}

/* More of the stored bytes, when all at hand are used up. */
static void refill_stored(struct codec *codec, struct section_reader *reader)
{
    if (reader->stored_at < reader->stored_end || reader->stored_left == 0)
        return;
    size_t now = size_min(reader->stored_left, STORED_BYTES);
    codec->error = read_all(reader->file, reader->stored, now, reader->stored_position);
    reader->stored_position += now;
    reader->stored_left -= now;
    reader->stored_at = 0;
    reader->stored_end = codec->error ? 0 : now;
}

/* One step of zstd: from `stored` into `to`, which has room for `bytes`. Returns how many came. */
static size_t decompress(struct codec *codec, struct section_reader *reader, unsigned char *to, size_t bytes)
{
    refill_stored(codec, reader);
    if (codec->error)
        return 0;
    ZSTD_inBuffer stored = {reader->stored, reader->stored_end, reader->stored_at};
    ZSTD_outBuffer raw = {to, bytes, 0};
    size_t hint = ZSTD_decompressStream(reader->decompressor, &raw, &stored);
    if (ZSTD_isError(hint)) {
        codec_fail(codec, ZSTD_getErrorName(hint));
        return 0;
    }
    if (raw.pos == 0 && stored.pos == reader->stored_at && reader->stored_left == 0 && hint != 0)
        codec_fail(codec, "its payload is cut short");
    reader->stored_at = stored.pos;
    reader->frame_ended = hint == 0;
    return raw.pos;
}

static void bring_more(struct codec *codec)
{
    struct section_reader *reader = codec->stream;
    size_t rest = codec->end - codec->position;
    memmove(codec->window, codec->window + codec->position, rest);
    codec->position = 0;
    codec->end = rest;
    while (!codec->error && reader->raw_left && codec->end < CODEC_NUMBER_BYTES) {
        size_t room = size_min(reader->raw_left, WINDOW_BYTES - codec->end);
        if (reader->frame_ended)
            codec_fail(codec, "its payload is shorter than its header says");
        size_t got = codec->error ? 0 : decompress(codec, reader, codec->window + codec->end, room);
        codec->end += got;
        reader->raw_left -= got;
    }
}

struct error *section_reader_begin(struct section_reader *reader, int file, uint64_t memory_bytes)
{
    struct stat status;
    struct file_header header;
    *reader = (struct section_reader){
        .file = file,
        .memory_left = memory_bytes,
        .decompressor = ZSTD_createDCtx(),
        .window = malloc(WINDOW_BYTES),
        .stored = malloc(STORED_BYTES),
        .position = sizeof(header),
    };
    if (!reader->decompressor || !reader->window || !reader->stored)
        return error_no_memory();
    ZSTD_DCtx_setParameter(reader->decompressor, ZSTD_d_windowLogMax, WINDOW_LOG_MAX);
    if (fstat(file, &status) != 0)
        return error_errno(ERROR_UNREADABLE, errno, "cannot read it");
    if (!S_ISREG(status.st_mode))
        return error_new(ERROR_UNREADABLE, "it is not a regular file");
    reader->file_bytes = (uint64_t)status.st_size;
    if (reader->file_bytes < sizeof(header))
        return error_new(ERROR_NOT_UNDERSTOOD, "it is no snapshot of respire: it has %llu bytes",
            (unsigned long long)reader->file_bytes);
    struct error *error = read_all(file, &header, sizeof(header), 0);
    if (error)
        return error;
    if (memcmp(header.magic, SNAPSHOT_MAGIC, sizeof(header.magic)) != 0)
        return error_new(ERROR_NOT_UNDERSTOOD, "it is no snapshot of respire (respire snapshot writes them)");
    if (header.checksum != header_checksum(&header, offsetof(struct file_header, checksum)))
        return error_new(ERROR_NOT_UNDERSTOOD, "its header is damaged");
    if (header.version != SNAPSHOT_VERSION)
        return error_new(ERROR_NOT_UNDERSTOOD, "it has format %u, this respire reads format %d", header.version,
            SNAPSHOT_VERSION);
    return NULL;
}

struct error *section_reader_next(struct section_reader *reader)
{
    struct section_header *header = &reader->header;
    uint64_t left = reader->file_bytes - reader->position;
    if (left < sizeof(*header))
        return error_new(ERROR_NOT_UNDERSTOOD, "it is cut short: it ends at byte %llu, before its last section",
            (unsigned long long)reader->file_bytes);
    struct error *error = read_all(reader->file, header, sizeof(*header), reader->position);
    if (error)
        return error;
    if (header->checksum != header_checksum(header, offsetof(struct section_header, checksum)))
        return error_new(ERROR_NOT_UNDERSTOOD, "it is damaged: no section begins at byte %llu",
            (unsigned long long)reader->position);
    if (header->stored_bytes > left - sizeof(*header))
        return error_new(ERROR_NOT_UNDERSTOOD, "it is cut short: it ends at byte %llu, within a section",
            (unsigned long long)reader->file_bytes);
    reader->stored_position = reader->position + sizeof(*header);
    reader->position = reader->stored_position + header->stored_bytes;
    reader->ended = strncmp(header->name, "end", SECTION_NAME_BYTES) == 0;
    return NULL;
}

struct codec *section_reader_start(struct section_reader *reader)
{
    reader->raw_left = reader->header.raw_bytes;
    reader->stored_left = reader->header.stored_bytes;
    reader->stored_at = reader->stored_end = 0;
    reader->frame_ended = false;
    ZSTD_DCtx_reset(reader->decompressor, ZSTD_reset_session_only);
    reader->codec = (struct codec){
        .raw_bytes = reader->header.raw_bytes,
        .memory_left = &reader->memory_left,
        .window = reader->window,
        .turn = bring_more,
        .stream = reader,
    };
    if (reader->raw_left / STORED_RATIO_MAX > reader->stored_left)
        codec_fail(&reader->codec, "its header says more than its payload can hold");
    return &reader->codec;
}

struct error *section_reader_finish(struct section_reader *reader)
{
    struct codec *codec = &reader->codec;
    unsigned char beyond;
    if (!codec->error && (codec->position < codec->end || reader->raw_left))
        codec_fail(codec, "it holds more than it should");
    while (!codec->error && !reader->frame_ended)
        if (decompress(codec, reader, &beyond, sizeof(beyond)))
            codec_fail(codec, "its payload is longer than its header says");
    if (!codec->error && (reader->stored_at < reader->stored_end || reader->stored_left))
        codec_fail(codec, "bytes stand behind its payload");
    return codec->error;
}

void section_reader_free(struct section_reader *reader)
{
    ZSTD_freeDCtx(reader->decompressor);
    free(reader->window);
    free(reader->stored);
}

/* A snapshot read back is what was written; one that was damaged, cut short or made up is refused as a whole. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "snapshot/section_writer.h"
#include "snapshot/snapshot.h"
#include "snapshot_model.h"
#include "unit.h"

enum { MEMORY_BYTES = 64 << 20, FILE_MAX = 1 << 20 };

static const struct snapshot_about about = {.writer = "1.2.3", .name = "worker", .taken_ns = 1234567890123456789};

/* A file with what snapshot_write() makes of the model. */
static size_t write_model(enum string_contents contents, unsigned char *bytes)
{
    char path[] = "/tmp/respire-snapshot-XXXXXX";
    uint64_t written;
    int file = mkstemp(path);
    assert_true(file >= 0);
    struct process process = model_make();
    struct snapshot_about kept = about;
    kept.shows_strings = contents == STRING_CONTENTS_SHOWN;
    assert_null(snapshot_write(path, &kept, &process, &written));
    process_release(&process);
    close(file);
    file = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t count = read(file, bytes, FILE_MAX);
    close(file);
    unlink(path);
    assert_int_equal(count, written);
    return (size_t)count;
}

static struct error *read_bytes(const void *bytes, size_t count, bool want_graphs, struct process *process)
{
    struct snapshot_about found = {0};
    int file = memfd_create("snapshot", MFD_CLOEXEC);
    assert_true(file >= 0);
    assert_int_equal(write(file, bytes, count), count);
    struct error *error = snapshot_read_file(file, MEMORY_BYTES, want_graphs, &found, process);
    close(file);
    if (!error) {
        assert_string_equal(found.name, about.name);
        assert_string_equal(found.writer, about.writer);
        assert_int_equal(found.taken_ns, about.taken_ns);
    }
    return error;
}

static void assert_refused(const void *bytes, size_t count, const char *sentence)
{
    struct process process = {.pid = 1};
    struct error *error = read_bytes(bytes, count, true, &process);
    assert_non_null(error);
    if (sentence && !strstr(error_text(error), sentence))
        fail_msg("%s", error_text(error));
    assert_int_equal(process.pid, 1);
    error_free(error);
}

static unsigned char file_bytes[FILE_MAX];

static void what_was_written_is_read(void **state)
{
    (void)state;
    struct process read, made = model_make();
    size_t count = write_model(STRING_CONTENTS_HIDDEN, file_bytes);
    assert_null(read_bytes(file_bytes, count, true, &read));
    model_assert_equal(&made, &read);
    process_release(&made);
    process_release(&read);
}

static void names_are_found_under_who_bears_them(void **state)
{
    (void)state;
    struct process read;
    char name[OBJECT_NAME_BYTES];
    size_t count = write_model(STRING_CONTENTS_HIDDEN, file_bytes);
    assert_null(read_bytes(file_bytes, count, true, &read));
    const struct object_names *names = &read.states[0].names;
    assert_true(object_name(names, NAME_STRING, MODEL_KEY, 0, name));
    assert_string_equal(name, "name-0-1-0");
    assert_false(object_name(names, NAME_STRING, MODEL_KEY, 1, name));
    assert_false(object_name(names, NAME_STRING, MODEL_STRING, 1, name));
    /* The place of a Lua function is that of its proto, its upvalues were asked of itself. */
    assert_true(object_name(names, NAME_PLACE, MODEL_FUNCTION, 0, name));
    assert_string_equal(name, "name-1-4-0");
    assert_true(object_name(names, NAME_UPVALUE, MODEL_FUNCTION, 1, name));
    assert_string_equal(name, "name-2-3-1");
    assert_true(object_name(names, NAME_LOCAL, MODEL_THREAD, 4, name));
    assert_false(object_name(names, NAME_LOCAL, MODEL_THREAD, 5, name));
    assert_false(object_name(names, NAME_PLACE, MODEL_OBJECTS, 0, name));
    process_release(&read);
    count = write_model(STRING_CONTENTS_SHOWN, file_bytes);
    assert_null(read_bytes(file_bytes, count, true, &read));
    assert_true(object_name(&read.states[0].names, NAME_STRING, MODEL_STRING, 1, name));
    process_release(&read);
}

static void graphs_are_left_out_unless_wanted(void **state)
{
    (void)state;
    struct process read;
    size_t count = write_model(STRING_CONTENTS_HIDDEN, file_bytes);
    assert_null(read_bytes(file_bytes, count, false, &read));
    assert_null(read.states[0].graph);
    assert_int_equal(read.states[0].collector.count_bytes, 5001736);
    process_release(&read);
}

/* A few bits of a zstd frame mean nothing; whatever is accepted must be what was written. */
static void a_flipped_bit_is_noticed_or_means_nothing(void **state)
{
    (void)state;
    unsigned accepted = 0;
    struct process read, made = model_make();
    size_t count = write_model(STRING_CONTENTS_HIDDEN, file_bytes);
    for (size_t i = 0; i < count * 8; i++) {
        file_bytes[i / 8] ^= (unsigned char)(1u << i % 8);
        struct error *error = read_bytes(file_bytes, count, true, &read);
        file_bytes[i / 8] ^= (unsigned char)(1u << i % 8);
        if (error) {
            error_free(error);
            continue;
        }
        accepted++;
        model_assert_equal(&made, &read);
        process_release(&read);
    }
    assert_in_range(accepted, 0, count * 8 / 100);
    process_release(&made);
}

static void every_cut_is_noticed(void **state)
{
    (void)state;
    size_t count = write_model(STRING_CONTENTS_HIDDEN, file_bytes);
    for (size_t i = 0; i < count; i++)
        assert_refused(file_bytes, i, i < sizeof(struct file_header) ? "no snapshot" : "cut short");
    file_bytes[count] = 0;
    assert_refused(file_bytes, count + 1, "behind its end");
}

static void another_file_is_no_snapshot(void **state)
{
    (void)state;
    assert_refused("\x7f" "ELF and so on, as long as a header", 34, "no snapshot of respire");
}

/* A file of one made-up section, and what came before the model's end. */
static size_t add_section(const char *name, uint32_t version, uint32_t flags)
{
    size_t count = write_model(STRING_CONTENTS_HIDDEN, file_bytes);
    count -= sizeof(struct section_header);
    struct section_header last, header = {.version = version, .state = SECTION_OF_PROCESS, .flags = flags};
    memcpy(&last, file_bytes + count, sizeof(last));
    memcpy(header.name, name, strnlen(name, SECTION_NAME_BYTES));
    header.checksum = header_checksum(&header, offsetof(struct section_header, checksum));
    memcpy(file_bytes + count, &header, sizeof(header));
    memcpy(file_bytes + count + sizeof(header), &last, sizeof(last));
    return count + 2 * sizeof(header);
}

static void an_unknown_section_is_skipped_unless_needed(void **state)
{
    (void)state;
    struct process read;
    size_t count = add_section("colours", 1, 0);
    assert_null(read_bytes(file_bytes, count, true, &read));
    process_release(&read);
    count = add_section("colours", 1, SECTION_NEEDED);
    assert_refused(file_bytes, count, "newer");
}

static void a_newer_or_second_section_is_refused(void **state)
{
    (void)state;
    size_t count = add_section("map", 2, 0);
    assert_refused(file_bytes, count, "newer");
    count = add_section("map", 1, 0);
    assert_refused(file_bytes, count, "wrong place");
}

static void a_newer_file_is_refused(void **state)
{
    (void)state;
    size_t count = write_model(STRING_CONTENTS_HIDDEN, file_bytes);
    struct file_header header;
    memcpy(&header, file_bytes, sizeof(header));
    header.version++;
    header.checksum = header_checksum(&header, offsetof(struct file_header, checksum));
    memcpy(file_bytes, &header, sizeof(header));
    assert_refused(file_bytes, count, "format 2");
}

static void without_a_section_that_was_announced_it_is_refused(void **state)
{
    (void)state;
    size_t count = write_model(STRING_CONTENTS_HIDDEN, file_bytes), position = sizeof(struct file_header);
    struct section_header header;
    for (;; position += sizeof(header) + header.stored_bytes) {
        memcpy(&header, file_bytes + position, sizeof(header));
        if (strcmp(header.name, "names") == 0)
            break;
    }
    size_t bytes = sizeof(header) + header.stored_bytes;
    memmove(file_bytes + position, file_bytes + position + bytes, count - position - bytes);
    assert_refused(file_bytes, count - bytes, "names is missing");
}

static void a_model_beyond_the_memory_is_refused(void **state)
{
    (void)state;
    size_t count = write_model(STRING_CONTENTS_HIDDEN, file_bytes);
    struct snapshot_about found;
    struct process process;
    int file = memfd_create("snapshot", MFD_CLOEXEC);
    assert_int_equal(write(file, file_bytes, count), count);
    struct error *error = snapshot_read_file(file, 1000, true, &found, &process);
    assert_non_null(error);
    assert_int_equal(error_kind(error), ERROR_FAILED);
    error_free(error);
    close(file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_written_is_read),
        cmocka_unit_test(names_are_found_under_who_bears_them),
        cmocka_unit_test(graphs_are_left_out_unless_wanted),
        cmocka_unit_test(a_flipped_bit_is_noticed_or_means_nothing),
        cmocka_unit_test(every_cut_is_noticed),
        cmocka_unit_test(another_file_is_no_snapshot),
        cmocka_unit_test(an_unknown_section_is_skipped_unless_needed),
        cmocka_unit_test(a_newer_or_second_section_is_refused),
        cmocka_unit_test(a_newer_file_is_refused),
        cmocka_unit_test(without_a_section_that_was_announced_it_is_refused),
        cmocka_unit_test(a_model_beyond_the_memory_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

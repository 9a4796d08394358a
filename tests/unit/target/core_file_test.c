/* A core file reads like the process that it was made of, and a damaged one is one clear error. */
#include <elf.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/procfs.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "captured.h"
#include "checks.h"
#include "pattern.h"
#include "target/capture.h"
#include "target/target.h"

/* --- cores that gdb writes -------------------------------------------------------------------------- */

#ifndef __SANITIZE_ADDRESS__

enum { CORE_FILE_BYTES_MAX = 256 << 20 };

static void exec_gcore(const char *prefix, pid_t pid)
{
    char number[16];
    const struct rlimit limit = {CORE_FILE_BYTES_MAX, CORE_FILE_BYTES_MAX}; /* a disk filled up would be worse */
    int null = open("/dev/null", O_RDWR);
    snprintf(number, sizeof(number), "%d", pid);
    for (int file = 0; file <= 2; file++)
        dup2(null, file);
    setrlimit(RLIMIT_FSIZE, &limit);
    execlp("gcore", "gcore", "-o", prefix, number, NULL);
    _exit(1);
}

static void make_core(pid_t pid, char *folder, char *path, size_t path_bytes)
{
    char prefix[64];
    int status;
    assert_non_null(mkdtemp(folder));
    snprintf(prefix, sizeof(prefix), "%s/core", folder);
    snprintf(path, path_bytes, "%s.%d", prefix, pid);
    pid_t helper = fork();
    if (helper == 0)
        exec_gcore(prefix, pid);
    assert_int_equal(waitpid(helper, &status, 0), helper);
    struct stat core;
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    assert_int_equal(stat(path, &core), 0);
    assert_true(core.st_size < CORE_FILE_BYTES_MAX);
}

static void remove_core(const char *folder, const char *path)
{
    unlink(path);
    rmdir(folder);
}

/* gdb leaves out what it may not read, and dumps private memory whole. */
static bool is_in_a_core(enum region_kind kind)
{
    return kind == REGION_ANONYMOUS || kind == REGION_COPIED || kind == REGION_STACK;
}

static void assert_regions(const struct capture *capture, const struct pattern *pattern)
{
    for (int kind = 0; kind < REGION_COUNT; kind++) {
        for (unsigned i = 0; i < REGION_PAGES; i++) {
            unsigned char expected[PAGE];
            if (!is_in_a_core(kind) || !pattern_is_present(kind, i))
                continue;
            pattern_fill(expected, kind, i);
            const void *copied =
                capture_bytes(capture, address((uintptr_t)pattern->regions[kind].start + (size_t)i * PAGE), PAGE);
            assert_non_null(copied);
            assert_memory_equal(copied, expected, PAGE);
        }
    }
}

/* Everything that both hold is equal: the process has not run in between. */
static void assert_same_bytes(struct target *core, const struct capture *capture)
{
    uint64_t compared = 0;
    for (size_t i = 0; i < capture->piece_count; i++) {
        for (address_t at = capture->pieces[i].range.start; at.value < capture->pieces[i].range.end.value;
             at = address_add(at, PAGE)) {
            unsigned char page[PAGE];
            struct presence presence = {0};
            struct address_range range = {at, address_add(at, PAGE)};
            assert_ok(target_presence(core, range, &presence));
            if (presence.count == 1) {
                assert_ok(target_read(core, at, page, PAGE));
                assert_memory_equal(page, capture_bytes(capture, at, PAGE), PAGE);
                compared += PAGE;
            }
            presence_free(&presence);
        }
    }
    assert_true(compared > capture->copied_bytes / 2);
}

/* The kernel notes in a thread's memory (rseq) on which processor it runs: a child that moves would differ. */
static void stay_on_one_processor(void)
{
    cpu_set_t allowed, one;
    assert_int_equal(sched_getaffinity(0, sizeof(allowed), &allowed), 0);
    int processor = 0;
    while (!CPU_ISSET(processor, &allowed))
        processor++;
    CPU_ZERO(&one);
    CPU_SET(processor, &one);
    assert_int_equal(sched_setaffinity(0, sizeof(one), &one), 0);
}

static void equals_the_process(void **state)
{
    (void)state;
    skip_unless_root();
    stay_on_one_processor();
    char folder[] = "/tmp/respire-core-XXXXXX", path[128];
    struct pattern pattern;
    struct target *live, *core;
    struct capture before, capture;
    struct child child = pattern_start(&pattern);
    make_core(child.pid, folder, path, sizeof(path));
    wait_for_state(child.pid, 'S');
    assert_ok(target_open_process(child.pid, &live));
    assert_ok(capture_take(live, &(struct capture_options){0}, &before));
    assert_ok(target_open_core(path, NULL, &core));
    remove_core(folder, path);
    assert_int_equal(target_kind(core), TARGET_CORE_FILE);
    assert_int_equal(target_pid(core), child.pid);
    assert_ok(capture_take(core, &(struct capture_options){.want_sizes = true}, &capture));
    assert_false(capture.stopped);
    assert_regions(&capture, &pattern);
    assert_same_bytes(core, &before);
    capture_free(&before);
    capture_free(&capture);
    target_close(core);
    target_close(live);
    child_end(&child);
}

/* Code that gdb leaves out comes from the program's file: this test finds its own main() there. */
static void finds_code_in_the_mapped_file(void **state)
{
    (void)state;
    skip_unless_root();
    char folder[] = "/tmp/respire-core-XXXXXX", path[128];
    struct pattern pattern;
    struct target *core;
    struct mappings mappings;
    struct presence presence = {0};
    struct child child = pattern_start(&pattern);
    make_core(child.pid, folder, path, sizeof(path));
    child_end(&child);
    assert_ok(target_open_core(path, NULL, &core));
    remove_core(folder, path);
    assert_ok(target_mappings(core, &mappings));
    /* libc's code: Debian's libraries have build ids, this test program may have none */
    address_t code = address((uintptr_t)&memmem);
    struct address_range page = {address(code.value & ~(uint64_t)(PAGE - 1)), address((code.value | (PAGE - 1)) + 1)};
    const struct mapping *mapping = mappings_find(&mappings, code);
    assert_non_null(mapping);
    assert_true(mapping->executable && mapping->readable && !mapping->writable);
    assert_ok(target_presence(core, page, &presence));
    assert_int_equal(presence.count, 1);
    assert_int_equal(presence.items[0].state, PAGE_FILE);
    unsigned char bytes[32];
    assert_ok(target_read(core, code, bytes, sizeof(bytes)));
    assert_memory_equal(bytes, (const void *)(uintptr_t)code.value, sizeof(bytes));
    presence_free(&presence);
    mappings_free(&mappings);
    target_close(core);
}

#endif

/* --- cores made here --------------------------------------------------------------------------------- */

enum {
    CORE_BYTES_MAX = 64 << 10,
    CORE_PAGES = 3,
};

#define CORE_START 0x10000000ull
#define IMAGE_START 0x20000000ull

struct made_core {
    unsigned char bytes[CORE_BYTES_MAX];
    size_t count;
    size_t notes_at, notes_bytes;
};

static void put(struct made_core *core, const void *bytes, size_t count)
{
    memcpy(core->bytes + core->count, bytes, count);
    core->count += count;
}

static void put_note(struct made_core *core, uint32_t type, const void *bytes, size_t count)
{
    Elf64_Nhdr header = {.n_namesz = 5, .n_descsz = (Elf64_Word)count, .n_type = type};
    put(core, &header, sizeof(header));
    put(core, "CORE\0\0\0", 8);
    put(core, bytes, count);
    core->count = (core->count + 3) & ~(size_t)3;
}

/* Three pages of memory, and an image of two pages of which only the first was dumped. */
static void make_small_core(struct made_core *core, const char *image_path, const void *image_page)
{
    *core = (struct made_core){0};
    Elf64_Ehdr header = {.e_type = ET_CORE, .e_machine = EM_X86_64, .e_version = EV_CURRENT, .e_phoff = sizeof(header),
                         .e_ehsize = sizeof(header), .e_phentsize = sizeof(Elf64_Phdr), .e_phnum = 3};
    memcpy(header.e_ident, ELFMAG "\2\1\1", 7);
    put(core, &header, sizeof(header));
    core->count += 3 * sizeof(Elf64_Phdr);
    core->notes_at = core->count;
    struct elf_prstatus status = {.pr_pid = 4711};
    put_note(core, NT_PRSTATUS, &status, sizeof(status));
    unsigned char files[256];
    uint64_t words[] = {1, PAGE, IMAGE_START, IMAGE_START + 2 * PAGE, 0};
    memcpy(files, words, sizeof(words));
    strcpy((char *)files + sizeof(words), image_path);
    put_note(core, NT_FILE, files, sizeof(words) + strlen(image_path) + 1);
    core->notes_bytes = core->count - core->notes_at;
    core->count = (core->count + PAGE - 1) / PAGE * PAGE;
    Elf64_Phdr segments[] = {
        {.p_type = PT_NOTE, .p_offset = core->notes_at, .p_filesz = core->notes_bytes},
        {.p_type = PT_LOAD, .p_flags = PF_R | PF_W, .p_offset = core->count, .p_vaddr = CORE_START,
         .p_filesz = CORE_PAGES * PAGE, .p_memsz = CORE_PAGES * PAGE},
        {.p_type = PT_LOAD, .p_flags = PF_R | PF_X, .p_offset = core->count + CORE_PAGES * PAGE, .p_vaddr = IMAGE_START,
         .p_filesz = PAGE, .p_memsz = 2 * PAGE},
    };
    memcpy(core->bytes + sizeof(header), segments, sizeof(segments));
    unsigned char page[PAGE];
    for (unsigned i = 0; i < CORE_PAGES; i++) {
        pattern_fill(page, REGION_ANONYMOUS, i);
        put(core, page, sizeof(page));
    }
    put(core, image_page, PAGE);
}

static struct error *open_bytes(const void *bytes, size_t count, struct target **target)
{
    char path[64];
    int file = memfd_create("core", MFD_CLOEXEC);
    assert_true(file >= 0);
    assert_int_equal(write(file, bytes, count), count);
    snprintf(path, sizeof(path), "/proc/self/fd/%d", file);
    struct error *error = target_open_core(path, NULL, target);
    close(file);
    return error;
}

/* An ELF image's first page, with this build id. */
static void make_image_page(unsigned char *page, unsigned char id)
{
    Elf64_Ehdr header = {.e_phoff = sizeof(header), .e_phentsize = sizeof(Elf64_Phdr), .e_phnum = 1};
    Elf64_Phdr segment = {.p_type = PT_NOTE, .p_offset = 256, .p_filesz = sizeof(Elf64_Nhdr) + 4 + 20};
    Elf64_Nhdr note = {.n_namesz = 4, .n_descsz = 20, .n_type = NT_GNU_BUILD_ID};
    memcpy(header.e_ident, ELFMAG "\2\1\1", 7);
    memset(page, 0, PAGE);
    memcpy(page, &header, sizeof(header));
    memcpy(page + sizeof(header), &segment, sizeof(segment));
    memcpy(page + 256, &note, sizeof(note));
    memcpy(page + 256 + sizeof(note), "GNU", 4);
    memset(page + 256 + sizeof(note) + 4, id, 20);
}

static void make_image_file(char *path, unsigned char id)
{
    unsigned char page[PAGE];
    int file = mkstemp(path);
    assert_true(file >= 0);
    make_image_page(page, id);
    assert_int_equal(write(file, page, sizeof(page)), PAGE);
    memset(page, 0xc3, sizeof(page));
    assert_int_equal(write(file, page, 100), 100); /* the file ends within its second page */
    close(file);
}

static void reads_a_small_core(void **state)
{
    (void)state;
    static struct made_core core;
    unsigned char page[PAGE], expected[PAGE];
    struct target *target;
    struct capture capture;
    make_image_page(page, 1);
    make_small_core(&core, "/nonexistent", page);
    assert_ok(open_bytes(core.bytes, core.count, &target));
    assert_int_equal(target_pid(target), 4711);
    assert_ok(capture_take(target, &(struct capture_options){0}, &capture));
    assert_int_equal(capture.mappings.count, 2);
    assert_string_equal(capture.mappings.items[1].path, "/nonexistent");
    assert_true(capture.mappings.items[0].writable && capture.mappings.items[1].executable);
    assert_int_equal(capture.copied_bytes, (CORE_PAGES + 1) * PAGE);
    for (unsigned i = 0; i < CORE_PAGES; i++) {
        pattern_fill(expected, REGION_ANONYMOUS, i);
        assert_memory_equal(capture_bytes(&capture, address(CORE_START + i * PAGE), PAGE), expected, PAGE);
    }
    assert_error(target_read(target, address(IMAGE_START + PAGE), page, 1), ERROR_UNREADABLE, "does not hold");
    capture_free(&capture);
    target_close(target);
}

/* The second page of the image is only in the file, and only a file with the same build id may give it. */
static void believes_only_the_same_build(void **state)
{
    (void)state;
    static struct made_core core;
    for (unsigned char id = 1; id <= 2; id++) {
        char path[] = "/tmp/respire-image-XXXXXX";
        unsigned char page[PAGE];
        struct target *target;
        struct presence presence = {0};
        make_image_file(path, id);
        make_image_page(page, 1);
        make_small_core(&core, path, page);
        assert_ok(open_bytes(core.bytes, core.count, &target));
        unlink(path);
        struct address_range second = {address(IMAGE_START + PAGE), address(IMAGE_START + 2 * PAGE)};
        assert_ok(target_presence(target, second, &presence));
        assert_int_equal(presence.count, id == 1);
        if (id == 1) {
            assert_int_equal(presence.items[0].state, PAGE_FILE);
            assert_ok(target_read(target, second.start, page, PAGE));
            assert_int_equal(page[99], 0xc3);
            assert_int_equal(page[100], 0);
        }
        presence_free(&presence);
        target_close(target);
    }
}

static void opens_no_devices(void **state)
{
    (void)state;
    static struct made_core core;
    char fifo[] = "/tmp/respire-fifo-XXXXXX";
    unsigned char page[PAGE];
    struct target *target;
    int file = mkstemp(fifo);
    close(file);
    unlink(fifo);
    assert_int_equal(mkfifo(fifo, 0600), 0);
    make_image_page(page, 1);
    make_small_core(&core, fifo, page);
    assert_ok(open_bytes(core.bytes, core.count, &target)); /* opening the fifo would wait for ever */
    target_close(target);
    unlink(fifo);
    assert_error(target_open_core("/dev/zero", NULL, &target), ERROR_UNREADABLE, "no regular file");
    assert_error(target_open_core("/tmp", NULL, &target), ERROR_UNREADABLE, "no regular file");
}

static void refuses_what_is_no_core(void **state)
{
    (void)state;
    static struct made_core core;
    unsigned char page[PAGE];
    struct target *target;
    make_image_page(page, 1);
    make_small_core(&core, "/nonexistent", page);
    assert_error(target_open_core("/nonexistent/core", NULL, &target), ERROR_UNREADABLE, "No such file");
    assert_error(target_open_core("/bin/ls", NULL, &target), ERROR_NOT_UNDERSTOOD, "not a core");
    assert_error(open_bytes("", 0, &target), ERROR_NOT_UNDERSTOOD, "no core file that respire understands");
    assert_error(open_bytes("hello", 5, &target), ERROR_NOT_UNDERSTOOD, "not an ELF file");
    Elf64_Ehdr *header = (Elf64_Ehdr *)core.bytes;
    header->e_machine = EM_AARCH64;
    assert_error(open_bytes(core.bytes, core.count, &target), ERROR_NOT_UNDERSTOOD, "not of an x86-64 process");
    header->e_machine = EM_X86_64;
    header->e_ident[EI_DATA] = ELFDATA2MSB;
    assert_error(open_bytes(core.bytes, core.count, &target), ERROR_NOT_UNDERSTOOD, "");
    header->e_ident[EI_DATA] = ELFDATA2LSB;
    header->e_phnum = 1;
    assert_error(open_bytes(core.bytes, core.count, &target), ERROR_NOT_UNDERSTOOD, "holds no memory");
    header->e_phnum = 0;
    assert_error(open_bytes(core.bytes, core.count, &target), ERROR_NOT_UNDERSTOOD, "no program headers");
}

static void refuses_every_cut(void **state)
{
    (void)state;
    static struct made_core core;
    unsigned char page[PAGE];
    struct target *target;
    make_image_page(page, 1);
    make_small_core(&core, "/nonexistent", page);
    for (size_t count = 0; count < core.count; count += count < 2 * PAGE ? 7 : 509)
        assert_error(open_bytes(core.bytes, count, &target), ERROR_NOT_UNDERSTOOD, "core");
    assert_error(open_bytes(core.bytes, core.count - 1, &target), ERROR_NOT_UNDERSTOOD, "cut short");
}

/* Flipped bits give an error or some memory, never a crash; thousands of them, all from one seed. */
static void survives_flipped_bits(void **state)
{
    (void)state;
    static struct made_core core, damaged;
    char path[] = "/tmp/respire-image-XXXXXX";
    unsigned char page[PAGE];
    unsigned opened = 0;
    make_image_file(path, 1);
    make_image_page(page, 1);
    make_small_core(&core, path, page);
    srand(5);
    for (unsigned round = 0; round < 6000; round++) {
        struct target *target;
        struct capture capture;
        damaged = core;
        size_t head = core.notes_at + core.notes_bytes;
        for (int i = rand() % 4; i >= 0; i--)
            damaged.bytes[(size_t)rand() % (i % 2 ? core.count : head)] ^= (unsigned char)(1 << rand() % 8);
        struct error *error = open_bytes(damaged.bytes, damaged.count, &target);
        if (error) {
            assert_int_equal(error_kind(error), ERROR_NOT_UNDERSTOOD);
            error_free(error);
            continue;
        }
        opened++;
        error = capture_take(target, &(struct capture_options){0}, &capture);
        if (!error)
            capture_free(&capture);
        error_free(error);
        target_close(target);
    }
    unlink(path);
    assert_in_range(opened, 500, 5900);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#ifndef __SANITIZE_ADDRESS__ /* gcore of a child that has the sanitizer's memory would fill the disk */
        cmocka_unit_test(equals_the_process),
        cmocka_unit_test(finds_code_in_the_mapped_file),
#endif
        cmocka_unit_test(reads_a_small_core),
        cmocka_unit_test(believes_only_the_same_build),
        cmocka_unit_test(opens_no_devices),
        cmocka_unit_test(refuses_what_is_no_core),
        cmocka_unit_test(refuses_every_cut),
        cmocka_unit_test(survives_flipped_bits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

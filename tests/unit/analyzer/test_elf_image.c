/* The symbols and function starts of this very program, whole and damaged. */
#include "unit.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "symbols/elf_image.h"

enum { PAGE_BYTES = 4096, DAMAGES = 2000 };

static int variable_with_a_name = 17;

static __attribute__((noinline)) int function_with_a_name(int value)
{
    return value + variable_with_a_name;
}

static struct elf_image own_image(void)
{
    struct elf_image image;
    int descriptor = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    assert_true(descriptor >= 0);
    assert_true(elf_image_read(descriptor, PAGE_BYTES, &image));
    close(descriptor);
    return image;
}

/* Where things lie in the file: their distances from each other are those in memory. */
static const struct elf_symbol *symbol_named(const struct elf_image *image, const char *name)
{
    for (size_t i = 0; i < image->local.count; i++)
        if (strcmp(image->local.items[i].name, name) == 0)
            return &image->local.items[i];
    fail_msg("no symbol %s", name);
    abort();
}

static void symbols_are_found_by_address(void **state)
{
    (void)state;
    struct elf_image image = own_image();
    assert_int_equal(function_with_a_name(1), 18);
    const struct elf_symbol *function = symbol_named(&image, "function_with_a_name");
    const struct elf_symbol *variable = symbol_named(&image, "variable_with_a_name");
    uint64_t distance = (uintptr_t)&variable_with_a_name - (uintptr_t)function_with_a_name;
    assert_int_equal(variable->value - function->value, distance);
    assert_ptr_equal(elf_image_symbol(&image, function->value + function->bytes - 1, true), function);
    assert_ptr_not_equal(elf_image_symbol(&image, function->value + function->bytes, true), function);
    assert_null(elf_image_symbol(&image, function->value, false));
    assert_ptr_equal(elf_image_symbol(&image, variable->value + 3, false), variable);
    elf_image_free(&image);
}

/* Each function with a symbol starts where unwinding tables say that one starts. */
static void functions_start_where_symbols_do(void **state)
{
    (void)state;
    struct elf_image image = own_image();
    const struct elf_symbol *function = symbol_named(&image, "function_with_a_name");
    uint64_t start;
    assert_true(elf_image_function_start(&image, function->value + 1, &start));
    assert_int_equal(start, function->value);
    assert_false(elf_image_function_start(&image, 0, &start));
    elf_image_free(&image);
}

static void other_files_are_none(void **state)
{
    (void)state;
    struct elf_image image;
    int descriptor = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
    assert_false(elf_image_read(descriptor, PAGE_BYTES, &image));
    close(descriptor);
}

static void damage_does_no_harm(void **state)
{
    (void)state;
    uint64_t random = 88172645463325252u;
    int own = open("/proc/self/exe", O_RDONLY | O_CLOEXEC), damaged = memfd_create("damaged", MFD_CLOEXEC);
    struct stat about;
    assert_int_equal(fstat(own, &about), 0);
    assert_int_equal(ftruncate(damaged, about.st_size), 0);
    const unsigned char *whole = mmap(NULL, (size_t)about.st_size, PROT_READ, MAP_PRIVATE, own, 0);
    unsigned char *bytes = mmap(NULL, (size_t)about.st_size, PROT_READ | PROT_WRITE, MAP_SHARED, damaged, 0);
    assert_true(whole != MAP_FAILED && bytes != MAP_FAILED);
    memcpy(bytes, whole, (size_t)about.st_size);
    uint64_t sections;
    memcpy(&sections, whole + 40, sizeof(sections)); /* e_shoff */
    for (unsigned i = 0; i < DAMAGES; i++) {
        struct elf_image image;
        uint64_t start;
        random ^= random << 13, random ^= random >> 7, random ^= random << 17;
        size_t headers = (size_t)about.st_size - sections;
        size_t place = random & 1 ? (random >> 8) % 1024 : sections + (random >> 8) % headers;
        bytes[place] = (unsigned char)(random >> 1);
        if (elf_image_read(damaged, PAGE_BYTES, &image)) {
            elf_image_symbol(&image, random >> 40, true);
            elf_image_function_start(&image, random >> 40, &start);
            elf_image_free(&image);
        }
        bytes[place] = whole[place];
    }
    munmap((void *)(uintptr_t)whole, (size_t)about.st_size);
    munmap(bytes, (size_t)about.st_size);
    close(own);
    close(damaged);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(symbols_are_found_by_address),
        cmocka_unit_test(functions_start_where_symbols_do),
        cmocka_unit_test(other_files_are_none),
        cmocka_unit_test(damage_does_no_harm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

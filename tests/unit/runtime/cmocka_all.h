/* cmocka.h with what it wants before it. */
#ifndef RESPIRE_TESTS_CMOCKA_ALL_H
#define RESPIRE_TESTS_CMOCKA_ALL_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#endif

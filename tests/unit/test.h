/* The headers that cmocka wants, in its order. */
#ifndef UNIT_TEST_H
#define UNIT_TEST_H
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#endif

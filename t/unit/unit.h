
/*
 * Unit tests that print TAP: unit_ok() for each thing that is checked,
 * return unit_done() from main().
 */


#ifndef NGX_WEBSOCKET_UNIT_H
#define NGX_WEBSOCKET_UNIT_H


#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>


static int  unit_tests;
static int  unit_failed;


__attribute__((format(printf, 2, 3), unused))
static int
unit_ok(int ok, const char *format, ...)
{
    va_list  args;

    unit_tests++;
    unit_failed += !ok;

    printf("%sok %d - ", ok ? "" : "not ", unit_tests);

    va_start(args, format);
    vprintf(format, args);
    va_end(args);

    printf("\n");
    fflush(stdout);

    return ok;
}


__attribute__((unused))
static int
unit_done(void)
{
    printf("1..%d\n", unit_tests);

    return unit_failed ? 1 : 0;
}


/* memory of n bytes whose end is the end of what may be touched */

__attribute__((unused))
static uint8_t *
unit_guarded(size_t n)
{
    size_t    page, size;
    uint8_t  *p;

    page = (size_t) sysconf(_SC_PAGESIZE);
    size = (n / page + 1) * page;

    p = mmap(NULL, size + page, PROT_READ|PROT_WRITE,
             MAP_PRIVATE|MAP_ANONYMOUS, -1, 0);

    if (p == MAP_FAILED || mprotect(p + size, page, PROT_NONE) != 0) {
        perror("mmap");
        exit(1);
    }

    return p + size - n;
}


__attribute__((unused))
static void
unit_unguard(uint8_t *p, size_t n)
{
    size_t  page, size;

    page = (size_t) sysconf(_SC_PAGESIZE);
    size = (n / page + 1) * page;

    munmap(p + n - size, size + page);
}


/* a small generator: the same numbers in each run */

__attribute__((unused))
static uint32_t
unit_random(uint64_t *state)
{
    *state = *state * UINT64_C(6364136223846793005)
             + UINT64_C(1442695040888963407);

    return (uint32_t) (*state >> 33);
}


#endif /* NGX_WEBSOCKET_UNIT_H */


/*
 * Memory that is refused: to be included before the sources under test, which
 * then, and jansson, take theirs from here.  unit_each_refused() runs
 * something again and again, and refuses the first allocation, then the
 * second one, and so on, until it was run with none refused.
 */


#ifndef NGX_WEBSOCKET_MEMORY_H
#define NGX_WEBSOCKET_MEMORY_H


#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "unit.h"


static size_t  memory_count;
static size_t  memory_refused = SIZE_MAX;


static void *
memory_alloc(size_t size)
{
    return memory_count++ == memory_refused ? NULL : malloc(size);
}


__attribute__((unused))
static void *
memory_zeroed(size_t n, size_t size)
{
    return memory_count++ == memory_refused ? NULL : calloc(n, size);
}


__attribute__((unused))
static void *
memory_again(void *p, size_t size)
{
    return memory_count++ == memory_refused ? NULL : realloc(p, size);
}


__attribute__((unused))
static char *
memory_copy(const char *text)
{
    char  *copy;

    copy = memory_alloc(strlen(text) + 1);

    return copy ? strcpy(copy, text) : NULL;
}


/* returns how many runs there were; run() returns 0 when all went well */

__attribute__((unused))
static size_t
unit_each_refused(const char *name, int (*run)(void))
{
    int     rc, wrong;
    size_t  n;

    json_set_alloc_funcs(memory_alloc, free);

    wrong = 0;

    for (n = 0; n < 10000; n++) {
        memory_count = 0;
        memory_refused = n;
        rc = run();
        wrong += rc == 0 && memory_count > n;

        if (memory_count <= n) {
            break;
        }
    }

    memory_refused = SIZE_MAX;

    unit_ok(rc == 0 && !wrong && n > 0,
            "%s: %zu allocations, each refused once", name, n);

    return n;
}


#define malloc(size)      memory_alloc(size)
#define calloc(n, size)   memory_zeroed(n, size)
#define realloc(p, size)  memory_again(p, size)

#undef strdup
#define strdup(text)      memory_copy(text)


#endif /* NGX_WEBSOCKET_MEMORY_H */


/*
 * Patches of Fossil's format: what they make is the target, they are smaller
 * than it, and no character is cut in those of texts.
 */


#include <time.h>

#include "unit.h"
#include "fossil.h"
#include "wire/utf8.c"
#include "centrifuge/fossil.c"


static uint8_t  patch[NGX_WEBSOCKET_FOSSIL_SIZE + 1];
static uint8_t  made[NGX_WEBSOCKET_FOSSIL_SIZE];


/* the patch's size; 0: there is none, and -1: it makes something else */

static long
size_of(const void *source, size_t n, const void *target, size_t size,
    int text)
{
    size_t                m;
    ngx_websocket_utf8_t  utf8;

    patch[size < sizeof(patch) ? size : 0] = 0xee;

    m = ngx_websocket_fossil_make(source, n, target, size, text, patch);

    if (m == 0) {
        return 0;
    }

    utf8 = 0;

    return m < size && patch[size] == 0xee
           && (!text || (ngx_websocket_utf8(&utf8, patch, m) == 0
                         && utf8 == 0))
           && fossil_apply(source, n, patch, m, made, sizeof(made))
              == (long) size
           && memcmp(made, target, size) == 0
           ? (long) m : -1;
}


static void
is(const char *source, const char *target, const char *expected)
{
    long  m;

    m = size_of(source, strlen(source), target, strlen(target), 1);

    unit_ok(m == (long) strlen(expected) && memcmp(patch, expected, m) == 0,
            "%s -> %s: %.*s", source, target, (int) m, (char *) patch);
}


static void
small(void)
{
    is("", "something new", "");
    is("something", "short", "");
    is("1234567", "1234567", "");
    is("of other words altogether", "nothing is like this one", "");
    is("a text that stays as it is", "a text that stays as it is",
       "Q\nQ@0,2nPp05;");
    is("{\"counter\":1,\"payload\":\"the same for long\"}",
       "{\"counter\":2,\"payload\":\"the same for long\"}",
       "g\nB@0,1:2V@C,3x8qeF;");
}


/* the second byte of a character differs, in the middle of what is the same */

static void
characters(void)
{
    long         m;
    const char  *old, *new;

    old = "a long text in front, \xc3\xa4\xc3\xb6, a long text behind";
    new = "a long text in front, \xc3\xb6\xc3\xa4, a long text behind";

    m = size_of(old, strlen(old), new, strlen(new), 1);
    unit_ok(m > 0, "whole characters: %ld of %zu", m, strlen(new));

    m = size_of(old, strlen(old), new, strlen(new), 0);
    unit_ok(m > 0, "bytes: %ld of %zu", m, strlen(new));
}


static void
large(void)
{
    long            m;
    size_t          i;
    static uint8_t  a[NGX_WEBSOCKET_FOSSIL_SIZE + 1], b[sizeof(a)];

    srand(1);

    for (i = 0; i < sizeof(a); i++) {
        a[i] = b[i] = (uint8_t) rand();
    }

    b[1000]++;
    b[100000]++;

    m = size_of(a, sizeof(a) - 1, b, sizeof(a) - 1, 0);
    unit_ok(m > 0 && m < 300, "two bytes of %zu: %ld", sizeof(a) - 1, m);

    m = size_of(a, sizeof(a) - 1, b + 5000, 60000, 0);
    unit_ok(m > 0 && m < 300, "what stands elsewhere: %ld", m);

    m = size_of(a, sizeof(a), b, sizeof(b), 0);
    unit_ok(m == 0, "of more than is looked at there is no patch");

    for (i = 0; i < sizeof(a); i++) {
        a[i] = 'a' + (uint8_t) (i % 7 == 0);
        b[i] = 'a' + (uint8_t) (i % 11 == 0);
    }

    m = size_of(a, sizeof(a) - 1, b, sizeof(a) - 1, 1);
    unit_ok(m >= 0, "all looks alike: %ld", m);
}


int
main(void)
{
    small();
    characters();
    large();

    return unit_done();
}

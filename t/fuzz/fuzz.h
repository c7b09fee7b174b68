
/*
 * What the fuzz targets share: a check that stops the run, input in pieces
 * of its own memory, and a slow decoder of UTF-8 to compare with.
 */


#ifndef NGX_WEBSOCKET_FUZZ_H
#define NGX_WEBSOCKET_FUZZ_H


#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>


#define FUZZ_NONE  ((size_t) -1)

#define fuzz_check(true_thing)                                                \
    do {                                                                      \
        if (!(true_thing)) {                                                  \
            fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__,        \
                    #true_thing);                                             \
            abort();                                                          \
        }                                                                     \
    } while (0)


int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);


/* a copy in memory of exactly n bytes: the sanitizer sees a byte too many */

__attribute__((unused))
static uint8_t *
fuzz_copy(const uint8_t *p, size_t n)
{
    uint8_t  *copy;

    copy = malloc(n ? n : 1);
    fuzz_check(copy != NULL);

    if (n) {
        memcpy(copy, p, n);
    }

    return copy;
}


/* the size of the i-th piece: all alike for 1..15, else of many sizes */

__attribute__((unused))
static size_t
fuzz_piece(uint8_t choice, size_t i, size_t left)
{
    size_t  n;

    n = choice & 0x0f ? choice & 0x0f : 1 + (i * 37 + choice) % 41;

    return n < left ? n : left;
}


/*
 * The place of the first byte that makes a text invalid, FUZZ_NONE if there
 * is none, and whether the text ends with a whole character.  A character
 * fails at a byte when no value that begins so is a Unicode scalar value in
 * its shortest form.
 */

__attribute__((unused))
static size_t
fuzz_utf8(const uint8_t *p, size_t n, int *whole)
{
    size_t    i, k, size;
    uint32_t  value, first, last;

    static const uint32_t  least[] = { 0, 0, 0x80, 0x800, 0x10000 };

    for (value = 0, i = 0; i < n; i += size) {

        size = p[i] < 0x80 ? 1 : p[i] < 0xc0 ? 0 : p[i] < 0xe0 ? 2
               : p[i] < 0xf0 ? 3 : p[i] < 0xf8 ? 4 : 0;

        if (size == 0) {
            return i;
        }

        for (k = 0; k < size; k++) {

            if (i + k == n) {
                *whole = 0;
                return FUZZ_NONE;
            }

            if (k && (p[i + k] & 0xc0) != 0x80) {
                return i + k;
            }

            value = k ? value << 6 | (p[i + k] & 0x3f)
                      : size == 1 ? p[i] : p[i] & (0x7fu >> size);

            /* the least and the greatest value that begin so */

            first = value << 6 * (size - 1 - k);
            last = first + (1u << 6 * (size - 1 - k)) - 1;

            if (first > 0x10ffff || last < least[size]
                || (first >= 0xd800 && last <= 0xdfff))
            {
                return i + k;
            }
        }
    }

    *whole = 1;

    return FUZZ_NONE;
}


#endif /* NGX_WEBSOCKET_FUZZ_H */

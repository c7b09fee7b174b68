
/*
 * Patches of Fossil's format: a decoder of the tests' own makes the target of
 * each, which is smaller than it, and UTF-8 where both texts are.
 */

#include "fuzz.h"
#include "../unit/fossil.h"
#include "centrifuge/fossil.c"


int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
    int      text, whole;
    size_t   at, size, m;
    uint8_t *source, *target, *patch, *made;

    if (n < 2) {
        return 0;
    }

    /* the first two bytes say where the source ends */

    at = (size_t) (p[0] << 8 | p[1]) % (n - 1);
    p += 2;
    n -= 2;
    size = n - at;

    source = fuzz_copy(p, at);
    target = fuzz_copy(p + at, size);
    patch = malloc(size + 1);
    made = malloc(size + 1);

    whole = 0;
    text = fuzz_utf8(target, size, &whole) == FUZZ_NONE && whole;

    m = ngx_websocket_fossil_make(source, at, target, size, text, patch);

    if (m) {
        fuzz_check(m < size);
        fuzz_check(fossil_apply(source, at, patch, m, made, size)
                   == (long) size);
        fuzz_check(memcmp(made, target, size) == 0);
        fuzz_check(!text || (fuzz_utf8(patch, m, &whole) == FUZZ_NONE
                             && whole));
    }

    free(source);
    free(target);
    free(patch);
    free(made);

    return 0;
}


/*
 * UTF-8 in pieces: whatever the pieces, it fails with the byte with which
 * the slow decoder fails, and ends where that one ends.  The first byte of
 * the input chooses the pieces.
 */

#include "fuzz.h"
#include "wire/utf8.c"


static void
check_pieces(const uint8_t *p, size_t n, uint8_t choice, size_t bad,
    int whole)
{
    int                    rc;
    size_t                 i, at, size;
    uint8_t               *piece;
    ngx_websocket_utf8_t   state;

    state = 0;

    for (at = 0, i = 0; at < n; at += size, i++) {

        size = fuzz_piece(choice, i, n - at);

        piece = fuzz_copy(p + at, size);
        rc = ngx_websocket_utf8(&state, piece, size);
        free(piece);

        if (bad < at + size) {
            fuzz_check(rc == -1);
            return;
        }

        fuzz_check(rc == 0);
    }

    fuzz_check((state == 0) == whole);
}


int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
    int                    rc, whole;
    size_t                 bad;
    uint8_t               *copy;
    ngx_websocket_utf8_t   state;

    if (n == 0) {
        return 0;
    }

    whole = 0;
    bad = fuzz_utf8(p + 1, n - 1, &whole);

    copy = fuzz_copy(p + 1, n - 1);
    state = 0;
    rc = ngx_websocket_utf8(&state, copy, n - 1);
    free(copy);

    fuzz_check((rc == 0) == (bad == FUZZ_NONE));
    fuzz_check(rc != 0 || (state == 0) == whole);

    check_pieces(p + 1, n - 1, p[0], bad, whole);
    check_pieces(p + 1, n - 1, 1, bad, whole);

    return 0;
}

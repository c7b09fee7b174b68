
/*
 * Close payloads.  The input is read as one that a peer sent, up to 125
 * bytes of it, and as a code and a reason to be written, which must come
 * back when it is read.
 */

#include "fuzz.h"
#include "wire/utf8.c"
#include "wire/close.c"


#define CLOSE_SIZE  125


/* RFC 6455, section 7.4, and the IANA registry, code by code */

static int
may_be_sent(unsigned code)
{
    switch (code) {

    case 1000: case 1001: case 1002: case 1003:
    case 1007: case 1008: case 1009: case 1010:
    case 1011: case 1012: case 1013: case 1014:
        return 1;

    default:
        return code / 1000 == 3 || code / 1000 == 4;
    }
}


static void
check_parse(const uint8_t *p, size_t n)
{
    int        whole;
    uint8_t   *copy;
    uint16_t   code, error, want;

    whole = 1;

    if (n == 0) {
        want = 0;

    } else if (n == 1 || !may_be_sent(p[0] * 256u + p[1])) {
        want = 1002;

    } else if (fuzz_utf8(p + 2, n - 2, &whole) != FUZZ_NONE || !whole) {
        want = 1007;

    } else {
        want = 0;
    }

    copy = fuzz_copy(p, n);
    code = 0;
    error = ngx_websocket_close_parse(copy, n, &code);
    free(copy);

    fuzz_check(error == want);
    fuzz_check(error || code == (n ? p[0] * 256u + p[1] : 1005));
}


/* the longest beginning of whole characters that a Close frame can take */

static size_t
fitting(const uint8_t *p, size_t n)
{
    int     whole;
    size_t  size;

    size = n < CLOSE_SIZE - 2 ? n : CLOSE_SIZE - 2;

    for ( ;; ) {
        whole = 0;

        if (fuzz_utf8(p, size, &whole) == FUZZ_NONE && whole) {
            return size;
        }

        size--;
    }
}


static void
check_payload(uint16_t code, const uint8_t *p, size_t n)
{
    int        whole;
    size_t     size;
    uint8_t   *reason, *dst;
    uint16_t   got;

    reason = fuzz_copy(p, n);
    dst = malloc(CLOSE_SIZE);
    fuzz_check(dst != NULL);

    size = ngx_websocket_close_payload(dst, code, reason, n);

    if (code == NGX_WEBSOCKET_CLOSE_NO_STATUS) {
        fuzz_check(size == 0);

    } else {
        fuzz_check(size >= 2 && size <= CLOSE_SIZE && size - 2 <= n);
        fuzz_check(dst[0] == code / 256 && dst[1] == code % 256);
        fuzz_check(memcmp(dst + 2, p, size - 2) == 0);
        fuzz_check(n > CLOSE_SIZE - 2 || size == n + 2);

        if (fuzz_utf8(p, n, &whole) == FUZZ_NONE && whole) {
            fuzz_check(size == 2 + fitting(p, n));
            fuzz_check(ngx_websocket_close_parse(dst, size, &got)
                       == (may_be_sent(code) ? 0 : 1002));
            fuzz_check(got == code);
        }
    }

    free(reason);
    free(dst);
}


int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
    check_parse(p, n < CLOSE_SIZE ? n : CLOSE_SIZE);

    if (n >= 2) {
        check_payload((uint16_t) (p[0] << 8 | p[1]), p + 2, n - 2);
        check_payload(1000, p + 2, n - 2);
    }

    return 0;
}

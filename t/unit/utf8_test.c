
/* RFC 3629; RFC 6455, section 8.1 */

#include "unit.h"
#include "wire/utf8.c"


/* how many of the n bytes can begin a text: n when all can */

static size_t
accepted(const uint8_t *p, size_t n, ngx_websocket_utf8_t *state)
{
    size_t  i;

    *state = 0;

    for (i = 0; i < n; i++) {
        if (ngx_websocket_utf8(state, p + i, 1) != 0) {
            return i;
        }
    }

    return n;
}


/* the same by decoding: a prefix is good if some continuation makes it so */

static int
possible(const uint8_t *p, size_t n)
{
    size_t    i, left;
    uint32_t  low, high, least;

    for (i = 0; i < n; /* void */ ) {

        if (p[i] < 0x80) {
            i++;
            continue;
        }

        left = p[i] >= 0xf0 ? 3 : p[i] >= 0xe0 ? 2 : 1;
        least = left == 3 ? 0x10000 : left == 2 ? 0x800 : 0x80;

        if (p[i] < 0xc0 || p[i] >= 0xf8) {
            return 0;
        }

        low = p[i] & (left == 3 ? 0x07 : left == 2 ? 0x0f : 0x1f);
        high = low;

        for (i++; left; left--) {

            if (i < n) {
                if ((p[i] & 0xc0) != 0x80) {
                    return 0;
                }

                low = low << 6 | (p[i] & 0x3f);
                high = high << 6 | (p[i] & 0x3f);
                i++;

            } else {
                low <<= 6;
                high = high << 6 | 0x3f;
            }
        }

        /* of the values that are still possible, is any one allowed? */

        if (low < least) {
            low = least;
        }

        if (high > 0x10ffff) {
            high = 0x10ffff;
        }

        if (low >= 0xd800 && low <= 0xdfff) {
            low = 0xe000;
        }

        if (low > high) {
            return 0;
        }
    }

    return 1;
}


static size_t
encode(uint32_t c, uint8_t *p)
{
    if (c < 0x80) {
        p[0] = (uint8_t) c;
        return 1;
    }

    if (c < 0x800) {
        p[0] = (uint8_t) (0xc0 | c >> 6);
        p[1] = (uint8_t) (0x80 | (c & 0x3f));
        return 2;
    }

    if (c < 0x10000) {
        p[0] = (uint8_t) (0xe0 | c >> 12);
        p[1] = (uint8_t) (0x80 | (c >> 6 & 0x3f));
        p[2] = (uint8_t) (0x80 | (c & 0x3f));
        return 3;
    }

    p[0] = (uint8_t) (0xf0 | c >> 18);
    p[1] = (uint8_t) (0x80 | (c >> 12 & 0x3f));
    p[2] = (uint8_t) (0x80 | (c >> 6 & 0x3f));
    p[3] = (uint8_t) (0x80 | (c & 0x3f));
    return 4;
}


static void
every_code_point(void)
{
    size_t                n;
    uint8_t               p[4];
    uint32_t              c, wrong;
    ngx_websocket_utf8_t  state;

    for (wrong = 0, c = 0; c <= 0x1fffff; c++) {
        n = encode(c, p);

        if ((accepted(p, n, &state) == n && state == 0)
            != (c <= 0x10ffff && (c < 0xd800 || c > 0xdfff)))
        {
            wrong++;
        }
    }

    unit_ok(wrong == 0, "every code point, and what is beyond: %u wrong",
            wrong);
}


static void
every_prefix(void)
{
    size_t                n;
    uint8_t               p[4];
    uint32_t              i, wrong;
    ngx_websocket_utf8_t  state;

    for (wrong = 0, i = 0; i < 0x1000000; i++) {
        p[0] = (uint8_t) (i >> 16);
        p[1] = (uint8_t) (i >> 8);
        p[2] = (uint8_t) i;

        if (p[0] < 0x80) {
            i |= 0xffff;
            continue;
        }

        n = accepted(p, 3, &state);

        if ((n < 3 && possible(p, n + 1)) || !possible(p, n)) {
            wrong++;
        }
    }

    unit_ok(wrong == 0, "three bytes fail at the first that makes them "
            "invalid: %u wrong", wrong);
}


static void
any_split(void)
{
    int                   whole, split, wrong;
    size_t                i, n, cut;
    uint8_t              *p, c[4];
    uint64_t              seed;
    uint32_t              round;
    ngx_websocket_utf8_t  a, b;

    seed = 1;
    wrong = 0;

    for (round = 0; round < 20000; round++) {

        n = unit_random(&seed) % 40;
        p = unit_guarded(n);

        for (i = 0; i < n; /* void */ ) {
            size_t  k = encode(unit_random(&seed) % 4
                               ? unit_random(&seed) % 0x100
                               : unit_random(&seed) % 0x110000, c);

            for (size_t j = 0; j < k && i < n; j++) {
                p[i++] = c[j];
            }
        }

        if (n && unit_random(&seed) % 3 == 0) {
            p[unit_random(&seed) % n] = (uint8_t) unit_random(&seed);
        }

        a = 0;
        whole = ngx_websocket_utf8(&a, p, n);

        b = 0;
        cut = n ? unit_random(&seed) % n : 0;
        split = ngx_websocket_utf8(&b, p, cut);

        if (split == 0) {
            split = ngx_websocket_utf8(&b, p + cut, n - cut);
        }

        wrong += whole != split || (whole == 0 && a != b)
                 || (whole == 0) != possible(p, n);

        unit_unguard(p, n);
    }

    unit_ok(wrong == 0, "random texts, whole and split: %d wrong", wrong);
}


int
main(void)
{
    every_code_point();
    every_prefix();
    any_split();

    return unit_done();
}


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


/* all last bytes after the edges of the second and third of four */

static void
four_bytes(void)
{
    size_t                n, i, k;
    uint8_t               p[4];
    unsigned              lead, c, wrong;
    ngx_websocket_utf8_t  state;

    static const uint8_t  edges[] = { 0x00, 0x7f, 0x80, 0x8f, 0x90, 0x9f,
                                      0xa0, 0xbf, 0xc0, 0xff };

    wrong = 0;

    for (lead = 0xf0; lead < 0xf8; lead++) {
        for (i = 0; i < sizeof(edges); i++) {
            for (k = 0; k < sizeof(edges); k++) {
                for (c = 0; c < 256; c++) {

                    p[0] = (uint8_t) lead;
                    p[1] = edges[i];
                    p[2] = edges[k];
                    p[3] = (uint8_t) c;

                    n = accepted(p, 4, &state);

                    wrong += !possible(p, n) || (n < 4 && possible(p, n + 1))
                             || (n == 4 && state != 0);
                }
            }
        }
    }

    unit_ok(wrong == 0, "four bytes fail at the first that makes them "
            "invalid: %u wrong", wrong);
}


/* where: the place of the first bad byte; n: valid; above n: not complete */

static void
text(const char *name, const char *bytes, size_t n, size_t where)
{
    size_t                 cut;
    uint8_t               *p;
    ngx_websocket_utf8_t   state;

    for (cut = 0; cut <= n; cut++) {
        p = unit_guarded(cut);
        memcpy(p, bytes, cut);
        state = 0;

        if ((ngx_websocket_utf8(&state, p, cut) != 0) != (cut > where)) {
            unit_ok(0, "%s: wrong after %zu bytes", name, cut);
            unit_unguard(p, cut);
            return;
        }

        unit_unguard(p, cut);
    }

    unit_ok(where < n || (state == 0) == (where == n), "%s", name);
}


#define T(name, bytes, where)  text(name, bytes, sizeof(bytes) - 1, where)


static void
texts(void)
{
    T("no text", "", 0);
    T("ASCII with a zero byte", "abc\0def", 7);
    T("the last of each size", "\x7f\xdf\xbf\xef\xbf\xbf\xf4\x8f\xbf\xbf",
      10);
    T("the first of each size", "\0\xc2\x80\xe0\xa0\x80\xf0\x90\x80\x80",
      10);
    T("before and after the surrogates", "\xed\x9f\xbf\xee\x80\x80", 6);
    T("an end within two bytes", "a\xc3", 3);
    T("an end within four bytes", "a\xf0\x9f\x98", 5);
    T("a stray continuation byte", "a\x80", 1);
    T("overlong in two bytes", "a\xc0\x80", 1);
    T("overlong in two bytes, c1", "a\xc1\xbf", 1);
    T("overlong in three bytes", "a\xe0\x9f\xbf", 2);
    T("overlong in four bytes", "a\xf0\x8f\xbf\xbf", 2);
    T("the first surrogate", "a\xed\xa0\x80", 2);
    T("the last surrogate", "a\xed\xbf\xbf", 2);
    T("above U+10FFFF", "a\xf4\x90\x80\x80", 2);
    T("a lead byte for more than U+13FFFF", "a\xf5\x80\x80\x80", 1);
    T("five bytes", "a\xf8\x88\x80\x80\x80", 1);
    T("six bytes", "a\xfc\x84\x80\x80\x80\x80", 1);
    T("fe", "a\xfe", 1);
    T("ff", "a\xff", 1);
    T("a character that is broken off by another", "\xe2\x82\xc3\xa9", 2);
    T("a character that is broken off by much ASCII",
      "\xe2\x82" "aaaaaaaaaaaaaaaaaaaaaaaa", 2);
    T("ASCII after a character of four bytes",
      "\xf0\x9f\x98\x80" "aaaaaaaaaaaaaaaaa", 21);
}


/* ASCII is checked in words: one other byte at every place of the words */

static void
ascii(void)
{
    size_t                 n, i;
    uint8_t               *p;
    unsigned               wrong;
    ngx_websocket_utf8_t   state;

    for (wrong = 0, n = 0; n <= 40; n++) {

        p = unit_guarded(n);
        memset(p, 'a', n);

        state = 0;
        wrong += ngx_websocket_utf8(&state, p, n) != 0 || state != 0;

        for (i = 0; i < n; i++) {
            p[i] = 0x80;
            state = 0;
            wrong += ngx_websocket_utf8(&state, p, n) == 0;

            p[i] = 0xc3;
            state = 0;
            wrong += (ngx_websocket_utf8(&state, p, n) == 0) != (i + 1 == n);

            p[i] = 'a';
        }

        unit_unguard(p, n);
    }

    state = 0;
    wrong += ngx_websocket_utf8(&state, NULL, 0) != 0 || state != 0;

    unit_ok(wrong == 0, "one byte that is not ASCII, at every place: %u wrong",
            wrong);
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

        wrong += whole == 0 && a != b;

        i = accepted(p, n, &b);

        wrong += whole != split || (whole == 0) != (i == n)
                 || !possible(p, i) || (i < n && possible(p, i + 1));

        unit_unguard(p, n);
    }

    unit_ok(wrong == 0, "random texts, whole and split: %d wrong", wrong);
}


int
main(void)
{
    texts();
    ascii();
    every_code_point();
    every_prefix();
    four_bytes();
    any_split();

    return unit_done();
}


#include <string.h>

#include "wire/utf8.h"


/*
 * The state between two bytes of a character: how many continuation bytes
 * are still to come, and the range that the next of them must be in (only
 * the first one's is narrower than 80..BF: RFC 3629, section 4).
 */

#define ngx_websocket_utf8_state(left, low, high)                             \
    ((uint32_t) (left) << 16 | (uint32_t) (low) << 8 | (uint32_t) (high))


static ngx_websocket_utf8_t ngx_websocket_utf8_lead(uint8_t c);
static size_t ngx_websocket_utf8_ascii(const uint8_t *p, size_t n);


/* the state after a character's first byte; all bits set: there is none */

static ngx_websocket_utf8_t
ngx_websocket_utf8_lead(uint8_t c)
{
    if (c < 0x80) {
        return 0;
    }

    if (c < 0xc2) {
        return UINT32_MAX;
    }

    if (c < 0xe0) {
        return ngx_websocket_utf8_state(1, 0x80, 0xbf);
    }

    if (c < 0xf0) {
        return ngx_websocket_utf8_state(2, c == 0xe0 ? 0xa0 : 0x80,
                                        c == 0xed ? 0x9f : 0xbf);
    }

    if (c < 0xf5) {
        return ngx_websocket_utf8_state(3, c == 0xf0 ? 0x90 : 0x80,
                                        c == 0xf4 ? 0x8f : 0xbf);
    }

    return UINT32_MAX;
}


/* how many bytes at p, in steps of 8, are ASCII */

static size_t
ngx_websocket_utf8_ascii(const uint8_t *p, size_t n)
{
    size_t    i;
    uint64_t  word;

    for (i = 0; n - i >= sizeof(word); i += sizeof(word)) {
        memcpy(&word, p + i, sizeof(word));

        if (word & UINT64_C(0x8080808080808080)) {
            break;
        }
    }

    return i;
}


int
ngx_websocket_utf8(ngx_websocket_utf8_t *state, const uint8_t *p, size_t n)
{
    size_t                i;
    ngx_websocket_utf8_t  s;

    s = *state;

    for (i = 0; i < n; i++) {

        if (s == 0) {

            i += ngx_websocket_utf8_ascii(p + i, n - i);

            if (i == n) {
                break;
            }

            s = ngx_websocket_utf8_lead(p[i]);

            if (s == UINT32_MAX) {
                return -1;
            }

            continue;
        }

        if (p[i] < (s >> 8 & 0xff) || p[i] > (s & 0xff)) {
            return -1;
        }

        s = (s >> 16) - 1;

        if (s) {
            s = ngx_websocket_utf8_state(s, 0x80, 0xbf);
        }
    }

    *state = s;

    return 0;
}


size_t
ngx_websocket_control(const uint8_t *p, size_t n)
{
    size_t  i;

    for (i = 0; i < n; i++) {

        if (p[i] < 0x20 || p[i] == 0x7f
            || (p[i] == 0xc2 && n - i > 1 && p[i + 1] >= 0x80
                && p[i + 1] <= 0x9f))
        {
            break;
        }
    }

    return i;
}

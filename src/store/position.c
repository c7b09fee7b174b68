
#include <string.h>

#include "store/position.h"


static const uint8_t *ngx_websocket_position_epoch(const uint8_t *p,
    const uint8_t *last, uint64_t *epoch);
static const uint8_t *ngx_websocket_position_offset(const uint8_t *p,
    const uint8_t *last, uint64_t *offset);


int
ngx_websocket_position_parse(const uint8_t *text, size_t size,
    ngx_websocket_position_t *positions, int max)
{
    int             n;
    const uint8_t  *p, *last;

    p = text;
    last = text + size;

    for (n = 0; n < max; n++) {

        p = ngx_websocket_position_epoch(p, last, &positions[n].epoch);

        if (p == NULL || p == last || *p++ != ':') {
            return -1;
        }

        p = ngx_websocket_position_offset(p, last, &positions[n].offset);

        if (p == NULL) {
            return -1;
        }

        if (p == last) {
            return n + 1;
        }

        if (*p++ != ',') {
            return -1;
        }
    }

    return -1;
}


int
ngx_websocket_position_gather(const uint8_t *text, size_t size,
    ngx_websocket_position_t *positions, int max)
{
    int             n;
    const uint8_t  *p, *next, *last;

    last = text + size;

    for (p = text, n = 0; p < last && n < max; p = next + 1) {

        next = memchr(p, ',', (size_t) (last - p));
        if (next == NULL) {
            next = last;
        }

        n += ngx_websocket_position_parse(p, (size_t) (next - p),
                                          &positions[n], 1)
             == 1;
    }

    return n;
}


static const uint8_t *
ngx_websocket_position_epoch(const uint8_t *p, const uint8_t *last,
    uint64_t *epoch)
{
    uint8_t         c;
    const uint8_t  *end;

    if (last - p < NGX_WEBSOCKET_POSITION_EPOCH) {
        return NULL;
    }

    *epoch = 0;

    for (end = p + NGX_WEBSOCKET_POSITION_EPOCH; p < end; p++) {

        c = *p;

        if (c >= '0' && c <= '9') {
            c -= '0';

        } else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f') {
            c = (uint8_t) ((c | 0x20) - 'a' + 10);

        } else {
            return NULL;
        }

        *epoch = *epoch << 4 | c;
    }

    return p;
}


static const uint8_t *
ngx_websocket_position_offset(const uint8_t *p, const uint8_t *last,
    uint64_t *offset)
{
    uint64_t        n;
    const uint8_t  *begin;

    begin = p;
    n = 0;

    for ( /* void */ ; p < last && *p >= '0' && *p <= '9'; p++) {

        if (n > UINT64_MAX / 10 || n * 10 > UINT64_MAX - (*p - '0')) {
            return NULL;
        }

        n = n * 10 + (*p - '0');
    }

    *offset = n;

    return p > begin ? p : NULL;
}


void
ngx_websocket_position_print_epoch(uint8_t *buf, uint64_t epoch)
{
    int  i;

    for (i = NGX_WEBSOCKET_POSITION_EPOCH; i-- > 0; epoch >>= 4) {
        buf[i] = (uint8_t) "0123456789abcdef"[epoch & 0xf];
    }
}


size_t
ngx_websocket_position_print(uint8_t *buf,
    const ngx_websocket_position_t *position)
{
    int       i;
    uint8_t   digits[20], *p;
    uint64_t  n;

    ngx_websocket_position_print_epoch(buf, position->epoch);

    p = buf + NGX_WEBSOCKET_POSITION_EPOCH;
    *p++ = ':';

    n = position->offset;
    i = 0;

    do {
        digits[i++] = (uint8_t) ('0' + n % 10);
        n /= 10;
    } while (n);

    while (i) {
        *p++ = digits[--i];
    }

    return (size_t) (p - buf);
}


#include <string.h>

#include "broker/envelope.h"


static uint8_t *ngx_websocket_envelope_put(uint8_t *p, uint64_t n,
    unsigned bytes);
static uint64_t ngx_websocket_envelope_get(const uint8_t *p, unsigned bytes);
static uint8_t *ngx_websocket_envelope_print(uint8_t *p, uint64_t n);
static const uint8_t *ngx_websocket_envelope_parse(const uint8_t *p,
    const uint8_t *last, uint64_t *n);


uint8_t *
ngx_websocket_envelope_write(uint8_t *p,
    const ngx_websocket_envelope_t *envelope)
{
    p = ngx_websocket_envelope_put(p, envelope->id[0], 8);
    p = ngx_websocket_envelope_put(p, envelope->id[1], 8);
    *p++ = NGX_WEBSOCKET_ENVELOPE_VERSION;
    *p++ = envelope->type;
    *p++ = envelope->priority;
    *p++ = envelope->flags;
    p = ngx_websocket_envelope_put(p, envelope->meta, 2);
    p = ngx_websocket_envelope_put(p, envelope->source, 8);
    p = ngx_websocket_envelope_put(p, envelope->wall, 8);
    p = ngx_websocket_envelope_put(p, envelope->place, 4);
    p = ngx_websocket_envelope_put(p, envelope->length, 4);
    p = ngx_websocket_envelope_put(p, envelope->time, 4);

    p = ngx_websocket_envelope_put(p, envelope->max, 4);

    return ngx_websocket_envelope_put(p, envelope->node, 8);
}


int
ngx_websocket_envelope_read(const uint8_t *p, size_t size, size_t payload,
    ngx_websocket_envelope_t *envelope)
{
    if (size != NGX_WEBSOCKET_ENVELOPE_SIZE
        || p[16] != NGX_WEBSOCKET_ENVELOPE_VERSION)
    {
        return -1;
    }

    envelope->id[0] = ngx_websocket_envelope_get(p, 8);
    envelope->id[1] = ngx_websocket_envelope_get(p + 8, 8);
    envelope->type = p[17];
    envelope->priority = p[18];
    envelope->flags = p[19];
    envelope->meta = (uint16_t) ngx_websocket_envelope_get(p + 20, 2);
    envelope->source = ngx_websocket_envelope_get(p + 22, 8);
    envelope->wall = ngx_websocket_envelope_get(p + 30, 8);
    envelope->place = (uint32_t) ngx_websocket_envelope_get(p + 38, 4);
    envelope->length = (uint32_t) ngx_websocket_envelope_get(p + 42, 4);
    envelope->time = (uint32_t) ngx_websocket_envelope_get(p + 46, 4);
    envelope->max = (uint32_t) ngx_websocket_envelope_get(p + 50, 4);
    envelope->node = ngx_websocket_envelope_get(p + 54, 8);

    /* the opcodes of RFC 6455, section 5.2: text or binary */

    if ((envelope->type != 1 && envelope->type != 2)
        || envelope->meta > payload
        || (envelope->place != NGX_WEBSOCKET_ENVELOPE_NOWHERE
            && (envelope->place > payload
                || envelope->place < envelope->meta)))
    {
        return -1;
    }

    return 0;
}


int
ngx_websocket_envelope_is(const uint8_t *p, const uint64_t id[2])
{
    return ngx_websocket_envelope_get(p, 8) == id[0]
           && ngx_websocket_envelope_get(p + 8, 8) == id[1];
}


static uint8_t *
ngx_websocket_envelope_put(uint8_t *p, uint64_t n, unsigned bytes)
{
    while (bytes) {
        *p++ = (uint8_t) (n >> 8 * --bytes);
    }

    return p;
}


static uint64_t
ngx_websocket_envelope_get(const uint8_t *p, unsigned bytes)
{
    uint64_t  n;

    for (n = 0; bytes; bytes--) {
        n = n << 8 | *p++;
    }

    return n;
}


uint8_t *
ngx_websocket_envelope_print_id(uint8_t *p, uint64_t epoch, uint64_t offset)
{
    p = ngx_websocket_envelope_print(p, epoch);
    *p++ = '-';

    return ngx_websocket_envelope_print(p, offset);
}


static uint8_t *
ngx_websocket_envelope_print(uint8_t *p, uint64_t n)
{
    size_t   i;
    uint8_t  digits[20];

    i = sizeof(digits);

    do {
        digits[--i] = '0' + n % 10;
        n /= 10;
    } while (n);

    memcpy(p, digits + i, sizeof(digits) - i);

    return p + sizeof(digits) - i;
}


int
ngx_websocket_envelope_parse_id(const uint8_t *p, size_t size, uint64_t *epoch,
    uint64_t *offset)
{
    const uint8_t  *last;

    last = p + size;
    p = ngx_websocket_envelope_parse(p, last, epoch);

    if (p == NULL || p == last || *p != '-') {
        return -1;
    }

    p = ngx_websocket_envelope_parse(p + 1, last, offset);

    return p == last ? 0 : -1;
}


/* digits: returns the place after them, or NULL when there is no number */

static const uint8_t *
ngx_websocket_envelope_parse(const uint8_t *p, const uint8_t *last,
    uint64_t *n)
{
    uint8_t         digit;
    const uint8_t  *first;

    *n = 0;

    for (first = p; p < last && *p >= '0' && *p <= '9'; p++) {

        digit = *p - '0';

        if (*n > (UINT64_MAX - digit) / 10) {
            return NULL;
        }

        *n = *n * 10 + digit;
    }

    return p > first ? p : NULL;
}


int
ngx_websocket_envelope_hear(const uint8_t *p, size_t size,
    ngx_websocket_heard_t *heard)
{
    uint64_t        n;
    const uint8_t  *last, *id;

    last = p + size;

    if (size == 0) {
        return -1;
    }

    heard->kind = *p++;
    id = p;

    while (p < last && *p != ' ') {
        p++;
    }

    if (ngx_websocket_envelope_parse_id(id, p - id, &heard->epoch,
                                        &heard->offset)
        != 0)
    {
        return -1;
    }

    if (heard->kind == NGX_WEBSOCKET_ENVELOPE_DELETED
        || heard->kind == NGX_WEBSOCKET_ENVELOPE_ENDED)
    {
        return p == last ? 0 : -1;
    }

    if ((heard->kind != NGX_WEBSOCKET_ENVELOPE_MESSAGE
         && heard->kind != NGX_WEBSOCKET_ENVELOPE_EPHEMERAL)
        || p == last)
    {
        return -1;
    }

    p = ngx_websocket_envelope_parse(p + 1, last, &n);

    if (p == NULL || p == last || *p++ != ' ' || n > (uint64_t) (last - p)) {
        return -1;
    }

    heard->payload = p + n;
    heard->size = last - heard->payload;

    return ngx_websocket_envelope_read(p, n, heard->size, &heard->envelope);
}

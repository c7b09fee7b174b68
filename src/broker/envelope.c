
#include <string.h>

#include "broker/envelope.h"


static uint8_t *ngx_websocket_envelope_put(uint8_t *p, uint64_t n);
static uint8_t *ngx_websocket_envelope_put_short(uint8_t *p, uint32_t n);
static uint64_t ngx_websocket_envelope_get(const uint8_t *p);
static uint32_t ngx_websocket_envelope_get_short(const uint8_t *p);
static uint8_t *ngx_websocket_envelope_print(uint8_t *p, uint64_t n);
static const uint8_t *ngx_websocket_envelope_parse(const uint8_t *p,
    const uint8_t *last, uint64_t *n);


uint8_t *
ngx_websocket_envelope_write(uint8_t *p,
    const ngx_websocket_envelope_t *envelope)
{
    p = ngx_websocket_envelope_put(p, envelope->id[0]);
    p = ngx_websocket_envelope_put(p, envelope->id[1]);
    *p++ = NGX_WEBSOCKET_ENVELOPE_VERSION;
    *p++ = envelope->type;
    *p++ = envelope->priority;
    *p++ = envelope->flags;
    *p++ = (uint8_t) (envelope->meta >> 8);
    *p++ = (uint8_t) envelope->meta;
    p = ngx_websocket_envelope_put(p, envelope->source);
    p = ngx_websocket_envelope_put(p, envelope->wall);
    p = ngx_websocket_envelope_put_short(p, envelope->place);
    p = ngx_websocket_envelope_put_short(p, envelope->length);
    p = ngx_websocket_envelope_put_short(p, envelope->time);
    p = ngx_websocket_envelope_put_short(p, envelope->max);

    return ngx_websocket_envelope_put(p, envelope->node);
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

    envelope->id[0] = ngx_websocket_envelope_get(p);
    envelope->id[1] = ngx_websocket_envelope_get(p + 8);
    envelope->type = p[17];
    envelope->priority = p[18];
    envelope->flags = p[19];
    envelope->meta = (uint16_t) (p[20] << 8 | p[21]);
    envelope->source = ngx_websocket_envelope_get(p + 22);
    envelope->wall = ngx_websocket_envelope_get(p + 30);
    envelope->place = ngx_websocket_envelope_get_short(p + 38);
    envelope->length = ngx_websocket_envelope_get_short(p + 42);
    envelope->time = ngx_websocket_envelope_get_short(p + 46);
    envelope->max = ngx_websocket_envelope_get_short(p + 50);
    envelope->node = ngx_websocket_envelope_get(p + 54);

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
    return ngx_websocket_envelope_get(p) == id[0]
           && ngx_websocket_envelope_get(p + 8) == id[1];
}


/* in network order; each is one or two instructions */

static uint8_t *
ngx_websocket_envelope_put(uint8_t *p, uint64_t n)
{
    p[0] = (uint8_t) (n >> 56);
    p[1] = (uint8_t) (n >> 48);
    p[2] = (uint8_t) (n >> 40);
    p[3] = (uint8_t) (n >> 32);
    p[4] = (uint8_t) (n >> 24);
    p[5] = (uint8_t) (n >> 16);
    p[6] = (uint8_t) (n >> 8);
    p[7] = (uint8_t) n;

    return p + 8;
}


static uint8_t *
ngx_websocket_envelope_put_short(uint8_t *p, uint32_t n)
{
    p[0] = (uint8_t) (n >> 24);
    p[1] = (uint8_t) (n >> 16);
    p[2] = (uint8_t) (n >> 8);
    p[3] = (uint8_t) n;

    return p + 4;
}


static uint64_t
ngx_websocket_envelope_get(const uint8_t *p)
{
    return (uint64_t) p[0] << 56 | (uint64_t) p[1] << 48
           | (uint64_t) p[2] << 40 | (uint64_t) p[3] << 32
           | (uint64_t) p[4] << 24 | (uint64_t) p[5] << 16
           | (uint64_t) p[6] << 8 | p[7];
}


static uint32_t
ngx_websocket_envelope_get_short(const uint8_t *p)
{
    return (uint32_t) p[0] << 24 | (uint32_t) p[1] << 16
           | (uint32_t) p[2] << 8 | p[3];
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
    uint64_t        value;
    const uint8_t  *first;

    value = 0;

    for (first = p; p < last; p++) {

        digit = (uint8_t) (*p - '0');

        if (digit > 9) {
            break;
        }

        /* 19 digits are never too many */

        if (p - first >= 19 && value > (UINT64_MAX - digit) / 10) {
            return NULL;
        }

        value = value * 10 + digit;
    }

    *n = value;

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

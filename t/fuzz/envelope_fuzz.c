
/*
 * What a server tells those who listen: KIND ID SIZE ENVELOPE PAYLOAD.  What
 * is read of it lies within it, and is the same when it is written again; and
 * an envelope alone, for a payload of the size that the first two bytes say.
 */

#include "fuzz.h"
#include "broker/envelope.c"


static void
check_envelope(const ngx_websocket_envelope_t *envelope, const uint8_t *p,
    size_t payload)
{
    uint8_t  buf[NGX_WEBSOCKET_ENVELOPE_SIZE];

    fuzz_check(ngx_websocket_envelope_write(buf, envelope)
               == buf + NGX_WEBSOCKET_ENVELOPE_SIZE);
    fuzz_check(memcmp(buf, p, NGX_WEBSOCKET_ENVELOPE_SIZE) == 0);

    fuzz_check(envelope->meta <= payload);
    fuzz_check(envelope->place == NGX_WEBSOCKET_ENVELOPE_NOWHERE
               || (envelope->place >= envelope->meta
                   && envelope->place <= payload));
}


static void
check_heard(const uint8_t *p, size_t n)
{
    uint8_t                buf[NGX_WEBSOCKET_ENVELOPE_ID], *last;
    uint64_t               epoch, offset;
    ngx_websocket_heard_t  heard;

    if (ngx_websocket_envelope_hear(p, n, &heard) != 0) {
        return;
    }

    last = ngx_websocket_envelope_print_id(buf, heard.epoch, heard.offset);

    fuzz_check(ngx_websocket_envelope_parse_id(buf, last - buf, &epoch,
                                               &offset)
               == 0);
    fuzz_check(epoch == heard.epoch && offset == heard.offset);

    if (heard.kind == NGX_WEBSOCKET_ENVELOPE_DELETED) {
        return;
    }

    fuzz_check(heard.payload + heard.size == p + n);
    fuzz_check(heard.payload >= p + NGX_WEBSOCKET_ENVELOPE_SIZE + 7);

    check_envelope(&heard.envelope,
                   heard.payload - NGX_WEBSOCKET_ENVELOPE_SIZE, heard.size);
}


int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
    size_t                     payload;
    uint8_t                   *copy;
    ngx_websocket_envelope_t   envelope;

    copy = fuzz_copy(p, n);

    check_heard(copy, n);

    if (n >= 2) {
        payload = copy[0] * 256 + copy[1];

        if (ngx_websocket_envelope_read(copy + 2, n - 2, payload, &envelope)
            == 0)
        {
            check_envelope(&envelope, copy + 2, payload);
        }
    }

    free(copy);

    return 0;
}


/*
 * Envelopes: what is written is read, and nothing else.
 */


#include "unit.h"
#include "broker/envelope.c"


static ngx_websocket_envelope_t  sample = {
    { UINT64_C(0x0123456789abcdef), 7 }, 9, UINT64_MAX, UINT64_C(1764540000000000),
    5, 100, 3600, 7, 3, 1, 2, NGX_WEBSOCKET_ENVELOPE_HISTORY
};


static void
round_trip(void)
{
    uint8_t                   buf[NGX_WEBSOCKET_ENVELOPE_SIZE];
    ngx_websocket_envelope_t  got;

    memset(&got, 0, sizeof(got));

    unit_ok(ngx_websocket_envelope_write(buf, &sample)
            == buf + NGX_WEBSOCKET_ENVELOPE_SIZE, "an envelope is written");

    unit_ok(ngx_websocket_envelope_read(buf, sizeof(buf), 5, &got) == 0
            && got.id[0] == sample.id[0] && got.id[1] == sample.id[1]
            && got.node == sample.node
            && got.source == sample.source && got.wall == sample.wall
            && got.place == sample.place && got.meta == sample.meta
            && got.length == sample.length && got.time == sample.time
            && got.max == sample.max && got.flags == sample.flags
            && got.type == sample.type && got.priority == sample.priority,
            "and read");

    unit_ok(ngx_websocket_envelope_read(buf, sizeof(buf), 4, &got) == -1,
            "a place beyond the payload");
    unit_ok(ngx_websocket_envelope_read(buf, sizeof(buf) - 1, 5, &got) == -1,
            "one that is cut");

    buf[16]++;
    unit_ok(ngx_websocket_envelope_read(buf, sizeof(buf), 5, &got) == -1,
            "one of another version");
    buf[16]--;

    buf[17] = 9;
    unit_ok(ngx_websocket_envelope_read(buf, sizeof(buf), 5, &got) == -1,
            "of what is no message");
    buf[17] = 2;

    buf[21] = 6;
    unit_ok(ngx_websocket_envelope_read(buf, sizeof(buf), 5, &got) == -1,
            "more meta than there are bytes");
}


static void
id(const char *text, int rc, uint64_t epoch, uint64_t offset)
{
    uint8_t   buf[NGX_WEBSOCKET_ENVELOPE_ID];
    uint64_t  e, o;

    unit_ok(ngx_websocket_envelope_parse_id((const uint8_t *) text,
                                            strlen(text), &e, &o) == rc
            && (rc || (e == epoch && o == offset)), "ID \"%s\": %d", text, rc);

    if (rc == 0 && text[0] != '0') {
        unit_ok((size_t) (ngx_websocket_envelope_print_id(buf, e, o) - buf)
                == strlen(text) && memcmp(buf, text, strlen(text)) == 0,
                "as it was");
    }
}


static void
hears(const char *head, const char *payload, int rc, const char *name)
{
    int                     got;
    size_t                  size;
    uint8_t                *p, *text;
    ngx_websocket_heard_t   heard;

    size = strlen(head) + NGX_WEBSOCKET_ENVELOPE_SIZE + strlen(payload);
    text = unit_guarded(size);

    memcpy(text, head, strlen(head));
    p = ngx_websocket_envelope_write(text + strlen(head), &sample);
    memcpy(p, payload, strlen(payload));

    got = ngx_websocket_envelope_hear(text, size, &heard);

    unit_ok(got == rc && (rc || (heard.size == strlen(payload)
                                 && heard.payload == p
                                 && heard.envelope.id[1] == 7)),
            "%s", name);

    unit_unguard(text, size);
}


static void
deleted(const char *text, int rc)
{
    ngx_websocket_heard_t  heard;

    unit_ok(ngx_websocket_envelope_hear((const uint8_t *) text, strlen(text),
                                        &heard) == rc
            && (rc || (heard.kind == NGX_WEBSOCKET_ENVELOPE_DELETED
                       && heard.epoch == 12 && heard.offset == 1)),
            "\"%s\": %d", text, rc);
}


static void
ended(const char *text, int rc)
{
    ngx_websocket_heard_t  heard;

    unit_ok(ngx_websocket_envelope_hear((const uint8_t *) text, strlen(text),
                                        &heard) == rc
            && (rc || (heard.kind == NGX_WEBSOCKET_ENVELOPE_ENDED
                       && heard.epoch == 12 && heard.offset == 1)),
            "\"%s\": %d", text, rc);
}


int
main(void)
{
    round_trip();

    id("1764540000000000-17", 0, UINT64_C(1764540000000000), 17);
    id("18446744073709551615-18446744073709551615", 0, UINT64_MAX,
       UINT64_MAX);
    id("0-0", 0, 0, 0);
    id("18446744073709551616-1", -1, 0, 0);
    id("", -1, 0, 0);
    id("1", -1, 0, 0);
    id("1-", -1, 0, 0);
    id("-1", -1, 0, 0);
    id("1-1 ", -1, 0, 0);
    id(" 1-1", -1, 0, 0);

    hears("+1-2 62 ", "hello", 0, "a message");
    hears("~0-0 62 ", "hello", 0, "an ephemeral one");
    hears("+1-2 62 ", "hell", -1, "one that is cut");
    hears("+1-2 53 ", "hello", -1, "an envelope that is cut");
    hears("+1-2 55 ", "hello", -1, "one that is too long");
    hears("+1-2 999999999999 ", "hello", -1, "longer than all");
    hears("+1-2 18446744073709551615 ", "hello", -1, "than there are numbers");
    hears("-1-2 62 ", "hello", -1, "no kind");
    hears("+1-2  62 ", "hello", -1, "a blank more");
    hears("+1 62 ", "hello", -1, "no ID");

    deleted("x12-1", 0);
    deleted("x12-1 ", -1);
    deleted("x12", -1);
    deleted("x", -1);
    deleted("", -1);
    deleted("+12-1", -1);

    ended("e12-1", 0);
    ended("e12-1 ", -1);
    ended("e12", -1);

    return unit_done();
}

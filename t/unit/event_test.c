
/* Events: what is one, and the text that it is written as. */


#include "unit.h"
#include "message/meta.c"
#include "message/json.c"
#include "message/scan.c"
#include "message/stamp.c"
#include "message/event.c"
#include "wire/utf8.c"


#define TIME  UINT64_C(1795000000123)


static uint8_t  buf[4096];


static uint8_t *
part(uint8_t *p, ngx_websocket_meta_type_e type, const char *text)
{
    p = ngx_websocket_meta_head(p, type, strlen(text));
    memcpy(p, text, strlen(text));

    return p + strlen(text);
}


/* of which names may be NULL: there is no such part */

static void
is(unsigned mark, const char *channel, const char *user, const char *client,
    const char *expected)
{
    uint8_t                    *p, *copy;
    ngx_websocket_meta_t        meta;
    ngx_websocket_json_text_t   text;

    ngx_websocket_event_write(buf, mark, TIME);
    p = buf + NGX_WEBSOCKET_EVENT_SIZE;

    if (channel) {
        p = part(p, NGX_WEBSOCKET_META_CHANNEL, channel);
    }

    if (user) {
        p = part(p, NGX_WEBSOCKET_META_USER, user);
    }

    if (client) {
        p = part(p, NGX_WEBSOCKET_META_CLIENT, client);
    }

    copy = unit_guarded(p - buf);
    memcpy(copy, buf, p - buf);
    memset(&text, 0, sizeof(text));

    unit_ok(ngx_websocket_event_mark(copy, p - buf) == mark
            && ngx_websocket_meta_read(copy, p - buf, &meta) == 0,
            "it is an event");

    ngx_websocket_event_text(&meta, &text);

    unit_ok(text.size == strlen(expected)
            && memcmp(text.data, expected, text.size) == 0,
            "it is written as %.*s", (int) text.size, text.data);

    ngx_websocket_json_text_done(&text);
}


static void
is_none(const char *what, const void *meta, size_t size)
{
    uint8_t  *copy;

    copy = unit_guarded(size);
    memcpy(copy, meta, size);

    unit_ok(ngx_websocket_event_mark(copy, size) == 0, "none: %s", what);
}


int
main(void)
{
    is(NGX_WEBSOCKET_META_JOIN, NULL, "ann", "0000000100000002",
       "{\"type\":\"join\",\"from\":\"ann\",\"session\":\"0000000100000002\","
       "\"time\":\"2026-11-18T11:06:40.123Z\"}");
    is(NGX_WEBSOCKET_META_LEAVE, "a\"b", NULL, "1",
       "{\"type\":\"leave\",\"channel\":\"a\\\"b\",\"from\":null,"
       "\"session\":\"1\",\"time\":\"2026-11-18T11:06:40.123Z\"}");
    is(NGX_WEBSOCKET_META_JOIN, "", "", NULL,
       "{\"type\":\"join\",\"channel\":\"\",\"from\":\"\",\"session\":null,"
       "\"time\":\"2026-11-18T11:06:40.123Z\"}");

    is_none("no meta", "", 0);
    is_none("tags", "\1\0\2ab", 5);
    is_none("other marks", "\2\0\1\x0c", 4);
    is_none("marks of no size", "\2\0\0", 3);
    is_none("marks that are cut", "\2\0\1", 3);

    unit_done();
}

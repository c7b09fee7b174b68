
#include <string.h>

#include "message/event.h"
#include "message/stamp.h"


static void ngx_websocket_event_member(ngx_websocket_json_text_t *text,
    const char *name, const ngx_websocket_meta_part_t *part);
static void ngx_websocket_event_time(ngx_websocket_json_text_t *text,
    const ngx_websocket_meta_part_t *part);


void
ngx_websocket_event_write(uint8_t *p, unsigned mark, uint64_t time)
{
    int  i;

    p = ngx_websocket_meta_head(p, NGX_WEBSOCKET_META_MARKS, 1);
    *p++ = (uint8_t) mark;

    p = ngx_websocket_meta_head(p, NGX_WEBSOCKET_META_TIME, 8);

    for (i = 56; i >= 0; i -= 8) {
        *p++ = (uint8_t) (time >> i);
    }
}


unsigned
ngx_websocket_event_mark(const uint8_t *meta, size_t size)
{
    const uint8_t  *marks;

    if (ngx_websocket_meta_find(meta, size, NGX_WEBSOCKET_META_MARKS, &marks)
        == 0)
    {
        return 0;
    }

    return *marks & (NGX_WEBSOCKET_META_JOIN | NGX_WEBSOCKET_META_LEAVE);
}


void
ngx_websocket_event_text(const ngx_websocket_meta_t *meta,
    ngx_websocket_json_text_t *text)
{
    const ngx_websocket_meta_part_t  *parts;

    parts = meta->parts;

    if (meta->marks & NGX_WEBSOCKET_META_JOIN) {
        ngx_websocket_json_append(text, "{\"type\":\"join\"",
                                  sizeof("{\"type\":\"join\"") - 1);
    } else {
        ngx_websocket_json_append(text, "{\"type\":\"leave\"",
                                  sizeof("{\"type\":\"leave\"") - 1);
    }

    if (parts[NGX_WEBSOCKET_META_CHANNEL].data) {
        ngx_websocket_event_member(text, "channel",
                                   &parts[NGX_WEBSOCKET_META_CHANNEL]);
    }

    ngx_websocket_event_member(text, "from", &parts[NGX_WEBSOCKET_META_USER]);
    ngx_websocket_event_member(text, "session",
                               &parts[NGX_WEBSOCKET_META_CLIENT]);
    ngx_websocket_event_time(text, &parts[NGX_WEBSOCKET_META_TIME]);

    ngx_websocket_json_append(text, "}", 1);
}


static void
ngx_websocket_event_member(ngx_websocket_json_text_t *text, const char *name,
    const ngx_websocket_meta_part_t *part)
{
    ngx_websocket_json_append(text, ",", 1);
    ngx_websocket_json_append_string(text, name, strlen(name));
    ngx_websocket_json_append(text, ":", 1);

    if (part->data == NULL) {
        ngx_websocket_json_append(text, "null", 4);
        return;
    }

    ngx_websocket_json_append_string(text, (const char *) part->data,
                                     part->size);
}


static void
ngx_websocket_event_time(ngx_websocket_json_text_t *text,
    const ngx_websocket_meta_part_t *part)
{
    char      buf[NGX_WEBSOCKET_STAMP_TIME_SIZE];
    size_t    i;
    uint64_t  time;

    for (time = 0, i = 0; i < part->size; i++) {
        time = time << 8 | part->data[i];
    }

    ngx_websocket_stamp_time(buf, time);

    ngx_websocket_json_append(text, ",\"time\":\"",
                              sizeof(",\"time\":\"") - 1);
    ngx_websocket_json_append(text, buf, sizeof(buf));
    ngx_websocket_json_append(text, "\"", 1);
}


#include "protocol/ngx_http_websocket_hello.h"
#include "message/meta.h"
#include "message/tags.h"
#include "session/ngx_http_websocket_subscription.h"


static void ngx_http_websocket_where(ngx_http_websocket_session_t *s,
    ngx_websocket_position_t *positions);
static void ngx_http_websocket_where_keep(ngx_http_websocket_where_t *where,
    ngx_websocket_position_t *position, ngx_http_websocket_frame_t *frame);


size_t
ngx_http_websocket_print_position(u_char *buf,
    ngx_http_websocket_message_t *message)
{
    ngx_websocket_position_t  position;

    position.epoch = message->epoch;
    position.offset = message->offset;

    return ngx_websocket_position_print(buf, &position);
}


u_char *
ngx_http_websocket_print_positions(u_char *buf,
    ngx_websocket_position_t *positions, ngx_uint_t n)
{
    ngx_uint_t  i;

    for (i = 0; i < n; i++) {

        if (i) {
            *buf++ = ',';
        }

        buf += ngx_websocket_position_print(buf, &positions[i]);
    }

    return buf;
}


size_t
ngx_http_websocket_channels_size(ngx_http_websocket_session_t *s)
{
    size_t                              size;
    ngx_str_t                           name;
    ngx_http_websocket_subscription_t  *sub;

    size = sizeof(",\"channels\":[]");

    for (sub = ngx_http_websocket_subscription_next(s, NULL);
         sub;
         sub = ngx_http_websocket_subscription_next(s, sub))
    {
        ngx_http_websocket_channel_name(ngx_http_websocket_hub_name(sub),
                                        &name);

        size += sizeof(",{\"name\":\"\",\"position\":\"\","
                       "\"recovered\":false}")
                + name.len + ngx_escape_json(NULL, name.data, name.len)
                + NGX_WEBSOCKET_POSITION_SIZE;
    }

    return size;
}


u_char *
ngx_http_websocket_print_channels(u_char *p, ngx_http_websocket_session_t *s,
    ngx_websocket_position_t *positions, uint8_t *found)
{
    ngx_str_t                           name;
    ngx_uint_t                          i;
    ngx_http_websocket_subscription_t  *sub;

    p = ngx_cpymem(p, ",\"channels\":[", sizeof(",\"channels\":[") - 1);

    i = 0;

    for (sub = ngx_http_websocket_subscription_next(s, NULL);
         sub;
         sub = ngx_http_websocket_subscription_next(s, sub))
    {
        ngx_http_websocket_channel_name(ngx_http_websocket_hub_name(sub),
                                        &name);

        p = ngx_sprintf(p, "%s{\"name\":\"", i ? "," : "");
        p = (u_char *) ngx_escape_json(p, name.data, name.len);
        p = ngx_sprintf(p, "\",\"position\":\"");
        p += ngx_websocket_position_print(p, &positions[i]);
        *p++ = '"';

        if (found) {
            p = ngx_sprintf(p, ",\"recovered\":%s",
                            found[i] ? "true" : "false");
        }

        *p++ = '}';
        i++;
    }

    *p++ = ']';

    return p;
}


ngx_http_websocket_frame_t *
ngx_http_websocket_hello_frame(ngx_http_websocket_session_t *s,
    ngx_http_websocket_hello_t *hello)
{
    u_char                      *p;
    size_t                       size;
    ngx_http_websocket_frame_t  *frame;

    size = sizeof("{\"recovered\":false,\"position\":\"\","
                  "\"session\":\"0123456789abcdef\"}")
           + hello->n * (NGX_WEBSOCKET_POSITION_SIZE + 1);

    if (hello->n > 1) {
        size += ngx_http_websocket_channels_size(s);
    }

    frame = ngx_http_websocket_frame_alloc(size, s->connection->log);
    if (frame == NULL) {
        return NULL;
    }

    p = frame->data;
    *p++ = '{';

    if (hello->asked) {
        p = ngx_sprintf(p, "\"recovered\":%s,",
                        hello->recovered ? "true" : "false");
    }

    p = ngx_cpymem(p, "\"position\":\"", sizeof("\"position\":\"") - 1);
    p = ngx_http_websocket_print_positions(p, hello->positions, hello->n);
    p = ngx_sprintf(p, "\",\"session\":\"%016xL\"", s->record->id);

    if (hello->n > 1) {
        p = ngx_http_websocket_print_channels(p, s, hello->positions,
                                              hello->asked ? hello->found
                                                           : NULL);
    }

    *p++ = '}';

    frame->size = p - frame->data;

    return frame;
}


ngx_http_websocket_frame_t *
ngx_http_websocket_where_frame(ngx_http_websocket_session_t *s,
    ngx_http_websocket_where_t *where)
{
    u_char                      *text;
    ngx_uint_t                   n;
    ngx_websocket_position_t    *positions;
    ngx_http_websocket_frame_t  *frame;

    n = s->record->nsubscriptions;

    /* the positions, and then their text */

    positions = ngx_calloc((n + 1) * (sizeof(ngx_websocket_position_t)
                                      + NGX_WEBSOCKET_POSITION_SIZE + 1),
                           s->connection->log);
    if (positions == NULL) {
        return NULL;
    }

    ngx_http_websocket_where(s, positions);

    /* most clients of a channel are at the same position */

    if (n <= 1 && where->frame
        && where->position.epoch == positions[0].epoch
        && where->position.offset == positions[0].offset)
    {
        frame = where->frame;
        frame->refs++;

    } else {
        text = (u_char *) &positions[n + 1];

        frame = where->make(s->connection->log, text,
                            ngx_http_websocket_print_positions(text, positions,
                                                               n)
                            - text);

        if (frame && n <= 1) {
            ngx_http_websocket_where_keep(where, positions, frame);
        }
    }

    ngx_free(positions);

    return frame;
}


static void
ngx_http_websocket_where(ngx_http_websocket_session_t *s,
    ngx_websocket_position_t *positions)
{
    ngx_http_websocket_subscription_t  *sub;

    for (sub = ngx_http_websocket_subscription_next(s, NULL);
         sub;
         sub = ngx_http_websocket_subscription_next(s, sub))
    {
        if (sub->active) {
            ngx_http_websocket_hub_position(sub, positions++);
        }
    }
}


static void
ngx_http_websocket_where_keep(ngx_http_websocket_where_t *where,
    ngx_websocket_position_t *position, ngx_http_websocket_frame_t *frame)
{
    if (where->frame) {
        ngx_http_websocket_frame_release(where->frame);
    }

    where->position = *position;
    where->frame = frame;
    where->frame->refs++;
}


void
ngx_http_websocket_event_name(ngx_http_websocket_message_t *message,
    ngx_str_t *name)
{
    size_t          n;
    const char     *value;
    const uint8_t  *tags;

    ngx_str_null(name);

    n = ngx_websocket_meta_find(message->meta, message->meta_size,
                                NGX_WEBSOCKET_META_TAGS, &tags);

    if (n) {
        value = NULL;
        name->len = ngx_websocket_tags_find(tags, n, "event", &value);
        name->data = (u_char *) value;
    }
}

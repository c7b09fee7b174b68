
#include "protocol/ngx_http_websocket_events.h"
#include "protocol/ngx_http_websocket_closes.h"
#include "protocol/ngx_http_websocket_hello.h"
#include "session/ngx_http_websocket_beat.h"
#include "session/ngx_http_websocket_frames.h"
#include "session/ngx_http_websocket_queue.h"
#include "session/ngx_http_websocket_response.h"
#include "session/ngx_http_websocket_write.h"


/* a client comes back after 1 s, or up to a second more */
#define NGX_HTTP_WEBSOCKET_RETRY  1000


static ngx_int_t ngx_http_websocket_events_push(
    ngx_http_websocket_session_t *s, ngx_http_websocket_subscription_t *from,
    ngx_http_websocket_message_t *message, ngx_http_websocket_frame_t **frame);
static ngx_int_t ngx_http_websocket_events_hello(
    ngx_http_websocket_session_t *s, ngx_http_websocket_hello_t *hello);
static void ngx_http_websocket_events_ping(ngx_http_websocket_session_t *s);
static void ngx_http_websocket_events_beat(ngx_http_websocket_session_t *s);
static ngx_http_websocket_frame_t *ngx_http_websocket_where_event(
    ngx_log_t *log, u_char *positions, size_t size);
static void ngx_http_websocket_events_close(ngx_http_websocket_session_t *s,
    uint16_t code, const u_char *reason, size_t size);
static ngx_http_websocket_frame_t *ngx_http_websocket_own_event_frame(
    const ngx_http_websocket_format_t *format, ngx_log_t *log,
    ngx_http_websocket_message_t *message);
static ngx_http_websocket_frame_t *ngx_http_websocket_event_frame(
    ngx_log_t *log, ngx_http_websocket_message_t *message, ngx_str_t *id);
static u_char *ngx_http_websocket_event_lines(u_char *p, u_char *data,
    size_t size);


static const ngx_http_websocket_format_t  ngx_http_websocket_event_format = {
    "event", ngx_http_websocket_own_event_frame, 1, NULL
};


static const ngx_http_websocket_transport_t  ngx_http_websocket_streamed = {
    ngx_http_websocket_response_prepare,
    ngx_http_websocket_response_start,
    ngx_http_websocket_response_flush,
    ngx_http_websocket_response_bytes_out,
    ngx_http_websocket_response_end,
    ngx_http_websocket_response_forget,
    NULL,
    0
};


static ngx_http_websocket_where_t  ngx_http_websocket_events_where = {
    ngx_http_websocket_where_event, { 0, 0 }, NULL
};


const ngx_http_websocket_protocol_t  ngx_http_websocket_events_protocol = {
    .name = "sse",
    .transport = &ngx_http_websocket_streamed,
    .format = &ngx_http_websocket_event_format,
    .positioned = &ngx_http_websocket_event_format,
    .type = ngx_string("text/event-stream"),
    .closes = ngx_http_websocket_closes,
    .event_ids = 1,
    .hello = ngx_http_websocket_events_hello,
    .push = ngx_http_websocket_events_push,
    .pass = ngx_http_websocket_response_pass,
    .end = ngx_http_websocket_response_ended,
    .ping = ngx_http_websocket_events_ping,
    .beat = ngx_http_websocket_events_beat,
    .close = ngx_http_websocket_events_close
};


static ngx_int_t
ngx_http_websocket_events_push(ngx_http_websocket_session_t *s,
    ngx_http_websocket_subscription_t *from,
    ngx_http_websocket_message_t *message, ngx_http_websocket_frame_t **frame)
{
    u_char                    *buf;
    ngx_str_t                  id;
    ngx_log_t                 *log;
    ngx_uint_t                 n;
    ngx_websocket_position_t  *positions;

    n = ngx_http_websocket_response_of(s)->n;
    log = s->connection->log;

    if (n == 1) {
        return ngx_http_websocket_shared_frame(log, message, s->variant,
                                               frame);
    }

    /* the last id is all that a client remembers: it tells of all channels */

    positions = ngx_http_websocket_response_of(s)->positions;

    positions[from->number].epoch = message->epoch;
    positions[from->number].offset = message->offset;

    buf = ngx_alloc(n * (NGX_WEBSOCKET_POSITION_SIZE + 1), log);
    if (buf == NULL) {
        return NGX_ERROR;
    }

    id.data = buf;
    id.len = ngx_http_websocket_print_positions(buf, positions, n) - buf;

    *frame = ngx_http_websocket_event_frame(log, message, &id);

    ngx_free(buf);

    if (*frame == NULL) {
        return NGX_ERROR;
    }

    ngx_http_websocket_frame_of(*frame, message);

    return NGX_OK;
}


/* an event without data sets the id and is not seen by the page */

static ngx_int_t
ngx_http_websocket_events_hello(ngx_http_websocket_session_t *s,
    ngx_http_websocket_hello_t *hello)
{
    char                        *name;
    u_char                      *p;
    ngx_http_websocket_frame_t  *frame, *text;

    ngx_memcpy(ngx_http_websocket_response_of(s)->positions, hello->positions,
               hello->n * sizeof(ngx_websocket_position_t));

    text = ngx_http_websocket_hello_frame(s, hello);

    if (text == NULL) {
        return NGX_ERROR;
    }

    frame = ngx_http_websocket_frame_alloc(
                    sizeof("retry: 1000\nid: \nevent: unrecovered\ndata: \n\n")
                    + hello->n * (NGX_WEBSOCKET_POSITION_SIZE + 1)
                    + text->size, s->connection->log);

    if (frame == NULL) {
        ngx_http_websocket_frame_release(text);
        return NGX_ERROR;
    }

    /* spread over time, so that not all clients come back at once */

    p = ngx_sprintf(frame->data, "retry: %ui\nid: ",
                    (ngx_uint_t) (NGX_HTTP_WEBSOCKET_RETRY
                                  + ngx_random()
                                    % NGX_HTTP_WEBSOCKET_RETRY));

    p = ngx_http_websocket_print_positions(p, hello->positions, hello->n);
    *p++ = LF;

    name = hello->asked && !hello->recovered ? "unrecovered"
                                             : hello->wanted ? "hello" : NULL;

    if (name) {
        p = ngx_sprintf(p, "event: %s\ndata: %*s\n", name,
                        (size_t) text->size, text->data);
    }

    *p++ = LF;

    frame->size = p - frame->data;

    ngx_http_websocket_frame_release(text);

    return ngx_http_websocket_send_first(s, frame);
}


/*
 * a comment: nobody answers it, but writing it finds out whether somebody is
 * there
 */

static void
ngx_http_websocket_events_ping(ngx_http_websocket_session_t *s)
{
    ngx_http_websocket_frame_t  *frame;

    s->heard = ngx_http_websocket_now();

    if (s->out->count || s->record->aside->visible) {
        return;
    }

    frame = ngx_http_websocket_frame_alloc(sizeof(":\n\n") - 1,
                                           s->connection->log);
    if (frame) {
        ngx_memcpy(frame->data, ":\n\n", sizeof(":\n\n") - 1);
        (void) ngx_http_websocket_send_bytes(s, frame);
    }
}


static void
ngx_http_websocket_events_beat(ngx_http_websocket_session_t *s)
{
    ngx_http_websocket_frame_t  *frame;

    frame = ngx_http_websocket_where_frame(s,
                                           &ngx_http_websocket_events_where);

    if (frame) {
        ngx_http_websocket_beat_send(s, frame);
    }
}


static ngx_http_websocket_frame_t *
ngx_http_websocket_where_event(ngx_log_t *log, u_char *positions, size_t size)
{
    ngx_http_websocket_frame_t  *frame;

    frame = ngx_http_websocket_frame_alloc(
             sizeof("event: heartbeat\nid: \ndata: {\"position\":\"\"}\n\n")
             + 2 * size, log);

    if (frame) {
        frame->size = ngx_sprintf(frame->data, "event: heartbeat\nid: %*s\n"
                                  "data: {\"position\":\"%*s\"}\n\n",
                                  size, positions, size, positions)
                      - frame->data;
    }

    return frame;
}


static void
ngx_http_websocket_events_close(ngx_http_websocket_session_t *s, uint16_t code,
    const u_char *reason, size_t size)
{
    u_char                         *p;
    ngx_http_websocket_frame_t     *frame;
    ngx_http_websocket_response_t  *response;

    response = ngx_http_websocket_response_of(s);

    if (s->state == NGX_HTTP_WEBSOCKET_OPEN) {
        s->state = NGX_HTTP_WEBSOCKET_CLOSE_LAST;
    }

    /*
     * reasons are the module's own: constant, and without what JSON must escape
     */

    frame = ngx_http_websocket_frame_alloc(
           sizeof("id: \nevent: close\ndata: {\"code\":,\"reason\":\"\"}\n\n")
           + response->n * (NGX_WEBSOCKET_POSITION_SIZE + 1)
           + NGX_INT_T_LEN + size, s->connection->log);

    if (frame == NULL) {
        ngx_http_websocket_post_flush(s);
        return;
    }

    p = frame->data;

    if (response->ended == response->n) {

        /* a client that comes back with the id is told not to */

        p = ngx_cpymem(p, "id: ", sizeof("id: ") - 1);
        p = ngx_http_websocket_print_positions(p, response->positions,
                                               response->n);
        p = ngx_cpymem(p, "\nevent: end\n", sizeof("\nevent: end\n") - 1);

    } else {
        p = ngx_cpymem(p, "event: close\n", sizeof("event: close\n") - 1);
    }

    p = ngx_sprintf(p, "data: {\"code\":%ui,\"reason\":\"%*s\"}\n\n",
                    (ngx_uint_t) code, size, reason);

    frame->size = p - frame->data;

    (void) ngx_http_websocket_send_bytes(s, frame);
}


static ngx_http_websocket_frame_t *
ngx_http_websocket_own_event_frame(
    const ngx_http_websocket_format_t *format, ngx_log_t *log,
    ngx_http_websocket_message_t *message)
{
    u_char     buf[NGX_WEBSOCKET_POSITION_SIZE];
    ngx_str_t  id;

    id.data = buf;
    id.len = ngx_http_websocket_print_position(buf, message);

    return ngx_http_websocket_event_frame(log, message, &id);
}


ngx_uint_t
ngx_http_websocket_event_reserved(const u_char *name, size_t size)
{
    ngx_str_t  *reserved;

    static ngx_str_t  names[] = {
        ngx_string("binary"),
        ngx_string("close"),
        ngx_string("end"),
        ngx_string("error"),
        ngx_string("heartbeat"),
        ngx_string("hello"),
        ngx_string("open"),
        ngx_string("unrecovered"),
        ngx_null_string
    };

    for (reserved = names; reserved->len; reserved++) {
        if (reserved->len == size
            && ngx_strncmp(reserved->data, name, size) == 0)
        {
            return 1;
        }
    }

    return 0;
}


/* writes a message with the given id */

static ngx_http_websocket_frame_t *
ngx_http_websocket_event_frame(ngx_log_t *log,
    ngx_http_websocket_message_t *message, ngx_str_t *id)
{
    u_char                      *p;
    size_t                       i, size, lines;
    ngx_str_t                    payload, base64, name;
    ngx_http_websocket_frame_t  *frame;

    payload.data = message->payload;
    payload.len = message->size;

    size = payload.len;
    lines = 1;

    if (message->type == NGX_WEBSOCKET_BINARY) {
        size = ngx_base64_encoded_length(size);

    } else {
        for (i = 0; i < size; i++) {
            lines += (payload.data[i] == CR || payload.data[i] == LF);
        }
    }

    ngx_http_websocket_event_name(message, &name);

    if (ngx_http_websocket_event_reserved(name.data, name.len)) {
        name.len = 0;
    }

    frame = ngx_http_websocket_frame_alloc(sizeof("id: \nevent: binary\n\n")
                                           + id->len + name.len + size
                                           + lines * (sizeof("data: \n") - 1),
                                           log);
    if (frame == NULL) {
        return NULL;
    }

    p = ngx_sprintf(frame->data, "id: %V\n", id);

    if (message->type == NGX_WEBSOCKET_BINARY) {
        p = ngx_cpymem(p, "event: binary\ndata: ",
                       sizeof("event: binary\ndata: ") - 1);

        base64.data = p;
        ngx_encode_base64(&base64, &payload);
        p += base64.len;
        *p++ = LF;

    } else {

        if (name.len) {
            p = ngx_sprintf(p, "event: %V\n", &name);
        }

        p = ngx_http_websocket_event_lines(p, payload.data, payload.len);
    }

    *p++ = LF;

    frame->size = p - frame->data;

    return frame;
}


/* each line is a field of its own; the client puts them together with LF */

static u_char *
ngx_http_websocket_event_lines(u_char *p, u_char *data, size_t size)
{
    u_char  *last, *end;

    last = data + size;

    for ( ;; ) {

        for (end = data; end < last && *end != CR && *end != LF; end++) {
            /* void */
        }

        p = ngx_cpymem(p, "data: ", sizeof("data: ") - 1);
        p = ngx_cpymem(p, data, end - data);
        *p++ = LF;

        if (end == last) {
            return p;
        }

        data = end + 1;

        if (*end == CR && data < last && *data == LF) {
            data++;
        }
    }
}

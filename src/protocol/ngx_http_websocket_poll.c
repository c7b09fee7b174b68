
#include "protocol/ngx_http_websocket_poll.h"
#include "clock/ngx_http_websocket_clock.h"
#include "protocol/ngx_http_websocket_closes.h"
#include "protocol/ngx_http_websocket_hello.h"
#include "session/ngx_http_websocket_frames.h"
#include "session/ngx_http_websocket_limits.h"
#include "session/ngx_http_websocket_queue.h"
#include "session/ngx_http_websocket_response.h"
#include "session/ngx_http_websocket_write.h"


static ngx_int_t ngx_http_websocket_poll_push(ngx_http_websocket_session_t *s,
    ngx_http_websocket_subscription_t *from,
    ngx_http_websocket_message_t *message, ngx_http_websocket_frame_t **frame);
static ngx_uint_t ngx_http_websocket_poll_full(
    ngx_http_websocket_session_t *s, ngx_http_websocket_frame_t *frame);
static ngx_int_t ngx_http_websocket_poll_hello(ngx_http_websocket_session_t *s,
    ngx_http_websocket_hello_t *hello);
static ngx_int_t ngx_http_websocket_poll_flush(
    ngx_http_websocket_session_t *s);
static ngx_int_t ngx_http_websocket_poll_body(ngx_http_websocket_session_t *s,
    ngx_buf_t *b);
static u_char *ngx_http_websocket_poll_messages(
    ngx_http_websocket_session_t *s, u_char *p);
static ngx_int_t ngx_http_websocket_poll_send(ngx_http_request_t *r,
    ngx_buf_t *b);
static void ngx_http_websocket_poll_ping(ngx_http_websocket_session_t *s);
static void ngx_http_websocket_poll_close(ngx_http_websocket_session_t *s,
    uint16_t code, const u_char *reason, size_t size);
static ngx_http_websocket_frame_t *ngx_http_websocket_json_frame(
    const ngx_http_websocket_format_t *format, ngx_log_t *log,
    ngx_http_websocket_message_t *message);
static json_t *ngx_http_websocket_message_json(ngx_log_t *log,
    uint64_t offset, uint64_t time, uint8_t type, u_char *payload,
    size_t size);


static const ngx_http_websocket_format_t  ngx_http_websocket_json_format = {
    "json", ngx_http_websocket_json_frame, 1, NULL
};


static const ngx_http_websocket_transport_t  ngx_http_websocket_poll = {
    ngx_http_websocket_response_prepare,
    ngx_http_websocket_response_start,
    ngx_http_websocket_poll_flush,
    ngx_http_websocket_response_bytes_out,
    ngx_http_websocket_response_end,
    ngx_http_websocket_response_forget,
    NULL,
    0
};


const ngx_http_websocket_protocol_t  ngx_http_websocket_poll_protocol = {
    .name = "poll",
    .transport = &ngx_http_websocket_poll,
    .format = &ngx_http_websocket_json_format,
    .positioned = &ngx_http_websocket_json_format,
    .type = ngx_string("application/json"),
    .closes = ngx_http_websocket_closes,
    .once = 1,
    .hello = ngx_http_websocket_poll_hello,
    .push = ngx_http_websocket_poll_push,
    .pass = ngx_http_websocket_response_pass,
    .end = ngx_http_websocket_response_ended,
    .ping = ngx_http_websocket_poll_ping,
    .close = ngx_http_websocket_poll_close
};


static ngx_int_t
ngx_http_websocket_poll_push(ngx_http_websocket_session_t *s,
    ngx_http_websocket_subscription_t *from,
    ngx_http_websocket_message_t *message, ngx_http_websocket_frame_t **frame)
{
    ngx_websocket_position_t       *position;
    ngx_http_websocket_response_t  *response;

    response = ngx_http_websocket_response_of(s);

    if (response->full) {
        return NGX_HTTP_WEBSOCKET_HIDDEN;
    }

    if (ngx_http_websocket_shared_frame(s->connection->log, message,
                                        s->variant, frame)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    /*
     * the client asks for what it was not given: no message in between may be
     * left out
     */

    if (ngx_http_websocket_poll_full(s, *frame)) {
        response->full = 1;
        ngx_http_websocket_frame_release(*frame);
        return NGX_HTTP_WEBSOCKET_HIDDEN;
    }

    /*
     * the position is that of the messages in the answer, of which this is one
     * now
     */

    if (ngx_http_websocket_queue_reserve(s) != NGX_OK) {
        ngx_http_websocket_frame_release(*frame);
        return NGX_ERROR;
    }

    position = &response->positions[from->number];

    position->epoch = message->epoch;
    position->offset = message->offset;

    return NGX_OK;
}


/* a message that is larger than the bound is an answer by itself */

static ngx_uint_t
ngx_http_websocket_poll_full(ngx_http_websocket_session_t *s,
    ngx_http_websocket_frame_t *frame)
{
    ngx_http_websocket_queue_t  *q;

    q = s->out;

    return q->messages >= s->conf->queue_messages
           || (q->messages && q->bytes + frame->size > s->conf->queue_size);
}


static ngx_int_t
ngx_http_websocket_poll_hello(ngx_http_websocket_session_t *s,
    ngx_http_websocket_hello_t *hello)
{
    ngx_uint_t                      i;
    ngx_http_websocket_response_t  *response;

    response = ngx_http_websocket_response_of(s);

    response->asked = hello->asked;
    response->recovered = hello->recovered;
    response->lost = hello->asked && hello->lost && hello->n > 1;

    ngx_memcpy(response->found, hello->found, hello->n);

    for (i = 0; i < hello->n; i++) {

        /* the first messages may have been written before */

        if (response->positions[i].epoch == 0) {
            response->positions[i] = hello->positions[i];
        }
    }

    /*
     * a client without a position is given one, and one whose position is lost
     * is told
     */

    if ((!hello->asked || !hello->recovered) && s->out->count == 0) {
        response->full = 1;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_websocket_poll_flush(ngx_http_websocket_session_t *s)
{
    ngx_buf_t  *b;

    if (s->out->count == 0 && !ngx_http_websocket_response_of(s)->full
        && s->state != NGX_HTTP_WEBSOCKET_CLOSE_LAST)
    {
        return NGX_OK;
    }

    s->state = NGX_HTTP_WEBSOCKET_CLOSE_LAST;

    /*
     * a client that has the answer may ask another worker before this one ends
     * the request
     */

    ngx_http_websocket_limits_end(s);

    b = ngx_calloc_buf(s->record->request->pool);

    if (b == NULL || ngx_http_websocket_poll_body(s, b) != NGX_OK
        || ngx_http_websocket_poll_send(s->record->request, b) == NGX_ERROR)
    {
        return NGX_ERROR;
    }

    ngx_http_websocket_response_of(s)->complete = 1;

    return NGX_DONE;
}


static ngx_int_t
ngx_http_websocket_poll_body(ngx_http_websocket_session_t *s, ngx_buf_t *b)
{
    u_char                         *p;
    size_t                          size;
    ngx_http_websocket_response_t  *response;

    response = ngx_http_websocket_response_of(s);

    size = sizeof("{\"recovered\":false,\"position\":\"\",\"messages\":[]")
           + response->n * (NGX_WEBSOCKET_POSITION_SIZE + 1)
           + (response->lost ? ngx_http_websocket_channels_size(s) : 0)
           + s->out->bytes + s->out->count
           + sizeof(",\"close\":{\"code\":,\"reason\":\"\"}}\n")
           + NGX_INT_T_LEN + s->record->aside->close_reason_size;

    p = ngx_palloc(s->record->request->pool, size);
    if (p == NULL) {
        return NGX_ERROR;
    }

    b->pos = p;
    b->memory = 1;

    *p++ = '{';

    if (response->asked) {
        p = ngx_sprintf(p, "\"recovered\":%s,",
                        response->recovered ? "true" : "false");
    }

    p = ngx_cpymem(p, "\"position\":\"", sizeof("\"position\":\"") - 1);
    p = ngx_http_websocket_print_positions(p, response->positions,
                                           response->n);

    *p++ = '"';

    if (response->lost) {
        p = ngx_http_websocket_print_channels(p, s, response->positions,
                                              response->found);
    }

    p = ngx_cpymem(p, ",\"messages\":[", sizeof(",\"messages\":[") - 1);
    p = ngx_http_websocket_poll_messages(s, p);
    *p++ = ']';

    if (response->ended == response->n) {
        p = ngx_cpymem(p, ",\"end\":true", sizeof(",\"end\":true") - 1);

    } else if (s->close_queued) {
        p = ngx_sprintf(p, ",\"close\":{\"code\":%ui,\"reason\":\"%*s\"}",
                        (ngx_uint_t) s->record->close_code,
                        (size_t) s->record->aside->close_reason_size,
                        s->record->aside->close_reason);
    }

    *p++ = '}';
    *p++ = LF;

    b->last = p;
    response->bytes_out = b->last - b->pos;

    return NGX_OK;
}


static u_char *
ngx_http_websocket_poll_messages(ngx_http_websocket_session_t *s, u_char *p)
{
    ngx_uint_t                   n;
    ngx_http_websocket_frame_t  *frame;

    for (n = 0; s->out->count; n++) {

        if (n) {
            *p++ = ',';
        }

        frame = *ngx_http_websocket_queue_at(s->out, 0);
        p = ngx_cpymem(p, frame->data, frame->size);

        ngx_http_websocket_queue_sent(s, frame->size);
    }

    return p;
}


static ngx_int_t
ngx_http_websocket_poll_send(ngx_http_request_t *r, ngx_buf_t *b)
{
    ngx_int_t    rc;
    ngx_chain_t  out;

    r->disable_not_modified = 1;
    r->headers_out.status = NGX_HTTP_OK;
    r->headers_out.content_length_n = b->last - b->pos;
    r->headers_out.content_type = ngx_http_websocket_poll_protocol.type;
    r->headers_out.content_type_len = r->headers_out.content_type.len;

    b->last_buf = 1;
    b->last_in_chain = 1;

    rc = ngx_http_send_header(r);

    if (rc == NGX_ERROR || rc > NGX_OK || r->header_only) {
        return rc;
    }

    out.buf = b;
    out.next = NULL;

    return ngx_http_output_filter(r, &out);
}


static void
ngx_http_websocket_poll_ping(ngx_http_websocket_session_t *s)
{
    ngx_http_websocket_response_of(s)->full = 1;

    ngx_http_websocket_post_flush(s);
}


static void
ngx_http_websocket_poll_close(ngx_http_websocket_session_t *s, uint16_t code,
    const u_char *reason, size_t size)
{
    if (s->state == NGX_HTTP_WEBSOCKET_OPEN) {
        s->state = NGX_HTTP_WEBSOCKET_CLOSE_LAST;
    }

    ngx_http_websocket_post_flush(s);
}


/*
 * {"offset":...,"time":...,"type":...,"data":...}, a binary message's data in
 * base64; NULL when memory was refused
 */

static json_t *
ngx_http_websocket_message_json(ngx_log_t *log, uint64_t offset,
    uint64_t time, uint8_t type, u_char *payload, size_t size)
{
    json_t     *data;
    ngx_str_t   bytes, base64;

    bytes.data = payload;
    bytes.len = size;

    if (type == NGX_WEBSOCKET_TEXT) {
        data = json_stringn((char *) payload, size);

    } else {
        base64.data = ngx_alloc(ngx_base64_encoded_length(size) + 1, log);
        if (base64.data == NULL) {
            return NULL;
        }

        ngx_encode_base64(&base64, &bytes);
        data = json_stringn((char *) base64.data, base64.len);

        ngx_free(base64.data);
    }

    return json_pack("{s:I,s:I,s:s,s:o}",
                     "offset", (json_int_t) offset,
                     "time", (json_int_t) ngx_http_websocket_clock_wall(time),
                     "type", type == NGX_WEBSOCKET_TEXT ? "text" : "binary",
                     "data", data);
}


static ngx_http_websocket_frame_t *
ngx_http_websocket_json_frame(
    const ngx_http_websocket_format_t *format, ngx_log_t *log,
    ngx_http_websocket_message_t *message)
{
    size_t                       size, flags;
    u_char                       epoch[NGX_WEBSOCKET_POSITION_EPOCH];
    json_t                      *json;
    ngx_str_t                    name;
    ngx_http_websocket_frame_t  *frame;

    size = 0;
    frame = NULL;
    flags = JSON_COMPACT|JSON_PRESERVE_ORDER;

    json = ngx_http_websocket_message_json(log, message->offset,
                                           message->frame.time, message->type,
                                           message->payload, message->size);

    if (message->ephemeral) {

        /* the offset is that of the message before it */

        (void) json_object_del(json, "offset");
        (void) json_object_set_new(json, "ephemeral", json_true());
    }

    ngx_http_websocket_event_name(message, &name);

    if (name.len) {
        (void) json_object_set_new(json, "event",
                                   json_stringn((char *) name.data, name.len));
    }

    ngx_websocket_position_print_epoch(epoch, message->epoch);

    if (json_object_set_new(json, "epoch",
                            json_stringn((char *) epoch, sizeof(epoch)))
        == 0)
    {
        size = json_dumpb(json, NULL, 0, flags);

        if (size) {
            frame = ngx_http_websocket_frame_alloc(size, log);
        }
    }

    if (frame
        && json_dumpb(json, (char *) frame->data, size, flags) != size)
    {
        ngx_http_websocket_frame_release(frame);
        frame = NULL;
    }

    json_decref(json);

    return frame;
}


#include "session/ngx_http_websocket_frames.h"
#include "clock/ngx_http_websocket_clock.h"
#include "session/ngx_http_websocket_deflate.h"
#include "session/ngx_http_websocket_protocol.h"


static ngx_http_websocket_frame_t *ngx_http_websocket_make_frame(
    ngx_log_t *log, ngx_http_websocket_message_t *message, ngx_uint_t variant);
static ngx_http_websocket_frame_t *ngx_http_websocket_position_frame(
    ngx_log_t *log, ngx_http_websocket_message_t *message);
static ngx_http_websocket_frame_t *ngx_http_websocket_json_frame(
    ngx_log_t *log, ngx_http_websocket_message_t *message);
static ngx_http_websocket_frame_t *ngx_http_websocket_own_event_frame(
    ngx_log_t *log, ngx_http_websocket_message_t *message);
static u_char *ngx_http_websocket_event_lines(u_char *p, u_char *data,
    size_t size);
static json_t *ngx_http_websocket_message_json(ngx_log_t *log,
    uint64_t offset, uint64_t time, uint8_t type, u_char *payload,
    size_t size);
static size_t ngx_http_websocket_print_position(u_char *buf,
    ngx_http_websocket_message_t *message);


ngx_int_t
ngx_http_websocket_shared_frame(ngx_log_t *log,
    ngx_http_websocket_message_t *message, ngx_uint_t variant,
    ngx_http_websocket_frame_t **frame)
{
    ngx_uint_t                   codec;
    ngx_http_websocket_frame_t  *f;

    variant = ngx_http_websocket_variant_frame(variant);
    codec = ngx_http_websocket_variant_codec(variant);

    if (codec && !ngx_http_websocket_deflate_worth(codec, message->size)) {
        variant = ngx_http_websocket_variant_encoding(variant);
    }

    for (f = &message->frame; f; f = f->next) {

        if (f->variant == variant) {
            f->refs++;
            *frame = f;

            return NGX_OK;
        }
    }

    f = ngx_http_websocket_make_frame(log, message, variant);
    if (f == NULL) {
        return NGX_ERROR;
    }

    ngx_http_websocket_frame_of(f, message);

    f->refs++;
    f->variant = variant;
    f->next = message->frame.next;
    message->frame.next = f;

    *frame = f;

    return NGX_OK;
}


static ngx_http_websocket_frame_t *
ngx_http_websocket_make_frame(ngx_log_t *log,
    ngx_http_websocket_message_t *message, ngx_uint_t variant)
{
    ngx_uint_t                   codec, encoding;
    ngx_http_websocket_frame_t  *plain, *frame;

    codec = ngx_http_websocket_variant_codec(variant);
    encoding = ngx_http_websocket_variant_encoding(variant);

    if (codec) {
        if (ngx_http_websocket_shared_frame(log, message, encoding, &plain)
            != NGX_OK)
        {
            return NULL;
        }

        frame = ngx_http_websocket_deflate_frame(log, codec, plain);

        ngx_http_websocket_frame_release(plain);

        return frame;
    }

    switch (encoding) {

    case NGX_HTTP_WEBSOCKET_POSITION_FRAME:
        return ngx_http_websocket_position_frame(log, message);

    case NGX_HTTP_WEBSOCKET_EVENT:
        return ngx_http_websocket_own_event_frame(log, message);

    default:  /* NGX_HTTP_WEBSOCKET_JSON */
        return ngx_http_websocket_json_frame(log, message);
    }
}


static ngx_http_websocket_frame_t *
ngx_http_websocket_position_frame(ngx_log_t *log,
    ngx_http_websocket_message_t *message)
{
    u_char                      *p, line[NGX_WEBSOCKET_POSITION_SIZE + 1];
    size_t                       size;
    ngx_http_websocket_frame_t  *frame;

    size = ngx_http_websocket_print_position(line, message);
    line[size++] = LF;

    frame = ngx_http_websocket_frame_create(NGX_WEBSOCKET_FIN | message->type,
                                            NULL, size + message->size, log);
    if (frame == NULL) {
        return NULL;
    }

    p = frame->data + frame->size - message->size - size;
    p = ngx_cpymem(p, line, size);
    ngx_memcpy(p, message->payload, message->size);

    return frame;
}


static size_t
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


ngx_http_websocket_frame_t *
ngx_http_websocket_hello_frame(ngx_http_websocket_session_t *s,
    ngx_http_websocket_hello_t *hello)
{
    u_char                      *p;
    ngx_http_websocket_frame_t  *frame;

    frame = ngx_http_websocket_frame_alloc(
                    sizeof("{\"recovered\":false,\"position\":\"\"}")
                    + hello->n * (NGX_WEBSOCKET_POSITION_SIZE + 1),
                    s->connection->log);
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

    *p++ = '"';
    *p++ = '}';

    frame->size = p - frame->data;

    return frame;
}


static ngx_http_websocket_frame_t *
ngx_http_websocket_own_event_frame(ngx_log_t *log,
    ngx_http_websocket_message_t *message)
{
    u_char     buf[NGX_WEBSOCKET_POSITION_SIZE];
    ngx_str_t  id;

    id.data = buf;
    id.len = ngx_http_websocket_print_position(buf, message);

    return ngx_http_websocket_event_frame(log, message, &id);
}


ngx_http_websocket_frame_t *
ngx_http_websocket_event_frame(ngx_log_t *log,
    ngx_http_websocket_message_t *message, ngx_str_t *id)
{
    u_char                      *p;
    size_t                       i, size, lines;
    ngx_str_t                    payload, base64;
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

    frame = ngx_http_websocket_frame_alloc(sizeof("id: \nevent: binary\n\n")
                                           + id->len + size
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
ngx_http_websocket_json_frame(ngx_log_t *log,
    ngx_http_websocket_message_t *message)
{
    size_t                       size, flags;
    u_char                       epoch[NGX_WEBSOCKET_POSITION_EPOCH + 1];
    json_t                      *json;
    ngx_http_websocket_frame_t  *frame;

    size = 0;
    frame = NULL;
    flags = JSON_COMPACT|JSON_PRESERVE_ORDER;

    json = ngx_http_websocket_message_json(log, message->offset,
                                           message->frame.time, message->type,
                                           message->payload, message->size);

    *ngx_sprintf(epoch, "%016xL", message->epoch) = '\0';

    if (json_object_set_new(json, "epoch", json_string((char *) epoch)) == 0) {

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

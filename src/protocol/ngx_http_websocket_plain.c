
#include "protocol/ngx_http_websocket_plain.h"
#include "protocol/ngx_http_websocket_closes.h"
#include "protocol/ngx_http_websocket_hello.h"
#include "session/ngx_http_websocket_ack.h"
#include "session/ngx_http_websocket_beat.h"
#include "session/ngx_http_websocket_deflate.h"
#include "session/ngx_http_websocket_direct.h"
#include "session/ngx_http_websocket_frames.h"
#include "session/ngx_http_websocket_hooked.h"
#include "session/ngx_http_websocket_session_publish.h"
#include "session/ngx_http_websocket_socket.h"
#include "session/ngx_http_websocket_typed.h"
#include "session/ngx_http_websocket_write.h"
#include "wire/frame.h"


static ngx_int_t ngx_http_websocket_plain_receive(
    ngx_http_websocket_session_t *s, uint8_t type, u_char *data, size_t size);
static ngx_inline ngx_int_t ngx_http_websocket_plain_take(
    ngx_http_websocket_session_t *s, uint8_t type, u_char *data, size_t size);
static ngx_int_t ngx_http_websocket_plain_ask(ngx_http_websocket_session_t *s,
    uint8_t type, u_char *data, size_t size) ngx_http_websocket_noinline;
static ngx_int_t ngx_http_websocket_plain_echo_typed(
    ngx_http_websocket_session_t *s, uint8_t type, u_char *data, size_t size)
    ngx_http_websocket_noinline;
static ngx_inline ngx_int_t ngx_http_websocket_plain_echo(
    ngx_http_websocket_session_t *s, uint8_t type, u_char *data, size_t size);
static ngx_int_t ngx_http_websocket_plain_echo_frame(
    ngx_http_websocket_session_t *s, uint8_t type, u_char *data, size_t size)
    ngx_http_websocket_noinline;
static ngx_int_t ngx_http_websocket_plain_dropped(
    ngx_http_websocket_session_t *s, uint8_t type, u_char *data, size_t size);
static ngx_int_t ngx_http_websocket_plain_push(ngx_http_websocket_session_t *s,
    ngx_http_websocket_subscription_t *from,
    ngx_http_websocket_message_t *message, ngx_http_websocket_frame_t **frame);
static ngx_int_t ngx_http_websocket_plain_encode(
    ngx_http_websocket_session_t *s, ngx_http_websocket_message_t *message,
    ngx_http_websocket_frame_t **frame);
static ngx_int_t ngx_http_websocket_plain_hello(
    ngx_http_websocket_session_t *s, ngx_http_websocket_hello_t *hello);
static ngx_http_websocket_frame_t *ngx_http_websocket_plain_reply(
    ngx_http_websocket_session_t *s, const char *data, size_t size);
static void ngx_http_websocket_plain_beat(ngx_http_websocket_session_t *s);
static ngx_http_websocket_frame_t *ngx_http_websocket_where_text(
    ngx_log_t *log, u_char *positions, size_t size);
static ngx_http_websocket_frame_t *ngx_http_websocket_plain_frame(
    const ngx_http_websocket_format_t *format, ngx_log_t *log,
    ngx_http_websocket_message_t *message);
static ngx_http_websocket_frame_t *ngx_http_websocket_position_frame(
    const ngx_http_websocket_format_t *format, ngx_log_t *log,
    ngx_http_websocket_message_t *message);


static const ngx_http_websocket_format_t  ngx_http_websocket_plain_format = {
    "plain", ngx_http_websocket_plain_frame, 0, NULL
};


static const ngx_http_websocket_format_t  ngx_http_websocket_positions = {
    "position", ngx_http_websocket_position_frame, 1, NULL
};


static ngx_http_websocket_where_t  ngx_http_websocket_plain_where = {
    ngx_http_websocket_where_text, { 0, 0 }, NULL
};


const ngx_http_websocket_protocol_t  ngx_http_websocket_plain_protocol = {
    .name = "websocket",
    .transport = &ngx_http_websocket_socket,
    .format = &ngx_http_websocket_plain_format,
    .positioned = &ngx_http_websocket_positions,
    .closes = ngx_http_websocket_closes,
    .direct = 1,
    .pongs = 1,
    .hello = ngx_http_websocket_plain_hello,
    .acks = 1,
    .receive = ngx_http_websocket_plain_receive,
    .dropped = ngx_http_websocket_plain_dropped,
    .push = ngx_http_websocket_plain_push,
    .reply = ngx_http_websocket_plain_reply,
    .ping = ngx_http_websocket_socket_ping,
    .beat = ngx_http_websocket_plain_beat,
    .close = ngx_http_websocket_socket_close
};


static ngx_int_t
ngx_http_websocket_plain_receive(ngx_http_websocket_session_t *s, uint8_t type,
    u_char *data, size_t size)
{
    if (s->record->aside->ack
        && ngx_http_websocket_ack_message(s, type, data, size) != NGX_OK)
    {
        return NGX_DONE;
    }

    if (s->conf->echo) {
        return s->conf->typed.receive
               ? ngx_http_websocket_plain_echo_typed(s, type, data, size)
               : ngx_http_websocket_plain_echo(s, type, data, size);
    }

    if (s->conf->hooks[NGX_HTTP_WEBSOCKET_HOOK_MESSAGE]
        || s->conf->hooks[NGX_HTTP_WEBSOCKET_HOOK_ANSWER])
    {
        return ngx_http_websocket_plain_ask(s, type, data, size);
    }

    return ngx_http_websocket_plain_take(s, type, data, size);
}


static ngx_inline ngx_int_t
ngx_http_websocket_plain_take(ngx_http_websocket_session_t *s, uint8_t type,
    u_char *data, size_t size)
{
    if (s->conf->typed.takes) {
        return ngx_http_websocket_typed_receive(s, type, data, size);
    }

    return ngx_http_websocket_session_publish_as_is(s, type, data, size);
}


static ngx_int_t
ngx_http_websocket_plain_ask(ngx_http_websocket_session_t *s, uint8_t type,
    u_char *data, size_t size)
{
    ngx_int_t  rc;

    if (s->conf->typed.takes
        && ngx_http_websocket_typed_done(s, type, data, size, &rc))
    {
        return rc;
    }

    rc = ngx_http_websocket_hooked_ask(s, type, data, size,
                                       ngx_http_websocket_plain_take);

    return rc == NGX_HTTP_WEBSOCKET_ASK_NOT
           ? ngx_http_websocket_plain_take(s, type, data, size) : rc;
}


static ngx_int_t
ngx_http_websocket_plain_echo_typed(ngx_http_websocket_session_t *s,
    uint8_t type, u_char *data, size_t size)
{
    ngx_int_t                    rc;
    ngx_http_websocket_intake_t  in;

    ngx_http_websocket_typed_intake(s, &in, type, data, size);

    rc = ngx_http_websocket_typed_accept(s, &in);

    if (rc == NGX_HTTP_WEBSOCKET_ACCEPTED) {
        rc = ngx_http_websocket_plain_echo(s, type, in.data, in.size);
    }

    ngx_http_websocket_intake_done(&in);

    return rc == NGX_HTTP_WEBSOCKET_ACCEPT_REFUSED ? NGX_OK : rc;
}


static ngx_int_t
ngx_http_websocket_plain_dropped(ngx_http_websocket_session_t *s, uint8_t type,
    u_char *data, size_t size)
{
    if (s->record->aside->ack == NULL) {
        return NGX_OK;
    }

    if (ngx_http_websocket_ack_message(s, type, data, size) != NGX_OK) {
        return NGX_DONE;
    }

    return ngx_http_websocket_ack_error(s, "rate_limited", NULL,
                                        "too much in too short a time");
}


/* most often the echo is written together with the other answers of a read */

static ngx_inline ngx_int_t
ngx_http_websocket_plain_echo(ngx_http_websocket_session_t *s, uint8_t type,
    u_char *data, size_t size)
{
    if ((ngx_http_websocket_variant_codec(s->variant) != 0
         || !ngx_http_websocket_cork_frame(s, NGX_WEBSOCKET_FIN | type, data,
                                           size))
        && ngx_http_websocket_plain_echo_frame(s, type, data, size) != NGX_OK)
    {
        return NGX_DONE;
    }

    return s->record->aside->ack ? ngx_http_websocket_ack(s, NULL, 0, NULL)
                                 : NGX_OK;
}


static ngx_int_t
ngx_http_websocket_plain_echo_frame(ngx_http_websocket_session_t *s,
    uint8_t type, u_char *data, size_t size)
{
    ngx_int_t                      rc;
    ngx_http_websocket_frame_t    *frame;
    ngx_http_websocket_message_t  *message;

    rc = NGX_ERROR;
    frame = NULL;

    message = ngx_http_websocket_message_create(type, size,
                                                s->connection->log);
    if (message) {
        if (size) {
            ngx_memcpy(message->payload, data, size);
        }

        rc = ngx_http_websocket_plain_encode(s, message, &frame);

        ngx_http_websocket_message_release(message);
    }

    if (rc != NGX_OK || ngx_http_websocket_send_reply(s, frame) != NGX_OK) {
        ngx_http_websocket_session_fail(s, NGX_HTTP_WEBSOCKET_REASON_MEMORY);
        return NGX_DONE;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_websocket_plain_push(ngx_http_websocket_session_t *s,
    ngx_http_websocket_subscription_t *from,
    ngx_http_websocket_message_t *message, ngx_http_websocket_frame_t **frame)
{
    if (!s->conf->own_messages && message->source == s->record->id) {
        return NGX_HTTP_WEBSOCKET_HIDDEN;
    }

    return ngx_http_websocket_plain_encode(s, message, frame);
}


static ngx_int_t
ngx_http_websocket_plain_encode(ngx_http_websocket_session_t *s,
    ngx_http_websocket_message_t *message, ngx_http_websocket_frame_t **frame)
{
    if (ngx_http_websocket_deflate_own(s)) {
        return ngx_http_websocket_deflate_message(s, message, s->variant,
                                                  frame);
    }

    return ngx_http_websocket_shared_frame(s->connection->log, message,
                                           s->variant, frame);
}


/*
 * the hello is for clients that want it, and for those whose position is lost
 */

static ngx_int_t
ngx_http_websocket_plain_hello(ngx_http_websocket_session_t *s,
    ngx_http_websocket_hello_t *hello)
{
    ngx_http_websocket_frame_t  *text, *frame;

    if (!hello->wanted && (!hello->asked || hello->recovered)) {
        return NGX_OK;
    }

    text = ngx_http_websocket_hello_frame(s, hello);
    if (text == NULL) {
        return NGX_ERROR;
    }

    frame = ngx_http_websocket_plain_reply(s, (char *) text->data, text->size);

    ngx_http_websocket_frame_release(text);

    if (frame == NULL) {
        return NGX_ERROR;
    }

    return hello->late ? ngx_http_websocket_send_reply(s, frame)
                       : ngx_http_websocket_send_first(s, frame);
}


static ngx_http_websocket_frame_t *
ngx_http_websocket_plain_reply(ngx_http_websocket_session_t *s,
    const char *data, size_t size)
{
    return ngx_http_websocket_frame_create(NGX_WEBSOCKET_FIN
                                           | NGX_WEBSOCKET_TEXT,
                                           (u_char *) data, size,
                                           s->connection->log);
}


static void
ngx_http_websocket_plain_beat(ngx_http_websocket_session_t *s)
{
    ngx_http_websocket_frame_t  *frame;

    frame = ngx_http_websocket_where_frame(s, &ngx_http_websocket_plain_where);

    if (frame) {
        ngx_http_websocket_beat_send(s, frame);
    }
}


static ngx_http_websocket_frame_t *
ngx_http_websocket_where_text(ngx_log_t *log, u_char *positions, size_t size)
{
    u_char                      *p;
    size_t                       length;
    ngx_http_websocket_frame_t  *frame;

    length = sizeof("{\"position\":}") - 1 + (size ? size + 2
                                                   : sizeof("null") - 1);

    frame = ngx_http_websocket_frame_create(NGX_WEBSOCKET_FIN
                                            | NGX_WEBSOCKET_TEXT,
                                            NULL, length, log);
    if (frame == NULL) {
        return NULL;
    }

    p = frame->data + frame->size - length;

    if (size) {
        (void) ngx_sprintf(p, "{\"position\":\"%*s\"}", size, positions);

    } else {
        ngx_memcpy(p, "{\"position\":null}", length);
    }

    return frame;
}


/* the header in the room before the payload: nothing is copied */

static ngx_http_websocket_frame_t *
ngx_http_websocket_plain_frame(
    const ngx_http_websocket_format_t *format, ngx_log_t *log,
    ngx_http_websocket_message_t *message)
{
    ngx_http_websocket_frame_t  *frame;

    frame = ngx_http_websocket_message_frame(message,
                               ngx_websocket_frame_header_size(message->size));

    (void) ngx_websocket_frame_header(frame->data,
                                      NGX_WEBSOCKET_FIN | message->type,
                                      message->size);

    return frame;
}


static ngx_http_websocket_frame_t *
ngx_http_websocket_position_frame(
    const ngx_http_websocket_format_t *format, ngx_log_t *log,
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


_Static_assert(NGX_WEBSOCKET_HEADER_SIZE <= NGX_HTTP_WEBSOCKET_MESSAGE_ROOM,
               "a header has room before the payload");

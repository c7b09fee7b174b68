
/*
 * A language that only the tests speak, in the place of the module's table of
 * protocols by t/tools/build-fault: a client that asks for the subprotocol
 * "shout" gets each message as <TEXT> behind the number of those that its
 * worker has made so far, answers behind "!", codes of its own, and who joins
 * and leaves as +NAME and -NAME.
 */


#include "protocol/ngx_http_websocket_events.h"
#include "protocol/ngx_http_websocket_plain.h"
#include "protocol/ngx_http_websocket_poll.h"
#include "protocol/ngx_http_websocket_protocols.h"
#include "session/ngx_http_websocket_frames.h"
#include "session/ngx_http_websocket_session_publish.h"
#include "session/ngx_http_websocket_socket.h"
#include "session/ngx_http_websocket_typed.h"
#include "wire/frame.h"


static ngx_int_t ngx_http_websocket_shout_hello(
    ngx_http_websocket_session_t *s, ngx_http_websocket_hello_t *hello);
static ngx_int_t ngx_http_websocket_shout_receive(
    ngx_http_websocket_session_t *s, uint8_t type, u_char *data, size_t size);
static ngx_int_t ngx_http_websocket_shout_push(
    ngx_http_websocket_session_t *s, ngx_http_websocket_subscription_t *from,
    ngx_http_websocket_message_t *message, ngx_http_websocket_frame_t **frame);
static ngx_http_websocket_frame_t *ngx_http_websocket_shout_reply(
    ngx_http_websocket_session_t *s, const char *data, size_t size);
static ngx_http_websocket_frame_t *ngx_http_websocket_shout_frame(
    const ngx_http_websocket_format_t *format, ngx_log_t *log,
    ngx_http_websocket_message_t *message);
static ngx_http_websocket_frame_t *ngx_http_websocket_shout_event(
    const ngx_http_websocket_format_t *format, ngx_log_t *log,
    ngx_http_websocket_message_t *message);


static const ngx_http_websocket_format_t  ngx_http_websocket_shout_format = {
    "shout", ngx_http_websocket_shout_frame, 0, ngx_http_websocket_shout_event
};


static const ngx_http_websocket_close_t  ngx_http_websocket_shout_closes[] = {
    [0 ... NGX_HTTP_WEBSOCKET_REASONS - 1] = { 4000, 0, "ENOUGH" }
};


static const ngx_http_websocket_protocol_t  ngx_http_websocket_shout = {
    .name = "shout",
    .subprotocol = ngx_string("shout"),
    .transport = &ngx_http_websocket_socket,
    .format = &ngx_http_websocket_shout_format,
    .positioned = &ngx_http_websocket_shout_format,
    .closes = ngx_http_websocket_shout_closes,
    .direct = 1,
    .pongs = 1,
    .hello = ngx_http_websocket_shout_hello,
    .receive = ngx_http_websocket_shout_receive,
    .push = ngx_http_websocket_shout_push,
    .reply = ngx_http_websocket_shout_reply,
    .ping = ngx_http_websocket_socket_ping,
    .close = ngx_http_websocket_socket_close
};


const ngx_http_websocket_protocol_t *const  ngx_http_websocket_protocols[] = {
    &ngx_http_websocket_plain_protocol,
    &ngx_http_websocket_events_protocol,
    &ngx_http_websocket_poll_protocol,
    &ngx_http_websocket_shout,
    NULL
};


static ngx_int_t
ngx_http_websocket_shout_hello(ngx_http_websocket_session_t *s,
    ngx_http_websocket_hello_t *hello)
{
    return NGX_OK;
}


static ngx_int_t
ngx_http_websocket_shout_receive(ngx_http_websocket_session_t *s, uint8_t type,
    u_char *data, size_t size)
{
    if (s->conf->typed.takes) {
        return ngx_http_websocket_typed_receive(s, type, data, size);
    }

    return ngx_http_websocket_session_publish_as_is(s, type, data, size);
}


static ngx_int_t
ngx_http_websocket_shout_push(ngx_http_websocket_session_t *s,
    ngx_http_websocket_subscription_t *from,
    ngx_http_websocket_message_t *message, ngx_http_websocket_frame_t **frame)
{
    return ngx_http_websocket_shared_frame(s->connection->log, message,
                                           s->variant, frame);
}


static ngx_http_websocket_frame_t *
ngx_http_websocket_shout_reply(ngx_http_websocket_session_t *s,
    const char *data, size_t size)
{
    ngx_http_websocket_frame_t  *frame;

    frame = ngx_http_websocket_frame_create(NGX_WEBSOCKET_FIN
                                            | NGX_WEBSOCKET_TEXT, NULL,
                                            1 + size, s->connection->log);
    if (frame) {
        frame->data[frame->header] = '!';
        ngx_memcpy(frame->data + frame->header + 1, data, size);
    }

    return frame;
}


static ngx_http_websocket_frame_t *
ngx_http_websocket_shout_frame(
    const ngx_http_websocket_format_t *format, ngx_log_t *log,
    ngx_http_websocket_message_t *message)
{
    u_char                      *p, head[NGX_INT_T_LEN + sizeof(" <")];
    size_t                       i, n;
    static ngx_uint_t            made;
    ngx_http_websocket_frame_t  *frame;

    n = ngx_sprintf(head, "%ui <", ++made) - head;

    frame = ngx_http_websocket_frame_create(NGX_WEBSOCKET_FIN | message->type,
                                            NULL, n + message->size + 1, log);
    if (frame == NULL) {
        return NULL;
    }

    p = ngx_cpymem(frame->data + frame->header, head, n);

    for (i = 0; i < message->size; i++) {
        *p++ = ngx_toupper(message->payload[i]);
    }

    *p = '>';

    return frame;
}


static ngx_http_websocket_frame_t *
ngx_http_websocket_shout_event(
    const ngx_http_websocket_format_t *format, ngx_log_t *log,
    ngx_http_websocket_message_t *message)
{
    size_t                       size;
    const uint8_t               *user;
    ngx_http_websocket_frame_t  *frame;

    size = ngx_websocket_meta_find(message->meta, message->meta_size,
                                   NGX_WEBSOCKET_META_USER, &user);

    frame = ngx_http_websocket_frame_create(NGX_WEBSOCKET_FIN | message->type,
                                            NULL, 1 + size, log);
    if (frame) {
        frame->data[frame->header] = message->event
                                     == NGX_WEBSOCKET_META_JOIN ? '+' : '-';
        ngx_memcpy(frame->data + frame->header + 1, user, size);
    }

    return frame;
}

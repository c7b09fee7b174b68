
#include "session/ngx_http_websocket_raw.h"
#include "session/ngx_http_websocket_deflate.h"
#include "session/ngx_http_websocket_direct.h"
#include "session/ngx_http_websocket_frames.h"
#include "session/ngx_http_websocket_hold.h"
#include "session/ngx_http_websocket_protocol.h"
#include "session/ngx_http_websocket_socket.h"
#include "session/ngx_http_websocket_subscription.h"
#include "session/ngx_http_websocket_token.h"
#include "session/ngx_http_websocket_typed.h"
#include "session/ngx_http_websocket_write.h"
#include "wire/close.h"


static ngx_int_t ngx_http_websocket_raw_receive(
    ngx_http_websocket_session_t *s, uint8_t type, u_char *data, size_t size);
static ngx_int_t ngx_http_websocket_raw_echo(ngx_http_websocket_session_t *s,
    uint8_t type, u_char *data, size_t size);
static ngx_int_t ngx_http_websocket_raw_frame(ngx_http_websocket_session_t *s,
    ngx_http_websocket_subscription_t *from,
    ngx_http_websocket_message_t *message, ngx_http_websocket_frame_t **frame);
static ngx_int_t ngx_http_websocket_raw_encode(ngx_http_websocket_session_t *s,
    ngx_http_websocket_message_t *message,
    ngx_http_websocket_frame_t **frame);
static ngx_int_t ngx_http_websocket_raw_hello(ngx_http_websocket_session_t *s,
    ngx_http_websocket_hello_t *hello);


const ngx_http_websocket_protocol_t  ngx_http_websocket_raw_protocol = {
    &ngx_http_websocket_socket,
    ngx_http_websocket_raw_receive,
    ngx_http_websocket_raw_frame,
    ngx_http_websocket_raw_hello
};


static ngx_int_t
ngx_http_websocket_raw_receive(ngx_http_websocket_session_t *s, uint8_t type,
    u_char *data, size_t size)
{
    ngx_websocket_store_part_t  part;

    if (s->conf->echo) {
        return ngx_http_websocket_raw_echo(s, type, data, size);
    }

    if (s->conf->typed.takes) {
        return ngx_http_websocket_typed_receive(s, type, data, size);
    }

    part.data = data;
    part.size = size;

    return ngx_http_websocket_raw_publish(s, type, NGX_HTTP_WEBSOCKET_NORMAL,
                                          &part, 1);
}


static ngx_int_t
ngx_http_websocket_raw_echo(ngx_http_websocket_session_t *s, uint8_t type,
    u_char *data, size_t size)
{
    ngx_int_t                      rc;
    ngx_http_websocket_frame_t    *frame;
    ngx_http_websocket_message_t  *message;

    if (ngx_http_websocket_variant_codec(s->variant) == 0
        && ngx_http_websocket_cork_frame(s, NGX_WEBSOCKET_FIN | type, data,
                                         size)
           == NGX_OK)
    {
        return NGX_OK;
    }

    rc = NGX_ERROR;
    frame = NULL;

    message = ngx_http_websocket_message_create(type, size,
                                                s->connection->log);
    if (message) {
        if (size) {
            ngx_memcpy(message->payload, data, size);
        }

        rc = ngx_http_websocket_raw_encode(s, message, &frame);

        ngx_http_websocket_message_release(message);
    }

    if (rc != NGX_OK || ngx_http_websocket_send_reply(s, frame) != NGX_OK) {
        ngx_http_websocket_socket_fail(s, NGX_WEBSOCKET_CLOSE_INTERNAL,
                                       "out of memory");
        return NGX_DONE;
    }

    return NGX_OK;
}


ngx_int_t
ngx_http_websocket_raw_publish(ngx_http_websocket_session_t *s, uint8_t type,
    ngx_uint_t priority, ngx_websocket_store_part_t *parts, size_t n)
{
    int                            rc;
    ngx_str_t                      channel;
    ngx_websocket_store_history_t  history;
    ngx_websocket_store_message_t  message;

    /* a timer or the tick would see it, but after this message */

    if (s->record->auth && ngx_http_websocket_auth_expire(s) == NGX_DONE) {
        return NGX_OK;
    }

    if (s->record->auth && !s->first.publishes) {
        ngx_http_websocket_session_close(s, NGX_WEBSOCKET_CLOSE_POLICY,
                                       "the token does not allow to publish");
        return NGX_OK;
    }

    ngx_memzero(&message, sizeof(ngx_websocket_store_message_t));

    message.type = type;
    message.source = s->record->id;
    message.priority = priority;

    ngx_http_websocket_session_channel(s, &channel);

    rc = ngx_http_websocket_hub_publish(s->conf->zone, &channel,
                          ngx_http_websocket_conf_history(s->conf, &history),
                          &message, parts, n, NULL);

    if (rc == NGX_WEBSOCKET_STORE_OK) {
        s->conf->stats->published++;
        return NGX_OK;
    }

    if (rc == NGX_WEBSOCKET_STORE_BUSY) {
        return ngx_http_websocket_hold(s, type, priority, parts, n);
    }

    ngx_log_error(NGX_LOG_ERR, s->connection->log, 0,
                  "websocket zone \"%V\" cannot take the message: %s",
                  &s->conf->zone->name, ngx_websocket_store_strerror(rc));

    ngx_http_websocket_session_close(s, NGX_WEBSOCKET_CLOSE_TRY_LATER,
                                     "message not published: no space");
    return NGX_OK;
}


static ngx_int_t
ngx_http_websocket_raw_frame(ngx_http_websocket_session_t *s,
    ngx_http_websocket_subscription_t *from,
    ngx_http_websocket_message_t *message, ngx_http_websocket_frame_t **frame)
{
    if (!s->conf->own_messages && message->source == s->record->id) {
        return NGX_DECLINED;
    }

    return ngx_http_websocket_raw_encode(s, message, frame);
}


static ngx_int_t
ngx_http_websocket_raw_encode(ngx_http_websocket_session_t *s,
    ngx_http_websocket_message_t *message, ngx_http_websocket_frame_t **frame)
{
    if (ngx_http_websocket_deflate_own(s)) {
        return ngx_http_websocket_deflate_message(s, message, frame);
    }

    return ngx_http_websocket_shared_frame(s->connection->log, message,
                                           s->variant, frame);
}


/* to who wants positions, and to who asked for one that is lost */

static ngx_int_t
ngx_http_websocket_raw_hello(ngx_http_websocket_session_t *s,
    ngx_http_websocket_hello_t *hello)
{
    ngx_http_websocket_frame_t  *text, *frame;

    if (ngx_http_websocket_variant_encoding(s->variant)
        == NGX_HTTP_WEBSOCKET_RAW_FRAME
        && (!hello->asked || hello->recovered))
    {
        return NGX_OK;
    }

    text = ngx_http_websocket_hello_frame(s, hello);
    if (text == NULL) {
        return NGX_ERROR;
    }

    frame = ngx_http_websocket_frame_create(NGX_WEBSOCKET_FIN
                                            | NGX_WEBSOCKET_TEXT, text->data,
                                            text->size, s->connection->log);

    ngx_http_websocket_frame_release(text);

    if (frame == NULL) {
        return NGX_ERROR;
    }

    return hello->late ? ngx_http_websocket_send_reply(s, frame)
                       : ngx_http_websocket_send_first(s, frame);
}

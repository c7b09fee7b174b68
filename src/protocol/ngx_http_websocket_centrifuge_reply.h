
/*
 * What a client of Centrifugo's protocol is told beside publications.
 */


#ifndef NGX_HTTP_WEBSOCKET_CENTRIFUGE_REPLY_H
#define NGX_HTTP_WEBSOCKET_CENTRIFUGE_REPLY_H


#include "protocol/ngx_http_websocket_centrifuge_private.h"


/* what ends a connection: 3000 to 3499 have the client come back */

typedef enum {
    NGX_HTTP_WEBSOCKET_DISCONNECT_INTERNAL = 3004,
    NGX_HTTP_WEBSOCKET_DISCONNECT_EXPIRED = 3005,
    NGX_HTTP_WEBSOCKET_DISCONNECT_SUBSCRIPTION_EXPIRED = 3006,
    NGX_HTTP_WEBSOCKET_DISCONNECT_NO_PONG = 3012,
    NGX_HTTP_WEBSOCKET_DISCONNECT_INVALID_TOKEN = 3500,
    NGX_HTTP_WEBSOCKET_DISCONNECT_BAD_REQUEST = 3501,
    NGX_HTTP_WEBSOCKET_DISCONNECT_STALE = 3502,
    NGX_HTTP_WEBSOCKET_DISCONNECT_FORCED = 3503,
    NGX_HTTP_WEBSOCKET_DISCONNECT_CHANNEL_LIMIT = 3505,
    NGX_HTTP_WEBSOCKET_DISCONNECT_PERMISSION_DENIED = 3507,
    NGX_HTTP_WEBSOCKET_DISCONNECT_NOT_AVAILABLE = 3508
} ngx_http_websocket_disconnect_e;


/* what ends a subscription: from 2500 on the client subscribes again */

typedef enum {
    NGX_HTTP_WEBSOCKET_UNSUBSCRIBED_SERVER = 2000,
    NGX_HTTP_WEBSOCKET_UNSUBSCRIBED_STATE = 2500,
    NGX_HTTP_WEBSOCKET_UNSUBSCRIBED_EXPIRED = 2501
} ngx_http_websocket_unsubscribed_e;


/* of each reason that a session is closed for */
extern const ngx_http_websocket_close_t  ngx_http_websocket_centrifuge_closes[];


/* A reply to a command, zeroed but for its number and kind. */
void ngx_http_websocket_centrifuge_reply_to(ngx_websocket_reply_t *reply,
    const ngx_websocket_command_t *command);

/*
 * Sends a reply; an error with what else may follow.  Both return NGX_OK, or
 * NGX_DONE when the session failed.
 */
ngx_int_t ngx_http_websocket_centrifuge_answer(ngx_http_websocket_session_t *s,
    const ngx_websocket_reply_t *reply);
ngx_int_t ngx_http_websocket_centrifuge_error(ngx_http_websocket_session_t *s,
    const ngx_websocket_command_t *command, ngx_websocket_error_e error);

/* Tells the client that one of its subscriptions has ended. */
void ngx_http_websocket_centrifuge_unsubscribed(
    ngx_http_websocket_session_t *s, ngx_str_t *channel,
    ngx_http_websocket_unsubscribed_e code);

/* Tells the client when its connection ends: in so many seconds; 0: never. */
void ngx_http_websocket_centrifuge_refreshed(ngx_http_websocket_session_t *s,
    uint32_t ttl);

/* Pushes what is for the client alone. */
void ngx_http_websocket_centrifuge_tell(ngx_http_websocket_session_t *s,
    const ngx_websocket_push_t *push);

/* Ends the connection.  Returns NGX_OK. */
ngx_int_t ngx_http_websocket_centrifuge_disconnect(
    ngx_http_websocket_session_t *s, ngx_http_websocket_disconnect_e code);

/*
 * A text that is empty, for what is about to be framed: the same one each
 * time.
 */
ngx_websocket_json_text_t *ngx_http_websocket_centrifuge_text(void);

/*
 * The frame of a message of the form's codec; NULL when memory was refused, for
 * the text too.
 */
ngx_http_websocket_frame_t *ngx_http_websocket_centrifuge_frame(
    const ngx_http_websocket_centrifuge_form_t *form,
    ngx_websocket_json_text_t *text, ngx_log_t *log);


#endif /* NGX_HTTP_WEBSOCKET_CENTRIFUGE_REPLY_H */

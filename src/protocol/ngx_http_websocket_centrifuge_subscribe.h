
/*
 * Subscriptions of Centrifugo's protocol, and what is recovered with them.
 */


#ifndef NGX_HTTP_WEBSOCKET_CENTRIFUGE_SUBSCRIBE_H
#define NGX_HTTP_WEBSOCKET_CENTRIFUGE_SUBSCRIBE_H


#include "protocol/ngx_http_websocket_centrifuge_private.h"


/* Commands, as an ngx_http_websocket_command_pt. */

ngx_int_t ngx_http_websocket_centrifuge_subscribe(
    ngx_http_websocket_session_t *s, ngx_websocket_command_t *command);
ngx_int_t ngx_http_websocket_centrifuge_unsubscribe(
    ngx_http_websocket_session_t *s, ngx_websocket_command_t *command);

/* As of ngx_http_websocket_choice_t. */

void ngx_http_websocket_centrifuge_live(ngx_http_websocket_session_t *s,
    ngx_http_websocket_subscription_t *sub);
void ngx_http_websocket_centrifuge_broken(ngx_http_websocket_session_t *s,
    ngx_http_websocket_subscription_t *sub, int rc);

/*
 * A message is delivered.  Returns 1 when it is for a recovery, which has it
 * now, 0 when it is to be sent.
 */
ngx_uint_t ngx_http_websocket_centrifuge_recover(
    ngx_http_websocket_session_t *s, ngx_http_websocket_subscription_t *from,
    ngx_http_websocket_message_t *message);

/*
 * The position that a client recovers from, where that can be, or only where
 * it is that of the newest message: NGX_ERROR when not, NGX_AGAIN when the
 * zone is stuck.  No epoch is any one.
 */
ngx_int_t ngx_http_websocket_centrifuge_since(ngx_http_websocket_session_t *s,
    ngx_websocket_command_t *command, ngx_str_t *name, ngx_uint_t newest,
    ngx_websocket_position_t *since);

/* Whether a subscription is yet to be answered. */
ngx_uint_t ngx_http_websocket_centrifuge_is_new(
    ngx_http_websocket_session_t *s, ngx_http_websocket_subscription_t *sub);

/* Gives up a recovery that is under way. */
void ngx_http_websocket_centrifuge_recovery_free(
    ngx_http_websocket_session_t *s);


#endif /* NGX_HTTP_WEBSOCKET_CENTRIFUGE_SUBSCRIBE_H */


/*
 * Tokens for single channels: what a subscription is by one, and until when.
 */


#ifndef NGX_HTTP_WEBSOCKET_CENTRIFUGE_GRANT_H
#define NGX_HTTP_WEBSOCKET_CENTRIFUGE_GRANT_H


#include "protocol/ngx_http_websocket_centrifuge_channel.h"
#include "protocol/ngx_http_websocket_centrifuge_private.h"


/* of a subscription by a token: its choice, in one block */

typedef struct {
    time_t                        expires;      /* 0: never */
    ngx_str_t                     info;         /* JSON, or empty */
    unsigned                      recovery:1;   /* whatever the namespace */
    unsigned                      positioning:1;
} ngx_http_websocket_centrifuge_grant_t;

#define ngx_http_websocket_centrifuge_grant_of(sub)                           \
    ((ngx_http_websocket_centrifuge_grant_t *)                                \
         ((ngx_http_websocket_further_t *) (sub))->choice)


/*
 * Verifies a command's token for its channel.  Returns NGX_OK with *grant, for
 * ngx_free(); COMMAND_ANSWERED; or NGX_DONE when the session failed.
 */
ngx_int_t ngx_http_websocket_centrifuge_grant(ngx_http_websocket_session_t *s,
    ngx_websocket_command_t *command,
    ngx_http_websocket_centrifuge_channel_t *channel,
    ngx_http_websocket_centrifuge_grant_t **grant);

/*
 * The grant of a subscription that the server makes, of {"info":..,
 * "b64info":..,"expire_at":..,"override":..}, for ngx_free(); NULL when memory
 * was refused.
 */
ngx_http_websocket_centrifuge_grant_t *
    ngx_http_websocket_centrifuge_grant_of_options(
    ngx_http_websocket_session_t *s, json_t *options);

/* The subscription is by the grant, which may be NULL, from now on. */
void ngx_http_websocket_centrifuge_grant_take(ngx_http_websocket_session_t *s,
    ngx_http_websocket_subscription_t *sub,
    ngx_http_websocket_centrifuge_grant_t *grant);

/* Ends the subscriptions whose time is over. */
void ngx_http_websocket_centrifuge_grants_expire(
    ngx_http_websocket_session_t *s);

/* As an ngx_http_websocket_command_pt. */
ngx_int_t ngx_http_websocket_centrifuge_sub_refresh(
    ngx_http_websocket_session_t *s, ngx_websocket_command_t *command);


#endif /* NGX_HTTP_WEBSOCKET_CENTRIFUGE_GRANT_H */

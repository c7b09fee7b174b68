
/*
 * The channel that a command is about, and what its client may do there.
 */


#ifndef NGX_HTTP_WEBSOCKET_CENTRIFUGE_CHANNEL_H
#define NGX_HTTP_WEBSOCKET_CENTRIFUGE_CHANNEL_H


#include "protocol/ngx_http_websocket_centrifuge_private.h"


typedef struct {
    ngx_str_t                           name;
    ngx_http_websocket_namespace_t     *ns;
    ngx_http_websocket_subscription_t  *sub;    /* NULL: not subscribed */
    ngx_uint_t                          enters; /* it will be */
} ngx_http_websocket_centrifuge_channel_t;


/*
 * Finds the channel of a command.  Returns NGX_OK; NGX_DECLINED when the
 * command was answered with an error, or the session closes; NGX_DONE when it
 * failed.
 */
ngx_int_t ngx_http_websocket_centrifuge_channel(
    ngx_http_websocket_session_t *s, ngx_websocket_command_t *command,
    ngx_http_websocket_centrifuge_channel_t *channel);

/* Whether it is one of those who may, NGX_HTTP_WEBSOCKET_WHO_*. */
ngx_uint_t ngx_http_websocket_centrifuge_may(ngx_http_websocket_session_t *s,
    ngx_http_websocket_centrifuge_channel_t *channel, ngx_uint_t who);

/*
 * Whether the channel's name lists users, who alone may subscribe: NGX_OK
 * when this one is among them, NGX_DECLINED when not, NGX_DONE when it lists
 * none.
 */
ngx_int_t ngx_http_websocket_centrifuge_listed(
    ngx_http_websocket_session_t *s,
    ngx_http_websocket_centrifuge_channel_t *channel);


#endif /* NGX_HTTP_WEBSOCKET_CENTRIFUGE_CHANNEL_H */

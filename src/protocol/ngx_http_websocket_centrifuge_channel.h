
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
 * Finds the channel of a command.  Returns NGX_OK, COMMAND_ANSWERED, or
 * NGX_DONE when the session failed.
 */
ngx_int_t ngx_http_websocket_centrifuge_channel(
    ngx_http_websocket_session_t *s, ngx_websocket_command_t *command,
    ngx_http_websocket_centrifuge_channel_t *channel);

/* Whether it is one of those who may, NGX_HTTP_WEBSOCKET_WHO_*. */
ngx_uint_t ngx_http_websocket_centrifuge_may(ngx_http_websocket_session_t *s,
    ngx_http_websocket_centrifuge_channel_t *channel, ngx_uint_t who);

/* whether a channel's name lists users, who alone may subscribe to it */

typedef enum {
    NGX_HTTP_WEBSOCKET_LISTS_NOBODY = 0,
    NGX_HTTP_WEBSOCKET_LISTS_USER,      /* the client's is among them */
    NGX_HTTP_WEBSOCKET_LISTS_OTHERS
} ngx_http_websocket_lists_e;

ngx_http_websocket_lists_e ngx_http_websocket_centrifuge_lists(
    ngx_http_websocket_session_t *s,
    ngx_http_websocket_centrifuge_channel_t *channel);


#endif /* NGX_HTTP_WEBSOCKET_CENTRIFUGE_CHANNEL_H */

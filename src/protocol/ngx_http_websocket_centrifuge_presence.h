
/*
 * Who is there: the presence of channels in Centrifugo's protocol.
 */


#ifndef NGX_HTTP_WEBSOCKET_CENTRIFUGE_PRESENCE_H
#define NGX_HTTP_WEBSOCKET_CENTRIFUGE_PRESENCE_H


#include "protocol/ngx_http_websocket_centrifuge_private.h"


/* Both commands, as an ngx_http_websocket_command_pt. */
ngx_int_t ngx_http_websocket_centrifuge_presence(
    ngx_http_websocket_session_t *s, ngx_websocket_command_t *command);

/*
 * The client is listed in the channel of its subscription, and others are
 * told, as its namespace has it.  Returns NGX_OK, or NGX_AGAIN when the zone
 * is stuck: then nothing was done.
 */
ngx_int_t ngx_http_websocket_centrifuge_join(ngx_http_websocket_session_t *s,
    ngx_http_websocket_subscription_t *sub);


#endif /* NGX_HTTP_WEBSOCKET_CENTRIFUGE_PRESENCE_H */

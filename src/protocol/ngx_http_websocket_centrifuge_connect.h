
/*
 * The connection of a client of Centrifugo's protocol: its begin, its
 * heartbeat, and its end.
 */


#ifndef NGX_HTTP_WEBSOCKET_CENTRIFUGE_CONNECT_H
#define NGX_HTTP_WEBSOCKET_CENTRIFUGE_CONNECT_H


#include "protocol/ngx_http_websocket_centrifuge_private.h"


/* Commands, as an ngx_http_websocket_command_pt; a pong has nothing in it. */

ngx_int_t ngx_http_websocket_centrifuge_connect(
    ngx_http_websocket_session_t *s, ngx_websocket_command_t *command);
ngx_int_t ngx_http_websocket_centrifuge_refresh(
    ngx_http_websocket_session_t *s, ngx_websocket_command_t *command);
ngx_int_t ngx_http_websocket_centrifuge_pong(ngx_http_websocket_session_t *s);

/* As of ngx_http_websocket_choice_t. */

ngx_http_websocket_time_t ngx_http_websocket_centrifuge_due(
    ngx_http_websocket_session_t *s);
void ngx_http_websocket_centrifuge_expire(ngx_http_websocket_session_t *s);
ngx_uint_t ngx_http_websocket_centrifuge_revoked(
    ngx_http_websocket_session_t *s);


#endif /* NGX_HTTP_WEBSOCKET_CENTRIFUGE_CONNECT_H */

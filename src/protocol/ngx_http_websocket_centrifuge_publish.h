
/*
 * What clients of Centrifugo's protocol publish.
 */


#ifndef NGX_HTTP_WEBSOCKET_CENTRIFUGE_PUBLISH_H
#define NGX_HTTP_WEBSOCKET_CENTRIFUGE_PUBLISH_H


#include "protocol/ngx_http_websocket_centrifuge_private.h"


/* As an ngx_http_websocket_command_pt. */
ngx_int_t ngx_http_websocket_centrifuge_publish(
    ngx_http_websocket_session_t *s, ngx_websocket_command_t *command);


#endif /* NGX_HTTP_WEBSOCKET_CENTRIFUGE_PUBLISH_H */

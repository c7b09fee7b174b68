
/*
 * The plain protocol: a frame's payload is the message, nothing more.
 */


#ifndef NGX_HTTP_WEBSOCKET_PLAIN_H
#define NGX_HTTP_WEBSOCKET_PLAIN_H


#include "session/ngx_http_websocket_protocol.h"


extern const ngx_http_websocket_protocol_t  ngx_http_websocket_plain_protocol;


#endif /* NGX_HTTP_WEBSOCKET_PLAIN_H */

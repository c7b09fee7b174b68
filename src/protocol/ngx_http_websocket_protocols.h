
/*
 * The languages that sessions speak.
 */


#ifndef NGX_HTTP_WEBSOCKET_PROTOCOLS_H
#define NGX_HTTP_WEBSOCKET_PROTOCOLS_H


#include "session/ngx_http_websocket_protocol.h"


/* ended by NULL */
extern const ngx_http_websocket_protocol_t *const
    ngx_http_websocket_protocols[];


#endif /* NGX_HTTP_WEBSOCKET_PROTOCOLS_H */

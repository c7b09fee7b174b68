
/*
 * The languages that sessions speak.
 */


#ifndef NGX_HTTP_WEBSOCKET_PROTOCOLS_H
#define NGX_HTTP_WEBSOCKET_PROTOCOLS_H


#include "session/ngx_http_websocket_protocol.h"


#endif /* NGX_HTTP_WEBSOCKET_PROTOCOLS_H */

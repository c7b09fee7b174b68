
/*
 * The codes and texts of RFC 6455, which events and polls tell of too.
 */


#ifndef NGX_HTTP_WEBSOCKET_CLOSES_H
#define NGX_HTTP_WEBSOCKET_CLOSES_H


#include "session/ngx_http_websocket_reason.h"


/* of each ngx_http_websocket_reason_e */
extern const ngx_http_websocket_close_t  ngx_http_websocket_closes[];


#endif /* NGX_HTTP_WEBSOCKET_CLOSES_H */

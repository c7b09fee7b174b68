
/*
 * Long-polling: one response with the messages after a position, as soon as
 * there are any, or without when none came in the heartbeat's interval.
 */


#ifndef NGX_HTTP_WEBSOCKET_POLL_H
#define NGX_HTTP_WEBSOCKET_POLL_H


#include "session/ngx_http_websocket_protocol.h"


extern const ngx_http_websocket_protocol_t  ngx_http_websocket_poll_protocol;


#endif /* NGX_HTTP_WEBSOCKET_POLL_H */

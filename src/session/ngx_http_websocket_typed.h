
/*
 * A session's messages where the location says what they are to be.
 */


#ifndef NGX_HTTP_WEBSOCKET_TYPED_H
#define NGX_HTTP_WEBSOCKET_TYPED_H


#include "session/ngx_http_websocket_session.h"


/*
 * Takes a client's message: publishes it, or tells the client what is wrong
 * with it.  Returns as the receive() of a protocol.
 */
ngx_int_t ngx_http_websocket_typed_receive(ngx_http_websocket_session_t *s,
    uint8_t type, u_char *data, size_t size);


#endif /* NGX_HTTP_WEBSOCKET_TYPED_H */

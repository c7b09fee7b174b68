
/*
 * A session's messages where the location says what they are to be.
 */


#ifndef NGX_HTTP_WEBSOCKET_TYPED_H
#define NGX_HTTP_WEBSOCKET_TYPED_H


#include "message/ngx_http_websocket_intake.h"
#include "session/ngx_http_websocket_session.h"


/*
 * Takes a client's message: publishes it, or tells the client what is wrong
 * with it.  Returns NGX_OK, or NGX_DONE when it began to close the session.
 */
ngx_int_t ngx_http_websocket_typed_receive(ngx_http_websocket_session_t *s,
    uint8_t type, u_char *data, size_t size);

/* Publishes what a client sent to its channel.  Returns as the above. */
ngx_int_t ngx_http_websocket_raw_publish(ngx_http_websocket_session_t *s,
    uint8_t type, ngx_uint_t priority, u_char *data, size_t size);


#endif /* NGX_HTTP_WEBSOCKET_TYPED_H */

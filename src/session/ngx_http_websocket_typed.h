
/*
 * A session's messages where the location says what they are to be.
 */


#ifndef NGX_HTTP_WEBSOCKET_TYPED_H
#define NGX_HTTP_WEBSOCKET_TYPED_H


#include "delivery/ngx_http_websocket_intake.h"
#include "session/ngx_http_websocket_session.h"


/*
 * Takes a client's message: publishes it, or tells the client what is wrong
 * with it.  Returns as the receive() of a protocol.
 */
ngx_int_t ngx_http_websocket_typed_receive(ngx_http_websocket_session_t *s,
    uint8_t type, u_char *data, size_t size);


/*
 * Looks at a client's message before the application is asked of it.  Returns
 * 1 when that is not to be: the client was told what is wrong, or the message
 * was for the session itself; *rc is what receive() returns then.
 */
ngx_uint_t ngx_http_websocket_typed_done(ngx_http_websocket_session_t *s,
    uint8_t type, u_char *data, size_t size, ngx_int_t *rc);


/* for messages that are not published */

/* What is to be done with a client's message, without a stamp. */
void ngx_http_websocket_typed_intake(ngx_http_websocket_session_t *s,
    ngx_http_websocket_intake_t *in, uint8_t type, u_char *data, size_t size);

/* what typed_accept() says of a message */

typedef enum {
    NGX_HTTP_WEBSOCKET_ACCEPTED = NGX_OK,   /* it is in->data */
    NGX_HTTP_WEBSOCKET_ACCEPT_REFUSED = NGX_DECLINED    /* the client was told
                                                           what is wrong */
} ngx_http_websocket_accept_e;

/* Does it.  Returns one of these, or else as the receive() of a protocol. */
ngx_int_t ngx_http_websocket_typed_accept(ngx_http_websocket_session_t *s,
    ngx_http_websocket_intake_t *in);


#endif /* NGX_HTTP_WEBSOCKET_TYPED_H */

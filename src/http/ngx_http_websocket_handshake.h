
/*
 * The opening handshake: RFC 6455, section 4.2.
 */


#ifndef NGX_HTTP_WEBSOCKET_HANDSHAKE_H
#define NGX_HTTP_WEBSOCKET_HANDSHAKE_H


#include "session/ngx_http_websocket_session.h"


/* The content handler of "websocket". */
ngx_int_t ngx_http_websocket_handshake_handler(ngx_http_request_t *r);

/* Whether the request is a handshake, or meant as one. */
ngx_uint_t ngx_http_websocket_asks(ngx_http_request_t *r);

/*
 * Sets *key to that of a handshake of RFC 6455, section 4.2.1, which can be
 * answered with 101, and returns 1; or 0 when it is none.
 */
ngx_uint_t ngx_http_websocket_handshake_key(ngx_http_request_t *r,
    ngx_str_t *key);

/* The location's first subprotocol that the client offers, or NULL. */
ngx_str_t *ngx_http_websocket_subprotocol(ngx_http_request_t *r);

/* Whether the client offers a subprotocol. */
ngx_uint_t ngx_http_websocket_offered(ngx_http_request_t *r, ngx_str_t *name);

/*
 * Makes the response's header one of 101, with that subprotocol or, where it is
 * NULL, without.  Returns NGX_OK or NGX_ERROR.
 */
ngx_int_t ngx_http_websocket_switch(ngx_http_request_t *r,
    ngx_str_t *subprotocol, ngx_str_t *key);

/*
 * Opens a session for a request whose options are the client's, of a WebSocket
 * where key, of its handshake, is not NULL.  Returns as a content handler.
 */
ngx_int_t ngx_http_websocket_open(ngx_http_request_t *r,
    ngx_http_websocket_options_t *options, ngx_str_t *key);

/*
 * Opens a stream; key is that of a WebSocket's handshake, or NULL.  Returns
 * what a content handler returns.
 */
ngx_int_t ngx_http_websocket_open_now(ngx_http_request_t *r,
    ngx_http_websocket_options_t *options, ngx_str_t *key);

/*
 * Goes on with it when the application was asked, and agrees.  Returns as
 * above.
 */
ngx_int_t ngx_http_websocket_open_introduced(ngx_http_request_t *r,
    ngx_http_websocket_options_t *options, ngx_str_t *key);

/*
 * Goes on with it when all was checked but it had to wait; history is what
 * came of the histories of its channels, as of a broker.
 */
ngx_int_t ngx_http_websocket_open_again(ngx_http_request_t *r,
    ngx_http_websocket_options_t *options, ngx_str_t *key, ngx_int_t history);


#endif /* NGX_HTTP_WEBSOCKET_HANDSHAKE_H */


/*
 * What the protocols over an HTTP response share: the functions of their
 * transports (ngx_http_websocket_session.h).
 */


#ifndef NGX_HTTP_WEBSOCKET_RESPONSE_H
#define NGX_HTTP_WEBSOCKET_RESPONSE_H


#include "session/ngx_http_websocket_session.h"


ngx_int_t ngx_http_websocket_response_prepare(
    ngx_http_websocket_session_t *s, ngx_http_request_t *r,
    ngx_str_t *channels, ngx_uint_t n);
void ngx_http_websocket_response_start(ngx_http_websocket_session_t *s);
ngx_int_t ngx_http_websocket_response_flush(ngx_http_websocket_session_t *s);
void ngx_http_websocket_response_end(ngx_http_websocket_session_t *s);


#endif /* NGX_HTTP_WEBSOCKET_RESPONSE_H */

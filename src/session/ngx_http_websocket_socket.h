
/*
 * A session over a connection of its own: RFC 6455.
 */


#ifndef NGX_HTTP_WEBSOCKET_SOCKET_H
#define NGX_HTTP_WEBSOCKET_SOCKET_H


#include "session/ngx_http_websocket_protocol.h"


extern const ngx_http_websocket_transport_t  ngx_http_websocket_socket;


/*
 * Fails the connection (RFC 6455, section 7.1.7): a Close with that code and
 * text, which is constant, and nothing more is read.
 */
void ngx_http_websocket_socket_fail(ngx_http_websocket_session_t *s,
    uint16_t code, const char *text);

/* As the ping() and the close() of a protocol. */
void ngx_http_websocket_socket_ping(ngx_http_websocket_session_t *s);
void ngx_http_websocket_socket_close(ngx_http_websocket_session_t *s,
    uint16_t code, const u_char *reason, size_t size);

/* Answers the peer's Close, whose payload is size bytes. */
void ngx_http_websocket_socket_closed_by_peer(
    ngx_http_websocket_session_t *s, u_char *payload, size_t size);

/* The connection is the session's alone: no request is left that needs it. */
void ngx_http_websocket_socket_own(ngx_http_websocket_session_t *s);


#endif /* NGX_HTTP_WEBSOCKET_SOCKET_H */


/*
 * What sessions over TLS write: the records of a write are gathered and given
 * to the socket at once, and what it does not take waits as ciphertext.  So
 * a write is never half done for OpenSSL, and whatever comes next may be
 * another message.
 */


#ifndef NGX_HTTP_WEBSOCKET_TLS_H
#define NGX_HTTP_WEBSOCKET_TLS_H


#include "session/ngx_http_websocket_session.h"


/* bytes that one write may have */
#define NGX_HTTP_WEBSOCKET_TLS_WRITE  131072


#if (NGX_HTTP_SSL)

/*
 * The session of a connection with TLS writes this way from now on: sets
 * s->tls.  Nothing is set for a session that keeps nginx's way: its records
 * are made by the kernel, or it is still in early data (RFC 8446, section 2.3);
 * nor when memory is refused.
 */
void ngx_http_websocket_tls_begin(ngx_http_websocket_session_t *s);

/*
 * Gives the connection back to nginx as it was, which ends it: with a
 * close_notify, if no record is left half sent.
 */
void ngx_http_websocket_tls_end(ngx_http_websocket_session_t *s);

/*
 * Writes bytes of a session for which nothing waits, at most
 * NGX_HTTP_WEBSOCKET_TLS_WRITE.  What the socket does not take waits.  When
 * that fails the connection has an error, and an event ends the session.
 */
void ngx_http_websocket_tls_write(ngx_http_websocket_session_t *s,
    u_char *data, size_t size);

/*
 * Writes what waits, the queue as well.  Returns NGX_OK when all is written,
 * NGX_AGAIN, or NGX_ERROR.
 */
ngx_int_t ngx_http_websocket_tls_flush(ngx_http_websocket_session_t *s);

/* Writes what OpenSSL had to say when it was read from: after each read. */
void ngx_http_websocket_tls_heard(ngx_http_websocket_session_t *s);

/*
 * The bytes of ciphertext that the socket took, as a number that wraps around,
 * and those that wait.
 */
uint32_t ngx_http_websocket_tls_written(ngx_connection_t *c);
size_t ngx_http_websocket_tls_waits(ngx_connection_t *c);

/* In init_process.  If memory is refused for it, sessions write as nginx. */
void ngx_http_websocket_tls_init(ngx_cycle_t *cycle);

#endif


#endif /* NGX_HTTP_WEBSOCKET_TLS_H */

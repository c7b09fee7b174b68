
/*
 * What a client sends over a connection of its own: bytes become frames, and
 * frames messages.
 */


#ifndef NGX_HTTP_WEBSOCKET_READ_H
#define NGX_HTTP_WEBSOCKET_READ_H


#include "session/ngx_http_websocket_session.h"


/* The read event's handler of a connection whose data is the session. */
void ngx_http_websocket_read_handler(ngx_event_t *rev);

/* The socket has something to read, or the session has time to. */
void ngx_http_websocket_read(ngx_http_websocket_session_t *s);

/* Frees the frame and the message that have come in part. */
void ngx_http_websocket_input_free(ngx_http_websocket_session_t *s);

/*
 * Takes bytes that came with the handshake; they are unmasked in place.
 * Returns NGX_OK, or NGX_DONE when the session reads no more.
 */
ngx_int_t ngx_http_websocket_read_bytes(ngx_http_websocket_session_t *s,
    u_char *pos, u_char *last);

/*
 * Takes bytes that were read, or kept; of a session that only waits for its
 * end they are dropped.
 */
void ngx_http_websocket_read_taken(ngx_http_websocket_session_t *s,
    u_char *pos, u_char *last);


#endif /* NGX_HTTP_WEBSOCKET_READ_H */

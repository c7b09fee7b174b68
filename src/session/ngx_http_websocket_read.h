
/*
 * What a client sends over a connection of its own: bytes become frames, and
 * frames messages.
 */


#ifndef NGX_HTTP_WEBSOCKET_READ_H
#define NGX_HTTP_WEBSOCKET_READ_H


#include "session/ngx_http_websocket_session.h"


/* The read event's handler of a connection whose data is the session. */
void ngx_http_websocket_read_handler(ngx_event_t *rev);

/* Reads on: the socket has something to read, or a pause is over. */
void ngx_http_websocket_read(ngx_http_websocket_session_t *s);

/* Frees the frame and the message that have come in part. */
void ngx_http_websocket_input_free(ngx_http_websocket_session_t *s);

/*
 * Takes bytes that came with the handshake; they are unmasked in place.
 * Returns NGX_OK, or NGX_DONE when the session reads no more.
 */
ngx_int_t ngx_http_websocket_read_bytes(ngx_http_websocket_session_t *s,
    u_char *pos, u_char *last);


#endif /* NGX_HTTP_WEBSOCKET_READ_H */


/*
 * Compression of a session's messages: the memory that permessage-deflate
 * needs, and which session has it.
 */


#ifndef NGX_HTTP_WEBSOCKET_DEFLATE_H
#define NGX_HTTP_WEBSOCKET_DEFLATE_H


#include "session/ngx_http_websocket_session.h"


/*
 * Takes what a client offers in one Sec-WebSocket-Extensions line; *agreed is
 * zeroed before the first.  Returns NGX_OK, or NGX_ERROR when the line is
 * malformed: the handshake must fail.
 */
ngx_int_t ngx_http_websocket_deflate_offer(ngx_http_websocket_loc_conf_t *conf,
    ngx_str_t *line, ngx_websocket_deflate_t *agreed);

/*
 * Has a new session compress as agreed; agreed->accepted is cleared where
 * the worker cannot.  Returns NGX_OK, or NGX_ERROR when memory was refused.
 */
ngx_int_t ngx_http_websocket_deflate_begin(ngx_http_websocket_session_t *s,
    ngx_websocket_deflate_t *agreed);

/* Frees what the session keeps between messages. */
void ngx_http_websocket_deflate_end(ngx_http_websocket_session_t *s);

/*
 * Whether the session has a context of its own: what it is sent may refer to
 * what it was sent before (RFC 7692, section 7.1.1).
 */
ngx_uint_t ngx_http_websocket_deflate_own(ngx_http_websocket_session_t *s);

/*
 * Compresses a message in a variant for a session with a context of its own.
 * *frame has a reference for the caller.  Returns NGX_OK, or NGX_ERROR when
 * memory was refused.
 */
ngx_int_t ngx_http_websocket_deflate_message(ngx_http_websocket_session_t *s,
    ngx_http_websocket_message_t *message, ngx_uint_t variant,
    ngx_http_websocket_frame_t **frame);

/* Whether a codec compresses messages of that size. */
ngx_uint_t ngx_http_websocket_deflate_worth(ngx_uint_t codec, size_t size);

/*
 * Compresses a frame by a codec.  Returns a new frame, which is not compressed
 * where nothing is gained.  Returns NULL when memory was refused.
 */
ngx_http_websocket_frame_t *ngx_http_websocket_deflate_frame(ngx_log_t *log,
    ngx_uint_t codec, ngx_http_websocket_frame_t *frame);

/*
 * An inflater for the message that begins: the session's own, or one that is
 * to be given back.  Returns NULL when memory was refused.
 */
ngx_websocket_inflater_t *ngx_http_websocket_inflater_take(
    ngx_http_websocket_session_t *s);
void ngx_http_websocket_inflater_give(ngx_http_websocket_session_t *s,
    ngx_websocket_inflater_t *inflater);


#endif /* NGX_HTTP_WEBSOCKET_DEFLATE_H */

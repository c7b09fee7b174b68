
/*
 * Messages as bytes: the frames that are not the raw one.
 */


#ifndef NGX_HTTP_WEBSOCKET_FRAMES_H
#define NGX_HTTP_WEBSOCKET_FRAMES_H


#include "session/ngx_http_websocket_protocol.h"


/*
 * A frame of a message that several sessions share: made for the first of
 * them, with a reference for each.  Returns NGX_OK, or NGX_ERROR when memory
 * was refused.
 */
ngx_int_t ngx_http_websocket_shared_frame(ngx_log_t *log,
    ngx_http_websocket_message_t *message, ngx_uint_t variant,
    ngx_http_websocket_frame_t **frame);

/*
 * A message as a server-sent event (WHATWG HTML, section 9.2), with the id
 * that is given.  Returns NULL when memory was refused.
 */
ngx_http_websocket_frame_t *ngx_http_websocket_event_frame(ngx_log_t *log,
    ngx_http_websocket_message_t *message, ngx_str_t *id);

/*
 * The text of the positions of all of the session's channels, separated by
 * commas: writes to buf, of n * (NGX_WEBSOCKET_POSITION_SIZE + 1) bytes, and
 * returns the end.
 */
u_char *ngx_http_websocket_print_positions(u_char *buf,
    ngx_websocket_position_t *positions, ngx_uint_t n);

/*
 * {"recovered":true,"position":"EPOCH:OFFSET,..."}, the first only where a
 * position was asked for.  Returns NULL when memory was refused.
 */
ngx_http_websocket_frame_t *ngx_http_websocket_hello_frame(
    ngx_http_websocket_session_t *s, ngx_http_websocket_hello_t *hello);


#endif /* NGX_HTTP_WEBSOCKET_FRAMES_H */


/*
 * Messages as bytes, a frame for each way in which sessions get them; and the
 * frames of RFC 6455.
 */


#ifndef NGX_HTTP_WEBSOCKET_FRAMES_H
#define NGX_HTTP_WEBSOCKET_FRAMES_H


#include "delivery/ngx_http_websocket_message.h"
#include "hub/ngx_http_websocket_stats.h"
#include "wire/frame.h"


/*
 * Returns the number that a format has in variants.  It is given one when it
 * has none yet.
 */
ngx_uint_t ngx_http_websocket_format_number(
    const ngx_http_websocket_format_t *format);

/* The format of a variant. */
const ngx_http_websocket_format_t *ngx_http_websocket_format_of(
    ngx_uint_t variant);

/*
 * Sets *frame to that of a message in a variant, with a reference for the
 * caller.  The frame is made for the first session that needs it, and shared by
 * the others.  Returns NGX_OK, or NGX_ERROR when memory was refused.
 */
ngx_int_t ngx_http_websocket_shared_frame(ngx_log_t *log,
    ngx_http_websocket_message_t *message, ngx_uint_t variant,
    ngx_http_websocket_frame_t **frame);

/*
 * Allocates a WebSocket frame of one reference: first is its first byte
 * (opcode and bits); payload may be NULL: the caller fills the last size
 * bytes of frame->data.  Returns NULL when memory is refused.
 */
ngx_http_websocket_frame_t *ngx_http_websocket_frame_create(uint8_t first,
    u_char *payload, size_t size, ngx_log_t *log);

/*
 * A control frame, with room for any other one in its place.  Returns NULL
 * when memory is refused.
 */
ngx_http_websocket_frame_t *ngx_http_websocket_control_frame(uint8_t first,
    u_char *payload, size_t size, ngx_log_t *log);

/* Changes a control frame into another one, in its place. */
void ngx_http_websocket_control_fill(ngx_http_websocket_frame_t *frame,
    uint8_t first, u_char *payload, size_t size);


#endif /* NGX_HTTP_WEBSOCKET_FRAMES_H */

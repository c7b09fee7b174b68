
/*
 * Messages as bytes: a frame for each way in which sessions get them.
 */


#ifndef NGX_HTTP_WEBSOCKET_FRAMES_H
#define NGX_HTTP_WEBSOCKET_FRAMES_H


#include "delivery/ngx_http_websocket_message.h"
#include "hub/ngx_http_websocket_stats.h"


/* The number of a format in variants: it is given one when it has none. */
ngx_uint_t ngx_http_websocket_format_number(
    const ngx_http_websocket_format_t *format);

/* The format of a variant. */
const ngx_http_websocket_format_t *ngx_http_websocket_format_of(
    ngx_uint_t variant);

/*
 * A frame of a message that several sessions share: made for the first of
 * them, with a reference for each.  Returns NGX_OK, or NGX_ERROR when memory
 * was refused.
 */
ngx_int_t ngx_http_websocket_shared_frame(ngx_log_t *log,
    ngx_http_websocket_message_t *message, ngx_uint_t variant,
    ngx_http_websocket_frame_t **frame);


#endif /* NGX_HTTP_WEBSOCKET_FRAMES_H */

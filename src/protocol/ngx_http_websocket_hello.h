
/*
 * Where a session begins in its channels, as text.
 */


#ifndef NGX_HTTP_WEBSOCKET_HELLO_H
#define NGX_HTTP_WEBSOCKET_HELLO_H


#include "session/ngx_http_websocket_protocol.h"


/*
 * The text of a message's position: writes up to NGX_WEBSOCKET_POSITION_SIZE
 * bytes to buf, and returns how many.
 */
size_t ngx_http_websocket_print_position(u_char *buf,
    ngx_http_websocket_message_t *message);

/*
 * The text of the positions of all of the session's channels, separated by
 * commas: writes to buf, of n * (NGX_WEBSOCKET_POSITION_SIZE + 1) bytes, and
 * returns the end.
 */
u_char *ngx_http_websocket_print_positions(u_char *buf,
    ngx_websocket_position_t *positions, ngx_uint_t n);

/*
 * ,"channels":[{"name":"...","position":"EPOCH:OFFSET","recovered":true},...]
 * of the session's channels: writes to buf, of channels_size() bytes, and
 * returns the end.  Where found is NULL nothing is said of recovery.
 */
size_t ngx_http_websocket_channels_size(ngx_http_websocket_session_t *s);
u_char *ngx_http_websocket_print_channels(u_char *buf,
    ngx_http_websocket_session_t *s, ngx_websocket_position_t *positions,
    uint8_t *found);

/*
 * {"recovered":true,"position":"EPOCH:OFFSET,...","session":"..."}, the first
 * only where a position was asked for; of several channels with a list of
 * them.  Returns NULL when memory was refused.
 */
ngx_http_websocket_frame_t *ngx_http_websocket_hello_frame(
    ngx_http_websocket_session_t *s, ngx_http_websocket_hello_t *hello);

/*
 * Frames that tell a client where it is, of which the last one is kept: many
 * are at the same place.
 */

typedef struct {
    /* makes one of positions as text, which is empty where there are none */
    ngx_http_websocket_frame_t *(*make)(ngx_log_t *log, u_char *positions,
                                     size_t size);

    ngx_websocket_position_t      position;     /* of the frame; zeros: none */
    ngx_http_websocket_frame_t   *frame;        /* NULL: none was made yet */
} ngx_http_websocket_where_t;

/*
 * The frame of where the session is in its channels, with a reference for the
 * caller.  Returns NULL when memory was refused.
 */
ngx_http_websocket_frame_t *ngx_http_websocket_where_frame(
    ngx_http_websocket_session_t *s, ngx_http_websocket_where_t *where);


/* The name that the publisher gave the message, its tag "event"; or empty. */
void ngx_http_websocket_event_name(ngx_http_websocket_message_t *message,
    ngx_str_t *name);


#endif /* NGX_HTTP_WEBSOCKET_HELLO_H */


/*
 * Reading what a copy lacks.
 */


#ifndef NGX_HTTP_WEBSOCKET_SEAT_FILL_H
#define NGX_HTTP_WEBSOCKET_SEAT_FILL_H


#include "broker/ngx_http_websocket_seat.h"


/*
 * Has a channel read, from the newest message that is here on; once more when
 * it is being read.
 */
void ngx_http_websocket_seat_fill(ngx_http_websocket_seat_t *seat,
    ngx_http_websocket_kept_t *kept);

/* Begins with as many of those that wait as may be read at a time. */
void ngx_http_websocket_seat_fill_next(ngx_http_websocket_seat_t *seat);

/* The channel goes: what is read of it yet is forgotten. */
void ngx_http_websocket_seat_fill_forget(ngx_http_websocket_seat_t *seat,
    ngx_http_websocket_kept_t *kept);

/* A message, or a deletion, that was heard: valid during the call. */
void ngx_http_websocket_seat_hear(ngx_http_websocket_seat_t *seat,
    ngx_http_websocket_kept_t *kept, const u_char *text, size_t size);


#endif /* NGX_HTTP_WEBSOCKET_SEAT_FILL_H */

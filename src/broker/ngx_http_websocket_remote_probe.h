
/*
 * Whether this node hears what is published.
 *
 * A connection may be there on which nothing comes any more, and a server that
 * answers may not be the one that the others publish to.  The seat publishes a
 * number where only this node listens, some times in a second, over the
 * connection for commands; it must come back over the one that subscribes.
 */


#ifndef NGX_HTTP_WEBSOCKET_REMOTE_PROBE_H
#define NGX_HTTP_WEBSOCKET_REMOTE_PROBE_H


#include "broker/ngx_http_websocket_seat.h"


/* Publishes the next number, if it is time: called some times in a second. */
void ngx_http_websocket_probe(ngx_http_websocket_seat_t *seat);

/* The connection that subscribes is there: it is to hear the numbers. */
ngx_int_t ngx_http_websocket_probe_subscribe(ngx_http_websocket_seat_t *seat);

/* One was heard. */
void ngx_http_websocket_probe_heard(ngx_http_websocket_seat_t *seat,
    ngx_websocket_resp_value_t *number);

/* In each tick: whether the zone is deaf, which those who listen are told. */
void ngx_http_websocket_remote_listen(ngx_http_websocket_remote_t *remote);

/*
 * 1 when this node hears, in whichever worker it is asked.  Logs it when that
 * has changed.
 */
ngx_uint_t ngx_http_websocket_remote_hears(
    ngx_http_websocket_remote_t *remote);


#endif /* NGX_HTTP_WEBSOCKET_REMOTE_PROBE_H */

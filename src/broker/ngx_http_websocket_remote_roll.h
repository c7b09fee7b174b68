
/*
 * Who is there, as the server has it.
 */


#ifndef NGX_HTTP_WEBSOCKET_REMOTE_ROLL_H
#define NGX_HTTP_WEBSOCKET_REMOTE_ROLL_H


#include "broker/ngx_http_websocket_remote.h"


/* As roll() of ngx_http_websocket_broker_t: the oldest members first. */
ngx_int_t ngx_http_websocket_remote_roll(ngx_http_websocket_zone_t *zone,
    ngx_http_websocket_roll_t *roll);


#endif /* NGX_HTTP_WEBSOCKET_REMOTE_ROLL_H */

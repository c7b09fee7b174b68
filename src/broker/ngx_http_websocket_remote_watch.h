
/*
 * A worker's connection to a Sentinel, which tells when another server is the
 * master: all connections of the worker's go there at once.
 */


#ifndef NGX_HTTP_WEBSOCKET_REMOTE_WATCH_H
#define NGX_HTTP_WEBSOCKET_REMOTE_WATCH_H


#include "broker/ngx_http_websocket_remote.h"


/* Makes it, when the broker has Sentinels. */
void ngx_http_websocket_remote_watch_start(
    ngx_http_websocket_remote_t *remote);

/* Ends it. */
void ngx_http_websocket_remote_watch_stop(ngx_http_websocket_remote_t *remote);

/* In each tick: a Sentinel that does not answer is left. */
void ngx_http_websocket_remote_watch_tick(ngx_http_websocket_remote_t *remote);


#endif /* NGX_HTTP_WEBSOCKET_REMOTE_WATCH_H */

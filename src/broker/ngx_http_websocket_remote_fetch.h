
/*
 * Channels that are about to be read: who reads waits until they are live.
 */


#ifndef NGX_HTTP_WEBSOCKET_REMOTE_FETCH_H
#define NGX_HTTP_WEBSOCKET_REMOTE_FETCH_H


#include "broker/ngx_http_websocket_remote.h"


/* As history() of ngx_http_websocket_broker_t. */
ngx_int_t ngx_http_websocket_remote_history(ngx_http_websocket_zone_t *zone,
    ngx_http_websocket_fetch_t *f);

/* Looks which of those who wait may read, and lets them. */
void ngx_http_websocket_remote_fetched(ngx_http_websocket_remote_t *remote);

/* The same, as the handler of remote->fetched. */
void ngx_http_websocket_remote_fetched_event(ngx_event_t *ev);


#endif /* NGX_HTTP_WEBSOCKET_REMOTE_FETCH_H */

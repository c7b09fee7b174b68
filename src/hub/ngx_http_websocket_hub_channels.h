
/*
 * The channels that have subscribers in this worker.
 */


#ifndef NGX_HTTP_WEBSOCKET_HUB_CHANNELS_H
#define NGX_HTTP_WEBSOCKET_HUB_CHANNELS_H


#include "hub/ngx_http_websocket_hub.h"


/* Returns the channel, or NULL when nobody subscribes to it here. */
ngx_http_websocket_channel_t *ngx_http_websocket_hub_find(
    ngx_http_websocket_hub_t *hub, ngx_websocket_channel_ref_t ref);

/*
 * The cursor of such a channel, or NULL: for
 * ngx_http_websocket_zone_subscribe().
 */
ngx_websocket_store_cursor_t *ngx_http_websocket_hub_cursor(
    ngx_http_websocket_zone_t *zone, ngx_websocket_channel_ref_t ref);

/* Makes room for one channel more.  Returns NGX_OK or NGX_ERROR. */
ngx_int_t ngx_http_websocket_hub_grow(ngx_http_websocket_hub_t *hub,
    ngx_log_t *log);

/* Adds a channel, for which there is room. */
void ngx_http_websocket_hub_insert(ngx_http_websocket_hub_t *hub,
    ngx_http_websocket_channel_t *channel);

/* Frees a channel that is not used any more; else does nothing. */
void ngx_http_websocket_hub_release(
    ngx_http_websocket_channel_t *channel);


#endif /* NGX_HTTP_WEBSOCKET_HUB_CHANNELS_H */


/*
 * From the zone to the subscribers of this worker.
 */


#ifndef NGX_HTTP_WEBSOCKET_HUB_DELIVER_H
#define NGX_HTTP_WEBSOCKET_HUB_DELIVER_H


#include "hub/ngx_http_websocket_hub.h"


/*
 * Delivers what is new in the zone; with all set, looks at every channel
 * even when nothing hints at it.
 */
void ngx_http_websocket_hub_deliver(ngx_http_websocket_zone_t *zone,
    ngx_uint_t all);

/* The handler of hub->event: delivers. */
void ngx_http_websocket_hub_event(ngx_event_t *ev);


/* for the other files of the hub */

/*
 * for all zones: one channel is read and delivered before the next one is read
 */

extern u_char                         ngx_http_websocket_hub_buffer[
                                          NGX_HTTP_WEBSOCKET_BATCH_SIZE];
extern ngx_websocket_store_message_t  ngx_http_websocket_hub_messages[
                                          NGX_HTTP_WEBSOCKET_BATCH];

/*
 * Reads new messages of a channel and delivers them, to one subscription, or to
 * all where that is NULL.  Returns the store's code that ended the reading, GAP
 * also when memory was refused.
 */
int ngx_http_websocket_hub_read_batch(
    ngx_http_websocket_channel_t *channel,
    ngx_websocket_store_cursor_t *cursor,
    ngx_http_websocket_subscription_t *subscription);

/*
 * Delivers messages that lie at p one behind the other, to one subscription,
 * or to all.  Returns NGX_OK, or NGX_ERROR when memory was refused.
 */
ngx_int_t ngx_http_websocket_hub_batch(
    ngx_http_websocket_channel_t *channel,
    ngx_http_websocket_subscription_t *subscription,
    ngx_websocket_store_message_t *messages, ngx_uint_t n, u_char *p);

/* Releases the messages of a delivery that all subscribers have got. */
void ngx_http_websocket_hub_delivered(
    ngx_http_websocket_zone_t *zone, ngx_http_websocket_delivery_t *delivery);

/* Forgets the rest of a delivery, of which nothing is left. */
void ngx_http_websocket_hub_done(
    ngx_http_websocket_channel_t *channel);


#endif /* NGX_HTTP_WEBSOCKET_HUB_DELIVER_H */

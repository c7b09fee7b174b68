
/*
 * The subscribers of a zone in this worker, and what reaches them.
 */


#ifndef NGX_HTTP_WEBSOCKET_HUB_H
#define NGX_HTTP_WEBSOCKET_HUB_H


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_event.h>

#include "hub/ngx_http_websocket_message.h"
#include "hub/ngx_http_websocket_zone.h"


typedef struct ngx_http_websocket_channel_s       ngx_http_websocket_channel_t;
typedef struct ngx_http_websocket_subscription_s
    ngx_http_websocket_subscription_t;


/*
 * What a subscriber does.  Either may end its own subscriptions, of which it
 * has one per channel, but no other subscriber's.
 */

typedef struct {
    /* takes a message, which is valid during the call: or take its frame */
    void                        (*deliver)(
                                     ngx_http_websocket_subscription_t *s,
                                     ngx_http_websocket_message_t *message);

    /* messages were lost (GAP), or the channel was deleted (DELETED) */
    void                        (*broken)(
                                     ngx_http_websocket_subscription_t *s,
                                     int rc);
} ngx_http_websocket_subscriber_t;


/* embedded in the subscriber; handler and data are set by it */

struct ngx_http_websocket_subscription_s {
    ngx_queue_t                               queue;
    ngx_http_websocket_channel_t             *channel;  /* NULL: none */
    const ngx_http_websocket_subscriber_t    *handler;
    void                                     *data;
    uint64_t                                  offset;   /* newest delivered */
};


/*
 * In init_process, for each zone: returns NGX_OK or NGX_ERROR.
 */
ngx_int_t ngx_http_websocket_hub_init(ngx_http_websocket_zone_t *zone,
    ngx_cycle_t *cycle);

/*
 * Subscribes to the channel of that name (1 to NGX_WEBSOCKET_LOG_NAME_SIZE
 * bytes), from the next message on.  history may be NULL.  Returns NGX_OK,
 * NGX_DECLINED when the zone is full, NGX_ERROR when memory was refused.
 */
ngx_int_t ngx_http_websocket_hub_subscribe(ngx_http_websocket_zone_t *zone,
    ngx_str_t *name, ngx_websocket_log_history_t *history,
    ngx_http_websocket_subscription_t *subscription);

/* Ends a subscription; does nothing when there is none. */
void ngx_http_websocket_hub_unsubscribe(
    ngx_http_websocket_subscription_t *subscription);

/*
 * Publishes as ngx_http_websocket_zone_publish() does; subscribers of this
 * worker get the message at the end of the present turn of the event loop.
 */
int ngx_http_websocket_hub_publish(ngx_http_websocket_zone_t *zone,
    ngx_str_t *name, ngx_websocket_log_history_t *history,
    ngx_websocket_log_message_t *message, ngx_websocket_log_part_t *parts,
    size_t n, ngx_websocket_log_info_t *info);

/* Deletes a channel as ngx_http_websocket_zone_delete() does. */
int ngx_http_websocket_hub_delete(ngx_http_websocket_zone_t *zone,
    ngx_str_t *name);

/*
 * Delivers what is new in the zone; with all set, looks at every channel
 * even when nothing hints at it.
 */
void ngx_http_websocket_hub_deliver(ngx_http_websocket_zone_t *zone,
    ngx_uint_t all);


#endif /* NGX_HTTP_WEBSOCKET_HUB_H */

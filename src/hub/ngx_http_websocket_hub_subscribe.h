
/*
 * Subscribing, and what a subscriber is given of what came before it.
 */


#ifndef NGX_HTTP_WEBSOCKET_HUB_SUBSCRIBE_H
#define NGX_HTTP_WEBSOCKET_HUB_SUBSCRIBE_H


#include "hub/ngx_http_websocket_hub.h"


/*
 * Subscribes to the channel of the subscription's name, from the place on that
 * begin says; begin->recovered is set.  The first messages that are due from
 * history are delivered during the call, if the turn is not over, the others
 * as the subscriber is ready, then those that are new.  Returns ROOM_OK, or
 * ROOM_FULL, ROOM_STUCK or ROOM_NO_MEMORY: without anything delivered, and not
 * active.
 */
ngx_int_t ngx_http_websocket_hub_subscribe(ngx_http_websocket_zone_t *zone,
    ngx_http_websocket_begin_t *begin,
    ngx_http_websocket_subscription_t *subscription);

/* Goes on with a subscriber that catches up: not within its deliver(). */
void ngx_http_websocket_hub_more(
    ngx_http_websocket_subscription_t *subscription);

/*
 * Gives a subscriber the channel's history anew, from the newest so many
 * messages on, and then what is new, without a hole and nothing twice: in later
 * turns, as one that catches up.  Does nothing when it has been given less
 * already.  Returns ROOM_OK, or, with nothing changed, ROOM_STUCK or
 * ROOM_NO_MEMORY.
 */
ngx_int_t ngx_http_websocket_hub_rewind(
    ngx_http_websocket_subscription_t *subscription, ngx_uint_t newest);

/* Ends a subscription; does nothing when it is not active. */
void ngx_http_websocket_hub_unsubscribe(
    ngx_http_websocket_subscription_t *subscription);

/* The handler of hub->catch_up: goes on with those that catch up. */
void ngx_http_websocket_hub_catch_up(ngx_event_t *ev);


#endif /* NGX_HTTP_WEBSOCKET_HUB_SUBSCRIBE_H */

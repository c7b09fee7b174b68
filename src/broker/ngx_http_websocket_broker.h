
/*
 * The one place that publishes: what messages go through on their way from
 * their authors to a zone, here and elsewhere.
 */


#ifndef NGX_HTTP_WEBSOCKET_BROKER_H
#define NGX_HTTP_WEBSOCKET_BROKER_H


#include <ngx_config.h>
#include <ngx_core.h>

#include "hub/ngx_http_websocket_hub.h"


/*
 * A zone has one broker: a table of functions.
 *
 * What completes later does so in another event.  Until then the broker keeps
 * a timer that is not cancelable: a worker that shuts down waits for it.
 */

struct ngx_http_websocket_broker_s {
    /*
     * Publishes a message.  Returns NGX_OK with p->rc set, to what
     * ngx_http_websocket_hub_publish() returns; or NGX_AGAIN with p->pending
     * set, the broker's own copy of p, whose done is NULL: the publisher sets
     * done and data in it.  When rc, which is not BUSY then, message and info
     * are set there, done is called with it, and it is freed.  A publisher
     * that does not wait for it any more sets done to NULL: the message is
     * published all the same.
     */
    ngx_int_t                   (*publish)(ngx_http_websocket_zone_t *zone,
                                     ngx_http_websocket_publish_t *p);

    /* These are as in ngx_http_websocket_hub.h, and complete at once. */

    ngx_int_t                   (*join)(
                                     ngx_http_websocket_subscription_t *s,
                                     ngx_websocket_store_member_t *member,
                                     ngx_http_websocket_publish_t *p);
    void                        (*leave)(
                                     ngx_http_websocket_subscription_t *s,
                                     ngx_http_websocket_leave_message_pt
                                         leave_message);
    ngx_uint_t                  (*reap_members)(
                                     ngx_http_websocket_zone_t *zone,
                                     ngx_http_websocket_leave_message_pt
                                         leave_message);
};


#endif /* NGX_HTTP_WEBSOCKET_BROKER_H */


/*
 * What the files of the hub share.
 */


#ifndef NGX_HTTP_WEBSOCKET_HUB_PRIVATE_H
#define NGX_HTTP_WEBSOCKET_HUB_PRIVATE_H


#include "hub/ngx_http_websocket_hub.h"


/* to read a channel, and to change it, in steps of a turn's work */
#define NGX_HTTP_WEBSOCKET_READ_STEPS    4


/*
 * What a turn did not suffice for: a delivery, for the subscribers from place
 * on, or, where it has no messages, the end, for those before it.  rc is what
 * followed the messages in the store, or why it is the end.
 */

typedef struct {
    ngx_queue_t                     place;      /* among the subscriptions */
    int                             rc;
    ngx_http_websocket_delivery_t   delivery;
} ngx_http_websocket_rest_t;


/* a channel with subscribers in this worker */

struct ngx_http_websocket_channel_s {
    ngx_websocket_store_cursor_t    cursor;
    ngx_queue_t                     subscriptions;
    ngx_queue_t                     dirty;      /* in hub->dirty */
    ngx_http_websocket_zone_t      *zone;
    ngx_http_websocket_channel_name_t *name;
    ngx_http_websocket_channel_t   *next;       /* in its bucket */
    ngx_http_websocket_rest_t      *rest;       /* NULL: nothing is left */
    ngx_websocket_channel_ref_t     ref;
    uint32_t                        owed;       /* subscriptions that have ended
                                                   and the zone still counts */
    ngx_http_websocket_waiter_t     debt;       /* to tell the zone of these */
    ngx_http_websocket_message_t   *last;       /* of its history, if it is
                                                   chained; or NULL */
    unsigned                        queued:1;   /* in hub->dirty */
    unsigned                        busy:1;     /* being delivered to */
    unsigned                        chained:1;  /* a message knows the one
                                                   before it */
};


/* a subscriber that is yet to be given what came before it */

struct ngx_http_websocket_catch_up_s {
    ngx_websocket_store_cursor_t         cursor;
    ngx_queue_t                          queue;     /* in hub->catching_up */
    ngx_http_websocket_subscription_t   *subscription;
    unsigned                             queued:1;
    unsigned                             only:1;    /* and then ends */
};


/*
 * The leave of a member that cannot leave at once, since the zone is stuck.
 * One is allocated for each member that joins: at the leave it would be too
 * late to ask for memory.
 */

typedef struct ngx_http_websocket_farewell_s  ngx_http_websocket_farewell_t;

struct ngx_http_websocket_farewell_s {
    ngx_http_websocket_waiter_t          debt;
    ngx_http_websocket_zone_t           *zone;
    ngx_http_websocket_leave_message_pt  leave_message;
    ngx_websocket_member_ref_t           ref;
    ngx_http_websocket_farewell_t       *next;       /* in hub->farewells */
};


struct ngx_http_websocket_hub_s {
    ngx_http_websocket_channel_t  **buckets;
    ngx_uint_t                      mask;
    ngx_uint_t                      nchannels;

    ngx_queue_t                     dirty;      /* with messages to read */
    ngx_uint_t                      alone;      /* the last one of them is being
                                                   delivered to */
    uint64_t                        hints;      /* read so far */
    uint64_t                        repairs;    /* of the store, seen so far */
    ngx_uint_t                      unseen;     /* buckets, the last of them,
                                                   whose channels may have
                                                   messages without a hint */

    ngx_event_t                     event;      /* deliver in this turn */
    ngx_uint_t                      flooded;    /* much is published that is not
                                                   delivered */

    /* for the next subscriber */

    ngx_http_websocket_channel_t   *spare_channel;
    ngx_http_websocket_catch_up_t  *spare_catch_up;

    ngx_http_websocket_farewell_t  *farewells;

    ngx_queue_t                     catching_up;    /* in the next one */
    ngx_event_t                     catch_up;
    ngx_connection_t                dummy;
};


extern const ngx_http_websocket_subscriber_t  *ngx_http_websocket_kinds[
                                                   NGX_HTTP_WEBSOCKET_KINDS];

#define ngx_http_websocket_hub_kind_of(subscription)                          \
    ngx_http_websocket_kinds[(subscription)->kind]


#endif /* NGX_HTTP_WEBSOCKET_HUB_PRIVATE_H */

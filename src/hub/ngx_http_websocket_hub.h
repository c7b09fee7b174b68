
/*
 * The subscribers of a zone in this worker, and what reaches them.
 */


#ifndef NGX_HTTP_WEBSOCKET_HUB_H
#define NGX_HTTP_WEBSOCKET_HUB_H


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_event.h>

#include "delivery/ngx_http_websocket_message.h"
#include "hub/ngx_http_websocket_channel_name.h"
#include "hub/ngx_http_websocket_zone.h"


typedef struct ngx_http_websocket_channel_s       ngx_http_websocket_channel_t;
typedef struct ngx_http_websocket_subscription_s
    ngx_http_websocket_subscription_t;
typedef struct ngx_http_websocket_catch_up_s      ngx_http_websocket_catch_up_t;


/*
 * What one channel may deliver before its subscribers' queues are written:
 * queues are bounded, and other channels wait.
 */

#define NGX_HTTP_WEBSOCKET_BATCH         256    /* messages */
#define NGX_HTTP_WEBSOCKET_BATCH_SIZE    65536  /* bytes, if they are several */


/* whether a zone has room for what a session is to hold in it */

typedef enum {
    NGX_HTTP_WEBSOCKET_ROOM_OK = NGX_OK,
    NGX_HTTP_WEBSOCKET_ROOM_NO_MEMORY = NGX_ERROR,
    NGX_HTTP_WEBSOCKET_ROOM_STUCK = NGX_AGAIN,      /* its lock cannot be had */
    NGX_HTTP_WEBSOCKET_ROOM_LIMIT = NGX_BUSY,       /* as many sessions are
                                                       there as may be */
    NGX_HTTP_WEBSOCKET_ROOM_ENDING = NGX_DONE,      /* the session ends */
    NGX_HTTP_WEBSOCKET_ROOM_FULL = NGX_DECLINED     /* the zone is */
} ngx_http_websocket_room_e;


/* messages of a channel that are delivered together */

typedef struct {
    uint64_t                      number;   /* another one for each delivery;
                                               above 0 */
    ngx_uint_t                    n;
    ngx_uint_t                    alone;    /* no other channel is yet to be
                                               delivered in this turn */
    ngx_uint_t                    events;   /* 1: there are events among them */
    ngx_uint_t                    written;  /* set when some of the messages
                                               were written to subscribers
                                               directly, and in these
                                               messages */
    ngx_http_websocket_message_t *messages[NGX_HTTP_WEBSOCKET_BATCH];
} ngx_http_websocket_delivery_t;


/*
 * What a kind of subscribers does.  A subscriber has one subscription per
 * channel.  Each of the functions may end subscriptions of its own subscriber,
 * but no other's.
 */

typedef struct {
    /*
     * Takes the messages from the given one on, which are valid during the
     * call: their frames may be kept.
     */
    void                        (*deliver)(
                                     ngx_http_websocket_subscription_t *s,
                                     ngx_http_websocket_delivery_t *delivery,
                                     ngx_uint_t first);

    /* whether a subscriber that catches up takes more at once; if not, it
       is to call ngx_http_websocket_hub_more() when it does */
    ngx_uint_t                  (*ready)(
                                     ngx_http_websocket_subscription_t *s);

    /*
     * the subscriber was given all that was published before it came, perhaps
     * nothing: called also within ngx_http_websocket_hub_subscribe()
     */
    void                        (*live)(ngx_http_websocket_subscription_t *s);

    /* messages were lost (GAP), the channel was deleted (DELETED) or has ended
       (ENDED), and it was given all: it ends the subscription */
    void                        (*broken)(
                                     ngx_http_websocket_subscription_t *s,
                                     int rc);
} ngx_http_websocket_subscriber_t;


/*
 * Embedded in the subscriber, which zeroes it and gives it a kind and a name.
 * When it has ended it keeps the name of its channel, and may begin again.
 */

struct ngx_http_websocket_subscription_s {
    ngx_queue_t                               queue;
    union {
        ngx_http_websocket_channel_t         *channel;  /* if it is active */
        ngx_http_websocket_channel_name_t    *name;     /* if it is not; NULL
                                                           if it has none */
    };
    ngx_http_websocket_catch_up_t            *catch_up; /* NULL: live */
    uint64_t                                  offset;   /* newest delivered */
    ngx_websocket_member_ref_t                member;   /* 0: none */
    unsigned                                  active:1;
    unsigned                                  kind:2;   /* of hub_kind() */

    /* the subscriber's own */

    unsigned                                  further:1;
    unsigned                                  ordered:1;
    unsigned                                  publishes:1;
    unsigned                                  view:7;
    unsigned                                  number:16;
};


/* how a subscriber begins */

typedef struct {
    ngx_websocket_store_history_t            *history;  /* may be NULL */
    ngx_http_websocket_replay_t               replay;
    ngx_uint_t                                defer;    /* deliver nothing
                                                           during the call */
    ngx_uint_t                                only;     /* the history alone:
                                                           behind it the
                                                           channel seems to
                                                           have ended */
    /* set by the function: the first message is the one after position */

    ngx_uint_t                                recovered;
    ngx_uint_t                                over; /* the channel has ended,
                                                       and not even history
                                                       comes */
    ngx_uint_t                                keeps;    /* the channel has a
                                                           history */
    ngx_websocket_position_t                  position;
} ngx_http_websocket_begin_t;


/*
 * In init_process, for each zone: returns NGX_OK or NGX_ERROR.
 */
ngx_int_t ngx_http_websocket_hub_init(ngx_http_websocket_zone_t *zone,
    ngx_cycle_t *cycle);

/*
 * Returns the number of a kind of subscribers, of which there are few: the same
 * one each time.
 */
uint16_t ngx_http_websocket_hub_kind(
    const ngx_http_websocket_subscriber_t *subscriber);

#define NGX_HTTP_WEBSOCKET_KINDS  4

/* The name of a subscription's channel; NULL when it has none. */
ngx_http_websocket_channel_name_t *ngx_http_websocket_hub_name(
    ngx_http_websocket_subscription_t *subscription);

/*
 * Sets *position to where an active subscription is: what it was given last.
 */
void ngx_http_websocket_hub_position(
    ngx_http_websocket_subscription_t *subscription,
    ngx_websocket_position_t *position);

/*
 * Publishes as ngx_http_websocket_zone_publish() does; subscribers of this
 * worker get the message at the end of the present turn of the event loop.
 */
int ngx_http_websocket_hub_publish(ngx_http_websocket_zone_t *zone,
    ngx_http_websocket_publish_t *p);

/*
 * Whether there are messages that this worker's subscribers will get in later
 * turns only.  A publisher of many messages at once says so by hub_flooded(),
 * for the rest of the turn.
 */
ngx_uint_t ngx_http_websocket_hub_behind(ngx_http_websocket_zone_t *zone);
void ngx_http_websocket_hub_flooded(ngx_http_websocket_zone_t *zone);

/*
 * Makes a subscriber a member of its channel, with a message, or without one
 * where p has no parts; does nothing when it is a member.  Returns ROOM_OK or,
 * with nothing done, ROOM_FULL also when memory was refused, or ROOM_STUCK.
 */
ngx_int_t ngx_http_websocket_hub_join(
    ngx_http_websocket_subscription_t *subscription,
    ngx_websocket_store_member_t *member, ngx_http_websocket_publish_t *p);

/*
 * Ends a membership that hub_join() has begun, by the member's ref, which the
 * subscription has as long as it has not been taken from there: with the
 * message that leave_message makes of it, or with none where that is NULL.
 */
void ngx_http_websocket_hub_drop_member(ngx_http_websocket_zone_t *zone,
    ngx_websocket_member_ref_t ref,
    ngx_http_websocket_leave_message_pt leave_message);

/*
 * From now on messages that are published to a subscription's channel have the
 * one before them as message->prior, if that was published from now on, too.
 */
void ngx_http_websocket_hub_chain(
    ngx_http_websocket_subscription_t *subscription);

/* The zone of a subscription that is active. */
ngx_http_websocket_zone_t *ngx_http_websocket_hub_zone(
    ngx_http_websocket_subscription_t *subscription);

/*
 * Removes members that dead workers have left, as many as this turn allows, and
 * the queues of the subscribers that are told.  Returns 1 when there are more.
 */
ngx_uint_t ngx_http_websocket_hub_reap_members(ngx_http_websocket_zone_t *zone,
    ngx_http_websocket_leave_message_pt leave_message);

/* Deletes a channel as ngx_http_websocket_zone_delete() does. */
int ngx_http_websocket_hub_delete(ngx_http_websocket_zone_t *zone,
    ngx_str_t *name);

/*
 * Place a message that a broker has numbered, reset such a channel, and end it,
 * as the functions of ngx_http_websocket_zone.h with these names do.
 */
int ngx_http_websocket_hub_place(ngx_http_websocket_zone_t *zone,
    ngx_http_websocket_publish_t *p, uint64_t epoch, ngx_uint_t hole);
int ngx_http_websocket_hub_reset(ngx_http_websocket_zone_t *zone,
    ngx_str_t *name, uint64_t epoch, uint64_t offset);
int ngx_http_websocket_hub_end(ngx_http_websocket_zone_t *zone,
    ngx_str_t *name, uint64_t epoch, uint64_t offset);

/* Goes on with deliveries: the zone is not stuck any more. */
void ngx_http_websocket_hub_resume(ngx_http_websocket_zone_t *zone);


#endif /* NGX_HTTP_WEBSOCKET_HUB_H */

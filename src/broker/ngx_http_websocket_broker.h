
/*
 * The one place that publishes: what messages go through on their way from
 * their authors to a zone, here and elsewhere.
 */


#ifndef NGX_HTTP_WEBSOCKET_BROKER_H
#define NGX_HTTP_WEBSOCKET_BROKER_H


#include <ngx_config.h>
#include <ngx_core.h>

#include "access/ngx_http_websocket_revocations.h"
#include "hub/ngx_http_websocket_hub.h"


/* a result of publish(): no server could be had in time */
#define NGX_HTTP_WEBSOCKET_BROKER_AWAY    -101


typedef struct ngx_http_websocket_fetch_s   ngx_http_websocket_fetch_t;
typedef struct ngx_http_websocket_revoke_s  ngx_http_websocket_revoke_t;

/* what became of it: a fetch, a removal, a roll */

typedef enum {
    NGX_HTTP_WEBSOCKET_FETCHED = NGX_OK,
    NGX_HTTP_WEBSOCKET_FETCH_NO_MEMORY = NGX_ERROR,
    NGX_HTTP_WEBSOCKET_FETCH_NOTFOUND = NGX_DONE,   /* there is no such
                                                       channel */
    NGX_HTTP_WEBSOCKET_FETCH_AWAY = NGX_DECLINED    /* it cannot be had now */
} ngx_http_websocket_fetched_e;

/* channels that are about to be read, or removed; valid during the call */

struct ngx_http_websocket_fetch_s {
    ngx_str_t                    *channels;     /* their names */
    ngx_uint_t                    n;
    ngx_websocket_position_t     *since;        /* where they are to be read
                                                   from; or NULL */
    ngx_uint_t                    nsince;

    /* set by the broker, and of who waits: as in a publish_t */

    ngx_int_t                     rc;
    ngx_http_websocket_fetch_t   *pending;
    void                        (*done)(ngx_http_websocket_fetch_t *f);
    void                         *data;
};


/* who is there, of all nodes; valid during the call */

typedef struct ngx_http_websocket_roll_s  ngx_http_websocket_roll_t;

struct ngx_http_websocket_roll_s {
    ngx_str_t                      channel;
    ngx_uint_t                     limit;       /* members at most */

    /* set by the broker, and of who waits: as in a publish_t */

    ngx_int_t                      rc;          /* FETCHED, or FETCH_AWAY */
    ngx_uint_t                     total;       /* how many there are */
    ngx_websocket_store_member_t  *members;     /* as long as done is called */
    ngx_uint_t                     n;
    ngx_http_websocket_roll_t     *pending;
    void                         (*done)(ngx_http_websocket_roll_t *roll);
    void                          *data;
};


/* a revocation; valid during the call */

struct ngx_http_websocket_revoke_s {
    ngx_http_websocket_revocation_key_t   key;
    int64_t                               time;     /* seconds: what was issued
                                                       up to then */
    int64_t                               until;

    /* set by the broker, and of who waits: as in a publish_t */

    ngx_http_websocket_revocation_e       rc;
    ngx_http_websocket_revoke_t          *pending;
    void                                (*done)(ngx_http_websocket_revoke_t *v);
    void                                 *data;
};


/*
 * A zone has one broker: a table of functions.
 *
 * What completes later does so in another event.  Until then the broker keeps
 * a timer that is not cancelable: a worker that shuts down waits for it.
 */

struct ngx_http_websocket_broker_s {
    /*
     * Publishes a message.  Returns NGX_OK with p->rc set, to what
     * ngx_http_websocket_hub_publish() returns, or AWAY; or NGX_AGAIN with
     * p->pending set, the broker's own copy of p, whose done is NULL: the
     * publisher sets done and data in it.  When rc, which is not BUSY then, message and info
     * are set there, done is called with it, and it is freed.  A publisher
     * that does not wait for it any more sets done to NULL: the message is
     * published all the same.
     */
    ngx_int_t                   (*publish)(ngx_http_websocket_zone_t *zone,
                                     ngx_http_websocket_publish_t *p);

    /*
     * Sees to it that the zone has what there is of the channels, before
     * somebody subscribes to them.  Returns NGX_OK, or NGX_AGAIN as publish()
     * does; rc is FETCHED, FETCH_AWAY or FETCH_NO_MEMORY.
     */
    ngx_int_t                   (*history)(ngx_http_websocket_zone_t *zone,
                                     ngx_http_websocket_fetch_t *f);

    /* These are as in ngx_http_websocket_hub.h, and complete at once. */

    ngx_int_t                   (*join)(
                                     ngx_http_websocket_subscription_t *s,
                                     ngx_websocket_store_member_t *member,
                                     ngx_http_websocket_publish_t *p);
    void                        (*leave)(
                                     ngx_http_websocket_zone_t *zone,
                                     ngx_websocket_member_ref_t ref,
                                     ngx_http_websocket_leave_message_pt
                                         leave_message);
    ngx_uint_t                  (*reap_members)(
                                     ngx_http_websocket_zone_t *zone,
                                     ngx_http_websocket_leave_message_pt
                                         leave_message);

    /*
     * Deletes the first of the channels.  Returns NGX_OK, or NGX_AGAIN as
     * publish() does; rc is FETCHED, FETCH_NOTFOUND or FETCH_AWAY.
     */
    ngx_int_t                   (*remove)(ngx_http_websocket_zone_t *zone,
                                     ngx_http_websocket_fetch_t *f);

    /* Revokes.  Returns NGX_OK, or NGX_AGAIN as publish() does. */
    ngx_int_t                   (*revoke)(ngx_http_websocket_zone_t *zone,
                                     ngx_http_websocket_revoke_t *v);

    /*
     * Tells who is there.  Returns NGX_OK with rc FETCH_AWAY, or NGX_AGAIN as
     * publish() does.  NULL: those of the zone are all.
     */
    ngx_int_t                   (*roll)(ngx_http_websocket_zone_t *zone,
                                     ngx_http_websocket_roll_t *roll);

    /* NULL: it does not want to know */
    const ngx_http_websocket_interest_t  *interest;

    /* 1: publish() heeds p->large, and rc may be AGAIN */
    ngx_uint_t                    in_turns;
};


/* For a zone that is being configured. */

static ngx_inline void
ngx_http_websocket_broker_set(ngx_http_websocket_zone_t *zone,
    const ngx_http_websocket_broker_t *broker)
{
    zone->broker = broker;
    zone->interest = broker->interest;
}


#endif /* NGX_HTTP_WEBSOCKET_BROKER_H */

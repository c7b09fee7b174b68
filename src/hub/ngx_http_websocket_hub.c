
#include "hub/ngx_http_websocket_hub.h"
#include "clock/ngx_http_websocket_clock.h"
#include "clock/ngx_http_websocket_turn.h"
#include "hub/ngx_http_websocket_recent.h"
#include "hub/ngx_http_websocket_worker.h"


#define NGX_HTTP_WEBSOCKET_BUCKETS_MIN   64

/* members of dead workers taken off in one turn: others are told of each */
#define NGX_HTTP_WEBSOCKET_REAP_MAX       128

/* to read a channel, and to change it, in steps of a turn's work */
#define NGX_HTTP_WEBSOCKET_READ_STEPS    4


/*
 * What a turn did not suffice for: a delivery, for the subscribers from place
 * on, or, where it has no messages, the end, for those before it.  rc is what
 * followed the messages in the log, or why it is the end.
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
    uint32_t                        owed;       /* unsubscribers */
    ngx_http_websocket_waiter_t     debt;       /* of them */
    unsigned                        queued:1;   /* in hub->dirty */
    unsigned                        busy:1;     /* being delivered to */
};


/* a subscriber that is yet to be given what came before it */

struct ngx_http_websocket_catch_up_s {
    ngx_websocket_store_cursor_t         cursor;
    ngx_queue_t                          queue;     /* in hub->catching_up */
    ngx_http_websocket_subscription_t   *subscription;
    unsigned                             queued:1;
};


/*
 * That a member leaves, where it cannot at once: one for each that has joined,
 * since then it is too late to ask for memory.
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
    const ngx_http_websocket_subscriber_t  *subscriber;

    ngx_http_websocket_channel_t  **buckets;
    ngx_uint_t                      mask;
    ngx_uint_t                      nchannels;

    ngx_queue_t                     dirty;      /* with messages to read */
    uint64_t                        hints;      /* read so far */
    uint64_t                        repairs;    /* of the log, seen so far */
    ngx_uint_t                      unseen;     /* buckets, the last of them,
                                                   whose channels may have
                                                   messages without a hint */

    ngx_event_t                     event;      /* deliver in this turn */
    ngx_uint_t                      flooded;    /* much, and not yet */

    /* for the next subscriber */

    ngx_http_websocket_channel_t   *spare_channel;
    ngx_http_websocket_catch_up_t  *spare_catch_up;

    ngx_http_websocket_farewell_t  *farewells;

    ngx_queue_t                     catching_up;    /* in the next one */
    ngx_event_t                     catch_up;
    ngx_connection_t                dummy;
};


static ngx_websocket_store_cursor_t *ngx_http_websocket_hub_cursor(
    ngx_http_websocket_zone_t *zone, ngx_websocket_channel_ref_t ref);
static ngx_http_websocket_channel_t *ngx_http_websocket_hub_find(
    ngx_http_websocket_hub_t *hub, ngx_websocket_channel_ref_t ref);
static ngx_int_t ngx_http_websocket_hub_grow(ngx_http_websocket_hub_t *hub,
    ngx_log_t *log);
static void ngx_http_websocket_hub_insert(ngx_http_websocket_hub_t *hub,
    ngx_http_websocket_channel_t *channel);
static void ngx_http_websocket_hub_remove(ngx_http_websocket_hub_t *hub,
    ngx_http_websocket_channel_t *channel);
static void ngx_http_websocket_hub_release(
    ngx_http_websocket_channel_t *channel);
static ngx_int_t ngx_http_websocket_hub_pay(
    ngx_http_websocket_waiter_t *debt);
static ngx_int_t ngx_http_websocket_hub_part(
    ngx_http_websocket_waiter_t *debt);
static void ngx_http_websocket_hub_event(ngx_event_t *ev);
static ngx_int_t ngx_http_websocket_hub_prepare(ngx_http_websocket_hub_t *hub,
    ngx_log_t *log);
static ngx_http_websocket_channel_t *ngx_http_websocket_hub_channel(
    ngx_http_websocket_zone_t *zone, ngx_http_websocket_zone_subscribe_t *zs,
    ngx_http_websocket_channel_name_t *name);
static void ngx_http_websocket_hub_begin(
    ngx_http_websocket_subscription_t *subscription,
    ngx_http_websocket_zone_subscribe_t *zs);
static void ngx_http_websocket_hub_catch_up(ngx_event_t *ev);
static void ngx_http_websocket_hub_catch_up_one(
    ngx_http_websocket_subscription_t *subscription);
static ngx_uint_t ngx_http_websocket_hub_catch_up_read(
    ngx_http_websocket_subscription_t *subscription);
static void ngx_http_websocket_hub_live(
    ngx_http_websocket_subscription_t *subscription, uint64_t offset);
static void ngx_http_websocket_hub_wake_self(ngx_http_websocket_zone_t *zone,
    ngx_uint_t here);
static ngx_uint_t ngx_http_websocket_hub_deliver_one(
    ngx_http_websocket_channel_t *channel);
static void ngx_http_websocket_hub_look(ngx_http_websocket_hub_t *hub,
    ngx_http_websocket_zone_t *zone, ngx_uint_t all);
static void ngx_http_websocket_hub_look_all(ngx_http_websocket_hub_t *hub);
static void ngx_http_websocket_hub_dirty(ngx_http_websocket_hub_t *hub,
    ngx_http_websocket_channel_t *channel);
static ngx_uint_t ngx_http_websocket_hub_read(
    ngx_http_websocket_channel_t *channel);
static int ngx_http_websocket_hub_go_on(
    ngx_http_websocket_channel_t *channel);
static int ngx_http_websocket_hub_read_batch(
    ngx_http_websocket_channel_t *channel,
    ngx_websocket_store_cursor_t *cursor,
    ngx_http_websocket_subscription_t *subscription);
static int ngx_http_websocket_hub_read_large(
    ngx_http_websocket_channel_t *channel,
    ngx_websocket_store_cursor_t *cursor,
    ngx_http_websocket_subscription_t *subscription, size_t size);
static ngx_int_t ngx_http_websocket_hub_batch(
    ngx_http_websocket_channel_t *channel,
    ngx_http_websocket_subscription_t *subscription,
    ngx_websocket_store_message_t *messages, ngx_uint_t n, u_char *p);
static ngx_http_websocket_message_t *ngx_http_websocket_hub_message(
    ngx_http_websocket_channel_t *channel, ngx_websocket_store_message_t *m,
    u_char *p, ngx_uint_t fresh);
static ngx_int_t ngx_http_websocket_hub_deliver_all(
    ngx_http_websocket_channel_t *channel,
    ngx_http_websocket_delivery_t *delivery);
static ngx_queue_t *ngx_http_websocket_hub_fan_out(
    ngx_http_websocket_channel_t *channel,
    ngx_http_websocket_delivery_t *delivery, ngx_queue_t *q);
static ngx_int_t ngx_http_websocket_hub_steps(
    ngx_http_websocket_delivery_t *delivery);
static ngx_int_t ngx_http_websocket_hub_put_off(
    ngx_http_websocket_channel_t *channel,
    ngx_http_websocket_delivery_t *delivery, ngx_queue_t *q);
static void ngx_http_websocket_hub_done(
    ngx_http_websocket_channel_t *channel);
static void ngx_http_websocket_hub_delivered(
    ngx_http_websocket_zone_t *zone, ngx_http_websocket_delivery_t *delivery);
static void ngx_http_websocket_hub_measure(ngx_http_websocket_zone_t *zone,
    ngx_http_websocket_delivery_t *delivery);
static ngx_int_t ngx_http_websocket_hub_broken(
    ngx_http_websocket_channel_t *channel, int rc);


/* one for all zones: a channel is read and delivered before the next */

static u_char                       ngx_http_websocket_batch[
                                        NGX_HTTP_WEBSOCKET_BATCH_SIZE];
static ngx_websocket_store_message_t  ngx_http_websocket_messages[
                                        NGX_HTTP_WEBSOCKET_BATCH];
static uint64_t                     ngx_http_websocket_deliveries;

static ngx_http_websocket_rest_t   *ngx_http_websocket_spare_rest;


ngx_int_t
ngx_http_websocket_hub_init(ngx_http_websocket_zone_t *zone,
    ngx_cycle_t *cycle, const ngx_http_websocket_subscriber_t *subscriber)
{
    ngx_http_websocket_hub_t  *hub;

    hub = ngx_pcalloc(cycle->pool, sizeof(ngx_http_websocket_hub_t));
    if (hub == NULL) {
        return NGX_ERROR;
    }

    hub->buckets = ngx_calloc(NGX_HTTP_WEBSOCKET_BUCKETS_MIN
                              * sizeof(ngx_http_websocket_channel_t *),
                              cycle->log);
    if (hub->buckets == NULL) {
        return NGX_ERROR;
    }

    hub->mask = NGX_HTTP_WEBSOCKET_BUCKETS_MIN - 1;
    hub->subscriber = subscriber;

    ngx_queue_init(&hub->dirty);
    ngx_queue_init(&hub->catching_up);

    hub->hints = ngx_websocket_store_hints(zone->store);
    hub->repairs = ngx_websocket_store_repairs(zone->store);

    hub->dummy.fd = (ngx_socket_t) -1;
    hub->dummy.data = zone;

    hub->event.handler = ngx_http_websocket_hub_event;
    hub->event.data = &hub->dummy;
    hub->event.log = cycle->log;

    hub->catch_up.handler = ngx_http_websocket_hub_catch_up;
    hub->catch_up.data = &hub->dummy;
    hub->catch_up.log = cycle->log;

    zone->hub = hub;

    return NGX_OK;
}


ngx_int_t
ngx_http_websocket_hub_subscribe(ngx_http_websocket_zone_t *zone,
    ngx_http_websocket_begin_t *begin,
    ngx_http_websocket_subscription_t *subscription)
{
    int                                   rc;
    ngx_str_t                             name;
    ngx_http_websocket_catch_up_t        *catch_up;
    ngx_http_websocket_zone_subscribe_t   zs;

    /* what was subscribed need not be undone */

    if (ngx_http_websocket_hub_prepare(zone->hub, ngx_cycle->log) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_memzero(&zs, sizeof(ngx_http_websocket_zone_subscribe_t));

    ngx_http_websocket_channel_name(subscription->name, &name);

    zs.name = &name;
    zs.history = begin->history;
    zs.replay = &begin->replay;
    zs.find = ngx_http_websocket_hub_cursor;
    zs.messages = ngx_http_websocket_messages;
    zs.n = begin->defer || ngx_http_websocket_turn_over()
           ? 0 : NGX_HTTP_WEBSOCKET_BATCH;
    zs.buf = ngx_http_websocket_batch;
    zs.size = NGX_HTTP_WEBSOCKET_BATCH_SIZE;

    rc = ngx_http_websocket_zone_subscribe(zone, &zs);

    if (rc != NGX_WEBSOCKET_STORE_OK) {
        return rc == NGX_WEBSOCKET_STORE_BUSY ? NGX_AGAIN : NGX_DECLINED;
    }

    catch_up = zone->hub->spare_catch_up;
    zone->hub->spare_catch_up = NULL;

    subscription->channel = ngx_http_websocket_hub_channel(zone, &zs,
                                                          subscription->name);
    subscription->active = 1;
    subscription->catch_up = catch_up;
    subscription->offset = zs.position.offset;
    subscription->member = 0;

    ngx_memzero(catch_up, sizeof(ngx_http_websocket_catch_up_t));

    catch_up->cursor = zs.visitor;
    catch_up->subscription = subscription;

    ngx_queue_insert_tail(&subscription->channel->subscriptions,
                          &subscription->queue);

    begin->recovered = zs.recovered;
    begin->position = zs.position;

    ngx_http_websocket_hub_begin(subscription, &zs);

    return NGX_OK;
}


/* the memory that one more subscriber may need */

static ngx_int_t
ngx_http_websocket_hub_prepare(ngx_http_websocket_hub_t *hub, ngx_log_t *log)
{
    if (hub->spare_channel == NULL) {
        hub->spare_channel = ngx_alloc(sizeof(ngx_http_websocket_channel_t),
                                       log);
    }

    if (hub->spare_catch_up == NULL) {
        hub->spare_catch_up = ngx_alloc(sizeof(ngx_http_websocket_catch_up_t),
                                        log);
    }

    if (hub->spare_channel == NULL || hub->spare_catch_up == NULL) {
        return NGX_ERROR;
    }

    return ngx_http_websocket_hub_grow(hub, log);
}


/*
 * This worker's channel: the one that there is, or a new one.  The reference
 * to the name is taken over: all who are subscribed share the channel's.
 */

static ngx_http_websocket_channel_t *
ngx_http_websocket_hub_channel(ngx_http_websocket_zone_t *zone,
    ngx_http_websocket_zone_subscribe_t *zs,
    ngx_http_websocket_channel_name_t *name)
{
    ngx_http_websocket_channel_t  *channel;

    channel = ngx_http_websocket_hub_find(zone->hub, zs->ref);

    if (channel) {
        ngx_http_websocket_channel_name_release(name);
        return channel;
    }

    channel = zone->hub->spare_channel;
    zone->hub->spare_channel = NULL;

    ngx_memzero(channel, sizeof(ngx_http_websocket_channel_t));

    channel->zone = zone;
    channel->name = name;
    channel->ref = zs->ref;
    channel->cursor = zs->cursor;

    channel->debt.handler = ngx_http_websocket_hub_pay;

    ngx_queue_init(&channel->subscriptions);
    ngx_http_websocket_hub_insert(zone->hub, channel);

    return channel;
}


/* the messages that were read in the instant of subscribing */

static void
ngx_http_websocket_hub_begin(ngx_http_websocket_subscription_t *subscription,
    ngx_http_websocket_zone_subscribe_t *zs)
{
    const ngx_http_websocket_subscriber_t  *subscriber;

    subscriber = subscription->channel->zone->hub->subscriber;

    /* most often there is nothing to catch up with */

    if (zs->rc == NGX_WEBSOCKET_STORE_EMPTY && zs->n == 0) {
        ngx_http_websocket_hub_live(subscription, zs->visitor.next - 1);
        return;
    }

    if (ngx_http_websocket_hub_batch(subscription->channel, subscription,
                                     zs->messages, zs->n, zs->buf)
        != NGX_OK)
    {
        subscriber->broken(subscription, NGX_WEBSOCKET_STORE_GAP);
        return;
    }

    if (!subscription->active) {
        return;
    }

    if (zs->rc == NGX_WEBSOCKET_STORE_EMPTY) {
        ngx_http_websocket_hub_live(subscription, zs->visitor.next - 1);
        return;
    }

    if (subscriber->ready(subscription)) {
        ngx_http_websocket_hub_more(subscription);
    }
}


/* all until offset was delivered: what is new follows */

static void
ngx_http_websocket_hub_live(ngx_http_websocket_subscription_t *subscription,
    uint64_t offset)
{
    ngx_http_websocket_hub_t       *hub;
    ngx_http_websocket_catch_up_t  *catch_up;

    hub = subscription->channel->zone->hub;
    catch_up = subscription->catch_up;

    if (catch_up->queued) {
        ngx_queue_remove(&catch_up->queue);
    }

    if (hub->spare_catch_up == NULL) {
        hub->spare_catch_up = catch_up;

    } else {
        ngx_free(catch_up);
    }

    subscription->catch_up = NULL;
    subscription->offset = offset;
}


void
ngx_http_websocket_hub_more(ngx_http_websocket_subscription_t *subscription)
{
    ngx_http_websocket_hub_t       *hub;
    ngx_http_websocket_catch_up_t  *catch_up;

    catch_up = subscription->catch_up;

    if (catch_up == NULL || catch_up->queued) {
        return;
    }

    hub = subscription->channel->zone->hub;

    /* one batch each in a turn: who reads fast must not hold the others up */

    catch_up->queued = 1;
    ngx_queue_insert_tail(&hub->catching_up, &catch_up->queue);

    ngx_http_websocket_turn_next(&hub->catch_up);
}


static void
ngx_http_websocket_hub_catch_up(ngx_event_t *ev)
{
    ngx_queue_t                     end, *q;
    ngx_connection_t               *c;
    ngx_http_websocket_hub_t       *hub;
    ngx_http_websocket_zone_t      *zone;
    ngx_http_websocket_catch_up_t  *catch_up;

    c = ev->data;
    zone = c->data;
    hub = zone->hub;

    if (zone->wait.stuck) {
        return;
    }

    if (ngx_queue_empty(&hub->catching_up)) {

        /* nobody came back since the last turn */

        ngx_http_websocket_recent_forget();
        return;
    }

    /* who is not reached now comes before those who get more */

    ngx_queue_insert_tail(&hub->catching_up, &end);
    ngx_http_websocket_turn_loop();

    for (q = ngx_queue_head(&hub->catching_up);
         q != &end;
         q = ngx_queue_head(&hub->catching_up))
    {
        catch_up = ngx_queue_data(q, ngx_http_websocket_catch_up_t, queue);

        ngx_queue_remove(q);
        catch_up->queued = 0;

        ngx_http_websocket_hub_catch_up_one(catch_up->subscription);

        if (ngx_http_websocket_turn_step(NGX_HTTP_WEBSOCKET_READ_STEPS)) {
            break;
        }
    }

    ngx_queue_remove(&end);

    ngx_http_websocket_turn_next(ev);
}


static void
ngx_http_websocket_hub_catch_up_one(
    ngx_http_websocket_subscription_t *subscription)
{
    const ngx_http_websocket_subscriber_t  *subscriber;

    subscriber = subscription->channel->zone->hub->subscriber;

    if (ngx_http_websocket_hub_catch_up_read(subscription)
        && subscriber->ready(subscription))
    {
        ngx_http_websocket_hub_more(subscription);
    }
}


/* returns 1 when there may be more */

static ngx_uint_t
ngx_http_websocket_hub_catch_up_read(
    ngx_http_websocket_subscription_t *subscription)
{
    int                            rc;
    ngx_http_websocket_hub_t      *hub;
    ngx_websocket_store_cursor_t  *cursor;

    hub = subscription->channel->zone->hub;
    cursor = &subscription->catch_up->cursor;

    rc = ngx_http_websocket_hub_read_batch(subscription->channel, cursor,
                                           subscription);

    if (!subscription->active) {
        return 0;
    }

    switch (rc) {

    case NGX_WEBSOCKET_STORE_EMPTY:
        ngx_http_websocket_hub_live(subscription, cursor->next - 1);
        return 0;

    case NGX_WEBSOCKET_STORE_GAP:
    case NGX_WEBSOCKET_STORE_DELETED:
        hub->subscriber->broken(subscription, rc);
        return 0;

    default:  /* OK, SHORT, BUSY */
        return 1;
    }
}


static ngx_websocket_store_cursor_t *
ngx_http_websocket_hub_cursor(ngx_http_websocket_zone_t *zone,
    ngx_websocket_channel_ref_t ref)
{
    ngx_http_websocket_channel_t  *channel;

    channel = ngx_http_websocket_hub_find(zone->hub, ref);

    return channel ? &channel->cursor : NULL;
}


static ngx_http_websocket_channel_t *
ngx_http_websocket_hub_find(ngx_http_websocket_hub_t *hub,
    ngx_websocket_channel_ref_t ref)
{
    ngx_http_websocket_channel_t  *channel;

    for (channel = hub->buckets[ref & hub->mask];
         channel;
         channel = channel->next)
    {
        if (channel->ref == ref) {
            return channel;
        }
    }

    return NULL;
}


/* makes room for one channel more */

static ngx_int_t
ngx_http_websocket_hub_grow(ngx_http_websocket_hub_t *hub, ngx_log_t *log)
{
    ngx_uint_t                      i, n;
    ngx_http_websocket_channel_t   *channel, *next, **old, **buckets;

    n = hub->mask + 1;

    if (hub->nchannels < n) {
        return NGX_OK;
    }

    buckets = ngx_calloc(2 * n * sizeof(ngx_http_websocket_channel_t *), log);
    if (buckets == NULL) {
        return NGX_ERROR;
    }

    old = hub->buckets;

    hub->buckets = buckets;
    hub->mask = 2 * n - 1;
    hub->nchannels = 0;

    if (hub->unseen) {
        hub->unseen = 2 * n;
    }

    for (i = 0; i < n; i++) {
        for (channel = old[i]; channel; channel = next) {
            next = channel->next;
            ngx_http_websocket_hub_insert(hub, channel);
        }
    }

    ngx_free(old);

    return NGX_OK;
}


static void
ngx_http_websocket_hub_insert(ngx_http_websocket_hub_t *hub,
    ngx_http_websocket_channel_t *channel)
{
    ngx_http_websocket_channel_t  **bucket;

    bucket = &hub->buckets[channel->ref & hub->mask];

    channel->next = *bucket;
    *bucket = channel;

    hub->nchannels++;
}


static void
ngx_http_websocket_hub_remove(ngx_http_websocket_hub_t *hub,
    ngx_http_websocket_channel_t *channel)
{
    ngx_http_websocket_channel_t  **p;

    p = &hub->buckets[channel->ref & hub->mask];

    while (*p != channel) {
        p = &(*p)->next;
    }

    *p = channel->next;

    hub->nchannels--;
}


void
ngx_http_websocket_hub_unsubscribe(
    ngx_http_websocket_subscription_t *subscription)
{
    ngx_http_websocket_channel_t  *channel;

    if (!subscription->active) {
        return;
    }

    channel = subscription->channel;

    if (subscription->catch_up) {
        ngx_http_websocket_hub_live(subscription, subscription->offset);
    }

    subscription->active = 0;
    subscription->name = ngx_http_websocket_channel_name_hold(channel->name);

    ngx_queue_remove(&subscription->queue);

    if (ngx_http_websocket_zone_unsubscribe(channel->zone, &channel->cursor)
        != NGX_OK)
    {
        channel->owed++;
        ngx_http_websocket_owe(channel->zone, &channel->debt);
    }

    ngx_http_websocket_turn_worked(NGX_HTTP_WEBSOCKET_READ_STEPS);

    ngx_http_websocket_hub_release(channel);
}


/* a channel whose subscribers left while the zone was stuck */

static ngx_int_t
ngx_http_websocket_hub_pay(ngx_http_websocket_waiter_t *debt)
{
    ngx_http_websocket_channel_t  *channel;

    channel = ngx_queue_data(debt, ngx_http_websocket_channel_t, debt);

    while (channel->owed) {

        if (ngx_http_websocket_zone_unsubscribe(channel->zone,
                                                &channel->cursor)
            != NGX_OK)
        {
            return NGX_BUSY;
        }

        channel->owed--;

        if (channel->owed && ngx_http_websocket_turn_over()) {
            return NGX_AGAIN;
        }
    }

    ngx_http_websocket_hub_release(channel);

    return NGX_OK;
}


static void
ngx_http_websocket_hub_release(ngx_http_websocket_channel_t *channel)
{
    if (channel->busy) {
        return;
    }

    /*
     * What is left is for nobody.  It must not outlive the last subscriber:
     * the zone may give the channel's number to another channel.
     */

    if (channel->rest
        && ngx_queue_head(&channel->subscriptions) == &channel->rest->place
        && ngx_queue_last(&channel->subscriptions) == &channel->rest->place)
    {
        ngx_queue_remove(&channel->rest->place);
        ngx_http_websocket_hub_delivered(channel->zone,
                                         &channel->rest->delivery);
        ngx_http_websocket_hub_done(channel);
    }

    if (channel->owed || !ngx_queue_empty(&channel->subscriptions)) {
        return;
    }

    ngx_http_websocket_hub_remove(channel->zone->hub, channel);

    if (channel->queued) {
        ngx_queue_remove(&channel->dirty);
    }

    ngx_http_websocket_channel_name_release(channel->name);
    ngx_free(channel);
}


ngx_http_websocket_channel_name_t *
ngx_http_websocket_hub_name(ngx_http_websocket_subscription_t *subscription)
{
    return subscription->active ? subscription->channel->name
                                : subscription->name;
}


int
ngx_http_websocket_hub_publish(ngx_http_websocket_zone_t *zone,
    ngx_http_websocket_publish_t *p)
{
    int  rc;

    rc = ngx_http_websocket_zone_publish(zone, p);

    ngx_http_websocket_hub_wake_self(zone, p->here);

    return rc;
}


int
ngx_http_websocket_hub_delete(ngx_http_websocket_zone_t *zone,
    ngx_str_t *name)
{
    int         rc;
    ngx_uint_t  here;

    rc = ngx_http_websocket_zone_delete(zone, name, &here);

    ngx_http_websocket_hub_wake_self(zone, here);

    return rc;
}


ngx_uint_t
ngx_http_websocket_hub_behind(ngx_http_websocket_zone_t *zone)
{
    return zone->hub && !zone->wait.stuck
           && (zone->hub->flooded || zone->hub->unseen
               || !ngx_queue_empty(&zone->hub->dirty));
}


void
ngx_http_websocket_hub_flooded(ngx_http_websocket_zone_t *zone)
{
    if (zone->hub && zone->hub->event.posted) {
        zone->hub->flooded = 1;
    }
}


/* this worker is one of those whom something was published for */

static void
ngx_http_websocket_hub_wake_self(ngx_http_websocket_zone_t *zone,
    ngx_uint_t here)
{
    if (here && zone->hub) {
        ngx_post_event(&zone->hub->event, &ngx_posted_events);
    }
}


ngx_int_t
ngx_http_websocket_hub_join(ngx_http_websocket_subscription_t *subscription,
    ngx_websocket_store_member_t *member, ngx_http_websocket_publish_t *p)
{
    int                             rc;
    ngx_http_websocket_zone_t      *zone;
    ngx_http_websocket_farewell_t  *farewell;

    if (!subscription->active || subscription->member) {
        return NGX_OK;
    }

    zone = subscription->channel->zone;

    farewell = ngx_alloc(sizeof(ngx_http_websocket_farewell_t),
                         ngx_cycle->log);
    if (farewell == NULL) {
        return NGX_DECLINED;
    }

    rc = ngx_http_websocket_zone_join(zone, subscription->channel->ref,
                                      member, p, &subscription->member);

    ngx_http_websocket_hub_wake_self(zone, p->here);

    if (rc != NGX_WEBSOCKET_STORE_OK) {
        ngx_free(farewell);
        return rc == NGX_WEBSOCKET_STORE_BUSY ? NGX_AGAIN : NGX_DECLINED;
    }

    farewell->next = zone->hub->farewells;
    zone->hub->farewells = farewell;

    return NGX_OK;
}


void
ngx_http_websocket_hub_leave(ngx_http_websocket_subscription_t *subscription,
    ngx_http_websocket_leave_message_pt leave_message)
{
    ngx_http_websocket_zone_t      *zone;
    ngx_http_websocket_farewell_t  *farewell;

    if (!subscription->active || subscription->member == 0) {
        return;
    }

    zone = subscription->channel->zone;

    farewell = zone->hub->farewells;
    zone->hub->farewells = farewell->next;

    ngx_memzero(farewell, sizeof(ngx_http_websocket_farewell_t));

    farewell->debt.handler = ngx_http_websocket_hub_part;
    farewell->zone = zone;
    farewell->leave_message = leave_message;
    farewell->ref = subscription->member;

    subscription->member = 0;

    if (ngx_http_websocket_hub_part(&farewell->debt) != NGX_OK) {
        ngx_http_websocket_owe(zone, &farewell->debt);
    }
}


/* frees it where it returns NGX_OK */

static ngx_int_t
ngx_http_websocket_hub_part(ngx_http_websocket_waiter_t *debt)
{
    ngx_uint_t                      here;
    ngx_http_websocket_farewell_t  *farewell;

    farewell = ngx_queue_data(debt, ngx_http_websocket_farewell_t, debt);

    if (ngx_http_websocket_zone_leave(farewell->zone, farewell->ref,
                                      farewell->leave_message, &here)
        != NGX_OK)
    {
        return NGX_BUSY;
    }

    ngx_http_websocket_hub_wake_self(farewell->zone, here);

    ngx_free(farewell);

    return NGX_OK;
}


ngx_uint_t
ngx_http_websocket_hub_reap_members(ngx_http_websocket_zone_t *zone,
    ngx_http_websocket_leave_message_pt leave_message)
{
    ngx_uint_t  n, here;

    for (n = 1; n <= NGX_HTTP_WEBSOCKET_REAP_MAX; n++) {

        if (!ngx_http_websocket_zone_reap_members(zone, leave_message,
                                                  &here)) {
            return 0;
        }

        ngx_http_websocket_hub_wake_self(zone, here);

        if (n % 8 == 0 && ngx_http_websocket_turn_over()) {
            break;
        }
    }

    return 1;
}


void
ngx_http_websocket_hub_resume(ngx_http_websocket_zone_t *zone)
{
    if (zone->hub) {
        ngx_post_event(&zone->hub->event, &ngx_posted_events);
        ngx_post_event(&zone->hub->catch_up, &ngx_posted_events);
    }
}


static void
ngx_http_websocket_hub_event(ngx_event_t *ev)
{
    ngx_connection_t  *c;

    c = ev->data;

    ngx_http_websocket_hub_deliver(c->data, 0);
}


void
ngx_http_websocket_hub_deliver(ngx_http_websocket_zone_t *zone,
    ngx_uint_t all)
{
    ngx_uint_t                     rests;
    ngx_queue_t                    end, *q;
    ngx_http_websocket_hub_t      *hub;
    ngx_http_websocket_channel_t  *channel;

    rests = 0;
    hub = zone->hub;
    hub->flooded = 0;

    if (hub->nchannels == 0) {
        hub->hints = ngx_websocket_store_hints(zone->store);
        hub->unseen = 0;
        return;
    }

    ngx_http_websocket_turn_loop();
    ngx_http_websocket_hub_look(hub, zone, all);

    if (ngx_queue_empty(&hub->dirty)) {
        goto done;
    }

    /*
     * One batch each: what is left after it comes, in the next turn, behind
     * those who are not reached in this one.
     */

    ngx_queue_insert_tail(&hub->dirty, &end);

    for (q = ngx_queue_head(&hub->dirty);
         q != &end;
         q = ngx_queue_head(&hub->dirty))
    {
        channel = ngx_queue_data(q, ngx_http_websocket_channel_t, dirty);

        ngx_queue_remove(q);
        channel->queued = 0;

        if (zone->wait.stuck && channel->rest == NULL) {

            /* what was read goes on, but no more is read */

            ngx_http_websocket_hub_dirty(hub, channel);
            continue;
        }

        rests |= ngx_http_websocket_hub_deliver_one(channel);

        if (ngx_http_websocket_turn_step(NGX_HTTP_WEBSOCKET_READ_STEPS)) {
            rests = 1;
            break;
        }
    }

    ngx_queue_remove(&end);

done:

    if (zone->wait.stuck ? rests
                         : hub->unseen || !ngx_queue_empty(&hub->dirty))
    {
        ngx_http_websocket_turn_next(&hub->event);
    }
}


/* a batch; returns 1 where this turn does not suffice for all of it */

static ngx_uint_t
ngx_http_websocket_hub_deliver_one(ngx_http_websocket_channel_t *channel)
{
    ngx_uint_t  rest;

    channel->busy = 1;

    if (ngx_http_websocket_hub_read(channel)) {
        ngx_http_websocket_hub_dirty(channel->zone->hub, channel);
    }

    rest = (channel->rest != NULL);

    channel->busy = 0;
    ngx_http_websocket_hub_release(channel);

    return rest;
}


/* finds the channels that have something new */

static void
ngx_http_websocket_hub_look(ngx_http_websocket_hub_t *hub,
    ngx_http_websocket_zone_t *zone, ngx_uint_t all)
{
    int                            rc;
    uint32_t                       offset;
    uint64_t                       repairs;
    ngx_websocket_channel_ref_t    ref;
    ngx_http_websocket_channel_t  *channel;

    repairs = ngx_websocket_store_repairs(zone->store);

    if (repairs != hub->repairs) {
        hub->repairs = repairs;
        all = 1;
    }

    for ( ;; ) {

        rc = ngx_websocket_store_hint(zone->store, &hub->hints, &ref, &offset);

        if (rc == NGX_WEBSOCKET_STORE_EMPTY) {
            break;
        }

        if (rc == NGX_WEBSOCKET_STORE_GAP) {
            all = 1;
            continue;
        }

        channel = ngx_http_websocket_hub_find(hub, ref);

        /* offsets are compared as numbers that wrap around */

        if (channel
            && (offset == 0
                || (int32_t) (offset - (uint32_t) channel->cursor.next) >= 0))
        {
            ngx_http_websocket_hub_dirty(hub, channel);
        }
    }

    if (all) {
        hub->unseen = hub->mask + 1;
    }

    ngx_http_websocket_hub_look_all(hub);
}


static void
ngx_http_websocket_hub_look_all(ngx_http_websocket_hub_t *hub)
{
    ngx_http_websocket_channel_t  *channel;

    while (hub->unseen) {

        channel = hub->buckets[--hub->unseen];

        for ( /* void */ ; channel; channel = channel->next) {
            ngx_http_websocket_hub_dirty(hub, channel);
        }

        if (ngx_http_websocket_turn_step(1)) {
            break;
        }
    }
}


static void
ngx_http_websocket_hub_dirty(ngx_http_websocket_hub_t *hub,
    ngx_http_websocket_channel_t *channel)
{
    if (!channel->queued) {
        channel->queued = 1;
        ngx_queue_insert_tail(&hub->dirty, &channel->dirty);
    }
}


/* delivers a batch of the channel's messages; 1 when there may be more */

static ngx_uint_t
ngx_http_websocket_hub_read(ngx_http_websocket_channel_t *channel)
{
    int  rc;

    rc = channel->rest ? ngx_http_websocket_hub_go_on(channel)
                       : ngx_http_websocket_hub_read_batch(channel,
                                                           &channel->cursor,
                                                           NULL);

    if (channel->rest) {

        /* messages that follow wait behind it, also those that come yet */

        channel->rest->rc = (rc == NGX_WEBSOCKET_STORE_EMPTY)
                            ? NGX_WEBSOCKET_STORE_OK : rc;
        return 1;
    }

    switch (rc) {

    case NGX_WEBSOCKET_STORE_EMPTY:
        return 0;

    case NGX_WEBSOCKET_STORE_GAP:

        /* all subscribers are told: who comes next does not miss it */

        ngx_http_websocket_zone_skip(channel->zone, &channel->cursor);
        ngx_http_websocket_hub_broken(channel, rc);

        return 1;

    case NGX_WEBSOCKET_STORE_DELETED:
        return ngx_http_websocket_hub_broken(channel, rc) == NGX_AGAIN;

    default:  /* OK, SHORT, BUSY */
        return 1;
    }
}


/* with what the last turn did not suffice for; returns what follows it */

static int
ngx_http_websocket_hub_go_on(ngx_http_websocket_channel_t *channel)
{
    int                         rc;
    ngx_queue_t                *q;
    ngx_http_websocket_rest_t  *rest;

    rest = channel->rest;
    rc = rest->rc;

    if (rest->delivery.n == 0) {

        /* who came after that was known is not told, but goes on */

        return ngx_http_websocket_hub_broken(channel, rc) == NGX_AGAIN
               ? rc : NGX_WEBSOCKET_STORE_OK;
    }

    /* what was kept of it by its number may be of others meanwhile */

    rest->delivery.number = ++ngx_http_websocket_deliveries;

    q = ngx_queue_next(&rest->place);
    ngx_queue_remove(&rest->place);

    q = ngx_http_websocket_hub_fan_out(channel, &rest->delivery, q);

    if (q != ngx_queue_sentinel(&channel->subscriptions)) {
        ngx_queue_insert_tail(q, &rest->place);
        return rc;
    }

    ngx_http_websocket_hub_delivered(channel->zone, &rest->delivery);
    ngx_http_websocket_hub_done(channel);

    return rc;
}


/*
 * For one subscription, or for all where it is NULL.  Returns what ended the
 * reading; GAP too when memory was refused.
 */

static int
ngx_http_websocket_hub_read_batch(ngx_http_websocket_channel_t *channel,
    ngx_websocket_store_cursor_t *cursor,
    ngx_http_websocket_subscription_t *subscription)
{
    int                             rc;
    ngx_uint_t                      n;
    ngx_websocket_store_message_t  *messages;

    n = NGX_HTTP_WEBSOCKET_BATCH;
    messages = ngx_http_websocket_messages;

    rc = ngx_http_websocket_zone_read(channel->zone, cursor, messages, &n,
                                      ngx_http_websocket_batch,
                                      NGX_HTTP_WEBSOCKET_BATCH_SIZE);

    if (rc == NGX_WEBSOCKET_STORE_SHORT && n == 0) {
        return ngx_http_websocket_hub_read_large(channel, cursor,
                                                 subscription,
                                                 messages[0].size);
    }

    if (ngx_http_websocket_hub_batch(channel, subscription, messages, n,
                                     ngx_http_websocket_batch)
        != NGX_OK)
    {
        return NGX_WEBSOCKET_STORE_GAP;
    }

    return rc;
}


/*
 * A message that is larger than the buffer of batches.  It may be gone when
 * there is a buffer for it: what is returned is of the second read.
 */

static int
ngx_http_websocket_hub_read_large(ngx_http_websocket_channel_t *channel,
    ngx_websocket_store_cursor_t *cursor,
    ngx_http_websocket_subscription_t *subscription, size_t size)
{
    int                            rc;
    u_char                        *buf;
    ngx_uint_t                     n;
    ngx_websocket_store_message_t  message;

    buf = ngx_alloc(size, ngx_cycle->log);
    if (buf == NULL) {
        return NGX_WEBSOCKET_STORE_GAP;
    }

    n = 1;

    rc = ngx_http_websocket_zone_read(channel->zone, cursor, &message, &n,
                                      buf, size);

    if (rc == NGX_WEBSOCKET_STORE_OK
        && ngx_http_websocket_hub_batch(channel, subscription, &message, 1,
                                        buf)
           != NGX_OK)
    {
        rc = NGX_WEBSOCKET_STORE_GAP;
    }

    ngx_free(buf);

    return rc;
}


/*
 * Messages that lie at p one behind the other: to each subscriber all of
 * them at once.
 */

static ngx_int_t
ngx_http_websocket_hub_batch(ngx_http_websocket_channel_t *channel,
    ngx_http_websocket_subscription_t *subscription,
    ngx_websocket_store_message_t *messages, ngx_uint_t n, u_char *p)
{
    ngx_int_t                       rc;
    ngx_uint_t                      i;
    ngx_http_websocket_zone_t      *zone;
    ngx_http_websocket_message_t   *message;
    ngx_http_websocket_delivery_t   delivery;

    /* the channel ends with its last subscriber, which a delivery may close */

    zone = channel->zone;

    delivery.number = ++ngx_http_websocket_deliveries;
    delivery.written = 0;

    for (i = 0; i < n; i++) {

        message = ngx_http_websocket_hub_message(channel, &messages[i], p,
                                                 subscription == NULL);
        if (message == NULL) {
            break;
        }

        delivery.messages[i] = message;
        p += messages[i].size;
    }

    delivery.n = i;
    rc = (i == n) ? NGX_OK : NGX_ERROR;

    if (i == 0) {
        return rc;
    }

    if (subscription == NULL) {

        if (ngx_http_websocket_hub_deliver_all(channel, &delivery)
            == NGX_AGAIN)
        {
            return rc;
        }

    } else {
        ngx_http_websocket_turn_worked(i);

        /* when nobody catches up any more what was read is forgotten */

        ngx_http_websocket_turn_next(&zone->hub->catch_up);

        subscription->offset = delivery.messages[i - 1]->offset;
        zone->hub->subscriber->deliver(subscription, &delivery, 0);
    }

    ngx_http_websocket_hub_delivered(zone, &delivery);

    return rc;
}


/* of the history several may be given the same one, one after the other */

static ngx_http_websocket_message_t *
ngx_http_websocket_hub_message(ngx_http_websocket_channel_t *channel,
    ngx_websocket_store_message_t *m, u_char *p, ngx_uint_t fresh)
{
    ngx_http_websocket_message_t  *message;

    if (!fresh) {
        message = ngx_http_websocket_recent_find(channel->cursor.epoch,
                                                 channel->ref, m->offset);
        if (message) {
            return message;
        }
    }

    message = ngx_http_websocket_message_alloc(m->type, m->size - m->meta,
                                               m->meta, ngx_cycle->log);
    if (message == NULL) {
        return NULL;
    }

    message->epoch = channel->cursor.epoch;
    message->offset = m->offset;
    message->source = m->source;
    message->frame.time = m->time;
    message->frame.fraction = m->fraction;
    message->frame.fresh = fresh;
    message->frame.channel = channel->ref;
    message->frame.priority = m->priority;

    ngx_memcpy(message->meta, p, m->meta);
    ngx_memcpy(message->payload, p + m->meta, message->size);

    if (!fresh) {
        ngx_http_websocket_recent_keep(message);
    }

    return message;
}


/* NGX_AGAIN when the rest of it, and the messages, were put off */

static ngx_int_t
ngx_http_websocket_hub_deliver_all(ngx_http_websocket_channel_t *channel,
    ngx_http_websocket_delivery_t *delivery)
{
    ngx_queue_t  *q;

    q = ngx_queue_head(&channel->subscriptions);

    do {
        q = ngx_http_websocket_hub_fan_out(channel, delivery, q);

        if (q == ngx_queue_sentinel(&channel->subscriptions)) {
            return NGX_OK;
        }

    } while (ngx_http_websocket_hub_put_off(channel, delivery, q) != NGX_OK);

    return NGX_AGAIN;
}


/* to those from q on: returns the one to go on with when the turn is over */

static ngx_queue_t *
ngx_http_websocket_hub_fan_out(ngx_http_websocket_channel_t *channel,
    ngx_http_websocket_delivery_t *delivery, ngx_queue_t *q)
{
    uint64_t                                first, last;
    ngx_int_t                               steps;
    ngx_uint_t                              i;
    ngx_queue_t                            *end;
    ngx_http_websocket_subscription_t      *s;
    const ngx_http_websocket_subscriber_t  *subscriber;

    subscriber = channel->zone->hub->subscriber;

    end = ngx_queue_sentinel(&channel->subscriptions);

    first = delivery->messages[0]->offset;
    last = delivery->messages[delivery->n - 1]->offset;

    steps = ngx_http_websocket_hub_steps(delivery);

    if (q == end) {
        return end;
    }

    do {
        s = ngx_queue_data(q, ngx_http_websocket_subscription_t, queue);
        q = ngx_queue_next(q);

        if (s->catch_up) {
            continue;
        }

        i = 0;

        if (s->offset >= first) {

            /* who came after a message was appended is not due it */

            if (s->offset >= last) {
                continue;
            }

            while (delivery->messages[i]->offset <= s->offset) {
                i++;
            }
        }

        s->offset = last;
        subscriber->deliver(s, delivery, i);

    } while (!ngx_http_websocket_turn_step(steps) && q != end);

    return q;
}


/* what one subscriber's copy costs, whom it is written to or queued for */

static ngx_int_t
ngx_http_websocket_hub_steps(ngx_http_websocket_delivery_t *delivery)
{
    size_t      size;
    ngx_uint_t  i;

    size = 0;

    for (i = 0; i < delivery->n; i++) {
        size += delivery->messages[i]->size;
    }

    return 1 + delivery->n / 8 + size / 2048;
}


/* without memory it cannot be: all is to be done now */

static ngx_int_t
ngx_http_websocket_hub_put_off(ngx_http_websocket_channel_t *channel,
    ngx_http_websocket_delivery_t *delivery, ngx_queue_t *q)
{
    ngx_http_websocket_rest_t  *rest;

    rest = ngx_http_websocket_spare_rest;
    ngx_http_websocket_spare_rest = NULL;

    if (rest == NULL) {
        rest = ngx_alloc(sizeof(ngx_http_websocket_rest_t), ngx_cycle->log);
        if (rest == NULL) {
            return NGX_ERROR;
        }
    }

    rest->delivery.n = 0;
    rest->delivery.written = 0;

    if (delivery) {
        rest->delivery = *delivery;
    }

    ngx_queue_insert_tail(q, &rest->place);
    channel->rest = rest;

    return NGX_OK;
}


/* nothing is left of it */

static void
ngx_http_websocket_hub_done(ngx_http_websocket_channel_t *channel)
{
    if (ngx_http_websocket_spare_rest == NULL) {
        ngx_http_websocket_spare_rest = channel->rest;

    } else {
        ngx_free(channel->rest);
    }

    channel->rest = NULL;
}


static void
ngx_http_websocket_hub_delivered(ngx_http_websocket_zone_t *zone,
    ngx_http_websocket_delivery_t *delivery)
{
    ngx_uint_t  i;

    if (delivery->written) {
        ngx_http_websocket_hub_measure(zone, delivery);
    }

    for (i = 0; i < delivery->n; i++) {
        ngx_http_websocket_message_release(delivery->messages[i]);
    }
}


/* the time until all in this worker had it who could take it at once */

static void
ngx_http_websocket_hub_measure(ngx_http_websocket_zone_t *zone,
    ngx_http_websocket_delivery_t *delivery)
{
    uint64_t                     now;
    ngx_uint_t                   i;
    ngx_http_websocket_frame_t  *frame;

    now = ngx_http_websocket_clock_now_us();

    for (i = 0; i < delivery->n; i++) {

        if (!delivery->messages[i]->written) {
            continue;
        }

        frame = &delivery->messages[i]->frame;

        ngx_http_websocket_stats_delivered(zone->stats,
                          now - ngx_http_websocket_clock_us(frame->time,
                                                           frame->fraction));
    }
}


/*
 * Tells all whom the channel has now, in as many turns as it takes: NGX_AGAIN
 * when there are more of them.  Who comes meanwhile comes behind them.
 */

static ngx_int_t
ngx_http_websocket_hub_broken(ngx_http_websocket_channel_t *channel, int rc)
{
    ngx_queue_t                        *q, *end;
    ngx_http_websocket_subscription_t  *s;

    end = channel->rest ? &channel->rest->place
                        : ngx_queue_sentinel(&channel->subscriptions);

    for (q = ngx_queue_head(&channel->subscriptions);
         q != end;
         q = ngx_queue_head(&channel->subscriptions))
    {
        s = ngx_queue_data(q, ngx_http_websocket_subscription_t, queue);

        channel->zone->hub->subscriber->broken(s, rc);

        if (!ngx_http_websocket_turn_step(1)) {
            continue;
        }

        if (channel->rest
            || ngx_http_websocket_hub_put_off(channel, NULL, end) == NGX_OK)
        {
            channel->rest->rc = rc;
            return NGX_AGAIN;
        }
    }

    if (channel->rest) {
        ngx_queue_remove(&channel->rest->place);
        ngx_http_websocket_hub_done(channel);
    }

    return NGX_OK;
}


#include "hub/ngx_http_websocket_hub.h"
#include "hub/ngx_http_websocket_turn.h"
#include "hub/ngx_http_websocket_worker.h"


#define NGX_HTTP_WEBSOCKET_BUCKETS_MIN   64

/* members of dead workers taken off in one turn: others are told of each */
#define NGX_HTTP_WEBSOCKET_BURIALS       128


/* a channel with subscribers in this worker */

struct ngx_http_websocket_channel_s {
    ngx_websocket_log_cursor_t      cursor;
    ngx_queue_t                     subscriptions;
    ngx_queue_t                     dirty;      /* in hub->dirty */
    ngx_http_websocket_zone_t      *zone;
    ngx_http_websocket_channel_t   *next;       /* in its bucket */
    ngx_websocket_channel_ref_t     ref;
    unsigned                        queued:1;   /* in hub->dirty */
    unsigned                        busy:1;     /* being delivered to */
};


/* a subscriber that is yet to be given what came before it */

struct ngx_http_websocket_catch_up_s {
    ngx_websocket_log_cursor_t           cursor;
    ngx_queue_t                          queue;     /* in hub->catching_up */
    ngx_http_websocket_subscription_t   *subscription;
    unsigned                             queued:1;
};


struct ngx_http_websocket_hub_s {
    const ngx_http_websocket_subscriber_t  *subscriber;

    ngx_http_websocket_channel_t  **buckets;
    ngx_uint_t                      mask;
    ngx_uint_t                      nchannels;

    ngx_queue_t                     dirty;      /* with messages to read */
    uint64_t                        hints;      /* read so far */
    uint64_t                        repairs;    /* of the log, seen so far */

    ngx_event_t                     event;      /* deliver in this turn */
    ngx_uint_t                      flooded;    /* much, and not yet */

    /* for the next subscriber */

    ngx_http_websocket_channel_t   *spare_channel;
    ngx_http_websocket_catch_up_t  *spare_catch_up;

    ngx_queue_t                     catching_up;    /* in the next one */
    ngx_event_t                     catch_up;
    ngx_connection_t                dummy;
};


static ngx_websocket_log_cursor_t *ngx_http_websocket_hub_cursor(
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
static void ngx_http_websocket_hub_event(ngx_event_t *ev);
static ngx_int_t ngx_http_websocket_hub_prepare(ngx_http_websocket_hub_t *hub,
    ngx_log_t *log);
static ngx_http_websocket_channel_t *ngx_http_websocket_hub_channel(
    ngx_http_websocket_zone_t *zone, ngx_http_websocket_zone_subscribe_t *s);
static void ngx_http_websocket_hub_begin(
    ngx_http_websocket_subscription_t *subscription,
    ngx_http_websocket_zone_subscribe_t *zs);
static void ngx_http_websocket_hub_catch_up(ngx_event_t *ev);
static ngx_uint_t ngx_http_websocket_hub_catch_up_read(
    ngx_http_websocket_subscription_t *subscription);
static void ngx_http_websocket_hub_live(
    ngx_http_websocket_subscription_t *subscription, uint64_t offset);
static void ngx_http_websocket_hub_told(ngx_http_websocket_zone_t *zone,
    ngx_uint_t here);
static void ngx_http_websocket_hub_look(ngx_http_websocket_hub_t *hub,
    ngx_http_websocket_zone_t *zone, ngx_uint_t all);
static void ngx_http_websocket_hub_look_all(ngx_http_websocket_hub_t *hub);
static void ngx_http_websocket_hub_dirty(ngx_http_websocket_hub_t *hub,
    ngx_http_websocket_channel_t *channel);
static ngx_uint_t ngx_http_websocket_hub_read(
    ngx_http_websocket_channel_t *channel);
static int ngx_http_websocket_hub_read_batch(
    ngx_http_websocket_channel_t *channel, ngx_websocket_log_cursor_t *cursor,
    ngx_http_websocket_subscription_t *subscription);
static int ngx_http_websocket_hub_read_large(
    ngx_http_websocket_channel_t *channel, ngx_websocket_log_cursor_t *cursor,
    ngx_http_websocket_subscription_t *subscription, size_t size);
static ngx_int_t ngx_http_websocket_hub_batch(
    ngx_http_websocket_channel_t *channel,
    ngx_http_websocket_subscription_t *subscription,
    ngx_websocket_log_message_t *messages, ngx_uint_t n, u_char *p);
static ngx_http_websocket_message_t *ngx_http_websocket_hub_message(
    ngx_http_websocket_channel_t *channel, ngx_websocket_log_message_t *m,
    u_char *p);
static void ngx_http_websocket_hub_fan_out(
    ngx_http_websocket_channel_t *channel,
    ngx_http_websocket_delivery_t *delivery);
static void ngx_http_websocket_hub_measure(ngx_http_websocket_zone_t *zone,
    ngx_http_websocket_delivery_t *delivery);
static void ngx_http_websocket_hub_broken(
    ngx_http_websocket_channel_t *channel, int rc);


/* one for all zones: a channel is read and delivered before the next */

static u_char                       ngx_http_websocket_batch[
                                        NGX_HTTP_WEBSOCKET_BATCH_SIZE];
static ngx_websocket_log_message_t  ngx_http_websocket_messages[
                                        NGX_HTTP_WEBSOCKET_BATCH];
static uint64_t                     ngx_http_websocket_deliveries;


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

    hub->hints = ngx_websocket_log_hints(zone->log);
    hub->repairs = ngx_websocket_log_repairs(zone->log);

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
    ngx_str_t *name, ngx_http_websocket_begin_t *begin,
    ngx_http_websocket_subscription_t *subscription)
{
    ngx_http_websocket_catch_up_t        *catch_up;
    ngx_http_websocket_zone_subscribe_t   zs;

    /* what was subscribed need not be undone */

    if (ngx_http_websocket_hub_prepare(zone->hub, ngx_cycle->log) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_memzero(&zs, sizeof(ngx_http_websocket_zone_subscribe_t));

    zs.name = name;
    zs.history = begin->history;
    zs.replay = &begin->replay;
    zs.find = ngx_http_websocket_hub_cursor;
    zs.messages = ngx_http_websocket_messages;
    zs.n = begin->defer ? 0 : NGX_HTTP_WEBSOCKET_BATCH;
    zs.buf = ngx_http_websocket_batch;
    zs.size = NGX_HTTP_WEBSOCKET_BATCH_SIZE;

    if (ngx_http_websocket_zone_subscribe(zone, &zs) != NGX_WEBSOCKET_LOG_OK) {
        return NGX_DECLINED;
    }

    catch_up = zone->hub->spare_catch_up;
    zone->hub->spare_catch_up = NULL;

    subscription->channel = ngx_http_websocket_hub_channel(zone, &zs);
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


/* this worker's channel: the one that there is, or a new one */

static ngx_http_websocket_channel_t *
ngx_http_websocket_hub_channel(ngx_http_websocket_zone_t *zone,
    ngx_http_websocket_zone_subscribe_t *zs)
{
    ngx_http_websocket_channel_t  *channel;

    channel = ngx_http_websocket_hub_find(zone->hub, zs->ref);

    if (channel) {
        return channel;
    }

    channel = zone->hub->spare_channel;
    zone->hub->spare_channel = NULL;

    ngx_memzero(channel, sizeof(ngx_http_websocket_channel_t));

    channel->zone = zone;
    channel->ref = zs->ref;
    channel->cursor = zs->cursor;

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

    if (zs->rc == NGX_WEBSOCKET_LOG_EMPTY && zs->n == 0) {
        ngx_http_websocket_hub_live(subscription, zs->visitor.next - 1);
        return;
    }

    if (ngx_http_websocket_hub_batch(subscription->channel, subscription,
                                     zs->messages, zs->n, zs->buf)
        != NGX_OK)
    {
        subscriber->broken(subscription, NGX_WEBSOCKET_LOG_GAP);
        return;
    }

    if (subscription->channel == NULL) {
        return;
    }

    if (zs->rc == NGX_WEBSOCKET_LOG_EMPTY) {
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

    ngx_post_event(&hub->catch_up, &ngx_posted_next_events);
}


static void
ngx_http_websocket_hub_catch_up(ngx_event_t *ev)
{
    ngx_queue_t                         turn, *q;
    ngx_connection_t                   *c;
    ngx_http_websocket_hub_t           *hub;
    ngx_http_websocket_zone_t          *zone;
    ngx_http_websocket_catch_up_t      *catch_up;
    ngx_http_websocket_subscription_t  *subscription;

    c = ev->data;
    zone = c->data;
    hub = zone->hub;

    if (ngx_queue_empty(&hub->catching_up)) {
        return;
    }

    ngx_queue_init(&turn);
    ngx_queue_add(&turn, &hub->catching_up);
    ngx_queue_init(&hub->catching_up);

    while (!ngx_queue_empty(&turn)) {

        q = ngx_queue_head(&turn);
        catch_up = ngx_queue_data(q, ngx_http_websocket_catch_up_t, queue);

        ngx_queue_remove(q);
        catch_up->queued = 0;

        subscription = catch_up->subscription;

        if (ngx_http_websocket_hub_catch_up_read(subscription)
            && hub->subscriber->ready(subscription))
        {
            ngx_http_websocket_hub_more(subscription);
        }
    }
}


/* returns 1 when there may be more */

static ngx_uint_t
ngx_http_websocket_hub_catch_up_read(
    ngx_http_websocket_subscription_t *subscription)
{
    int                          rc;
    ngx_http_websocket_hub_t    *hub;
    ngx_websocket_log_cursor_t  *cursor;

    hub = subscription->channel->zone->hub;
    cursor = &subscription->catch_up->cursor;

    rc = ngx_http_websocket_hub_read_batch(subscription->channel, cursor,
                                           subscription);

    if (subscription->channel == NULL) {
        return 0;
    }

    switch (rc) {

    case NGX_WEBSOCKET_LOG_EMPTY:
        ngx_http_websocket_hub_live(subscription, cursor->next - 1);
        return 0;

    case NGX_WEBSOCKET_LOG_GAP:
    case NGX_WEBSOCKET_LOG_DELETED:
        hub->subscriber->broken(subscription, rc);
        return 0;

    default:  /* OK, SHORT */
        return 1;
    }
}


void
ngx_http_websocket_hub_position(
    ngx_http_websocket_subscription_t *subscription,
    ngx_websocket_position_t *position)
{
    position->epoch = subscription->channel->cursor.epoch;
    position->offset = subscription->offset;
}


static ngx_websocket_log_cursor_t *
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

    channel = subscription->channel;

    if (channel == NULL) {
        return;
    }

    if (subscription->catch_up) {
        ngx_http_websocket_hub_live(subscription, subscription->offset);
    }

    subscription->channel = NULL;
    ngx_queue_remove(&subscription->queue);

    ngx_http_websocket_zone_unsubscribe(channel->zone, &channel->cursor);

    ngx_http_websocket_hub_release(channel);
}


static void
ngx_http_websocket_hub_release(ngx_http_websocket_channel_t *channel)
{
    if (channel->busy || !ngx_queue_empty(&channel->subscriptions)) {
        return;
    }

    ngx_http_websocket_hub_remove(channel->zone->hub, channel);

    if (channel->queued) {
        ngx_queue_remove(&channel->dirty);
    }

    ngx_free(channel);
}


int
ngx_http_websocket_hub_publish(ngx_http_websocket_zone_t *zone,
    ngx_str_t *name, ngx_websocket_log_history_t *history,
    ngx_websocket_log_message_t *message, ngx_websocket_log_part_t *parts,
    size_t n, ngx_websocket_log_info_t *info)
{
    int         rc;
    ngx_uint_t  here;

    rc = ngx_http_websocket_zone_publish(zone, name, history, message, parts,
                                         n, info, &here);

    ngx_http_websocket_hub_told(zone, here);

    return rc;
}


int
ngx_http_websocket_hub_delete(ngx_http_websocket_zone_t *zone,
    ngx_str_t *name)
{
    int         rc;
    ngx_uint_t  here;

    rc = ngx_http_websocket_zone_delete(zone, name, &here);

    ngx_http_websocket_hub_told(zone, here);

    return rc;
}


ngx_uint_t
ngx_http_websocket_hub_behind(ngx_http_websocket_zone_t *zone)
{
    return zone->hub
           && (zone->hub->flooded || !ngx_queue_empty(&zone->hub->dirty));
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
ngx_http_websocket_hub_told(ngx_http_websocket_zone_t *zone, ngx_uint_t here)
{
    if (here && zone->hub) {
        ngx_post_event(&zone->hub->event, &ngx_posted_events);
    }
}


ngx_int_t
ngx_http_websocket_hub_join(ngx_http_websocket_subscription_t *subscription,
    ngx_websocket_log_member_t *member, ngx_websocket_log_message_t *message,
    ngx_websocket_log_part_t *parts, size_t n)
{
    int                         rc;
    ngx_uint_t                  here;
    ngx_http_websocket_zone_t  *zone;

    if (subscription->channel == NULL || subscription->member) {
        return NGX_OK;
    }

    zone = subscription->channel->zone;

    rc = ngx_http_websocket_zone_join(zone, subscription->channel->ref,
                                      member, message, parts, n,
                                      &subscription->member, &here);

    ngx_http_websocket_hub_told(zone, here);

    return rc == NGX_WEBSOCKET_LOG_OK ? NGX_OK : NGX_DECLINED;
}


void
ngx_http_websocket_hub_leave(ngx_http_websocket_subscription_t *subscription,
    ngx_http_websocket_mourn_pt mourn)
{
    ngx_uint_t                  here;
    ngx_http_websocket_zone_t  *zone;

    if (subscription->channel == NULL || subscription->member == 0) {
        return;
    }

    zone = subscription->channel->zone;

    ngx_http_websocket_zone_leave(zone, subscription->member, mourn, &here);

    subscription->member = 0;

    ngx_http_websocket_hub_told(zone, here);
}


ngx_uint_t
ngx_http_websocket_hub_bury(ngx_http_websocket_zone_t *zone,
    ngx_http_websocket_mourn_pt mourn)
{
    ngx_uint_t  n, here;

    for (n = 1; n <= NGX_HTTP_WEBSOCKET_BURIALS; n++) {

        if (!ngx_http_websocket_zone_bury(zone, mourn, &here)) {
            return 0;
        }

        ngx_http_websocket_hub_told(zone, here);

        if (n % 8 == 0 && ngx_http_websocket_turn_over()) {
            break;
        }
    }

    return 1;
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
    ngx_queue_t                    turn, *q;
    ngx_http_websocket_hub_t      *hub;
    ngx_http_websocket_channel_t  *channel;

    hub = zone->hub;
    hub->flooded = 0;

    if (hub->nchannels == 0) {
        hub->hints = ngx_websocket_log_hints(zone->log);
        return;
    }

    ngx_http_websocket_hub_look(hub, zone, all);

    if (ngx_queue_empty(&hub->dirty)) {
        return;
    }

    /* one batch each: what is left after it waits for the next turn */

    ngx_queue_init(&turn);
    ngx_queue_add(&turn, &hub->dirty);
    ngx_queue_init(&hub->dirty);

    while (!ngx_queue_empty(&turn)) {

        q = ngx_queue_head(&turn);
        channel = ngx_queue_data(q, ngx_http_websocket_channel_t, dirty);

        ngx_queue_remove(q);
        channel->queued = 0;
        channel->busy = 1;

        if (ngx_http_websocket_hub_read(channel)) {
            ngx_http_websocket_hub_dirty(hub, channel);
        }

        channel->busy = 0;
        ngx_http_websocket_hub_release(channel);
    }

    if (!ngx_queue_empty(&hub->dirty)) {
        ngx_post_event(&hub->event, &ngx_posted_next_events);
    }
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

    repairs = ngx_websocket_log_repairs(zone->log);

    if (repairs != hub->repairs) {
        hub->repairs = repairs;
        all = 1;
    }

    for ( ;; ) {

        rc = ngx_websocket_log_hint(zone->log, &hub->hints, &ref, &offset);

        if (rc == NGX_WEBSOCKET_LOG_EMPTY) {
            break;
        }

        if (rc == NGX_WEBSOCKET_LOG_GAP) {
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
        ngx_http_websocket_hub_look_all(hub);
    }
}


static void
ngx_http_websocket_hub_look_all(ngx_http_websocket_hub_t *hub)
{
    ngx_uint_t                     i;
    ngx_http_websocket_channel_t  *channel;

    for (i = 0; i <= hub->mask; i++) {
        for (channel = hub->buckets[i]; channel; channel = channel->next) {
            ngx_http_websocket_hub_dirty(hub, channel);
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

    rc = ngx_http_websocket_hub_read_batch(channel, &channel->cursor, NULL);

    switch (rc) {

    case NGX_WEBSOCKET_LOG_EMPTY:
        return 0;

    case NGX_WEBSOCKET_LOG_GAP:

        /* all subscribers are told: who comes next does not miss it */

        ngx_http_websocket_zone_skip(channel->zone, &channel->cursor);
        ngx_http_websocket_hub_broken(channel, rc);

        return 1;

    case NGX_WEBSOCKET_LOG_DELETED:
        ngx_http_websocket_hub_broken(channel, rc);

        return 0;

    default:  /* OK, SHORT */
        return 1;
    }
}


/*
 * For one subscription, or for all where it is NULL.  Returns what ended the
 * reading; GAP too when memory was refused.
 */

static int
ngx_http_websocket_hub_read_batch(ngx_http_websocket_channel_t *channel,
    ngx_websocket_log_cursor_t *cursor,
    ngx_http_websocket_subscription_t *subscription)
{
    int                           rc;
    ngx_uint_t                    n;
    ngx_websocket_log_message_t  *messages;

    n = NGX_HTTP_WEBSOCKET_BATCH;
    messages = ngx_http_websocket_messages;

    rc = ngx_http_websocket_zone_read(channel->zone, cursor, messages, &n,
                                      ngx_http_websocket_batch,
                                      NGX_HTTP_WEBSOCKET_BATCH_SIZE);

    if (rc == NGX_WEBSOCKET_LOG_SHORT && n == 0) {
        return ngx_http_websocket_hub_read_large(channel, cursor,
                                                 subscription,
                                                 messages[0].size);
    }

    if (ngx_http_websocket_hub_batch(channel, subscription, messages, n,
                                     ngx_http_websocket_batch)
        != NGX_OK)
    {
        return NGX_WEBSOCKET_LOG_GAP;
    }

    return rc;
}


/*
 * A message that is larger than the buffer of batches.  It may be gone when
 * there is a buffer for it: what is returned is of the second read.
 */

static int
ngx_http_websocket_hub_read_large(ngx_http_websocket_channel_t *channel,
    ngx_websocket_log_cursor_t *cursor,
    ngx_http_websocket_subscription_t *subscription, size_t size)
{
    int                           rc;
    u_char                       *buf;
    ngx_uint_t                    n;
    ngx_websocket_log_message_t   message;

    buf = ngx_alloc(size, ngx_cycle->log);
    if (buf == NULL) {
        return NGX_WEBSOCKET_LOG_GAP;
    }

    n = 1;

    rc = ngx_http_websocket_zone_read(channel->zone, cursor, &message, &n,
                                      buf, size);

    if (rc == NGX_WEBSOCKET_LOG_OK
        && ngx_http_websocket_hub_batch(channel, subscription, &message, 1,
                                        buf)
           != NGX_OK)
    {
        rc = NGX_WEBSOCKET_LOG_GAP;
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
    ngx_websocket_log_message_t *messages, ngx_uint_t n, u_char *p)
{
    ngx_uint_t                      i;
    ngx_http_websocket_message_t   *message;
    ngx_http_websocket_delivery_t   delivery;

    delivery.number = ++ngx_http_websocket_deliveries;
    delivery.written = 0;

    for (i = 0; i < n; i++) {

        message = ngx_http_websocket_hub_message(channel, &messages[i], p);
        if (message == NULL) {
            break;
        }

        message->frame.fresh = (subscription == NULL);

        delivery.messages[i] = message;
        p += messages[i].size;
    }

    delivery.n = i;

    if (i == 0) {
        /* void */

    } else if (subscription == NULL) {
        ngx_http_websocket_hub_fan_out(channel, &delivery);

        if (delivery.written) {
            ngx_http_websocket_hub_measure(channel->zone, &delivery);
        }

    } else {
        subscription->offset = delivery.messages[i - 1]->offset;
        channel->zone->hub->subscriber->deliver(subscription, &delivery, 0);
    }

    for (i = 0; i < delivery.n; i++) {
        ngx_http_websocket_message_release(delivery.messages[i]);
    }

    return delivery.n == n ? NGX_OK : NGX_ERROR;
}


static ngx_http_websocket_message_t *
ngx_http_websocket_hub_message(ngx_http_websocket_channel_t *channel,
    ngx_websocket_log_message_t *m, u_char *p)
{
    ngx_http_websocket_message_t  *message;

    message = ngx_http_websocket_message_create(m->type, m->size - m->meta,
                                                ngx_cycle->log);
    if (message == NULL) {
        return NULL;
    }

    message->epoch = channel->cursor.epoch;
    message->offset = m->offset;
    message->source = m->source;
    message->frame.time = m->time;
    message->frame.fraction = m->fraction;
    message->frame.channel = channel->ref;
    message->frame.priority = m->priority;

    /* valid as long as the batch, which is the delivery */

    message->meta = p;
    message->meta_size = m->meta;

    ngx_memcpy(message->payload, p + m->meta, message->size);

    return message;
}


static void
ngx_http_websocket_hub_fan_out(ngx_http_websocket_channel_t *channel,
    ngx_http_websocket_delivery_t *delivery)
{
    uint64_t                                first, last;
    ngx_uint_t                              i;
    ngx_queue_t                            *q, *next;
    ngx_http_websocket_subscription_t      *s;
    const ngx_http_websocket_subscriber_t  *subscriber;

    subscriber = channel->zone->hub->subscriber;

    first = delivery->messages[0]->offset;
    last = delivery->messages[delivery->n - 1]->offset;

    for (q = ngx_queue_head(&channel->subscriptions);
         q != ngx_queue_sentinel(&channel->subscriptions);
         q = next)
    {
        next = ngx_queue_next(q);
        s = ngx_queue_data(q, ngx_http_websocket_subscription_t, queue);

        if (s->offset >= last || s->catch_up) {
            continue;
        }

        i = 0;

        if (s->offset >= first) {

            /* who came after a message was appended is not due it */

            while (delivery->messages[i]->offset <= s->offset) {
                i++;
            }
        }

        s->offset = last;
        subscriber->deliver(s, delivery, i);
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

    now = ngx_http_websocket_zone_now_us();

    for (i = 0; i < delivery->n; i++) {

        if (!delivery->messages[i]->written) {
            continue;
        }

        frame = &delivery->messages[i]->frame;

        ngx_http_websocket_stats_delivered(zone->stats,
                          now - ngx_http_websocket_zone_us(frame->time,
                                                           frame->fraction));
    }
}


static void
ngx_http_websocket_hub_broken(ngx_http_websocket_channel_t *channel, int rc)
{
    ngx_queue_t                        *q, *next;
    ngx_http_websocket_subscription_t  *s;

    for (q = ngx_queue_head(&channel->subscriptions);
         q != ngx_queue_sentinel(&channel->subscriptions);
         q = next)
    {
        next = ngx_queue_next(q);
        s = ngx_queue_data(q, ngx_http_websocket_subscription_t, queue);

        channel->zone->hub->subscriber->broken(s, rc);
    }
}

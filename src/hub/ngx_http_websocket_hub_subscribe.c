
#include "hub/ngx_http_websocket_hub_subscribe.h"
#include "clock/ngx_http_websocket_turn.h"
#include "hub/ngx_http_websocket_hub_channels.h"
#include "hub/ngx_http_websocket_hub_deliver.h"
#include "hub/ngx_http_websocket_hub_private.h"
#include "hub/ngx_http_websocket_recent.h"


static ngx_int_t ngx_http_websocket_hub_prepare(ngx_http_websocket_hub_t *hub,
    ngx_log_t *log);
static ngx_http_websocket_channel_t *ngx_http_websocket_hub_channel(
    ngx_http_websocket_zone_t *zone, ngx_http_websocket_zone_subscribe_t *zs,
    ngx_http_websocket_channel_name_t *name);
static void ngx_http_websocket_hub_begin(
    ngx_http_websocket_subscription_t *subscription,
    ngx_http_websocket_zone_subscribe_t *zs);
static ngx_int_t ngx_http_websocket_hub_rewind_to(
    ngx_http_websocket_subscription_t *subscription,
    ngx_websocket_store_cursor_t *cursor);
static void ngx_http_websocket_hub_live(
    ngx_http_websocket_subscription_t *subscription, uint64_t offset);
static void ngx_http_websocket_hub_catch_up_one(
    ngx_http_websocket_subscription_t *subscription);
static ngx_uint_t ngx_http_websocket_hub_catch_up_read(
    ngx_http_websocket_subscription_t *subscription);
static ngx_int_t ngx_http_websocket_hub_pay(
    ngx_http_websocket_waiter_t *debt);


ngx_int_t
ngx_http_websocket_hub_subscribe(ngx_http_websocket_zone_t *zone,
    ngx_http_websocket_begin_t *begin,
    ngx_http_websocket_subscription_t *subscription)
{
    int                                   rc;
    ngx_http_websocket_catch_up_t        *catch_up;
    ngx_http_websocket_zone_subscribe_t   zs;

    /* nothing in the zone is to be undone */

    if (ngx_http_websocket_hub_prepare(zone->hub, ngx_cycle->log) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_memzero(&zs, sizeof(ngx_http_websocket_zone_subscribe_t));

    zs.name = &subscription->name->text;
    zs.history = begin->history;
    zs.replay = &begin->replay;
    zs.find = ngx_http_websocket_hub_cursor;
    zs.messages = ngx_http_websocket_hub_messages;
    zs.n = begin->defer || ngx_http_websocket_turn_over()
           ? 0 : NGX_HTTP_WEBSOCKET_BATCH;
    zs.buf = ngx_http_websocket_hub_buffer;
    zs.size = NGX_HTTP_WEBSOCKET_BATCH_SIZE;

    rc = ngx_http_websocket_zone_subscribe(zone, &zs);

    if (rc != NGX_WEBSOCKET_STORE_OK) {
        return rc == NGX_WEBSOCKET_STORE_BUSY ? NGX_HTTP_WEBSOCKET_ROOM_STUCK
                                              : NGX_HTTP_WEBSOCKET_ROOM_FULL;
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
    catch_up->only = begin->only != 0;

    ngx_queue_insert_tail(&subscription->channel->subscriptions,
                          &subscription->queue);

    begin->recovered = zs.recovered;
    begin->over = zs.over
                  || (begin->only && zs.n == 0
                      && zs.rc == NGX_WEBSOCKET_STORE_EMPTY);
    begin->keeps = zs.keeps;
    begin->position = zs.position;

    ngx_http_websocket_hub_begin(subscription, &zs);

    return NGX_OK;
}


/* allocates what one more subscriber may need, before the zone is changed */

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
 * Returns this worker's channel: the one that there is, or a new one.  Takes
 * over the reference to the name: all subscriptions share the channel's.
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


/* delivers the messages that were read at the instant of subscribing */

static void
ngx_http_websocket_hub_begin(ngx_http_websocket_subscription_t *subscription,
    ngx_http_websocket_zone_subscribe_t *zs)
{
    ngx_uint_t                              only;
    const ngx_http_websocket_subscriber_t  *subscriber;

    subscriber = ngx_http_websocket_hub_kind_of(subscription);
    only = subscription->catch_up->only;

    /* most often there is nothing to catch up with */

    if (zs->rc == NGX_WEBSOCKET_STORE_EMPTY && zs->n == 0 && !only) {
        ngx_http_websocket_hub_live(subscription, zs->visitor.next - 1);
        subscriber->live(subscription);
        return;
    }

    /* a channel that has ended has no more: the next turn says so */

    if (zs->n
        && ngx_http_websocket_hub_batch(subscription->channel, subscription,
                                        zs->messages, zs->n, zs->buf)
           != NGX_OK)
    {
        subscriber->broken(subscription, NGX_WEBSOCKET_STORE_GAP);
        return;
    }

    if (!subscription->active) {
        return;
    }

    if (zs->rc == NGX_WEBSOCKET_STORE_EMPTY && !only) {
        ngx_http_websocket_hub_live(subscription, zs->visitor.next - 1);
        subscriber->live(subscription);
        return;
    }

    if (subscriber->ready(subscription)) {
        ngx_http_websocket_hub_more(subscription);
    }
}


/* everything until offset was delivered: what is new follows */

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


ngx_int_t
ngx_http_websocket_hub_rewind(
    ngx_http_websocket_subscription_t *subscription, ngx_uint_t newest)
{
    int                            rc;
    uint64_t                       next;
    ngx_str_t                     *name;
    ngx_websocket_store_info_t     info;
    ngx_websocket_store_cursor_t   cursor;
    ngx_http_websocket_zone_t     *zone;

    if (!subscription->active || newest == 0) {
        return NGX_OK;
    }

    zone = subscription->channel->zone;
    name = &subscription->channel->name->text;

    next = subscription->catch_up ? subscription->catch_up->cursor.next
                                  : subscription->offset + 1;

    rc = ngx_http_websocket_zone_seek(zone, name, UINT64_MAX, &cursor, &info);

    if (rc != NGX_WEBSOCKET_STORE_BUSY && rc != NGX_WEBSOCKET_STORE_NOTFOUND) {
        rc = ngx_http_websocket_zone_seek(zone, name,
                                          info.offset + 1
                                          - ngx_min(newest, info.length),
                                          &cursor, &info);
    }

    if (rc == NGX_WEBSOCKET_STORE_BUSY) {
        return NGX_AGAIN;
    }

    /* subscribers of a channel that was deleted are told so */

    if (rc == NGX_WEBSOCKET_STORE_NOTFOUND
        || info.epoch != subscription->channel->cursor.epoch
        || cursor.next >= next)
    {
        return NGX_OK;
    }

    return ngx_http_websocket_hub_rewind_to(subscription, &cursor);
}


static ngx_int_t
ngx_http_websocket_hub_rewind_to(
    ngx_http_websocket_subscription_t *subscription,
    ngx_websocket_store_cursor_t *cursor)
{
    ngx_http_websocket_catch_up_t  *catch_up;

    catch_up = subscription->catch_up;

    if (catch_up == NULL) {
        catch_up = ngx_calloc(sizeof(ngx_http_websocket_catch_up_t),
                              ngx_cycle->log);
        if (catch_up == NULL) {
            return NGX_ERROR;
        }

        catch_up->subscription = subscription;
        subscription->catch_up = catch_up;
    }

    catch_up->cursor = *cursor;
    subscription->offset = cursor->next - 1;

    if (ngx_http_websocket_hub_kind_of(subscription)->ready(subscription)) {
        ngx_http_websocket_hub_more(subscription);
    }

    return NGX_OK;
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

    /* one batch each in a turn: a fast reader must not hold the others up */

    catch_up->queued = 1;
    ngx_queue_insert_tail(&hub->catching_up, &catch_up->queue);

    ngx_http_websocket_turn_next(&hub->catch_up);
}


void
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

        /* no subscriber has become ready since the last turn */

        ngx_http_websocket_recent_forget();
        return;
    }

    /*
     * subscribers that are not reached now come before those that have got
     * something
     */

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

    subscriber = ngx_http_websocket_hub_kind_of(subscription);

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
    ngx_websocket_store_cursor_t  *cursor;

    cursor = &subscription->catch_up->cursor;

    rc = ngx_http_websocket_hub_read_batch(subscription->channel, cursor,
                                           subscription);

    if (!subscription->active) {
        return 0;
    }

    switch (rc) {

    case NGX_WEBSOCKET_STORE_EMPTY:

        if (subscription->catch_up->only) {
            ngx_http_websocket_hub_kind_of(subscription)->broken(subscription,
                                                  NGX_WEBSOCKET_STORE_ENDED);
            return 0;
        }

        ngx_http_websocket_hub_live(subscription, cursor->next - 1);
        ngx_http_websocket_hub_kind_of(subscription)->live(subscription);
        return 0;

    case NGX_WEBSOCKET_STORE_GAP:
    case NGX_WEBSOCKET_STORE_ENDED:
        ngx_http_websocket_hub_kind_of(subscription)->broken(subscription, rc);
        return 0;

    case NGX_WEBSOCKET_STORE_DELETED:

        /*
         * deleted, or begun anew: the channel's own cursor finds out, and all
         * are told
         */

        return 0;

    default:  /* OK, SHORT, BUSY */
        return 1;
    }
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

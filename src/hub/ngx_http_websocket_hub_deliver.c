
#include "hub/ngx_http_websocket_hub_deliver.h"
#include "clock/ngx_http_websocket_clock.h"
#include "clock/ngx_http_websocket_probe.h"
#include "clock/ngx_http_websocket_turn.h"
#include "hub/ngx_http_websocket_hub_channels.h"
#include "hub/ngx_http_websocket_hub_private.h"
#include "hub/ngx_http_websocket_recent.h"


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
static int ngx_http_websocket_hub_read_large(
    ngx_http_websocket_channel_t *channel,
    ngx_websocket_store_cursor_t *cursor,
    ngx_http_websocket_subscription_t *subscription, size_t size);
static ngx_http_websocket_message_t *ngx_http_websocket_hub_message(
    ngx_http_websocket_channel_t *channel, ngx_websocket_store_message_t *m,
    u_char *p, ngx_uint_t fresh);
static void ngx_http_websocket_hub_link(
    ngx_http_websocket_channel_t *channel,
    ngx_http_websocket_message_t *message);
static ngx_int_t ngx_http_websocket_hub_deliver_all(
    ngx_http_websocket_channel_t *channel,
    ngx_http_websocket_delivery_t *delivery);
static ngx_queue_t *ngx_http_websocket_hub_fan_out(
    ngx_http_websocket_channel_t *channel,
    ngx_http_websocket_delivery_t *delivery, ngx_queue_t *q);
static ngx_uint_t ngx_http_websocket_hub_due(
    ngx_http_websocket_message_t *message, uint64_t offset);
static ngx_int_t ngx_http_websocket_hub_steps(
    ngx_http_websocket_delivery_t *delivery);
static ngx_int_t ngx_http_websocket_hub_put_off(
    ngx_http_websocket_channel_t *channel,
    ngx_http_websocket_delivery_t *delivery, ngx_queue_t *q);
static void ngx_http_websocket_hub_measure(ngx_http_websocket_zone_t *zone,
    ngx_http_websocket_delivery_t *delivery);
static ngx_int_t ngx_http_websocket_hub_broken(
    ngx_http_websocket_channel_t *channel, int rc);


/*
 * for all zones: a channel is read and delivered before the next one is read
 */

u_char                              ngx_http_websocket_hub_buffer[
                                        NGX_HTTP_WEBSOCKET_BATCH_SIZE];
ngx_websocket_store_message_t       ngx_http_websocket_hub_messages[
                                        NGX_HTTP_WEBSOCKET_BATCH];
static uint64_t                     ngx_http_websocket_deliveries;

static ngx_http_websocket_rest_t   *ngx_http_websocket_spare_rest;


void
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
     * Delivers one batch of each channel.  What is left of a channel comes in
     * the next turn, behind the channels that are not reached in this one.
     */

    ngx_queue_insert_tail(&hub->dirty, &end);

    for (q = ngx_queue_head(&hub->dirty);
         q != &end;
         q = ngx_queue_head(&hub->dirty))
    {
        channel = ngx_queue_data(q, ngx_http_websocket_channel_t, dirty);

        ngx_queue_remove(q);
        channel->queued = 0;

        hub->alone = ngx_queue_head(&hub->dirty) == &end;

        if (zone->wait.stuck && channel->rest == NULL) {

            /*
             * messages that were read are still delivered, but no more are read
             */

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


/*
 * delivers a batch; returns 1 where this turn does not suffice for all of it
 */

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

        /*
         * messages that follow wait behind the rest, also those that are yet to
         * be published
         */

        channel->rest->rc = (rc == NGX_WEBSOCKET_STORE_EMPTY)
                            ? NGX_WEBSOCKET_STORE_OK : rc;
        return 1;
    }

    switch (rc) {

    case NGX_WEBSOCKET_STORE_EMPTY:
        return 0;

    case NGX_WEBSOCKET_STORE_GAP:

        /* all subscribers were told: one that comes now has missed nothing */

        ngx_http_websocket_zone_skip(channel->zone, &channel->cursor);
        ngx_http_websocket_hub_broken(channel, rc);

        return 1;

    case NGX_WEBSOCKET_STORE_DELETED:
    case NGX_WEBSOCKET_STORE_ENDED:
        return ngx_http_websocket_hub_broken(channel, rc) == NGX_AGAIN;

    default:  /* OK, SHORT, BUSY */
        return 1;
    }
}


/*
 * goes on with the rest of the last turn; returns the store's code that
 * followed it
 */

static int
ngx_http_websocket_hub_go_on(ngx_http_websocket_channel_t *channel)
{
    int                         rc;
    ngx_queue_t                *q;
    ngx_http_websocket_rest_t  *rest;

    rest = channel->rest;
    rc = rest->rc;

    if (rest->delivery.n == 0) {

        /*
         * a subscriber that came after the end was known is not told, but goes
         * on
         */

        return ngx_http_websocket_hub_broken(channel, rc) == NGX_AGAIN
               ? rc : NGX_WEBSOCKET_STORE_OK;
    }

    /*
     * messages that were kept by the channel's number may be another channel's
     * meanwhile
     */

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
 * Reads new messages and delivers them, to one subscription, or to all where
 * that is NULL.  Returns the store's code that ended the reading, GAP also when
 * memory was refused.
 */

int
ngx_http_websocket_hub_read_batch(ngx_http_websocket_channel_t *channel,
    ngx_websocket_store_cursor_t *cursor,
    ngx_http_websocket_subscription_t *subscription)
{
    int                             rc;
    ngx_uint_t                      n;
    ngx_websocket_store_message_t  *messages;

    n = NGX_HTTP_WEBSOCKET_BATCH;
    messages = ngx_http_websocket_hub_messages;

    rc = ngx_http_websocket_zone_read(channel->zone, cursor, messages, &n,
                                      ngx_http_websocket_hub_buffer,
                                      NGX_HTTP_WEBSOCKET_BATCH_SIZE);

    if (rc == NGX_WEBSOCKET_STORE_SHORT && n == 0) {
        return ngx_http_websocket_hub_read_large(channel, cursor,
                                                 subscription,
                                                 messages[0].size);
    }

    if (ngx_http_websocket_hub_batch(channel, subscription, messages, n,
                                     ngx_http_websocket_hub_buffer)
        != NGX_OK)
    {
        return NGX_WEBSOCKET_STORE_GAP;
    }

    return rc;
}


/*
 * Reads a message that is larger than the buffer of batches.  It may be gone by
 * the time that a buffer is allocated: the result is that of the second read.
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
 * Delivers messages that lie at p one behind the other: each subscriber is
 * given all of them at once.
 */

ngx_int_t
ngx_http_websocket_hub_batch(ngx_http_websocket_channel_t *channel,
    ngx_http_websocket_subscription_t *subscription,
    ngx_websocket_store_message_t *messages, ngx_uint_t n, u_char *p)
{
    ngx_int_t                       rc;
    ngx_uint_t                      i;
    ngx_http_websocket_zone_t      *zone;
    ngx_http_websocket_message_t   *message;
    ngx_http_websocket_delivery_t   delivery;

    /*
     * the channel is freed with its last subscriber, which a delivery may close
     */

    zone = channel->zone;

    delivery.number = ++ngx_http_websocket_deliveries;
    delivery.alone = zone->hub->alone;
    delivery.events = 0;
    delivery.written = 0;

    for (i = 0; i < n; i++) {

        message = ngx_http_websocket_hub_message(channel, &messages[i], p,
                                                 subscription == NULL);
        if (message == NULL) {
            break;
        }

        if (channel->chained && subscription == NULL) {
            ngx_http_websocket_hub_link(channel, message);
        }

        delivery.events |= message->event;
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

        /*
         * when nobody catches up any more, the messages that were kept are
         * dropped
         */

        ngx_http_websocket_turn_next(&zone->hub->catch_up);

        subscription->offset = delivery.messages[i - 1]->offset;
        ngx_http_websocket_hub_kind_of(subscription)->deliver(subscription,
                                                              &delivery, 0);
    }

    ngx_http_websocket_hub_delivered(zone, &delivery);

    return rc;
}


/*
 * several subscribers may be given the same message of the history, one after
 * the other
 */

static ngx_http_websocket_message_t *
ngx_http_websocket_hub_message(ngx_http_websocket_channel_t *channel,
    ngx_websocket_store_message_t *m, u_char *p, ngx_uint_t fresh)
{
    ngx_http_websocket_message_t  *message;

    if (!fresh) {
        message = ngx_http_websocket_recent_find(channel->cursor.epoch,
                                                 channel->ref, m->offset);
        if (message) {
            message->name = &channel->name->text;
            return message;
        }
    }

    message = ngx_http_websocket_message_read(m, p, ngx_cycle->log);
    if (message == NULL) {
        return NULL;
    }

    message->epoch = channel->cursor.epoch;
    message->name = &channel->name->text;
    message->frame.fresh = fresh;
    message->frame.channel = channel->ref;

    if (!fresh) {
        ngx_http_websocket_recent_keep(message);
    }

    return message;
}


/* messages that are not of the history are not before another */

static void
ngx_http_websocket_hub_link(ngx_http_websocket_channel_t *channel,
    ngx_http_websocket_message_t *message)
{
    if (message->ephemeral || message->event) {
        return;
    }

    message->prior = channel->last;

    channel->last = message;
    message->holders++;
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


/*
 * delivers to the subscribers from q on; returns the one to go on with when the
 * turn is over
 */

static ngx_queue_t *
ngx_http_websocket_hub_fan_out(ngx_http_websocket_channel_t *channel,
    ngx_http_websocket_delivery_t *delivery, ngx_queue_t *q)
{
    uint64_t                            first, last;
    ngx_int_t                           steps;
    ngx_uint_t                          i;
    ngx_queue_t                        *end;
    ngx_http_websocket_subscription_t  *s;

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

            /*
             * a message that was appended before the subscriber came is not for
             * it
             */

            while (i < delivery->n
                   && !ngx_http_websocket_hub_due(delivery->messages[i],
                                                  s->offset))
            {
                i++;
            }

            if (i == delivery->n) {
                continue;
            }
        }

        s->offset = last;
        ngx_http_websocket_hub_kind_of(s)->deliver(s, delivery, i);

    } while (!ngx_http_websocket_turn_step(steps) && q != end);

    return q;
}


/*
 * Whether a subscriber that was given all until offset is to have the message.
 * An ephemeral one bears the offset of the message before it: a subscriber that
 * comes just after it was appended may be given it, too, since its offset does
 * not tell which came first.
 */

static ngx_uint_t
ngx_http_websocket_hub_due(ngx_http_websocket_message_t *message,
    uint64_t offset)
{
    return message->ephemeral ? message->offset >= offset
                              : message->offset > offset;
}


/* steps of work for one subscriber's copy, which is written or queued */

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


/* without memory the rest cannot be put off: everything is done now */

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


/* the rest of the delivery was done */

void
ngx_http_websocket_hub_done(ngx_http_websocket_channel_t *channel)
{
    if (ngx_http_websocket_spare_rest == NULL) {
        ngx_http_websocket_spare_rest = channel->rest;

    } else {
        ngx_free(channel->rest);
    }

    channel->rest = NULL;
}


void
ngx_http_websocket_hub_delivered(ngx_http_websocket_zone_t *zone,
    ngx_http_websocket_delivery_t *delivery)
{
    ngx_uint_t                     i;
    ngx_http_websocket_message_t  *message;

    if (delivery->n) {
        ngx_http_websocket_probe4(delivered,
                                  delivery->messages[0]->name->data,
                                  delivery->messages[0]->name->len,
                                  delivery->messages[0]->offset, delivery->n);
    }

    if (delivery->written) {
        ngx_http_websocket_hub_measure(zone, delivery);
    }

    for (i = 0; i < delivery->n; i++) {

        message = delivery->messages[i];

        if (message->prior) {
            ngx_http_websocket_message_release(message->prior);
            message->prior = NULL;
        }

        ngx_http_websocket_message_release(message);
    }
}


/*
 * measures the time until all subscribers of this worker had the message that
 * could take it at once
 */

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

        ngx_http_websocket_histogram_add(&zone->stats->delivery,
                          now - ngx_http_websocket_clock_us(frame->time,
                                                           frame->fraction));
    }
}


/*
 * Tells all present subscribers of a channel, in as many turns as it takes:
 * NGX_AGAIN when there are more of them.  Those that come meanwhile come behind
 * them.  One that catches up with a channel that has ended finds the end by
 * itself.
 */

static ngx_int_t
ngx_http_websocket_hub_broken(ngx_http_websocket_channel_t *channel, int rc)
{
    ngx_queue_t                        *q, *end, *next;
    ngx_http_websocket_subscription_t  *s;

    end = channel->rest ? &channel->rest->place
                        : ngx_queue_sentinel(&channel->subscriptions);

    for (q = ngx_queue_head(&channel->subscriptions);
         q != end;
         q = next)
    {
        s = ngx_queue_data(q, ngx_http_websocket_subscription_t, queue);
        next = ngx_queue_next(q);

        if (rc == NGX_WEBSOCKET_STORE_ENDED && s->catch_up) {
            continue;
        }

        ngx_http_websocket_hub_kind_of(s)->broken(s, rc);

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

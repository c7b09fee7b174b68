
#include "hub/ngx_http_websocket_hub.h"
#include "hub/ngx_http_websocket_worker.h"


/*
 * What one channel may deliver before its subscribers' queues are written:
 * queues are bounded, and other channels wait.
 */

#define NGX_HTTP_WEBSOCKET_BATCH         64
#define NGX_HTTP_WEBSOCKET_BATCH_SIZE    65536

#define NGX_HTTP_WEBSOCKET_BUCKETS_MIN   64


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


struct ngx_http_websocket_hub_s {
    ngx_http_websocket_channel_t  **buckets;
    ngx_uint_t                      mask;
    ngx_uint_t                      nchannels;

    ngx_queue_t                     dirty;      /* with messages to read */
    uint64_t                        hints;      /* read so far */
    uint64_t                        repairs;    /* of the log, seen so far */

    ngx_event_t                     event;      /* deliver in this turn */
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
static void ngx_http_websocket_hub_look(ngx_http_websocket_hub_t *hub,
    ngx_http_websocket_zone_t *zone, ngx_uint_t all);
static void ngx_http_websocket_hub_look_all(ngx_http_websocket_hub_t *hub);
static void ngx_http_websocket_hub_dirty(ngx_http_websocket_hub_t *hub,
    ngx_http_websocket_channel_t *channel);
static ngx_uint_t ngx_http_websocket_hub_read(
    ngx_http_websocket_channel_t *channel);
static ngx_int_t ngx_http_websocket_hub_read_large(
    ngx_http_websocket_channel_t *channel, size_t size);
static ngx_int_t ngx_http_websocket_hub_batch(
    ngx_http_websocket_channel_t *channel,
    ngx_websocket_log_message_t *messages, ngx_uint_t n, u_char *p);
static void ngx_http_websocket_hub_fan_out(
    ngx_http_websocket_channel_t *channel,
    ngx_http_websocket_message_t *message);
static void ngx_http_websocket_hub_broken(
    ngx_http_websocket_channel_t *channel, int rc);


/* one for all zones: a channel is read and delivered before the next */

static u_char  ngx_http_websocket_batch[NGX_HTTP_WEBSOCKET_BATCH_SIZE];


ngx_int_t
ngx_http_websocket_hub_init(ngx_http_websocket_zone_t *zone,
    ngx_cycle_t *cycle)
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

    ngx_queue_init(&hub->dirty);

    hub->hints = ngx_websocket_log_hints(zone->log);
    hub->repairs = ngx_websocket_log_repairs(zone->log);

    hub->dummy.fd = (ngx_socket_t) -1;
    hub->dummy.data = zone;

    hub->event.handler = ngx_http_websocket_hub_event;
    hub->event.data = &hub->dummy;
    hub->event.log = cycle->log;

    zone->hub = hub;

    return NGX_OK;
}


ngx_int_t
ngx_http_websocket_hub_subscribe(ngx_http_websocket_zone_t *zone,
    ngx_str_t *name, ngx_websocket_log_history_t *history,
    ngx_http_websocket_subscription_t *subscription)
{
    int                            rc;
    ngx_log_t                     *log;
    ngx_http_websocket_hub_t      *hub;
    ngx_websocket_log_cursor_t     cursor;
    ngx_websocket_channel_ref_t    ref;
    ngx_http_websocket_channel_t  *channel, *spare;

    hub = zone->hub;
    log = ngx_cycle->log;

    /* allocated before, so that what was subscribed need not be undone */

    spare = ngx_alloc(sizeof(ngx_http_websocket_channel_t), log);
    if (spare == NULL || ngx_http_websocket_hub_grow(hub, log) != NGX_OK) {
        ngx_free(spare);
        return NGX_ERROR;
    }

    ngx_memzero(&cursor, sizeof(ngx_websocket_log_cursor_t));

    rc = ngx_http_websocket_zone_subscribe(zone, name, history,
                                           ngx_http_websocket_hub_cursor,
                                           &cursor, &ref,
                                           &subscription->offset);

    if (rc != NGX_WEBSOCKET_LOG_OK) {
        ngx_free(spare);
        return NGX_DECLINED;
    }

    channel = ngx_http_websocket_hub_find(hub, ref);

    if (channel == NULL) {
        channel = spare;
        spare = NULL;

        ngx_memzero(channel, sizeof(ngx_http_websocket_channel_t));

        channel->zone = zone;
        channel->ref = ref;
        channel->cursor = cursor;

        ngx_queue_init(&channel->subscriptions);
        ngx_http_websocket_hub_insert(hub, channel);
    }

    ngx_free(spare);

    subscription->channel = channel;
    ngx_queue_insert_tail(&channel->subscriptions, &subscription->queue);

    return NGX_OK;
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

    if (rc == NGX_WEBSOCKET_LOG_OK && here && zone->hub) {
        ngx_post_event(&zone->hub->event, &ngx_posted_events);
    }

    return rc;
}


int
ngx_http_websocket_hub_delete(ngx_http_websocket_zone_t *zone,
    ngx_str_t *name)
{
    int         rc;
    ngx_uint_t  here;

    rc = ngx_http_websocket_zone_delete(zone, name, &here);

    if (rc == NGX_WEBSOCKET_LOG_OK && here && zone->hub) {
        ngx_post_event(&zone->hub->event, &ngx_posted_events);
    }

    return rc;
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
    int                          rc;
    ngx_int_t                    delivered;
    ngx_uint_t                   n;
    ngx_websocket_log_message_t  messages[NGX_HTTP_WEBSOCKET_BATCH];

    n = NGX_HTTP_WEBSOCKET_BATCH;

    rc = ngx_http_websocket_zone_read(channel->zone, &channel->cursor,
                                      messages, &n, ngx_http_websocket_batch,
                                      NGX_HTTP_WEBSOCKET_BATCH_SIZE);

    delivered = ngx_http_websocket_hub_batch(channel, messages, n,
                                             ngx_http_websocket_batch);

    if (delivered == NGX_OK && rc == NGX_WEBSOCKET_LOG_SHORT && n == 0) {
        delivered = ngx_http_websocket_hub_read_large(channel,
                                                      messages[0].size);
    }

    if (delivered != NGX_OK) {
        rc = NGX_WEBSOCKET_LOG_GAP;
    }

    switch (rc) {

    case NGX_WEBSOCKET_LOG_EMPTY:
        return 0;

    case NGX_WEBSOCKET_LOG_GAP:
    case NGX_WEBSOCKET_LOG_DELETED:
        ngx_http_websocket_hub_broken(channel, rc);

        return 0;

    default:  /* OK, SHORT */
        return 1;
    }
}


/* a message that is larger than the buffer of batches */

static ngx_int_t
ngx_http_websocket_hub_read_large(ngx_http_websocket_channel_t *channel,
    size_t size)
{
    int                           rc;
    u_char                       *buf;
    ngx_int_t                     delivered;
    ngx_uint_t                    n;
    ngx_websocket_log_message_t   message;

    buf = ngx_alloc(size, ngx_cycle->log);
    if (buf == NULL) {
        return NGX_ERROR;
    }

    n = 1;

    rc = ngx_http_websocket_zone_read(channel->zone, &channel->cursor,
                                      &message, &n, buf, size);

    /* whatever else happened to it meanwhile is found by the next read */

    delivered = NGX_OK;

    if (rc == NGX_WEBSOCKET_LOG_OK) {
        delivered = ngx_http_websocket_hub_batch(channel, &message, 1, buf);
    }

    ngx_free(buf);

    return delivered;
}


static ngx_int_t
ngx_http_websocket_hub_batch(ngx_http_websocket_channel_t *channel,
    ngx_websocket_log_message_t *messages, ngx_uint_t n, u_char *p)
{
    ngx_uint_t                     i;
    ngx_websocket_log_message_t   *m;
    ngx_http_websocket_message_t  *message;

    for (i = 0; i < n; i++) {

        m = &messages[i];

        message = ngx_http_websocket_message_create(m->type,
                                                    m->size - m->meta,
                                                    ngx_cycle->log);
        if (message == NULL) {
            return NGX_ERROR;
        }

        message->offset = m->offset;
        message->time = m->time;
        message->source = m->source;
        message->priority = m->priority;

        ngx_memcpy(message->payload, p + m->meta, message->size);
        p += m->size;

        ngx_http_websocket_hub_fan_out(channel, message);

        ngx_http_websocket_frame_release(&message->frame);
    }

    return NGX_OK;
}


static void
ngx_http_websocket_hub_fan_out(ngx_http_websocket_channel_t *channel,
    ngx_http_websocket_message_t *message)
{
    ngx_queue_t                        *q, *next;
    ngx_http_websocket_subscription_t  *s;

    for (q = ngx_queue_head(&channel->subscriptions);
         q != ngx_queue_sentinel(&channel->subscriptions);
         q = next)
    {
        next = ngx_queue_next(q);
        s = ngx_queue_data(q, ngx_http_websocket_subscription_t, queue);

        /* who came after the message was appended is not due it */

        if (s->offset < message->offset) {
            s->offset = message->offset;
            s->handler->deliver(s, message);
        }
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

        s->handler->broken(s, rc);
    }
}
